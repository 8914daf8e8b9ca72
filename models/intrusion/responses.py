"""Who notices an attacker, and what is done about it: kill, cordon, drain, build anew."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from models.api import records
from models.control.plane import ControlPlane
from models.control.rollouts import CORDONED, RolloutPlan
from models.control.store import Store
from models.intrusion.footholds import Foothold
from models.machines.fleet import Fleet
from sim.engine import BELIEF, Engine
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["Operate", "Watchers"]

Operate = Callable[[RolloutPlan, int, Callable[[int], float], Callable[[], None]], None]
"""Has operators work on minions, given a plan, whose it is, how long each is down, and what comes after."""


class _Attackers(Protocol):
    """What happens to attackers by it."""

    def leave(self, foothold: Foothold, why: str) -> None:
        """Let one have lost what he owned inside."""

    def over(self, foothold: Foothold, why: str) -> None:
        """Let one have lost all that he owned on a minion."""

    def arm(self, foothold: Foothold) -> None:
        """Let one wait for what he will win next."""


class Watchers:
    """All that notice attackers and answer.

    Args:
        operate: Has operators work on minions.
        intruders: The attackers.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        streams: Streams,
        store: Store,
        plane: ControlPlane,
        fleet: Fleet,
        *,
        operate: Operate,
        intruders: _Attackers,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._streams = streams
        self._store = store
        self._plane = plane
        self._fleet = fleet
        self._operate = operate
        self._intruders = intruders

    def watch(self, foothold: Foothold) -> None:
        """Notice an attacker on a minion, after a while."""
        attack = foothold.attack
        if attack.words.detect is None:
            return
        u = self._streams.stream("isolation.detection").at(attack.name, foothold.number)
        at_s = self._engine.now_s + float(attack.words.detect.quantile(u))
        self._engine.at(at_s, BELIEF, partial(self._detected, foothold), cause=foothold.seq)

    def _detected(self, foothold: Foothold) -> None:
        attack = foothold.attack
        if foothold.is_over:
            return
        minion = self._fleet.identity(foothold.minion)
        self._engine.cause = self._journal.write(
            records.INTRUSION_DETECTED,
            attack.identity,
            minion=minion,
            owner=attack.owner,
            value=self._engine.now_s - attack.began_s,
        )
        for response in attack.words.respond:
            self._engine.cause = self._journal.write(
                records.INTRUSION_ANSWERED,
                attack.identity,
                minion=minion,
                owner=attack.owner,
                reason=response,
            )
            getattr(self, f"_{response}")(foothold)

    def _kill(self, foothold: Foothold) -> None:
        """Kill the first process of his container's namespace, and with it all others there."""
        pod, cause = foothold.pod, self._engine.cause
        if pod is None or self._plane.kubelets is None or not self._fleet.runs(pod):
            return
        self._plane.kubelets.died(pod, cause)
        self._intruders.leave(foothold, "its processes were killed")
        self._intruders.arm(foothold)

    def _cordon(self, foothold: Foothold) -> None:
        cause, minion = self._engine.cause, foothold.minion
        self._plane.master.reach(lambda: self._store.put_taint(minion, CORDONED, cause=cause))

    def _drain(self, foothold: Foothold) -> None:
        if "rebuild" not in foothold.attack.words.respond:  # else it is part of that
            plan = RolloutPlan((foothold.minion,), drains=True, force=True)
            self._operate(plan, foothold.attack.identity, lambda _: 0.0, lambda: None)

    def _rebuild(self, foothold: Foothold) -> None:
        words = foothold.attack.words
        assert words.rebuilt is not None, "who rebuilds says how long that takes"
        law = words.rebuilt

        def down_s(minion: int) -> float:
            self._intruders.over(foothold, "the minion is built anew")
            u = self._streams.stream("isolation.rebuild").at(foothold.attack.name, foothold.number)
            return float(law.quantile(u))

        drains = "drain" in words.respond
        frees = drains or "cordon" in words.respond
        minions = (foothold.minion,)
        plan = RolloutPlan(minions, drains, reboots=True, frees=frees, down=law, force=True)
        self._operate(plan, foothold.attack.identity, down_s, lambda: None)
