"""What a container does to its minion's kernel while it runs: what v1 cannot say, and what makes neighbours noisy.

All of it is frozen and hashable, as a template is. A law is drawn for each container of each pod, at each of its starts
and, where it says so, again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sim.distributions import Distribution

__all__ = ["CAPS", "Cap", "DiskUsage", "Forks", "PodUsage", "Usage"]

Cap = Literal["none", "shares", "quota", "quota-and-memory"]
CAPS: Final[tuple[Cap, ...]] = ("none", "shares", "quota", "quota-and-memory")
"""What of a container's requests and limits its kernel is told: nothing (threads compete as equals), the weight of its
request, its CPU limit too, or all, as the kubelet does."""


@dataclass(frozen=True, slots=True)
class Forks:
    """A fork bomb: from a time on a process of the container forks, and each that it makes does so too.

    Attributes:
        per_cpu_s: Children of each process for each second of CPU that it has.
        at_s: When, in seconds from the start of the run; of a container that starts later at its start.
        after: Seconds from the container's start; None with ``at_s`` None: at once.
        process_bytes: What each process holds besides what the kernel holds for it.
    """

    per_cpu_s: float
    at_s: float | None = None
    after: Distribution | None = None
    process_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """What a container moves to and from its minion's disk, in bytes a second, if nothing is in its way."""

    reads_bytes_per_s: float = 0.0
    writes_bytes_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container asks of CPUs and memory.

    Attributes:
        cpu: Millicores that it wants; None: as many cores as it has threads.
        of_request: The same as a share of its request.
        threads: Runnable at a time, so that it cannot use more cores; None: as many as it takes for what it wants.
        redraw_s: What it wants is drawn anew after so many seconds, and again; None: it stays.
        work: CPU seconds after which it ends by itself; None: it has no end.
        memory: Bytes that it holds from its start; None: nothing that anybody feels.
        leak_bytes_per_s: Bytes a second that it takes more and never gives back.
        most_bytes: What it takes at most; None: there is no end to it.
        in_child: A child of its first process holds that; where the kernel kills it the container goes on.
        disk: What it reads from its minion's disk and writes to it; None: nothing that anybody feels.
        reads_bytes: What it reads of its image's files at its start, from the bottom up.
        processes: Processes and threads that it has from its start, its first among them; None: nobody counts them.
        forks: Its fork bomb.
    """

    cpu: Distribution | None = None
    of_request: Distribution | None = None
    threads: int | None = None
    redraw_s: float | None = None
    work: Distribution | None = None
    memory: Distribution | None = None
    leak_bytes_per_s: float = 0.0
    most_bytes: int | None = None
    in_child: bool = False
    reads_bytes: int = 0
    processes: int | None = None
    forks: Forks | None = None
    disk: DiskUsage | None = None

    @property
    def takes_cpu(self) -> bool:
        """Whether it says anything of the CPUs."""
        return self.is_server or self.is_busy or self.forks is not None

    @property
    def is_busy(self) -> bool:
        """Whether it says of threads that are busy all the time."""
        return not self.is_server and (self.threads is not None or self.work is not None)

    @property
    def is_server(self) -> bool:
        """Whether it wants what is asked of it, and not as much as it can get."""
        return self.cpu is not None or self.of_request is not None


@dataclass(frozen=True, slots=True)
class PodUsage:
    """What a pod uses that is not described container by container.

    Attributes:
        usage: As of its only container.
        cap: What of its requests the kernel is told.
    """

    usage: Usage
    cap: Cap
