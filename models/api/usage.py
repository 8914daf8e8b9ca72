"""What a container does to its minion's kernel while it runs: what v1 cannot say, and what makes neighbours noisy.

All of it is frozen and hashable, as a template is. A law is drawn for each container of each pod, at each of its starts
and, where it says so, again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sim.distributions import Distribution

__all__ = ["CAPS", "Cap", "PodUsage", "Usage"]

Cap = Literal["none", "shares", "quota", "quota-and-memory"]
CAPS: Final[tuple[Cap, ...]] = ("none", "shares", "quota", "quota-and-memory")
"""What of a container's requests and limits its kernel is told: nothing (threads compete as equals), the weight of its
request, its CPU limit too, or all, as the kubelet does."""


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
        reads_bytes: What it reads of its image's files at its start, from the bottom up.
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

    @property
    def takes_cpu(self) -> bool:
        """Whether it says anything of the CPUs."""
        return self.is_server or self.threads is not None or self.work is not None

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
