"""Whom the kernel kills when memory runs out.

Badness is in pages (FACTS L16, mm/oom_kill.c ``oom_badness``):

    points = resident + swapped + page tables + oom_score_adj x floor(total / 1000)

where ``total`` is RAM and swap of the machine, or the limit of the cgroup that ran out (L17), and the division comes
first. A process with oom_score_adj -1000 is never chosen. Most points lose; of equals the one that is looked at last
(``oom_evaluate_task`` passes over a process only if it has fewer points than the one chosen so far).

What the kubelet writes into oom_score_adj (L29): Guaranteed and node-critical -997, BestEffort 1000, Burstable
1000 - floor(1000 x request / capacity), within 3 to 999; its own processes -999. The least Burstable value follows from
the code, where the documentation says 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, Protocol, TypeVar

__all__ = ["DAEMON_ADJ", "NEVER_ADJ", "Candidate", "badness", "choose_victim", "oom_score_adj"]

NEVER_ADJ: Final = -1000
"""oom_score_adj of a process that is never chosen."""
DAEMON_ADJ: Final = -999
"""oom_score_adj of kubelet and kube-proxy (L29)."""
_PROTECTED_ADJ: Final = -997
_MOST_BURSTABLE_ADJ: Final = 999
_LEAST_BURSTABLE_ADJ: Final = 3


class Candidate(Protocol):
    """A process that may be killed."""

    @property
    def resident_pages(self) -> int:
        """Anonymous pages in RAM; swapped ones count too."""

    @property
    def table_pages(self) -> int:
        """Pages of its page tables."""

    @property
    def oom_score_adj(self) -> int:
        """From -1000, never, to 1000, first."""


Chosen = TypeVar("Chosen", bound=Candidate)


def badness(process: Candidate, total_pages: int) -> int | None:
    """Return the points of a process, in pages; None if it is never chosen.

    Args:
        process: Who.
        total_pages: RAM and swap, or the limit of the cgroup that ran out.
    """
    if process.oom_score_adj == NEVER_ADJ:
        return None
    return process.resident_pages + process.table_pages + process.oom_score_adj * (total_pages // 1000)


def choose_victim(processes: Iterable[Chosen], total_pages: int) -> Chosen | None:
    """Return who is killed, None where nobody may be.

    Args:
        processes: In the order in which the kernel looks at them.
        total_pages: RAM and swap, or the limit of the cgroup that ran out.
    """
    chosen, most = None, 0
    for process in processes:
        points = badness(process, total_pages)
        if points is not None and (chosen is None or points >= most):
            chosen, most = process, points
    return chosen


def oom_score_adj(
    qos: Literal["Guaranteed", "Burstable", "BestEffort"],
    *,
    request_bytes: int,
    capacity_bytes: int,
    node_critical: bool = False,
) -> int:
    """Return what the kubelet writes for a container.

    Args:
        qos: Class of its pod.
        request_bytes: Memory that the container asks for.
        capacity_bytes: Memory of the minion.
        node_critical: Whether the pod has the priority of system-node-critical.
    """
    if node_critical or qos == "Guaranteed":
        return _PROTECTED_ADJ
    if qos == "BestEffort":
        return 1000
    adj = 1000 - 1000 * request_bytes // capacity_bytes
    return min(max(adj, _LEAST_BURSTABLE_ADJ), _MOST_BURSTABLE_ADJ)
