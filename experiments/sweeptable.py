"""A sweep's tables: what is said of each estimate, and the tables for the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.statistics import Estimate
from experiments.sweep import SweepTable
from experiments.sweepmetrics import is_ratio
from experiments.wording import say_estimate, say_number

__all__ = ["for_people", "print_sweep", "say"]


def for_people(name: str, found: Estimate) -> tuple[str, Estimate]:
    """Return a metric's name with its unit and the estimate in that unit: ratios become percent."""
    if not is_ratio(name):
        return name, found
    ends = (found.mean, found.low, found.high)
    mean, low, high = (None if end is None else 100 * end for end in ends)
    return f"{name} (%)", replace(found, mean=mean, low=low, high=high)


def say(found: Estimate) -> str:
    """Say an estimate; one that some runs have no number for is not an estimate of anything."""
    if found.missing and found.count:
        return f"not reached in {found.missing} of {found.missing + found.count} runs"
    return say_estimate(found)


def print_sweep(table: SweepTable, console: Console) -> None:
    """Print every metric for every case, then the differences that are sure, and how many are not."""
    console.print(f"[bold]Mean and {_percent(table)} interval over seeds[/bold]", highlight=False)
    shown = _table("metric", *table.cases, numbers=True)
    for metric, by_case in table.estimates.items():
        found = [for_people(metric, by_case[case]) for case in table.cases]
        shown.add_row(found[0][0], *(_short(estimate) for _, estimate in found))
    console.print(shown, "")
    for case, meaning in table.legend.items():
        console.print(f"{case}: {meaning}", markup=False, highlight=False, soft_wrap=True)
    _print_differences(table, console)


def _short(found: Estimate) -> str:
    """Say an estimate in the width of a terminal's column: a t-interval is as far to both sides."""
    if found.missing or found.mean is None or found.high is None:
        return say(found)
    return f"{say_number(found.mean)} ± {say_number(found.high - found.mean, 3)}"


def _percent(table: SweepTable) -> str:
    return f"{100 * table.level:.4g}%"


def _table(*headings: str, numbers: bool) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for place, heading in enumerate(headings):
        # A name that is cut off names nothing.
        justify: Literal["left", "right"] = "right" if numbers and place else "left"
        made.add_column(escape(heading), justify=justify, overflow="fold")
    return made


def _print_differences(table: SweepTable, console: Console) -> None:
    sure, unsure = _table("metric", "which is less", "by", numbers=False), 0
    for metric, by_pair in table.differences.items():
        for pair, difference in by_pair.items():
            if not difference.sure:
                unsure += 1
                continue
            less, more, by = _less_first(pair, difference)
            name, by = for_people(metric, by)
            sure.add_row(name, escape(f"{less} < {more}"), say_estimate(by))
    if not sure.row_count and not unsure:
        return
    title = f"Differences paired by seed whose {_percent(table)} interval excludes 0"
    console.print(f"[bold]{title}[/bold]", highlight=False)
    if sure.row_count:
        console.print(sure, "")
    if unsure:
        count = f"{say_number(unsure)} of {say_number(unsure + sure.row_count)}"
        console.print(f"Not sure: {count} differences; the report has them all.", highlight=False)


def _less_first(pair: tuple[str, str], found: Estimate) -> tuple[str, str, Estimate]:
    """The two cases, the one with less first, and the difference as a positive number."""
    first, second = pair
    assert found.mean is not None
    assert found.low is not None
    assert found.high is not None, "a sure difference has an interval"
    if found.mean < 0:
        return first, second, replace(found, mean=-found.mean, low=-found.high, high=-found.low)
    return second, first, found
