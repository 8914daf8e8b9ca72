"""What schedulers by name did with their time: busyness, conflicts, and how long jobs waited for their turn.

As in Schwarzkopf et al., Omega, EuroSys '13, section 4: *busyness* is the share of time that a scheduler decides;
the *conflict fraction* is the number of conflicts per successful transaction; a job *waits* from its submission to the
beginning of the first attempt. A transaction is what one decision commits; it has a conflict where the master refused a
pod because of one, or where a kubelet had no room for a pod that nobody had checked (OutOfcpu and the like).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.journalfiles import RunFiles
from experiments.metrics import SHARES
from experiments.statistics import quantile

__all__ = ["Decisions", "of_schedulers", "read_decisions"]

Floats = NDArray[np.float64]
_KINDS: Final = ("pod_created", "pod_bound", "bind_refused", "pod_failed", "decision_began")
_ACTOR: Final = "scheduler/"


@dataclass(frozen=True)
class Decisions:
    """Those of one scheduler, or of some together.

    Attributes:
        schedulers: How many they are of.
        began_s: When each began, in order.
        busy_s: How long each went on, until the end of the run at most.
        waited_s: Of each first attempt, how long its job had waited: nan of the others.
        committed: Whether it tried to bind anything.
        conflict: Whether any of that came to a conflict.
        conflict_s: When the conflicts were seen, in order.
    """

    schedulers: int
    began_s: Floats
    busy_s: Floats
    waited_s: Floats
    committed: NDArray[np.bool_]
    conflict: NDArray[np.bool_]
    conflict_s: Floats

    def figures(self, end_s: float) -> dict[str, Any]:
        """Return the figures of the run as they stand in ``summary.json``; None where there is no number."""
        waits_s = np.sort(self.waited_s[~np.isnan(self.waited_s)])
        conflicts, transactions = int(self.conflict.sum()), int(self.committed.sum())
        whole_s = self.schedulers * end_s
        return {
            "busyness_ratio": float(self.busy_s.sum()) / whole_s if whole_s > 0 else None,
            "decisions": len(self.began_s),
            "transactions": transactions,
            "conflicts": conflicts,
            "conflict_fraction": conflicts / (transactions - conflicts) if transactions > conflicts else None,
            "jobs": len(waits_s),
            "mean_wait_s": float(waits_s.mean()) if len(waits_s) else None,
            "wait_s": {word: quantile(waits_s, 0, share, None).as_json() for word, share in SHARES.items()},
        }


def of_schedulers(found: Collection[Decisions]) -> Decisions:
    """Return the decisions of several schedulers as of one."""
    columns = {
        word: np.concatenate([np.zeros(0), *(getattr(each, word) for each in found)])
        for word in ("began_s", "busy_s", "waited_s", "committed", "conflict", "conflict_s")
    }
    for word in ("committed", "conflict"):
        columns[word] = columns[word].astype(np.bool_)
    columns["conflict_s"] = np.sort(columns["conflict_s"])
    return Decisions(sum(each.schedulers for each in found), **columns)


def read_decisions(run: RunFiles, end_s: float) -> dict[str, Decisions]:
    """Return what each scheduler with a name decided, by that name; those that decided nothing too."""
    names = [each["name"] for each in run.manifest.get("scenario", {}).get("schedulers") or ()]
    if not names:
        return {}
    text = pl.col("kind", "object", "actor", "reason").cast(pl.String)
    columns = ("seq", "time_s", "kind", "object", "actor", "cause", "value", "reason")
    rows = run.events().select(columns).with_columns(text).filter(pl.col("kind").is_in(_KINDS)).collect()
    began = rows.filter(pl.col("kind") == "decision_began")
    created = rows.filter(pl.col("kind") == "pod_created").select("object", created_s="time_s")
    began = began.join(created, on="object", how="left", maintain_order="left")
    seen = _conflicts(rows)
    bound = rows.filter(pl.col("kind") == "pod_bound")["cause"]
    committed = pl.col("seq").is_in(pl.concat([bound, seen["decision"]]).unique().implode())
    began = began.with_columns(
        committed=committed, conflict=pl.col("seq").is_in(seen["decision"].unique().implode())
    )
    seen = seen.join(began.select("actor", decision="seq"), on="decision").sort("time_s")
    return {name: _decisions(began, seen, f"{_ACTOR}{name}", end_s) for name in names}


def _conflicts(rows: pl.DataFrame) -> pl.DataFrame:
    """Return (time_s, decision) of the first conflict of each transaction that had any."""
    refused = rows.filter(
        (pl.col("kind") == "bind_refused") & pl.col("reason").str.starts_with("conflict")
    ).select("time_s", decision="cause")
    bound = rows.filter(pl.col("kind") == "pod_bound").select("object", decision="cause")
    rejected = (
        rows.filter((pl.col("kind") == "pod_failed") & pl.col("reason").str.starts_with("OutOf"))
        .select("object", "time_s")
        .join(bound, on="object")
        .select("time_s", "decision")
    )
    return pl.concat([refused, rejected]).sort("time_s").unique("decision", keep="first", maintain_order=True)


def _decisions(began: pl.DataFrame, seen: pl.DataFrame, actor: str, end_s: float) -> Decisions:
    mine = began.filter(pl.col("actor") == actor)
    began_s = mine["time_s"].to_numpy()
    # A scheduler that starts again leaves a decision unfinished: the next begins before it is over.
    next_s = np.append(began_s[1:], end_s)
    busy_s = np.minimum(mine["value"].to_numpy(), np.minimum(next_s, end_s) - began_s)
    first = mine["reason"].is_null().to_numpy()
    waited_s = np.where(first, began_s - mine["created_s"].to_numpy(), np.nan)
    return Decisions(
        1,
        began_s,
        busy_s,
        waited_s,
        mine["committed"].to_numpy(),
        mine["conflict"].to_numpy(),
        seen.filter(pl.col("actor") == actor)["time_s"].to_numpy(),
    )
