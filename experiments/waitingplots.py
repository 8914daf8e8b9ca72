"""The picture of who waits beside what is free: how much of it placements have made useless for those who come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.idle import idle_steps
from experiments.plots import mark_faults, resource_scale, time_axis
from experiments.plotstyle import COLOURS, GREY, axes_column, draw_steps, styled
from experiments.steps import Steps

__all__ = ["draw_waiting"]


def draw_waiting(
    free: Steps, wanted: Steps, column: str, faults: Sequence[Mapping[str, Any]], end_s: float
) -> Figure:
    """Draw what is free and what is waited for of one resource, and below the lesser of the two.

    Args:
        free: On ready minions, in the column's unit.
        wanted: By pods that wait for a minion, in the same.
        column: As the series call the resource.
        faults: As ``summary.json`` lists them.
        end_s: The end of the run.
    """
    divisor, unit = resource_scale(column)
    idle = idle_steps(free, wanted)
    with styled():
        figure, (above, below) = axes_column(2, 1.7)
        draw_steps(above, wanted, end_s, COLOURS["orange"], divisor=divisor, fill=True, label="waited for")
        draw_steps(above, free, end_s, GREY, divisor=divisor, label="free")
        above.set_title("waited for, and free")
        above.legend(loc="upper right", ncols=2)
        draw_steps(below, idle, end_s, COLOURS["red"], divisor=divisor, fill=True)
        below.set_title("free though waited for: the lesser of the two")
        for axes, curves in ((above, (free, wanted)), (below, (idle,))):
            _scale(axes, max(float(steps.values.max(initial=0)) for steps in curves) / divisor)
            axes.set_ylabel(unit)
            mark_faults(axes, faults, end_s, named=axes is above)
        time_axis(below, end_s)
        return figure


def _scale(axes: Axes, most: float) -> None:
    # Room above the curves for the names of faults.
    axes.set_ylim(0, 1.35 * most if most > 0 else 1.0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
