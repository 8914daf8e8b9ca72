"""Pages are conserved whatever happens: charged sums are physical sums, anon is never reclaimed, killing frees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.kernel.memory import Memory
from models.kernel.memorygroups import MemoryGroup, Process
from models.kernel.oom import NEVER_ADJ, badness, choose_victim
from models.kernel.pagecache import FileKey

_LIMITS = st.one_of(st.none(), st.integers(0, 3000))


@st.composite
def _memories(draw: st.DrawFn) -> Memory:
    cgroup: Any = draw(st.sampled_from(["v1", "v2"]))
    memory = Memory(draw(st.integers(200, 4000)), cgroup=cgroup, counts_kernel=draw(st.booleans()))
    groups = [memory.root]
    for n in range(draw(st.integers(1, 6))):
        parent = draw(st.sampled_from(groups))
        together = cgroup == "v2" and draw(st.booleans())
        groups.append(memory.add_group(f"g{n}", parent, limit_pages=draw(_LIMITS), oom_group=together))
    return memory


_OPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "grow", "grow", "read", "read", "shrink", "kill", "remove", "drop"]),
        st.integers(0, 30),
        st.integers(0, 5),
        st.integers(0, 2500),
    ),
    max_size=40,
)


@dataclass
class Run:
    memory: Memory
    alive: list[Process] = field(default_factory=list)

    def groups(self) -> list[MemoryGroup]:
        return list(self.memory.root.tree())

    def check(self) -> None:
        memory = self.memory
        files = memory.cache.charged_pages()
        groups = self.groups()
        assert {each.index for each in groups} >= set(files)
        assert sum(files.values()) == memory.cache.physical_pages
        for group in groups:
            tree = list(group.tree())
            processes = [each for below in tree for each in below.processes.values()]
            anon = sum(each.resident_pages + -(-each.resident_pages // 512) for each in processes)
            kernel = sum(each.kernel_pages for each in processes)
            counted = kernel if group is memory.root or memory._counts_kernel else 0
            assert group.charged_pages == anon + counted + sum(files.get(each.index, 0) for each in tree)
            assert group.kernel_pages == kernel
            assert group.limit_pages is None or group.charged_pages <= group.limit_pages
            assert group.peak_pages >= group.charged_pages
            assert 0 <= memory.working_set_pages(group) <= group.charged_pages
        assert sorted(each.pid for each in self.alive) == sorted(
            each.pid for group in groups for each in group.processes.values()
        )

    def step(self, verb: str, who: int, what: int, pages: int, now_s: float) -> None:
        memory, groups = self.memory, self.groups()
        group = groups[who % len(groups)]
        process = self.alive[who % len(self.alive)] if self.alive else None
        before = {each.pid: each.resident_pages for each in self.alive}
        kills = []
        if verb == "start":
            adj = (0, 1000, -997, NEVER_ADJ, 500, 3)[what]
            new, outcome = memory.start(
                group, namespace=what % 4, kernel_pages=pages % 40, oom_score_adj=adj, parent=process
            )
            kills = outcome.kills
            self.alive += [new] if new is not None else []
        elif verb == "read":
            kills = memory.read(group, FileKey(f"layer{what % 3}", f"f{what}"), pages, now_s).kills
        elif verb == "remove":
            if group.parent is not None and not group.children and not group.processes:
                memory.remove_group(group)
        elif verb == "drop":
            memory.drop_layer(f"layer{what % 3}")
        elif process is None:
            return
        elif verb == "grow":
            outcome = memory.grow(process, pages)
            kills = outcome.kills
            if process.alive:
                # Who lives has what it asked for, unless nobody was left to kill.
                assert outcome.granted_pages == pages or outcome.denied == "no-victim"
                before[process.pid] += outcome.granted_pages
        elif verb == "shrink":
            memory.shrink(process, min(pages, process.resident_pages))
            before[process.pid] = process.resident_pages
        else:
            used = memory.root.charged_pages
            held = process.resident_pages + process.table_pages + process.kernel_pages
            dead = memory.kill(process)
            assert dead[0] is process
            assert process.first or len(dead) == 1
            assert used - memory.root.charged_pages >= held
        for kill in kills:
            assert kill.chosen == kill.victims[0].pid
            assert kill.victims[0].oom_score_adj != NEVER_ADJ
            assert kill.victims[0].group in list(kill.where.tree())
        self.alive = [each for each in self.alive if each.alive]
        # Whatever was reclaimed, nobody who lives lost an anonymous page.
        assert all(before.get(each.pid, 0) == each.resident_pages for each in self.alive)


@given(_memories(), _OPS)
def test_pages_are_conserved(memory: Memory, ops: list[tuple[str, int, int, int]]) -> None:
    run = Run(memory)
    for now, (verb, who, what, pages) in enumerate(ops):
        run.step(verb, who, what, pages, float(now))
        run.check()


@given(_memories(), st.integers(0, 30), st.lists(st.integers(1, 2500), min_size=1, max_size=6))
def test_file_pages_alone_never_kill(memory: Memory, who: int, sizes: list[int]) -> None:
    groups = [each for each in memory.root.tree() if all(up.limit_pages != 0 for up in each.path())]
    group = groups[who % len(groups)]
    for now, pages in enumerate(sizes):
        outcome = memory.read(group, FileKey("layer", f"f{now}"), pages, float(now))
        assert not outcome.kills
        assert outcome.denied is None
        assert outcome.granted_pages >= 1


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(-1000, 1000)), min_size=1, max_size=8),
    st.integers(1, 10**6),
)
def test_the_victim_has_the_most_points_and_is_the_last_of_equals(
    rows: list[tuple[int, int]], total: int
) -> None:
    group = Memory(1).root
    tasks = [Process(n, group, n, True, adj, 0, pages) for n, (pages, adj) in enumerate(rows)]
    chosen = choose_victim(tasks, total)
    points = [(found, each.pid) for each in tasks if (found := badness(each, total)) is not None]
    assert (chosen.pid if chosen else None) == (max(points)[1] if points else None)
