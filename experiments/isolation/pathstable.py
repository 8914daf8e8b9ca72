"""The answer of ``wavetank isolation paths``: chances, ways and what closes them."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.isolation.asked import Question
from models.isolation.closing import Closing, fewest, remedies_of
from models.isolation.graph import FAST, MIDDLE, SLOW, AttackGraph, attack_graph
from models.isolation.ways import Way, chance_by, ways_out
from sim.units import format_duration_s

__all__ = ["chances", "closing_lines", "graphs_of", "print_paths"]


def print_paths(asked: Question, limit: int, console: Console) -> None:
    """Print chances, ways out and what closes them.

    Args:
        asked: The question.
        limit: How many ways.
        console: Where to.
    """

    def say(text: str) -> None:
        console.print(escape(text), soft_wrap=True, highlight=False)

    graphs = graphs_of(asked)
    ways = ways_out(graphs[MIDDLE], asked.goals, asked.by_s)
    horizon = format_duration_s(asked.by_s)
    say(f"profile {asked.profile}; goals {', '.join(asked.goals)}; the {asked.attacker} attacker")
    if not ways:
        say("no way out")
        return
    say(f"out by {horizon}: {chances(asked, graphs)}")
    console.print(_table(asked, graphs, ways[:limit], horizon))
    if len(ways) > limit:
        say(f"and {len(ways) - limit} more")
    for line in closing_lines(asked):
        say(line)


def graphs_of(asked: Question) -> dict[str, AttackGraph]:
    """Return what is left to an attacker, with the parameters at his best, in the middle and at his worst."""
    return {
        where: attack_graph(asked.catalogue, asked.posture, values) for where, values in asked.values.items()
    }


def chances(asked: Question, graphs: dict[str, AttackGraph]) -> str:
    """Return the chance that one of the goals is owned by the horizon, with its range."""
    found = {
        where: chance_by(graph, asked.goals, [asked.by_s], attacker=asked.attacker)[0]
        for where, graph in graphs.items()
    }
    return _ranged(asked, found[MIDDLE], found[SLOW], found[FAST])


def _ranged(asked: Question, middle: float, slow: float, fast: float) -> str:
    return f"{_percent(middle)} ({_percent(slow)} to {_percent(fast)})" if asked.ranged else _percent(middle)


def _percent(chance: float) -> str:
    if 0 < chance < 0.0005:
        return "<0.1%"
    return ">99.9%" if 0.9995 <= chance < 1 else f"{chance:.1%}"


def _table(asked: Question, graphs: dict[str, AttackGraph], ways: Sequence[Way], horizon: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(f"alone by {horizon}", justify="right", no_wrap=True)
    table.add_column("way", overflow="fold")
    table.add_column("to")
    places = {edge.key: index for index, edge in enumerate(graphs[MIDDLE].edges)}
    for way in ways:
        ends = {
            where: chance_by(
                AttackGraph(
                    graph.privileges, graph.entry, tuple(graph.edges[places[edge.key]] for edge in way.edges)
                ),
                [way.goal],
                [asked.by_s],
            )[0]
            for where, graph in graphs.items()
            if where != MIDDLE
        }
        steps = " > ".join(way.techniques) or "at once"
        table.add_row(_ranged(asked, way.chance, ends[SLOW], ends[FAST]), escape(steps), escape(way.goal))
    return table


def closing_lines(asked: Question) -> list[str]:
    """Return what closes all ways that are known: the fewest mechanisms, or why none do, and with updates."""
    alone = fewest(asked.catalogue, asked.posture, asked.goals, remedies_of(asked.catalogue))
    lines = []
    if alone.sets:
        lines.append(f"the fewest mechanisms that close all known ways: {_sets(alone)}")
    else:
        ways = "; ".join(" > ".join(way) for way in alone.open_ways[:3])
        lines.append(f"no mechanisms close all known ways: nothing stops {ways}")
    updates = fewest(asked.catalogue, asked.posture, asked.goals, remedies_of(asked.catalogue, updates=True))
    if updates.sets and updates.sets != alone.sets:
        lines.append(f"the fewest mechanisms and updates: {_sets(updates)}")
    unknown = fewest(
        asked.catalogue, asked.posture, asked.goals, remedies_of(asked.catalogue, updates=True), unknown=True
    )
    if unknown.sets and unknown.sets != updates.sets:
        lines.append(f"with bugs that are not known yet: {_sets(unknown)}")
    elif not unknown.sets and updates.sets:
        lines.append("bugs that are not known yet leave a way open whatever is switched on")
    return lines


def _sets(closing: Closing) -> str:
    shown = [" and ".join(names) or "none is needed" for names in closing.sets[:6]]
    more = f", or {len(closing.sets) - 6} others" if len(closing.sets) > 6 else ""
    return "; or ".join(shown) + more
