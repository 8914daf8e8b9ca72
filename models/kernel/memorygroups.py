"""Cgroups and processes as the memory of a kernel sees them; the rules are in models/kernel/memory.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "PAGE_BYTES",
    "TABLE_REACH",
    "MemoryGroup",
    "OomKill",
    "Outcome",
    "Process",
    "least_room",
    "more_tables",
    "pages_of",
]

PAGE_BYTES: Final = 4096
TABLE_REACH: Final = 512
"""Pages that one page of page tables maps (x86-64)."""


def pages_of(size_bytes: int) -> int:
    """Return how many pages a size takes, begun ones included."""
    return -(-size_bytes // PAGE_BYTES)


class MemoryGroup:
    """A cgroup as its memory controller sees it. Made by ``Memory.add_group``.

    Attributes:
        limit_pages: memory.max, or the limit of v1; None for none.
        kmem_limit_pages: memory.kmem.limit_in_bytes of old v1 kernels; None for none.
        oom_group: memory.oom.group: all die or none.
        charged_pages: To it and all below it.
        kernel_pages: Kernel memory of the processes in it and below it.
        peak_pages: The most that was ever charged.
    """

    __slots__ = (
        "charged_pages",
        "children",
        "index",
        "kernel_pages",
        "kmem_limit_pages",
        "limit_pages",
        "name",
        "oom_group",
        "parent",
        "peak_pages",
        "processes",
    )

    def __init__(self, index: int, name: str, parent: MemoryGroup | None, limit_pages: int | None) -> None:
        self.index = index
        self.name = name
        self.parent = parent
        self.limit_pages = limit_pages
        self.kmem_limit_pages: int | None = None
        self.oom_group = False
        self.children: list[MemoryGroup] = []
        self.processes: dict[int, Process] = {}
        self.charged_pages = 0
        self.kernel_pages = 0
        self.peak_pages = 0

    def path(self) -> Iterator[MemoryGroup]:
        """Walk from it to the root."""
        group: MemoryGroup | None = self
        while group is not None:
            yield group
            group = group.parent

    def tree(self) -> Iterator[MemoryGroup]:
        """Walk it and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.tree()

    @property
    def room_pages(self) -> int | None:
        """What still fits below its own limit; None for any amount."""
        return None if self.limit_pages is None else self.limit_pages - self.charged_pages


@dataclass(slots=True, eq=False)
class Process:
    """A process, as far as memory goes. Made by ``Memory.start``.

    Attributes:
        namespace: Of its PIDs.
        first: Whether it is PID 1 there.
        kernel_pages: Stack, task and other structures of the kernel.
        resident_pages: Anonymous ones.
    """

    pid: int
    group: MemoryGroup
    namespace: int
    first: bool
    oom_score_adj: int
    kernel_pages: int
    resident_pages: int = 0
    alive: bool = True

    @property
    def table_pages(self) -> int:
        """Of its page tables."""
        return -(-self.resident_pages // TABLE_REACH)


@dataclass(frozen=True, slots=True)
class OomKill:
    """One verdict of the out-of-memory killer.

    Attributes:
        where: The group that ran out; the root for the whole machine.
        chosen: The PID with the most points.
        victims: All that died of it, the chosen one first.
    """

    where: MemoryGroup
    chosen: int
    victims: tuple[Process, ...]


@dataclass(slots=True)
class Outcome:
    """What a demand led to.

    Attributes:
        granted_pages: Of those asked for.
        reclaimed_pages: File pages that were freed for it.
        kills: In order.
        denied: Why it was refused while the asker lives; None if it was not.
    """

    granted_pages: int
    reclaimed_pages: int
    kills: list[OomKill]
    denied: Literal["no-victim", "kmem"] | None = None


def more_tables(process: Process, pages: int) -> int:
    """Return how many pages of page tables some more anonymous pages of a process need."""
    return -(-(process.resident_pages + pages) // TABLE_REACH) - process.table_pages


def least_room(group: MemoryGroup) -> int:
    """Return what still fits below the limits of a group and of all above it; the root has one."""
    return min(room for each in group.path() if (room := each.room_pages) is not None)
