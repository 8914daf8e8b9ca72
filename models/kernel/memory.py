"""Memory of one kernel: who is charged for which page, what is given back, and who dies when nothing is left.

All is in whole pages of 4 KiB. Groups form a tree whose root is the machine and whose limit is its RAM. For a group g

    charged(g) = anonymous + page tables + file pages charged to g + kernel memory + sum of charged(children)

and charged(root) is what is physically in use, since a page is charged once. Page tables take one page for each 512
anonymous ones (x86-64), begun ones included. Kernel memory of processes counts in memory.max on v2 and, from 4.5, in
the limit of v1 (0158115f702b: "still accounted to the overall limit along with the user memory"); before that it
counts only against a kmem limit of the group, and for the machine.

A charge that does not fit below the limit of a group, from the leaf to the root, first frees file pages of that
group's tree (models/kernel/pagecache.py). If that is not enough the out-of-memory killer chooses in that tree
(models/kernel/oom.py): on v1 one process, on v2 all of the topmost group with ``oom_group`` that the chosen one is in
(FACTS L21). It goes on until the charge fits, or who asked is dead. A process that is the first of its PID namespace
takes the namespace with it. At the root this is the global case; nobody left to kill is a panic there and a refusal
elsewhere.

Not modelled: swap (off unless a minion has it), memory.high, watermarks, huge pages, writeback, slab that can be freed,
the per-CPU stock of up to 64 pages by which a group's counter runs ahead of its use.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from models.kernel.memorygroups import (
    MemoryGroup,
    OomKill,
    Outcome,
    Process,
    least_room,
    more_tables,
)
from models.kernel.oom import NEVER_ADJ, choose_victim
from models.kernel.pagecache import CachedFile, FileKey, PageCache

__all__ = ["Memory"]


class Memory:
    """The memory of one kernel.

    Args:
        capacity_pages: RAM that processes and files can have.
        cgroup: Version of the hierarchy.
        counts_kernel: Whether kernel memory counts in the limits of groups.
    """

    def __init__(
        self, capacity_pages: int, *, cgroup: Literal["v1", "v2"] = "v2", counts_kernel: bool = True
    ) -> None:
        self.root = MemoryGroup(0, "/", None, capacity_pages)
        self.cache = PageCache()
        self._cgroup = cgroup
        self._counts_kernel = counts_kernel
        self._groups = 1
        self._last_pid = 0
        self._namespaces: dict[int, dict[int, Process]] = {}
        self._by_index = {0: self.root}

    def add_group(
        self,
        name: str,
        parent: MemoryGroup | None = None,
        *,
        limit_pages: int | None = None,
        kmem_limit_pages: int | None = None,
        oom_group: bool = False,
    ) -> MemoryGroup:
        """Make a group below another, the root where none is named.

        Raises:
            ValueError: ``oom_group`` on v1, which has no such file, or a kmem limit on v2.
        """
        if oom_group and self._cgroup == "v1":
            raise ValueError(f"{name}: memory.oom.group is of cgroup v2, and this kernel runs v1")
        if kmem_limit_pages is not None and self._cgroup == "v2":
            raise ValueError(f"{name}: memory.kmem.limit_in_bytes is of cgroup v1, and this kernel runs v2")
        above = parent or self.root
        group = MemoryGroup(self._groups, name, above, limit_pages)
        group.kmem_limit_pages = kmem_limit_pages
        group.oom_group = oom_group
        above.children.append(group)
        self._by_index[group.index] = group
        self._groups += 1
        return group

    def remove_group(self, group: MemoryGroup) -> None:
        """Remove a group without processes and children; its file pages go to the one above."""
        assert group.parent is not None
        assert not group.processes
        assert not group.children
        self.cache.rehome(group.index, group.parent.index)
        group.parent.children.remove(group)
        del self._by_index[group.index]

    def start(
        self,
        group: MemoryGroup,
        *,
        namespace: int,
        kernel_pages: int = 0,
        oom_score_adj: int = 0,
        parent: Process | None = None,
    ) -> tuple[Process | None, Outcome]:
        """Start a process; the first of its namespace is its PID 1.

        Returns:
            None where its kernel memory is refused, or the parent dies of it; and what it led to.
        """
        outcome = Outcome(0, 0, [])
        for each in group.path():
            limit = each.kmem_limit_pages
            if limit is not None and each.kernel_pages + kernel_pages > limit:
                outcome.denied = "kmem"
                return None, outcome
        while not self._fits(group, kernel_pages, outcome, kernel=True):
            if outcome.denied is not None or (parent is not None and not parent.alive):
                return None, outcome
        self._charge(group, kernel_pages, kernel=True)
        outcome.granted_pages = kernel_pages
        self._last_pid += 1
        members = self._namespaces.setdefault(namespace, {})
        process = Process(self._last_pid, group, namespace, not members, oom_score_adj, kernel_pages)
        members[process.pid] = group.processes[process.pid] = process
        return process, outcome

    def grow(self, process: Process, pages: int) -> Outcome:
        """Let a process touch more anonymous pages, one after the other, until all are there or it is dead."""
        assert process.pid in process.group.processes, "the dead do not grow"
        outcome = Outcome(0, 0, [])
        while process.alive and outcome.granted_pages < pages and outcome.denied is None:
            wanted = pages - outcome.granted_pages
            fitting = self._fitting(process, wanted)
            if fitting:
                before = process.table_pages
                process.resident_pages += fitting
                self._charge(process.group, fitting + process.table_pages - before)
                outcome.granted_pages += fitting
            else:
                self._fits(process.group, wanted + more_tables(process, wanted), outcome)
        return outcome

    def shrink(self, process: Process, pages: int) -> None:
        """Let a process give anonymous pages back."""
        assert 0 <= pages <= process.resident_pages
        before = process.resident_pages + process.table_pages
        process.resident_pages -= pages
        self._charge(process.group, process.resident_pages + process.table_pages - before)

    def read(self, group: MemoryGroup, key: FileKey, pages: int, now_s: float) -> Outcome:
        """Let a group read the first pages of a file; what is missing is cached and charged to it.

        A file that is larger than what can be had recycles its own pages as it is read.
        """
        outcome = Outcome(0, 0, [])
        file = self.cache.use(key, now_s)
        missing = max(0, pages - file.pages)
        if missing == 0:
            return outcome
        for each in group.path():
            room = each.room_pages
            if room is not None and room < missing:
                tree = {below.index for below in each.tree()}
                freed = self._reclaim(tree, missing - room, spare=file)
                outcome.reclaimed_pages += freed
                # What does not fit here is not asked for above: page by page it recycles its own.
                missing = min(missing, max(0, room + freed))
        while least_room(group) < 1 and not file.charges:
            self._fits(group, 1, outcome)
            if outcome.denied is not None:
                return outcome
        outcome.granted_pages = min(missing, max(0, least_room(group)))
        if outcome.granted_pages:
            self.cache.charge(file, group.index, outcome.granted_pages)
            self._charge(group, outcome.granted_pages)
        return outcome

    def drop_layer(self, layer: str) -> None:
        """Forget the cached files of a layer that is gone."""
        for index, pages in self.cache.drop(layer):
            self._charge(self._by_index[index], -pages)

    def kill(self, process: Process) -> tuple[Process, ...]:
        """Kill a process, and all of its namespace if it is its PID 1; returns who died, it first."""
        members = self._namespaces[process.namespace]
        dead = [process, *(each for each in members.values() if process.first and each is not process)]
        for each in dead:
            self._charge(each.group, -each.resident_pages - each.table_pages)
            self._charge(each.group, -each.kernel_pages, kernel=True)
            each.alive = False
            del members[each.pid], each.group.processes[each.pid]
        if not members:
            del self._namespaces[process.namespace]
        return tuple(dead)

    def working_set_pages(self, group: MemoryGroup) -> int:
        """Return what the kubelet takes for used: all but inactive file pages (FACTS L33)."""
        return group.charged_pages - self.cache.inactive_pages({each.index for each in group.tree()})

    def _fits(self, group: MemoryGroup, pages: int, outcome: Outcome, *, kernel: bool = False) -> bool:
        """Make room once for a charge: by file pages, else by a kill. True if it fits already."""
        for each in self._charged(group, kernel):
            room = each.room_pages
            if room is None or room >= pages:
                continue
            freed = self._reclaim({below.index for below in each.tree()}, pages - room)
            outcome.reclaimed_pages += freed
            if not freed:
                kill = self._oom(each)
                if kill is None:
                    outcome.denied = "no-victim"
                else:
                    outcome.kills.append(kill)
            return False
        return True

    def _oom(self, where: MemoryGroup) -> OomKill | None:
        # The kernel looks at a cgroup's tree from above, at the whole machine in the order of starts.
        tasks = [process for group in where.tree() for process in group.processes.values()]
        if where is self.root:
            tasks.sort(key=lambda process: process.pid)
        assert where.limit_pages is not None
        chosen = choose_victim(tasks, where.limit_pages)
        if chosen is None:
            return None
        together = None
        for group in chosen.group.path():
            together = group if group.oom_group else together
            if group is where:
                break
        dead = list(self.kill(chosen))
        if together is not None:
            for process in [each for group in together.tree() for each in group.processes.values()]:
                if process.alive and process.oom_score_adj != NEVER_ADJ:
                    dead += self.kill(process)
        return OomKill(where, chosen.pid, tuple(dead))

    def _fitting(self, process: Process, pages: int) -> int:
        """Return how many of some anonymous pages fit as it is, page tables included."""
        room = least_room(process.group)
        fitting = max(0, min(pages, room))
        while fitting and (over := fitting + more_tables(process, fitting) - room) > 0:
            fitting = max(0, fitting - over)
        return fitting

    def _reclaim(self, groups: set[int], pages: int, spare: CachedFile | None = None) -> int:
        freed = self.cache.reclaim(groups, pages, spare)
        for index, count in freed:
            self._charge(self._by_index[index], -count)
        return sum(count for _, count in freed)

    def _charged(self, group: MemoryGroup, kernel: bool) -> Iterator[MemoryGroup]:
        return group.path() if self._counts_kernel or not kernel else iter((self.root,))

    def _charge(self, group: MemoryGroup, pages: int, *, kernel: bool = False) -> None:
        for each in self._charged(group, kernel):
            each.charged_pages += pages
            each.peak_pages = max(each.peak_pages, each.charged_pages)
        if kernel:
            for each in group.path():
                each.kernel_pages += pages
