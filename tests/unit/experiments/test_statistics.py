"""Quantiles that may not be reached, means and paired differences, against other ways to the same numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.statistics import NO_INTERVAL, Quantile, estimate, paired_difference, quantile

_NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(_NUMBERS, st.integers(0, 20), st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_the_least_number_that_enough_are_not_above(numbers, never, share) -> None:
    reached = np.sort(np.array(numbers))
    found = quantile(reached, never, share, 7.0)
    count = len(reached) + never
    enough = [x for x in reached if np.sum(reached <= x) >= share * count - 1e-9]
    assert found == (Quantile(enough[0]) if enough else Quantile(None, 7.0))
    assert Quantile.from_json(found.as_json()) == found


def test_a_rank_that_is_whole_but_for_rounding_is_that_rank() -> None:
    assert quantile(np.arange(1.0, 21.0), 0, 0.95, None) == Quantile(19.0)
    assert quantile(np.arange(1.0, 20.0), 1, 0.95, 5.0) == Quantile(19.0)
    assert quantile(np.arange(1.0, 19.0), 2, 0.95, 5.0) == Quantile(None, 5.0)
    assert quantile(np.empty(0), 0, 0.5, None) == Quantile(None, None)


# Far apart for floats: the variance of numbers near the smallest float is 0, for which scipy has no interval.
_NUMBERS = st.integers(-(10**9), 10**9).map(lambda number: number / 1e6)


@given(st.lists(_NUMBERS, min_size=2, max_size=30, unique=True), st.sampled_from([0.9, 0.95, 0.99]))
def test_an_interval_is_students(numbers, level) -> None:
    found = estimate(numbers, level=level)
    low, high = stats.t.interval(level, len(numbers) - 1, np.mean(numbers), stats.sem(numbers))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))
    assert found.sure == (not low <= 0 <= high)


@given(st.dictionaries(st.integers(0, 30), st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2))
def test_a_paired_difference_is_the_paired_t_test(pairs) -> None:
    first, second = ({seed: pair[side] for seed, pair in pairs.items()} for side in (0, 1))
    found = paired_difference(first, second, level=0.99)
    differences = [first[seed] - second[seed] for seed in pairs]
    assert found.mean == pytest.approx(np.mean(differences))
    if len(set(differences)) > 1 and len(set(pairs.values())) > 1:
        expected = stats.ttest_rel(*zip(*pairs.values(), strict=True)).confidence_interval(0.99)
        assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_seeds_are_paired_by_number_and_what_is_missing_on_one_side_is_counted() -> None:
    found = paired_difference({1: 5.0, 2: 7.0, 3: None}, {2: 4.0, 1: 4.0, 3: 1.0, 4: math.nan})
    assert (found.mean, found.count, found.missing, found.sure) == (2.0, 2, 2, False)


@pytest.mark.parametrize("numbers", [[3.0], [3.0, 3.0, 3.0], [3.0, None]])
def test_what_does_not_differ_has_no_interval(numbers) -> None:
    found = estimate(numbers)
    assert (found.mean, found.low, found.high, found.words, found.sure) == (
        3.0,
        None,
        None,
        NO_INTERVAL,
        False,
    )
    assert NO_INTERVAL == "one run, no interval"


def test_differences_that_are_all_the_same_have_none_either() -> None:
    found = paired_difference({1: 5.0, 2: 7.0}, {1: 4.0, 2: 6.0})
    assert (found.mean, found.low, found.sure) == (1.0, None, False)
    assert "the same difference in all 2 pairs" in found.words
    assert paired_difference({1: 5.0, 2: 5.0}, {1: 4.0, 2: 4.0}).words == NO_INTERVAL


def test_nothing_at_all_is_said_to_be_nothing() -> None:
    assert estimate([None, math.nan]).mean is None
    assert paired_difference({1: 1.0}, {2: 1.0}).mean is None
    with pytest.raises(ValueError, match="level"):
        estimate([1.0, 2.0], level=1.0)
