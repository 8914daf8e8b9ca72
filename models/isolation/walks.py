"""Attackers who walk: when each privilege is owned, in many walks at once.

The racing attacker tries all techniques whose start he owns at once, so a privilege is owned at the earliest arrival

    A(v) = min over techniques e from u to v of A(u) + T(e),    A(entry) = 0

The greedy one works at one technique at a time, along the way to a goal with the least sum of expected times.

T(e) of walk k is the draw of entity k of the technique's own group, so the same walk under another posture meets the
same times: a technique less, or slower, lets nothing arrive earlier.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from models.isolation.graph import AttackGraph, Edge
from sim.streams import Stream

__all__ = ["TECHNIQUE_TIMES", "greedy_arrivals", "greedy_way", "racing_arrivals"]

TECHNIQUE_TIMES = "isolation.technique_time"
"""The purpose of the draws of how long techniques take."""

Arrivals = dict[str, NDArray[np.float64]]
"""Seconds from the compromise until each privilege is owned, one a walk; inf where it never is."""


def racing_arrivals(graph: AttackGraph, stream: Stream, walks: int, first: int = 0) -> Arrivals:
    """Return when each privilege is owned by attackers who try everything at once.

    Args:
        graph: What is left to them.
        stream: Of the purpose ``TECHNIQUE_TIMES``.
        walks: How many attackers.
        first: The number of the first one.
    """
    arrivals = {name: np.full(walks, np.inf) for name in graph.privileges}
    for name in graph.entry:
        arrivals[name] = np.zeros(walks)
    reachable = graph.reachable()
    edges = [
        (edge, _times(edge, stream, walks, first)) for edge in _outwards(graph) if edge.source in reachable
    ]
    moved = True
    while moved:  # once more than the longest way has steps, less where edges come in its order
        moved = False
        for edge, times in edges:
            there = arrivals[edge.source] + times
            if np.any(there < arrivals[edge.target]):
                arrivals[edge.target] = np.minimum(arrivals[edge.target], there)
                moved = True
    return arrivals


def greedy_arrivals(
    graph: AttackGraph, goals: Collection[str], stream: Stream, walks: int, first: int = 0
) -> Arrivals:
    """Return when each privilege is owned by attackers who do one thing after another on the best way to a goal.

    Args:
        graph: What is left to them.
        goals: What they want; any one will do.
        stream: Of the purpose ``TECHNIQUE_TIMES``.
        walks: How many attackers.
        first: The number of the first one.
    """
    arrivals = {name: np.full(walks, np.inf) for name in graph.privileges}
    for name in graph.owned_at_once(graph.entry):
        arrivals[name] = np.zeros(walks)
    now = np.zeros(walks)
    for edge in greedy_way(graph, goals):
        now = now + _times(edge, stream, walks, first)
        for name in graph.owned_at_once([edge.target]):
            arrivals[name] = np.minimum(arrivals[name], now)
    return arrivals


def greedy_way(graph: AttackGraph, goals: Collection[str]) -> tuple[Edge, ...]:
    """Return the edges on the way to a goal with the least sum of expected times; none where no way leads there."""
    plain: nx.DiGraph[str] = nx.DiGraph()
    plain.add_nodes_from(graph.privileges)
    best: dict[tuple[str, str], Edge] = {}
    for edge in graph.edges:
        between = (edge.source, edge.target)
        if between not in best or edge.mean_s < best[between].mean_s:
            best[between] = edge
            plain.add_edge(*between, weight=edge.mean_s)
    wanted = [name for name in graph.privileges if name in goals]
    lengths: Any  # the stubs give what a call with a target would return
    ways: Any
    lengths, ways = nx.multi_source_dijkstra(plain, list(graph.entry))
    reached = [name for name in wanted if name in lengths]
    if not reached:
        return ()
    way = ways[min(reached, key=lambda name: lengths[name])]
    return tuple(best[between] for between in pairwise(way))


def _times(edge: Edge, stream: Stream, walks: int, first: int) -> NDArray[np.float64]:
    if edge.is_given:
        return np.zeros(walks)
    return edge.law.quantile(stream.block(edge.key, first, walks)) * edge.factor


def _outwards(graph: AttackGraph) -> list[Edge]:
    """The edges, those near the entry first, so that few passes are needed."""
    plain = graph.networkx()
    depth: dict[str, int] = {}
    for name in graph.entry:
        for other, steps in nx.single_source_shortest_path_length(plain, name).items():
            depth[other] = min(depth.get(other, steps), steps)
    return sorted(graph.edges, key=lambda edge: depth.get(edge.source, len(graph.privileges)))
