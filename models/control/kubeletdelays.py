"""How long kubelets take: laws, in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from models.control.client import Law

__all__ = ["KubeletDelays"]


@dataclass(frozen=True)
class KubeletDelays:
    """Laws of a kubelet's delays, in seconds.

    Attributes:
        lag: From a commit to the kubelet's knowledge of it.
        start: From that to running.
        ready: From running to ready.
        terminate: From knowing of the deletion to being gone.
        reports_again: After a return it reports again which of its pods are ready.
    """

    lag: Law
    start: Law
    ready: Law
    terminate: Law
    reports_again: bool = True
