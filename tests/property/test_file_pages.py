"""File pages of running minions: what is made up for when things change is what a kernel asked page by page has."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from models.api.containers import ContainerSpec, PodContainers
from models.kernel.memory import Memory
from models.kernel.memorygroups import PAGE_BYTES, MemoryGroup, Process
from models.kernel.pagecache import FileKey
from models.machines.askers import Asker
from models.machines.cputasks import TaskKind
from models.machines.filepages import FilePages
from models.machines.memories import Memories
from models.machines.memorytasks import MemoryTask, worst
from sim.engine import Engine

_FREE_PAGES = 400


class _Both:
    """The same minion twice: lines and a page cache, and the kernel of models/kernel/memory.py in steps of a second."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.memories = Memories(self.engine, [_FREE_PAGES * PAGE_BYTES], worst)
        self.files = FilePages(self.engine, self.memories)
        self.kernel = Memory(_FREE_PAGES)
        self.there: dict[int, tuple[MemoryTask, MemoryGroup, Process]] = {}

    def begin(self, pod: int, first: int, rate: int, most: int, limit: int) -> None:
        """A container that holds pages, a line up to a most; page tables are none of the model's."""
        limits = (("memory", limit * PAGE_BYTES),) if limit else ()
        kind = TaskKind(
            PodContainers((ContainerSpec("app", requests=limits, limits=limits),), cap="quota-and-memory"), 0
        )
        task = MemoryTask(
            Asker(0, pod, -1, -1, "test", pod, 0, -1),
            kind,
            held_bytes=first * PAGE_BYTES,
            grows_per_s=rate * PAGE_BYTES,
            most_bytes=most * PAGE_BYTES,
            on_killed=lambda own: None,
        )
        self.memories.begin(task)
        group = self.kernel.add_group(str(pod), limit_pages=limit or None)
        process, _ = self.kernel.start(group, namespace=pod)
        assert process is not None
        self.there[pod] = task, group, process
        self.tick()

    def read(self, pod: int, files: list[tuple[str, int]], limit: int) -> None:
        touched, charged = self.files.read(
            0,
            pod,
            0,
            [(name, pages * PAGE_BYTES) for name, pages in files],
            limit * PAGE_BYTES if limit else math.inf,
        )
        granted = 0
        for name, pages in files:
            granted += self.kernel.read(
                self.there[pod][1], FileKey(name, ""), pages, self.engine.now_s
            ).granted_pages
        assert touched == sum(pages for _, pages in files) * PAGE_BYTES
        assert charged == granted * PAGE_BYTES

    def end(self, pod: int) -> None:
        task, group, process = self.there.pop(pod)
        self.memories.end(task)
        self.files.end(0, pod, 0)
        self.kernel._charge(group, -process.resident_pages)
        process.resident_pages = 0  # so that no page tables, which were not charged, are given back
        self.kernel.kill(process)
        self.kernel.remove_group(group)

    def tick(self) -> None:
        """Let the kernel's processes hold what the lines say by now, file pages making way."""
        for task, group, process in self.there.values():
            more = int(task.at(self.engine.now_s)) // PAGE_BYTES - process.resident_pages
            for each in group.path():
                room = each.room_pages
                if room is not None and room < more:
                    self.kernel._reclaim({below.index for below in each.tree()}, more - room)
            self.kernel._charge(group, more)
            process.resident_pages += more

    def same(self) -> None:
        self.files.settle(0)
        charged = self.kernel.cache.charged_pages()
        assert self.files.cached_bytes(0) == sum(charged.values()) * PAGE_BYTES
        for pod, (_, group, _) in self.there.items():
            assert self.files.charged_bytes(0, pod, 0) == charged.get(group.index, 0) * PAGE_BYTES
        inactive = self.kernel.cache.inactive_pages(set(charged))
        assert self.files.active_bytes(0) == (sum(charged.values()) - inactive) * PAGE_BYTES


_FILES = st.lists(
    st.tuples(st.sampled_from(["base", "web", "job"]), st.integers(1, 150)),
    min_size=1,
    max_size=3,
    unique_by=lambda file: file[0],
)
_steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("begin"),
            st.tuples(
                st.integers(0, 30),
                st.sampled_from([0, 0, 1, 3]),
                st.integers(30, 60),
                st.sampled_from([0, 90]),
            ),
        ),
        st.tuples(st.just("read"), st.tuples(st.integers(0, 5), _FILES)),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.integers(1, 20)),
    ),
    max_size=25,
)


@settings(max_examples=200, deadline=None)
@given(_steps)
def test_file_pages_are_those_of_a_kernel_that_is_asked_each_second(steps: list[tuple[str, object]]) -> None:
    both, limits, now_s, made = _Both(), {}, 0, 0
    for what, given_now in steps:
        pods = list(both.there)
        if what == "begin" and len(pods) < 6:
            first, rate, most, limit = given_now  # type: ignore[misc]
            limits[made] = limit
            both.begin(made, first, rate, most, limit)
            made += 1
        elif what == "wait":
            for _ in range(given_now):  # type: ignore[call-overload]
                now_s += 1
                both.engine.run(float(now_s))
                both.tick()
        elif pods and what == "read":
            which, files = given_now  # type: ignore[misc]
            pod = pods[which % len(pods)]
            both.read(pod, files, limits[pod])
        elif pods and what == "end":
            both.end(pods[given_now % len(pods)])  # type: ignore[operator]
        both.same()
