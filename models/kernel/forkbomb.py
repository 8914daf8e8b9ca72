"""A fork bomb in closed form: how fast its processes multiply on the cores that it gets, and which limit ends that.

Each process forks at a rate r for each second of CPU that it has. n of them, with m other runnable threads that share
C cores fairly with them, get min(1, C / (n + m)) of a core each. So

    dn/dt = r n min(1, C / (n + m))

While n + m <= C, n grows as exp(r t) (FACTS L44). After that

    n + m ln n = n0 + m ln n0 + r C (t - t0)

which is a straight line where nobody competes (m = 0): under a cgroup C is what the cgroup grants, and m is 0. Without
cgroups m are all the others' threads, and the bomb crowds them out. Solved for t by a logarithm, for n by Wright's
omega function: y + ln y = z with y = n / m. Growth depends on n alone, so it can be taken up again from any n when C
or m changes.

It ends at the first limit: pids.max, pid_max, threads-max or memory (what is left below the limit over the kernel and
other memory of a process). There n stays and each process goes on to try, runnable, unless the limit is memory: the
out-of-memory killer then takes a container with ``memory.oom.group`` whole, and else one process, which the next fork
replaces. Growth is reported where n has doubled, so a bomb from 1 to 4,194,304 has at most 25 events.

Not modelled: forks that cost more as there are more processes, and that processes are whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["BombEvent", "ForkBomb", "course", "first_limit", "tasks_of_memory"]

_MOST_EVENTS: Final = 50


@dataclass(frozen=True, slots=True)
class ForkBomb:
    """A bomb and where it runs.

    Attributes:
        forks_per_cpu_s: How many children a process has in a second of CPU.
        cores: That it and the rivals share.
        rivals: Other threads that are runnable all the time and share the cores thread by thread.
    """

    forks_per_cpu_s: float
    cores: float
    rivals: float = 0.0

    def tasks_after(self, tasks: float, elapsed_s: float) -> float:
        """Return how many tasks there are some time after there were ``tasks``."""
        assert tasks > 0.0
        assert elapsed_s >= 0.0
        growth = self.forks_per_cpu_s * elapsed_s
        free_until = self.cores - self.rivals
        if tasks < free_until:
            needed = math.log(free_until / tasks)
            if growth <= needed:
                return tasks * math.exp(growth)
            tasks, growth = free_until, growth - needed
        if growth == 0.0 or self.cores == 0.0:
            return tasks
        if self.rivals == 0.0:
            return tasks + growth * self.cores
        # Slow to import, and only a bomb without cgroups needs it.
        from scipy.special import wrightomega

        ratio = tasks / self.rivals
        omega = float(wrightomega(ratio + math.log(ratio) + growth * self.cores / self.rivals))
        return max(tasks, self.rivals * omega)

    def time_to_s(self, tasks: float, goal: float) -> float:
        """Return the seconds from ``tasks`` tasks to ``goal`` of them; ``inf`` where there is no CPU to fork with."""
        assert tasks > 0.0
        if goal <= tasks:
            return 0.0
        if self.forks_per_cpu_s == 0.0 or self.cores == 0.0:
            return math.inf
        free_until = max(tasks, min(goal, self.cores - self.rivals))
        crowded = goal - free_until + self.rivals * math.log(goal / free_until)
        return (math.log(free_until / tasks) + crowded / self.cores) / self.forks_per_cpu_s

    def cores_used(self, tasks: float) -> float:
        """Return how many cores some tasks of it take."""
        return tasks * min(1.0, self.cores / (tasks + self.rivals))


@dataclass(frozen=True, slots=True)
class BombEvent:
    """A change worth an event.

    Attributes:
        after_s: From the start of the bomb.
        tasks: How many there are then.
        limit: What was met; None for growth.
        killed: Whether all of them die of it.
    """

    after_s: float
    tasks: int
    limit: str | None = None
    killed: bool = False


def first_limit(room: Mapping[str, int]) -> tuple[str, int] | None:
    """Return the limit that a bomb meets first, and at how many tasks.

    Args:
        room: How many tasks each limit leaves the bomb, in the order in which the kernel looks at them.
    """
    return min(room.items(), key=lambda each: each[1], default=None)


def tasks_of_memory(room_pages: int, pages_per_task: int) -> int:
    """Return how many tasks some memory is enough for: kernel memory and page tables of each, and what it touches."""
    assert pages_per_task > 0
    return max(0, room_pages) // pages_per_task


def course(
    bomb: ForkBomb, room: Mapping[str, int], *, tasks: int = 1, deadly: frozenset[str]
) -> list[BombEvent]:
    """Return what becomes of a bomb while nothing around it changes, in at most 50 events.

    Args:
        bomb: Which.
        room: How many tasks each limit leaves it; at least one limit.
        tasks: How many it has by now.
        deadly: Limits that kill all of it: memory where the cgroup is killed whole.

    Returns:
        Each doubling, then the limit that ends it; nothing where it has no CPU to grow with.
    """
    found = first_limit(room)
    assert found is not None, "a kernel bounds its tasks"
    limit, most = found
    events, n = [], tasks
    while 2 * n < most:
        n *= 2
        events.append(BombEvent(bomb.time_to_s(tasks, n), n))
    most = max(most, tasks)
    events.append(BombEvent(bomb.time_to_s(tasks, most), most, limit, limit in deadly))
    assert len(events) <= _MOST_EVENTS
    return [each for each in events if each.after_s < math.inf]
