"""Which minions room is being made on, and for whom: the scheduler's own book of it.

Source: k/k:pkg/scheduler/internal/queue/scheduling_queue.go, nominatedPodMap, v1.20.2.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.api.types import Pod

__all__ = ["Nominations"]


class Nominations:
    """Pods by the minion that they are nominated for."""

    def __init__(self) -> None:
        self._minion_of: dict[int, int] = {}
        self._pods: dict[int, dict[int, Pod]] = {}

    def minion_of(self, pod: Pod) -> int:
        """Return the minion that a pod is nominated for, or -1."""
        return self._minion_of.get(pod.arrival, -1)

    def set(self, pod: Pod, minion: int) -> None:
        """Nominate a minion for a pod, and no other."""
        self.forget(pod)
        self._minion_of[pod.arrival] = minion
        self._pods.setdefault(minion, {})[pod.arrival] = pod

    def forget(self, pod: Pod) -> None:
        """Let no minion be nominated for a pod."""
        minion = self._minion_of.pop(pod.arrival, -1)
        if minion >= 0:
            there = self._pods[minion]
            del there[pod.arrival]
            if not there:
                del self._pods[minion]

    def at_least(self, pod: Pod, minion: int) -> list[Pod]:
        """Return the other pods for whom a minion is nominated and that go before this one, or are its equals."""
        priority = pod.template.priority
        return [
            each
            for each in self._pods.get(minion, {}).values()
            if each.template.priority >= priority and each is not pod
        ]

    def below(self, pod: Pod, minion: int) -> list[Pod]:
        """Return the pods for whom a minion is nominated and that this one goes before."""
        priority = pod.template.priority
        return [each for each in self._pods.get(minion, {}).values() if each.template.priority < priority]

    def minions(self) -> Iterator[int]:
        """Return the minions that are nominated for anybody."""
        return iter(self._pods)
