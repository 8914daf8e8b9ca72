"""Starts what operators do, what goes wrong beside crashes, and the attackers that faults let in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.api.types import Pod
from models.control.operations import FaultRunner
from models.control.plane import ControlPlane
from models.control.store import Store
from models.intrusion.walking import Intruders
from models.machines.fleet import Fleet
from models.worldplan import Plan
from sim.engine import Engine
from sim.identities import Identities
from sim.journal import Journal

__all__ = ["start_operations"]


def start_operations(
    plan: Plan,
    *,
    engine: Engine,
    journal: Journal,
    identities: Identities,
    store: Store,
    plane: ControlPlane,
    fleet: Fleet,
    pods: Callable[[], Sequence[Pod]],
    is_up: Callable[[int], bool],
) -> None:
    """Arm every operation of a plan, given the parts of its world."""
    runner = FaultRunner(
        engine=engine,
        journal=journal,
        identities=identities,
        streams=plan.streams,
        store=store,
        plane=plane,
        pods=pods,
        keys=[(ask.pool, ask.index) for ask in plan.minions],
        is_up=is_up,
    )
    if plan.isolation is not None:
        runner.intrude = Intruders(
            engine=engine,
            journal=journal,
            identities=identities,
            streams=plan.streams,
            store=store,
            plane=plane,
            fleet=fleet,
            minions=plan.minions,
            rules=plan.isolation,
            operate=runner.operate,
            is_up=is_up,
        ).begin
    for operation in plan.operations:
        runner.start(operation)
