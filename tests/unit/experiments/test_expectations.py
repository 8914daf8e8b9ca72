"""Expectations are read, or refused at the letter where they go wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.expectations import find_problems, parse
from experiments.expectationwords import (
    METRICS,
    ExpectationSyntaxError,
    Known,
    MetricTerm,
    NumberTerm,
    Suffix,
)
from experiments.owners import Named

_KNOWN = Known(
    owners=(Named("workload/batch", ("batch",)),),
    faults=frozenset({"web-3-dies"}),
    minions=frozenset({"web", "web-0"}),
    resources=frozenset({"example.com/fpga"}),
)


def test_a_whole_expectation_is_read() -> None:
    found = parse("lost(batch) >= 3 within 90s of web-3-dies")
    assert found.left == MetricTerm("lost", "batch", 0, 5)
    assert found.operator == ">="
    assert found.right == NumberTerm(3.0, "number", 15)
    assert (found.suffix.kind, found.suffix.within_s, found.suffix.fault) == ("within", 90.0, "web-3-dies")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("pending() == 0", "at end"),
        ("pending() == 0 at end", "at end"),
        ("0 == pending() always", "always"),
        ("running(batch)==running() during web-3-dies", "during"),
        ("running(batch) > 0 throughout web-3-dies", "throughout"),
        ("  delay_p95()   <  5m   ", "at end"),
        ("utilisation(example.com/fpga) <= 0.5 always", "always"),
        ("ready_minions(web) > 1 always", "always"),
    ],
)
def test_these_are_right(text: str, kind: str) -> None:
    assert find_problems(text, _KNOWN) == []
    assert parse(text).suffix.kind == kind
    assert isinstance(parse(text).suffix, Suffix)


@pytest.mark.parametrize(
    ("text", "offset", "words", "hint"),
    [
        ("pnding() == 0", 0, "there is no metric 'pnding'", "pending"),
        ("pending == 0", 8, "expected '(' after the metric", "pending()"),
        ("pending( == 0", 7, "never closed", None),
        ("pending() = 0", 10, "expected one of ==", "=="),
        ("pending() => 0", 10, "expected one of ==", ">="),
        ("pending() ==", 12, "expected a number or a metric", None),
        ("pending() == 0 alway", 15, "alway", "always"),
        ("pending() == 0 at", 17, "end", None),
        ("pending() == 0 within 5m", 24, "of", None),
        ("pending() == 0 within 5 of web-3-dies", 22, "expected a time with a unit", "5s"),
        ("pending() == 0 within 5m of web-4-dies", 28, "no fault is named 'web-4-dies'", "web-3-dies"),
        ("pending() == 0 during", 21, "fault", None),
        ("pending() == 0 throughout", 25, "fault", None),
        ("pending() == 0 throughot web-3-dies", 15, "throughot", "throughout"),
        ("pending(bach) == 0", 8, "no workload is named 'bach'", "batch"),
        ("ready_minions(wb) == 0", 14, "no minion or pool is named 'wb'", "web"),
        ("utilisation(gpus) > 0", 12, "no resource is named 'gpus'", "gpu"),
        ("delay_p95() < 5", 14, "delay_p95 is a time", "5s"),
        ("pending() < 5m", 12, "", None),
        ("delay_p95() < 5m always", 17, "figure of the whole run", None),
        ("1 < 2", 0, "metric", None),
        ("pending() == 0 and lost() == 0", 15, "and", None),
        ("pending() == 1e999", 13, "", None),
        ("", 0, "expected", None),
    ],
)
def test_one_mistake_is_told_at_its_letter(text: str, offset: int, words: str, hint: str | None) -> None:
    (problem,) = find_problems(text, _KNOWN)
    assert (problem.offset, problem.hint) == (offset, hint), str(problem)
    assert words in problem.message


def test_names_on_both_sides_and_of_the_fault_are_told_together() -> None:
    found = find_problems("lost(a) == failed(b) during c", _KNOWN)
    assert [problem.offset for problem in found] == [5, 18, 28]


def test_a_text_without_end_is_refused() -> None:
    with pytest.raises(ExpectationSyntaxError, match="at most 1,000 characters"):
        parse("pending() == " + "0" * 2000)


_PIECES = st.sampled_from(
    [*METRICS, "(", ")", "()", "==", "<", ">=", "0", "5m", "0.5", "within", "of", "during", "throughout", "always", "at", "end", "web-3-dies",
     "batch", " ", "é", "\t", "=", "-1", "1e9", ".", "\u2265"]
)  # fmt: skip


@given(
    st.lists(_PIECES, max_size=12).map(" ".join)
    | st.lists(_PIECES, max_size=12).map("".join)
    | st.text(max_size=60)
)
def test_any_text_is_read_or_refused_at_a_place_within_it(text: str) -> None:
    for problem in find_problems(text, _KNOWN):
        assert 0 <= problem.offset <= len(text)
        assert "\n" not in problem.message
