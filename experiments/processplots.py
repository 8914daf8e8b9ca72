"""Pictures of processes: how many containers had on each minion, and when it could start no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from experiments.plots import mark_faults, time_axis
from experiments.plotstyle import COLOURS, axes_column, draw_steps, styled, time_unit
from experiments.processfigures import CountedProcesses
from experiments.wording import say_count

__all__ = ["draw_processes"]

_SHOWN: Final = 4


def draw_processes(
    minions: Sequence[CountedProcesses], faults: Sequence[Mapping[str, Any]], end_s: float
) -> Figure | None:
    """Draw for each minion how many processes its containers had; None if nobody says.

    Args:
        minions: As :func:`~experiments.processfigures.counted_processes` returns them; of many those with most.
        faults: As ``summary.json`` lists them.
        end_s: The end of the run.
    """
    if not minions:
        return None
    unit_s, _ = time_unit(end_s)
    most = sorted(minions, key=lambda each: -float(each.count.values.max(initial=0.0)))[:_SHOWN]
    shown = sorted(most, key=minions.index)
    top = max(float(each.count.values.max(initial=1.0)) for each in shown)
    with styled():
        figure, columns = axes_column(len(shown), 1.5)
        for axes, minion in zip(columns, shown, strict=True):
            axes.set_yscale("symlog", linthresh=1.0)
            draw_steps(axes, minion.count, end_s, COLOURS["blue"], label="processes of containers")
            for spans, colour, low, high, word in (
                (minion.exhausted, COLOURS["orange"], 0.0, 1.0, "no process can be started"),
                (minion.not_ready, COLOURS["pink"], 0.0, 0.09, "not ready"),
            ):
                for number, (from_s, to_s) in enumerate(spans):
                    axes.axvspan(from_s / unit_s, min(to_s, end_s) / unit_s, low, high, color=colour, linewidth=0,
                                 alpha=0.3 if high == 1.0 else 0.9, label="_" if number else word)  # fmt: skip
            axes.set_title(minion.minion)
            axes.set_ylim(0, 12 * top)
            axes.set_yticks([0, *(10**power for power in range(0, 8, 2) if 10**power < 12 * top)])
            axes.yaxis.set_major_formatter(lambda value, _: say_count(round(value)))
            axes.yaxis.set_minor_locator(NullLocator())
            mark_faults(axes, faults, end_s, named=axes is columns[0])
        handles = {
            label: handle
            for axes in columns
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        columns[0].legend(
            handles.values(), handles.keys(), loc="upper left", ncols=3, bbox_to_anchor=(0.12, 1.3)
        )
        time_axis(columns[-1], end_s)
        return figure
