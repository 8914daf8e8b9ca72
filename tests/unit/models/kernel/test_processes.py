"""Who is refused a process, by which limit, and in which kernels limits on kernel memory alone exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.kernels import (
    counts_kernel_memory,
    default_pid_max,
    default_threads_max,
    kernel_version,
    kmem_limit_refused,
    pids_limit,
)
from models.kernel.processes import PidGroup, ProcessTable


def test_the_tightest_group_above_binds() -> None:
    table = ProcessTable(pid_max=32768, threads_max=10_000, system_tasks=299)
    pod = PidGroup("pod", limit=10)
    one, two = PidGroup("one", pod, 8), PidGroup("two", pod)
    assert table.fork(one, 9) == (8, "pids.max")
    assert table.fork(two, 5) == (2, "pids.max")
    assert table.room(two) == (0, "pids.max", pod)
    table.end(one, 3)
    assert table.fork(two, 3) == (3, None)
    assert (one.tasks, two.tasks, pod.tasks, table.tasks) == (5, 5, 10, 309)


def test_without_a_limit_the_numbers_or_the_threads_run_out() -> None:
    group = PidGroup("c")
    assert ProcessTable(pid_max=32768, threads_max=10**6, system_tasks=400).fork(group, 10**6) == (
        32767 - 400,
        "pid_max",
    )
    assert ProcessTable(pid_max=32768, threads_max=500, system_tasks=400).fork(group, 200) == (
        100,
        "threads-max",
    )
    # Numbers below 300 that nobody held at boot are not given again.
    assert ProcessTable(pid_max=32768, threads_max=10**6).fork(group, 10**6)[0] == 32768 - 300


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40), st.booleans()), max_size=30),
    st.integers(301, 400),
    st.integers(1, 100),
    st.integers(1, 60),
)
def test_no_limit_is_ever_passed_and_no_room_is_left_where_one_refuses(
    ops: list[tuple[int, int, bool]], pid_max: int, threads_max: int, limit: int
) -> None:
    table = ProcessTable(pid_max=pid_max, threads_max=threads_max)
    pod = PidGroup("pod", limit=limit)
    groups = [pod, PidGroup("a", pod, limit // 2), PidGroup("b", pod)]
    own = [0, 0, 0]
    for which, count, ends in ops:
        group = groups[which]
        if ends:
            count = min(count, own[which])
            table.end(group, count)
            own[which] -= count
        else:
            started, refused = table.fork(group, count)
            own[which] += started
            assert (refused is None) == (started == count)
            assert refused is None or table.fork(group)[0] == 0
        assert (pod.tasks, groups[1].tasks, table.tasks) == (sum(own), own[1], sum(own))
        assert table.tasks <= min(threads_max, pid_max - 300)
        assert pod.tasks <= limit
        assert groups[1].tasks <= limit // 2


def test_defaults_of_the_kernel() -> None:
    assert [default_pid_max(cpus) for cpus in (2, 64, 10_000)] == [32768, 65536, 4_194_304]
    assert default_threads_max(32 * 2**30) == 262_144
    assert [pids_limit(asked) for asked in (None, 0, -1, 5)] == [None, None, None, 5]


def test_kernel_memory_counts_by_version() -> None:
    assert [counts_kernel_memory("v1", version) for version in ((3, 10), (4, 5), (6, 18))] == [
        False,
        True,
        True,
    ]
    assert counts_kernel_memory("v2", (4, 4))


@pytest.mark.parametrize(
    ("cgroup", "release", "why"),
    [
        ("v1", "3.10.0-1160.el7", None),
        ("v1", "5.15.0", None),
        ("v1", "5.16.1", "went with 5.16"),
        ("v1", "3.2.0", "came with 3.8"),
        ("v2", "5.4.0", "it counts in memory.max"),
    ],
)
def test_a_kmem_limit_is_refused_where_there_is_none(cgroup: str, release: str, why: str | None) -> None:
    found = kmem_limit_refused(cgroup, release)  # type: ignore[arg-type]
    assert found is None if why is None else why in str(found)


def test_a_release_is_read() -> None:
    assert kernel_version("6.18.44-fc-v769") == (6, 18)
    with pytest.raises(ValueError, match="expected a kernel release such as"):
        kernel_version("linux")
