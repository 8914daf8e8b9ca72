"""Holds expectations against a run: passed, failed or inconclusive, with the number seen and its time.

Every metric is a step function of time, built from records (utilisation and stranded capacity from the
series). Of several records at one instant only the state after the last one counts. Between records nothing
changes, so a condition is looked at where a side of it changes and nowhere else.

- ``always``: at every time from 0 to the end.
- ``at end``: after the last record.
- ``within D of F``: at some time in [start, start + D] of every occurrence of F, and of one at least; no
  occurrence fails; an occurrence whose time is not over when the run ends is inconclusive if not yet true.
- ``during F``: at some time in [start, end) of every occurrence, and of one at least: what a fault does, it does some
  time after it began; if the run ends before the fault does and it was not true yet it is inconclusive, unless nobody
  was ever to repair it.
- ``throughout F``: at every time in [start, end) of every occurrence, and of one at least; if the run ends before the
  fault does and it was always true it is inconclusive, unless nobody was ever to repair it.

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

from experiments.expectationwords import Expectation, MetricTerm
from experiments.journalfiles import RunFiles
from experiments.lives import Lives
from experiments.statesteps import StateSteps
from experiments.steps import Steps
from experiments.wording import say_number, say_time

__all__ = ["Judgement", "Verdict", "evaluate", "exit_status"]

Floats = NDArray[np.float64]
Verdict = Literal["passed", "failed", "inconclusive"]

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
        verdict: passed, failed or inconclusive.
        time_s: The time that decided, None where there is none.
        left, right: What both sides were then; nan where there was no number, None where there is no time.
        sentence: What was seen, for people.
    """

    text: str
    verdict: Verdict
    time_s: float | None
    left: float | None
    right: float | None
    sentence: str

    def as_json(self) -> dict[str, str | float | None]:
        """Return the fields by name; what is not finite is None, and the sentence says what it was."""
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


def exit_status(judgements: Sequence[Judgement]) -> int:
    """Return the exit status: 0 all passed, 1 one failed, else 3 as one is inconclusive."""
    found = {judgement.verdict for judgement in judgements}
    return 1 if "failed" in found else 3 if "inconclusive" in found else 0


class _Case:
    """One expectation and one run."""

    def __init__(self, expectation: Expectation, state: StateSteps, lives: Lives) -> None:
        self._expectation = expectation
        self._suffix = expectation.suffix
        self._lives = lives
        self._end_s = lives.end_s
        self._several = False
        self._left, self._right = state.of(expectation.left), state.of(expectation.right)
        changes = np.concatenate([np.zeros(1), self._left.times_s, self._right.times_s])
        self._times_s = np.unique(changes[changes <= self._end_s])
        left, right = self._left.at(self._times_s), self._right.at(self._times_s)
        self._holds = _COMPARE[expectation.operator](left, right) & ~np.isnan(left) & ~np.isnan(right)

    def judge(self) -> Judgement:
        if self._suffix.kind == "at end":
            return self._at_end()
        if self._suffix.kind == "always":
            return self._always()
        faults, name = self._lives.faults, self._suffix.fault
        occurrences = [i for i, known in enumerate(faults.names) if known == name]
        if not occurrences:
            verdict: Verdict = "failed" if self._lives.complete else "inconclusive"
            return self._said(verdict, None, f"the fault {name} did not occur")
        self._several = len(occurrences) > 1
        judges = {"within": self._within, "during": self._during, "throughout": self._throughout}
        judged = [judges[self._suffix.kind](i) for i in occurrences]
        for worse in ("failed", "inconclusive"):
            for one in judged:
                if one.verdict == worse:
                    return one
        # Of those that passed, the slowest says most.
        began_s = faults.began_s[occurrences]
        delays_s = [(one.time_s or 0.0) - start_s for one, start_s in zip(judged, began_s, strict=True)]
        return judged[max(range(len(judged)), key=lambda i: delays_s[i])]

    def _said(self, verdict: Verdict, time_s: float | None, sentence: str) -> Judgement:
        left = right = None
        if time_s is not None:
            left, right = _value(self._left, time_s), _value(self._right, time_s)
        return Judgement(self._expectation.text, verdict, time_s, left, right, sentence)

    def _seen(self, time_s: float) -> str:
        """What the metrics were at a time, in words."""
        sides = ((self._expectation.left, self._left), (self._expectation.right, self._right))
        return " and ".join(
            f"{term} was {_say(term, _value(steps, time_s))}"
            for term, steps in sides
            if isinstance(term, MetricTerm)
        )

    def _first(self, wanted: bool, start_s: float, end_s: float, *, closed: bool) -> float | None:
        """The first time in [start, end], or in [start, end) but at start, at which it is true or is not."""
        here = int(np.searchsorted(self._times_s, start_s, side="right")) - 1
        if bool(self._holds[here]) == wanted:
            return start_s
        after = int(np.searchsorted(self._times_s, end_s, side="right" if closed else "left"))
        found = np.flatnonzero(self._holds[here + 1 : after] == wanted)
        return float(self._times_s[here + 1 + found[0]]) if len(found) else None

    def _at_end(self) -> Judgement:
        seen = self._seen(self._end_s)
        if not self._lives.complete:
            return self._said("inconclusive", self._end_s, f"when the run was cut short {seen}")
        return self._said("passed" if self._holds[-1] else "failed", self._end_s, f"at the end {seen}")

    def _always(self) -> Judgement:
        broken_s = self._first(False, 0.0, self._end_s, closed=True)
        if broken_s is not None:
            return self._said("failed", broken_s, f"at {say_time(broken_s)} {self._seen(broken_s)}")
        if not self._lives.complete:
            sentence = f"true as far as the run went, to {say_time(self._end_s)}"
            return self._said("inconclusive", self._end_s, sentence)
        return self._said("passed", self._end_s, f"true all the time; at the end {self._seen(self._end_s)}")

    def _within(self, occurrence: int) -> Judgement:
        start_s = float(self._lives.faults.began_s[occurrence])
        due_s = start_s + self._suffix.within_s
        met_s = self._first(True, start_s, min(due_s, self._end_s), closed=True)
        name = self._name(occurrence)
        if met_s is not None:
            after = say_time(met_s - start_s)
            return self._said("passed", met_s, f"true {after} after the start of {name}: {self._seen(met_s)}")
        if due_s > self._end_s:
            sentence = (
                f"the run ends {say_time(self._end_s - start_s)} after the start of {name}, too early to tell"
            )
            return self._said("inconclusive", self._end_s, sentence)
        within = say_time(self._suffix.within_s)
        sentence = f"not once true within {within} of {name}; then {self._seen(due_s)}"
        return self._said("failed", due_s, sentence)

    def _span(self, occurrence: int) -> tuple[float, float, bool, bool]:
        """From when to when an occurrence is seen; whether the run ends before it, and whether that leaves it open."""
        faults = self._lives.faults
        start_s, over_s = float(faults.began_s[occurrence]), float(faults.ended_s[occurrence])
        if not math.isnan(over_s):
            return start_s, over_s, False, False
        return start_s, self._end_s, True, not (self._lives.complete and faults.for_ever[occurrence])

    def _during(self, occurrence: int) -> Judgement:
        start_s, end_s, goes_on, is_open = self._span(occurrence)
        name = self._name(occurrence)
        met_s = self._first(True, start_s, end_s, closed=goes_on)
        if met_s is not None:
            after = say_time(met_s - start_s)
            return self._said("passed", met_s, f"true {after} after the start of {name}: {self._seen(met_s)}")
        if is_open:
            return self._said("inconclusive", end_s, f"not true yet, and the run ends before {name} is over")
        return self._said("failed", end_s, f"not once true during {name}; at its end {self._seen(end_s)}")

    def _throughout(self, occurrence: int) -> Judgement:
        start_s, end_s, goes_on, is_open = self._span(occurrence)
        name = self._name(occurrence)
        broken_s = self._first(False, start_s, end_s, closed=goes_on)
        if broken_s is not None:
            after = say_time(broken_s - start_s)
            return self._said("failed", broken_s, f"{after} after the start of {name} {self._seen(broken_s)}")
        if is_open:
            return self._said("inconclusive", end_s, f"true so far, and the run ends before {name} is over")
        return self._said("passed", end_s, f"true throughout {name}; at its end {self._seen(end_s)}")

    def _name(self, occurrence: int) -> str:
        faults = self._lives.faults
        name, began_s = faults.names[occurrence], float(faults.began_s[occurrence])
        number = int(faults.occurrence[occurrence])
        which = f"{name} (occurrence {number})" if self._several else name
        return f"{which} at {say_time(began_s)}"


def _value(steps: Steps, time_s: float) -> float:
    return float(steps.at(np.array([time_s]))[0])


def _say(term: MetricTerm, value: float) -> str:
    if math.isnan(value):
        return "without a number"
    return say_time(value) if term.metric.unit == "time" else say_number(value)
