"""Walks of attackers: ten thousand in a graph of sixty edges, with their draws, by the clock of the processor."""

from __future__ import annotations

import time

from models.isolation.graph import AttackGraph, Edge
from models.isolation.walks import TECHNIQUE_TIMES, greedy_arrivals, racing_arrivals
from sim.distributions import Distribution, Exponential, Lognormal, Weibull
from sim.streams import Streams

__all__ = ["measure_walks", "wide_graph"]


def wide_graph(edges: int) -> AttackGraph:
    """Return a graph of twelve privileges with so many edges, each to one of the next three, and two back."""
    laws: tuple[Distribution, ...] = (Exponential(3600.0), Lognormal(3600.0, 1.0), Weibull(0.8, 3600.0))
    names = tuple(f"privilege-{index}" for index in range(12))
    made = []
    for number in range(edges):
        source = number % 11
        # The last two lead back, so that the graph has circles.
        target = source - 1 if number >= edges - 2 and source else min(source + 1 + number % 3, 11)
        made.append(
            Edge(f"technique-{number}", f"technique-{number}", names[source], names[target], laws[number % 3])
        )
    return AttackGraph(names, names[:1], tuple(made))


def measure_walks(edges: int, walks: int) -> dict[str, float]:
    """Return the CPU seconds of the walks of racing attackers and of greedy ones.

    Args:
        edges: Of the graph.
        walks: Of each kind.
    """
    graph = wide_graph(edges)
    assert len(graph.edges) == edges
    begun_s = time.process_time()
    racing = racing_arrivals(graph, Streams(1).stream(TECHNIQUE_TIMES), walks)
    raced_s = time.process_time()
    greedy_arrivals(graph, [graph.privileges[-1]], Streams(1).stream(TECHNIQUE_TIMES), walks)
    reached = float((racing[graph.privileges[-1]] < float("inf")).mean())
    return {"cpu_s": raced_s - begun_s, "greedy_s": time.process_time() - raced_s, "reached": reached}
