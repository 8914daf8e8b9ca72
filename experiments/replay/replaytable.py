"""What ``wavetank replay`` prints."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from experiments.replay.comparing import Verdict
from experiments.replay.lives import Event

__all__ = ["print_verdict"]


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print both worlds side by side and what is wrong."""
    table = _table("Starts and ends", "predicted", "measured", "error", "allowed")
    for row in verdict.events:
        event = row.predicted or row.measured
        assert event is not None
        error = ""
        if row.predicted is not None and row.measured is not None:
            error = f"{row.measured.time_s - row.predicted.time_s:+.2f} s"
        said = event.said
        if row.predicted and row.measured and row.predicted.said != row.measured.said:
            said += f", for real {row.measured.said.partition(' ')[2]}"
        cells = (_time(row.predicted), _time(row.measured), error, f"{row.allowed_s:.2f} s")
        table.add_row(said, *cells, style="" if row.holds else "bold red")
    console.print(table)
    table = _table("CPU seconds", "predicted", "measured", "error")
    for each in verdict.cpu:
        figures = (
            f"{each.predicted_s:.2f}",
            f"{each.measured_s:.2f}",
            f"{each.measured_s - each.predicted_s:+.2f}",
        )
        table.add_row(
            "/".join(each.who).removeprefix("default/"), *figures, style="" if each.holds else "bold red"
        )
    predicted, measured = (
        sum(values) for values in zip(*((r.predicted_s, r.measured_s) for r in verdict.cpu), strict=True)
    )
    table.add_row("all", f"{predicted:.2f}", f"{measured:.2f}", f"{measured - predicted:+.2f}", style="bold")
    console.print(table)
    for sentence in verdict.swapped:
        console.print(f"not in the same order: {sentence}", style="red", markup=False, highlight=False)
    if verdict.unsure:
        console.print(
            f"inconclusive: {verdict.unsure}", style="yellow", markup=False, highlight=False, soft_wrap=True
        )
        return
    word = "the worlds agree" if verdict.holds else "the worlds do not agree"
    console.print(word, style="green" if verdict.holds else "bold red")


def _table(title: str, *right: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("container", overflow="fold")
    for heading in right:
        table.add_column(heading, justify="right")
    return table


def _time(event: Event | None) -> str:
    return "never" if event is None else f"{event.time_s:.2f} s"
