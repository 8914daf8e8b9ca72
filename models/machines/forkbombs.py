"""Fork bombs on minions: they grow in closed form between few events, as fast as their cgroup lets them have CPU.

A bomb has an event where its processes have doubled, and where it meets its first limit. Between those what it gets
of the CPUs holds (models/machines/kernels.py), so the closed form of models/kernel/forkbomb.py gives the next; when
its share changes it is taken up from there. Its processes are runnable threads: they weigh as its cgroup says, and
without one each weighs as any other's. What they hold (stack, structures, page tables; what each touches) grows
along a line from doubling to doubling, and is looked at as any memory of the minion's.

At a limit it stays, and goes on to try: what others free of that it takes at once, and grows again where it is another
bomb that is gone. Where its container's memory limit is met the kernel kills by badness: if that is the container's
first process, all die; else one of the bomb, which the next fork replaces. Of a minion's last memory it loses a
hundredth each time that it is chosen. With memory.oom.group all die at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, Literal, NamedTuple

from models.api.kernels import counts_kernel_memory
from models.api.usage import Forks
from models.kernel.forkbomb import ForkBomb, tasks_of_memory
from models.kernel.memorygroups import PAGE_BYTES
from models.kernel.oom import choose_victim
from models.kernel.processes import PROCESS_KERNEL_BYTES
from models.machines.cputasks import TaskKind
from models.machines.memories import Memories
from models.machines.memorytasks import MemoryTask
from models.machines.processes import Processes, ProcessTask
from models.machines.usages import Usages, Use
from sim.engine import TRUTH, Deadline, Engine

__all__ = ["MINIONS_MEMORY", "Bomb", "ForkBombs", "Told"]

_INF = math.inf
_EXACT: Final = 1e-9
_LOST_RATIO: Final = 0.01
MINIONS_MEMORY: Final = "the memory of its minion"
"""The limit that is nobody's own, in words."""
Told = Literal["grew", "limited", "killed"]


class _Process(NamedTuple):
    """A process as the kernel judges it."""

    resident_pages: int
    table_pages: int = 0
    oom_score_adj: int = 0


class Bomb:
    """One fork bomb, its container's first process among its own.

    Attributes:
        processes: The container's.
        use: Its CPU; ``use.forked`` is how many processes the bomb is known to have.
        forks: What it does.
        limit: What it has met, in words; empty while it grows.
        limited_by: The same by a short name.
        events: How many it had so far.
        count, since_s: How many processes it had when; it is taken up from there.
    """

    __slots__ = (
        "count", "deadline", "events", "forks", "law", "limit", "limited_by", "memory", "on_told", "processes",
        "since_s", "use",
    )  # fmt: skip

    def __init__(
        self,
        processes: ProcessTask,
        use: Use,
        forks: Forks,
        now_s: float,
        memory: MemoryTask,
        on_told: Callable[[Told], None],
    ) -> None:
        self.processes = processes
        self.use = use
        self.forks = forks
        self.memory = memory
        self.on_told = on_told
        self.limit = self.limited_by = ""
        self.events = 0
        self.count, self.since_s = 1.0, now_s
        self.law = ForkBomb(forks.per_cpu_s, 0.0)
        self.deadline: Deadline

    @property
    def minion(self) -> int:
        """Index of its minion."""
        return self.processes.asker.minion

    @property
    def process_bytes(self) -> int:
        """What there is of memory for each of its processes."""
        return PROCESS_KERNEL_BYTES + self.forks.process_bytes

    def settle(self, now_s: float) -> None:
        """Count what it has grown to."""
        if not self.limit:
            self.count = self.law.tasks_after(self.count, now_s - self.since_s)
        self.since_s = now_s


class ForkBombs:
    """The fork bombs of all minions."""

    def __init__(self, engine: Engine, processes: Processes, usages: Usages, memories: Memories) -> None:
        self._engine = engine
        self._env = engine.env
        self._processes = processes
        self._usages = usages
        self._memories = memories
        self._bombs: dict[int, dict[Bomb, None]] = {}

    def on(self, minion: int) -> list[Bomb]:
        """Return the bombs of a minion, in order of start."""
        return list(self._bombs.get(minion, ()))

    def begin(self, processes: ProcessTask, use: Use, forks: Forks, on_told: Callable[[Told], None]) -> Bomb:
        """Let a container's first process begin to fork.

        Args:
            processes: Of the container, its first one among them.
            use: Its CPU.
            forks: How it does.
            on_told: Called when it has grown, has met a limit that lets it live, or one that kills it all.
        """
        kind = processes.kind
        memory = MemoryTask(
            processes.asker,
            # Its limit is looked at here, together with what else the container holds.
            TaskKind(replace(kind.containers, cap="none"), kind.place),
            held_bytes=float(PROCESS_KERNEL_BYTES + forks.process_bytes),
            grows_per_s=0.0,
            most_bytes=_INF,
            on_killed=lambda own: self._chosen(bomb),
            each_bytes=float(forks.process_bytes),
        )
        bomb = Bomb(processes, use, forks, self._env._now, memory, on_told)
        bomb.deadline = Deadline(self._engine, TRUTH, partial(self._due, bomb))
        self._bombs.setdefault(bomb.minion, {})[bomb] = None
        self._memories.begin(memory)
        self._usages.fork(use, 1)
        self._plan(bomb)
        return bomb

    def end(self, bomb: Bomb) -> None:
        """Let a bomb be no more: its container is gone."""
        bomb.deadline.clear()
        del self._bombs[bomb.minion][bomb]
        self._memories.end(bomb.memory)

    def settle(self, minion: int) -> None:
        """Count the processes that the bombs of a minion have by now."""
        for bomb in self.on(minion):
            if not bomb.limit:
                self._grow(bomb)
                self._plan(bomb)

    def shared_anew(self, bomb: Bomb) -> None:
        """Take up a bomb whose share of the CPU has changed."""
        if not bomb.limit:
            bomb.settle(self._env._now)
            self._plan(bomb)

    def freed(self, minion: int, *, much: bool) -> None:
        """Let the bombs of a minion have what others have freed: at once, or growing again where it is much."""
        for bomb in self.on(minion):
            most = self._most(bomb)[0]
            if bomb.limit and (much or bomb.limit == MINIONS_MEMORY):
                bomb.limit = bomb.limited_by = ""
                bomb.since_s = self._env._now
                self._plan(bomb)
            elif bomb.limit and most > bomb.use.forked:
                bomb.count = float(most)
                self._count(bomb)
                self._plan(bomb)

    # How it grows.

    def _due(self, bomb: Bomb) -> None:
        """Grow to the next event."""
        bomb.events += 1
        self._grow(bomb)
        most, limited_by, limit = self._most(bomb)
        told: Told = "grew"
        if bomb.use.forked >= most:
            bomb.limited_by, bomb.limit = limited_by, limit
            told = "killed" if limited_by == "memory" and self._kills_first(bomb) else "limited"
        self._plan(bomb)
        bomb.on_told(told)

    def _grow(self, bomb: Bomb) -> None:
        """Let a bomb have the processes that it has by now, as far as it may."""
        bomb.settle(self._env._now)
        bomb.count = min(bomb.count, float(max(bomb.use.forked, self._most(bomb)[0])))
        self._count(bomb)

    def _count(self, bomb: Bomb) -> None:
        """Have as many processes known as a bomb has."""
        whole = math.floor(bomb.count * (1.0 + _EXACT))
        if whole > bomb.use.forked:
            refused = self._processes.fork(bomb.processes, whole - bomb.use.forked)
            assert refused is None, "it has been asked how many it may have"
            self._usages.fork(bomb.use, whole)

    def _plan(self, bomb: Bomb) -> None:
        """Wait for it to double or to meet its limit; hold memory along the line to there."""
        now_s, held = self._env._now, bomb.count * bomb.process_bytes
        if bomb.limit:
            bomb.deadline.clear()
            self._memories.change(bomb.memory, held, 0.0)
            return
        bomb.law = self._law(bomb)
        goal = max(bomb.count, min(2.0 * bomb.use.forked, float(self._most(bomb)[0])))
        wait_s = bomb.law.time_to_s(bomb.count, goal)
        bomb.deadline.set(now_s + wait_s)
        grows = (goal - bomb.count) * bomb.process_bytes / wait_s if wait_s > 0.0 else 0.0
        self._memories.change(bomb.memory, held, grows)

    def _law(self, bomb: Bomb) -> ForkBomb:
        """Return how it grows as the CPUs are shared now.

        In a cgroup it has what that gets. Without one its share rises with its threads, against as many of others as
        explain what it gets now.
        """
        task, count, per_s = bomb.use.task, bomb.use.forked, bomb.forks.per_cpu_s
        cores = self._processes.ask(bomb.minion).cpu_millicores / 1000
        own = bomb.use.own[1] if bomb.use.own[0] else 0
        rate = task.rate * count / (count + own)
        if rate >= count * (1.0 - _EXACT):  # nothing holds it back yet
            return ForkBomb(per_s, min(cores, task.kind.quota_cores, task.kind.cpu_count))
        if task.kind.cap == "none" and rate > 0.0:
            return ForkBomb(per_s, cores, max(0.0, cores * count / rate - count))
        return ForkBomb(per_s, rate)

    def _most(self, bomb: Bomb) -> tuple[int, str, str]:
        """Return how many processes it can have, which limit ends that, by its short name and in words."""
        room, refusal, words = self._processes.room(bomb.processes)
        found = [(bomb.use.forked + room, str(refusal), words)]
        kind, kernel = bomb.processes.kind, self._processes.ask(bomb.minion).kernel
        kmem, limit = kind.spec.raw.kernel_memory_bytes, kind.memory_limit_bytes
        if kmem is not None:
            most = tasks_of_memory(kmem // PAGE_BYTES, PROCESS_KERNEL_BYTES // PAGE_BYTES)
            found.append((most, "kmem", f"the kernel memory of its container, {kmem / 2**20:.0f} MiB"))
        counts = counts_kernel_memory(kernel.cgroup, kernel.version)
        each = bomb.process_bytes if counts else bomb.forks.process_bytes
        if limit < _INF and each >= PAGE_BYTES:
            most = tasks_of_memory(int(limit - self._held(bomb)) // PAGE_BYTES, each // PAGE_BYTES)
            found.append((most, "memory", f"the memory limit of its container, {limit / 2**20:.0f} MiB"))
        return min(found, key=lambda each: each[0])

    def _held(self, bomb: Bomb) -> float:
        """Return what the container holds besides its bomb."""
        asker, kind = bomb.processes.asker, bomb.processes.kind
        tasks = self._memories.tasks(bomb.minion)
        return sum(task.at(self._env._now) for task in tasks if task.asker == asker and task.kind is kind)

    # Who is killed where memory ends.

    def _kills_first(self, bomb: Bomb) -> bool:
        """Whether the kernel kills the container's first process where its memory limit is met, or all at once."""
        if self._memories.kills_all(bomb.minion):
            return True
        touched = bomb.forks.process_bytes // PAGE_BYTES
        first, child = _Process(touched + int(self._held(bomb)) // PAGE_BYTES), _Process(touched)
        chosen = choose_victim((first, child), int(bomb.processes.kind.memory_limit_bytes) // PAGE_BYTES)
        return chosen is first

    def _chosen(self, bomb: Bomb) -> None:
        """Let some of its processes be killed: its minion has no memory left, and they are the worst.

        No bomb of the minion grows any more: what is freed is taken at once, and freed again.
        """
        bomb.events += 1
        self._grow(bomb)
        stopped = [each for each in self.on(bomb.minion) if not each.limit]
        for each in stopped:
            self._grow(each)
            each.limited_by, each.limit = "memory", MINIONS_MEMORY
            if each is not bomb:
                self._plan(each)
        lost = min(math.ceil(bomb.use.forked * _LOST_RATIO), bomb.use.forked - 1)
        if self._memories.kills_all(bomb.minion):
            lost = 0
        if lost:
            self._processes.shrink(bomb.processes, lost)
            self._usages.fork(bomb.use, bomb.use.forked - lost)
        bomb.deadline.clear()
        bomb.count, bomb.since_s = float(bomb.use.forked), self._env._now
        bomb.memory.held_bytes, bomb.memory.grows_per_s = bomb.count * bomb.process_bytes, 0.0
        if lost:
            self._memories.begin(bomb.memory)
        for each in stopped:
            each.on_told("limited")
        if not lost:
            bomb.limited_by, bomb.limit = "memory", MINIONS_MEMORY
            bomb.on_told("killed")
