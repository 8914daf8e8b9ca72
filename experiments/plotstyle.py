"""How pictures look: one style, colours that the colour-blind can tell apart, SVG that is the same each time."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.steps import Steps

__all__ = [
    "COLOURS",
    "ENDINGS",
    "FAULT",
    "GREY",
    "axes_column",
    "data_uri",
    "draw_steps",
    "resource_colour",
    "styled",
    "time_unit",
]

COLOURS: Final = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "red": "#D55E00",
    "pink": "#CC79A7",
    "sky": "#56B4E9",
}
"""Okabe and Ito, https://jfly.uni-koeln.de/color/ (2008)."""

GREY: Final = "#6B6B6B"
FAULT: Final = "#8C1C13"
"""Faults and nothing else: darker than any curve, so that marks on top of one can be seen."""

ENDINGS: Final = {
    "succeeded": (COLOURS["green"], "-"),
    "failed": (COLOURS["red"], "-"),
    "lost": (COLOURS["pink"], "--"),
    "withdrawn": (COLOURS["sky"], "-."),
    "given_up": ("#5D3A9B", ":"),
    "deleted": (COLOURS["orange"], "-"),
}
"""Colour and dash of each ending of a pod, so that they can be told apart in grey too."""

_RESOURCES: Final = {"cpu": COLOURS["blue"], "memory": COLOURS["green"], "gpu": COLOURS["pink"]}


def resource_colour(word: str) -> str:
    """Return the colour of a resource, the same in every picture, given the scenario's word for it."""
    return _RESOURCES.get(word, COLOURS["orange"])


_DOTS: Final = 1200
_DOTS_PER_INCH: Final = 200
_MANY: Final = 400
"""Curves of more points are drawn as pixels inside the SVG: as lines they would be most of the report."""
_STYLE: Final[Any] = {
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": "#333333",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlepad": 5,
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.2,
    "lines.solid_joinstyle": "miter",
    "svg.fonttype": "path",
    "svg.hashsalt": "wavetank",
    # A name is a name, also with a $ in it.
    "text.parse_math": False,
    "xtick.color": "#333333",
    "ytick.color": "#333333",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the style of the reports, whatever the user's own matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def data_uri(figure: Figure) -> str:
    """Return a figure as an SVG inside a ``data:`` address, the same bytes each time."""
    out = io.BytesIO()
    with styled():
        figure.savefig(out, format="svg", dpi=_DOTS_PER_INCH, metadata={"Date": None, "Creator": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(out.getvalue()).decode('ascii')}"


def axes_column(count: int, height: float = 1.45) -> tuple[Figure, list[Axes]]:
    """Return panels below each other that share their x axis; sizes in inches."""
    figure = Figure(figsize=(9, 0.55 + height * count), layout="constrained")
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)
    return figure, list(panels[:, 0])


def time_unit(end_s: float) -> tuple[float, str]:
    """Return the unit of a time axis that is ``end_s`` long, in seconds, and its symbol."""
    for unit_s, unit, least in ((86_400.0, "d", 3), (3600.0, "h", 2), (60.0, "min", 2)):
        if end_s >= least * unit_s:
            return unit_s, unit
    return 1.0, "s"


def draw_steps(
    axes: Axes,
    steps: Steps,
    end_s: float,
    colour: str,
    *,
    divisor: float = 1.0,
    fill: bool = False,
    **more: Any,
) -> None:
    """Draw what holds from each point to the next, until ``end_s``, thinned to what the eye can see.

    Args:
        axes: Where.
        steps: What.
        end_s: The end of the run.
        colour: Of line and area.
        divisor: Values are drawn divided by this, to be in the axis' unit.
        fill: Fill the area below.
        more: For ``Axes.step``.
    """
    unit_s, _ = time_unit(end_s)
    thin = steps.thinned(end_s, _DOTS)
    times = np.append(thin.times_s, end_s) / unit_s
    values = np.append(thin.values, thin.last) / divisor
    more["rasterized"] = len(thin) > _MANY
    axes.step(times, values, where="post", color=colour, **more)
    if fill:
        axes.fill_between(
            times, values, step="post", color=colour, alpha=0.18, linewidth=0, rasterized=len(thin) > _MANY
        )
