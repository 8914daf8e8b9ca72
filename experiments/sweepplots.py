"""The picture of a sweep: for each metric, means with intervals, and differences paired by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.plotstyle import COLOURS, GREY, styled
from experiments.statistics import Estimate
from experiments.wording import say_number

__all__ = ["draw_comparison", "pictured_pairs"]

_MOST_PAIRS: Final = 15


def pictured_pairs(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs that a picture has room for: all of a few, else those with the first case."""
    if len(pairs) <= _MOST_PAIRS:
        return list(pairs)
    return [pair for pair in pairs if pair[0] == pairs[0][0]]


def draw_comparison(
    metric: str,
    estimates: Mapping[str, Estimate],
    differences: Mapping[tuple[str, str], Estimate],
    level: float,
) -> Figure:
    """Draw one metric of a sweep.

    A dot is a mean and its line the interval; a ring has no interval. A difference is blue where its interval
    excludes zero, and grey where it does not.

    Args:
        metric: Its name, with its unit.
        estimates: By case.
        differences: By pair of cases, first less second.
        level: Of the intervals.
    """
    pairs = pictured_pairs(list(differences))
    rows = max(len(estimates), len(pairs), 2)
    with styled():
        figure = Figure(figsize=(9, 0.95 + 0.3 * rows), layout="constrained")
        panels = figure.subplots(1, 2 if pairs else 1, squeeze=False)[0]
        _draw_rows(panels[0], list(estimates), list(estimates.values()), None)
        panels[0].set_title(f"mean and {100 * level:.4g}% interval")
        panels[0].set_xlabel(metric)
        if pairs:
            shown = [differences[pair] for pair in pairs]
            _draw_rows(panels[1], [f"{first} - {second}" for first, second in pairs], shown, 0.0)
            panels[1].set_title("paired differences")
            panels[1].set_xlabel(f"difference, {metric}")
        return figure


def _draw_rows(axes: Axes, names: Sequence[str], estimates: Sequence[Estimate], zero: float | None) -> None:
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    if zero is not None:
        axes.axvline(zero, color="#333333", linewidth=0.9)
    for place, found in enumerate(estimates):
        if found.mean is None:
            continue
        colour = COLOURS["blue"] if zero is None or found.sure else GREY
        if found.low is not None and found.high is not None:
            axes.plot(
                [found.low, found.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt"
            )
            axes.plot([found.mean], [place], "o", color=colour, markersize=6)
        else:
            axes.plot([found.mean], [place], "o", color=colour, markersize=6, fillstyle="none")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: say_number(value)))
