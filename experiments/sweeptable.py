"""A sweep's table for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.statistics import Estimate
from experiments.sweep import SweepTable
from experiments.wording import say_estimate

__all__ = ["print_sweep", "say"]


def say(found: Estimate) -> str:
    """Say an estimate; one that some runs have no number for is not an estimate of anything."""
    if found.missing and found.count:
        return f"not reached in {found.missing} of {found.missing + found.count} runs"
    return say_estimate(found)


def print_sweep(table: SweepTable, console: Console) -> None:
    """Print every metric for every case, then which differences are sure."""
    shown = Table(title=f"mean and {table.level:.0%} interval over seeds")
    shown.add_column("metric")
    for case in table.cases:
        shown.add_column(escape(case), justify="right")
    for name, by_case in table.estimates.items():
        shown.add_row(name, *(say(by_case[case]) for case in table.cases))
    console.print(shown)
    pairs = Table(title=f"differences, paired by seed, {table.level:.0%} interval")
    for heading in ("metric", "first - second", "difference", "sure"):
        pairs.add_column(heading)
    for name, by_pair in table.differences.items():
        for (first, second), found in by_pair.items():
            sure = "yes" if found.sure else "no"
            pairs.add_row(name, escape(f"{first} - {second}"), say(found), sure)
    if pairs.row_count:
        console.print(pairs)
