"""Where the time goes from a fault to a new pod that is ready.

A pod that was evicted or deleted is paired with the pod that its controller created in its place: see
:mod:`experiments.vacancies`.

The trouble of a pod that was evicted from an Unknown minion began when that minion fell silent; of any other, with the
fault that caused its end.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.controlsteps import DRAINED, EVICTED
from experiments.journalfiles import RunFiles
from experiments.owners import read_named
from experiments.vacancies import VACANCY_KINDS, replaced_by

__all__ = ["LISTED", "STAGES", "replacement_times", "sample"]

STAGES: Final = ("notice", "wait", "evict", "create", "place", "start")
"""From the fault to the minion's condition Unknown; to its taint NoExecute; to the pod's end; to the creation of
another pod; to its binding; to its being ready. A pod that was deleted has no notice and no wait, nor has one that
an operator drives away; a drain is counted from its beginning at the pod's minion."""

LISTED: Final = 240
"""A summary holds the stages of so many replacements; of more an even sample, from the quickest to the slowest."""

_PAIR: Final = {"lost": pl.String, "object": pl.String}
_TURNS: Final = ("drains", "reboots")
_NO_FAULT: Final = "no fault"
_DELETED: Final = "fault"
_KINDS: Final = (
    "fault_began",
    "minion_crashed",
    "minion_condition",
    "minion_tainted",
    "operator_step",
    "pod_bound",
    "pod_ready",
    *VACANCY_KINDS,
)


def replacement_times(run: RunFiles) -> dict[str, Any] | None:
    """Return how long replacements took, stage by stage, for all and by fault.

    Returns:
        ``lost`` pods of controllers by eviction or deletion, and how many of them were ``replaced`` by one that was
        ready before the end. Over these: for each stage and the ``whole``, ``mean``, ``median`` and ``max`` in
        seconds; the means of the stages add up to that of the whole. ``faults`` has the same by fault, in order of
        the first loss, and ``listed`` rows of stages, sorted by the whole. None where none was lost.
    """
    if not any(named.object.startswith("controller/") for named in read_named(run.manifest, "owners")):
        return None  # nobody replaces anything
    losses = _losses(run)
    if not losses:
        return None
    faults = dict.fromkeys(loss.fault for loss in losses)
    stages = [loss.stages for loss in losses if loss.stages is not None]
    return {
        **_figures(losses),
        "faults": [
            {"name": name, **_figures([loss for loss in losses if loss.fault == name])} for name in faults
        ],
        "listed": sample(stages),
    }


@dataclass(frozen=True)
class _Loss:
    """A pod that was evicted or deleted: by which fault, and the stages of its replacement if there was one."""

    fault: str
    stages: NDArray[np.float64] | None


def _figures(losses: Sequence[_Loss]) -> dict[str, Any]:
    stages = [loss.stages for loss in losses if loss.stages is not None]
    found: dict[str, Any] = {"lost": len(losses), "replaced": len(stages)}
    if stages:
        lengths = np.array(stages)
        lengths = np.column_stack([lengths, lengths.sum(axis=1)])
        for place, stage in enumerate((*STAGES, "whole")):
            lasted = lengths[:, place]
            found[f"{stage}_s"] = {
                "mean": float(lasted.mean()),
                "median": float(np.median(lasted)),
                "max": float(lasted.max()),
            }
    return found


def sample(stages: Sequence[NDArray[np.float64]]) -> list[list[float]]:
    """Return rows of stages sorted by their sum, of more than :data:`LISTED` an even sample with both ends."""
    ordered = sorted((list(map(float, row)) for row in stages), key=lambda row: (sum(row), row))
    count = min(len(ordered), LISTED)
    return [ordered[place] for place in np.linspace(0, len(ordered) - 1, count).round().astype(int)]


def _losses(run: RunFiles) -> list[_Loss]:
    text = pl.col("kind", "object", "owner", "minion", "reason").cast(pl.String)
    columns = ["seq", "time_s", "kind", "object", "owner", "minion", "reason", "value", "cause"]
    events = run.events().select(columns).with_columns(text).filter(pl.col("kind").is_in(_KINDS)).collect()
    began = _beginnings(events)
    silences = _silences(events, _cuts(run.manifest))
    is_execute = pl.col("reason").str.contains("NoExecute", literal=True)
    tainted = _times(events.filter((pl.col("kind") == "minion_tainted") & is_execute))
    ends = _ends(events)
    if not ends.height:
        return []
    created = _created(
        events, replaced_by(events.filter(pl.col("kind").is_in(VACANCY_KINDS)), ends["seq"][0])
    )
    found = []
    for pod, end_s, minion, reason, cause in ends.drop("seq").iter_rows():
        new = created.get(pod)
        silence = silences.before(minion, end_s) if reason == EVICTED else None
        if silence is not None:
            fault, *marks_s = silence
            marks_s.append(_first(tainted[minion], marks_s[-1], end_s))
        else:
            fault, from_s = began.get(cause, (_NO_FAULT, end_s))
            marks_s = [from_s] * 3
        stages = None if new is None else np.diff([*marks_s, end_s, new.created_s, new.bound_s, new.ready_s])
        found.append(_Loss(fault, stages if new is not None and new.is_ready else None))
    return found


def _fault_name() -> pl.Expr:
    """The fault that a record of its beginning or of a minion's crash is about."""
    of = pl.when(pl.col("kind").is_in(["fault_began", "operator_step"])).then("object").otherwise("owner")
    return of.fill_null(_NO_FAULT).str.strip_prefix("fault/")


def _beginnings(events: pl.DataFrame) -> dict[int, tuple[str, float]]:
    """By the number of the record, which fault began and when; what crashed or was tainted by it has records too.

    What an operator does to a minion begins with that minion, and not with the first of them.
    """
    found: dict[int, tuple[str, float]] = {}
    kinds = ["fault_began", "minion_crashed", "minion_tainted", "operator_step"]
    rows = events.filter(pl.col("kind").is_in(kinds))
    for seq, reason, name, time_s, cause in rows.select(
        "seq", "reason", _fault_name(), "time_s", "cause"
    ).iter_rows():
        known = None if reason in _TURNS else found.get(cause)
        found[seq] = (name, time_s) if known is None else known
    return found


def _cuts(manifest: Mapping[str, Any]) -> list[str]:
    """The faults that cut minions off: nothing else in the journal says when one could not be heard any more."""
    faults = manifest.get("scenario", {}).get("faults", ())
    return [f"fault/{fault['name']}" for fault in faults if "cutOff" in fault]


@dataclass(frozen=True)
class _Silences:
    """By minion, in order: when it fell silent and by which fault; when its condition changed and to what."""

    began: Mapping[str, list[tuple[float, str]]]
    conditions: Mapping[str, list[tuple[float, float]]]

    def before(self, minion: str, time_s: float) -> tuple[str, float, float] | None:
        """Which fault made a minion silent that is Unknown at a time, when, and when it was noticed.

        The cause of the eviction would not do: where the master was out of reach too, that is the outage's end.
        """
        conditions, began = self.conditions[minion], self.began[minion]
        place = bisect_right(conditions, (time_s, math.inf)) - 1
        if place < 0 or conditions[place][1] != 0:
            return None  # somebody tainted a minion that is well
        noticed_s = conditions[place][0]
        place = bisect_left(began, (noticed_s, "")) - 1
        if place < 0:
            return _NO_FAULT, noticed_s, noticed_s
        return began[place][1], began[place][0], noticed_s


def _silences(events: pl.DataFrame, cuts: Sequence[str]) -> _Silences:
    kind = pl.col("kind")
    began: dict[str, list[tuple[float, str]]] = defaultdict(list)
    falls = events.filter(
        (kind == "minion_crashed") | ((kind == "fault_began") & pl.col("object").is_in(cuts))
    )
    about = pl.coalesce("minion", "object").alias("about")
    for minion, time_s, name in falls.select(about, "time_s", _fault_name().alias("name")).iter_rows():
        began[minion].append((time_s, name))
    conditions: dict[str, list[tuple[float, float]]] = defaultdict(list)
    changes = events.filter(kind == "minion_condition").select("object", "time_s", "value")
    for minion, time_s, value in changes.iter_rows():
        conditions[minion].append((time_s, value))
    return _Silences(began, conditions)


def _ends(events: pl.DataFrame) -> pl.DataFrame:
    """The pods of controllers that were told to end by evictions or by faults, in order."""
    driven = (pl.col("kind") == "pod_terminating") & pl.col("reason").is_in([EVICTED, DRAINED, _DELETED])
    return events.filter(driven & pl.col("owner").str.starts_with("controller/")).select(
        "seq", "object", "time_s", "minion", "reason", "cause"
    )


@dataclass(frozen=True)
class _New:
    """A pod that was created; nan where it was not bound or not ready."""

    created_s: float
    bound_s: float
    ready_s: float

    @property
    def is_ready(self) -> bool:
        return not math.isnan(self.ready_s)


def _created(events: pl.DataFrame, pairs: Mapping[str, str]) -> dict[str, _New]:
    """By pod that was lost, the one that was created in its place."""
    found = pl.DataFrame({"lost": list(pairs), "object": list(pairs.values())}, schema_overrides=_PAIR)
    for word in ("created", "bound", "ready"):
        reached = (
            events.filter(pl.col("kind") == f"pod_{word}")
            .group_by("object")
            .agg(pl.col("time_s").first().alias(word))
        )
        found = found.join(reached, on="object", how="left", maintain_order="left")
    rows = found.select("lost", pl.col("created", "bound", "ready").fill_null(math.nan))
    return {lost: _New(*moments) for lost, *moments in rows.iter_rows()}


def _times(events: pl.DataFrame) -> dict[str, list[float]]:
    found: dict[str, list[float]] = defaultdict(list)
    for about, time_s in events.select("object", "time_s").iter_rows():
        found[about].append(time_s)
    return found


def _first(times_s: Sequence[float], from_s: float, until_s: float) -> float:
    """The first of these times in a span, its beginning where there is none."""
    place = bisect_left(times_s, from_s)
    return times_s[place] if place < len(times_s) and times_s[place] <= until_s else from_s
