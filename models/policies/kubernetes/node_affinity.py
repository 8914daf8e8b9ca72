"""NodeAffinity: the labels that a pod's minion must have, and those that it would like."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import MinionAsScheduled, PodAsScheduled
from models.api.schedulingview import SchedulingView
from models.policies.kubernetes.plugin import Refused, normalised

__all__ = ["NODE_AFFINITY", "NodeAffinityFilter", "NodeAffinityScore"]

Ints = NDArray[np.int64]


class NodeAffinityFilter:
    """All of the node selector, and one of the required terms.

    Source: k/k:pkg/scheduler/framework/plugins/nodeaffinity and helper/node_affinity.go, v1.20.5.
    """

    name = "NodeAffinity"

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """Selector and required terms; nothing where there are none."""
        if not pod.node_selector and pod.required_nodes is None:
            return None
        return pod.node_selector, pod.required_nodes

    def passes(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> bool:
        """Tell whether the minion is one that the pod may be on."""
        labels = minion.labels
        if any(labels.get(key) != value for key, value in pod.node_selector):
            return False
        terms = pod.required_nodes
        return terms is None or any(term.matches(labels, minion.name) for term in terms)

    def refused(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> Refused:
        """It is not."""
        return Refused(("node(s) didn't match Pod's node affinity",), resolvable=False)


NODE_AFFINITY = NodeAffinityFilter()
"""Topology spread asks it too: only minions that a pod may be on are places for it."""


class NodeAffinityScore:
    """The sum of the weights of the preferred terms that match. Source: the same."""

    name = "NodeAffinity"
    constant = 0
    stretched = True

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """The preferred terms."""
        return pod.preferred_nodes or None

    def beside(self, view: SchedulingView, pod: PodAsScheduled) -> Hashable | None:
        """Nothing but the minion."""
        return None

    def raw(self, view: SchedulingView, minion: MinionAsScheduled, pod: PodAsScheduled) -> int:
        """Add weights."""
        return sum(weight for weight, term in pod.preferred_nodes if term.matches(minion.labels, minion.name))

    def normal(self, raw: Ints) -> Ints:
        """The most is 100."""
        return normalised(raw)
