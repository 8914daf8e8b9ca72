"""What counts as agreement of all random delays together.

Observations that vary by the same draws count once: of those of one recording with one name of a draw, the one that
varies most among the seeds stands for all. The seeds alone choose it, so its chance of a miss stays 2/(n+1). The
others are judged singly, by 0.25 s + 10%.

What is left is independent but for the phase of the passes, which the minions of one recording share; this widens
the number of misses a little, and the 99.9% point leaves room for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from experiments.verify.control.agreement import Kind, Outcome, Verdict

__all__ = ["Pooled", "pool", "stand_for_all"]

_MISSES_QUANTILE = 0.999
_LEAST_P = 0.001


@dataclass(frozen=True, slots=True)
class Pooled:
    """The tests over the independent random delays of all recordings.

    Attributes:
        observations: How many.
        misses: How many of them lie outside the range of the seeds.
        allowed: The 99.9% point of their number.
        distance: Kolmogorov-Smirnov distance of the positions from uniform; 0 where there are none.
        p: Its p-value.
    """

    observations: int
    misses: int
    allowed: int
    distance: float
    p: float

    @property
    def passes(self) -> bool:
        """Whether neither test fails."""
        return self.misses <= self.allowed and self.p >= _LEAST_P


def stand_for_all(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the random delays of one recording, one for each draw."""
    chosen: dict[str, Verdict] = {}
    for verdict in verdicts:
        if verdict.kind is not Kind.RANDOM:
            continue
        draw = verdict.recorded.draw
        if draw not in chosen or verdict.spread > chosen[draw].spread:
            chosen[draw] = verdict
    return list(chosen.values())


def pool(recordings: Mapping[str, Sequence[Verdict]]) -> Pooled:
    """Test the random delays of all recordings together.

    Args:
        recordings: Verdicts by recording.
    """
    standing = [verdict for verdicts in recordings.values() for verdict in stand_for_all(verdicts)]
    if not standing:
        return Pooled(0, 0, 0, 0.0, 1.0)
    seeds = min(verdict.seeds for verdict in standing)
    allowed = int(stats.binom.ppf(_MISSES_QUANTILE, len(standing), 2 / (seeds + 1)))
    misses = sum(_is_outside(verdict) for verdict in standing)
    test = stats.kstest([verdict.position for verdict in standing], "uniform")
    return Pooled(len(standing), misses, allowed, float(test.statistic), float(test.pvalue))


def _is_outside(verdict: Verdict) -> bool:
    return verdict.outcome is not Outcome.AGREES
