"""Zones, their rates, and the queue of taints, as Kubernetes 1.20 has them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.constants import constants_for
from models.control.tokens import TokenBucket
from models.control.zones import (
    EvictionQueue,
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


def drained(queue: EvictionQueue, now_s: float, until_s: float) -> list[tuple[float, int]]:
    """Drive a queue as the shell does: only at the times it names."""
    taken = []
    while (due_s := queue.next_due(now_s)) <= until_s:
        now_s = due_s
        while (minion := queue.take(now_s)) is not None:
            taken.append((now_s, minion))
    return taken


def test_five_dead_minions_are_tainted_ten_seconds_apart_at_polls() -> None:
    queue = EvictionQueue(0.1, 1, 0.1, 0.037)
    for minion in (4, 2, 9, 7, 1):
        queue.add(minion)
    taken = drained(queue, 100.0, 1000.0)
    assert [minion for _, minion in taken] == [4, 2, 9, 7, 1]
    assert [time for time, _ in taken] == pytest.approx([100.037 + 10 * n for n in range(5)])
    assert queue.next_due(200.0) == math.inf


def test_one_that_is_asked_for_again_costs_another_slot() -> None:
    queue = EvictionQueue(0.1, 1, 0.1, 0.0)
    for minion in (1, 2, 2, 3):
        queue.add(minion)
    assert drained(queue, 0.0, 100.0) == [(0.0, 1), (10.0, 2), (20.0, 2), (30.0, 3)]


def test_one_that_is_back_leaves_the_queue_but_for_further_entries() -> None:
    queue = EvictionQueue(0.1, 1, 0.1, 0.0)
    for minion in (1, 2, 3, 2):
        queue.add(minion)
    assert queue.take(0.0) == 1
    queue.remove(2)
    queue.remove(7)
    assert len(queue) == 2
    assert drained(queue, 0.0, 100.0) == [(10.0, 3), (20.0, 2)]


def test_swapping_the_rate() -> None:
    queue = EvictionQueue(0.1, 1, 0.1, 0.0)
    for minion in range(6):
        queue.add(minion)
    queue.swap_rate(5.0, 0.1)
    assert queue.next_due(5.0) == 5.0, "the same rate: the same bucket"
    queue.swap_rate(5.0, 0.01)
    assert queue.take(5.0) == 0, "the old bucket had a token, so the new one is full"
    queue.swap_rate(6.0, 0.1)
    assert queue.next_due(6.0) == 16.0, "it had none, so the new one is empty"
    queue.swap_rate(12.0, 0.1)
    assert queue.next_due(12.0) == 16.0, "the same rate: the same wait"
    queue.swap_rate(30.0, 0.0)
    assert queue.next_due(30.0) == math.inf
    assert queue.take(1000.0) is None
    queue.swap_rate(1000.0, 0.1)
    assert queue.next_due(1000.0) == 1010.0, "a rate of 0 never has a token"
    assert queue.rate_per_s == 0.1


@given(
    st.sampled_from([0.1, 0.01, 1.0, 3.0, 25.0]),
    st.integers(0, 99_999),
    st.lists(st.tuples(st.integers(0, 30_000_000), st.integers(0, 5), st.booleans()), max_size=25),
)
def test_what_is_computed_is_what_polling_finds(
    rate: float, phase_us: int, calls: list[tuple[int, int, bool]]
) -> None:
    computed, taken, waiting = EvictionQueue(rate, 1, 0.1, phase_us / 1e6), [], []
    polled, bucket, poll_us, now_us = [], TokenBucket(rate, 1), phase_us, 0
    for wait_us, minion, removes in [*calls, (10**9, 0, True)]:
        until_us = now_us + wait_us
        while waiting and poll_us < until_us:
            while waiting and bucket.try_take(poll_us / 1e6):
                polled.append((poll_us / 1e6, waiting.pop(0)))
            poll_us += 100_000
        poll_us = max(poll_us, until_us + (phase_us - until_us) % 100_000)
        taken += drained(computed, now_us / 1e6, (until_us - 1) / 1e6)
        now_us = until_us
        if removes:
            computed.remove(minion)
            if minion in waiting:
                waiting.remove(minion)
        else:
            computed.add(minion)
            waiting.append(minion)
    assert [minion for _, minion in taken] == [minion for _, minion in polled]
    assert [time for time, _ in taken] == pytest.approx([time for time, _ in polled], abs=1e-7)
