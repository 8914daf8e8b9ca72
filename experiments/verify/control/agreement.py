"""What counts as agreement of one observation. How many may miss together is in `pooled`.

The null hypothesis is that the recording is one more run of the same model: then it and the seeds could be put in
any order (they are exchangeable), and each rule below has the chance of a false alarm that it says.

- A delay is *fixed* where it lies within 0.05 s over all seeds that have the event: then the recording must lie within
  0.1 s + 5% of their median.
- Any other delay is *random*. The recording misses where it is below the least or above the greatest of n seeds:
  chance 2/(n+1). By more than 0.25 s + 10% of the range it disagrees. What never happened is a delay without end.
- Where fewer than half of the seeds have the event at all, its delay says little and would only thin the pooled
  ranks: it is *rare*, and judged by its occurrence and by the 0.25 s + 10% alone.
- That an event happens at all, each count and each set: the recorded value must have a frequency of 0.5% at least
  in 1,000 seeds. Where all seeds agree this is equality, as nothing is random then.
- A curve's distance from another is the mean of the absolute differences of its samples: a short shift of a steep
  flank weighs as little as it lasts, a wrong level as much. The recording's distance from the median curve of the
  seeds is at most the greatest of the seeds' own, each from the median of the other seeds: chance 1/(n+1).

Position: the place of the recording among itself and the n seeds, from 0 to 1, is uniform in continuous delays.
Delays come in milliseconds and some in few values, so equal ones are put in a drawn order: with b seeds below and
e equal it is (b + u(e+1))/(n+1), u uniform. That is exactly uniform whatever the ties, where mid-ranks would crowd
about the middle and fail an honest model. u is a function of scenario and name alone, so a verdict is repeatable.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from experiments.verify.control.history import NEVER
from experiments.verify.control.observation import Form, Observation
from experiments.verify.control.samples import Sample

__all__ = ["LEAST_SHARE", "Kind", "Outcome", "Verdict", "hits", "judge"]

FIXED_SPREAD_S = 0.05
FIXED_S, FIXED_SHARE = 0.1, 0.05
BEYOND_S, BEYOND_SHARE = 0.25, 0.1
LEAST_SHARE = 0.005
"""The least frequency of a recorded count or set among the seeds."""

_EPSILON_S = 1e-9  # times are whole milliseconds; their differences are not quite

Floats = NDArray[np.float64]


class Kind(StrEnum):
    """By which rule an observation is judged."""

    FIXED = "fixed"
    RANDOM = "random"
    RARE = "rare"
    NEVER = "never"
    SET = "set"
    CURVE = "curve"


class Outcome(StrEnum):
    """What came out."""

    AGREES = "agrees"
    MISSES = "misses"
    DISAGREES = "disagrees"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One observation judged.

    Attributes:
        recorded: From the recording.
        kind: The rule.
        outcome: What came out; a miss is a matter of how many there are.
        least: Of the seeds, in seconds (of a curve: distances); ``inf`` where some never had it.
        median: Of the seeds.
        greatest: Of the seeds.
        spread: Greatest less least of those seeds that had it.
        frequencies: Values and how many seeds had them, the most frequent first (sets only).
        seeds: How many.
        position: Place of the recording among all, 0 to 1 (random delays only).
        distance: Of the recorded curve from the median (curves only).
        reason: Why it disagrees, a sentence without a full stop.
    """

    recorded: Observation
    kind: Kind
    outcome: Outcome
    seeds: int
    least: float = NEVER
    median: float = NEVER
    greatest: float = NEVER
    spread: float = 0.0
    frequencies: tuple[tuple[str, int], ...] = ()
    position: float | None = None
    distance: float | None = None
    reason: str = ""


def judge(sample: Sample, scenario: str) -> Verdict:
    """Judge one observation by its own rule.

    Args:
        sample: The recording and at least one seed.
        scenario: Name of the recording, part of what orders ties.
    """
    if sample.recorded.form is Form.VALUE:
        return _judge_set(sample)
    if sample.recorded.form is Form.CURVE:
        return _judge_curve(sample)
    return _judge_delay(sample, scenario)


def hits(sample: Sample) -> int:
    """How many seeds have the recorded value; of a delay, how many have the event if the recording has it.

    A curve is had by all: it is not judged by frequency.
    """
    if sample.recorded.form is Form.CURVE:
        return len(sample.simulated)
    if sample.recorded.form is Form.VALUE:
        return sum(value == sample.recorded.value for value in sample.simulated)
    happened = sample.recorded.value != NEVER
    return sum((value != NEVER) == happened for value in sample.simulated)


def _judge_set(sample: Sample) -> Verdict:
    counts = Counter(str(value) for value in sample.simulated)
    frequencies = tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    seeds, found = len(sample.simulated), hits(sample)
    agrees = found >= LEAST_SHARE * seeds
    reason = "" if agrees else f"the recorded value has {found} of {seeds} seeds"
    outcome = Outcome.AGREES if agrees else Outcome.DISAGREES
    return Verdict(sample.recorded, Kind.SET, outcome, seeds, frequencies=frequencies, reason=reason)


def _judge_curve(sample: Sample) -> Verdict:
    curves = np.array(sample.simulated, dtype=np.float64)
    recorded = np.array(sample.recorded.value, dtype=np.float64)
    own = _distances(curves, _medians_of_others(curves))
    distance, seeds = float(_distances(recorded, np.median(curves, axis=0))), len(curves)
    agrees = bool(distance <= own.max() + _EPSILON_S)
    reason = "" if agrees else f"distance {distance:.3f} from the median curve, seeds at most {own.max():.3f}"
    return Verdict(
        sample.recorded,
        Kind.CURVE,
        Outcome.AGREES if agrees else Outcome.DISAGREES,
        seeds,
        float(own.min()),
        float(np.median(own)),
        float(own.max()),
        distance=distance,
        reason=reason,
    )


def _distances(curves: Floats, middle: Floats) -> Floats:
    """Mean absolute differences over the samples, which are the last axis."""
    found: Floats = np.abs(curves - middle).sum(axis=-1) / max(curves.shape[-1], 1)
    return found


def _medians_of_others(curves: Floats) -> Floats:
    """The median, sample by sample, of all curves but each one."""
    others = len(curves) - 1
    if others == 0:
        return curves
    ordered = np.sort(curves, axis=0)
    # With one of them away, place k is that of k + 1 where the one that is away stood at or before it.
    low, high = (
        np.where(curves <= ordered[k], ordered[k + 1], ordered[k]) for k in ((others - 1) // 2, others // 2)
    )
    middle: Floats = (low + high) / 2
    return middle


def _judge_delay(sample: Sample, scenario: str) -> Verdict:
    recorded = float(sample.recorded.value)  # type: ignore[arg-type]  # a delay has a number
    values = np.array(sample.simulated, dtype=np.float64)
    having = values[np.isfinite(values)]
    kind = _kind(values, having)
    outcome, reason = _outcome(kind, recorded, values, having, hits(sample))
    least, greatest = float(values.min()), float(values.max())
    spread = float(having.max() - having.min()) if having.size else 0.0
    position = (
        _position(recorded, values, f"{scenario}/{sample.recorded.what}") if kind is Kind.RANDOM else None
    )
    middle = float(np.sort(values)[len(values) // 2])  # the upper one of two: no mean with an infinite one
    return Verdict(
        sample.recorded,
        kind,
        outcome,
        len(values),
        least,
        middle,
        greatest,
        spread,
        position=position,
        reason=reason,
    )


def _kind(values: Floats, having: Floats) -> Kind:
    if not having.size:
        return Kind.NEVER
    if having.max() - having.min() <= FIXED_SPREAD_S + _EPSILON_S:
        return Kind.FIXED
    return Kind.RANDOM if 2 * having.size >= values.size else Kind.RARE


def _outcome(kind: Kind, recorded: float, values: Floats, having: Floats, found: int) -> tuple[Outcome, str]:
    if found < LEAST_SHARE * len(values):
        does = "happens in the recording" if recorded < NEVER else "never happens in the recording"
        return Outcome.DISAGREES, f"it {does} and so does in {found} of {len(values)} seeds"
    if recorded == NEVER or kind is Kind.NEVER:
        return Outcome.AGREES, ""
    if kind is Kind.FIXED:
        middle = float(np.median(having))
        off, allowed = abs(recorded - middle), FIXED_S + FIXED_SHARE * middle
        if off > allowed + _EPSILON_S:
            return Outcome.DISAGREES, f"{off:.3f} s from the fixed {middle:.3f} s, allowed {allowed:.3f} s"
        return Outcome.AGREES, ""
    low, high = float(having.min()), float(having.max())
    beyond, allowed = max(low - recorded, recorded - high, 0.0), BEYOND_S + BEYOND_SHARE * (high - low)
    outside = recorded < values.min() or recorded > values.max()
    if outside and beyond > allowed + _EPSILON_S:
        return Outcome.DISAGREES, f"{beyond:.3f} s outside, allowed {allowed:.3f} s"
    return (Outcome.MISSES if outside else Outcome.AGREES), ""


def _position(recorded: float, values: Floats, name: str) -> float:
    below, equal = int((values < recorded).sum()), int((values == recorded).sum())
    drawn = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=6).digest()) / 2**48
    return float((below + drawn * (equal + 1)) / (len(values) + 1))
