"""How sure: quantiles that may not be reached, means and paired differences with t-intervals.

Everything here is a function of numbers. A replication is one run of a cell of a sweep; the replications of
two cells are *paired* where they share a seed, since then they met the same pods and the same failures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_INTERVAL", "Estimate", "Quantile", "estimate", "paired_difference", "quantile"]

NO_INTERVAL = "one run, no interval"
"""Said where there is one replication, or where the replications do not differ."""


@dataclass(frozen=True)
class Quantile:
    """A quantile that may lie beyond everything that was seen.

    Attributes:
        value: The quantile, None where it was not reached.
        at_least: Where it was not reached, the largest number seen; None where there is nothing at all.
    """

    value: float | None
    at_least: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """Return ``{"value": v}``, or ``{"value": null, "at_least": x}`` where it was not reached."""
        if self.value is not None:
            return {"value": self.value}
        return {"value": None, "at_least": self.at_least}

    @classmethod
    def from_json(cls, found: Mapping[str, float | None]) -> Quantile:
        """Read what :meth:`as_json` wrote."""
        return cls(found["value"], found.get("at_least"))


def quantile(reached: NDArray[np.float64], never: int, share: float, at_least: float | None) -> Quantile:
    """Return the quantile by rank of ``reached`` and ``never`` more that count as infinite.

    The quantile of n numbers is the one of rank ceil(share * n) from below (the nearest-rank definition:
    the least number that at least ``share`` of all are not above). Nothing is interpolated, as there is
    nothing between the largest finite number and infinity.

    Args:
        reached: Finite numbers, sorted.
        never: How many more there are, all infinite.
        share: Above 0, at most 1.
        at_least: What to answer where the rank falls among the infinite ones.
    """
    assert 0 < share <= 1, "a share is a ratio"
    count = len(reached) + never
    if count == 0:
        return Quantile(None, None)
    # 0.95 * 20 is 19.000000000000004 or so: a rank that is whole but for rounding is that whole number.
    rank = max(1, math.ceil(round(share * count, 9)))
    return Quantile(float(reached[rank - 1])) if rank <= len(reached) else Quantile(None, at_least)


@dataclass(frozen=True)
class Estimate:
    """A mean over replications and how sure it is.

    Attributes:
        count: Replications that have a number.
        missing: Replications that have none (a quantile that was not reached, a run that failed).
        mean: Their mean; None where there is none.
        low, high: Ends of the interval; None where there is none.
        level: Of the interval, as 0.95.
        words: Why there is no interval, else empty.
    """

    count: int
    missing: int
    mean: float | None
    low: float | None
    high: float | None
    level: float
    words: str = ""

    @property
    def excludes_zero(self) -> bool:
        """There is an interval, and 0 is not in it."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    @property
    def sure(self) -> bool:
        """The interval excludes zero, and every replication has a number."""
        return self.excludes_zero and not self.missing

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return dict(vars(self))


def estimate(numbers: Sequence[float | None], *, level: float = 0.95) -> Estimate:
    """Return mean and t-interval of independent replications.

    The interval is mean ± t(1 - (1 - level) / 2; n - 1) s / sqrt(n): exact for normal numbers, and the usual
    approximation for means over runs. One replication, or several that do not differ, have no interval:
    a spread of 0 says that the seed changes nothing, not that the mean is known exactly.

    Args:
        numbers: One a replication; None and nan where a replication has none.
        level: Between 0 and 1.
    """
    _check_level(level)
    known = [float(number) for number in numbers if number is not None and not math.isnan(number)]
    missing = len(numbers) - len(known)
    if not known:
        return Estimate(0, missing, None, None, None, level, "no run has this number")
    if len(known) == 1 or all(number == known[0] for number in known):
        return Estimate(len(known), missing, known[0], None, None, level, NO_INTERVAL)
    mean, low, high = _t_interval(known, level)
    return Estimate(len(known), missing, mean, low, high, level)


def paired_difference(
    first: Mapping[int, float | None], second: Mapping[int, float | None], *, level: float = 0.95
) -> Estimate:
    """Return mean and t-interval of ``first - second`` over the seeds that both have a number for.

    Where the replications of neither differ, the answer is their difference and ``one run, no interval``.
    Where they do differ but all differences are the same, there is no interval either, and the words say so.

    Args:
        first: A number for each seed.
        second: The same of what it is compared with.
        level: Between 0 and 1.
    """
    _check_level(level)
    seeds = sorted(first.keys() | second.keys())
    pairs = [(first.get(seed), second.get(seed)) for seed in seeds]
    known = [(a, b) for a, b in pairs if a is not None and b is not None and not math.isnan(a - b)]
    missing = len(pairs) - len(known)
    if not known:
        return Estimate(0, missing, None, None, None, level, "no seed has this number on both sides")
    differences = [a - b for a, b in known]
    if len(known) == 1 or len(set(known)) == 1:
        return Estimate(len(known), missing, differences[0], None, None, level, NO_INTERVAL)
    if all(difference == differences[0] for difference in differences):
        words = f"the same difference in all {len(known)} pairs, no interval"
        return Estimate(len(known), missing, differences[0], None, None, level, words)
    mean, low, high = _t_interval(differences, level)
    return Estimate(len(known), missing, mean, low, high, level)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"expected a level of confidence between 0 and 1, as 0.95, not {level!r}")


def _t_interval(numbers: Sequence[float], level: float) -> tuple[float, float, float]:
    # Slow to import, and a single run needs no interval.
    from scipy import stats

    count = len(numbers)
    mean = math.fsum(numbers) / count
    spread = math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / (count - 1))
    half = float(stats.t.ppf(0.5 + level / 2, count - 1)) * spread / math.sqrt(count)
    return mean, mean - half, mean + half
