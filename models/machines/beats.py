"""Heartbeats and passes: computed over integer microseconds, never ticked.

A sequence is a phase and a period: it falls at ``phase + k x period`` for k = 0, 1, 2 ... A minion's lease is
renewed in one (its own phase, 10 s: FACTS K3); the master's monitor looks in another (5 s and the pass itself,
5.003 s as measured: K5, K10). The monitor counts the grace from the pass at which it saw the last beat, not from
the beat (K9), and judges at its passes only: so a minion's death is noticed after 30 to 45 s (K10).

Integers, because k x 10 s as a sum of floats drifts and a beat must be found at its own instant, years on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "Judgement",
    "Passes",
    "count_in",
    "first_judged",
    "last_at_or_before",
    "next_after",
    "next_at_or_after",
    "return_seen",
    "unknown_pass",
]


def last_at_or_before(phase_us: int, period_us: int, t_us: int) -> int | None:
    """Return the time of the last beat at or before a time, in us; nothing before the first."""
    if t_us < phase_us:
        return None
    return t_us - (t_us - phase_us) % period_us


def next_after(phase_us: int, period_us: int, t_us: int) -> int:
    """Return the time of the first beat after a time, in us."""
    if t_us < phase_us:
        return phase_us
    return t_us - (t_us - phase_us) % period_us + period_us


def next_at_or_after(phase_us: int, period_us: int, t_us: int) -> int:
    """Return the time of the first beat at or after a time, in us."""
    return next_after(phase_us, period_us, t_us - 1)


def count_in(phase_us: int, period_us: int, after_us: int, until_us: int) -> int:
    """Return how many beats fall after one time and at or before another; 0 if they stand the other way."""
    if until_us <= after_us:
        return 0
    return _count(phase_us, period_us, until_us) - _count(phase_us, period_us, after_us)


def _count(phase_us: int, period_us: int, t_us: int) -> int:
    return (t_us - phase_us) // period_us + 1 if t_us >= phase_us else 0


@dataclass(frozen=True, slots=True)
class Passes:
    """The passes of one run of a controller; after a restart it is another sequence.

    Attributes:
        first_us: Time of pass 0.
        period_us: From one to the next: the waiting and the pass itself.
    """

    first_us: int
    period_us: int

    def __post_init__(self) -> None:
        if self.period_us < 1:
            raise ValueError(f"expected a period of at least 1 us, not {self.period_us}")

    def time_us(self, index: int) -> int:
        """Return when a pass is."""
        return self.first_us + index * self.period_us

    def index_at_or_before(self, t_us: int) -> int:
        """Return the last pass at or before a time; -1 before the first."""
        return _count(self.first_us, self.period_us, t_us) - 1

    def index_after(self, t_us: int) -> int:
        """Return the first pass after a time."""
        return _count(self.first_us, self.period_us, t_us)

    def index_at_or_after(self, t_us: int) -> int:
        """Return the first pass at or after a time."""
        return _count(self.first_us, self.period_us, t_us - 1)


class Judgement(NamedTuple):
    """When a minion that fell silent is judged.

    Attributes:
        seen: The pass that saw its last beat, and from which the grace counts.
        judged: The pass at which Ready becomes Unknown.
        time_us: The time of that pass.
    """

    seen: int
    judged: int
    time_us: int


def first_judged(passes: Passes, observed_us: int, grace_us: int) -> int:
    """Return the first pass that is more than the grace after an observation (strictly, as 1.20 compares).

    The observation is a pass; or the start of a fresh grace (K21); or, with the grace of the start (K7), the
    registration of a minion that was never heard.
    """
    return passes.index_after(observed_us + grace_us)


def unknown_pass(
    phase_us: int, period_us: int, stopped_us: int, passes: Passes, grace_us: int, *, lag_us: int = 0
) -> Judgement:
    """Return when a minion that stops beating becomes Unknown, if it stays silent till then.

    Args:
        phase_us: Its beats fall at ``phase_us + k x period_us``.
        period_us: From beat to beat.
        stopped_us: The last instant at which a beat goes out.
        passes: The monitor's passes.
        grace_us: Silence that is borne.
        lag_us: From a beat to where the monitor can see it.

    Raises:
        ValueError: No beat before it stopped; ``first_judged`` from its registration answers that.
    """
    beat_us = last_at_or_before(phase_us, period_us, stopped_us)
    if beat_us is None:
        raise ValueError(f"no beat at or before {stopped_us} us: the first would be at {phase_us} us")
    seen = passes.index_at_or_after(beat_us + lag_us)
    judged = first_judged(passes, passes.time_us(seen), grace_us)
    return Judgement(seen, judged, passes.time_us(judged))


def return_seen(phase_us: int, period_us: int, back_us: int, passes: Passes, *, lag_us: int = 0) -> int:
    """Return the pass that first sees a beat of a minion that beats again from a time on."""
    return passes.index_at_or_after(next_at_or_after(phase_us, period_us, back_us) + lag_us)
