"""Holds expectations against a run: passed, failed or inconclusive, with the number seen and its time.

Every metric is a step function of time, built from records (utilisation and stranded capacity from the
series). Of several records at one instant only the state after the last one counts. Between records nothing
changes, so a condition is looked at where a side of it changes and nowhere else.

- ``always``: at every time from 0 to the end.
- ``at end``: after the last record.
- ``within D of F``: at some time in [start, start + D] of every occurrence of F, and of one at least; no
  occurrence fails; an occurrence whose time is not over when the run ends is inconclusive if not yet true.
- ``during F``: at every time in [start, end) of every occurrence, and of one at least; if the run ends before
  the fault does it is inconclusive, unless nobody was ever to repair it.

What an unfinished run has not shown is inconclusive; what it has shown to be false has failed.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.expectationwords import Expectation, NumberTerm, Suffix, Term
from experiments.journalfiles import RunFiles
from experiments.lives import Lives
from experiments.statestepping import StateSteps
from experiments.steps import Steps
from experiments.wording import say_number, say_time

__all__ = ["Judgement", "Status", "evaluate", "worst_status"]

Floats = NDArray[np.float64]
Status = Literal["passed", "failed", "inconclusive"]

_COMPARE: Final[dict[str, Callable[[Floats, Floats], NDArray[np.bool_]]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Judgement:
    """What became of one expectation.

    Attributes:
        text: The expectation.
        status: passed, failed or inconclusive.
        time_s: The time that decided, None where there is none.
        left, right: What both sides were then; None where there is no number.
        sentence: What was seen, for people.
    """

    text: str
    status: Status
    time_s: float | None
    left: float | None
    right: float | None
    sentence: str

    def as_json(self) -> dict[str, str | float | None]:
        """Return the fields by name; an infinite number is None, and the sentence says what it was."""
        fields = dict(vars(self))
        for name in ("left", "right"):
            number = fields[name]
            fields[name] = number if number is not None and math.isfinite(number) else None
        return fields


def evaluate(expectations: Sequence[Expectation], run: RunFiles, lives: Lives) -> tuple[Judgement, ...]:
    """Judge each expectation.

    Args:
        expectations: As read by :func:`experiments.expectations.parse`.
        run: Where the series are.
        lives: :func:`experiments.lives.read_lives` of the same run.
    """
    state = StateSteps(run, lives)
    return tuple(_Case(expectation, state, lives).judge() for expectation in expectations)


def worst_status(judgements: Sequence[Judgement]) -> int:
    """Return the exit status: 0 all passed, 1 one failed, else 3 as one is inconclusive."""
    found = {judgement.status for judgement in judgements}
    return 1 if "failed" in found else 3 if "inconclusive" in found else 0


class _Case:
    """One expectation and one run."""

    def __init__(self, expectation: Expectation, state: StateSteps, lives: Lives) -> None:
        self._text = expectation.text
        self._suffix = expectation.suffix
        self._lives = lives
        self._end_s = lives.end_s
        self._terms = (expectation.left, expectation.right)
        self._sides = tuple(_side(term, state) for term in self._terms)
        changes = np.concatenate([np.zeros(1), *(side.times_s for side in self._sides)])
        self._times_s = np.unique(changes[changes <= self._end_s])
        self._holds = self._true_at(expectation.operator, self._times_s)
        self._operator = expectation.operator

    def _true_at(self, sign: str, times_s: Floats) -> NDArray[np.bool_]:
        left, right = (side.at(times_s) for side in self._sides)
        return _COMPARE[sign](left, right) & ~np.isnan(left) & ~np.isnan(right)

    def judge(self) -> Judgement:
        if self._suffix.kind == "at end":
            return self._at_end()
        if self._suffix.kind == "always":
            return self._always()
        which = [i for i, name in enumerate(self._lives.faults.names) if name == self._suffix.fault]
        if not which:
            sentence = f"the fault {self._suffix.fault} never occurred"
            return self._said("failed" if self._lives.complete else "inconclusive", None, sentence)
        judge_one = self._within if self._suffix.kind == "within" else self._during
        judged = [judge_one(i) for i in which]
        # The worst decides; of the passed ones the last in time, which for `within` is the slowest.
        for status in ("failed", "inconclusive"):
            for one in judged:
                if one.status == status:
                    return one
        return max(judged, key=self._slowness)

    def _slowness(self, judgement: Judgement) -> float:
        began_s = self._lives.faults.began_s
        assert judgement.time_s is not None
        earlier = [start for start, name in zip(began_s, self._lives.faults.names, strict=True)
                   if name == self._suffix.fault and start <= judgement.time_s]
        return judgement.time_s - max(earlier)

    def _said(self, status: Status, time_s: float | None, sentence: str) -> Judgement:
        if time_s is None:
            return Judgement(self._text, status, None, None, None, sentence)
        left, right = (float(side.at(np.array([time_s]))[0]) for side in self._sides)
        return Judgement(self._text, status, float(time_s), _number(left), _number(right), sentence)

    def _seen(self, time_s: float) -> str:
        """What the metrics were at a time."""
        at = np.array([time_s])
        return ", ".join(
            f"{term} was {_say(term, float(side.at(at)[0]))}"
            for term, side in zip(self._terms, self._sides, strict=True)
            if not isinstance(term, NumberTerm)
        )

    def _at_end(self) -> Judgement:
        seen = self._seen(self._end_s)
        if not self._lives.complete:
            return self._said("inconclusive", self._end_s, f"the run has no end; when it stopped {seen}")
        return self._said("passed" if self._holds[-1] else "failed", self._end_s, f"at the end {seen}")
