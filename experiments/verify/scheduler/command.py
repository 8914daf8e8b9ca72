"""``wavetank verify scheduler``: read, decide again, compare, print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.verify.scheduler.agreement import Agreement, Aspect, compare
from experiments.verify.scheduler.cases import Case, read_decisions
from models.policies.kubernetes.profile import KUBERNETES_1_20, Profile

__all__ = ["verify_scheduler"]

_GROUPS: Final = ("filters", "scores", "other resource scores", "decisions", "sequences")


def verify_scheduler(
    files: Sequence[Path],
    *,
    console: Console,
    profile: Profile = KUBERNETES_1_20,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Take recorded decisions again and print where the model agrees.

    Args:
        files: Of cases and sequences.
        console: Where the tables go.
        profile: What decides.
        told: Called with how many cases and sequences are done, and how many there are.

    Returns:
        0 if all agrees, 1 if not.

    Raises:
        ScenarioError: A file holds no decisions; all are read before any is taken.
    """
    decisions = read_decisions(files)
    agreements = compare(decisions, profile, lambda done: told(done, len(decisions)))
    cases = sum(isinstance(each, Case) for each in decisions)
    steps = sum(len(each.steps) for each in decisions if not isinstance(each, Case))
    _print(agreements, console)
    wrong = [aspect for aspect, each in agreements.items() if each.agreed < each.compared]
    for aspect in sorted(wrong):
        where = f"{_GROUPS[aspect.group]}, {aspect.name}, first difference: {agreements[aspect].first}"
        console.print(where, markup=False, highlight=False, soft_wrap=True)
    compared, agreed = (
        sum(getattr(each, part) for each in agreements.values()) for part in ("compared", "agreed")
    )
    console.print(
        f"{cases} cases and {steps} steps of {len(decisions) - cases} sequences: "
        f"{agreed} of {compared} comparisons agree ({_percent(agreed, compared)})",
        highlight=False,
    )
    console.print("does not agree" if wrong else "agrees", style="bold red" if wrong else "green")
    return 1 if wrong else 0


def _print(agreements: Mapping[Aspect, Agreement], console: Console) -> None:
    table = Table(title="decisions of the real scheduler's code", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("what", overflow="fold")
    for heading in ("agree", "of", ""):
        table.add_column(heading, justify="right")
    for group, aspects in groupby(sorted(agreements), lambda aspect: aspect.group):
        table.add_row(f"[bold]{_GROUPS[group]}[/bold]")
        for aspect in aspects:
            each = agreements[aspect]
            style = "" if each.agreed == each.compared else "bold red"
            cells = (str(each.agreed), str(each.compared), _percent(each.agreed, each.compared))
            table.add_row(escape(aspect.name), *cells, style=style)
    console.print(table)


def _percent(agreed: int, compared: int) -> str:
    """Rounded down, so that 100% is all."""
    return f"{1000 * agreed // compared / 10:g}%" if compared else "nothing compared"
