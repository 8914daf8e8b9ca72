"""The answer of ``wavetank isolation compare``: how likely an attacker is out by some times, profile by profile."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.isolation.asked import Question
from experiments.isolation.pathstable import chances, graphs_of
from sim.units import format_duration_s

__all__ = ["print_comparison"]


def print_comparison(found: Sequence[Sequence[Question]], console: Console) -> None:
    """Print a row for each profile and a column for each time.

    Args:
        found: By profile, the same question for each time.
        console: Where to.
    """
    first = found[0][0]
    title = f"chance of {', '.join(first.goals)}; the {first.attacker} attacker"
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("profile", no_wrap=True)
    for asked in found[0]:
        table.add_column(f"by {format_duration_s(asked.by_s)}", justify="right")
    for row in found:
        graphs = graphs_of(row[0])
        table.add_row(escape(row[0].profile), *(chances(asked, graphs) for asked in row))
    console.print(table)
