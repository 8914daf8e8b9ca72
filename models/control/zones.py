"""How many minions of a zone are gone, and how fast the rest of its dead ones may be tainted.

As in Kubernetes 1.20 (node_lifecycle_controller.go: ComputeZoneState, handleDisruption, ReducedQPSFunc;
FACTS K15 to K21). States are reckoned at the monitor's passes only.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = [
    "Disruption",
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
