"""How many processes containers had, of those that say so: over time, what ended their growth, who was refused one.

Counts are series; that a minion can start no process, or is said not to be ready, are records.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from experiments.controlsteps import summed
from experiments.journalfiles import RunFiles
from experiments.steps import Steps

__all__ = ["CountedProcesses", "counted_processes", "exhausted_steps", "process_figures", "process_steps_of"]

_OWNERS: Final = "processes"
_MINIONS: Final = "minion_processes"
_KINDS: Final = ("processes_exhausted", "processes_freed")
Spans = tuple[tuple[float, float], ...]
"""(from, to) in seconds each; ``inf``: to the end."""


@dataclass(frozen=True)
class CountedProcesses:
    """The processes of one minion.

    Attributes:
        minion: Its name, without the leading ``minion/``.
        count: How many containers had.
        exhausted: When it could start none.
        not_ready: When the master had it as not ready.
    """

    minion: str
    count: Steps
    exhausted: Spans
    not_ready: Spans


def counted_processes(run: RunFiles) -> list[CountedProcesses]:
    """Return the processes of each minion on which containers said how many they have, in order of names."""
    marks = _marks(run)
    return [
        CountedProcesses(
            minion.removeprefix("minion/"),
            steps,
            _spans(marks, minion, ("processes_exhausted",), ("processes_freed",)),
            _spans(marks, minion, ("not_ready",), ("ready",)),
        )
        for minion, steps in sorted(_series(run, _MINIONS).items())
    ]


def process_steps_of(run: RunFiles, owners: Collection[str] | None) -> Steps:
    """Return how many processes the containers of some owners (None: all) had over time."""
    return summed(
        [steps for owner, steps in _series(run, _OWNERS).items() if owners is None or owner in owners]
    )


def exhausted_steps(run: RunFiles, wanted: Collection[str]) -> Steps:
    """Return on how many of some minions, by name, no process could be started over time."""
    names = [f"minion/{name}" for name in wanted]
    marks = _marks(run).filter(pl.col("minion").is_in(names) & pl.col("kind").is_in(_KINDS))
    changes = np.where(marks["kind"].to_numpy() == _KINDS[0], 1.0, -1.0) if marks.height else np.zeros(0)
    return Steps(np.append(0.0, marks["time_s"].to_numpy()), np.append(0.0, np.cumsum(changes)))


def process_figures(run: RunFiles) -> dict[str, Any] | None:
    """Return by owner the most processes at a time, bombs that met a limit, and starts that were refused a process.

    Of all together also how long minions could start none, summed; None where nobody says how many processes it has.
    """
    series = _series(run, _OWNERS)
    if not series:
        return None
    kind, owner = pl.col("kind").cast(pl.String), pl.col("owner").cast(pl.String)
    counts = {
        (name, word): count
        for name, word, count in run.events()
        .filter(kind.is_in(["fork_bomb_limited", "fork_refused"]))
        .group_by(owner.fill_null("orphan").alias("by"), kind.alias("what"))
        .len()
        .collect()
        .iter_rows()
    }
    ended = run.events().filter(kind == "run_ended").select("time_s").collect()
    end_s = float(ended["time_s"][-1]) if ended.height else 0.0
    without = sum(
        min(to_s, end_s) - from_s for minion in counted_processes(run) for from_s, to_s in minion.exhausted
    )
    owners = {
        name: {
            "most": float(steps.values.max(initial=0.0)),
            "limited": counts.get((name, "fork_bomb_limited"), 0),
            "refused": counts.get((name, "fork_refused"), 0),
        }
        for name, steps in sorted(series.items())
    }
    total = {word: sum(each[word] for each in owners.values()) for word in ("limited", "refused")}
    minions = _series(run, _MINIONS).values()
    most = max((float(steps.values.max(initial=0.0)) for steps in minions), default=0.0)
    return {"owners": owners, "total": {**total, "most": most, "exhausted_s": without}}


def _series(run: RunFiles, name: str) -> dict[str, Steps]:
    text = pl.col("series", "object").cast(pl.String)
    rows = run.series().with_columns(text).filter(pl.col("series") == name).collect()
    return {
        str(key): Steps(points["time_s"].to_numpy(), points["value"].to_numpy().astype(np.float64))
        for (key,), points in rows.group_by("object", maintain_order=True)
    }


def _marks(run: RunFiles) -> pl.DataFrame:
    """When minions could start no process, and could again; when they were not ready, and were again."""
    kind = pl.col("kind").cast(pl.String)
    word = pl.when(pl.col("value") > 0).then(pl.lit("ready")).otherwise(pl.lit("not_ready"))
    return (
        run.events()
        .filter(kind.is_in([*_KINDS, "minion_condition"]))
        .select(
            "time_s",
            pl.col("minion").cast(pl.String),
            pl.when(kind == "minion_condition").then(word).otherwise(kind).alias("kind"),
        )
        .collect()
    )


def _spans(marks: pl.DataFrame, minion: str, begins: Collection[str], ends: Collection[str]) -> Spans:
    found: list[tuple[float, float]] = []
    began_s: float | None = None
    for time_s, kind in marks.filter(pl.col("minion") == minion).select("time_s", "kind").iter_rows():
        if kind in begins and began_s is None:
            began_s = time_s
        elif kind in ends and began_s is not None:
            found.append((began_s, time_s))
            began_s = None
    if began_s is not None:
        found.append((began_s, np.inf))
    return tuple(found)
