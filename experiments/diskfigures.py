"""What containers would move to and from their minions' disks and what they moved, of those that say so.

The amounts over time are series; the sums at the end are those of the records ``container_moved``, one for each time
that a container ran.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Final

import polars as pl

from experiments.controlsteps import summed
from experiments.cpufigures import use_steps
from experiments.journalfiles import RunFiles
from experiments.steps import Steps

__all__ = ["DISK_WORDS", "disk_figures", "disk_share", "disk_steps", "disk_steps_of"]

DISK_WORDS: Final = {"disk_wanted": "disk_wanted_bytes_per_s", "disk_used": "disk_used_bytes_per_s"}
"""Words of expectations, and the series that they are about."""


def disk_steps(run: RunFiles) -> dict[str, dict[str, Steps]]:
    """Return by owner and word the MB a second that were wanted and moved; nothing where nobody says."""
    return use_steps(run, DISK_WORDS, 1e6)


def disk_steps_of(run: RunFiles, word: str, owners: Collection[str] | None) -> Steps:
    """Return the MB a second that some owners (None: all) wanted or moved over time."""
    return summed([of[word] for owner, of in disk_steps(run).items() if owners is None or owner in owners])


def disk_share(run: RunFiles, owners: Collection[str] | None) -> float:
    """Return the bytes that some owners (None: all) moved over those that they wanted; nan where they wanted none."""
    found = disk_figures(run) or {}
    rows = [each for owner, each in found.items() if owners is None or owner in owners]
    wanted = sum(each["wanted_bytes"] for each in rows)
    return sum(each["moved_bytes"] for each in rows) / wanted if wanted else math.nan


def disk_figures(run: RunFiles) -> dict[str, dict[str, Any]] | None:
    """Return by owner the bytes wanted and moved, and the share; None where nobody says."""
    kind, owner = pl.col("kind").cast(pl.String), pl.col("owner").cast(pl.String)
    rows = (
        run.events()
        .filter(kind == "container_moved")
        .group_by(owner.fill_null("orphan"))
        .agg(pl.col("container_moved_wanted_bytes").sum(), pl.col("value").sum())
        .sort("owner")
        .collect()
    )
    return {
        name: {"wanted_bytes": wanted, "moved_bytes": moved, "share": moved / wanted if wanted else None}
        for name, wanted, moved in rows.iter_rows()
    } or None
