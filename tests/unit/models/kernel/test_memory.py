"""Reclaim, the out-of-memory killer in a cgroup and of the machine, and pages that containers share, on small cases."""

from __future__ import annotations

import pytest

from models.kernel.memory import Memory
from models.kernel.memorygroups import MemoryGroup, Process
from models.kernel.oom import badness, oom_score_adj
from models.kernel.pagecache import ContainerFiles, FileKey

FILE = FileKey("base", "/lib")
OTHER = FileKey("base", "/data")
GIB = 2**30


def started(memory: Memory, group: MemoryGroup, namespace: int, pages: int, adj: int = 0) -> Process:
    process, _ = memory.start(group, namespace=namespace, oom_score_adj=adj)
    assert process is not None
    memory.grow(process, pages)
    return process


def test_file_pages_go_first_the_least_recently_used_before_others_and_active_ones_last() -> None:
    memory = Memory(10_000)
    group = memory.add_group("c", limit_pages=1000)
    process = started(memory, group, 1, 100)
    for now, key in ((1.0, FILE), (2.0, OTHER), (3.0, FILE)):
        memory.read(group, key, 300, now)
    outcome = memory.grow(process, 400)
    assert (outcome.reclaimed_pages, outcome.kills, process.resident_pages) == (101, [], 500)
    assert memory.cache.charged_pages() == {group.index: 499}
    memory.read(group, FILE, 300, 4.0)
    assert group.charged_pages == 1000, "the active file lost nothing"


def test_reclaim_stays_in_the_tree_of_the_group_that_ran_out() -> None:
    memory = Memory(10_000)
    mine, other = memory.add_group("mine", limit_pages=100), memory.add_group("other")
    memory.read(other, FILE, 500, 0.0)
    process = started(memory, mine, 1, 50)
    outcome = memory.grow(process, 100)
    assert outcome.reclaimed_pages == 0
    assert [kill.where for kill in outcome.kills] == [mine]
    assert memory.cache.physical_pages == 500


def test_v1_kills_the_worst_process_and_the_first_takes_its_namespace_along() -> None:
    memory = Memory(10_000, cgroup="v1")
    group = memory.add_group("c", limit_pages=100)
    shell = started(memory, group, 1, 10)
    child = started(memory, group, 1, 20)
    outcome = memory.grow(child, 100)
    assert outcome.kills[0].victims == (child,)
    assert shell.alive
    again = started(memory, group, 1, 5)
    kill = memory.grow(shell, 100).kills[0]
    assert kill.victims == (shell, again), "PID 1 takes the other along"
    assert group.charged_pages == 0


def test_v2_with_oom_group_kills_the_whole_container_but_the_protected() -> None:
    memory = Memory(10_000)
    pod = memory.add_group("pod", limit_pages=100)
    container = memory.add_group("c", pod, oom_group=True)
    beside = memory.add_group("d", pod, oom_group=True)
    processes = [started(memory, container, 1, 10), started(memory, container, 1, 20)]
    protected = started(memory, container, 2, 1, adj=-1000)
    neighbour = started(memory, beside, 3, 10)
    kill = memory.grow(processes[1], 100).kills[0]
    assert kill.where is pod
    assert sorted(each.pid for each in kill.victims) == [each.pid for each in processes]
    assert neighbour.alive
    assert protected.alive


def test_the_machine_runs_out_and_the_best_effort_dies_before_the_larger_guaranteed() -> None:
    memory = Memory(10_000)
    guaranteed = started(memory, memory.add_group("g"), 1, 8000, adj=-997)
    best_effort = started(memory, memory.add_group("b"), 2, 500, adj=1000)
    outcome = memory.grow(guaranteed, 1900)
    assert [kill.victims for kill in outcome.kills] == [(best_effort,)]
    assert [kill.where for kill in outcome.kills] == [memory.root]
    assert guaranteed.resident_pages == 9900


def test_nobody_may_be_killed() -> None:
    memory = Memory(100)
    process = started(memory, memory.add_group("c"), 1, 10, adj=-1000)
    assert memory.grow(process, 200).denied == "no-victim"


def test_a_file_larger_than_the_limit_recycles_its_own_pages() -> None:
    memory = Memory(10_000)
    group = memory.add_group("c", limit_pages=100)
    started(memory, group, 1, 49)
    assert memory.read(group, FILE, 1000, 1.0).kills == []
    assert memory.cache.charged_pages() == {group.index: 50}


def test_page_tables_take_a_page_for_each_512() -> None:
    memory = Memory(100_000)
    process = started(memory, memory.add_group("c"), 1, 512)
    assert memory.root.charged_pages == 513
    memory.grow(process, 1)
    assert memory.root.charged_pages == 515


def test_kernel_memory_counts_in_the_limit_or_not_and_a_kmem_limit_refuses() -> None:
    for counts, charged in ((True, 10), (False, 0)):
        memory = Memory(1000, cgroup="v1", counts_kernel=counts)
        group = memory.add_group("c", limit_pages=100, kmem_limit_pages=15)
        memory.start(group, namespace=1, kernel_pages=10)
        assert (group.charged_pages, memory.root.charged_pages) == (charged, 10)
        process, outcome = memory.start(group, namespace=1, kernel_pages=10)
        assert process is None
        assert outcome.denied == "kmem"


def test_what_a_version_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"memory\.oom\.group is of cgroup v2"):
        Memory(1, cgroup="v1").add_group("c", oom_group=True)
    with pytest.raises(ValueError, match=r"kmem\.limit_in_bytes is of cgroup v1"):
        Memory(1).add_group("c", kmem_limit_pages=1)


def test_a_hundred_containers_share_what_the_first_was_charged_until_one_writes() -> None:
    memory = Memory(10**6)
    layers = [("base", {"/lib": 1000, "/etc": 1}), ("app", {"/etc": 2})]
    groups = [memory.add_group(f"c{n}") for n in range(100)]
    seen = [ContainerFiles(f"own{n}", layers) for n in range(100)]
    for group, files in zip(groups, seen, strict=True):
        found = files.find("/lib")
        assert found is not None
        memory.read(group, *found, now_s=1.0)
    assert memory.cache.charged_pages() == {groups[0].index: 1000}
    assert seen[5].find("/etc") == (FileKey("app", "/etc"), 2)
    copied, own, pages = seen[5].write("/lib", 3)
    assert (copied, own, pages) == (FileKey("base", "/lib"), FileKey("own5", "/lib"), 1000)
    memory.read(groups[5], own, pages, 2.0)
    assert seen[5].find("/lib") == (own, 1000)
    assert seen[6].find("/lib") == (FileKey("base", "/lib"), 1000)
    assert seen[5].write("/lib", 3)[0] is None
    assert memory.cache.physical_pages == 2000
    memory.remove_group(groups[0])
    assert memory.cache.charged_pages() == {0: 1000, groups[5].index: 1000}
    memory.drop_layer("own5")
    assert memory.cache.physical_pages == memory.root.charged_pages == 1000


def test_the_working_set_leaves_out_what_was_read_once() -> None:
    memory = Memory(10_000)
    group = memory.add_group("c")
    memory.read(group, FILE, 100, 0.0)
    memory.read(group, OTHER, 200, 1.0)
    memory.read(group, OTHER, 200, 2.0)
    assert memory.working_set_pages(group) == 200


def test_badness_divides_before_it_multiplies() -> None:
    process = Process(1, Memory(1).root, 1, True, 999, 0, 1024)
    assert badness(process, 1999) == 1024 + 2 + 999


@pytest.mark.parametrize(
    ("qos", "request_bytes", "adj"),
    [
        ("Guaranteed", 4 * GIB, -997),
        ("BestEffort", 0, 1000),
        ("Burstable", 0, 999),
        ("Burstable", 1, 999),
        ("Burstable", 4 * GIB, 875),
        ("Burstable", 32 * GIB, 3),
    ],
)
def test_oom_score_adj_as_the_kubelet_writes_it(qos: str, request_bytes: int, adj: int) -> None:
    assert oom_score_adj(qos, request_bytes=request_bytes, capacity_bytes=32 * GIB) == adj  # type: ignore[arg-type]
    assert oom_score_adj(qos, request_bytes=0, capacity_bytes=GIB, node_critical=True) == -997  # type: ignore[arg-type]


def test_inactive_files_go_before_older_active_ones_and_the_oldest_of_them_first() -> None:
    memory = Memory(900)
    group = memory.add_group("c")
    young = FileKey("base", "/a")
    for now, key in ((1.0, FILE), (2.0, FILE), (3.0, OTHER), (4.0, young)):
        memory.read(group, key, 300, now)
    assert memory.cache.physical_pages == 900
    process, _ = memory.start(group, namespace=1)
    assert process is not None
    assert memory.grow(process, 299).reclaimed_pages == 300
    # Whole are the active one, though it is the oldest, and the younger of the inactive ones.
    granted = [memory.read(group, key, 300, 5.0).granted_pages for key in (FILE, young)]
    assert granted == [0, 0]
    assert memory.cache.charged_pages() == {group.index: 600}


def test_a_read_frees_what_it_lacks_of_other_files_and_no_more() -> None:
    memory = Memory(1000)
    group = memory.add_group("c")
    memory.read(group, FILE, 300, 1.0)
    memory.read(group, OTHER, 600, 2.0)
    # FILE is the older one, but it is the one that is read: 100 fit, 100 more come from the other.
    outcome = memory.read(group, FILE, 500, 3.0)
    assert (outcome.granted_pages, outcome.reclaimed_pages) == (200, 100)
    assert memory.read(group, OTHER, 500, 4.0).granted_pages == 0


def test_pages_of_an_ended_group_join_those_of_the_one_above() -> None:
    memory = Memory(1000)
    group = memory.add_group("c")
    memory.read(memory.root, FILE, 100, 1.0)
    memory.read(group, FILE, 150, 2.0)
    assert memory.cache.charged_pages() == {0: 100, group.index: 50}
    memory.remove_group(group)
    assert memory.cache.charged_pages() == {0: 150}


@pytest.mark.parametrize(("pod_limit", "dead"), [(100, [1, 2]), (None, [2])])
def test_the_topmost_oom_group_within_what_ran_out_dies(pod_limit: int | None, dead: list[int]) -> None:
    memory = Memory(10_000)
    pod = memory.add_group("pod", limit_pages=pod_limit, oom_group=True)
    started(memory, memory.add_group("one", pod, oom_group=True), 1, 10)
    limit = None if pod_limit else 50
    process = started(memory, memory.add_group("two", pod, limit_pages=limit, oom_group=True), 2, 20)
    kill = memory.grow(process, 200).kills[0]
    assert sorted(each.pid for each in kill.victims) == dead


def test_the_machine_is_looked_at_in_the_order_of_starts_a_cgroup_from_above() -> None:
    for limit, dead in ((None, 2), (1000, 1)):
        memory = Memory(1000)
        above = memory.add_group("above", limit_pages=limit)
        early, late = memory.add_group("early", above), memory.add_group("late", above)
        first = started(memory, late, 1, 100)
        started(memory, early, 2, 100)
        outcome = memory.read(above, FILE, 1, 1.0)
        asker = started(memory, above, 3, 50, adj=-1000)
        assert not outcome.kills
        kill = memory.grow(asker, 800).kills[0]
        assert (kill.where is memory.root) is (limit is None)
        assert first.group is late
        assert kill.chosen == dead


def test_a_file_does_not_make_room_for_itself() -> None:
    memory = Memory(400)
    group = memory.add_group("c")
    memory.read(group, FILE, 300, 1.0)
    outcome = memory.read(group, FILE, 500, 2.0)
    assert (outcome.granted_pages, outcome.reclaimed_pages) == (100, 0)


def test_a_page_that_needs_a_page_table_needs_two() -> None:
    memory = Memory(10_000)
    group = memory.add_group("c", limit_pages=514)
    process = started(memory, group, 1, 512)
    assert group.charged_pages == 513
    assert memory.grow(process, 1).kills[0].victims == (process,)


def test_a_child_is_not_started_when_its_parent_dies_of_it() -> None:
    memory = Memory(10_000)
    group = memory.add_group("c", limit_pages=100)
    parent = started(memory, group, 1, 90)
    child, outcome = memory.start(group, namespace=1, kernel_pages=20, parent=parent)
    assert child is None
    assert outcome.kills[0].victims == (parent,)
    assert group.charged_pages == 0


def test_what_a_groups_own_limit_keeps_out_is_not_asked_for_above() -> None:
    """Page by page it recycles its own: nobody else gives anything back for it."""
    memory = Memory(400)
    other, capped = memory.add_group("other"), memory.add_group("capped", limit_pages=90)
    process, _ = memory.start(other, namespace=1)
    assert process is not None
    memory.read(other, FileKey("base", ""), 132, 0.0)
    memory.grow(process, 134)
    outcome = memory.read(capped, FileKey("web", ""), 134, 1.0)
    assert (outcome.granted_pages, outcome.reclaimed_pages) == (90, 0)
    assert memory.cache.physical_pages == 132 + 90
