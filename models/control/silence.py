"""A minion that has stopped beating, and what passes before the run have made of it."""

from __future__ import annotations

from typing import NamedTuple

from models.machines.beats import Passes

__all__ = ["Known", "Silence", "known_at_start", "last_beat_us"]

_LONG_S = 86400.0
"""As long as minions have been silent that are not ready from the start."""


class Silence:
    """A minion that has stopped beating.

    Attributes:
        beat_us: Its last beat.
        cause: The record of what made it silent; once it was noticed, that of its condition.
        seen_us: The pass that saw it, once that pass has been; or when its fresh grace began.
    """

    __slots__ = ("beat_us", "cause", "seen_us")

    def __init__(self, beat_us: int, cause: int) -> None:
        self.beat_us = beat_us
        self.cause = cause
        self.seen_us: int | None = None


class Known(NamedTuple):
    """What the master knows of a silence when the run begins, at 0.

    Attributes:
        seen_us: The pass that saw the last beat, if that has been.
        is_unknown: A pass has made the minion Unknown.
        is_tainted: The pass after that has been too.
    """

    seen_us: int | None
    is_unknown: bool
    is_tainted: bool


def known_at_start(beat_us: int, passes: Passes, grace_us: int) -> Known:
    """Return what the passes before the run have made of a minion's last beat; they were always 5.003 s apart."""

    def pass_after(time_us: int) -> int:
        first_us, period_us = passes.first_us, passes.period_us
        return first_us + ((time_us - first_us) // period_us + 1) * period_us

    seen_us = pass_after(beat_us - 1)
    noticed_us = pass_after(seen_us + grace_us)
    return Known(seen_us if seen_us < 0 else None, noticed_us < 0, pass_after(noticed_us) < 0)


def last_beat_us(phase_us: int, period_us: int, age_s: float) -> int:
    """Return the last beat of a minion that has been silent for a time, or for a day if that is longer, at 0."""
    stopped_us = -round(min(age_s, _LONG_S) * 1e6)
    return stopped_us - (stopped_us - phase_us) % period_us
