"""The page caches of minions: what containers read, counted for each of them, and what is in memory, each page once.

What a container touches and was not cached is charged to it; the rest it found. The sum of what is charged, to those
that run and, for those that are gone, to their minion, is what is cached.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from experiments.journalfiles import RunFiles
from experiments.steps import Steps

__all__ = ["CachedFiles", "cached_files", "file_figures", "found_cached"]


@dataclass(frozen=True)
class CachedFiles:
    """The page cache of one minion over time, in bytes.

    Attributes:
        minion: Its name, without the leading ``minion/``.
        touched: What the containers that run have read, as if each had its own copy.
        charged: What of it is charged to them.
        cached: What is in memory.
    """

    minion: str
    touched: Steps
    charged: Steps
    cached: Steps


def _records(run: RunFiles) -> pl.DataFrame:
    """Records about files in order; amounts that a kind does not have are null."""
    kind = pl.col("kind").cast(pl.String)
    found = run.events().filter(kind.is_in(["files_read", "files_reclaimed", "files_left", "minion_crashed"]))
    there = found.collect_schema().names()
    own = ("files_read_charged_bytes", "files_read_cached_bytes", "files_reclaimed_cached_bytes",
           "files_left_touched_bytes")  # fmt: skip
    amounts = [pl.col(each) if each in there else pl.lit(None, pl.Int64).alias(each) for each in own]
    text = [pl.col(each).cast(pl.String) for each in ("kind", "minion", "owner")]
    return found.select("time_s", "value", *text, *amounts).collect()


def cached_files(run: RunFiles) -> list[CachedFiles]:
    """Return the page cache of each minion on which containers said what they read, in order of names."""
    rows = _records(run)
    readers = rows.filter(pl.col("kind") == "files_read")["minion"].unique().sort().to_list()
    ended = run.events().filter(pl.col("kind").cast(pl.String) == "run_ended").select("time_s").collect()
    end_s = float(ended["time_s"][-1]) if ended.height else np.inf
    return [_cached(str(minion), rows.filter(pl.col("minion") == minion), end_s) for minion in readers]


def _cached(minion: str, rows: pl.DataFrame, end_s: float) -> CachedFiles:
    read, left = pl.col("kind") == "files_read", pl.col("kind") == "files_left"
    crashed = pl.col("kind") == "minion_crashed"
    moves = rows.filter(read | (left & (pl.col("time_s") < end_s))).with_columns(
        touched=pl.when(read).then(pl.col("value")).otherwise(-pl.col("files_left_touched_bytes")),
        charged=pl.when(read).then(pl.col("files_read_charged_bytes")).otherwise(-pl.col("value")),
    )
    levels = rows.filter(read | crashed | (pl.col("kind") == "files_reclaimed")).with_columns(
        cached=pl.when(crashed)
        .then(0)
        .otherwise(pl.coalesce("files_read_cached_bytes", "files_reclaimed_cached_bytes"))
    )
    times_s = moves["time_s"].to_numpy()
    touched, charged = (
        Steps(times_s, moves[word].cast(pl.Float64).cum_sum().to_numpy()) for word in ("touched", "charged")
    )
    cached = Steps(levels["time_s"].to_numpy(), levels["cached"].cast(pl.Float64).to_numpy())
    return CachedFiles(minion.removeprefix("minion/"), touched, charged, cached)


def found_cached(run: RunFiles, owners: Collection[str] | None) -> float:
    """Return the share of file pages read by containers of some owners (None: all) that were cached; 0 of nothing."""
    rows = _records(run).filter(pl.col("kind") == "files_read")
    if owners is not None:
        rows = rows.filter(pl.col("owner").is_in(list(owners)))
    touched = float(rows["value"].sum())
    return 1.0 - float(rows["files_read_charged_bytes"].sum()) / touched if touched else 0.0


def file_figures(run: RunFiles) -> dict[str, Any] | None:
    """Return by owner what was read, how much of it was charged and the share found; None where nobody says he reads.

    Of all together also the most that was in any minion's page cache, and the most that those who run there had read.
    """
    rows = _records(run).filter(pl.col("kind") == "files_read")
    if not rows.height:
        return None
    sums = (
        rows.group_by(pl.col("owner").fill_null("orphan"))
        .agg(
            pl.col("value").sum().alias("touched"), pl.col("files_read_charged_bytes").sum().alias("charged")
        )
        .sort("owner")
    )
    owners = {str(owner): _of(touched, charged) for owner, touched, charged in sums.iter_rows()}
    together = _of(float(sums["touched"].sum()), float(sums["charged"].sum()))
    fullest = max(cached_files(run), key=lambda each: float(each.cached.values.max(initial=0.0)))
    most = float(fullest.cached.values.max(initial=0.0))
    held = float(fullest.touched.values.max(initial=0.0))
    return {"owners": owners, "total": {**together, "cached_most_bytes": most, "touched_most_bytes": held}}


def _of(touched: float, charged: float) -> dict[str, float]:
    found = 1.0 - charged / touched if touched else 0.0
    return {"touched_bytes": touched, "charged_bytes": charged, "found_ratio": found}
