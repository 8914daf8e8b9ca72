"""Ways out of a container, most likely first, and the chances of all of them together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import networkx as nx
import numpy as np

from models.isolation.chances import NotExponentialError, chances_by
from models.isolation.graph import AttackGraph, Edge
from models.isolation.walks import TECHNIQUE_TIMES, greedy_arrivals, racing_arrivals
from sim.streams import Streams

__all__ = ["MAX_WAYS", "WALKS", "Way", "chance_by", "ways_out"]

MAX_WAYS: Final = 5000
"""More simple paths than this are not looked through."""
WALKS: Final = 20_000
"""Where there is no closed form a chance is the share of so many walks: off by 0.009 at most in 99 of 100."""


@dataclass(frozen=True, slots=True)
class Way:
    """One path of techniques to a goal.

    Attributes:
        edges: In order, those that take no time too.
        chance: To have gone it by the horizon for who goes no other.
    """

    edges: tuple[Edge, ...]
    chance: float

    @property
    def techniques(self) -> tuple[str, ...]:
        """The names of its techniques, those that take no time left out."""
        return tuple(edge.technique for edge in self.edges if not edge.is_given)

    @property
    def goal(self) -> str:
        """The privilege that it ends with."""
        return self.edges[-1].target


def chance_by(
    graph: AttackGraph, goals: Collection[str], times_s: Sequence[float], *, attacker: str = "racing"
) -> list[float]:
    """Return the chance that an attacker owns one of the goals by each time: exact where it can be, else by walks.

    Args:
        graph: What is left to him.
        goals: Privileges.
        times_s: Seconds from the compromise.
        attacker: ``racing`` or ``greedy``.
    """
    if attacker == "racing":
        try:
            return chances_by(graph, goals, times_s)
        except NotExponentialError:
            arrivals = racing_arrivals(graph, Streams(1).stream(TECHNIQUE_TIMES), WALKS)
    else:
        arrivals = greedy_arrivals(graph, goals, Streams(1).stream(TECHNIQUE_TIMES), WALKS)
    earliest = np.min([arrivals[goal] for goal in goals], axis=0)
    return [float((earliest <= time_s).mean()) for time_s in times_s]


def ways_out(graph: AttackGraph, goals: Collection[str], by_s: float) -> list[Way]:
    """Return the simple paths that end at the first goal on them, the most likely by a time first.

    Args:
        graph: What is left to an attacker.
        goals: Privileges.
        by_s: The horizon, seconds from the compromise.
    """
    # Nobody works for what he has from the beginning, nor goes on behind a goal.
    owned = graph.owned_at_once(graph.entry)
    edges = [
        edge
        for edge in graph.edges
        if edge.source not in goals and (edge.is_given or edge.target not in owned)
    ]
    plain = AttackGraph(graph.privileges, graph.entry, tuple(edges))
    multi = plain.networkx()
    found = []
    for entry in graph.entry:
        targets = [goal for goal in goals if goal != entry]
        paths: Any = nx.all_simple_edge_paths(multi, entry, targets)  # the stubs know no keys
        for path in islice(paths, MAX_WAYS):
            way = tuple(edges[key] for _, _, key in path)
            alone = AttackGraph(graph.privileges, graph.entry, way)
            found.append(Way(way, chance_by(alone, [way[-1].target], [by_s])[0]))
    return sorted(found, key=lambda way: (-way.chance, len(way.techniques), way.techniques, way.goal))
