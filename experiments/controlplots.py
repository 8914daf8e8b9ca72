"""Pictures of a control plane at work: what controllers have of what they want, and how long replacements took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from experiments.controlsteps import summed
from experiments.plots import mark_faults, time_axis, whole_numbers
from experiments.plotstyle import COLOURS, GREY, axes_column, draw_steps, styled, time_unit
from experiments.replacement import STAGES
from experiments.steps import Steps
from experiments.wording import say_count, say_time

__all__ = ["NAMED_CONTROLLERS", "draw_controllers", "draw_replacement"]

NAMED_CONTROLLERS: Final = 5
"""So many controllers have curves of their own, those that lacked most; the others have one together."""

_COUNTED: Final = {"evicted": "red", "restarts": "orange"}
_BARS: Final = 8
_STAGE_COLOURS: Final = dict(zip(STAGES, ("orange", "sky", "blue", "pink", "green", "red"), strict=True))


def draw_controllers(
    controllers: Mapping[str, Mapping[str, Steps]], faults: Sequence[Mapping[str, Any]], end_s: float
) -> Figure | None:
    """Draw pods desired and ready, of all controllers, and below what each lacks; None if there are none.

    Where any were, a third picture counts the pods that were evicted by then and the containers that were restarted.

    Args:
        controllers: By name and metric, as :func:`~experiments.controlsteps.controller_steps` returns them.
        faults: As ``summary.json`` lists them.
        end_s: The end of the run.
    """
    if not controllers:
        return None
    with styled():
        counted = {word: summed([of[word] for of in controllers.values()]) for word in _COUNTED}
        counted = {word: steps for word, steps in counted.items() if steps.last}
        figure, (have, lack, *more) = axes_column(3 if counted else 2, 1.7)
        desired, ready = (summed([of[word] for of in controllers.values()]) for word in ("desired", "ready"))
        draw_steps(have, ready, end_s, COLOURS["blue"], fill=True, label="ready")
        draw_steps(have, desired, end_s, GREY, linestyle="--", label="desired")
        have.set_title(
            "pods of all controllers" if len(controllers) > 1 else f"pods of {next(iter(controllers))}"
        )
        # Room above the curves for the names of faults.
        have.set_ylim(0, 1.4 * max(1.0, desired.values.max(initial=0), ready.values.max(initial=0)))
        have.legend(loc="lower right", ncols=2)
        _draw_lacking(lack, controllers, end_s)
        for axes in more:
            for word, steps in counted.items():
                draw_steps(axes, steps, end_s, COLOURS[_COUNTED[word]], label=word)
            axes.set_title("so far: pods evicted and containers restarted")
            axes.set_ylim(0, 1.4 * max(steps.last for steps in counted.values()))
            axes.legend(loc="upper left", ncols=2)
        for axes in (have, lack, *more):
            axes.set_ylabel("pods")
            whole_numbers(axes)
            mark_faults(axes, faults, end_s, named=axes is have)
        time_axis(more[0] if more else lack, end_s)
        return figure


def _draw_lacking(axes: Axes, controllers: Mapping[str, Mapping[str, Steps]], end_s: float) -> None:
    lacking = {name: of["unavailable"] for name, of in controllers.items()}
    worst = sorted(lacking, key=lambda name: -lacking[name].integral(end_s))
    named, others = worst[:NAMED_CONTROLLERS], worst[NAMED_CONTROLLERS:]
    for name, colour in zip(named, COLOURS.values(), strict=False):
        draw_steps(axes, lacking[name], end_s, colour, label=name)
    drawn = [lacking[name] for name in named]
    if others:
        drawn.append(summed([lacking[name] for name in others]))
        label = f"{say_count(len(others))} others, together"
        draw_steps(axes, drawn[-1], end_s, GREY, linestyle=":", label=label)
    top = max(float(steps.values.max(initial=0)) for steps in drawn)
    later = max(_most_later(steps) for steps in drawn)
    is_cut = 0 < later < top
    axes.set_title("unavailable: desired and not ready" + (", the start cut off above" if is_cut else ""))
    # Room above the curves for the names of controllers.
    axes.set_ylim(0, 1.4 * max(1.0, later if is_cut else top))
    if len(controllers) > 1:
        axes.legend(loc="upper right", ncols=len(named) + bool(others))


def _most_later(lacking: Steps) -> float:
    """The most from when nothing was lacking for the first time: at the start all is, which would hide the rest."""
    values = lacking.values
    lacks = np.flatnonzero(values)
    full = np.flatnonzero(values == 0)
    full = full[full > lacks[0]] if len(lacks) else full
    return float(values[full[0] if len(full) else 0 :].max(initial=0))


def draw_replacement(found: Mapping[str, Any] | None) -> Figure | None:
    """Draw the stages of replacements on top of each other: means by fault, and beside them one by one.

    Args:
        found: ``replacement`` of ``summary.json``; None, or nothing replaced, is no picture.
    """
    if found is None or not found["replaced"]:
        return None
    faults = [fault for fault in found["faults"] if fault["replaced"]]
    faults.sort(key=lambda fault: -fault["whole_s"]["mean"])
    faults = faults[:_BARS]
    unit_s, unit = time_unit(found["whole_s"]["max"])
    with styled():
        figure = Figure(figsize=(9, 2.6 + 0.22 * len(faults)), layout="constrained")
        means, single = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_means(means, faults, unit_s)
        means.set_xlabel(f"mean over replacements, {unit}")
        _draw_single(single, np.array(found["listed"]) / unit_s)
        single.set_ylabel(unit)
        labels = [f"{stage} {say_time(found[f'{stage}_s']['mean'])}" for stage in STAGES]
        figure.legend(
            handles=[
                Patch(color=COLOURS[_STAGE_COLOURS[stage]], label=label)
                for stage, label in zip(STAGES, labels, strict=True)
            ],
            loc="outside upper center",
            ncols=len(STAGES),
            title="stages, with their means over all",
        )
        return figure


def _draw_means(axes: Axes, faults: Sequence[Mapping[str, Any]], unit_s: float) -> None:
    places = np.arange(len(faults))
    left = np.zeros(len(faults))
    for stage in STAGES:
        width = np.array([fault[f"{stage}_s"]["mean"] for fault in faults]) / unit_s
        axes.barh(places, width, left=left, height=0.6, color=COLOURS[_STAGE_COLOURS[stage]])
        left += width
    for place, fault in zip(places, faults, strict=True):
        told = f" {say_time(fault['whole_s']['mean'])}, {say_count(fault['replaced'])} pods"
        axes.annotate(told, (left[place], place), va="center", fontsize=7.5)
    axes.set_yticks(places, [fault["name"] for fault in faults])
    axes.set_ylim(max(len(faults), 2) - 0.4, -0.6)
    axes.set_xlim(0, 1.35 * left.max())
    axes.grid(False)
    axes.set_title("by fault")


def _draw_single(axes: Axes, stages: Any) -> None:
    """One thin bar a replacement."""
    edges = np.linspace(0, 100, len(stages) + 1)
    below = np.zeros(len(stages))
    for stage, lasted in zip(STAGES, stages.T, strict=True):
        axes.stairs(below + lasted, edges, baseline=below, fill=True, color=COLOURS[_STAGE_COLOURS[stage]])
        below = below + lasted
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 1.08 * below.max())
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set_xlabel("% of replacements, the quickest first")
    axes.set_title("one by one")
