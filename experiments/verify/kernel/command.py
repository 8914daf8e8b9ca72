"""``wavetank verify kernel``: read, predict, compare, print, judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from experiments.verify.kernel.fitting import compare_kind, fit, loss
from experiments.verify.kernel.kind import Case, Comparison, Kind
from experiments.verify.kernel.kinds import CHECKED
from experiments.verify.kernel.reading import read_cases
from experiments.verify.kernel.table import Judged, print_cases, print_constants, print_errors
from models.kernel.constants import FITTED, FittedConstants

__all__ = ["verify_kernel"]


def verify_kernel(
    files: Sequence[Path],
    *,
    console: Console,
    checked: Mapping[str, Kind] = CHECKED,
    constants: FittedConstants = FITTED,
) -> int:
    """Predict measured cases and print how far off the models are.

    Args:
        files: Of measured cases.
        console: Where the tables go.
        checked: What checks the cases of a kind, by name.
        constants: The fitted ones.

    Returns:
        0 if every kind is checked and within its limits, 1 if not, 3 if it is but for cases that say nothing, which are
        listed and not judged.

    Raises:
        ScenarioError: A file holds no cases; all are read before any is predicted.
    """
    given = read_cases(files, checked)
    cases = [case for case in given if not case.inconclusive]
    present = {name: kind for name, kind in checked.items() if any(case.kind == name for case in cases)}
    judged: list[Judged] = []
    loose: dict[tuple[str, str], list[Comparison]] = {}
    for kind in present.values():
        mine = [case for case in cases if case.kind == kind.name]
        compared = compare_kind(kind, mine, constants)
        print_cases(console, kind, mine, compared)
        judged += _judge(kind, mine, compared)
        aspects = {limit.aspect for limit in kind.limits}
        for each in (each for row in compared for each in row if each.aspect not in aspects):
            loose.setdefault((kind.name, each.aspect), []).append(each)
    print_errors(console, judged, loose)
    print_constants(console, constants, fit(cases, present), _left_out(present, cases, constants))
    unsure = [case for case in given if case.inconclusive]
    for case in unsure:
        console.print(
            f"inconclusive: {case.place} {case.kind}: {case.inconclusive}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    status = _conclude(console, cases, checked, judged)
    if unsure and not status:
        console.print(
            f"{len(unsure)} of {len(given)} cases are inconclusive", style="yellow", highlight=False
        )
    return status or (3 if unsure else 0)


def _judge(kind: Kind, cases: Sequence[Case], compared: Sequence[Sequence[Comparison]]) -> list[Judged]:
    found = []
    for limit in kind.limits:
        rows = [
            (each, f"{case.place} {each.who}".strip())
            for case, comparisons in zip(cases, compared, strict=True)
            for each in comparisons
            if each.aspect == limit.aspect
        ]
        if rows:
            comparisons = [each for each, _ in rows]
            _, worst = max(rows, key=lambda row: row[0].error / (row[0].allowed or 1.0))
            found.append(Judged(kind.name, limit, limit.statistic(comparisons), len(rows), worst))
    return found


def _left_out(
    kinds: Mapping[str, Kind], cases: Sequence[Case], used: FittedConstants
) -> dict[str, tuple[FittedConstants, float, float]]:
    found = {}
    for name, kind in kinds.items():
        without = fit(cases, {other: each for other, each in kinds.items() if other != name})
        found[name] = (without, loss(kind, cases, used), loss(kind, cases, without))
    return found


def _conclude(
    console: Console, cases: Sequence[Case], checked: Mapping[str, Kind], judged: Sequence[Judged]
) -> int:
    unchecked = sorted({case.kind for case in cases if case.kind not in checked})
    for name in unchecked:
        count = sum(case.kind == name for case in cases)
        console.print(
            f"not checked: {count} cases of kind {name}: no model predicts them yet", style="bold red"
        )
    wrong = [each for each in judged if not each.holds]
    for each in wrong:
        limit = each.limit
        console.print(
            f"{each.kind}: {limit.aspect}, {limit.says} {each.found:.4g} {limit.unit}".rstrip()
            + f", at most {limit.most:g}; furthest off: {each.worst}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    holds = not unchecked and not wrong
    console.print(f"{len(cases)} cases of {len({case.kind for case in cases})} kinds", highlight=False)
    console.print("agrees" if holds else "does not agree", style="green" if holds else "bold red")
    return 0 if holds else 1
