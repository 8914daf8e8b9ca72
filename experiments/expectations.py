"""What a scenario expects of its run.

``TERM OP TERM [within D of FAULT | during FAULT | throughout FAULT | always | at end]``:

A TERM is a number with its unit or ``METRIC(selector)`` of the closed list
:data:`experiments.expectationwords.METRICS`; one side at least is a metric. OP is one of ``== != < <= > >=``.
Without a suffix it is ``at end``. This module only reads the text; :mod:`experiments.judging` holds it
against a run.

    pending() == 0
    lost(batch) > 0 within 5m of web-3-dies
    utilisation(gpu) >= 0.5 during web-3-dies
    ready_minions() >= 38 always
    unavailable(app=shop) == 0 within 8m of web-3-dies
"""

from __future__ import annotations

from typing import Final

from experiments.expectationreader import Reader
from experiments.expectationwords import (
    RESOURCES,
    WAITED_FOR,
    Expectation,
    ExpectationSyntaxError,
    Known,
    MetricTerm,
    NumberTerm,
    Term,
)
from experiments.owners import chosen
from models.api.selectors import parse_selector
from sim.diagnostics import nearest_word

__all__ = ["find_problems", "parse"]

_LONGEST: Final = 1000


def parse(text: str) -> Expectation:
    """Read one expectation.

    Raises:
        ExpectationSyntaxError: It is not of the grammar; says where.
    """
    if len(text) > _LONGEST:
        raise ExpectationSyntaxError(_LONGEST, f"expected at most {_LONGEST:,} characters, not {len(text):,}")
    return Reader(text).expectation()


def find_problems(text: str, known: Known) -> list[ExpectationSyntaxError]:
    """Return everything that is wrong with one expectation, by position: syntax first, then names."""
    try:
        found = parse(text)
    except ExpectationSyntaxError as error:
        return [error]
    problems = [p for term in (found.left, found.right) if (p := _unknown_in(term, known)) is not None]
    if found.suffix.fault and found.suffix.fault not in known.faults:
        place, name = found.suffix.fault_offset, found.suffix.fault
        problems.append(_unknown(place, "no fault is named", name, known.faults, "faults"))
    return sorted(problems, key=lambda problem: problem.offset)


def _unknown_in(term: Term, known: Known) -> ExpectationSyntaxError | None:
    if isinstance(term, NumberTerm) or not term.selector:
        return None
    takes = term.metric.takes
    if takes == "minion":
        return _unknown_name(term, known.minions, "minion or pool")
    if takes == "resource":
        looked_at = WAITED_FOR if term.name in {"idle", "mean_idle"} else RESOURCES | known.resources
        return _unknown_name(term, looked_at, "resource")
    if takes == "scheduler":
        return _unknown_name(term, known.schedulers, "scheduler")
    named = known.services if takes == "service" else known.owners
    named = tuple(each for each in named if takes != "controller" or each.object.startswith("controller/"))
    if chosen(named, term.selector):
        return None
    names = frozenset(each.names[0] for each in named)
    has_both = takes == "workload" and any(each.object.startswith("controller/") for each in named)
    what = "workload or controller" if has_both else takes
    wanted = parse_selector(term.selector)
    if len(wanted.requirements) == 1 and wanted.names:
        return _unknown_name(term, names, what)
    return ExpectationSyntaxError(term.selector_offset, f"no {what} has pods with {wanted}")


def _unknown_name(term: MetricTerm, names: frozenset[str], what: str) -> ExpectationSyntaxError | None:
    if term.selector in names:
        return None
    plural = " or ".join(f"{word}s" for word in what.split(" or "))
    return _unknown(term.selector_offset, f"no {what} is named", term.selector, names, plural)


def _unknown(offset: int, says: str, name: str, names: frozenset[str], plural: str) -> ExpectationSyntaxError:
    hint = nearest_word(name, names)
    listed = ", ".join(sorted(names)[:8]) + (", ..." if len(names) > 8 else "")
    known = "" if hint else f" (known {plural}: {listed})" if names else f" (there are no {plural})"
    return ExpectationSyntaxError(offset, f"{says} '{name}'{known}", hint)
