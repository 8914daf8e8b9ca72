"""The eviction queues of all zones, each with one deadline for its next poll that finds something."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from models.control.evictionqueue import EvictionQueue, StaleEvictionQueue
from sim.engine import BELIEF, Deadline, Engine
from sim.streams import Streams

__all__ = ["ZoneQueues"]


class ZoneQueues:
    """By zone, the minions that wait for their NoExecute taint.

    Args:
        zones: Their keys.
        constants: The rate, the polls, and which of the queues it is.
        on_taken: Called with a minion whose turn it is.
    """

    def __init__(
        self,
        engine: Engine,
        streams: Streams,
        zones: Iterable[str],
        constants: Mapping[str, float],
        on_taken: Callable[[int], None],
    ) -> None:
        self._env = engine.env
        self._on_taken = on_taken
        poll_s = constants["eviction_queue_period_s"] + constants["eviction_queue_pass_s"]
        self._make = partial(
            StaleEvictionQueue if constants["eviction_stale_entries_count"] else EvictionQueue,
            constants["eviction_rate_per_s"],
            constants["eviction_burst_count"],
            poll_s,
            streams.stream("lifecycle.phase").at("polls", 0) * poll_s,
        )
        self._order = streams.stream("lifecycle.order")
        self._drawn = 0
        self._zones = list(zones)
        self._queues: dict[str, EvictionQueue | StaleEvictionQueue] = {
            zone: self._make() for zone in self._zones
        }
        self._polls = {zone: Deadline(engine, BELIEF, partial(self._poll, zone)) for zone in self._zones}

    def wants(self, zone: str, minion: int) -> bool:
        """Whether it changes anything to ask for a minion's taint.

        Simplified: nothing is asked for while a zone has no rate, as nothing would come of it.
        """
        queue = self._queues[zone]
        return queue.rate_per_s > 0 and queue.wants(minion)

    def add(self, zone: str, minion: int) -> None:
        """Ask for a minion's taint; call ``plan`` after."""
        self._queues[zone].add(self._env._now, minion)

    def remove(self, zone: str, minion: int) -> None:
        """Ask no more for the taint of a minion that is ready; call ``plan`` after."""
        self._queues[zone].remove(self._env._now, minion)

    def set_rates(self, rates: Mapping[str, float]) -> None:
        """Give zones other rates, minions a second; call ``plan`` after."""
        for zone, rate_per_s in rates.items():
            self._queues[zone].swap_rate(self._env._now, rate_per_s)

    def forget(self) -> None:
        """Begin with empty queues and full buckets."""
        self._queues = {zone: self._make() for zone in self._zones}
        self.plan()

    def plan(self) -> None:
        """Set each zone's deadline to its next poll that will find something."""
        for zone, queue in self._queues.items():
            due_s = queue.next_due(self._env._now)
            if due_s < math.inf:
                self._polls[zone].set(due_s)
            else:
                self._polls[zone].clear()

    def _draw(self) -> float:
        self._drawn += 1
        return self._order.at("taints", self._drawn)

    def _poll(self, zone: str) -> None:
        queue, now_s = self._queues[zone], self._env._now
        while (minion := queue.take(now_s, self._draw)) is not None:
            self._on_taken(minion)
        self.plan()
