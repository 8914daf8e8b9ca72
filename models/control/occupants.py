"""Which pods a scheduler believes on each minion, and what becomes of a pod's chances when some of them go."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from models.api.types import TERMINATING, Pod
from models.cluster.belief import Belief
from models.control.preemption import Budget, Candidate, Occupant, select_victims

__all__ = ["Occupants"]


class Occupants:
    """Pods by minion, as believed.

    Args:
        belief: What is free; it is changed for a look, and changed back.
        minions: How many.
    """

    def __init__(self, belief: Belief, minions: int) -> None:
        self._belief = belief
        self._pods: list[dict[int, Pod]] = [{} for _ in range(minions)]
        self._devices: dict[int, tuple[int, ...]] = {}
        self._started_s: dict[int, float] = {}
        self._ending: dict[int, None] = {}
        self._of_priority: dict[int, int] = {}

    def has(self, pod: Pod, minion: int) -> bool:
        """Whether a pod is believed to be on a minion, or bound for it."""
        return pod.arrival in self._pods[minion]

    def add(self, pod: Pod, minion: int, devices: tuple[int, ...] = ()) -> None:
        """Believe a pod on a minion."""
        self._pods[minion][pod.arrival] = pod
        if devices:
            self._devices[pod.arrival] = devices
        priority = pod.template.priority
        self._of_priority[priority] = self._of_priority.get(priority, 0) + 1

    def remove(self, pod: Pod, minion: int) -> None:
        """Believe a pod gone."""
        if self._pods[minion].pop(pod.arrival, None) is None:
            return
        self._devices.pop(pod.arrival, None)
        self._started_s.pop(pod.arrival, None)
        self._ending.pop(pod.arrival, None)
        priority = pod.template.priority
        self._of_priority[priority] -= 1
        if not self._of_priority[priority]:
            del self._of_priority[priority]

    def see(self, pod: Pod, word: int, time_s: float) -> None:
        """See something new of a pod that is bound: when it first is, the kubelet takes it then; times are whole s."""
        self._started_s.setdefault(pod.arrival, math.floor(time_s))
        if word & TERMINATING:
            self._ending[pod.arrival] = None

    def anybody_below(self, priority: int) -> bool:
        """Whether any pod has a lower priority."""
        return any(each < priority for each in self._of_priority)

    def ends_below(self, priority: int, minion: int) -> bool:
        """Whether a pod of lower priority is being deleted on a minion."""
        return any(
            arrival in self._ending and pod.template.priority < priority
            for arrival, pod in self._pods[minion].items()
        )

    def named(self, candidate: Candidate) -> list[Pod]:
        """Return the victims of a candidate, in order."""
        return [self._pods[candidate.minion][each.number] for each in candidate.victims]

    def dry_run(
        self,
        minion: int,
        priority: int,
        fits: Callable[[], bool],
        now_s: float,
        *,
        before: Sequence[Pod] = (),
        budgets: Sequence[Budget] = (),
    ) -> Candidate | None:
        """Find the victims on a minion.

        Args:
            minion: The minion.
            priority: Of the pod that needs room.
            fits: Whether it fits there by what is believed at that moment.
            now_s: Time.
            before: Pods that are nominated for the minion and for which room must be left.
            budgets: Disruption budgets.
        """
        lower = [pod for pod in self._pods[minion].values() if pod.template.priority < priority]
        if not lower:
            return None
        by_number = {pod.arrival: pod for pod in lower}
        kept: list[int] = []

        def fits_with(pods: Sequence[Occupant]) -> bool:
            # Asked with one pod more or less each time: what is alike stays.
            while kept and (len(kept) > len(pods) or pods[len(kept) - 1].number != kept[-1]):
                self._pretend(by_number[kept.pop()], minion, 1)
            for each in pods[len(kept) :]:
                kept.append(each.number)
                self._pretend(by_number[each.number], minion, -1)
            return fits()

        for pod in before:
            self._pretend(pod, minion, -1)
        for pod in lower:
            self._pretend(pod, minion, 1)
        found = select_victims(minion, [self._occupant(pod, now_s) for pod in lower], fits_with, budgets)
        for pod in lower:
            if pod.arrival not in kept:
                self._pretend(pod, minion, -1)
        for pod in before:
            self._pretend(pod, minion, 1)
        return found

    def fits_beside(self, minion: int, before: Sequence[Pod], fits: Callable[[], bool]) -> bool:
        """Tell whether a pod fits on a minion beside pods that are nominated for it."""
        for pod in before:
            self._pretend(pod, minion, -1)
        found = fits()
        for pod in before:
            self._pretend(pod, minion, 1)
        return found

    def _pretend(self, pod: Pod, minion: int, sign: int) -> None:
        self._belief.pretend(pod, minion, self._devices.get(pod.arrival, ()), sign)

    def _occupant(self, pod: Pod, now_s: float) -> Occupant:
        template = pod.template
        start_s = self._started_s.get(pod.arrival, now_s)
        return Occupant(pod.arrival, template.priority, start_s, template.namespace, dict(pod.labels))
