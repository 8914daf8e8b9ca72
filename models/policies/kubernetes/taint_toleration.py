"""TaintToleration: taints keep pods off that do not tolerate them, or make a minion less liked."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import MinionAsScheduled, PodAsScheduled
from models.api.schedulingview import SchedulingView
from models.api.taints import NO_EXECUTE, NO_SCHEDULE, PREFER_NO_SCHEDULE, Taint, tolerates
from models.policies.kubernetes.plugin import Refused, normalised

__all__ = ["TaintFilter", "TaintScore"]

Ints = NDArray[np.int64]


def _first_untolerated(minion: MinionAsScheduled, pod: PodAsScheduled) -> Taint | None:
    for taint in minion.taints:
        if taint.effect in {NO_SCHEDULE, NO_EXECUTE} and not any(
            tolerates(each, taint) for each in pod.tolerations
        ):
            return taint
    return None


class TaintFilter:
    """Source: k/k:pkg/scheduler/framework/plugins/tainttoleration, v1.20.5."""

    name = "TaintToleration"

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """Its tolerations."""
        return pod.tolerations

    def passes(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> bool:
        """Tell whether the pod tolerates all that keeps pods off."""
        return not minion.taints or _first_untolerated(minion, pod) is None

    def refused(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> Refused:
        """Name the first taint that it does not tolerate."""
        taint = _first_untolerated(minion, pod)
        assert taint is not None, "the filter let it pass"
        said = f"node(s) had taint {{{taint.key}: {taint.value}}}, that the pod didn't tolerate"
        return Refused((said,), resolvable=False)


class TaintScore:
    """The fewer PreferNoSchedule taints are not tolerated, the better.

    Source: the same. Of the tolerations only those count that speak of every effect or of this one.
    """

    name = "TaintToleration"
    constant = 0
    stretched = True

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """Its tolerations."""
        return pod.tolerations

    def beside(self, view: SchedulingView, pod: PodAsScheduled) -> Hashable | None:
        """Nothing but the minion."""
        return None

    def raw(self, view: SchedulingView, minion: MinionAsScheduled, pod: PodAsScheduled) -> int:
        """Count what is not tolerated."""
        if not minion.taints:
            return 0
        heeded = [each for each in pod.tolerations if each.effect in {"", PREFER_NO_SCHEDULE}]
        return sum(
            taint.effect == PREFER_NO_SCHEDULE and not any(tolerates(each, taint) for each in heeded)
            for taint in minion.taints
        )

    def normal(self, raw: Ints) -> Ints:
        """None is 100, the most is 0."""
        return normalised(raw, reverse=True)
