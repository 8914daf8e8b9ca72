"""Pictures of a run or sweep, drawn from ``series.parquet`` and ``summary.json`` only; SVG, for any width."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.statistics import Estimate
from experiments.steps import Steps

__all__ = ["allocation", "intervals", "phases", "usage"]

# Okabe and Ito's colours, which the colour-blind can tell apart.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
_STYLE: Any = {
    "svg.hashsalt": "wavetank",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "svg.fonttype": "none",
}


def _svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def _axes(height: float = 2.8) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _scale(end_s: float) -> tuple[float, str]:
    return (
        (86400.0, "days")
        if end_s > 3 * 86400
        else (3600.0, "hours")
        if end_s > 2 * 3600
        else (60.0, "minutes")
    )


def _draw(axes: Axes, steps: Steps, end_s: float, label: str, colour: str, divisor: float = 1.0) -> None:
    scale, _ = _scale(end_s)
    times = np.append(steps.times_s, end_s) / scale
    values = np.append(steps.values, steps.values[-1] if len(steps.values) else 0.0) / divisor
    axes.step(times, values, where="post", label=label, color=colour, linewidth=1.1)


def phases(steps: Mapping[str, Steps], faults: Sequence[Mapping[str, Any]], end_s: float) -> str:
    """Draw pods by phase over time, faults as red spans."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes()
        scale, unit = _scale(end_s)
        for place, (name, word) in enumerate((("pods_running", "running"), ("pods_pending", "pending"))):
            if name in steps:
                _draw(axes, steps[name].thinned(end_s, 1200), end_s, word, _COLOURS[place])
        for fault in faults:
            begin, end = fault["began_s"], fault["ended_s"]
            axes.axvspan(
                begin / scale,
                (end_s if end is None else end) / scale,
                color="#D55E00",
                alpha=0.15,
                linewidth=0,
            )
            axes.axvline(begin / scale, color="#D55E00", linewidth=0.6)
        axes.set_xlabel(f"simulated time, {unit}")
        axes.set_ylabel("pods")
        axes.legend(frameon=False, loc="upper left")
        return _svg(figure)


def usage(steps: Mapping[str, Steps], words: Mapping[str, str], end_s: float) -> str:
    """Draw what is requested as a share of what ready minions have, by resource."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes()
        for place, (column, word) in enumerate(words.items()):
            asked, whole = steps.get(f"requested_{column}"), steps.get(f"allocatable_{column}")
            if asked is None or whole is None or not whole.values.any():
                continue
            times = np.unique(np.concatenate((asked.times_s, whole.times_s)))
            most = whole.at(times)
            share = np.divide(asked.at(times), most, out=np.zeros(len(times)), where=most > 0)
            _draw(
                axes, Steps(times, share).thinned(end_s, 1200), end_s, word, _COLOURS[place % len(_COLOURS)]
            )
        axes.set_xlabel(f"simulated time, {_scale(end_s)[1]}")
        axes.set_ylabel("requested / allocatable")
        axes.set_ylim(0, None)
        axes.legend(frameon=False, loc="upper left")
        return _svg(figure)


def allocation(shares: Mapping[str, Sequence[float]]) -> str:
    """Draw the time-mean allocation of each minion, largest first, one line a resource."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes()
        for place, (word, values) in enumerate(shares.items()):
            axes.step(
                range(len(values)), values, where="mid", label=word, color=_COLOURS[place % len(_COLOURS)]
            )
        axes.set_xlabel("minions, each resource sorted on its own")
        axes.set_ylabel("mean requested / allocatable")
        axes.set_ylim(0, 1.02)
        axes.legend(frameon=False)
        return _svg(figure)


def intervals(title: str, estimates: Mapping[str, Estimate]) -> str:
    """Draw means with their intervals, one row a case."""
    with mpl.rc_context(_STYLE):
        figure, axes = _axes(0.9 + 0.35 * len(estimates))
        for place, found in enumerate(estimates.values()):
            if found.mean is None:
                continue
            if found.low is not None and found.high is not None:
                axes.plot([found.low, found.high], [place, place], color=_COLOURS[0], linewidth=2)
            axes.plot([found.mean], [place], "o", color=_COLOURS[0])
        axes.set_yticks(range(len(estimates)), list(estimates))
        axes.invert_yaxis()
        axes.margins(y=0.3)
        axes.set_xlabel(title)
        return _svg(figure)
