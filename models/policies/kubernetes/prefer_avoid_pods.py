"""NodePreferAvoidPods: a minion may ask to be spared the pods of a controller."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import MinionAsScheduled, PodAsScheduled
from models.api.schedulingview import SchedulingView
from models.policies.kubernetes.plugin import MAX_SCORE

__all__ = ["PreferAvoidPods"]

Ints = NDArray[np.int64]
_HEEDED = ("ReplicationController", "ReplicaSet")


class PreferAvoidPods:
    """Source: k/k:pkg/scheduler/framework/plugins/nodepreferavoidpods, v1.20.5."""

    name = "NodePreferAvoidPods"
    constant = MAX_SCORE
    stretched = False

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """Its controller, where it is of a kind that is heeded."""
        return pod.controller if pod.controller is not None and pod.controller[0] in _HEEDED else None

    def beside(self, view: SchedulingView, pod: PodAsScheduled) -> Hashable | None:
        """Nothing but the minion."""
        return None

    def raw(self, view: SchedulingView, minion: MinionAsScheduled, pod: PodAsScheduled) -> int:
        """Nothing where the minion names the controller, else 100."""
        return 0 if pod.controller in minion.avoids else MAX_SCORE

    def normal(self, raw: Ints) -> Ints:
        """It is from 0 to 100 already."""
        return raw
