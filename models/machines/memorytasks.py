"""The memory of one container: what it holds, growing at a rate up to a most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from models.kernel.memorygroups import PAGE_BYTES
from models.kernel.oom import choose_victim, oom_score_adj
from models.machines.askers import Asker
from models.machines.cputasks import TaskKind

__all__ = ["MemoryTask", "held_bytes", "reaches_s", "worst"]

_INF = math.inf
_ENTRIES = 512
"""Entries in a page of a page table, of 8 bytes each."""


class MemoryTask:
    """Anonymous memory of a container, from its start to its end.

    Args:
        asker: Whose it is.
        kind: What its kernel is told.
        held_bytes: What it holds at its start.
        grows_per_s: Bytes a second that it takes more.
        most_bytes: What it takes at most.
        on_killed: Called with (whether by its own limit) when the kernel kills it.
        each_bytes: What each of its processes holds, where they are alike; None: one of them holds all.
    """

    __slots__ = (
        "asker",
        "each_bytes",
        "grows_per_s",
        "held_bytes",
        "kind",
        "most_bytes",
        "on_killed",
        "since_s",
    )

    def __init__(
        self,
        asker: Asker,
        kind: TaskKind,
        *,
        held_bytes: float,
        grows_per_s: float,
        most_bytes: float,
        on_killed: Callable[[bool], None],
        each_bytes: float | None = None,
    ) -> None:
        self.asker = asker
        self.each_bytes = each_bytes
        self.held_bytes = held_bytes
        self.grows_per_s = grows_per_s
        self.most_bytes = most_bytes
        self.kind = kind
        self.on_killed = on_killed
        self.since_s = 0.0

    def at(self, t_s: float) -> float:
        """Return the bytes that it holds at a time."""
        return min(self.held_bytes + self.grows_per_s * (t_s - self.since_s), self.most_bytes)

    @property
    def full_s(self) -> float:
        """When it holds its most; ``inf`` where it does not grow."""
        if self.grows_per_s <= 0.0 or self.most_bytes == _INF:
            return _INF
        return self.since_s + max(0.0, self.most_bytes - self.held_bytes) / self.grows_per_s

    @property
    def over_s(self) -> float:
        """When it would hold more than its limit; ``inf`` never."""
        limit_bytes = self.kind.memory_limit_bytes
        if self.held_bytes > limit_bytes:
            return self.since_s
        if self.grows_per_s <= 0.0 or self.most_bytes <= limit_bytes:
            return _INF
        return self.since_s + (limit_bytes - self.held_bytes) / self.grows_per_s


def reaches_s(tasks: Sequence[MemoryTask], level_bytes: float, now_s: float) -> float:
    """Return when some containers together first hold as much as a level, from now on; ``inf`` never.

    The sum is a line between the times at which one of them stops growing.
    """
    held = held_bytes(tasks, now_s)
    if held >= level_bytes:
        return now_s
    stops = sorted(
        (task.full_s, task.grows_per_s) for task in tasks if task.grows_per_s > 0.0 and task.full_s > now_s
    )
    rate = math.fsum([grows for _, grows in stops])
    for until_s, grows in stops:
        if rate > 0.0:
            at_s = now_s + (level_bytes - held) / rate
            if at_s <= until_s:
                return at_s
        held += rate * (until_s - now_s)
        now_s = until_s
        rate -= grows
    return _INF


def held_bytes(tasks: Iterable[MemoryTask], t_s: float) -> float:
    """Return the bytes that some containers hold together at a time. HOT: at each start and end of one."""
    return sum([task.at(t_s) if task.grows_per_s else task.held_bytes for task in tasks])


@dataclass(frozen=True, slots=True)
class _Process:
    """A container as the kernel judges it: the process that holds most of it."""

    task: MemoryTask
    resident_pages: int
    table_pages: int
    oom_score_adj: int


def worst(tasks: Sequence[MemoryTask], now_s: float, capacity_bytes: float) -> MemoryTask:
    """Return the container that the kernel kills when its minion has no memory left.

    Args:
        tasks: Of the minion, in order of start.
        now_s: When.
        capacity_bytes: Of the minion.
    """
    chosen = choose_victim(
        (_process(task, now_s, int(capacity_bytes)) for task in tasks), int(capacity_bytes) // PAGE_BYTES
    )
    assert chosen is not None, "no container is spared by its class"
    return chosen.task


def _process(task: MemoryTask, now_s: float, capacity_bytes: int) -> _Process:
    held_bytes = task.at(now_s) if task.each_bytes is None else task.each_bytes
    kind, pages = task.kind, int(held_bytes) // PAGE_BYTES
    adj = oom_score_adj(kind.qos, request_bytes=kind.memory_request_bytes, capacity_bytes=capacity_bytes)
    return _Process(task, pages, pages // _ENTRIES, adj)
