"""The ways out of a container, and the fewest mechanisms that close all of them.

A way is a simple path of techniques to a goal. A set of mechanisms closes all ways if with it on no goal can be
reached: what it opens counts as well. The search is exact. A way that is open can only be closed by a mechanism that
stops one of its techniques, or that moves what the technique wins before a boundary, so some such mechanism is in
every set that closes all: the search branches over them, for sets of 0, 1, 2 … mechanisms, until some set closes all
(a minimum hitting set, grown with the ways that its members open).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from models.isolation.graph import MIDDLE, AttackGraph, Edge, attack_graph, corner, moved
from models.isolation.posture import Posture, addable
from models.isolation.specs import Catalogue, Mechanism, Technique

__all__ = ["UPDATE", "Closing", "closes_all", "fewest", "remedies_of", "stops", "with_remedies"]

UPDATE = "update "
"""Begins the name of a remedy that is not a mechanism: a program brought up to date."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What closes all ways to some goals.

    Attributes:
        sets: All sets of the fewest remedies; none where no set closes all, one empty set where no way is open.
        open_ways: Where none does: ways that no remedy closes, the techniques of each.
    """

    sets: tuple[tuple[str, ...], ...]
    open_ways: tuple[tuple[str, ...], ...] = ()


def remedies_of(catalogue: Catalogue, *, proposed: bool = False, updates: bool = False) -> tuple[str, ...]:
    """Return the names of what may be switched on against techniques.

    Args:
        catalogue: Of all mechanisms.
        proposed: Mechanisms too that were proposed and not taken.
        updates: Programs brought up to date too.
    """
    names = [each.name for each in catalogue.mechanisms if proposed or each.status != "proposed"]
    return (*names, *(f"{UPDATE}{program}" for program in catalogue.programs if updates))


def with_remedies(posture: Posture, names: Collection[str]) -> Posture:
    """Return a posture with remedies on."""
    changed = posture.switched(name for name in names if not name.startswith(UPDATE))
    return changed.with_updates(name.removeprefix(UPDATE) for name in names if name.startswith(UPDATE))


def closes_all(
    catalogue: Catalogue,
    posture: Posture,
    goals: Collection[str],
    names: Sequence[str],
    *,
    unknown: bool = False,
) -> bool:
    """Whether with remedies on no goal can be reached, and whether they can all be on at once.

    Args:
        catalogue: Of all techniques.
        posture: Without the remedies.
        goals: Privileges.
        names: The remedies.
        unknown: Techniques count too that stand for bugs which are not known yet.
    """
    changed = with_remedies(posture, names)
    mechanisms = [each for each in catalogue.mechanisms if each.name in names]
    if not all(addable(catalogue, changed.switched(off=[each.name]), each) for each in mechanisms):
        return False
    graph = _graph(_of_known(catalogue, unknown=unknown), changed)
    return not any(goal in graph.reachable() for goal in goals)


def fewest(
    catalogue: Catalogue,
    posture: Posture,
    goals: Collection[str],
    remedies: Sequence[str],
    *,
    unknown: bool = False,
) -> Closing:
    """Return all sets of the fewest remedies with which no goal can be reached.

    Args:
        catalogue: Of all techniques and mechanisms.
        posture: As it is.
        goals: Privileges.
        remedies: Names that may be switched on.
        unknown: Techniques count too that stand for bugs which are not known yet.
    """
    search = _Search(_of_known(catalogue, unknown=unknown), posture, tuple(goals), tuple(remedies))
    for size in range(len(remedies) + 1):
        search.look(size)
        if search.found or not search.was_cut:
            break
    return Closing(tuple(sorted(search.found)), () if search.found else tuple(sorted(search.hopeless)))


class _Search:
    """Looks for sets of one size after the other."""

    def __init__(
        self, catalogue: Catalogue, posture: Posture, goals: tuple[str, ...], remedies: tuple[str, ...]
    ) -> None:
        self.found: dict[tuple[str, ...], None] = {}
        self.hopeless: dict[tuple[str, ...], None] = {}
        self.was_cut = False
        self._catalogue = catalogue
        self._posture = posture
        self._goals = goals
        self._remedies = remedies
        self._techniques = {each.name: each for each in catalogue.techniques}
        self._mechanisms = {each.name: each for each in catalogue.mechanisms}
        self._seen: set[tuple[str, ...]] = set()

    def look(self, size: int) -> None:
        """Find the sets of this size that close all."""
        self.was_cut = False
        self._seen.clear()
        self._branch((), size)

    def _branch(self, chosen: tuple[str, ...], left: int) -> None:
        if chosen in self._seen:
            return
        self._seen.add(chosen)
        posture = with_remedies(self._posture, chosen)
        way = _a_way(_graph(self._catalogue, posture), self._goals)
        if way is None:
            self.found[chosen] = None
            return
        stoppers = [name for name in self._remedies if self._stops(name, way, posture)]
        if not stoppers:
            self.hopeless[tuple(edge.technique for edge in way if not edge.is_given)] = None
        elif left == 0:
            self.was_cut = True
        else:
            for name in stoppers:
                self._branch(tuple(sorted((*chosen, name))), left - 1)

    def _stops(self, name: str, way: Sequence[Edge], posture: Posture) -> bool:
        if name.startswith(UPDATE):
            program = name.removeprefix(UPDATE)
            return any(program in self._techniques[edge.technique].versions for edge in way)
        mechanism = self._mechanisms[name]
        if not addable(self._catalogue, posture, mechanism):
            return False
        return any(stops(mechanism, self._techniques[e.technique], e.source, e.target, posture) for e in way)


def stops(mechanism: Mechanism, technique: Technique, source: str, target: str, posture: Posture) -> bool:
    """Whether a mechanism alone takes an edge of the graph away."""
    if mechanism.name in technique.blocked_by or technique.name in mechanism.blocks:
        return True
    if mechanism.leaves is not None and any(
        name not in mechanism.leaves and name not in posture.added for name in technique.capabilities
    ):
        return True
    return moved(source, target, [mechanism]) != target


def _of_known(catalogue: Catalogue, *, unknown: bool) -> Catalogue:
    if unknown:
        return catalogue
    return catalogue.model_copy(update={"techniques": tuple(t for t in catalogue.techniques if t.known)})


def _graph(catalogue: Catalogue, posture: Posture) -> AttackGraph:
    # Which ways are open does not depend on how long they take.
    return attack_graph(catalogue, posture, corner(catalogue, MIDDLE))


def _a_way(graph: AttackGraph, goals: Collection[str]) -> list[Edge] | None:
    """The edges of a shortest way to a goal, or None where none is open."""
    between: dict[tuple[str, str], Edge] = {}
    for edge in graph.edges:
        between.setdefault((edge.source, edge.target), edge)
    plain: nx.DiGraph[str] = nx.DiGraph()
    plain.add_nodes_from(graph.privileges)
    plain.add_edges_from(between)
    for entry in graph.entry:
        for goal in goals:
            if entry != goal and nx.has_path(plain, entry, goal):
                way = nx.shortest_path(plain, entry, goal)
                return [between[pair] for pair in pairwise(way)]
    return None
