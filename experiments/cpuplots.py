"""Pictures of CPUs and disks that are shared: what each owner's containers wanted and what they got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.figure import Figure

from experiments.plots import mark_faults, time_axis
from experiments.plotstyle import COLOURS, GREY, axes_column, draw_steps, styled
from experiments.steps import Steps

__all__ = ["draw_cpu"]

_SHOWN: Final = 4


def draw_cpu(
    owners: Mapping[str, Mapping[str, Steps]],
    faults: Sequence[Mapping[str, Any]],
    end_s: float,
    words: tuple[str, str] = ("cpu_wanted", "cpu_used"),
    unit: str = "cores",
) -> Figure | None:
    """Draw for each owner what its containers wanted and got; None if nobody says what it uses.

    Args:
        owners: By owner and word, as :func:`~experiments.cpufigures.cpu_steps` returns them; of many those that lacked
            most are drawn.
        faults: As ``summary.json`` lists them.
        end_s: The end of the run.
        words: Of what was wanted, and got.
        unit: Of both, for people.
    """
    if not owners:
        return None
    lacking = {
        owner: of[words[0]].integral(end_s) - of[words[1]].integral(end_s) for owner, of in owners.items()
    }
    shown = sorted(owners, key=lambda owner: -lacking[owner])[:_SHOWN]
    with styled():
        figure, columns = axes_column(len(shown), 1.5)
        for axes, owner in zip(columns, shown, strict=True):
            wanted, used = (owners[owner][word] for word in words)
            draw_steps(axes, used, end_s, COLOURS["blue"], fill=True, label="got")
            draw_steps(axes, wanted, end_s, GREY, linestyle="--", label="wanted")
            axes.set_title(owner.split("/", 1)[-1])
            axes.set_ylabel(unit)
            axes.set_ylim(0, 1.4 * max(0.1, wanted.values.max(initial=0), used.values.max(initial=0)))
            mark_faults(axes, faults, end_s, named=axes is columns[0])
        columns[0].legend(loc="upper left", ncols=2)
        time_axis(columns[-1], end_s)
        return figure
