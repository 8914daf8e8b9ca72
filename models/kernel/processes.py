"""How many processes there may be: who is refused one, by which limit.

fork fails with EAGAIN where one more task would pass any of these (FACTS L39), looked at in the order of the kernel's
``copy_process``: threads-max of the kernel; pid_max, which bounds the numbers there are (per PID namespace from 6.14,
L42); pids.max of the cgroup or any above it. After the numbers have wrapped, those below 300 are not given again
(kernel/pid.c ``RESERVED_PIDS``). models/api/kernels.py has the values at boot.

Kernel memory of a process: its stack of 16 KiB, and task structure, other slab and least page tables (L27: 6 to 10 KiB,
and 100 to 300 KiB with the page tables of a process of its own). It counts as models/kernel/memory.py says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

__all__ = [
    "EAGAIN_STATUS",
    "PROCESS_KERNEL_BYTES",
    "PidGroup",
    "ProcessTable",
    "Refusal",
]

EAGAIN_STATUS: Final = 2
"""Exit code of a POSIX shell that cannot fork: it ends, and a container whose PID 1 it is with it."""
PROCESS_KERNEL_BYTES: Final = 100 * 1024
"""What the kernel holds for a small process: stack, structures, page tables (L27: 100 to 300 KiB, the least)."""
_RESERVED_PIDS: Final = 300

Refusal = Literal["threads-max", "pids.max", "pid_max"]


class PidGroup:
    """A cgroup as its pids controller sees it.

    Attributes:
        limit: pids.max; None for none.
        pid_max: kernel.pid_max of the PID namespace that all of it is in; None: as the machine has it.
        tasks: In it and below it.
    """

    __slots__ = ("limit", "name", "parent", "pid_max", "tasks")

    def __init__(
        self,
        name: str,
        parent: PidGroup | None = None,
        limit: int | None = None,
        pid_max: int | None = None,
    ) -> None:
        self.name = name
        self.parent = parent
        self.limit = limit
        self.pid_max = pid_max
        self.tasks = 0

    def path(self) -> Iterator[PidGroup]:
        """Walk from it to the root."""
        group: PidGroup | None = self
        while group is not None:
            yield group
            group = group.parent


class ProcessTable:
    """All tasks of one kernel, as counts.

    Args:
        pid_max: kernel.pid_max.
        threads_max: kernel.threads-max.
        system_tasks: That run from boot on, in no group; they hold the lowest numbers.
    """

    def __init__(self, *, pid_max: int, threads_max: int, system_tasks: int = 0) -> None:
        self.pid_max = pid_max
        self.threads_max = threads_max
        self.tasks = system_tasks
        # Numbers run from 1 to pid_max - 1.
        self._numbers = pid_max - 1 - max(0, _RESERVED_PIDS - 1 - system_tasks)

    @property
    def left(self) -> int:
        """How many more tasks there can be where no group is in the way."""
        return max(0, min(self.threads_max, self._numbers) - self.tasks)

    def room(self, group: PidGroup) -> tuple[int, Refusal, PidGroup | None]:
        """Return how many more tasks a group can have, which limit ends it, and whose that is.

        Of limits that leave equal room the one that the kernel looks at first is named.
        """
        found: list[tuple[int, Refusal, PidGroup | None]] = [
            (self.threads_max - self.tasks, "threads-max", None),
            (self._numbers - self.tasks, "pid_max", None),
        ]
        path = list(group.path())
        # A namespace of its own begins with number 1, so the low ones are in use.
        found += [
            (each.pid_max - 1 - each.tasks, "pid_max", each) for each in path if each.pid_max is not None
        ]
        found += [(each.limit - each.tasks, "pids.max", each) for each in path if each.limit is not None]
        room, limit, where = min(found, key=lambda each: each[0])
        return max(0, room), limit, where

    def fork(self, group: PidGroup, count: int = 1) -> tuple[int, Refusal | None]:
        """Start tasks in a group, one after the other.

        Returns:
            How many there are now that were not, and which limit refused the next one; None if all were started.
        """
        room, limit, _ = self.room(group)
        started = min(count, room)
        self._count(group, started)
        return started, (None if started == count else limit)

    def end(self, group: PidGroup, count: int = 1) -> None:
        """End tasks of a group."""
        assert 0 <= count <= group.tasks
        self._count(group, -count)

    def _count(self, group: PidGroup, count: int) -> None:
        self.tasks += count
        for each in group.path():
            each.tasks += count
