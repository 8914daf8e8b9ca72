"""What competes for the cores of one kernel: groups of threads, nested, each with a weight, a quota, CPUs it may use.

Units: cores (1.0 is one CPU all the time), microseconds where the kernel counts them. Nothing here changes: a change
of demand is another tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = [
    "MAX_PERIOD_US",
    "MIN_PERIOD_US",
    "MIN_QUOTA_US",
    "THREAD_WEIGHT",
    "CpuGroup",
    "CpuQuota",
    "without_cgroups",
]

MIN_PERIOD_US: Final = 1_000
MAX_PERIOD_US: Final = 1_000_000
MIN_QUOTA_US: Final = 1_000
"""FACTS L9 (linux:Documentation/scheduler/sched-bwc.rst): a period is 1 ms to 1 s, a quota at least 1 ms."""

THREAD_WEIGHT: Final = 1024.0
"""Weight of a thread of nice 0 (FACTS L1, linux:kernel/sched/core.c, sched_prio_to_weight)."""


@dataclass(frozen=True, slots=True)
class CpuQuota:
    """How much CPU time a group may use in each period.

    Args:
        quota_us: CPU microseconds, over all CPUs together.
        period_us: Microseconds.

    Raises:
        ValueError: As the kernel refuses it with EINVAL.
    """

    quota_us: int
    period_us: int = 100_000

    def __post_init__(self) -> None:
        if not MIN_PERIOD_US <= self.period_us <= MAX_PERIOD_US:
            raise ValueError(f"a CPU period must be 1 ms to 1 s, not {self.period_us / 1000:g} ms")
        if self.quota_us < MIN_QUOTA_US:
            raise ValueError(f"a CPU quota must be at least 1 ms, not {self.quota_us / 1000:g} ms")

    @property
    def cores(self) -> float:
        """The most that it allows in the mean."""
        return self.quota_us / self.period_us


@dataclass(frozen=True, slots=True)
class CpuGroup:
    """A group, or a container that has threads.

    Args:
        name: For people.
        weight: Against its siblings: ``cpu.shares`` or ``cpu.weight``.
        threads: How many of its own are runnable at a time. A fraction below 1 is one thread that wants no more of a
            core; 2.5 is two busy threads and such a one.
        quota: Of all that is in it.
        cpus: Numbers of the CPUs that all in it may use; None for those of its parent.
        children: Groups in it. Only those without children have threads.

    Raises:
        ValueError: A weight that is not positive, negative threads, threads beside children, no CPUs.
    """

    name: str
    weight: float = THREAD_WEIGHT
    threads: float = 0.0
    quota: CpuQuota | None = None
    cpus: frozenset[int] | None = None
    children: tuple[CpuGroup, ...] = ()

    def __post_init__(self) -> None:
        if not self.weight > 0.0:
            raise ValueError(f"'{self.name}': a weight must be more than 0, not {self.weight}")
        if not self.threads >= 0.0:
            raise ValueError(f"'{self.name}': expected at least 0 threads, not {self.threads}")
        if self.threads and self.children:
            raise ValueError(f"'{self.name}' has children: threads stand in the groups that have none")
        if self.cpus is not None and not self.cpus:
            raise ValueError(f"'{self.name}': a cpuset needs at least one CPU")

    def walk(self) -> Iterator[CpuGroup]:
        """Itself and all in it: parents before children, children in order."""
        todo = [self]
        while todo:
            group = todo.pop()
            yield group
            todo.extend(reversed(group.children))


def without_cgroups(root: CpuGroup) -> CpuGroup:
    """Return what the same threads are to a kernel without cgroups: who has many of them takes more.

    There is no group, quota or cpuset; each thread has what any other has.
    """
    threaded = (group for group in root.walk() if not group.children)
    children = tuple(
        CpuGroup(group.name, THREAD_WEIGHT * max(1.0, group.threads), group.threads) for group in threaded
    )
    return CpuGroup(root.name, children=children)
