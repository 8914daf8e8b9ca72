"""The scheduler's queue: by priority, then arrival; what fits nowhere is parked by class.

Pods of one class fit the same minions, so while the head of a class waits, the rest of its class needs no
attempt. A parked class becomes active when something that could help happened: a minion on which it fits now.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from models.api.types import Phase, Pod

__all__ = ["SchedulingQueue"]

Entry = tuple[int, int, Pod]
"""(priority, negated; number in order of arrival, which no other has; the pod)"""


class SchedulingQueue:
    """Active pods in order, and parked classes.

    Args:
        by_class: Park by class (a policy that scores by class); else by pod.

    Attributes:
        parked: What waits for room, by class.
    """

    def __init__(self, *, by_class: bool) -> None:
        self._by_class = by_class
        self._active: list[Entry] = []
        self.parked: dict[int, list[Entry]] = {}
        self._causes: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._active)

    def _class(self, pod: Pod) -> int:
        return pod.template.index if self._by_class else pod.arrival

    def add(self, pod: Pod) -> bool:
        """Enter a new pod.

        Returns:
            Whether it is active; a pod of a parked class is parked without an attempt.
        """
        entry = (-pod.template.priority, pod.arrival, pod)
        parked = self.parked.get(self._class(pod)) if self.parked else None
        if parked is not None:
            heappush(parked, entry)
            return False
        heappush(self._active, entry)
        return True

    def pop(self) -> tuple[Pod, int] | None:
        """Take the first active pod, and the record that woke it (-1 if it is new); nothing if none is active."""
        if not self._active:
            return None
        pod = heappop(self._active)[2]
        return pod, self._causes.pop(pod.arrival, -1) if self._causes else -1

    def park(self, pod: Pod) -> None:
        """Park a pod whose attempt failed; pods of its class that wait behind it stay active in their turn."""
        entry = (-pod.template.priority, pod.arrival, pod)
        heappush(self.parked.setdefault(self._class(pod), []), entry)

    def bound(self, pod: Pod) -> None:
        """Say that a pod found room: the next of its class may try."""
        self._next_of(self._class(pod), None)

    def wake(self, could_fit: Callable[[Pod], bool], cause: int) -> None:
        """Activate the first pod of every parked class for which ``could_fit`` says yes."""
        for number in list(self.parked):
            self._next_of(number, could_fit, cause)

    def _next_of(self, number: int, could_fit: Callable[[Pod], bool] | None, cause: int = -1) -> None:
        waiting = self.parked.get(number)
        if waiting is None:
            return
        while waiting and waiting[0][2].phase is not Phase.PENDING:
            heappop(waiting)
        if waiting and (could_fit is None or could_fit(waiting[0][2])):
            entry = heappop(waiting)
            heappush(self._active, entry)
            if cause >= 0:
                self._causes[entry[1]] = cause
        if not waiting:
            del self.parked[number]
