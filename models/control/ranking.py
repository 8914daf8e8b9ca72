"""In which order a controller deletes pods.

As in Kubernetes 1.20 (controller_utils.go: ActivePodsWithRanks; replica_set.go: getPodsToDelete; FACTS 1.4 and
'In 1.20'): there is no deletion cost and no logarithm of age yet. Times read through the API are whole seconds,
and the pods come out of a map in no order, so equals are deleted in random order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, TypeVar

from models.api.types import Phase

__all__ = ["Rankable", "pods_to_delete", "related_on_minion"]

# Pending, (Unknown,) Running: bound but not started is still Pending in v1; nothing sets Unknown in 1.20.
_PHASE_ORDER: Final = {Phase.PENDING: 0, Phase.BOUND: 0, Phase.RUNNING: 2}


class Rankable(Protocol):
    """What the order looks at. Pods are active: neither terminating nor finished."""

    @property
    def minion(self) -> int:
        """Index of its minion, negative for none."""
        ...

    @property
    def phase(self) -> Phase:
        """Its phase."""
        ...

    @property
    def ready(self) -> bool:
        """Its Ready condition."""
        ...

    @property
    def ready_since_s(self) -> float:
        """When it last became ready; read only of a ready pod."""
        ...

    @property
    def restarts(self) -> int:
        """The most restarts of any of its containers."""
        ...

    @property
    def created_s(self) -> float:
        """When it was created."""
        ...


P = TypeVar("P", bound=Rankable)


def related_on_minion(related: Iterable[Rankable]) -> Counter[int]:
    """Count related pods by minion, for ``rank_of``.

    Args:
        related: Active pods that match the selector of this controller, or of one with the same owner; who
            owns the pods is not asked.
    """
    return Counter(pod.minion for pod in related)


def pods_to_delete(
    pods: Sequence[P], count: int, rank_of: Callable[[P], int], draw: Callable[[int], float]
) -> list[P]:
    """Return the pods to delete, first to last.

    First goes what is unassigned; is Pending before Running; is not ready; has more related pods on its
    minion; has been ready for a shorter time; has restarted more often; is newer.

    Args:
        pods: The controller's active pods.
        count: How many to delete. If that is all, no order is made.
        rank_of: How many related pods are on a pod's minion; is called once a pod.
        draw: The draw of the pod at a place in ``pods``: in random order of these go equals.
    """
    if count >= len(pods):
        return list(pods)
    keyed = [(_key(pod, rank_of(pod)), draw(place), place) for place, pod in enumerate(pods)]
    keyed.sort()
    return [pods[place] for _, _, place in keyed[: max(count, 0)]]


def _key(pod: Rankable, rank: int) -> tuple[int, int, int, int, int, int, int]:
    return (
        int(pod.minion >= 0),
        _PHASE_ORDER[pod.phase],
        int(pod.ready),
        -rank,
        -math.floor(pod.ready_since_s) if pod.ready else 0,
        -pod.restarts,
        -math.floor(pod.created_s),
    )
