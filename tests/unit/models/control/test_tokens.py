"""Token buckets and the filter of events, against worked cases and a bucket that ticks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.constants import constants_for
from models.control.tokens import EventFilter, TokenBucket


def test_a_full_bucket_gives_its_burst_at_once_and_then_its_rate() -> None:
    bucket = TokenBucket(20, 30)
    granted = [bucket.reserve(100.0) for _ in range(50)]
    assert granted[:30] == [100.0] * 30
    assert granted[30:] == pytest.approx([100.0 + 0.05 * n for n in range(1, 21)], abs=1e-9)
    assert bucket.tokens(100.0) == pytest.approx(-20)
    assert bucket.tokens(101.0) == pytest.approx(0)
    assert bucket.tokens(1e6) == 30


def test_the_last_of_150_000_creates_through_default_limits() -> None:
    bucket = TokenBucket(20, 30)
    last = max(bucket.reserve(0.0) for _ in range(150_000))
    assert last == pytest.approx((150_000 - 30) / 20, abs=1e-6)
    one_by_one, now_s = TokenBucket(20, 30), 0.0
    for _ in range(150_000):
        now_s = one_by_one.reserve(now_s)
    assert now_s == pytest.approx(last, abs=1e-6)


def test_what_does_not_wait_is_never_owed() -> None:
    bucket = TokenBucket(0.1, 1)
    assert bucket.try_take(0.0)
    assert not any(bucket.try_take(0.1 * n) for n in range(1, 100))
    assert bucket.try_take(10.0)
    assert not bucket.try_take(19.999)
    assert bucket.try_take(20.0)


def test_a_token_due_now_is_not_missed_by_rounding_years_on() -> None:
    for start_s in (0.0, *(37.3 * n for n in range(100)), 1e6 / 3, 1e8 / 3):
        bucket = TokenBucket(0.1, 1)
        assert bucket.try_take(start_s + 0.1)
        assert bucket.try_take(start_s + 10.1)
        assert not bucket.try_take(start_s + 20.1 - 1e-4)


def test_no_rate_and_no_limit() -> None:
    never = TokenBucket(0, 1)
    assert never.try_take(0.0)
    assert never.reserve(1.0) == math.inf
    assert never.ready_at(1e9) == math.inf
    assert not never.try_take(1e9)
    assert never.tokens(1e9) == 0
    always = TokenBucket(math.inf, 1)
    assert [always.reserve(3.0) for _ in range(1000)] == [3.0] * 1000
    assert always.try_take(3.0)
    for rate, burst in ((-1, 1), (math.nan, 1), (1, 0), (1, math.nan)):
        with pytest.raises(ValueError, match="expected"):
            TokenBucket(rate, burst)
        with pytest.raises(ValueError, match="expected"):
            always.set_rate(0.0, rate, burst)


def test_a_new_rate_keeps_what_is_there_and_what_is_owed() -> None:
    bucket = TokenBucket(1, 10)
    bucket.set_rate(5.0, 2, 4)
    assert bucket.tokens(5.0) == 4
    for _ in range(8):
        bucket.reserve(5.0)
    assert bucket.tokens(5.0) == -4
    bucket.set_rate(5.0, 0.5, 4)
    assert bucket.tokens(13.0) == pytest.approx(0)
    assert bucket.reserve(13.0) == pytest.approx(15.0)


def test_a_call_from_before_the_last_gets_no_more_than_the_rate() -> None:
    bucket = TokenBucket(1, 1)
    assert bucket.reserve(10.0) == 10.0
    assert bucket.reserve(5.0) == pytest.approx(11.0)
    assert bucket.reserve(11.5) == pytest.approx(12.0)


class TickingBucket:
    """The same in steps of 1 ms: slow, plain, integer."""

    def __init__(self, interval_ms: int, burst: int) -> None:
        self.interval, self.burst, self.milli, self.now = interval_ms, burst, burst * interval_ms, 0

    def advance(self, now_ms: int) -> None:
        while self.now < now_ms:
            self.milli = min(self.milli + 1, self.burst * self.interval)
            self.now += 1

    def take(self) -> bool:
        if self.milli < self.interval:
            return False
        self.milli -= self.interval
        return True

    def reserve(self) -> int:
        self.milli -= self.interval
        return self.now + max(0, -self.milli)


@given(
    st.integers(1, 50),
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=60),
)
def test_it_is_the_bucket_that_ticks(interval_ms: int, burst: int, calls: list[tuple[int, bool]]) -> None:
    bucket, ticking, now_ms = TokenBucket(1000 / interval_ms, burst), TickingBucket(interval_ms, burst), 0
    for wait_ms, waits in calls:
        now_ms += wait_ms
        ticking.advance(now_ms)
        if waits:
            assert bucket.reserve(now_ms / 1000) == pytest.approx(ticking.reserve() / 1000, abs=1e-9)
        else:
            assert bucket.try_take(now_ms / 1000) == ticking.take()
        assert bucket.tokens(now_ms / 1000) * interval_ms == pytest.approx(ticking.milli, abs=1e-6)


@given(st.floats(0.01, 100), st.integers(1, 20), st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_grants_come_in_order_and_never_faster_than_rate_and_burst(
    rate: float, burst: int, waits: list[float]
) -> None:
    bucket, now_s, granted = TokenBucket(rate, burst), 0.0, []
    for wait_s in waits:
        now_s += wait_s
        granted.append(bucket.reserve(now_s))
        assert granted[-1] >= now_s
    assert granted == sorted(granted)
    for first in range(len(granted)):
        for last in range(first, len(granted)):
            within_s = granted[last] - granted[first]
            assert last - first + 1 <= burst + rate * within_s + 1e-6


def test_25_events_of_one_source_about_one_object_then_one_in_five_minutes() -> None:
    passes = EventFilter.of(constants_for("1.20", {})).passes
    assert [passes("rc/web", 0.02 * n) for n in range(100)] == [True] * 25 + [False] * 75
    assert [passes("rc/big", 2.0) for n in range(26)] == [True] * 25 + [False]
    assert not passes("rc/web", 299.9)
    assert passes("rc/web", 300.0)
    assert not passes("rc/web", 301.0)
    assert passes("rc/web", 900.0)
    assert passes("rc/web", 900.0)
    assert not passes("rc/web", 900.0)
    assert [passes("rc/web", 1e7) for _ in range(30)] == [True] * 25 + [False] * 5


def test_a_refused_event_costs_nothing() -> None:
    events = EventFilter(1, 300, 10)
    assert events.passes("a", 0.0)
    assert not any(events.passes("a", float(n)) for n in range(1, 300))
    assert events.passes("a", 300.0)


def test_the_key_unused_for_longest_is_forgotten() -> None:
    events = EventFilter(1, 300, 2)
    assert events.passes("a", 0.0)
    assert events.passes("b", 0.0)
    assert not events.passes("a", 1.0)
    assert events.passes("c", 2.0)  # b goes
    assert len(events) == 2
    assert not events.passes("a", 3.0)
    assert events.passes("b", 4.0)  # afresh; c goes
    assert not events.passes("a", 5.0)
    big = EventFilter.of(constants_for("1.20", {}))
    for n in range(5000):
        big.passes(n, 0.0)
    assert len(big) == 4096


@given(st.integers(1, 4), st.lists(st.tuples(st.integers(0, 2), st.floats(0, 400)), min_size=1, max_size=60))
def test_the_filter_is_a_bucket_a_key(burst: int, events: list[tuple[int, float]]) -> None:
    buckets = {key: TokenBucket(1 / 300, burst) for key in range(3)}
    filtered, now_s = EventFilter(burst, 300, 10), 0.0
    for key, wait_s in events:
        now_s += wait_s
        assert filtered.passes(key, now_s) == buckets[key].try_take(now_s)


def test_takes_at_whole_intervals_all_succeed() -> None:
    for interval_ms in range(1, 200):
        bucket = TokenBucket(1000 / interval_ms, 1)
        assert all(bucket.try_take(n * interval_ms / 1000) for n in range(200)), interval_ms
