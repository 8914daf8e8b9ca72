"""The profile of the kube-scheduler: which plug-ins, in which order and with which weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.policies.kubernetes.image_locality import ImageLocality
from models.policies.kubernetes.inter_pod_affinity import AffinityFilter, AffinityScore
from models.policies.kubernetes.node_affinity import NODE_AFFINITY, NodeAffinityScore
from models.policies.kubernetes.node_name import NodeName
from models.policies.kubernetes.node_ports import NodePorts
from models.policies.kubernetes.node_unschedulable import NodeUnschedulable
from models.policies.kubernetes.plugin import MinionFilter, MinionScore, PodFilter, PodScore
from models.policies.kubernetes.prefer_avoid_pods import PreferAvoidPods
from models.policies.kubernetes.resource_block import ResourceScore
from models.policies.kubernetes.resource_scores import BalancedAllocation, LeastAllocated
from models.policies.kubernetes.resources_fit import ResourcesFit
from models.policies.kubernetes.taint_toleration import TaintFilter, TaintScore
from models.policies.kubernetes.topology_spread import SpreadFilter, SpreadScore

__all__ = ["KUBERNETES_1_20", "Profile"]


@dataclass(frozen=True)
class Profile:
    """Plug-ins.

    Attributes:
        minion_filters: By what a minion is; in order, before the others.
        pod_filters: By what pods are where, in order.
        minion_scores: Plug-in and weight.
        resource_scores: Plug-in and weight.
        pod_scores: Plug-in and weight.
    """

    minion_filters: tuple[MinionFilter, ...]
    pod_filters: tuple[PodFilter, ...]
    minion_scores: tuple[tuple[MinionScore, int], ...]
    resource_scores: tuple[tuple[ResourceScore, int], ...]
    pod_scores: tuple[tuple[PodScore, int], ...]

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of the filters, in order."""
        return (*(each.name for each in self.minion_filters), *(each.name for each in self.pod_filters))

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the plug-ins that score."""
        parts = (self.minion_scores, self.resource_scores, self.pod_scores)
        return tuple(each.name for part in parts for each, _ in part)


KUBERNETES_1_20: Final = Profile(
    minion_filters=(NodeUnschedulable(), NodeName(), TaintFilter(), NODE_AFFINITY),
    pod_filters=(NodePorts(), ResourcesFit(), SpreadFilter(), AffinityFilter()),
    minion_scores=(
        (ImageLocality(), 1),
        (NodeAffinityScore(), 1),
        (PreferAvoidPods(), 10_000),
        (TaintScore(), 1),
    ),
    resource_scores=((BalancedAllocation(), 1), (LeastAllocated(), 1)),
    pod_scores=(
        (AffinityScore(), 1),
        (SpreadScore(), 2),
    ),
)
"""The default profile of v1.20 (k/k:pkg/scheduler/algorithmprovider/registry.go), but for plug-ins about volumes."""
