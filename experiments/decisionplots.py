"""The picture of several schedulers: how busy each is, how its decisions meet those of others, how long jobs wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.decisions import Decisions
from experiments.plots import mark_faults, time_axis, whole_numbers
from experiments.plotstyle import COLOURS, axes_column, draw_steps, styled
from experiments.steps import Steps

__all__ = ["draw_decisions"]

_WINDOWS: Final = 60
"""The run is cut into so many windows of equal length."""


def draw_decisions(
    found: Mapping[str, Decisions], faults: Sequence[Mapping[str, Any]], end_s: float
) -> Figure | None:
    """Draw busyness and mean wait by window, and conflicts so far, of each scheduler; None if there are none.

    Args:
        found: By name, as :func:`experiments.decisions.read_decisions` returns them; the first six are drawn.
        faults: As ``summary.json`` lists them.
        end_s: The end of the run.
    """
    if not found or end_s <= 0:
        return None
    edges = np.linspace(0.0, end_s, _WINDOWS + 1)
    with styled():
        figure, (busy, conflicts, waits) = axes_column(3, 1.5)
        most, longest = 1.0, 0.0
        for (name, of), colour in zip(found.items(), COLOURS.values(), strict=False):
            draw_steps(busy, Steps(edges[:-1], _busyness(of, edges)), end_s, colour, label=name)
            count = np.arange(1.0, len(of.conflict_s) + 1)
            so_far = Steps(np.append(0.0, of.conflict_s), np.append(0.0, count))
            draw_steps(conflicts, so_far, end_s, colour, label=name)
            mean_s = _mean_waits_s(of, edges)
            draw_steps(waits, Steps(edges[:-1], mean_s), end_s, colour, label=name)
            most, longest = max(most, so_far.last), max(longest, float(mean_s.max(initial=0.0)))
        busy.set_title("busyness: share of each window that a scheduler decides")
        busy.set_ylim(0, 1.35)
        busy.set_ylabel("share")
        busy.legend(loc="upper right", ncols=3)
        conflicts.set_title("transactions with a conflict, so far")
        conflicts.set_ylim(0, 1.2 * most)
        conflicts.set_ylabel("transactions")
        whole_numbers(conflicts)
        waits.set_title("mean wait of the jobs whose first decision began in a window")
        waits.set_ylim(0, 1.2 * longest or 1.0)
        waits.set_ylabel("s")
        for axes in (busy, conflicts, waits):
            mark_faults(axes, faults, end_s, named=axes is busy)
        time_axis(waits, end_s)
        return figure


def _busyness(of: Decisions, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each window in which a decision went on: no two of one scheduler overlap."""
    so_far_s = np.append(0.0, np.cumsum(of.busy_s))
    number = np.searchsorted(of.began_s, edges, side="right")
    last = np.maximum(number - 1, 0)
    if not len(of.began_s):
        return np.zeros(len(edges) - 1)
    part_s = np.minimum(edges - of.began_s[last], of.busy_s[last])
    until_s = np.where(number > 0, so_far_s[last] + part_s, 0.0)
    shares: NDArray[np.float64] = np.diff(until_s) / np.diff(edges)
    return shares


def _mean_waits_s(of: Decisions, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    first = ~np.isnan(of.waited_s)
    counts, _ = np.histogram(of.began_s[first], edges)
    sums, _ = np.histogram(of.began_s[first], edges, weights=of.waited_s[first])
    means: NDArray[np.float64] = np.divide(sums, counts, out=np.zeros(len(counts)), where=counts > 0)
    return means
