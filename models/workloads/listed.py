"""Pods that are there from the start: those of manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.api.expected import ExpectedPod
from models.api.types import Arrival, PodAsk

__all__ = ["Listed"]


@dataclass(frozen=True)
class Listed:
    """Pods created together at time 0."""

    pods: Sequence[PodAsk]

    def arrivals(self) -> Iterator[Arrival]:
        """Yield all pods at once, if there are any."""
        if self.pods:
            yield 0.0, list(self.pods)

    def offered(self, capacity: Mapping[str, float]) -> Mapping[str, float]:
        """Return nothing: they stay for ever, so no load is offered by a rate."""
        return {}

    def expected(self, until_s: float) -> Sequence[ExpectedPod]:
        """Return them one by one."""
        return [ExpectedPod.like(ask) for ask in self.pods]
