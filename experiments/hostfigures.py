"""What virtual machines wanted of the CPUs of hosts that are over-committed, and what of that others had meanwhile."""

from __future__ import annotations

from typing import Any

import polars as pl

from experiments.journalfiles import RunFiles
from experiments.steps import NOTHING, Steps
from models.machines.hosts import HOST_SERIES

__all__ = ["host_figures"]


def host_figures(run: RunFiles, end_s: float) -> dict[str, dict[str, Any]] | None:
    """Return by host, and for all, the CPU seconds wanted and stolen, and the share; None where no host is tight."""
    text = pl.col("series", "object").cast(pl.String)
    rows = run.series().with_columns(text).filter(pl.col("series").is_in(list(HOST_SERIES))).collect()
    steps: dict[str, dict[str, Steps]] = {}
    for (series, host), points in rows.group_by("series", "object", maintain_order=True):
        found = Steps(points["time_s"].to_numpy(), points["value"].to_numpy() / 1000)
        steps.setdefault(str(host), {})[str(series)] = found
    if not steps:
        return None
    sums = {
        host: [of.get(series, NOTHING).integral(end_s) for series in HOST_SERIES]
        for host, of in sorted(steps.items())
    }
    total = [sum(each) for each in zip(*sums.values(), strict=True)]
    return {host: _figures(*each) for host, each in {**sums, "all": total}.items()}


def _figures(wanted_s: float, stolen_s: float) -> dict[str, Any]:
    return {
        "wanted_s": wanted_s,
        "stolen_s": stolen_s,
        "stolen_ratio": stolen_s / wanted_s if wanted_s else None,
    }
