"""Controllers in figures, and where the time goes from a minion's silence to a new pod that is ready.

A pod that was driven from its minion is paired with the first pod that its controller created from then on and that
no earlier one was paired with. That is who replaced it, unless the controller lost pods in another way meanwhile.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict, deque
from typing import Any, Final

import numpy as np
import polars as pl

from experiments.controlsteps import EVICTED, ControlSteps
from experiments.expectationwords import MetricTerm
from experiments.journalfiles import RunFiles
from experiments.owners import read_named

__all__ = ["STAGES", "controller_figures", "replacement_times"]

STAGES: Final = ("notice", "wait", "evict", "create", "place", "start")
"""From the minion's silence to its condition; to its taint NoExecute; to the pod's end; to the creation of another
pod; to its binding; to its being ready."""

_KINDS: Final = (
    "fault_began",
    "minion_crashed",
    "minion_condition",
    "minion_tainted",
    "pod_terminating",
    "pod_created",
    "pod_bound",
    "pod_ready",
)


def controller_figures(run: RunFiles, end_s: float) -> dict[str, dict[str, float]]:
    """Return by controller: counts at the end, pods evicted, and the mean number unavailable over the run."""
    steps = ControlSteps(run)
    found = {}
    for named in read_named(run.manifest, "owners"):
        if not named.object.startswith("controller/"):
            continue
        key = named.object.removeprefix("controller/")
        name = key.removeprefix("default/")
        words = ("desired", "live", "ready", "evicted", "unavailable")
        of = {word: steps.of(MetricTerm(word, key, 0, 0)) for word in words}
        mean = of["unavailable"].integral(end_s) / end_s if end_s > 0 else 0.0
        found[name] = {word: each.last for word, each in of.items()} | {"mean_unavailable": mean}
    return found


def replacement_times(run: RunFiles) -> dict[str, Any] | None:
    """Return mean and greatest seconds of each stage, and of all together, over the pods that were replaced.

    Only pods count whose replacement was ready before the end; ``evicted`` says how many there were in all.
    Means of the stages add up to the mean of the whole. None where none was evicted from a minion that fell silent.
    """
    if not any(named.object.startswith("controller/") for named in read_named(run.manifest, "owners")):
        return None  # nobody replaces anything
    evicted, rows = _lives(run)
    if not evicted:
        return None
    result: dict[str, Any] = {"evicted": evicted, "replaced": len(rows)}
    if rows:
        moments = np.array(rows)
        lengths = np.column_stack([np.diff(moments, axis=1), moments[:, -1] - moments[:, 0]])
        for place, stage in enumerate((*STAGES, "whole")):
            lasted = lengths[:, place]
            result[f"{stage}_s"] = {"mean": float(lasted.mean()), "max": float(lasted.max())}
    return result


def _lives(run: RunFiles) -> tuple[int, list[list[float]]]:
    """How many pods were driven from silent minions; and of each that was made good, its seven moments."""
    text = pl.col("kind", "object", "owner", "minion", "reason").cast(pl.String)
    columns = ["time_s", "kind", "object", "owner", "minion", "reason", "value"]
    events = run.events().select(columns).with_columns(text).filter(pl.col("kind").is_in(_KINDS)).collect()
    kind = pl.col("kind")
    silent = _times(
        events.filter(kind.is_in(["fault_began", "minion_crashed"])), pl.coalesce("minion", "object")
    )
    unknown = _times(events.filter((kind == "minion_condition") & (pl.col("value") == 0)), pl.col("object"))
    is_execute = (kind == "minion_tainted") & pl.col("reason").str.contains("NoExecute")
    tainted = _times(events.filter(is_execute), pl.col("object"))
    bound, ready = (
        _times(events.filter(kind == word), pl.col("object")) for word in ("pod_bound", "pod_ready")
    )
    evicted = events.filter((kind == "pod_terminating") & (pl.col("reason") == EVICTED)).filter(
        pl.col("owner").str.starts_with("controller/")
    )
    created = _created(events, evicted["owner"].unique().to_list())
    count, rows = 0, []
    for end_s, owner, minion in evicted.select("time_s", "owner", "minion").iter_rows():
        noticed_s = _last(unknown.get(minion, []), end_s)
        if math.isnan(noticed_s):
            continue  # somebody tainted a minion that is well
        count += 1
        new = _taken(created[owner], end_s)
        if new is None or new[1] not in ready:
            continue
        quiet_s = _last(silent[minion], noticed_s)
        taint_s = next((time_s for time_s in tainted[minion] if noticed_s <= time_s <= end_s), end_s)
        rows.append([quiet_s, noticed_s, taint_s, end_s, new[0], bound[new[1]][0], ready[new[1]][0]])
    return count, rows


def _created(events: pl.DataFrame, owners: list[str]) -> dict[str, deque[tuple[float, str]]]:
    """Pods by owner, as (time of creation, pod), in order."""
    found: dict[str, deque[tuple[float, str]]] = defaultdict(deque)
    rows = events.filter((pl.col("kind") == "pod_created") & pl.col("owner").is_in(owners))
    for time_s, pod, owner in rows.select("time_s", "object", "owner").iter_rows():
        found[owner].append((time_s, pod))
    return found


def _taken(created: deque[tuple[float, str]], from_s: float) -> tuple[float, str] | None:
    """Take the first pod that was created at a time or later; those before it are of no use to later ones."""
    while created and created[0][0] < from_s:
        created.popleft()
    return created.popleft() if created else None


def _times(events: pl.DataFrame, name: pl.Expr) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for about, time_s in events.select(name.alias("about"), "time_s").iter_rows():
        found[about].append(time_s)
    return found


def _last(times_s: list[float], until_s: float) -> float:
    """The last of these times that is not after another; nan for none."""
    place = bisect_right(times_s, until_s) - 1
    return times_s[place] if place >= 0 else math.nan
