"""The queues of minions that wait for their taint: their pace, and who is next."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.control.evictionqueue import EvictionQueue, StaleEvictionQueue
from models.control.tokens import TokenBucket

Queue = EvictionQueue | StaleEvictionQueue
BOTH = pytest.mark.parametrize("make", [EvictionQueue, StaleEvictionQueue])


def first() -> float:
    """A draw that takes whoever has waited longest."""
    return 0.0


def drained(queue: Queue, now_s: float, until_s: float) -> list[tuple[float, int]]:
    """Drive a queue as the shell does: only at the times it names."""
    taken = []
    while (due_s := queue.next_due(now_s)) <= until_s:
        now_s = due_s
        while (minion := queue.take(now_s, first)) is not None:
            taken.append((now_s, minion))
    return taken


def filled(make: type[Queue], minions: Sequence[int], phase_s: float = 0.0) -> Queue:
    queue = make(0.1, 1, 0.1, phase_s)
    for minion in minions:
        queue.add(0.0, minion)
    return queue


@BOTH
def test_five_dead_minions_are_tainted_ten_seconds_apart_at_polls(make: type[Queue]) -> None:
    queue = filled(make, (4, 2, 9, 7, 1), 0.037)
    taken = drained(queue, 100.0, 1000.0)
    assert [minion for _, minion in taken] == [4, 2, 9, 7, 1]
    assert [time for time, _ in taken] == pytest.approx([100.037 + 10 * n for n in range(5)])
    assert queue.next_due(200.0) == math.inf


def test_whoever_waits_may_be_next() -> None:
    queue = filled(EvictionQueue, (4, 2, 9, 7))
    assert [queue.take(10.0 * n, lambda: 0.5) for n in range(4)] == [9, 2, 7, 4]


def test_one_that_is_asked_for_again_has_one_entry_since_1_20_5() -> None:
    queue = filled(EvictionQueue, (1, 2, 2, 3))
    assert not queue.wants(2)
    assert queue.wants(4)
    assert drained(queue, 0.0, 100.0) == [(0.0, 1), (10.0, 2), (20.0, 3)]


def test_one_that_is_asked_for_again_costs_another_slot_up_to_1_20_4() -> None:
    queue = filled(StaleEvictionQueue, (1, 2, 2, 3))
    assert queue.wants(2)
    assert drained(queue, 0.0, 100.0) == [(0.0, 1), (10.0, 2), (20.0, 2), (30.0, 3)]


def test_one_that_is_back_leaves_the_queue() -> None:
    queue = filled(EvictionQueue, (1, 2, 3, 2))
    assert queue.take(0.0, first) == 1
    queue.remove(0.0, 2)
    queue.remove(0.0, 7)
    assert len(queue) == 1
    assert drained(queue, 0.0, 100.0) == [(10.0, 3)]


def test_an_entry_of_one_that_is_back_stops_the_queue_up_to_1_20_4() -> None:
    queue = filled(StaleEvictionQueue, (1, 2, 3, 2, 4))
    assert queue.take(0.0, first) == 1
    queue.remove(0.0, 2)
    assert len(queue) == 3
    assert drained(queue, 0.0, 1000.0) == [(10.0, 3)], "then the other entry of 2 is first, and stays"
    # It falls silent again: its entries can be taken now, at the pace of the tokens that were not spent on it.
    queue.add(1003.0, 2)
    assert drained(queue, 1003.0, 2000.0) == [(1010.0, 2), (1020.0, 4), (1030.0, 2)]


@BOTH
def test_swapping_the_rate(make: type[Queue]) -> None:
    queue = filled(make, range(6))
    queue.swap_rate(5.0, 0.1)
    assert queue.next_due(5.0) == 5.0, "the same rate: the same bucket"
    queue.swap_rate(5.0, 0.01)
    assert queue.take(5.0, first) == 0, "the old bucket had a token, so the new one is full"
    queue.swap_rate(6.0, 0.1)
    assert queue.next_due(6.0) == 16.0, "it had none, so the new one is empty"
    queue.swap_rate(12.0, 0.1)
    assert queue.next_due(12.0) == 16.0, "the same rate: the same wait"
    queue.swap_rate(30.0, 0.0)
    assert queue.next_due(30.0) == math.inf
    assert queue.take(1000.0, first) is None
    queue.swap_rate(1000.0, 0.1)
    assert queue.next_due(1000.0) == 1010.0, "a rate of 0 never has a token"
    assert queue.rate_per_s == 0.1


@given(
    st.sampled_from([0.1, 0.01, 1.0, 3.0, 25.0]),
    st.integers(0, 99_999),
    st.lists(st.tuples(st.integers(0, 30_000_000), st.integers(0, 5), st.booleans()), max_size=25),
    st.booleans(),
)
def test_what_is_computed_is_what_polling_finds(
    rate: float, phase_us: int, calls: list[tuple[int, int, bool]], stale: bool
) -> None:
    """The polls as 1.20 makes them: a heap in order of entry and a set, and a token for whatever is first."""
    computed = (StaleEvictionQueue if stale else EvictionQueue)(rate, 1, 0.1, phase_us / 1e6)
    taken: list[tuple[float, int]] = []
    heap: list[int] = []
    known: set[int] = set()
    polled, bucket, poll_us, now_us = [], TokenBucket(rate, 1), phase_us, 0
    for wait_us, minion, removes in [*calls, (10**8, 0, True)]:
        until_us = now_us + wait_us
        while poll_us < until_us:
            while heap and bucket.try_take(poll_us / 1e6):
                if heap[0] in known:
                    polled.append((poll_us / 1e6, heap.pop(0)))
                    if not stale:
                        known.discard(polled[-1][1])
            poll_us += 100_000
        taken += drained(computed, now_us / 1e6, (until_us - 1) / 1e6)
        now_us = until_us
        if removes:
            computed.remove(now_us / 1e6, minion)
            if minion in known:
                known.discard(minion)
                if minion in heap:
                    heap.remove(minion)
        elif stale or minion not in known:
            computed.add(now_us / 1e6, minion)
            known.add(minion)
            heap.append(minion)
    assert [minion for _, minion in taken] == [minion for _, minion in polled]
    assert [time for time, _ in taken] == pytest.approx([time for time, _ in polled], abs=1e-7)


@pytest.mark.parametrize("load", [0.02, 0.5, 0.8])
def test_under_a_stationary_load_the_wait_is_that_of_the_rate(load: float) -> None:
    """Minions that die at random and are asked for at passes, 5 s apart, until they have their taint.

    The bound by theory: a token in 10.065 s (a poll is every 100.65 ms), deaths of a Poisson process served one by
    one: Pollaczek and Khinchine's wait, counted from the death; asking at passes adds at most one period.
    """
    service_s = 10.065
    draws = np.random.Generator(np.random.PCG64(7))
    count = 20_000
    deaths_s = np.cumsum(draws.exponential(service_s / load, count))
    queue, waits_s, now_s = EvictionQueue(0.1, 1, 0.10065, 0.03), [], 0.0
    asked_s = np.ceil(deaths_s / 5.0) * 5.0
    place, waiting = 0, dict[int, float]()
    while place < count or waiting:
        next_s = asked_s[place] if place < count else math.inf
        due_s = queue.next_due(now_s)
        if next_s <= due_s:
            now_s = float(next_s)
            while place < count and asked_s[place] == now_s:
                queue.add(now_s, place)
                waiting[place] = float(deaths_s[place])
                place += 1
            continue
        now_s = due_s
        minion = queue.take(now_s, draws.random)
        assert minion is not None
        waits_s.append(now_s - waiting.pop(minion))
    expected_s = load * service_s / (2 * (1 - load))
    mean_s = float(np.mean(waits_s))
    print(f"load {load}: mean wait {mean_s:.2f} s, between {expected_s:.2f} s and one pass more")
    assert 0.9 * expected_s < mean_s < 1.1 * expected_s + 5.2
