"""Reads the text of an expectation from left to right; every problem knows its place in the text."""

from __future__ import annotations

import math
import re
from typing import Final

from experiments.expectationwords import (
    METRICS,
    OPERATORS,
    Expectation,
    ExpectationSyntaxError,
    MetricTerm,
    NumberTerm,
    Suffix,
    Term,
)
from models.api.selectors import EVERYTHING, SelectorError, parse_selector
from sim.diagnostics import nearest_word
from sim.units import UnitError, format_duration_s, parse_duration_s

__all__ = ["Reader"]

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER: Final = re.compile(r"[+-]?[0-9.][^\s()=!<>]*")
_PLAIN: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_SIGNS: Final = re.compile(r"[=!<>≤≥≠~]+")
_NEAR_SIGNS: Final = {
    "=": "==", "===": "==", "~=": "==", "=>": ">=", "≥": ">=", "=<": "<=", "≤": "<=",
    "<>": "!=", "!": "!=", "!==": "!=", "≠": "!=",
}  # fmt: skip
_SUFFIXES: Final = ("within", "during", "throughout", "always", "at")


class Reader:
    """Reads one text from left to right.

    Args:
        text: One line of ``expect:``.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _problem(
        self, message: str, hint: str | None = None, *, offset: int | None = None
    ) -> ExpectationSyntaxError:
        return ExpectationSyntaxError(self._at if offset is None else offset, message, hint)

    def _skip(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Take what matches here, empty if nothing does."""
        self._skip()
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _shown(self) -> str:
        """What stands here, for an error."""
        self._skip()
        found = re.compile(r"\S+").match(self._text, self._at)
        return "the end" if found is None else f"'{found[0][:40]}'"

    def expectation(self) -> Expectation:
        """Read all of the text.

        Raises:
            ExpectationSyntaxError: At the first place where it is not of the grammar.
        """
        left = self._term()
        operator = self._operator()
        right = self._term()
        _check_units(left, right)
        self._skip()
        suffix_offset = self._at
        suffix = self._suffix()
        self._skip()
        if self._at < len(self._text):
            raise self._problem(f"expected nothing more, not {self._shown()}")
        for term in (left, right):
            if isinstance(term, MetricTerm) and term.metric.at_end_only and suffix.kind != "at end":
                message = f"{term.name} is a figure of the whole run: only 'at end' goes with it"
                raise self._problem(message, offset=suffix_offset)
        return Expectation(self._text, left, operator, right, suffix)

    def _operator(self) -> str:
        self._skip()
        offset = self._at
        signs = self._take(_SIGNS)
        if signs in OPERATORS:
            return signs
        found = f"'{signs}'" if signs else self._shown()
        hint = _NEAR_SIGNS.get(signs)
        raise self._problem(f"expected one of {' '.join(OPERATORS)}, not {found}", hint, offset=offset)

    def _term(self) -> Term:
        self._skip()
        offset = self._at
        name = self._take(_WORD)
        if name:
            return self._metric(name, offset)
        number = self._take(_NUMBER)
        if number:
            return _number(number, offset)
        raise self._problem(f"expected a number or a metric as pending(), not {self._shown()}")

    def _metric(self, name: str, offset: int) -> MetricTerm:
        if name not in METRICS:
            hint = nearest_word(name, METRICS)
            known = "" if hint else f" (known: {', '.join(sorted(METRICS))})"
            raise self._problem(f"there is no metric '{name}'{known}", hint, offset=offset)
        self._skip()
        if self._at >= len(self._text) or self._text[self._at] != "(":
            raise self._problem(f"expected '(' after the metric {name}", f"{name}()")
        begin = self._at + 1
        depth = 0
        for place in range(self._at, len(self._text)):
            depth += (self._text[place] == "(") - (self._text[place] == ")")
            if depth == 0:
                self._at = place + 1
                return _metric_of(name, self._text[begin:place], offset, begin)
        raise self._problem(f"the '(' after {name} is never closed", offset=begin - 1)

    def _suffix(self) -> Suffix:
        self._skip()
        offset = self._at
        if offset == len(self._text):
            return Suffix("at end")
        word = self._take(_WORD)
        if word == "always":
            return Suffix("always")
        if word == "at":
            self._keyword("end")
            return Suffix("at end")
        if word == "during":
            fault, place = self._fault(word)
            return Suffix("during", fault, fault_offset=place)
        if word == "throughout":
            fault, place = self._fault(word)
            return Suffix("throughout", fault, fault_offset=place)
        if word == "within":
            within_s = self._duration()
            self._keyword("of")
            fault, place = self._fault("of")
            return Suffix("within", fault, within_s, place)
        found = f"'{word}'" if word else self._shown()
        expected = "'within D of FAULT', 'during FAULT', 'throughout FAULT', 'always', 'at end' or nothing"
        raise self._problem(f"expected {expected}, not {found}", nearest_word(word, _SUFFIXES), offset=offset)

    def _keyword(self, word: str) -> None:
        self._skip()
        offset = self._at
        if self._take(_WORD) != word:
            self._at = offset
            raise self._problem(f"expected '{word}', not {self._shown()}")

    def _fault(self, after: str) -> tuple[str, int]:
        self._skip()
        offset = self._at
        name = self._take(re.compile(r"\S+"))
        if not name:
            raise self._problem(f"expected the name of a fault after '{after}', not the end")
        return name, offset

    def _duration(self) -> float:
        self._skip()
        offset = self._at
        word = self._take(re.compile(r"\S+"))
        if not word:
            raise self._problem("expected a time with a unit after 'within', not the end")
        try:
            return parse_duration_s(_plain_number(word) if _PLAIN.fullmatch(word) else word)
        except UnitError as error:
            raise self._problem(error.sentence, error.suggestion, offset=offset) from error


def _plain_number(text: str) -> float:
    number = float(text)
    return int(number) if math.isfinite(number) and number == int(number) else number


def _number(text: str, offset: int) -> NumberTerm:
    if _PLAIN.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ExpectationSyntaxError(offset, f"expected a finite number, not '{text}'")
        return NumberTerm(number, "number", offset)
    if text.endswith("%") and _PLAIN.fullmatch(text[:-1]):
        share = float(text[:-1]) / 100
        raise ExpectationSyntaxError(offset, f"expected a ratio, not the percentage '{text}'", f"{share:g}")
    try:
        return NumberTerm(parse_duration_s(text), "time", offset)
    except UnitError as error:
        message = f"expected a number, or a time with a unit, not '{text}'"
        raise ExpectationSyntaxError(offset, message, error.suggestion) from error


def _metric_of(name: str, inside: str, offset: int, begin: int) -> MetricTerm:
    selector = inside.strip()
    begin += len(inside) - len(inside.lstrip())
    takes = METRICS[name].takes
    if takes == "resource":
        if not selector:
            raise ExpectationSyntaxError(begin, f"{name} needs a resource", f"{name}(cpu)")
        return MetricTerm(name, selector, offset, begin)
    if selector:
        try:
            chosen = parse_selector(selector)
        except SelectorError as error:
            raise ExpectationSyntaxError(begin, error.sentence, error.suggestion) from error
        if takes in {"workload", "controller"}:
            return MetricTerm(name, "" if chosen == EVERYTHING else str(chosen), offset, begin)
        if any(r.operator != "Name" for r in chosen.requirements) or len(chosen.requirements) > 1:
            message = f"expected the name of one {takes}, or nothing for all: labels are not in the journal"
            raise ExpectationSyntaxError(begin, message)
        selector = "".join(chosen.names)
    return MetricTerm(name, selector, offset, begin)


def _check_units(left: Term, right: Term) -> None:
    for metric, other in ((left, right), (right, left)):
        if isinstance(metric, MetricTerm):
            if isinstance(other, MetricTerm):
                _check_metrics(metric, other)
            else:
                _check_number(metric, other)
            return
    raise ExpectationSyntaxError(left.offset, "expected a metric on one side at least, not two numbers")


def _check_metrics(left: MetricTerm, right: MetricTerm) -> None:
    if left.metric.unit != right.metric.unit:
        message = f"{left.name} is a {left.metric.unit} and {right.name} is a {right.metric.unit}"
        raise ExpectationSyntaxError(right.offset, f"{message}: they cannot be compared")


def _check_number(metric: MetricTerm, number: NumberTerm) -> None:
    unit = metric.metric.unit
    if unit == "time" and number.unit != "time":
        hint = format_duration_s(number.value) if number.value >= 0 else None
        message = f"{metric.name} is a time: expected a number with a unit, as 30s or 15m"
        raise ExpectationSyntaxError(number.offset, message, hint)
    if unit != "time" and number.unit == "time":
        raise ExpectationSyntaxError(
            number.offset, f"{metric.name} is a {unit}: expected a number without unit"
        )
    if unit == "ratio" and not 0 <= number.value <= 1:
        hint = f"{number.value / 100:g}" if 1 < number.value <= 100 else None
        message = f"{metric.name} is a ratio: expected a number between 0 and 1"
        raise ExpectationSyntaxError(number.offset, message, hint)
