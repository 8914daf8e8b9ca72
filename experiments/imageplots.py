"""The picture of image pulls: how many go on, how many have ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from experiments.plots import mark_faults, time_axis, whole_numbers
from experiments.plotstyle import COLOURS, axes_column, draw_steps, styled
from experiments.steps import Steps

__all__ = ["draw_pulls"]


def draw_pulls(
    curves: tuple[Steps, Steps, Steps], faults: Sequence[Mapping[str, Any]], end_s: float
) -> Figure | None:
    """Draw the pulls that go on and those that have ended, well or not; None if there are none.

    Args:
        curves: Counts over time: of those that go on, of those that were well, of those that failed.
        faults: As ``summary.json`` lists them.
        end_s: The end of the run.
    """
    going_on, pulled, failed = curves
    if not len(going_on):
        return None
    with styled():
        figure, (above, below) = axes_column(2)
        draw_steps(above, going_on, end_s, COLOURS["orange"], fill=True)
        above.set_title("pulls that go on, those that wait their turn too")
        # Room above the curve for the names of faults.
        above.set_ylim(0, 1.35 * max(1.0, float(going_on.values.max(initial=0))))
        draw_steps(below, pulled, end_s, COLOURS["blue"], label="pulled")
        if failed.last:
            draw_steps(below, failed, end_s, COLOURS["red"], linestyle="--", label="failed")
            below.legend(loc="upper left", ncols=2)
        below.set_title("pulls so far")
        below.set_ylim(0, 1.2 * max(1.0, pulled.last, failed.last))
        for axes in (above, below):
            axes.set_ylabel("pulls")
            whole_numbers(axes)
            mark_faults(axes, faults, end_s, named=axes is above)
        time_axis(below, end_s)
        return figure
