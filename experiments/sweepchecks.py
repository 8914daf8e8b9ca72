"""Checks a sweep before its first run: every combination of axes, with positions in the words as they were typed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from experiments.checking import check_traces, read_checked
from experiments.sweep import Design
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError
from sim.overrides import split_assignment, split_axis
from sim.yamlsource import parse_yaml

__all__ = ["checked_design"]

_SEEDS = "--first-seed"


@dataclass(frozen=True)
class _Typed:
    """One ``--set`` as it was typed.

    Attributes:
        source: ``--set 2``.
        path: What stands before ``=``.
        columns: Where each value begins, by the JSON that a cell has of it.
        text: All of it.
    """

    source: str
    path: str
    columns: tuple[int, ...]
    text: str


def checked_design(
    file: Path, name: str, sets: Sequence[str], seeds: int, first_seed: int
) -> tuple[Design, int]:
    """Make the design of a sweep.

    Returns:
        The design, and how many cells it has.

    Raises:
        ScenarioError: With every problem of the words of ``--set`` and of every case that they make.
    """
    typed, problems = _read(sets)
    if problems:
        raise ScenarioError(problems)
    design = Design.of(file, name, [each.text for each in typed], seeds, first_seed)
    cells = list(design.cells(Path()))
    # A cell has the fixed overrides first, then the axes, then the seed.
    order = [each for each in typed if len(each.columns) == 1] + [
        each for each in typed if len(each.columns) > 1
    ]
    fixed = [each.text for each in order if len(each.columns) == 1]
    found: dict[Diagnostic, None] = {}
    for cell in cells:
        if cell.seed == design.seeds[-1]:
            sets = (*fixed, *cell.sets[len(fixed) :])
            try:
                check_traces(read_checked(file, sets))
            except ScenarioError as error:
                found |= dict.fromkeys(_placed(error.diagnostics, sets, order, design))
    if found:
        raise ScenarioError(list(found))
    return design, len(cells)


def _read(sets: Sequence[str]) -> tuple[list[_Typed], list[Diagnostic]]:
    typed, problems = [], list[Diagnostic]()
    for number, text in enumerate(sets, start=1):
        source = f"--set {number}"
        try:
            path, values = split_assignment(text)
            split_axis(values, source)
        except ScenarioError as error:
            problems += error.diagnostics
            continue
        except ValueError as error:
            problems.append(Diagnostic(str(error), source, 1, 1, code="override"))
            continue
        if path.strip() == "seed":
            message = "the seeds of a sweep are chosen by --seeds and --first-seed, not by --set"
            problems.append(Diagnostic(message, source, 1, 1, code="override"))
            continue
        document, _ = parse_yaml(f"[{values}]", source, column_offset=len(path))
        assert document is not None, "split_axis has read it"
        columns = tuple(node.mark.column for node in document.root.items)
        typed.append(_Typed(source, path, columns, text))
    return typed, problems


def _placed(
    problems: Sequence[Diagnostic], sets: Sequence[str], order: Sequence[_Typed], design: Design
) -> Iterator[Diagnostic]:
    """Say of each problem in a cell's override where it stands in what was typed."""
    places = {f"--set {number}": number - 1 for number in range(1, len(sets) + 1)}
    values = dict(design.axes)
    for problem in problems:
        place = places.get(problem.source)
        if place is None:
            yield problem
        elif place == len(order):
            yield replace(problem, source=_SEEDS, line=0, column=0)
        else:
            each, column = order[place], problem.column
            if len(each.columns) > 1 and column >= len(each.path) + 2:
                value = sets[place][len(each.path) + 1 :]
                column = each.columns[values[each.path].index(value)]
            yield replace(problem, source=each.source, column=column)
