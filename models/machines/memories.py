"""The memory of every minion: who is killed when, and when the kubelet finds too little; one timer a minion.

Between starts and ends of containers what each holds is a line, so the times at which a container meets its limit, and
at which all together meet the minion's memory or the kubelet's threshold, are computed, and nothing is polled.
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


class _Memory:
    """The memory of one minion."""

    __slots__ = ("deadline", "index", "pressed", "tasks")

    def __init__(self, index: int, deadline: Deadline) -> None:
        self.index = index
        self.deadline = deadline
        self.tasks: dict[MemoryTask, None] = {}
        self.pressed = False


class Memories:
    """The memory of all minions.

    Args:
        capacity_bytes: Of each minion.
        system_bytes: What the system of each holds for itself.
        threshold_bytes: Where less is available it is short.
        choose: Whom the kernel kills when there is none left.

    Attributes:
        on_short: Called with a minion when what is available falls below the threshold, at that time.
        killed: How many containers the kernel has killed.
    """

    def __init__(
        self,
        engine: Engine,
        capacity_bytes: Sequence[int],
        system_bytes: Sequence[int],
        threshold_bytes: float,
        choose: Choose,
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._capacity_bytes = capacity_bytes
        self._system_bytes = system_bytes
        self._threshold_bytes = threshold_bytes
        self._choose = choose
        self._minions: dict[int, _Memory] = {}
        self.on_short: Callable[[int], None] | None = None
        self.killed = 0

    def tasks(self, minion: int) -> list[MemoryTask]:
        """Return what holds memory of a minion, in order of start."""
        found = self._minions.get(minion)
        return [] if found is None else list(found.tasks)

    def available_bytes(self, minion: int) -> float:
        """Return what is available of a minion's memory now: its capacity less what is held."""
        return self._free_bytes(minion) - held_bytes(self.tasks(minion), self._env._now)

    def _free_bytes(self, minion: int) -> float:
        return self._capacity_bytes[minion] - self._system_bytes[minion]

    def is_short(self, minion: int) -> bool:
        """Whether no more is available than the threshold, but for a rounding."""
        free = self._free_bytes(minion)
        return held_bytes(self.tasks(minion), self._env._now) >= (free - self._threshold_bytes) * (
            1.0 - _ROUNDING
        )

    def begin(self, task: MemoryTask) -> None:
        """Let a container hold memory from now on."""
        memory = self._minions.get(task.minion)
        if memory is None:
            deadline = Deadline(self._engine, TRUTH, lambda: self._due(task.minion))
            memory = self._minions[task.minion] = _Memory(task.minion, deadline)
        task.since_s = self._env._now
        memory.tasks[task] = None
        self._arm(memory)

    def end(self, task: MemoryTask) -> None:
        """Let a container hold nothing any more; once is enough."""
        memory = self._minions[task.minion]
        if task in memory.tasks:
            del memory.tasks[task]
            self._arm(memory)

    def _arm(self, memory: _Memory, least_s: float = 0.0) -> None:
        """Wait for what comes next: somebody meets a limit, or all of them the threshold or the end of it.

        It is not before ``least_s``: of a time that was missed by a rounding.
        """
        now_s, tasks = self._env._now, list(memory.tasks)
        free = self._free_bytes(memory.index)
        due_s = min([task.over_s for task in tasks], default=_INF)
        due_s = min(due_s, reaches_s(tasks, free, now_s))
        if memory.pressed and not self.is_short(memory.index):
            memory.pressed = False
        if not memory.pressed:
            due_s = min(due_s, reaches_s(tasks, free - self._threshold_bytes, now_s))
        memory.deadline.set(max(due_s, now_s, least_s))

    def _due(self, minion: int) -> None:
        memory, now_s = self._minions[minion], self._env._now
        free = self._free_bytes(minion)
        killed, was = self.killed, memory.pressed
        for task in [each for each in memory.tasks if each.over_s <= now_s]:
            self._kill(memory, task, own=True)
        if memory.tasks and held_bytes(memory.tasks, now_s) >= free * (1.0 - _ROUNDING):
            self._kill(memory, self._choose(list(memory.tasks), now_s, free), own=False)
        if not memory.pressed and self.is_short(minion):
            memory.pressed = True
            if self.on_short is not None:
                self.on_short(minion)
        nothing = killed == self.killed and was == memory.pressed
        self._arm(memory, now_s + _LATER_S if nothing else 0.0)

    def _kill(self, memory: _Memory, task: MemoryTask, *, own: bool) -> None:
        """Kill a container: its memory is free at once."""
        self.killed += 1
        del memory.tasks[task]
        task.on_killed(own)
