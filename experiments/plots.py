"""Pictures of one run, drawn from the series and from ``summary.json`` and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from experiments.metrics import ordered_resources, resource_column, resource_word
from experiments.plotstyle import (
    COLOURS,
    ENDINGS,
    FAULT,
    GREY,
    axes_column,
    draw_steps,
    resource_colour,
    styled,
    time_unit,
)
from experiments.steps import NOTHING, Steps

__all__ = [
    "NAMED_FAULTS",
    "draw_allocation",
    "draw_phases",
    "draw_usage",
    "fault_bands",
    "mark_faults",
    "resource_scale",
    "shown_resources",
    "time_axis",
    "whole_numbers",
]

NAMED_FAULTS: Final = 8
"""So many occurrences are bands with their names; of more only the beginnings are marked."""

_GIB: Final = 2.0**30


def draw_phases(steps: Mapping[str, Steps], faults: Sequence[Mapping[str, Any]], end_s: float) -> Figure:
    """Draw pods by phase, and minions where their number changes, over simulated time; faults are marked.

    What happens to few pods has a panel of its own, as it would be a line on the floor beside what happens to
    most.

    Args:
        steps: Series of the whole cluster, by name.
        faults: As ``summary.json`` lists them.
        end_s: The end of the run.
    """
    ended = [word for word in ENDINGS if steps.get(f"pods_{word}", NOTHING).last > 0]
    unhappy = [word for word in ended if word != "succeeded"]
    ready = steps.get("minions_ready", NOTHING)
    with_minions = len(np.unique(ready.values)) > 1
    with styled():
        figure, panels = axes_column(2 + ("succeeded" in ended) + bool(unhappy) + with_minions)
        left = iter(panels)
        _draw_alive(next(left), steps, end_s, "running", "blue")
        _draw_alive(next(left), steps, end_s, "pending", "orange")
        if "succeeded" in ended:
            _draw_endings(next(left), steps, end_s, ["succeeded"])
        if unhappy:
            _draw_endings(next(left), steps, end_s, unhappy)
        if with_minions:
            axes = next(left)
            draw_steps(axes, ready, end_s, GREY)
            axes.set_title("minions ready")
            axes.set_ylabel("minions")
        for axes in panels:
            whole_numbers(axes)
            mark_faults(axes, faults, end_s, named=axes is panels[0])
        time_axis(panels[-1], end_s)
        return figure


def _draw_alive(axes: Axes, steps: Mapping[str, Steps], end_s: float, phase: str, colour: str) -> None:
    curve = steps.get(f"pods_{phase}", NOTHING)
    draw_steps(axes, curve, end_s, COLOURS[colour], fill=True)
    axes.set_title(f"pods {phase}")
    axes.set_ylabel("pods")
    # Room above the curve for the names of faults.
    axes.set_ylim(0, 1.35 * max(1.0, float(curve.values.max(initial=0))))


def _draw_endings(axes: Axes, steps: Mapping[str, Steps], end_s: float, words: Sequence[str]) -> None:
    for word in words:
        colour, dash = ENDINGS[word]
        label = word.replace("_", " ")
        draw_steps(axes, steps[f"pods_{word}"], end_s, colour, linestyle=dash, label=label)
    names = [word.replace("_", " ") for word in words]
    axes.set_title(f"pods {' or '.join(names)} so far")
    axes.set_ylabel("pods")
    axes.set_ylim(0, 1.2 * max(steps[f"pods_{word}"].last for word in words))
    if len(words) > 1:
        axes.legend(loc="upper left", ncols=len(words))


def mark_faults(axes: Axes, faults: Sequence[Mapping[str, Any]], end_s: float, *, named: bool) -> None:
    """A few occurrences are bands with their names, many are strokes along the lower edge."""
    unit_s, _ = time_unit(end_s)
    bands = fault_bands(faults, end_s)
    if len(bands) > NAMED_FAULTS:
        began = [began_s / unit_s for _, began_s, _ in bands]
        axes.plot(began, np.full(len(began), 0.02), "|", color=FAULT, markersize=5, alpha=0.8,
                  transform=axes.get_xaxis_transform())  # fmt: skip
        if named:
            axes.set_title("| a fault began", loc="right", color=FAULT, fontweight="normal")
        return
    for number, (name, began_s, over_s) in enumerate(bands):
        axes.axvspan(began_s / unit_s, over_s / unit_s, color=FAULT, alpha=0.12, linewidth=0, zorder=0.5)
        axes.axvline(began_s / unit_s, color=FAULT, linewidth=0.8, zorder=0.6)
        if named:
            # In two heights, so that neighbours can be read.
            axes.annotate(f" {name}", (began_s / unit_s, 0.97 - 0.13 * (number % 2)),
                          xycoords=axes.get_xaxis_transform(), color=FAULT, fontsize=7.5, va="top")  # fmt: skip


def fault_bands(faults: Sequence[Mapping[str, Any]], end_s: float) -> list[tuple[str, float, float]]:
    """Return (name, began, over) of what is one thing to see: occurrences of one fault that begin together.

    A rack that dies is one occurrence a minion; it is over when the last of them is.
    """
    over_s: dict[tuple[str, float], float] = {}
    for fault in faults:
        key, ended_s = (fault["name"], fault["began_s"]), fault["ended_s"]
        over_s[key] = max(over_s.get(key, 0.0), end_s if ended_s is None else ended_s)
    return [(name, began_s, over) for (name, began_s), over in over_s.items()]


def shown_resources(steps: Mapping[str, Steps]) -> list[str]:
    """Columns of the resources that the cluster has and somebody asked for, in the order of tables."""
    columns = [name.removeprefix("allocatable_") for name in steps if name.startswith("allocatable_")]
    asked = [column for column in columns if steps.get(f"requested_{column}", NOTHING).values.any()]
    words = ordered_resources(resource_word(column) for column in asked if column != "pods")
    return [resource_column(word) for word in words]


def resource_scale(column: str) -> tuple[float, str]:
    """Return what a series is divided by for people, and the unit that it then has."""
    known = {"cpu_millicores": (1000.0, "cores"), "gpu_milli": (1000.0, "GPUs")}
    return known.get(column, (_GIB, "GiB") if column.endswith("_bytes") else (1.0, "pieces"))


def draw_usage(steps: Mapping[str, Steps], end_s: float) -> Figure | None:
    """Draw requested and stranded below allocatable, one panel a resource; None if nobody asks for anything."""
    columns = shown_resources(steps)
    if not columns:
        return None
    with styled():
        figure, panels = axes_column(len(columns), 1.7)
        for axes, column in zip(panels, columns, strict=True):
            divisor, unit = resource_scale(column)
            word = resource_word(column)
            draw_steps(
                axes, steps[f"allocatable_{column}"], end_s, GREY, divisor=divisor, label="allocatable"
            )
            draw_steps(axes, steps[f"requested_{column}"], end_s, resource_colour(word), divisor=divisor,
                       fill=True, label="requested")  # fmt: skip
            stranded = steps.get(f"stranded_{column}", NOTHING)
            if stranded.values.any():
                draw_steps(axes, stranded, end_s, COLOURS["red"], divisor=divisor, linestyle="--",
                           label="stranded")  # fmt: skip
            axes.set_title(word)
            axes.set_ylabel(unit)
            axes.set_ylim(0, 1.25 * float(steps[f"allocatable_{column}"].values.max()) / divisor)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
            axes.legend(loc="upper right", ncols=3)
        time_axis(panels[-1], end_s)
        return figure


def draw_allocation(shares: Mapping[str, Sequence[float]]) -> Figure | None:
    """Draw the time-mean allocation of each minion, the most allocated first, one panel a resource.

    Args:
        shares: ``allocation`` of ``summary.json``: sorted ratios by resource.
    """
    if not shares:
        return None
    with styled():
        figure = Figure(figsize=(9, 2.6), layout="constrained")
        panels = figure.subplots(1, len(shares), sharey=True, squeeze=False)[0]
        for axes, word in zip(panels, ordered_resources(shares), strict=True):
            ratios = shares[word]
            edges = np.arange(len(ratios) + 1)
            axes.stairs(ratios, edges, fill=True, color=resource_colour(word), alpha=0.35)
            axes.stairs(ratios, edges, color=resource_colour(word), linewidth=1.2)
            mean = float(np.mean(ratios))
            axes.axhline(mean, color="#333333", linestyle="--", linewidth=1)
            axes.annotate(f"mean {100 * mean:.1f}%", (0.98, mean), (0, 3), textcoords="offset points",
                          xycoords=axes.get_yaxis_transform(), ha="right", color="#333333", fontsize=8)  # fmt: skip
            axes.set_title(word)
            axes.set_xlim(0, len(ratios))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
            axes.set_xlabel("minions, most allocated first")
        panels[0].set_ylim(0, 1.02)
        panels[0].yaxis.set_major_formatter(PercentFormatter(1.0))
        panels[0].set_ylabel("requested / allocatable,\nmean over time")
        return figure


def whole_numbers(axes: Axes) -> None:
    """Mark a y axis of counts at whole numbers."""
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def time_axis(axes: Axes, end_s: float) -> None:
    """Give an x axis the whole run, in the unit that suits its length."""
    unit_s, unit = time_unit(end_s)
    axes.set_xlim(0, end_s / unit_s if end_s > 0 else 1)
    axes.set_xlabel(f"simulated time, {unit}")
    if unit == "h" and end_s <= 48 * 3600:
        axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 3, 6], integer=True, nbins=13))
