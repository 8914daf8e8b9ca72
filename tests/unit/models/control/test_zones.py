"""Zones and their rates, as Kubernetes 1.20 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.constants import constants_for
from models.control.zones import (
    ZoneCount,
    ZoneRules,
    ZoneState,
    disruption,
    eviction_rate,
    zone_key,
    zone_state,
)

RULES = ZoneRules.of(constants_for("1.20", {}))
INITIAL, NORMAL, PARTIAL, FULL = ZoneState


@pytest.mark.parametrize(
    ("ready", "not_ready", "state"),
    [
        (0, 0, NORMAL),
        (10, 0, NORMAL),
        (0, 1, FULL),
        (0, 100, FULL),
        (1, 2, NORMAL),  # two are too few to doubt a zone
        (2, 3, PARTIAL),
        (3, 3, NORMAL),
        (9, 11, PARTIAL),  # 0.55 itself
        (46, 54, NORMAL),
        (45, 55, PARTIAL),
        (1, 3, PARTIAL),
    ],
)
def test_the_state_of_a_zone(ready: int, not_ready: int, state: ZoneState) -> None:
    assert zone_state(ready, not_ready, RULES) is state


def test_the_rate_of_a_zone() -> None:
    assert eviction_rate(NORMAL, 10, RULES) == eviction_rate(FULL, 10, RULES) == 0.1
    assert eviction_rate(PARTIAL, 50, RULES) == 0
    assert eviction_rate(PARTIAL, 51, RULES) == 0.01
    assert eviction_rate(NORMAL, 5000, RULES) == 0.1


def test_the_key_of_a_zone() -> None:
    old, new = "failure-domain.beta.kubernetes.io", "topology.kubernetes.io"
    assert zone_key({}) == zone_key({"rack": "a"}) == ""
    assert zone_key({f"{new}/zone": "a"}) == ":\0:a"
    assert zone_key({f"{new}/zone": "a", f"{new}/region": "r"}) == "r:\0:a"
    assert zone_key({f"{new}/region": "r"}) == "r:\0:"
    assert zone_key({f"{new}/zone": "a", f"{old}/zone": "b", f"{old}/region": "r"}) == "r:\0:b"
    assert zone_key({f"{new}/zone": "a", f"{old}/zone": ""}) == ""


def test_only_a_change_of_state_sets_a_rate() -> None:
    now = {"a": ZoneCount(10, 0), "b": ZoneCount(2, 8)}
    first = disruption({}, now, RULES)
    assert first.states == {"a": NORMAL, "b": PARTIAL}
    assert first.rates == {"a": 0.1, "b": 0.0}
    assert not first.entered
    assert not first.left
    assert disruption(first.states, now, RULES).rates == {}
    grown = disruption(first.states, {"a": ZoneCount(10, 0), "b": ZoneCount(12, 48)}, RULES)
    assert grown.rates == {}, "large now, and still stopped"
    dead = disruption(first.states, {"a": ZoneCount(10, 0), "b": ZoneCount(0, 10)}, RULES)
    assert dead.rates == {"b": 0.1}
    assert dead.states["b"] is FULL
    assert not dead.entered


def test_all_zones_dead_and_back() -> None:
    alive = disruption({}, {"a": ZoneCount(3, 0), "b": ZoneCount(3, 0)}, RULES)
    dead = disruption(alive.states, {"a": ZoneCount(0, 3), "b": ZoneCount(0, 3)}, RULES)
    assert dead == ({"a": FULL, "b": FULL}, {"a": 0.0, "b": 0.0}, True, False)
    still = disruption(dead.states, {"a": ZoneCount(0, 3), "b": ZoneCount(0, 3)}, RULES)
    assert still == ({"a": FULL, "b": FULL}, {}, False, False)
    back = disruption(still.states, {"a": ZoneCount(1, 2), "b": ZoneCount(0, 3)}, RULES)
    assert back == ({"a": NORMAL, "b": FULL}, {"a": 0.1, "b": 0.1}, False, True)


def test_zones_that_come_and_go() -> None:
    assert disruption({}, {}, RULES) == ({}, {}, False, False)
    assert disruption({}, {"a": ZoneCount(0, 3)}, RULES).entered, "a master that starts into an outage"
    new = disruption({"a": FULL}, {"a": ZoneCount(0, 3), "b": ZoneCount(0, 1)}, RULES)
    assert new.entered, "a new dead zone was Initial, so not all were dead"
    assert new.rates == {"a": 0.0, "b": 0.0}
    gone = disruption({"a": FULL, "b": NORMAL}, {"a": ZoneCount(0, 3)}, RULES)
    assert gone.states == {"a": FULL}
    assert gone.rates == {}, "b is forgotten, and what is left was dead before and is now"


COUNTS = st.dictionaries(
    st.sampled_from("abc"), st.builds(ZoneCount, st.integers(0, 3), st.integers(0, 4)).filter(any)
)


@given(st.lists(COUNTS, max_size=12))
def test_entering_and_leaving_alternate_and_rates_follow_the_state(
    passes: list[dict[str, ZoneCount]],
) -> None:
    states, rates, stopped = {}, {}, False
    for now in passes:
        made = disruption(states, now, RULES)
        dead = all(count.ready == 0 for count in now.values())
        assert set(made.states) == set(now)
        assert [made.entered, made.left] != [True, True]
        if not now:
            assert made.rates == {}
        elif made.entered:
            assert dead
            stopped = True
        elif made.left:
            assert not dead
        states = dict(made.states)
        rates = {zone: rate for zone, rate in rates.items() if zone in now} | dict(made.rates)
        stopped = stopped and dead and bool(now)
        for zone, count in now.items():
            wanted = 0.0 if stopped else eviction_rate(states[zone], sum(count), RULES)
            assert stopped or zone not in made.rates or made.rates[zone] == wanted
