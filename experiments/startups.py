"""How long pods take from being created to being ready, with and without their images to pull; what pulls cost.

FACTS K69: within 5 s for 99 of 100 pods, the pull of images and init containers left out (kubernetes/community,
sig-scalability/slos/pod_startup_latency.md). So three times are told: of pods whose images were there, of those that
had to pull, and of the latter once more with the time from their first pull's beginning to the end of their last left
out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.journalfiles import RunFiles
from experiments.lives import ENDING_RECORDS
from experiments.metrics import SHARES
from experiments.statistics import Quantile, quantile
from experiments.steps import Steps

__all__ = ["IMAGES_LISTED", "StartUps", "image_figures", "pull_steps", "pulls_going_on", "read_startups"]

Floats = NDArray[np.float64]
IMAGES_LISTED: Final = 20
"""A summary holds so many images, those of which most was moved."""

_KINDS: Final = (
    "pod_created",
    "pod_bound",
    "pod_ready",
    "image_pulling",
    "image_pulled",
    "image_failed",
    *ENDING_RECORDS.values(),
)
_PULLS: Final = {"image_pulling": 1.0, "image_pulled": -1.0, "image_failed": -1.0}


@dataclass(frozen=True)
class StartUps:
    """One row a pod that became ready, or that lives and is not ready yet (``ready_s`` nan).

    Attributes:
        owner: As in the journal, empty for none.
        created_s, ready_s: Simulated times; ready for the first time.
        pulling_s: From the beginning of its first pull to the end of its last before it was ready; 0 where none ended
            (its minion crashed, and another pod's pull brought the image).
        pulled: Whether it had to pull.
    """

    owner: NDArray[np.str_]
    created_s: Floats
    ready_s: Floats
    pulling_s: Floats
    pulled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.created_s)

    def of(self, owners: Collection[str]) -> StartUps:
        """Return the pods of some owners."""
        return self.where(np.isin(self.owner, np.array(sorted(owners), dtype=np.str_)))

    def where(self, chosen: NDArray[np.bool_]) -> StartUps:
        """Return some of the pods."""
        return StartUps(
            self.owner[chosen],
            self.created_s[chosen],
            self.ready_s[chosen],
            self.pulling_s[chosen],
            self.pulled[chosen],
        )

    def quantiles(self, end_s: float, *, less_pulls: bool = False) -> dict[str, Quantile]:
        """Return p50, p95 and p99 of the time from created to ready; a pod that is not ready counts as infinite."""
        took_s = self.ready_s - self.created_s
        if less_pulls:
            took_s = took_s - self.pulling_s
        never = np.isnan(self.ready_s)
        longest_s = float(np.max(np.where(never, end_s - self.created_s, took_s), initial=0.0))
        reached = np.sort(took_s[~never])
        at_least = longest_s if len(self) else None
        return {word: quantile(reached, int(never.sum()), share, at_least) for word, share in SHARES.items()}

    def figures(self, end_s: float) -> dict[str, Any] | None:
        """Return ``there``, ``pulled`` and ``less_pulls``: pods and quantiles of each; None where there is no pod."""
        if not len(self):
            return None
        there, pulled = self.where(~self.pulled), self.where(self.pulled)
        return {
            "there": _figures(there, there.quantiles(end_s)),
            "pulled": _figures(pulled, pulled.quantiles(end_s)),
            "less_pulls": _figures(pulled, pulled.quantiles(end_s, less_pulls=True)),
        }


def _figures(pods: StartUps, quantiles: dict[str, Quantile]) -> dict[str, Any]:
    return {"pods": len(pods), **{word: found.as_json() for word, found in quantiles.items()}}


def read_startups(run: RunFiles) -> StartUps:
    """Read the start-ups of a run; no rows where nothing is ever ready, as with timing instant.

    Pods that were bound when the run began, as no scheduler did it, started before.
    """
    kind = pl.col("kind").cast(pl.String)
    if not run.events().select((kind == "pod_ready").any()).collect().item():
        none = np.empty(0)
        return StartUps(np.empty(0, dtype=np.str_), none, none, none, np.empty(0, dtype=np.bool_))
    columns = [
        pl.col("time_s"),
        kind,
        *(pl.col(name).cast(pl.String) for name in ("object", "owner", "actor")),
    ]
    rows = run.events().filter(kind.is_in(_KINDS)).select(columns)

    def times(word: str) -> pl.Expr:
        return pl.col("time_s").filter(pl.col("kind") == word)

    ready = times("pod_ready").min()
    found = (
        rows.group_by("object", maintain_order=True)
        .agg(
            pl.col("owner").first().fill_null(""),
            times("pod_created").first().alias("created_s"),
            ready.alias("ready_s"),
            times("image_pulling").min().alias("pulling_from_s"),
            pl.col("time_s")
            .filter(kind.is_in(["image_pulled", "image_failed"]), pl.col("time_s") <= ready)
            .max()
            .alias("pulled_s"),
            pl.col("kind").is_in(list(ENDING_RECORDS.values())).any().alias("ended"),
            ((pl.col("kind") == "pod_bound") & pl.col("actor").is_null()).any().alias("found"),
        )
        .filter(~pl.col("found"))
        .filter(pl.col("created_s").is_not_null(), pl.col("ready_s").is_not_null() | ~pl.col("ended"))
        .collect()
    )
    pulled = found["pulling_from_s"].is_not_null() & (
        found["ready_s"].is_null() | (found["pulling_from_s"] <= found["ready_s"])
    )
    return StartUps(
        np.array(found["owner"].to_list(), dtype=np.str_),
        found["created_s"].to_numpy(),
        found["ready_s"].fill_null(np.nan).to_numpy(),
        (found["pulled_s"] - found["pulling_from_s"]).fill_null(0.0).clip(lower_bound=0.0).to_numpy(),
        pulled.fill_null(False).to_numpy(),
    )


def image_figures(run: RunFiles) -> dict[str, Any] | None:
    """Return ``total`` and, by image, pulls, failures, bytes moved and how long pulls took; None: no pull.

    A pull takes from being asked for to its end, its time in the queue of its minion too.
    """
    kind = pl.col("kind").cast(pl.String)
    rows = (
        run.events()
        .filter(kind.is_in(["image_pulling", "image_pulled", "image_failed", "image_removed"]))
        .select(
            kind,
            pl.coalesce(pl.col("actor").cast(pl.String), pl.col("object").cast(pl.String)).alias("image"),
            "value",
            pl.col("image_pulled_bytes").fill_null(0).alias("bytes"),
        )
        .collect()
    )
    if not rows.height:
        return None
    by_image = {name.removeprefix("image/"): _pulls(of) for (name,), of in rows.group_by("image")}
    listed = sorted(by_image, key=lambda name: (-by_image[name]["bytes"], -by_image[name]["failed"], name))
    return {
        "total": _pulls(rows),
        "images": len(by_image),
        "listed": [{"image": name, **by_image[name]} for name in listed[:IMAGES_LISTED]],
    }


def _pulls(rows: pl.DataFrame) -> dict[str, Any]:
    count = {word: int((rows["kind"] == f"image_{word}").sum()) for word in ("pulled", "failed", "removed")}
    took_s = np.sort(rows.filter(pl.col("kind") == "image_pulled")["value"].to_numpy())
    return {
        **count,
        "bytes": int(rows["bytes"].sum()),
        **{f"{word}_s": quantile(took_s, 0, share, None).as_json() for word, share in SHARES.items()},
        "max_s": float(took_s[-1]) if len(took_s) else None,
    }


def pull_steps(run: RunFiles, word: str, owners: Collection[str] | None) -> Steps:
    """Return how many pulls have ended so (``image_pulled`` or ``image_failed``) for pods of some owners, over time."""
    text = pl.col("kind", "owner").cast(pl.String)
    rows = run.events().select("time_s", "kind", "owner").with_columns(text).filter(pl.col("kind") == word)
    if owners is not None:
        rows = rows.filter(pl.col("owner").is_in(sorted(owners)))
    times_s = rows.collect()["time_s"].to_numpy()
    return Steps(times_s, np.arange(1.0, len(times_s) + 1.0))


def pulls_going_on(run: RunFiles) -> Steps:
    """Return how many pulls go on over time, those that wait their turn too; a crash ends those of its minion."""
    text = pl.col("kind", "minion").cast(pl.String)
    rows = (
        run.events()
        .select("time_s", "kind", "minion")
        .with_columns(text)
        .filter(pl.col("kind").is_in([*_PULLS, "minion_crashed"]))
        .collect()
    )
    open_on: dict[str, float] = {}
    times_s, changes = [], []
    for time_s, kind, minion in rows.iter_rows():
        change = -open_on.get(minion, 0.0) if kind == "minion_crashed" else _PULLS[kind]
        if change:
            open_on[minion] = open_on.get(minion, 0.0) + change
            times_s.append(time_s)
            changes.append(change)
    return Steps(np.array(times_s, dtype=np.float64), np.cumsum(np.array(changes, dtype=np.float64)))
