"""The rules of agreement, one observation at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from experiments.verify.control.agreement import Kind, Outcome, Verdict, judge
from experiments.verify.control.observation import Form, Observation
from experiments.verify.control.pooled import pool, stand_for_all
from experiments.verify.control.samples import NOTHING, Sample, samples_of

NEVER = math.inf
_WIDE = tuple(10.0 + number / 10 for number in range(200))  # 10.0 to 29.9: 0.25 s + 10% is 2.24 s


def _delay(recorded: float, simulated: Sequence[float], what: str = "x", draw: str = "") -> Verdict:
    observation = Observation(6, what, Form.DELAY, recorded, draw or what)
    return judge(Sample(observation, tuple(simulated)), "test")


def _set(recorded: str, simulated: Sequence[str]) -> Verdict:
    return judge(Sample(Observation(1, "n", Form.VALUE, recorded, "n"), tuple(simulated)), "test")


def _curve(recorded: Sequence[int], simulated: Sequence[Sequence[int]]) -> Verdict:
    samples = tuple(tuple(curve) for curve in simulated)
    return judge(Sample(Observation(10, "c", Form.CURVE, tuple(recorded), "c"), samples), "test")


@pytest.mark.parametrize(
    ("recorded", "outcome"),
    [(60.01, "agrees"), (63.1, "agrees"), (63.2, "disagrees"), (56.8, "disagrees"), (NEVER, "disagrees")],
)
def test_a_fixed_delay_may_be_off_by_a_tenth_of_a_second_and_five_percent(
    recorded: float, outcome: str
) -> None:
    verdict = _delay(recorded, [60.0, 60.05] * 100)
    assert verdict.kind is Kind.FIXED
    assert verdict.outcome == outcome
    assert verdict.position is None
    assert bool(verdict.reason) == (outcome == "disagrees")


@pytest.mark.parametrize(
    ("recorded", "outcome"),
    [
        (20.0, "agrees"),
        (10.0, "agrees"),
        (29.9, "agrees"),
        (9.99, "misses"),
        (32.1, "misses"),
        (7.7, "disagrees"),
        (32.2, "disagrees"),
        (NEVER, "disagrees"),
    ],
)
def test_a_random_delay_misses_outside_the_range_and_disagrees_far_outside(
    recorded: float, outcome: str
) -> None:
    verdict = _delay(recorded, _WIDE)
    assert verdict.kind is Kind.RANDOM
    assert verdict.outcome == outcome


def test_positions_are_uniform_however_many_are_equal() -> None:
    rng = np.random.default_rng(1)
    positions = []
    for number in range(2_000):
        runs = rng.integers(0, 3, 41).astype(float)  # three values only
        positions.append(_delay(runs[0], runs[1:], f"number {number}").position)
    assert all(position is not None and 0 <= position <= 1 for position in positions)
    histogram, _ = np.histogram(positions, bins=10, range=(0, 1))
    assert histogram.min() > 150
    assert histogram.max() < 250


def test_positions_are_the_same_each_time() -> None:
    assert _delay(1.0, [1.0, 2.0] * 20).position == _delay(1.0, [1.0, 2.0] * 20).position


def test_what_some_seeds_never_see_is_a_delay_without_end() -> None:
    mixed = [5.0, 6.0] * 60 + [NEVER] * 80
    assert _delay(NEVER, mixed).outcome == "agrees"
    assert _delay(5.5, mixed).outcome == "agrees"
    assert _delay(4.9, mixed).outcome == "misses"
    assert _delay(7.0, mixed).outcome == "agrees"  # between the greatest and never
    assert _delay(NEVER, mixed).kind is Kind.RANDOM


def test_a_fixed_delay_stays_fixed_where_some_seeds_never_see_it() -> None:
    mixed = [60.0, 60.01] * 60 + [NEVER] * 80
    assert _delay(60.03, mixed).kind is Kind.FIXED
    assert _delay(60.03, mixed).outcome == "agrees"
    assert _delay(NEVER, mixed).outcome == "agrees"
    assert _delay(65.0, mixed).outcome == "disagrees"


def test_what_few_seeds_see_is_not_pooled() -> None:
    seldom = [5.0, 6.0] * 20 + [NEVER] * 160
    assert _delay(NEVER, seldom).kind is Kind.RARE
    assert _delay(5.5, seldom).kind is Kind.RARE
    assert _delay(4.0, seldom).outcome == "disagrees"
    assert stand_for_all([_delay(5.5, seldom)]) == []


def test_what_no_seed_sees_must_not_happen() -> None:
    assert _delay(NEVER, [NEVER] * 200).outcome == "agrees"
    verdict = _delay(5.0, [NEVER] * 200)
    assert (verdict.kind, verdict.outcome) == (Kind.NEVER, Outcome.DISAGREES)


def test_a_set_must_be_equal_where_nothing_is_random() -> None:
    assert _set("5", ["5"] * 200).outcome == "agrees"
    assert _set("4", ["5"] * 200).outcome == "disagrees"


def test_a_set_needs_a_frequency_of_half_a_percent() -> None:
    assert _set("4", ["5"] * 995 + ["4"] * 5).outcome == "agrees"
    assert _set("4", ["5"] * 996 + ["4"] * 4).outcome == "disagrees"
    assert _set("4", ["5"] * 996 + ["4"] * 4).frequencies == (("5", 996), ("4", 4))


def test_a_curve_may_be_as_far_from_the_median_as_the_farthest_seed() -> None:
    seeds = [[0, level, 10, 10] for level in (2, 3, 3, 4, 4, 4, 5, 5, 6)]
    assert _curve([0, 4, 10, 10], seeds).outcome == "agrees"
    assert _curve([0, 2, 10, 10], seeds).outcome == "agrees"
    assert _curve([0, 1, 10, 10], seeds).outcome == "disagrees"
    assert _curve([0, 4, 10, 7], seeds).outcome == "disagrees"


@pytest.mark.parametrize("seeds", [2, 3, 8, 9, 200])
def test_each_seeds_distance_is_from_the_median_of_the_others(seeds: int) -> None:
    curves = np.random.default_rng(seeds).integers(0, 6, (seeds, 12))
    verdict = _curve(curves[0], curves)
    own = [np.abs(curves[n] - np.median(np.delete(curves, n, axis=0), axis=0)).mean() for n in range(seeds)]
    assert verdict.least == pytest.approx(min(own))
    assert verdict.median == pytest.approx(np.median(own))
    assert verdict.greatest == pytest.approx(max(own))


def test_of_delays_that_share_a_draw_the_one_that_varies_most_stands_for_all() -> None:
    near = _delay(10.0, [number / 100 for number in range(200)], "near", "order")
    far = _delay(20.0, _WIDE, "far", "order")
    other = _delay(20.0, _WIDE, "other")
    assert [verdict.recorded.what for verdict in stand_for_all([near, far, other])] == ["far", "other"]
    assert pool({"a": [near, far], "b": [near, far]}).observations == 2


def _pool_of(recorded: Sequence[float]) -> Sequence[Verdict]:
    return [_delay(value, _WIDE, f"delay {number}") for number, value in enumerate(recorded)]


def test_the_number_that_may_miss_is_that_of_the_binomial() -> None:
    spread = list(np.linspace(10.05, 29.85, 100))
    four = pool({"a": _pool_of([*spread, *[9.9] * 4])})
    assert (four.observations, four.misses, four.allowed) == (104, 4, 5)
    assert four.passes
    assert not pool({"a": _pool_of([*spread, *[9.9] * 3, *[30.0] * 3])}).passes


def test_a_bias_inside_the_range_fails_by_the_positions() -> None:
    assert pool({"a": _pool_of(np.linspace(10.1, 29.8, 60))}).passes
    biased = pool({"a": _pool_of(np.linspace(10.1, 19.0, 60))})
    assert biased.misses == 0
    assert not biased.passes


def test_too_wide_a_simulation_fails_by_the_positions() -> None:
    narrow = pool({"a": _pool_of(np.linspace(16.0, 24.0, 60))})
    assert narrow.misses == 0
    assert narrow.p < 0.001


def test_nothing_random_passes() -> None:
    nothing = pool({"a": [_set("1", ["1"] * 200)]})
    assert nothing.observations == 0
    assert nothing.passes


def test_what_comes_up_in_some_logs_only_is_a_value_in_the_others() -> None:
    late = Observation(6, "late", Form.DELAY, 3.0, "late")
    count = Observation(1, "count", Form.VALUE, "2", "count")
    curve = Observation(10, "curve", Form.CURVE, (1, 2), "curve")
    samples = {s.recorded.what: s for s in samples_of([count], [[late, count, curve], []])}
    assert samples["late"].recorded.value == NEVER
    assert samples["late"].simulated == (3.0, NEVER)
    assert samples["count"].simulated == ("2", NOTHING)
    assert samples["curve"].simulated == ((1, 2), (0, 0))
    assert [s.recorded.group for s in samples_of([count], [[late, curve]])] == [1, 6, 10]
