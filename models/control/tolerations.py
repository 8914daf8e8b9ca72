"""What taints do to pods: when they are evicted, where they may be scheduled, what admission adds.

As in Kubernetes 1.20 (nodelifecycle/scheduler/taint_manager.go: processPodOnNode, getMinTolerationTime;
plugin/pkg/admission/defaulttolerationseconds; scheduler plug-ins TaintToleration and NodeUnschedulable; FACTS K13).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from models.api.taints import (
    NO_EXECUTE,
    NOT_READY,
    PREFER_NO_SCHEDULE,
    UNREACHABLE,
    UNSCHEDULABLE,
    Taint,
    Toleration,
    matching_tolerations,
)

__all__ = ["admitted_tolerations", "eviction_delay", "eviction_time", "schedulable"]

_CORDON: Final = Taint(UNSCHEDULABLE, "NoSchedule")


def eviction_delay(taints: Sequence[Taint], tolerations: Sequence[Toleration]) -> float | None:
    """Return how long a pod may stay on a minion with these taints, in seconds.

    Returns:
        None if there is no NoExecute taint; 0 if one of them is not tolerated; else the least of the seconds
        of the tolerations that apply, ``inf`` if none of them has any. Of several tolerations of one taint
        the first applies, however long the others would bear it.
    """
    executing = [taint for taint in taints if taint.effect == NO_EXECUTE]
    if not executing:
        return None
    used = matching_tolerations(executing, tolerations)
    if used is None:
        return 0.0
    return max(0.0, min((t.seconds for t in used if t.seconds is not None), default=math.inf))


def eviction_time(
    delay_s: float | None, now_s: float, planned: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Return when a pod is evicted, after its minion's taints or its tolerations have changed.

    An untolerated taint evicts now. A plan that stands is kept as it is, whatever the taints that came since
    (1.20 compares two times of which the plan's is always the earlier, and does not cancel a plan when all
    that is left is tolerated for ever): so a change from not-ready to unreachable does not begin the 300 s
    anew. Only the last NoExecute taint that goes cancels it.

    Args:
        delay_s: What ``eviction_delay`` says now.
        now_s: The time.
        planned: (when the plan was made, when it is due), or None.

    Returns:
        The same two times of the plan that holds now; None if the pod stays.
    """
    if delay_s is None:
        return None
    if delay_s <= 0.0:
        return (now_s, now_s)
    if planned is not None:
        return planned
    return None if delay_s == math.inf else (now_s, now_s + delay_s)


def schedulable(
    taints: Sequence[Taint], tolerations: Sequence[Toleration], *, unschedulable: bool = False
) -> bool:
    """Tell whether a pod may be put on a minion with these taints, as the scheduler filters.

    Args:
        taints: Of the minion; PreferNoSchedule keeps nobody off.
        tolerations: Of the pod.
        unschedulable: The minion is cordoned (its taint may come later than its flag).
    """
    keeping = [taint for taint in taints if taint.effect != PREFER_NO_SCHEDULE]
    if unschedulable:
        keeping.append(_CORDON)
    return matching_tolerations(keeping, tolerations) is not None


def admitted_tolerations(
    tolerations: Sequence[Toleration], not_ready_s: float, unreachable_s: float
) -> tuple[Toleration, ...]:
    """Return a pod's tolerations as admission leaves them: of its minion's silence unless it says so itself.

    Args:
        tolerations: Of the manifest.
        not_ready_s: Seconds of not-ready borne by default (300: ``default_toleration_s``).
        unreachable_s: Seconds of unreachable borne by default.
    """
    added = tuple(
        Toleration(key, "Exists", effect=NO_EXECUTE, seconds=seconds)
        for key, seconds in ((NOT_READY, not_ready_s), (UNREACHABLE, unreachable_s))
        if not any(t.key in {key, ""} and t.effect in {NO_EXECUTE, ""} for t in tolerations)
    )
    return (*tolerations, *added)
