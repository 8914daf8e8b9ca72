"""The picture of a replay: the cores that each owner's containers got in both worlds, and their starts and ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from experiments.plots import time_axis
from experiments.plotstyle import COLOURS, GREY, axes_column, draw_steps, styled, time_unit
from experiments.replay.lives import Event, Lived, Who
from experiments.steps import Steps

__all__ = ["draw_replay"]

_MOST_PANELS: Final = 12
_DOTS_PER_INCH: Final = 110
_MEAN_S: Final = 1.0
"""Measured cores are means over about this long: shorter, and the grain of quotas would be all that is seen."""

Floats = NDArray[np.float64]


def draw_replay(
    file: Path,
    *,
    owners: Mapping[str, str],
    predicted: Mapping[str, Steps],
    lived: tuple[Lived, Lived],
    until_s: float,
) -> None:
    """Draw both worlds, a panel an owner.

    Args:
        file: Where to; its suffix says the format.
        owners: Of each pod.
        predicted: Cores got over time, by owner.
        lived: What was predicted and what was measured.
        until_s: How long.
    """
    shown = list(dict.fromkeys(owners.values()))[:_MOST_PANELS]
    unit_s, unit = time_unit(until_s)
    with styled():
        figure, columns = axes_column(len(shown), 1.5)
        for axes, owner in zip(columns, shown, strict=True):
            pods = {pod for pod, its in owners.items() if its == owner}
            measured = _cores(
                {who: curve for who, curve in lived[1].curves.items() if who[0] in pods}, until_s
            )
            steps = predicted.get(owner, Steps(np.zeros(1), np.zeros(1)))
            draw_steps(axes, steps, until_s, GREY, linestyle="--", label="simulated")
            axes.plot(measured[0] / unit_s, measured[1], color=COLOURS["blue"], label="measured")
            top = 1.5 * max(0.1, float(steps.values.max(initial=0)), float(measured[1].max(initial=0)))
            for world, colour, height in (
                (lived[0], GREY, 0.95 * top),
                (lived[1], COLOURS["red"], 0.84 * top),
            ):
                _mark(axes, [each for each in world.events if each.who[0] in pods], unit_s, colour, height)
            axes.set_title(owner.partition("/")[2].removeprefix("default/"))
            axes.set_ylabel("cores")
            axes.set_ylim(0, top)
        columns[0].legend(loc="upper right", ncols=2)
        time_axis(columns[-1], until_s)
        columns[-1].set_xlabel(
            f"time, {unit}; triangles are starts, crosses ends: simulated above, measured below"
        )
        figure.savefig(file, dpi=_DOTS_PER_INCH)


def _cores(curves: Mapping[Who, Sequence[tuple[float, float]]], until_s: float) -> tuple[Floats, Floats]:
    """The cores that some containers got together, as means over about a second."""
    times = np.arange(0.0, until_s + _MEAN_S, _MEAN_S)
    used = np.zeros(len(times))
    for curve in curves.values():
        points = np.array(curve)
        used += np.interp(times, points[:, 0], points[:, 1], left=0.0)
    return times[:-1] + _MEAN_S / 2, np.diff(used) / _MEAN_S


def _mark(axes: Axes, events: Sequence[Event], unit_s: float, colour: str, height: float) -> None:
    for what, marker in (("started", "^"), ("exited", "x")):
        times = [each.time_s / unit_s for each in events if each.what == what]
        axes.plot(times, [height] * len(times), marker, color=colour, markersize=5)
