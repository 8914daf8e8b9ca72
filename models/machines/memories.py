"""The memory of every minion, and who is killed when; one timer a minion.

Between starts and ends of containers what each holds is a line, so the times at which a container meets its limit, and
at which all together meet the minion's memory, are computed, and nothing is polled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from models.machines.memorytasks import MemoryTask, held_bytes, reaches_s
from sim.engine import TRUTH, Deadline, Engine

__all__ = ["Memories"]

_INF = math.inf
_ROUNDING = 1e-9
"""Share of a sum by which it may be off."""
_LATER_S = 1e-6
Choose = Callable[[Sequence[MemoryTask], float, float], MemoryTask]
"""Whom the kernel kills: (the containers, now in seconds, the minion's bytes) -> one of them."""


def _nobody(minion: int) -> None:
    """Tell nobody."""


class _Memory:
    """The memory of one minion."""

    __slots__ = ("deadline", "free_bytes", "tasks")

    def __init__(self, free_bytes: float, deadline: Deadline) -> None:
        self.free_bytes = free_bytes
        self.deadline = deadline
        self.tasks: dict[MemoryTask, None] = {}


class Memories:
    """The memory of all minions.

    Args:
        free_bytes: Of each minion, what its system does not hold for itself.
        choose: Whom the kernel kills when there is none left.
        oom_groups: Of each minion, whether its containers have memory.oom.group; empty: none has.

    Attributes:
        on_change: Called with a minion after what is held of it has changed otherwise than by growing.
        on_drop: Called with a minion before some of what is held of it goes.
        on_line: Called with a container's memory before its line ends, however it goes on.
    """

    def __init__(
        self,
        engine: Engine,
        free_bytes: Sequence[int],
        choose: Choose,
        oom_groups: Sequence[bool] = (),
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._free_bytes = free_bytes
        self._choose = choose
        self._oom_groups = oom_groups
        self._minions: dict[int, _Memory] = {}
        self.on_change: Callable[[int], None] = _nobody
        self.on_drop: Callable[[int], None] = _nobody
        self.on_line: Callable[[MemoryTask], None] = lambda task: None

    def free_bytes(self, minion: int) -> int:
        """Return what a minion's system does not hold for itself."""
        return self._free_bytes[minion]

    def kills_all(self, minion: int) -> bool:
        """Whether the kernel kills all of a container of which it kills a process (memory.oom.group)."""
        return bool(self._oom_groups) and self._oom_groups[minion]

    def tasks(self, minion: int) -> list[MemoryTask]:
        """Return what holds memory of a minion, in order of start."""
        found = self._minions.get(minion)
        return [] if found is None else list(found.tasks)

    def begin(self, task: MemoryTask) -> None:
        """Let a container hold memory from now on."""
        minion = task.asker.minion
        memory = self._minions.get(minion)
        if memory is None:
            deadline = Deadline(self._engine, TRUTH, lambda: self._due(minion))
            memory = self._minions[minion] = _Memory(self._free_bytes[minion], deadline)
        task.since_s = self._env._now
        memory.tasks[task] = None
        self._arm(memory)
        self.on_change(minion)

    def change(self, task: MemoryTask, held_bytes: float, grows_per_s: float) -> None:
        """Let a container's processes hold so much now, and grow so from now on."""
        if self._env._now > task.since_s:
            self.on_line(task)
        self.on_drop(task.asker.minion)
        task.held_bytes, task.grows_per_s, task.since_s = held_bytes, grows_per_s, self._env._now
        memory = self._minions[task.asker.minion]
        self._arm(memory)
        self.on_change(task.asker.minion)

    def end(self, task: MemoryTask) -> None:
        """Let a container hold nothing any more; once is enough."""
        memory = self._minions[task.asker.minion]
        if task in memory.tasks:
            self.on_line(task)
            self.on_drop(task.asker.minion)
            del memory.tasks[task]
            self._arm(memory)
            self.on_change(task.asker.minion)

    def close(self) -> None:
        """End the lines of all that is held: the run is over."""
        for memory in self._minions.values():
            for task in memory.tasks:
                self.on_line(task)

    def _arm(self, memory: _Memory, least_s: float = 0.0) -> None:
        """Wait for what comes next: somebody meets a limit, or all of them the end of it.

        It is not before ``least_s``: of a time that was missed by a rounding.
        """
        now_s, tasks = self._env._now, list(memory.tasks)
        due_s = min([task.over_s for task in tasks], default=_INF)
        memory.deadline.set(max(min(due_s, reaches_s(tasks, memory.free_bytes, now_s)), now_s, least_s))

    def _due(self, minion: int) -> None:
        memory, now_s = self._minions[minion], self._env._now
        doomed = [each for each in memory.tasks if each.over_s <= now_s]
        for task in doomed:
            self._kill(memory, task, own=True)
        if memory.tasks and held_bytes(memory.tasks, now_s) >= memory.free_bytes * (1.0 - _ROUNDING):
            doomed.append(self._choose(list(memory.tasks), now_s, memory.free_bytes))
            self._kill(memory, doomed[-1], own=False)
        self._arm(memory, 0.0 if doomed else now_s + _LATER_S)
        if doomed:
            self.on_change(minion)

    def _kill(self, memory: _Memory, task: MemoryTask, *, own: bool) -> None:
        """Kill a container: its memory is free at once."""
        self.on_line(task)
        self.on_drop(task.asker.minion)
        del memory.tasks[task]
        task.on_killed(own)
