"""The attack graph: what an attacker may own as vertices, the techniques that a posture leaves as edges.

A technique that may start from several privileges is an edge from each. A boundary moves edges: what would be won
behind it is won before it. A time of 0 s is no wait: whoever owns the one privilege owns the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import networkx as nx

from models.isolation.amounts import Ref
from models.isolation.posture import Posture, possible, switched_on
from models.isolation.specs import Catalogue, Mechanism, Technique
from sim.distributions import Distribution, Exponential

__all__ = [
    "FAST",
    "MIDDLE",
    "SLOW",
    "AttackGraph",
    "Edge",
    "attack_graph",
    "corner",
    "moved",
    "parameter_kind",
]

FAST, MIDDLE, SLOW = "fast", "middle", "slow"
"""Where in their ranges parameters are taken: at the attacker's best, between, at his worst."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A technique from one privilege to another.

    Attributes:
        key: Names it for draws: the technique and where it starts.
        technique: Its name.
        source: The privilege that it starts from.
        target: The privilege that it wins.
        law: Seconds to success, but for the factor.
        factor: By how much longer it takes.
    """

    key: str
    technique: str
    source: str
    target: str
    law: Distribution
    factor: float = 1.0

    @property
    def mean_s(self) -> float:
        """The expected seconds to success."""
        return self.law.mean * self.factor

    @property
    def is_given(self) -> bool:
        """Whether it takes no time."""
        return self.mean_s == 0


@dataclass(frozen=True, slots=True)
class AttackGraph:
    """Privileges and the edges between them.

    Attributes:
        privileges: All of them; those that cannot be reached too.
        entry: Those that an attacker begins with.
        edges: In the order of the catalogue.
    """

    privileges: tuple[str, ...]
    entry: tuple[str, ...]
    edges: tuple[Edge, ...]

    def networkx(self) -> nx.MultiDiGraph[str]:
        """Return the graph with the edges' places in ``edges`` as their keys."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        graph.add_nodes_from(self.privileges)
        for index, edge in enumerate(self.edges):
            graph.add_edge(edge.source, edge.target, key=index)
        return graph

    def owned_at_once(self, owned: Iterable[str]) -> tuple[str, ...]:
        """Return what whoever owns these owns without any wait."""
        return self._spread(owned, [edge for edge in self.edges if edge.is_given])

    def reachable(self) -> tuple[str, ...]:
        """Return what can be owned in the end."""
        return self._spread(self.entry, self.edges)

    def leading_to(self, goals: Collection[str]) -> AttackGraph:
        """Return the graph without the edges that lead to none of the goals."""
        graph = self.networkx()
        useful = dict.fromkeys(goals)
        for goal in goals:
            useful |= dict.fromkeys(sorted(nx.ancestors(graph, goal)))
        return AttackGraph(self.privileges, self.entry, tuple(e for e in self.edges if e.target in useful))

    def _spread(self, owned: Iterable[str], edges: Iterable[Edge]) -> tuple[str, ...]:
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.privileges)
        graph.add_edges_from((edge.source, edge.target) for edge in edges)
        found = dict.fromkeys(owned)
        for privilege in list(found):
            found |= dict.fromkeys(sorted(nx.descendants(graph, privilege)))
        return tuple(name for name in self.privileges if name in found)


def parameter_kind(catalogue: Catalogue, name: str) -> str:
    """Return whether a parameter is a time, a factor or a chance.

    Raises:
        KeyError: There is none of that name.
    """
    for row in catalogue.parameters:
        if row.name == name:
            return row.kind
    raise KeyError(name)


def corner(catalogue: Catalogue, where: str) -> dict[str, float]:
    """Return a value for each parameter: ``middle``, or the end that is fastest or slowest for the attacker."""
    found: dict[str, float] = {}
    for row in catalogue.parameters:
        spread = row.time or row.factor or row.chance
        assert spread is not None, "a checked catalogue has one of the three"
        # A greater chance is faster, a greater time or factor slower.
        high = where == (FAST if row.chance is not None else SLOW)
        found[row.name] = spread.middle if where == MIDDLE else spread.high if high else spread.low
    return found


def attack_graph(catalogue: Catalogue, posture: Posture, values: Mapping[str, float]) -> AttackGraph:
    """Return the graph of what a posture leaves to an attacker.

    Args:
        catalogue: Of all techniques.
        posture: The container's switches.
        values: Of each parameter: seconds, factor or chance.
    """
    on = switched_on(catalogue, posture)
    edges = []
    for technique in possible(catalogue, posture):
        law, factor = _time(technique, posture, values)
        for source in technique.start:
            target = moved(source, technique.to, on)
            if target != source:
                edges.append(Edge(f"{technique.name}/{source}", technique.name, source, target, law, factor))
    return AttackGraph(
        tuple(each.name for each in catalogue.privileges),
        tuple(each.name for each in catalogue.privileges if each.entry),
        tuple(edges),
    )


def moved(source: str, target: str, on: Iterable[Mechanism]) -> str:
    """Return what is won with these mechanisms on, where boundaries may stand before the target."""
    for mechanism in on:
        moves = mechanism.moves
        if moves is not None and source in moves.inside and target in moves.beyond:
            return moves.to
    return target


def _time(technique: Technique, posture: Posture, values: Mapping[str, float]) -> tuple[Distribution, float]:
    """The law of a technique's time, and the factor beside it.

    Attempts of an exponential time that succeed with chance p, one after another, are an exponential time of the
    mean over p; a factor on an exponential time is one on its mean.
    """
    factor = 1.0
    for name, amount in technique.slowed_by.items():
        if name in posture.mechanisms:
            factor *= _value(amount, values)
    law = technique.time
    if isinstance(law, Ref):
        law = Exponential(values[law.parameter])
    if isinstance(law, Exponential):
        return Exponential(law.mean * factor / _value(technique.success, values)), 1.0
    return law, factor


def _value(amount: float | Ref, values: Mapping[str, float]) -> float:
    return values[amount.parameter] if isinstance(amount, Ref) else amount
