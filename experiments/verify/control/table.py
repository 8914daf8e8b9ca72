"""The comparison as tables for the terminal, and the same as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.verify.control.agreement import Kind, Outcome, Verdict
from experiments.verify.control.observation import Form
from experiments.verify.control.observations import GROUPS
from experiments.verify.control.pooled import Pooled, stand_for_all

__all__ = ["as_json", "print_pooled", "print_recording"]

_MOST_VALUES = 4
_STYLES = {Outcome.AGREES: "", Outcome.MISSES: "yellow", Outcome.DISAGREES: "bold red"}


def print_recording(name: str, verdicts: Sequence[Verdict], console: Console) -> None:
    """Print each observation of a recording beside the simulated ones.

    Args:
        name: The recording.
        verdicts: Of its observations.
        console: Where to.
    """
    table = Table(title=escape(name), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column("observation", overflow="fold")
    for heading in ("recorded", "least", "median", "greatest"):
        table.add_column(heading, justify="right")
    table.add_column("verdict", overflow="fold")
    standing = {verdict.recorded.key for verdict in stand_for_all(verdicts)}
    group = 0
    for verdict in verdicts:
        if verdict.recorded.group != group:
            group = verdict.recorded.group
            table.add_row(f"[bold]{group}. {GROUPS[group]}[/bold]")
        cells = [escape(verdict.recorded.what), *_values(verdict)]
        said = _said(verdict, verdict.recorded.key in standing)
        table.add_row(*cells, escape(said), style=_STYLES[verdict.outcome])
    console.print(table)


def print_pooled(pooled: Pooled, disagreeing: int, console: Console) -> None:
    """Print the tests over all recordings and what it comes to."""
    console.print(
        f"{pooled.observations} independent random delays: {pooled.misses} outside the seeds' range,"
        f" at most {pooled.allowed} allowed",
        highlight=False,
    )
    console.print(
        f"their positions against uniform, Kolmogorov-Smirnov: D = {pooled.distance:.3f}, p = {pooled.p:.2g},"
        " at least 0.001 asked",
        highlight=False,
    )
    if disagreeing:
        console.print(f"{disagreeing} observations disagree by themselves", highlight=False)
    agrees = pooled.passes and not disagreeing
    console.print("agrees" if agrees else "does not agree", style="green" if agrees else "bold red")


def as_json(name: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the comparison of one recording as data; what never happened is null."""
    standing = {verdict.recorded.key for verdict in stand_for_all(verdicts)}
    return {
        "recording": name,
        "observations": [_row(verdict, verdict.recorded.key in standing) for verdict in verdicts],
    }


def _row(verdict: Verdict, stands: bool) -> Mapping[str, Any]:
    recorded = verdict.recorded
    return {
        "group": recorded.group,
        "observation": recorded.what,
        "kind": verdict.kind.value,
        "recorded": _number(recorded.value) if isinstance(recorded.value, float) else recorded.value,
        "least": _number(verdict.least),
        "median": _number(verdict.median),
        "greatest": _number(verdict.greatest),
        "frequencies": dict(verdict.frequencies),
        "seeds": verdict.seeds,
        "position": verdict.position,
        "distance": verdict.distance,
        "draw": recorded.draw,
        "pooled": stands,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
    }


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _values(verdict: Verdict) -> tuple[str, str, str, str]:
    recorded = verdict.recorded
    if recorded.form is Form.VALUE:
        shown = [f"{value} x{count}" for value, count in verdict.frequencies[:_MOST_VALUES]]
        rest = len(verdict.frequencies) - len(shown)
        if rest:
            shown.append(f"{rest} more")
        return escape(str(recorded.value)), "", escape("; ".join(shown)), ""
    first = verdict.distance if isinstance(recorded.value, tuple) else float(recorded.value)
    return _time(first or 0.0), _time(verdict.least), _time(verdict.median), _time(verdict.greatest)


def _time(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "never"


def _said(verdict: Verdict, stands: bool) -> str:
    words = [verdict.kind.value, verdict.outcome.value]
    if verdict.kind is Kind.RANDOM and not stands:
        words.append("shares a draw")
    if verdict.position is not None:
        words.append(f"at {verdict.position:.2f}")
    if verdict.reason:
        words.append(verdict.reason)
    return ", ".join(words)
