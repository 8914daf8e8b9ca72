"""What a container does, what it may take, and what all of them together may."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

__all__ = ["PERIOD_US", "START_TASKS", "Caps", "Limits", "Work", "refusal"]

PERIOD_US: Final = 100_000
"""Of a quota, as Docker and the kubelet set it."""

START_TASKS: Final = 16
"""Tasks that a container needs while it is started: runc is a program of several threads, and where one of them is
refused the start fails."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the program of the work image does after the gate; experiments/replay/worker/work.c says each word.

    Attributes:
        deadline_s: After which all its processes end by themselves, in seconds from the gate.
        threads: That compute.
        duty_permille: Of the time that each computes.
        work_s: CPU seconds, together, after which it ends; 0: no end.
        hold_bytes: Memory taken at once.
        leak_bytes_per_s: Memory taken after that.
        most_bytes: Where the leak stops.
        in_child: Memory is taken by a child, not by process 1.
        forks: Children that sleep.
        bomb: Children that compute and start children, so many in all.
        evict: File that is taken out of the page cache first.
        read: File that is read.
        read_bytes: How much of it.
        spin: Count to so much, and tell the seconds.
        slack: Sleep so often for 1 ms, and tell how much longer it took.
        after_s: End so long after the gate; 0: not.
        code: Exit code at the end.
    """

    deadline_s: float
    threads: int = 0
    duty_permille: int = 1000
    work_s: float = 0.0
    hold_bytes: int = 0
    leak_bytes_per_s: int = 0
    most_bytes: int = 0
    in_child: bool = False
    forks: int = 0
    bomb: int = 0
    evict: str = ""
    read: str = ""
    read_bytes: int = 0
    spin: int = 0
    slack: int = 0
    after_s: float = 0.0
    code: int = 0

    def words(self) -> list[str]:
        """Return the program's arguments."""
        found = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                found.append(f"{_WORDS.get(field.name, field.name)}={int(value) if value is True else value}")
        return found


_WORDS: Final = {
    "deadline_s": "deadline",
    "duty_permille": "duty",
    "work_s": "work",
    "hold_bytes": "hold",
    "leak_bytes_per_s": "leak",
    "most_bytes": "most",
    "in_child": "child",
    "read_bytes": "bytes",
    "after_s": "after",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the kernel is to hold a container to.

    Attributes:
        pids: Tasks; None: no limit.
        memory_bytes: Memory, and memory with swap: no swap; None: no limit.
        quota_us: CPU time in a period of 100 ms; None: no quota.
        shares: Of the CPU (cpu.shares).
    """

    pids: int | None
    memory_bytes: int | None
    quota_us: int | None = None
    shares: int = 1024


@dataclass(frozen=True, slots=True)
class Caps:
    """What all containers together may take of the host.

    Attributes:
        cores: Whole cores; no container runs on another.
        memory_bytes: Memory.
        pids: Tasks.
    """

    cores: int
    memory_bytes: int
    pids: int


def refusal(work: Work, limits: Limits) -> str | None:
    """Return why such work is not done under such limits, or None where it may be."""
    if limits.pids is None and (work.forks or work.bomb):
        return "it forks, and has no limit of pids: give it one"
    if limits.memory_bytes is None and (work.hold_bytes or work.leak_bytes_per_s):
        return "it takes memory, and has no limit of memory: give it one"
    if work.deadline_s <= 0:
        return "it has no deadline"
    return None
