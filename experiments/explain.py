"""A life with its chain of causes: each record of an object, and under it what led to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from experiments.journalfiles import open_run
from experiments.wording import say_time
from sim.diagnostics import Diagnostic, nearest_word
from sim.errors import ScenarioError

__all__ = ["explain"]

_COLUMNS = ("seq", "time_s", "kind", "object", "actor", "minion", "cause", "value", "reason")


def explain(folder: Path, thing: str) -> str:
    """Tell the life of ``KIND/NS/NAME[#n]`` in the order of time.

    Args:
        folder: A run's folder.
        thing: As ``pod/default/batch-3`` or ``minion/web-3``.

    Returns:
        A text of one line a record, causes indented below, each told once.

    Raises:
        ScenarioError: There is no such object in the run; names the nearest.
    """
    events = open_run(folder).events().select(_COLUMNS)
    texts = [pl.col(name).cast(pl.String) for name in ("kind", "object", "actor", "minion", "reason")]
    events = events.with_columns(texts)
    own = events.filter(
        (pl.col("object") == thing) | (pl.col("minion") == thing) & (pl.col("kind") == "fault_began")
    )
    rows = own.collect().to_dicts()
    if not rows:
        names = events.select("object").unique().collect()["object"].drop_nulls().sort().to_list()
        near = nearest_word(thing, names)
        raise ScenarioError([Diagnostic(f"no record names '{thing}'", str(folder), 0, 0, near)])
    known: dict[int, dict[str, Any]] = {row["seq"]: row for row in rows}
    wanted = {row["cause"] for row in rows if row["cause"] is not None} - known.keys()
    while wanted:
        found = events.filter(pl.col("seq").is_in(sorted(wanted))).collect().to_dicts()
        known |= {row["seq"]: row for row in found}
        wanted = {row["cause"] for row in found if row["cause"] is not None} - known.keys()
    told: set[int] = set()
    lines: list[str] = []
    for row in rows:
        depth, current = 0, row
        while current["seq"] not in told:
            told.add(current["seq"])
            lines.append("  " * depth + ("because " if depth else "") + _sentence(current))
            if current["cause"] is None:
                break
            current = known[current["cause"]]
            depth += 1
    return "\n".join(lines)


def _sentence(row: dict[str, Any]) -> str:
    words = [f"{say_time(row['time_s'])}  [{row['seq']}] {row['object']} {row['kind'].replace('_', ' ')}"]
    if row["minion"] and row["minion"] != row["object"]:
        words.append(f"on {row['minion']}")
    if row["actor"] and row["actor"] != row["object"]:
        words.append(f"by {row['actor']}")
    if row["reason"]:
        words.append(f"({row['reason']})")
    return " ".join(words)
