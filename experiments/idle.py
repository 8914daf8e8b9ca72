"""What is free while somebody waits for it: the room that a policy's placements have made useless for those who come.

Capacity that no template of the workload fits is *stranded*; but as long as one small kind of pod fits, nothing is
stranded in that sense. Here those count who wait now: *wanted* is what they ask for, *free* is allocatable less
requested over ready minions, and

    idle(t) = min(free(t), wanted(t))

is what would be in use if free room were one big minion. It is not 0 for any policy: a pod may be too big for every
minion there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from experiments.lives import Pods
from experiments.steps import NOTHING, Steps

__all__ = ["WAITED_FOR", "free_steps", "idle_steps", "wanted_steps"]

WAITED_FOR: Final = ("cpu_millicores", "memory_bytes", "gpu_milli")
"""Resources that are looked at; the records say how much of each a pod asks for."""


def wanted_steps(pods: Pods, column: str) -> Steps:
    """Return how much of a resource the pods that wait for a minion ask for, in the column's unit.

    A pod waits from its creation until it is bound or ends unbound.

    Args:
        pods: All of a run.
        column: One of :data:`WAITED_FOR`.
    """
    until_s = np.where(np.isnan(pods.bound_s), pods.ended_s, pods.bound_s)
    # Who waits still has no such time, and no comparison with it holds.
    waits = ~pods.found & ~(until_s <= pods.created_s) & (pods.requests[column] > 0)
    over = waits & ~np.isnan(until_s)
    if not waits.any():
        return NOTHING
    amounts = pods.requests[column].astype(np.float64)
    times_s, place = np.unique(np.concatenate([pods.created_s[waits], until_s[over]]), return_inverse=True)
    # Whole numbers below 2**53: the sums are exact.
    change = np.bincount(place, np.concatenate([amounts[waits], -amounts[over]]), minlength=len(times_s))
    return Steps(times_s, np.cumsum(change))


def free_steps(steps: Mapping[str, Steps], column: str) -> Steps:
    """Return how much of a resource is free on ready minions, from the series of the cluster."""
    whole, used = (steps.get(f"{kind}_{column}", NOTHING) for kind in ("allocatable", "requested"))
    at_s = np.union1d(whole.times_s, used.times_s)
    return Steps(at_s, whole.at(at_s) - used.at(at_s))


def idle_steps(free: Steps, wanted: Steps) -> Steps:
    """Return the lesser of what is free and what is wanted, over time."""
    at_s = np.union1d(free.times_s, wanted.times_s)
    return Steps(at_s, np.minimum(free.at(at_s), wanted.at(at_s)))
