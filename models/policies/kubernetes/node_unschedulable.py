"""NodeUnschedulable: a cordoned minion takes only pods that tolerate it."""

from __future__ import annotations

from collections.abc import Hashable

from models.api.scheduling import MinionAsScheduled, PodAsScheduled
from models.api.taints import NO_SCHEDULE, UNSCHEDULABLE, Taint, tolerates
from models.policies.kubernetes.plugin import Refused

__all__ = ["NodeUnschedulable"]

_TAINT = Taint(UNSCHEDULABLE, NO_SCHEDULE)


class NodeUnschedulable:
    """Source: k/k:pkg/scheduler/framework/plugins/nodeunschedulable, v1.20.5."""

    name = "NodeUnschedulable"

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """Nothing where the pod tolerates a cordon."""
        return None if any(tolerates(each, _TAINT) for each in pod.tolerations) else True

    def passes(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> bool:
        """Tell whether the minion is open."""
        return not minion.unschedulable

    def refused(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> Refused:
        """It is cordoned."""
        return Refused(("node(s) were unschedulable",), resolvable=False)
