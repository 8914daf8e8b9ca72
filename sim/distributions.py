"""Laws of lifetimes, waits and sizes as values without units: quantiles, moments and stationary residuals.

A law says nothing of how it is drawn: :meth:`quantile` turns a number of the open interval (0, 1), as
sim.streams gives them, into a draw. ``residual`` is the time to the next renewal seen by someone who comes to
a renewal process that has run for ever: a uniform part of a length-biased life (density x f(x) / mean). ``age`` is
the rest of that life, which is over by then: the same two numbers give both.

Sources: FACTS Q14 (Weibull mean and squared coefficient of variation); the other moments and the
length-biased laws are textbook (Cox, Renewal Theory, 1962, chapter 5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["Constant", "Distribution", "Exponential", "Lognormal", "Uniform", "Weibull"]

FloatOrArray = TypeVar("FloatOrArray", float, NDArray[np.float64])
"""A float gives a float, an array an array of the same shape."""


def _as(example: FloatOrArray, value: Any) -> FloatOrArray:
    like: object = example
    result: Any = value if isinstance(like, np.ndarray) else float(value)
    return cast("FloatOrArray", result)


def _ndtri(u: Any) -> Any:
    """The quantile of the standard normal law."""
    # scipy.special takes a third of a second to import, which `validate` can do without.
    from scipy import special

    return special.ndtri(u)


def _gammaincinv(shape: float, u: Any) -> Any:
    """The quantile of the gamma law of scale 1."""
    from scipy import special

    return special.gammaincinv(shape, u)


def _checked(name: str, value: float, minimum: float, *, strictly: bool = False) -> None:
    if not (math.isfinite(value) and (value > minimum if strictly else value >= minimum)):
        raise ValueError(
            f"{name} must be a number {'above' if strictly else 'of at least'} {minimum:g}, not {value}"
        )


@dataclass(frozen=True, slots=True)
class Constant:
    """Always ``value``."""

    value: float

    def __post_init__(self) -> None:
        _checked("value", self.value, 0.0)

    @property
    def mean(self) -> float:
        """The expectation."""
        return self.value

    @property
    def variance(self) -> float:
        """The mean squared deviation from the mean: 0."""
        return 0.0

    def quantile(self, u: FloatOrArray) -> FloatOrArray:
        """Return the value, whatever ``u``."""
        return _as(u, u * 0.0 + self.value)

    def residual(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return a uniform part of the value."""
        return _as(u2, u1 * 0.0 + self.value * u2)

    def age(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return the other part of the value."""
        return _as(u2, u1 * 0.0 + self.value * (1.0 - u2))


@dataclass(frozen=True, slots=True)
class Exponential:
    """Without memory, with the given ``mean``."""

    mean: float

    def __post_init__(self) -> None:
        _checked("mean", self.mean, 0.0, strictly=True)

    @property
    def variance(self) -> float:
        """The mean squared deviation from the mean: the mean squared."""
        return self.mean**2

    def quantile(self, u: FloatOrArray) -> FloatOrArray:
        """Return the value below which a share ``u`` of the draws lies."""
        return _as(u, -self.mean * np.log1p(-u))

    def residual(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return a new life: what is left does not depend on what was."""
        return _as(u2, -self.mean * np.log1p(-u1) + u2 * 0.0)

    def age(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return another life: what was does not depend on what is left."""
        return _as(u2, -self.mean * np.log1p(-u2) + u1 * 0.0)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """The logarithm is normal with mean ``log(median)`` and standard deviation ``sigma``."""

    median: float
    sigma: float

    def __post_init__(self) -> None:
        _checked("median", self.median, 0.0, strictly=True)
        _checked("sigma", self.sigma, 0.0)

    @classmethod
    def of_mean(cls, mean: float, sigma: float) -> Lognormal:
        """The law with this mean: median = mean exp(-sigma^2 / 2)."""
        return cls(mean * math.exp(-(sigma**2) / 2), sigma)

    @property
    def mean(self) -> float:
        """The expectation: median exp(sigma^2 / 2)."""
        return self.median * math.exp(self.sigma**2 / 2)

    @property
    def variance(self) -> float:
        """The mean squared deviation from the mean: (exp(sigma^2) - 1) mean^2."""
        return math.expm1(self.sigma**2) * self.mean**2

    def quantile(self, u: FloatOrArray) -> FloatOrArray:
        """Return the value below which a share ``u`` of the draws lies."""
        return _as(u, self.median * np.exp(self.sigma * _ndtri(u)))

    def residual(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return a uniform part of a length-biased life, whose logarithm's mean is higher by sigma^2."""
        return _as(u2, self._life(u1) * u2)

    def age(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return the other part of that life."""
        return _as(u2, self._life(u1) * (1.0 - u2))

    def _life(self, u: Any) -> Any:
        return self.median * np.exp(self.sigma**2 + self.sigma * _ndtri(u))


@dataclass(frozen=True, slots=True)
class Weibull:
    """P(X > x) = exp(-(x / scale)^shape): below shape 1 the young fail more, above it the old."""

    shape: float
    scale: float

    def __post_init__(self) -> None:
        _checked("shape", self.shape, 0.0, strictly=True)
        _checked("scale", self.scale, 0.0, strictly=True)

    @classmethod
    def of_mean(cls, mean: float, shape: float) -> Weibull:
        """The law with this mean: scale = mean / Gamma(1 + 1 / shape)."""
        return cls(shape, mean / math.gamma(1 + 1 / shape))

    @property
    def mean(self) -> float:
        """The expectation: scale Gamma(1 + 1 / shape)."""
        return self.scale * math.gamma(1 + 1 / self.shape)

    @property
    def variance(self) -> float:
        """The mean squared deviation from the mean: scale^2 (Gamma(1 + 2/k) - Gamma(1 + 1/k)^2)."""
        return self.scale**2 * (math.gamma(1 + 2 / self.shape) - math.gamma(1 + 1 / self.shape) ** 2)

    def quantile(self, u: FloatOrArray) -> FloatOrArray:
        """Return the value below which a share ``u`` of the draws lies."""
        return _as(u, self.scale * (-np.log1p(-u)) ** (1 / self.shape))

    def residual(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return a uniform part of a length-biased life L; (L / scale)^shape is Gamma(1 + 1/shape)."""
        return _as(u2, self._life(u1) * u2)

    def age(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return the other part of that life."""
        return _as(u2, self._life(u1) * (1.0 - u2))

    def _life(self, u: Any) -> Any:
        return self.scale * _gammaincinv(1 + 1 / self.shape, u) ** (1 / self.shape)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value between ``low`` and ``high`` is equally likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _checked("low", self.low, 0.0)
        _checked("high", self.high, self.low)

    @property
    def mean(self) -> float:
        """The expectation."""
        return (self.low + self.high) / 2

    @property
    def variance(self) -> float:
        """The mean squared deviation from the mean: (high - low)^2 / 12."""
        return (self.high - self.low) ** 2 / 12

    def quantile(self, u: FloatOrArray) -> FloatOrArray:
        """Return the value below which a share ``u`` of the draws lies."""
        return _as(u, self.low + u * (self.high - self.low))

    def residual(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return a uniform part of a length-biased life, whose square is uniform between the squares."""
        return _as(u2, self._life(u1) * u2)

    def age(self, u1: FloatOrArray, u2: FloatOrArray) -> FloatOrArray:
        """Return the other part of that life."""
        return _as(u2, self._life(u1) * (1.0 - u2))

    def _life(self, u: Any) -> Any:
        return np.sqrt(self.low**2 + u * (self.high**2 - self.low**2))


Distribution = Constant | Exponential | Lognormal | Weibull | Uniform
