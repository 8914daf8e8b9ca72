"""How many minions of a zone are gone, and how fast the rest of its dead ones may be tainted.

As in Kubernetes 1.20 (node_lifecycle_controller.go: ComputeZoneState, handleDisruption, ReducedQPSFunc;
scheduler/rate_limited_queue.go; FACTS K15 to K22). States are reckoned at the monitor's passes only.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from models.control.tokens import TokenBucket

__all__ = [
    "Disruption",
    "EvictionQueue",
    "ZoneCount",
    "ZoneRules",
    "ZoneState",
    "disruption",
    "eviction_rate",
    "zone_key",
    "zone_state",
]

_ZONE_LABELS: Final = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")
_REGION_LABELS: Final = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")


class ZoneState(enum.Enum):
    """What the monitor thinks of a zone; Initial until its first pass over it."""

    INITIAL = "Initial"
    NORMAL = "Normal"
    PARTIAL = "PartialDisruption"
    FULL = "FullDisruption"


class ZoneCount(NamedTuple):
    """Minions of a zone by what the monitor believes: Ready is True, or anything else."""

    ready: int
    not_ready: int


class ZoneRules(NamedTuple):
    """The constants of zones.

    Attributes:
        rate_per_s: Minions tainted a second in a healthy zone (K15).
        secondary_per_s: The same in a large zone that is partly gone (K16).
        unhealthy_ratio: A zone is partly gone from this share of its minions on (K17) ...
        unhealthy_min_count: ... and this many of them.
        large_count: A zone with more minions than this is large (K18).
    """

    rate_per_s: float
    secondary_per_s: float
    unhealthy_ratio: float
    unhealthy_min_count: int
    large_count: int

    @classmethod
    def of(cls, constants: Mapping[str, float]) -> ZoneRules:
        """Return the rules of a version's table of constants."""
        return cls(
            constants["eviction_rate_per_s"],
            constants["secondary_eviction_rate_per_s"],
            constants["unhealthy_zone_ratio"],
            int(constants["unhealthy_zone_min_count"]),
            int(constants["large_zone_count"]),
        )


def zone_key(labels: Mapping[str, str]) -> str:
    """Return the zone of a minion as ``region:zone`` by its labels, empty if it has neither.

    The old failure-domain labels win over the topology ones where both are set, as in 1.20 (GetZoneKey).
    """
    region, zone = _first(labels, _REGION_LABELS), _first(labels, _ZONE_LABELS)
    # NUL, which no label holds, keeps a colon in a name from making two zones one.
    return f"{region}:\0:{zone}" if region or zone else ""


def _first(labels: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((labels[key] for key in keys if key in labels), "")


def zone_state(ready: int, not_ready: int, rules: ZoneRules) -> ZoneState:
    """Return the state of a zone with these many minions."""
    if ready == 0 and not_ready > 0:
        return ZoneState.FULL
    enough = not_ready >= rules.unhealthy_min_count
    if enough and not_ready / (ready + not_ready) >= rules.unhealthy_ratio:
        return ZoneState.PARTIAL
    return ZoneState.NORMAL


def eviction_rate(state: ZoneState, zone_size: int, rules: ZoneRules) -> float:
    """Return the minions that may be tainted in a zone a second; a dead zone goes at the normal rate (K19)."""
    if state is ZoneState.PARTIAL:
        return rules.secondary_per_s if zone_size > rules.large_count else 0.0
    return rules.rate_per_s


class Disruption(NamedTuple):
    """What a pass makes of the zones.

    Attributes:
        states: The state of every zone from now on.
        rates: New rates a second, of those zones only whose rate is to be set.
        entered: All zones are dead since this pass: the monitor doubts itself, takes the taints from all
            minions (and each out of its queue), and stops all eviction (K20).
        left: That is over: every minion gets a fresh grace from this pass on (K21).
    """

    states: Mapping[str, ZoneState]
    rates: Mapping[str, float]
    entered: bool = False
    left: bool = False


def disruption(before: Mapping[str, ZoneState], now: Mapping[str, ZoneCount], rules: ZoneRules) -> Disruption:
    """Return what one pass makes of the zones.

    A zone whose state stays as it was keeps its rate, even if it has grown from small to large (1.20 sets a
    limiter only on a change of state). A zone without minions is forgotten.

    Args:
        before: States as the last pass left them; a zone that is not there is new: Initial.
        now: Minions of each zone; none of them is empty.
        rules: The constants.
    """
    states = {zone: zone_state(count.ready, count.not_ready, rules) for zone, count in now.items()}
    old = {zone: before.get(zone, ZoneState.INITIAL) for zone in now}
    all_dead = all(state is ZoneState.FULL for state in states.values())
    all_were_dead = all(state is ZoneState.FULL for state in old.values())
    if all_dead and all_were_dead:
        return Disruption(states, {})
    if all_dead:
        return Disruption(states, dict.fromkeys(states, 0.0), entered=True)
    rates = {
        zone: eviction_rate(state, sum(now[zone]), rules)
        for zone, state in states.items()
        if all_were_dead or state is not old[zone]
    }
    return Disruption(states, rates, left=all_were_dead)


class EvictionQueue:
    """The minions of one zone that wait for their NoExecute taint: first come, first tainted.

    A poll looks at the queue every 100 ms (K22) and takes what the zone's bucket gives; the polls are a grid of
    integer microseconds, and the next one that will find something is computed. The monitor asks for a minion's
    taint at every pass until it is there, and every time puts another entry behind (1.20 takes the name out of the
    queue's set, but not its entry out of the heap): an entry whose minion is tainted by then costs a token and
    changes nothing, so that slots are lost, as recorded.

    Args:
        rate_per_s: Minions a second; at 0 none at all, whatever the burst.
        burst: Size of the bucket.
        period_s: From poll to poll.
        phase_s: Time of some poll.
    """

    __slots__ = ("_bucket", "_burst", "_period_us", "_phase_us", "_waiting")

    def __init__(self, rate_per_s: float, burst: float, period_s: float, phase_s: float) -> None:
        self._bucket = TokenBucket(rate_per_s, burst)
        self._burst = burst
        self._period_us = round(period_s * 1e6)
        self._phase_us = round(phase_s * 1e6) % self._period_us
        self._waiting: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def rate_per_s(self) -> float:
        """Minions a second at present."""
        return self._bucket.rate_per_s

    def add(self, minion: int) -> None:
        """Put an entry for a minion behind all others."""
        self._waiting.append(minion)

    def remove(self, minion: int) -> None:
        """Take out one entry of a minion that is ready again, if there is one."""
        if minion in self._waiting:
            self._waiting.remove(minion)

    def next_due(self, now_s: float) -> float:
        """Return the first poll, at or after a time, that will find a minion and a token; ``inf`` for none."""
        if not self._waiting or self._bucket.rate_per_s <= 0.0:
            return math.inf
        ready_s = self._bucket.ready_at(now_s)
        since_phase_us = round(max(now_s, ready_s) * 1e6) - self._phase_us
        return (-(-since_phase_us // self._period_us) * self._period_us + self._phase_us) / 1e6

    def take(self, now_s: float) -> int | None:
        """Take the first entry at a poll, if there is one and a token for it.

        A poll goes on until one of them is missing: call it again at the same time until it returns nothing.
        """
        if not self._waiting or self._bucket.rate_per_s <= 0.0 or not self._bucket.try_take(now_s):
            return None
        return self._waiting.popleft()

    def swap_rate(self, now_s: float, rate_per_s: float) -> None:
        """Exchange the bucket for one of another rate; the same rate changes nothing.

        The new bucket is full if the old one had a token, else empty; an old rate of 0 never has one (a bucket
        that never accepts), so a zone that evicts again waits for a first token: 10 s at 0.1 a second.
        """
        old = self._bucket
        if old.rate_per_s == rate_per_s:
            return
        had = old.rate_per_s > 0.0 and old.try_take(now_s)
        self._bucket = TokenBucket(rate_per_s, self._burst)
        if rate_per_s > 0.0 and not had:
            self._bucket.reserve(now_s)
