from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.distributions import Constant, Exponential, Lognormal, Uniform, Weibull

COUNT = 20_000
LAWS = {
    "exponential": (Exponential(600.0), stats.expon(scale=600.0)),
    "lognormal": (Lognormal(3600.0, 1.4), stats.lognorm(1.4, scale=3600.0)),
    "weibull young": (Weibull(0.75, 100.0), stats.weibull_min(0.75, scale=100.0)),
    "weibull old": (Weibull(3.0, 100.0), stats.weibull_min(3.0, scale=100.0)),
    "uniform": (Uniform(2.0, 5.0), stats.uniform(2.0, 3.0)),
}


def draws(seed):
    return np.random.default_rng(seed).uniform(size=COUNT)


@pytest.mark.parametrize("name", LAWS)
def test_quantiles_and_moments_are_those_of_scipy(name):
    law, known = LAWS[name]
    u = np.linspace(0.001, 0.999, 999)
    np.testing.assert_allclose(law.quantile(u), known.ppf(u), rtol=1e-12)
    assert law.mean == pytest.approx(known.mean(), rel=1e-12)
    assert law.variance == pytest.approx(known.var(), rel=1e-9)


@pytest.mark.parametrize("name", LAWS)
def test_residuals_follow_the_stationary_law(name):
    """The forward recurrence time has density (1 - F(x)) / mean."""
    law, known = LAWS[name]
    grid = known.ppf(np.linspace(0, 1 - 1e-7, 100_001))
    density = known.sf(grid) / known.mean()
    area = np.concatenate([[0.0], np.cumsum(np.diff(grid) * (density[1:] + density[:-1]) / 2)])
    start = grid[0] / known.mean()  # below the smallest life the density is 1 / mean

    def cdf(x):
        inside = start + np.interp(x, grid, area)
        return np.where(x < grid[0], x / known.mean(), inside)

    found = law.residual(draws(1), draws(2))
    assert stats.kstest(found, cdf).pvalue > 0.001
    # Without the bias of length the law would be another one: the test must see that.
    if name != "exponential":
        unbiased = law.quantile(draws(1)) * draws(2)
        assert stats.kstest(unbiased, cdf).pvalue < 0.001


@pytest.mark.parametrize("name", LAWS)
def test_age_and_residual_are_the_parts_of_one_life_that_is_biased_by_its_length(name):
    """By symmetry the age has the residual's law; the sum has density x f(x) / mean."""
    law, known = LAWS[name]
    age, residual = law.age(draws(1), draws(2)), law.residual(draws(1), draws(2))
    assert stats.ks_2samp(age, residual).pvalue > 0.001
    assert type(law.age(0.5, 0.5)) is float
    whole = age + residual
    expected = (known.var() + known.mean() ** 2) / known.mean()
    assert whole.mean() == pytest.approx(expected, abs=4 * whole.std() / math.sqrt(COUNT))
    if name != "exponential":
        np.testing.assert_allclose(law.age(draws(1), 0.0 * draws(2)), whole, rtol=1e-12)


def test_what_has_no_memory_is_as_new_at_any_time():
    law = Exponential(600.0)
    np.testing.assert_array_equal(law.residual(draws(1), draws(2)), law.quantile(draws(1)))


def test_the_mean_residual_is_half_of_mean_and_spread():
    """E = (variance + mean^2) / (2 mean): 1.415 times the mean of a Weibull of shape 0.75 (FACTS Q14)."""
    law = Weibull.of_mean(1.0, 0.75)
    assert law.variance == pytest.approx(1.8302, abs=1e-4)
    found = law.residual(draws(3), draws(4))
    expected = (law.variance + 1) / 2
    assert found.mean() == pytest.approx(expected, abs=4 * found.std() / math.sqrt(COUNT))


def test_a_constant_is_always_the_same_and_its_residual_uniform():
    law = Constant(7.0)
    assert law.quantile(0.3) == 7.0
    np.testing.assert_array_equal(law.quantile(np.array([0.1, 0.9])), [7.0, 7.0])
    assert (law.mean, law.variance) == (7.0, 0.0)
    assert stats.kstest(law.residual(draws(5), draws(6)), stats.uniform(0, 7).cdf).pvalue > 0.001


@pytest.mark.parametrize("law", [Constant(3.0), *(law for law, _ in LAWS.values())], ids=str)
def test_a_float_gives_a_float_and_equals_the_array(law):
    u1, u2 = np.array([0.1, 0.5, 1 - 2**-53]), np.array([0.7, 0.2, 2**-53])
    for i in range(3):
        one = law.quantile(float(u1[i]))
        assert type(one) is float
        assert one == law.quantile(u1)[i]
        assert type(law.residual(0.5, 0.5)) is float
        assert law.residual(float(u1[i]), float(u2[i])) == law.residual(u1, u2)[i]
        assert math.isfinite(one)


def test_laws_by_their_mean():
    assert Weibull.of_mean(300.0, 0.75).mean == pytest.approx(300.0, rel=1e-14)
    assert Weibull.of_mean(300.0, 0.75).scale == pytest.approx(300.0 / 1.19064, rel=1e-5)
    assert Lognormal.of_mean(60.0, 1.4).mean == pytest.approx(60.0, rel=1e-14)
    assert Lognormal.of_mean(60.0, 1.4).median == pytest.approx(60.0 * math.exp(-0.98))


@pytest.mark.parametrize(
    ("law", "arguments"),
    [
        (Constant, (-1.0,)), (Constant, (math.nan,)), (Constant, (math.inf,)), (Exponential, (0.0,)),
        (Lognormal, (0.0, 1.0)), (Lognormal, (1.0, -1.0)), (Weibull, (0.0, 1.0)), (Weibull, (1.0, 0.0)),
        (Uniform, (2.0, 1.0)), (Uniform, (-1.0, 1.0)),
    ],
)  # fmt: skip
def test_nonsense_is_refused(law, arguments):
    with pytest.raises(ValueError, match="must be a number"):
        law(*arguments)
