"""Pictures of memory: what containers held of each minion over time, and who was evicted or killed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.figure import Figure

from experiments.filefigures import CachedFiles
from experiments.memoryfigures import HeldMemory
from experiments.plots import mark_faults, time_axis
from experiments.plotstyle import COLOURS, GREY, axes_column, draw_steps, styled, time_unit

__all__ = ["draw_files", "draw_memory", "shown_minions"]

_SHOWN: Final = 4
_GIB: Final = 2.0**30
_MIB: Final = 2.0**20


def shown_minions(minions: Sequence[HeldMemory]) -> list[HeldMemory]:
    """Return the minions that are drawn: of many those where most was evicted and killed, then the fullest."""
    order = sorted(minions, key=lambda each: (-len(each.evicted_s) - len(each.killed_s), -each.most_ratio))
    return sorted(order[:_SHOWN], key=minions.index)


def draw_memory(
    minions: Sequence[HeldMemory], faults: Sequence[Mapping[str, Any]], end_s: float
) -> Figure | None:
    """Draw for each minion what its containers held of it; None if nobody says what it holds.

    Args:
        minions: As :func:`~experiments.memoryfigures.held_memory` returns them.
        faults: As ``summary.json`` lists them.
        end_s: The end of the run.
    """
    if not minions:
        return None
    unit_s, _ = time_unit(end_s)
    shown = shown_minions(minions)
    with styled():
        figure, columns = axes_column(len(shown), 1.5)
        for axes, minion in zip(columns, shown, strict=True):
            free = minion.free_bytes / _GIB
            times, held = minion.times_s / unit_s, minion.held_bytes / _GIB
            axes.fill_between(times, held, color=COLOURS["green"], alpha=0.25, linewidth=0)
            axes.plot(times, held, color=COLOURS["green"], label="held")
            axes.axhline(free, color=GREY, linestyle="--", label="all there is")
            for of, marker, colour, word in (
                ("evicted_s", "v", "red", "pod evicted"),
                ("killed_s", "x", "pink", "container killed"),
            ):
                at_s = getattr(minion, of)
                if any(len(getattr(each, of)) for each in shown):
                    axes.plot(at_s / unit_s, [1.12 * free] * len(at_s), marker, color=COLOURS[colour],
                              markersize=5, label=word)  # fmt: skip
            axes.set_title(minion.minion)
            axes.set_ylabel("GiB")
            axes.set_ylim(0, 1.25 * free)
            mark_faults(axes, faults, end_s, named=axes is columns[0])
        columns[0].legend(loc="upper left", ncols=4, bbox_to_anchor=(0.12, 1.3))
        time_axis(columns[-1], end_s)
        return figure


def draw_files(
    minions: Sequence[CachedFiles], faults: Sequence[Mapping[str, Any]], end_s: float
) -> Figure | None:
    """Draw for each minion what its containers have read, each on its own, and what is cached; None if nobody reads.

    Args:
        minions: As :func:`~experiments.filefigures.cached_files` returns them; of many the fullest.
        faults: As ``summary.json`` lists them.
        end_s: The end of the run.
    """
    if not minions:
        return None
    fullest = sorted(minions, key=lambda each: -float(each.cached.values.max(initial=0.0)))[:_SHOWN]
    shown = sorted(fullest, key=minions.index)
    with styled():
        figure, columns = axes_column(2 * len(shown), 1.5)
        for place, minion in enumerate(shown):
            whole, once = columns[2 * place : 2 * place + 2]
            for axes, steps, divisor, colour, look, label in (
                (whole, minion.touched, _GIB, GREY, "--", "read, as if each had its own"),
                (whole, minion.cached, _GIB, COLOURS["blue"], "-", "in memory, each page once"),
                (once, minion.cached, _MIB, COLOURS["blue"], "-", "in memory"),
                (once, minion.charged, _MIB, COLOURS["orange"], ":", "charged to those that run"),
            ):
                fill = steps is minion.cached
                draw_steps(
                    axes, steps, end_s, colour, divisor=divisor, fill=fill, linestyle=look, label=label
                )
            for axes, unit, of in ((whole, "GiB", minion.touched), (once, "MiB", minion.cached)):
                scale = _GIB if axes is whole else _MIB
                axes.set_title(f"{minion.minion}: file pages" + ("" if axes is whole else ", closer"))
                axes.set_ylabel(unit)
                axes.set_ylim(0, 1.4 * max(float(of.values.max(initial=0.0)) / scale, 1e-3))
                axes.legend(loc="upper left", ncols=2)
                mark_faults(axes, faults, end_s, named=axes is columns[0])
        time_axis(columns[-1], end_s)
        return figure
