"""How kubelets reach their master: each by its own client's limit, and not while it is cut off or the master is out."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from models.control.client import Master
from models.control.tokens import TokenBucket
from models.machines.fleet import Fleet

__all__ = ["KubeletCalls"]


class KubeletCalls:
    """The calls of all kubelets.

    Args:
        limits: (calls a second, burst) of each kubelet's own client.
        minions: How many there are.

    Attributes:
        cut: By minion: whether it is cut off from the master.
    """

    def __init__(self, fleet: Fleet, master: Master, limits: tuple[float, float], minions: int) -> None:
        self._fleet = fleet
        self._up = fleet.up
        self._master = master
        self._limits = None if math.isinf(limits[0]) else limits
        self._buckets: dict[int, TokenBucket] = {}
        self.cut = [False] * minions
        self._unsaid: dict[int, list[Callable[[], None]]] = {}

    def heard(self, minion: int) -> bool:
        """Whether the master hears a kubelet now."""
        return self._up[minion] and not self.cut[minion] and not self._master.down

    def say(self, minion: int, report: Callable[[], None]) -> None:
        """Report to the master: now (the delay was stamped before), or when it can be reached again.

        A crash before that takes the report with it.
        """
        if self.cut[minion]:
            self._unsaid.setdefault(minion, []).append(report)
        elif self._master.down:
            self._master.reach(self.unless_crashed(minion, partial(self.say, minion, report)))
        elif self._up[minion]:
            report()

    def unless_crashed(self, minion: int, then: Callable[[], None]) -> Callable[[], None]:
        """Return what does something if the minion has not crashed between now and then."""
        crashes = self._fleet.crashed[minion]

        def later() -> None:
            if self._up[minion] and self._fleet.crashed[minion] == crashes:
                then()

        return later

    def granted_s(self, minion: int, at_s: float) -> float:
        """Return when the kubelet's client lets a call through that it wants to make at a time."""
        if self._limits is None:
            return at_s
        bucket = self._buckets.get(minion)
        if bucket is None:
            bucket = self._buckets[minion] = TokenBucket(*self._limits)
        return bucket.reserve(at_s)

    def forget(self, minion: int) -> None:
        """Lose what was not said: the minion crashed."""
        self._unsaid.pop(minion, None)

    def catch_up(self, minion: int) -> None:
        """Say what was not said."""
        for report in self._unsaid.pop(minion, ()):
            report()
