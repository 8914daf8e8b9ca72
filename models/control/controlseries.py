"""What the series show of controllers and services: pods desired, live and ready of each, and its ready endpoints."""

from __future__ import annotations

from models.control.replicationbelief import ACTIVE
from sim.series import Gauges, SeriesBook

__all__ = ["ControlSeries"]

# What a change from one state word to another adds to a controller's live pods, and to its ready ones.
_MOVES = tuple(
    tuple(
        (
            ACTIVE[after] - ACTIVE[before],
            (ACTIVE[after] and after >> 4 & 1) - (ACTIVE[before] and before >> 4 & 1),
        )
        for after in range(64)
    )
    for before in range(64)
)


class ControlSeries:
    """The gauges of all controllers and services, by identity; pods of other owners move none."""

    def __init__(self, series: SeriesBook) -> None:
        self._series = series
        self._controllers: dict[int, Gauges] = {}
        self._services: dict[int, Gauges] = {}
        self._changes: dict[tuple[int, tuple[int, int]], int] = {}

    def add_controller(self, identity: int, text: str, desired: int) -> None:
        """Begin a controller's series, with no pods."""
        words = ("controller_desired", "controller_live", "controller_ready")
        self._controllers[identity] = self._series.gauges(words, text)
        self.want(identity, desired)

    def add_service(self, identity: int, text: str) -> None:
        """Begin a service's series, with no endpoints."""
        self._services[identity] = self._series.gauges(("endpoints_ready",), text)

    def want(self, identity: int, more: int) -> None:
        """Let a controller want so many pods more, or fewer below 0."""
        self._controllers[identity].add((more, 0, 0))

    def written(self, identity: int, more: int) -> None:
        """Let a service have so many ready endpoints more, or fewer below 0."""
        self._services[identity].add((more,))

    def created(self, owner: int) -> None:
        """Count a new pod."""
        self._move(owner, (1, 0))

    def changed(self, owner: int, before: int, after: int) -> None:
        """Count what a pod's change from one state word to another comes to."""
        self._move(owner, _MOVES[before][after])

    def owned(self, old: int, new: int, word: int) -> None:
        """Let a pod in a state be another owner's."""
        if ACTIVE[word]:
            ready = word >> 4 & 1
            self._move(old, (-1, -ready))
            self._move(new, (1, ready))

    def _move(self, owner: int, pair: tuple[int, int]) -> None:
        # HOT: a few a pod, so a change has a number for good.
        if pair == (0, 0) or owner not in self._controllers:
            return
        key = (owner, pair)
        number = self._changes.get(key)
        if number is None:
            number = self._changes[key] = self._series.change((self._controllers[owner], (0, *pair)))
        self._series.add(number)
