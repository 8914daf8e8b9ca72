"""NodeName: a pod that names its minion goes there or nowhere."""

from __future__ import annotations

from collections.abc import Hashable

from models.api.scheduling import MinionAsScheduled, PodAsScheduled
from models.policies.kubernetes.plugin import Refused

__all__ = ["NodeName"]


class NodeName:
    """Source: k/k:pkg/scheduler/framework/plugins/nodename, v1.20.5."""

    name = "NodeName"

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """The name that it asks for."""
        return pod.node_name or None

    def passes(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> bool:
        """Tell whether this is the one."""
        return minion.name == pod.node_name

    def refused(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> Refused:
        """It is another."""
        return Refused(("node(s) didn't match the requested hostname",), resolvable=False)
