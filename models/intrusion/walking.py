"""Attackers in a run: compromises begin them, they walk the attack graph in simulated time, and responses race them.

An attack begins in one container. From each privilege that its attacker comes to own he tries what the container's
posture leaves him, all at once or one thing after another; one event is pending an attack and minion, for the next
technique that will succeed, so an attack costs events only where something is won, noticed or answered.

What is won inside is lost with the container's processes; the attacker finds that out when what he tries there comes
to nothing. What is won of a minion is lost when it is built anew, or when he finds it down. A minion that he takes is
a new place to go on from; which one it is is drawn among those that are up.

Simplified: neighbours that are starved do not answer their probes, as long as his container runs; a minion that was
reached with credentials is taken at once, as by a privileged pod.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from models.api import records
from models.api.specs_isolation import Compromise
from models.api.specs_usage import Bomb
from models.api.types import MinionAsk, Phase, Pod
from models.control.log import Op
from models.control.plane import ControlPlane
from models.control.store import Store
from models.intrusion.footholds import Attack, Foothold
from models.intrusion.responses import Operate, Watchers
from models.isolation.graph import AttackGraph, Edge, attack_graph
from models.isolation.posture import Posture
from models.isolation.rules import IsolationRules
from models.isolation.specs import Privilege
from models.isolation.walks import TECHNIQUE_TIMES, greedy_way
from models.machines.fleet import Fleet
from sim.engine import TRUTH, Deadline, Engine
from sim.identities import NOBODY, Identities
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["Intruders"]

_BOMB: Final = Bomb().forks
"""As a scenario's own bombs are unless they say something else."""


class Intruders:
    """All attackers of a run.

    Args:
        minions: As asked.
        rules: Whose isolation is what.
        operate: Has operators work on minions.
        is_up: Whether a minion is up.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        streams: Streams,
        store: Store,
        plane: ControlPlane,
        fleet: Fleet,
        minions: Sequence[MinionAsk],
        rules: IsolationRules,
        operate: Operate,
        is_up: Callable[[int], bool],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._identities = identities
        self._streams = streams
        self._plane = plane
        self._fleet = fleet
        self._minions = minions
        self._rules = rules
        self._is_up = is_up
        self._privileges: Mapping[str, Privilege] = {each.name: each for each in rules.catalogue.privileges}
        self._out = tuple(each.name for each in rules.catalogue.privileges if each.out)
        self._forking = tuple(each.name for each in rules.catalogue.techniques if each.means == "forks")
        self._graphs: dict[Posture, AttackGraph] = {}
        self._inside: dict[int, list[Foothold]] = {}
        self._watchers = Watchers(
            engine, journal, streams, store, plane, fleet, operate=operate, intruders=self
        )
        store.log.observe(self._ended, (Op.POD_ENDED,))

    def begin(
        self,
        name: str,
        words: Compromise,
        victims: Sequence[tuple[Pod, tuple[str, ...]]],
        cause: int,
    ) -> None:
        """Let an attacker into each of some pods.

        Args:
            name: Of the fault and its occurrence.
            words: As asked.
            victims: Pods that run, each with the names that it answers to.
            cause: The record that they follow from.
        """
        for place, (pod, names) in enumerate(victims):
            if self._life(pod) is None:
                continue
            called = f"{name}-{place + 1}"
            identity = self._identities.add("attacker", called)
            attack = Attack(called, identity, words, pod.owner, self._engine.now_s)
            foothold = self._enter(attack, pod.minion, pod, names)
            foothold.seq = self._journal.write(
                records.POD_COMPROMISED,
                pod.identity,
                minion=self._fleet.identity(pod.minion),
                actor=identity,
                owner=pod.owner,
                cause=cause,
            )
            self._inside.setdefault(pod.arrival, []).append(foothold)
            for privilege in foothold.graph.entry:
                self._own(foothold, privilege, "", foothold.seq)
            self._watchers.watch(foothold)
            self.arm(foothold)

    def _enter(self, attack: Attack, minion: int, pod: Pod | None, names: tuple[str, ...]) -> Foothold:
        kernel = self._minions[minion].kernel
        labels = {} if pod is None else dict(pod.labels)
        posture = self._rules.posture(labels, names, kernel.release, kernel.cgroup)
        graph = self._graphs.get(posture)
        if graph is None:
            graph = attack_graph(self._rules.catalogue, posture, self._rules.values)
            self._graphs[posture] = graph
        life = None if pod is None else self._life(pod)
        foothold = Foothold(attack, attack.places, minion, pod, graph, life)
        foothold.deadline = Deadline(self._engine, TRUTH, partial(self._due, foothold))
        attack.places += 1
        return foothold

    def _life(self, pod: Pod) -> object:
        """Something that changes whenever a pod's containers die or start again; nothing where none runs."""
        assert self._plane.kubelets is not None, "a compromise needs timing"
        return self._plane.kubelets.inside.starts(pod) if self._fleet.runs(pod) else None

    # What an attacker wins.

    def _own(self, foothold: Foothold, privilege: str, technique: str, cause: int) -> None:
        """Let him own a privilege and whatever comes with it, and try what it lets him try."""
        attack = foothold.attack
        if privilege in foothold.owned or privilege in attack.owned:
            return
        known = self._privileges[privilege]
        goes_on = known.effect == "spread" and "spread" in attack.words.does
        free = self._free(foothold) if goes_on else []
        if goes_on and not free:
            return
        seq = self._won(foothold, privilege, technique, cause) if technique else cause
        if goes_on:
            self._spread(foothold, free, technique, seq)
            return
        if known.place == "cluster":
            attack.owned[privilege] = None
        foothold.owned[privilege] = seq
        if known.effect == "take":
            self._take(foothold, seq)
        elif known.effect == "starve":
            self._starve(foothold, technique, seq)
        edges = [edge for edge in foothold.graph.edges if edge.source == privilege]
        for edge in edges:
            if edge.is_given:
                self._own(foothold, edge.target, edge.technique, seq)
        if attack.words.attacker == "racing":
            self._try(foothold, [edge for edge in edges if not edge.is_given], seq)

    def _won(self, foothold: Foothold, privilege: str, technique: str, cause: int) -> int:
        attack, pod = foothold.attack, foothold.pod
        return self._journal.write(
            records.PRIVILEGE_WON,
            attack.identity,
            minion=self._fleet.identity(foothold.minion),
            actor=NOBODY if pod is None else pod.identity,
            owner=attack.owner,
            cause=cause,
            value=self._engine.now_s - attack.began_s,
            reason=f"{privilege} by {technique}",
            own_fields=(int(self._privileges[privilege].reaches),),
        )

    def _try(self, foothold: Foothold, edges: Sequence[Edge], cause: int) -> None:
        attack = foothold.attack
        wanted = [
            edge for edge in edges if edge.target not in foothold.owned and edge.target not in attack.owned
        ]
        if not wanted:
            return
        seq = self._journal.write(
            records.TECHNIQUES_TRIED,
            attack.identity,
            minion=self._fleet.identity(foothold.minion),
            owner=attack.owner,
            cause=cause,
            # Where all times are exponential: until the first of them succeeds, in the mean.
            value=1.0 / sum(1.0 / edge.mean_s for edge in wanted),
            reason=", ".join(edge.technique for edge in wanted),
        )
        for edge in wanted:
            foothold.tried.append(
                (self._engine.now_s + self._takes_s(foothold, edge), len(foothold.tried), edge, seq)
            )

    def _takes_s(self, foothold: Foothold, edge: Edge) -> float:
        n = foothold.again.get(edge.key, 0)
        foothold.again[edge.key] = n + 1
        group = f"{foothold.attack.name}/{foothold.number}/{edge.key}"
        u = self._streams.stream(TECHNIQUE_TIMES).at(group, 0, n)
        return float(edge.law.quantile(u)) * edge.factor

    def arm(self, foothold: Foothold) -> None:
        """Wait for the next technique that will succeed, if any will."""
        if foothold.attack.words.attacker == "greedy" and not foothold.tried:
            self._plan(foothold)
        owned, attack = foothold.owned, foothold.attack
        foothold.tried = [
            each
            for each in foothold.tried
            if each[2].target not in owned
            and each[2].target not in attack.owned
            and self._is_held(foothold, each[2].source)
        ]
        due = min(foothold.tried, default=None, key=lambda each: each[:2])
        if due is None or foothold.is_over:
            foothold.deadline.clear()
        else:
            foothold.deadline.set(due[0], cause=due[3])

    def _is_held(self, foothold: Foothold, privilege: str) -> bool:
        place = self._privileges[privilege].place
        return privilege in foothold.owned and (foothold.is_inside or place != "container")

    def _plan(self, foothold: Foothold) -> None:
        """Choose what the greedy attacker works at next."""
        held = tuple(name for name in foothold.owned if self._is_held(foothold, name))
        if not held:
            return
        goals = foothold.attack.words.goals or self._out
        way = greedy_way(replace(foothold.graph, entry=held), goals)
        step = next((edge for edge in way if not edge.is_given), None)
        if step is not None:
            self._try(foothold, [step], foothold.owned[step.source])

    def _due(self, foothold: Foothold) -> None:
        if foothold.is_over:
            return
        if not self._is_up(foothold.minion):
            self.over(foothold, "the minion is down")
            return
        if foothold.is_inside and foothold.pod is not None and self._life(foothold.pod) != foothold.life:
            self.leave(foothold, "its processes have ended")
        now_s = self._engine.now_s
        for each in sorted(foothold.tried, key=lambda each: each[:2]):
            due_s, _, edge, cause = each
            if due_s <= now_s and self._is_held(foothold, edge.source):
                foothold.tried.remove(each)
                self._own(foothold, edge.target, edge.technique, cause)
        self.arm(foothold)

    # What that does to the cluster.

    def _take(self, foothold: Foothold, cause: int) -> None:
        attack, minion = foothold.attack, foothold.minion
        attack.minions[minion] = None
        identity = self._fleet.identity(minion)
        seq = self._journal.write(
            records.MINION_TAKEN,
            identity,
            minion=identity,
            actor=attack.identity,
            owner=attack.owner,
            cause=cause,
            value=self._engine.now_s - attack.began_s,
        )
        if "kill" in attack.words.does:
            assert self._plane.kubelets is not None, "a compromise needs timing"
            for pod in self._fleet.pods(minion):
                if pod is not foothold.pod and self._fleet.runs(pod):
                    self._plane.kubelets.died(pod, seq)

    def _starve(self, foothold: Foothold, technique: str, cause: int) -> None:
        assert self._plane.kubelets is not None, "a compromise needs timing"
        does = foothold.attack.words.does
        if "fork" in does and technique in self._forking and foothold.pod is not None:
            self._plane.kubelets.inside.bomb(foothold.pod, _BOMB, cause)
        if "starve" not in does:
            return
        for pod in self._fleet.pods(foothold.minion):
            if pod is not foothold.pod and self._fleet.runs(pod):
                self._plane.kubelets.answers(pod, (True, math.inf), cause)
                foothold.starved.append(pod)

    def _free(self, foothold: Foothold) -> list[int]:
        """Return the other minions that are up and not his."""
        return [
            index
            for index in range(len(self._minions))
            if index not in foothold.attack.minions and index != foothold.minion and self._is_up(index)
        ]

    def _spread(self, foothold: Foothold, free: Sequence[int], technique: str, cause: int) -> None:
        """Go on to another minion, one of those that are free, and try for the next one from here."""
        attack = foothold.attack
        u = self._streams.stream("isolation.next_minion").at(attack.name, attack.places)
        minion = free[int(u * len(free))]
        other = self._enter(attack, minion, None, ())
        other.seq, other.is_inside = cause, False
        taken = next((name for name, each in self._privileges.items() if each.effect == "take"), None)
        if taken is not None:
            attack.minions[minion] = None
            self._own(other, taken, technique, cause)
        self._watchers.watch(other)
        self.arm(other)
        if attack.words.attacker == "racing":
            again = [edge for edge in foothold.graph.edges if edge.technique == technique]
            self._try(foothold, [edge for edge in again if self._is_held(foothold, edge.source)], cause)

    # What ends it.

    def _ended(self, op: Op, what: object, before: int, after: int) -> None:
        assert isinstance(what, Pod)
        for foothold in self._inside.pop(what.arrival, ()):
            self.leave(foothold, "its pod is gone")
            self.arm(foothold)

    def leave(self, foothold: Foothold, why: str) -> None:
        """Let him have lost what he owned inside, and let go of the neighbours."""
        if not foothold.is_inside or foothold.is_over:
            return
        foothold.is_inside = False
        assert self._plane.kubelets is not None, "a compromise needs timing"
        cause = self._lost(foothold, why)
        for pod in foothold.starved:
            if pod.phase is Phase.RUNNING:
                self._plane.kubelets.answers(pod, None, cause)
        foothold.starved.clear()
        # Where nothing of the minion's own is his, he is out of it altogether.
        foothold.is_over = not self._has_the_minion(foothold)

    def over(self, foothold: Foothold, why: str) -> None:
        """Let him have lost all that he owned on a minion."""
        if foothold.is_over:
            return
        self.leave(foothold, why)
        if self._has_the_minion(foothold):
            self._lost(foothold, why)
        foothold.is_over = True
        foothold.attack.minions.pop(foothold.minion, None)
        foothold.tried.clear()
        foothold.deadline.clear()

    def _has_the_minion(self, foothold: Foothold) -> bool:
        return any(self._privileges[name].place == "minion" for name in foothold.owned)

    def _lost(self, foothold: Foothold, why: str) -> int:
        attack, pod = foothold.attack, foothold.pod
        return self._journal.write(
            records.FOOTHOLD_LOST,
            attack.identity,
            minion=self._fleet.identity(foothold.minion),
            actor=NOBODY if pod is None else pod.identity,
            owner=attack.owner,
            reason=why,
        )
