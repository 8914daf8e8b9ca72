"""What containers wanted of their minions' CPUs and what they got, of those that say what they use.

The amounts over time are series; the sums at the end are those of the records ``container_used``, one for each time
that a container ran.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import polars as pl

from experiments.controlsteps import summed
from experiments.journalfiles import RunFiles
from experiments.steps import Steps

__all__ = ["CPU_WORDS", "cpu_figures", "cpu_steps", "cpu_steps_of", "cpu_sums", "use_steps"]

CPU_WORDS: Final = {"cpu_wanted": "cpu_wanted_millicores", "cpu_used": "cpu_used_millicores"}
"""Words of expectations, and the series that they are about."""

_SUMS: Final = ("wanted_s", "used_s", "throttled_s")


def cpu_steps(run: RunFiles) -> dict[str, dict[str, Steps]]:
    """Return by owner and word the cores that were wanted and got over time; nothing where nobody says."""
    return use_steps(run, CPU_WORDS, 1000)


def use_steps(run: RunFiles, series_of: Mapping[str, str], unit: float) -> dict[str, dict[str, Steps]]:
    """Return by owner and word what was wanted and got over time.

    Args:
        run: The run.
        series_of: The series of each word.
        unit: What of a series is 1.
    """
    text = pl.col("series", "object").cast(pl.String)
    words = {series: word for word, series in series_of.items()}
    rows = run.series().with_columns(text).filter(pl.col("series").is_in(list(words))).collect()
    found: dict[str, dict[str, Steps]] = {}
    for (series, owner), points in rows.group_by("series", "object", maintain_order=True):
        steps = Steps(points["time_s"].to_numpy(), points["value"].to_numpy() / unit)
        found.setdefault(str(owner), {})[words[str(series)]] = steps
    return found


def cpu_steps_of(run: RunFiles, word: str, owners: Collection[str] | None) -> Steps:
    """Return the cores that some owners (None: all) wanted or got over time."""
    return summed([of[word] for owner, of in cpu_steps(run).items() if owners is None or owner in owners])


def _rows(run: RunFiles) -> pl.DataFrame:
    kind, owner = pl.col("kind").cast(pl.String), pl.col("owner").cast(pl.String)
    found = run.events().filter(kind == "container_used")
    return (
        found.group_by(owner.fill_null("orphan"))
        .agg(
            pl.col("container_used_wanted_s").sum().alias("wanted_s"),
            pl.col("value").sum().alias("used_s"),
            pl.col("container_used_throttled_s").sum().alias("throttled_s"),
        )
        .sort("owner")
        .collect()
    )


def cpu_sums(run: RunFiles, owners: Collection[str] | None) -> dict[str, float]:
    """Return the CPU seconds that some owners (None: all) wanted and got, and the seconds that they were throttled."""
    rows = _rows(run)
    if owners is not None:
        rows = rows.filter(pl.col("owner").is_in(list(owners)))
    return {word: float(rows[word].sum()) for word in _SUMS}


def cpu_figures(run: RunFiles) -> dict[str, dict[str, Any]] | None:
    """Return by owner the CPU seconds wanted and got, the share, and the seconds throttled; None where nobody says."""
    found = {
        owner: {
            "wanted_s": wanted,
            "used_s": used,
            "throttled_s": throttled,
            "share": used / wanted if wanted else None,
        }
        for owner, wanted, used, throttled in _rows(run).iter_rows()
    }
    return found or None
