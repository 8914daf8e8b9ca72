"""How many minions are looked at: percentageOfNodesToScore, in the order of the tree of zones, from a moving start.

Source: k/k:pkg/scheduler/core/generic_scheduler.go, numFeasibleNodesToFind() and findNodesThatPassFilters(), and
internal/cache/node_tree.go, v1.20.5. Simplified: the real one looks with sixteen workers at a time and so may look at
some more than it needs; here they are looked at one by one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.api.schedulingview import SchedulingView

__all__ = ["Sampling", "minions_to_find"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEAST_MINIONS: Final = 100
"""As many are looked for at least."""
LEAST_PERCENTAGE: Final = 5
"""Of the adaptive percentage."""
_REGIONS: Final = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")
_ZONES: Final = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")


def minions_to_find(count: int, percentage: int) -> int:
    """Return how many feasible minions end the search.

    Args:
        count: Minions.
        percentage: Of them; 0: adaptive, 50 less 1 for each 125 minions, at least 5.
    """
    if count < LEAST_MINIONS or percentage >= 100:
        return count
    asked = percentage if percentage > 0 else max(50 - count // 125, LEAST_PERCENTAGE)
    return max(count * asked // 100, LEAST_MINIONS)


class Sampling:
    """Where the search begins, and where it ends.

    Args:
        view: The minions.
        percentage: As in ``minions_to_find``.
    """

    def __init__(self, view: SchedulingView, percentage: int) -> None:
        self._view = view
        self._percentage = percentage
        self._statics = -1
        self._twice: Ints = np.empty(0, dtype=np.int64)
        self._wanted = 0
        self._start = 0

    @property
    def cuts(self) -> bool:
        """Whether not all minions are looked for."""
        count = len(self._view.minions)
        return minions_to_find(count, self._percentage) < count

    def found(self, feasible: Bools) -> Ints:
        """Return the feasible minions that a search finds, by index; the next one begins where it ended."""
        count, view = feasible.size, self._view
        if self._statics != view.statics:
            self._statics = view.statics
            self._wanted = minions_to_find(count, self._percentage)
            self._twice = np.tile(tree_order(view), 2)
        wanted, looked_at = self._wanted, 0
        found: list[Ints] = []
        missing = wanted
        while missing and looked_at < count:
            # As many again as there are to be found, and no fewer than there were before.
            until = min(count, looked_at + max(2 * missing, looked_at))
            ahead = self._twice[self._start + looked_at : self._start + until]
            places = np.flatnonzero(feasible.take(ahead))[:missing]
            found.append(ahead.take(places))
            missing -= places.size
            looked_at = until if missing else looked_at + int(places[-1]) + 1
        self._start = (self._start + looked_at) % count
        rows = found[0] if len(found) == 1 else np.concatenate(found)
        rows.sort()
        return rows


def tree_order(view: SchedulingView) -> Ints:
    """Return the minions zone by zone in turn: the first of each, the second of each, and so on."""
    zones: dict[tuple[str, str], list[int]] = {}
    for index, minion in enumerate(view.minions):
        region, zone = (
            next((minion.labels[key] for key in keys if minion.labels.get(key)), "")
            for keys in (_REGIONS, _ZONES)
        )
        zones.setdefault((region, zone), []).append(index)
    longest = max((len(each) for each in zones.values()), default=0)
    order = [each[n] for n in range(longest) for each in zones.values() if n < len(each)]
    return np.array(order, dtype=np.int64)
