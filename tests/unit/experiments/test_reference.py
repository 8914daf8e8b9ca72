"""The reference load and what is made of it."""

from __future__ import annotations

import math

import pytest

from experiments.benchmarks import reference


def test_normalised_time_is_measured_times_nominal_over_the_mean_reference() -> None:
    assert reference.normalise(3.0, 0.9, 0.9) == pytest.approx(3.0)
    assert reference.normalise(3.0, 1.2, 2.4) == pytest.approx(1.5)  # a machine half as fast


@pytest.mark.parametrize(
    "bad", [(-1.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, math.nan), (math.inf, 1.0, 1.0)]
)
def test_what_is_no_time_is_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="seconds"):
        reference.normalise(*bad)


def test_the_load_grows_with_the_number_of_processes() -> None:
    small_s, large_s = reference.measure_here(200, repeats=5), reference.measure_here(20_000, repeats=2)
    assert 0 < small_s < large_s / 10


def test_a_fresh_process_answers_in_seconds() -> None:
    assert 0 < reference.measure_fresh(1_000, repeats=1) < 10


def test_nothing_to_run_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        reference.measure_here(0)
