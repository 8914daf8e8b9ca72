"""The kube-scheduler's default profile as a policy of scenarios."""

from __future__ import annotations

from dataclasses import dataclass, replace

from models.api.schedulingview import SchedulingView
from models.policies.kubernetes.decider import Decider
from models.policies.kubernetes.profile import KUBERNETES_1_20
from models.policies.kubernetes.resource_block import ResourceScore
from models.policies.kubernetes.resource_scores import CapacityRatio, LeastAllocated, MostAllocated

__all__ = ["STRATEGIES", "Kubernetes"]

STRATEGIES: dict[str, ResourceScore] = {
    "least-allocated": LeastAllocated(),
    "most-allocated": MostAllocated(),
    "capacity-ratio": CapacityRatio(),
}
"""What may stand where the default profile has LeastAllocated."""


@dataclass(frozen=True)
class Kubernetes:
    """As shipped with v1.20, but for plug-ins about volumes.

    Attributes:
        ties: ``random``, as the real one, or ``first``.
        device: GPU device for a fraction: ``least`` or ``random``; the real one knows none.
        percentage: percentageOfNodesToScore; 0: adaptive, as shipped.
        strategy: How resources are scored: ``least-allocated``, ``most-allocated`` or ``capacity-ratio``.
    """

    ties: str = "random"
    device: str = "least"
    percentage: int = 0
    strategy: str = "least-allocated"

    def decider(self, view: SchedulingView) -> Decider:
        """Return what decides about pods on a view."""
        chosen = STRATEGIES[self.strategy]
        scores: tuple[tuple[ResourceScore, int], ...] = tuple(
            (chosen if each.name == LeastAllocated().name else each, weight)
            for each, weight in KUBERNETES_1_20.resource_scores
        )
        return Decider(replace(KUBERNETES_1_20, resource_scores=scores), view, self.percentage)
