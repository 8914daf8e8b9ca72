"""Drawn crashes against renewal theory: Weibull lives of shape 0.75, lognormal repairs of sigma 1.4.

Intervals are of 99.9%, from variances that theory gives, not from the sample. For an alternating renewal process of
lives U and repairs D with mean cycle m = E U + E D (Cox, Renewal Theory, 1962, chapters 4 and 7), over a time T:
the down time has variance T (Var D (E U)^2 + Var U (E D)^2) / m^3 and the count of failures, whose mean is T / m
exactly when the start is stationary, has variance T (Var U + Var D) / m^3; both hold for many cycles (200 and more
here). What a first day shows is binomial, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from models.world import World
from sim.distributions import Lognormal, Weibull
from sim.journalchunks import ChunkMemory
from tests.support.worlds import ran

DAY = 86_400.0
SHAPE = 0.75
REPAIR = Lognormal(3600.0, 1.4)
Z = float(stats.norm.ppf(0.9995))


def fleet(pools: int, count: int, mttf_d: float, until_d: float, start: str, seed: int) -> World:
    minions = ", ".join(f"{{name: p{n}, count: {count}, cpu: 1, memory: 1Gi}}" for n in range(pools))
    return ran(f"""
seed: {seed}
until: {until_d}d
checks: "off"
cluster: {{minions: [{minions}]}}
workloads: []
faults:
  - crash: {{minions: all}}
    timeToFailure: {{weibull: {{shape: {SHAPE}, mean: {mttf_d}d}}}}
    repair: {{lognormal: {{median: 60m, sigma: 1.4}}}}
    start: {start}
""")


def columns(world: World, kind: str) -> tuple[NDArray[np.float64], list[str], NDArray[np.float64]]:
    """Times, minions and values of one kind of record."""
    sink = world.sinks.events
    assert isinstance(sink, ChunkMemory)
    table = sink.whole().select(["kind", "time_s", "minion", "value"])
    table = table.filter(pc.equal(pc.cast(table["kind"], "string"), kind))
    return table["time_s"].to_numpy(), table["minion"].to_pylist(), table["value"].to_numpy()


def _within(name: str, found: float, expected: float, deviation: float, *, widest: float = math.inf) -> None:
    half = Z * deviation
    width = 2 * half / expected
    print(f"{name}: {found:.6g}, expected {expected:.6g} +- {half:.3g}, {width:.2%} wide")
    assert abs(found - expected) <= half
    assert width <= widest


def first_failures(pools: int, count: int, seed: int) -> Any:
    """Hold the first failures of fresh fleets against Weibull(k, eta n^(-1/k))."""
    world = fleet(pools, count, 300.0, 200.0, "fresh", seed)
    times, minions, _ = columns(world, "minion_crashed")
    first: dict[str, float] = {}
    for time_s, minion in zip(times.tolist(), minions, strict=True):
        first.setdefault(minion.rsplit("-", 1)[0], time_s)
    assert len(first) == pools
    scale = Weibull.of_mean(300.0 * DAY, SHAPE).scale * count ** (-1 / SHAPE)
    found = stats.kstest(list(first.values()), stats.weibull_min(SHAPE, scale=scale).cdf)
    print(
        f"first failures of {pools} fleets of {count}: distance {found.statistic:.4f}, p {found.pvalue:.3f}"
    )
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_first_failure_of_a_fresh_fleet_is_weibull(seed: int) -> None:
    assert first_failures(120, 25, seed).pvalue > 0.001


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_first_failure_of_many_fresh_fleets_is_weibull(seed: int) -> None:
    assert first_failures(2000, 25, seed).pvalue > 0.001


def steady(minions: int, until_d: float, seed: int, *, widest: float = math.inf) -> None:
    """Hold unavailability, repairs and the count of failures of a stationary fleet against theory.

    ``widest`` is how wide the intervals of the first two may be, over what is expected.
    """
    life = Weibull.of_mean(10.0 * DAY, SHAPE)
    world = fleet(1, minions, 10.0, until_d, "stationary", seed)
    until_s = until_d * DAY
    cycle = life.mean + REPAIR.mean
    began, _, planned = columns(world, "minion_crashed")
    ended = columns(world, "minion_repaired")[0]

    down = float(np.minimum(began + planned, until_s).sum() - began.sum())
    actual = float(ended.sum() + (began.size - ended.size) * until_s - began.sum())
    assert actual == pytest.approx(down, rel=1e-9)
    variance = (REPAIR.variance * life.mean**2 + life.variance * REPAIR.mean**2) / cycle**3
    share = REPAIR.mean / cycle
    spread = math.sqrt(variance / (minions * until_s))
    _within("unavailability", down / (minions * until_s), share, spread, widest=widest)

    whole = planned[began > 0]  # those that were down at the start show what was left of a repair
    spread = math.sqrt(REPAIR.variance / whole.size)
    _within("mean repair", float(whole.mean()), REPAIR.mean, spread, widest=widest)

    rate = minions * until_s / cycle
    spread = math.sqrt(minions * until_s * (life.variance + REPAIR.variance) / cycle**3)
    _within("failures", float(whole.size), rate, spread)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_stationary_fleet_is_as_renewal_theory_says(seed: int) -> None:
    steady(100, 2000.0, seed)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_large_stationary_fleet_is_as_renewal_theory_says(seed: int) -> None:
    """The intervals of unavailability and mean repair are at most 2% wide: 870,000 cycles."""
    steady(4350, 2000.0, seed, widest=0.02)


Cdf = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def renewals(life: Cdf, repair: Cdf, until_s: float, cells: int = 1 << 15) -> tuple[NDArray[np.float64], ...]:
    """Mean and variance of the count of failures of one fresh minion, at each of a grid of times to ``until_s``.

    The n-th failure comes after n lives and n - 1 repairs, so P(N(t) >= n) is the law of the first life convolved
    n - 1 times with that of the cycle repair + life; E N is its sum over n, the renewal function, and E N^2 the
    sum of (2 n - 1) times it. Laws are masses in cells of equal length, each put to its middle; a sum of two
    middles lies on an edge, which the shift of half a cell makes good.
    """
    edges = np.linspace(0.0, until_s, cells + 1)
    lives = np.diff(life(edges))
    repairs = np.diff(repair(edges))
    cycle = _halfway(np.fft.irfft(np.fft.rfft(lives, 2 * cells) * np.fft.rfft(repairs, 2 * cells))[:cells])
    transform = np.fft.rfft(cycle, 2 * cells)
    mass, mean, square = lives, np.zeros(cells), np.zeros(cells)
    for n in range(1, 400):
        reached = np.cumsum(mass)
        mean += reached
        square += (2 * n - 1) * reached
        if reached[-1] < 1e-12:
            break
        mass = _halfway(np.fft.irfft(np.fft.rfft(mass, 2 * cells) * transform)[:cells])
    return edges[1:], mean, square - mean**2


def _halfway(mass: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half of each mass in its own cell and half in the next one: what two middles sum to is the edge between."""
    return (mass + np.concatenate([[0.0], mass[:-1]])) / 2


@pytest.mark.parametrize("repair", [1e-6, 0.5])
def test_the_renewal_function_is_that_of_a_law_that_is_known(repair: float) -> None:
    """Exponential lives (mean 1), and repairs none or exponential too, of which the renewal function is known."""
    times, mean, variance = renewals(stats.expon.cdf, stats.expon(scale=repair).cdf, 20.0)
    cycle = 1 + repair
    known = times / cycle - (repair / cycle) ** 2 * np.expm1(-cycle / repair * times)
    assert np.allclose(mean[1000:], known[1000:], rtol=1e-3)
    if repair < 1e-3:
        assert np.allclose(variance[1000:], times[1000:], rtol=2e-3)


def fresh_counts(minions: int, seed: int) -> None:
    """Hold the count of failures of a fresh fleet against the renewal function, early and late."""
    life = Weibull.of_mean(10.0 * DAY, SHAPE)
    world = fleet(1, minions, 10.0, 40.0, "fresh", seed)
    crashed = columns(world, "minion_crashed")[0]
    lives, repairs = (
        stats.weibull_min(SHAPE, scale=life.scale),
        stats.lognorm(REPAIR.sigma, scale=REPAIR.median),
    )
    times, mean, variance = renewals(lives.cdf, repairs.cdf, 40.0 * DAY)
    for days in (0.5, 2.0, 10.0, 40.0):
        place = int(np.searchsorted(times, days * DAY * (1 - 1e-12)))
        count = float((crashed <= times[place]).sum())
        _within(
            f"failures in {days} d", count, minions * mean[place], math.sqrt(minions * float(variance[place]))
        )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fresh_fleets_failures_follow_the_renewal_function(seed: int) -> None:
    fresh_counts(1500, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_large_fresh_fleets_failures_follow_the_renewal_function(seed: int) -> None:
    fresh_counts(60_000, seed)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("start", ["fresh", "stationary"])
def test_the_first_days_depend_on_the_start(start: str, seed: int) -> None:
    minions, days = 5000, 3.0
    life = Weibull.of_mean(300.0 * DAY, SHAPE)
    world = fleet(1, minions, 300.0, days, start, seed)
    times, names, _ = columns(world, "minion_crashed")
    down = int((times == 0).sum())
    failed = len({name for time_s, name in zip(times.tolist(), names, strict=True) if time_s > 0})
    scaled = (days * DAY / life.scale) ** SHAPE
    if start == "fresh":
        chance, share_down = -math.expm1(-scaled), 0.0
    else:
        # The residual's law: the integral of the survival function over the mean.
        up = life.mean / (life.mean + REPAIR.mean)
        chance, share_down = up * float(special.gammainc(1 / SHAPE, scaled)), 1 - up
    for found, share in ((failed, chance), (down, share_down)):
        low, high = stats.binom.interval(0.999, minions, share) if share else (0, 0)
        assert low <= found <= high
