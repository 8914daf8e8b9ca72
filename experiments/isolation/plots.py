"""A picture of attackers in a run: pods that they got into, minions that they have, and when they are noticed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.journalfiles import RunFiles
from experiments.plots import mark_faults, time_axis
from experiments.plotstyle import COLOURS, axes_column, draw_steps, styled, time_unit
from experiments.steps import Steps
from experiments.wording import say_count

__all__ = ["draw_intrusions", "held_minions", "intrusion_pictures"]

_KINDS: Final = ("pod_compromised", "minion_taken", "foothold_lost", "intrusion_detected")


def held_minions(rows: pl.DataFrame) -> Steps:
    """Return how many minions are in attackers' hands over time; one that two have counts once.

    Args:
        rows: Records in order: time_s, kind, object, actor, minion.
    """
    hands: dict[str, dict[str, None]] = {}
    times, counts = [0.0], [0.0]
    for time_s, kind, thing, actor, minion in rows.iter_rows():
        if kind == "minion_taken":
            hands.setdefault(minion, {})[actor] = None
        elif kind == "foothold_lost" and minion in hands:
            hands[minion].pop(thing, None)
        else:
            continue
        held = float(sum(bool(who) for who in hands.values()))
        if held != counts[-1]:
            times.append(time_s)
            counts.append(held)
    return Steps(np.asarray(times), np.asarray(counts))


def _rows(run: RunFiles) -> pl.DataFrame:
    kind = pl.col("kind").cast(pl.String)
    text = [pl.col(name).cast(pl.String) for name in ("object", "actor", "minion")]
    of_them = run.events().filter(kind.is_in(_KINDS))
    lost = of_them.select("time_s", kind, *text, pl.col("reason").cast(pl.String)).collect()
    # A container that is lost leaves what was won of its minion.
    gone = lost["reason"].is_in(["the minion is built anew", "the minion is down"])
    return lost.filter((pl.col("kind") != "foothold_lost") | gone).drop("reason")


def draw_intrusions(run: RunFiles, summary: Mapping[str, Any]) -> Figure:
    """Draw what attackers had over time.

    Args:
        run: Where some pod was compromised.
        summary: Of the same run.
    """
    rows, end_s = _rows(run), summary["end_s"]
    unit_s, _ = time_unit(end_s)
    broken = rows.filter(pl.col("kind") == "pod_compromised")["time_s"].to_numpy()
    noticed = rows.filter(pl.col("kind") == "intrusion_detected")["time_s"].to_numpy()
    held = held_minions(rows)
    top = max(float(held.values.max()), 1.0)
    with styled():
        figure, columns = axes_column(2, 1.5)
        pods, minions = columns
        into = Steps(np.append(0.0, broken), np.arange(len(broken) + 1.0))
        draw_steps(pods, into, end_s, COLOURS["orange"], label="pods broken into so far")
        draw_steps(minions, held, end_s, COLOURS["red"], fill=True, label="minions in attackers' hands")
        if len(noticed):
            minions.plot(noticed / unit_s, [1.12 * top] * len(noticed), "v", color=COLOURS["blue"],
                         markersize=5, label="noticed")  # fmt: skip
        for axes, most in ((pods, len(broken)), (minions, top)):
            axes.set_ylim(0, 1.3 * most)
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes.set_ylabel("number")
            axes.legend(loc="upper left", ncols=2, bbox_to_anchor=(0.12, 1.3))
            mark_faults(axes, summary["faults"]["listed"], end_s, named=axes is pods)
        time_axis(minions, end_s)
        return figure


def intrusion_pictures(
    run: RunFiles, summary: Mapping[str, Any], marks: str
) -> list[tuple[str, str, str, Figure | None]]:
    """Return the picture for a report: title, caption, words for who cannot see it, and itself."""
    found = summary.get("intrusions")
    if not found:
        return []
    alt = (
        f"{say_count(found['attacks'])} pods broken into; {say_count(found['took_a_minion'])} attackers took "
        f"{say_count(found['minions_taken'])} minions; {say_count(found['detected'])} were noticed."
    )
    caption = f"Pods that attackers got into, and minions that they had; marks where one was noticed.{marks}"
    return [("Attackers over time", caption, alt, draw_intrusions(run, summary))]
