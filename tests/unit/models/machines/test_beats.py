"""Beats and passes over integers, against lists of them, and the time at which a death is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.api.constants import constants_for
from models.machines.beats import (
    Passes,
    count_in,
    first_judged,
    last_at_or_before,
    next_after,
    next_at_or_after,
    return_seen,
    unknown_pass,
)
from sim.streams import Streams

S = 1_000_000
YEARS = 100 * 365 * 86400 * S
PHASES, PERIODS, TIMES = st.integers(0, 10**7), st.integers(1, 10**7), st.integers(0, YEARS)


@given(PHASES, PERIODS, TIMES)
def test_the_last_beat_is_not_after_and_the_next_one_is(phase: int, period: int, t: int) -> None:
    last, following = last_at_or_before(phase, period, t), next_after(phase, period, t)
    assert following > t
    assert (following - phase) % period == 0
    if last is None:
        assert t < phase == following
    else:
        assert phase <= last <= t < last + period == following
        assert (last - phase) % period == 0


@given(PHASES, PERIODS, st.integers(0, YEARS // 10**6))
def test_a_beat_is_found_at_its_own_instant_however_late(phase: int, period: int, k: int) -> None:
    beat = phase + k * period
    assert last_at_or_before(phase, period, beat) == beat
    assert next_at_or_after(phase, period, beat) == beat
    assert next_after(phase, period, beat) == beat + period
    assert next_after(phase, period, beat - 1) == beat
    assert last_at_or_before(phase, period, beat - 1) == (beat - period if k else None)
    assert count_in(phase, period, -1, beat) == k + 1
    passes = Passes(phase, period)
    assert passes.time_us(k) == beat
    assert passes.index_at_or_before(beat) == passes.index_at_or_after(beat) == k
    assert passes.index_after(beat) == k + 1
    assert passes.index_at_or_before(beat - 1) == k - 1


@given(PHASES, PERIODS, TIMES, TIMES)
def test_they_are_monotone(phase: int, period: int, one: int, other: int) -> None:
    early, late = sorted((one, other))
    assert (last_at_or_before(phase, period, early) or -1) <= (last_at_or_before(phase, period, late) or -1)
    assert next_after(phase, period, early) <= next_after(phase, period, late)
    assert Passes(phase, period).index_after(early) <= Passes(phase, period).index_after(late)


@given(st.integers(0, 20), st.integers(1, 9), st.integers(-5, 60), st.integers(-5, 60))
def test_a_count_is_the_length_of_the_list(phase: int, period: int, after: int, until: int) -> None:
    beats = range(phase, 100, period)
    assert count_in(phase, period, after, until) == sum(after < beat <= until for beat in beats)


@given(
    st.integers(0, 12), st.integers(1, 12), st.integers(0, 60), st.integers(0, 9), st.integers(1, 9),
    st.integers(0, 40), st.integers(0, 5),
)  # fmt: skip
def test_the_judgement_is_that_of_a_monitor_that_looks_at_every_pass(
    phase: int, period: int, stopped: int, first: int, every: int, grace: int, lag: int
) -> None:
    passes = Passes(first, every)
    visible = [beat + lag for beat in range(phase, stopped + 1, period)]
    if not visible:
        with pytest.raises(ValueError, match="no beat"):
            unknown_pass(phase, period, stopped, passes, grace, lag_us=lag)
        return
    heard = seen = -1
    for index in range(1000):
        now = first + index * every
        known = sum(beat <= now for beat in visible)
        if known > heard:
            heard, seen = known, index
        elif known == len(visible) and now - (first + seen * every) > grace:
            break
    assert unknown_pass(phase, period, stopped, passes, grace, lag_us=lag) == (
        seen,
        index,
        first + index * every,
    )


def test_worked_cases_of_1_20() -> None:
    passes = Passes(2 * S, 5_003_000)
    # Beats at 3, 13 ... 93; the one at 93 is seen by pass 19 at 97.057; 8 passes later it is 40.024 s old.
    judged = unknown_pass(3 * S, 10 * S, 100 * S, passes, 40 * S)
    assert judged == (19, 27, 2 * S + 27 * 5_003_000)
    # With a period of 5 s, 8 passes are 40 s: not more than the grace, so it takes a ninth.
    assert unknown_pass(3 * S, 10 * S, 100 * S, Passes(2 * S, 5 * S), 40 * S)[:2] == (19, 28)
    assert first_judged(passes, 2 * S, 40 * S) == 8
    assert return_seen(3 * S, 10 * S, 100 * S, passes) == 21  # beat at 103, pass at 107.063
    assert return_seen(3 * S, 10 * S, 103 * S, passes, lag_us=5 * S) == 22
    with pytest.raises(ValueError, match="period"):
        Passes(0, 0)


def test_notice_time_of_10_000_crashes() -> None:
    constants = constants_for("1.20", {})
    every = round((constants["node_monitor_period_s"] + constants["node_monitor_pass_s"]) * S)
    beat = round(constants["node_lease_renew_period_s"] * S)
    grace = round(constants["node_monitor_grace_s"] * S)
    count = 10_000
    draws = [Streams(1).stream("test.notice").block("minion", 0, count, word=word) for word in range(3)]
    phases, firsts, crashes = (draws * np.array([[beat], [every], [86400 * S]])).astype(int)
    noticed_s = [
        (unknown_pass(phase, beat, crash, Passes(first, every), grace).time_us - crash) / S
        for phase, first, crash in zip(
            phases.tolist(), firsts.tolist(), (crashes + beat).tolist(), strict=True
        )
    ]
    assert 30.0 < min(noticed_s) < 30.5
    assert 44.5 < max(noticed_s) < 45.1
    expected = stats.trapezoid(5 / 15, 10 / 15, loc=40.02 - 10, scale=15)  # 40.02 + U(0, 5) - U(0, 10)
    assert stats.kstest(noticed_s, expected.cdf).pvalue > 0.001
    for other in (stats.trapezoid(5 / 15, 10 / 15, loc=30.8, scale=15), stats.uniform(30.02, 15)):
        assert stats.kstest(noticed_s, other.cdf).pvalue < 0.001  # the test has power
