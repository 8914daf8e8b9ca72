"""A plan becomes a running simulation; the only place that constructs the object graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from models.api import records
from models.api.types import Arrival, Phase, Pod, PodAsk
from models.cluster.allocatable import allocatable_of
from models.control.burdens import Machines
from models.control.client import InstantClient
from models.control.conditiontaints import PRESSURE
from models.control.machinery import make_machines
from models.control.plane import ControlPlane
from models.control.scheduler import Scheduler
from models.control.schedulers import belief_of, make_schedulers, tell_images
from models.control.snapshot import restore
from models.control.store import Store
from models.failures.crash import CrashFault, start
from models.machines.fleet import Fleet
from models.machines.podusages import PodUsages
from models.operating import start_operations
from models.worldplan import ControllerPlan, Plan
from sim.engine import RECORD, Engine
from sim.identities import Identities
from sim.invariants import Invariants
from sim.journal import Journal
from sim.journalchunks import ChunkSink
from sim.series import SeriesBook

__all__ = ["Plan", "Sinks", "World"]


@dataclass(frozen=True)
class Sinks:
    """Where a world writes: records, identities, series."""

    events: ChunkSink
    names: ChunkSink
    series: ChunkSink


@dataclass
class World:
    """A simulation that is ready to run.

    Args:
        plan: What it is made from.
        sinks: Where it writes.
    """

    plan: Plan
    sinks: Sinks
    engine: Engine = field(init=False)
    journal: Journal = field(init=False)
    offered: dict[str, dict[str, float]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        plan = self.plan
        self.engine = Engine(seed=plan.seed, max_events=plan.max_events)
        self.identities = Identities()
        self.journal = Journal(
            self.engine, self.identities, records.KINDS, self.sinks.events, self.sinks.names
        )
        self.series = SeriesBook(self.engine, self.sinks.series)
        self.invariants = Invariants(self.engine, plan.checks)
        self._me = self.identities.add("world", "wavetank")
        self.journal.write(records.RUN_STARTED, self._me)
        self._minions = [self.identities.add("minion", minion.name) for minion in plan.minions]
        self.store = Store(self.engine, self.journal, self.identities, self.series, self._minions)
        self._register_minions()
        self.fleet = Fleet(
            engine=self.engine,
            journal=self.journal,
            series=self.series,
            store=self.store,
            minions=plan.minions,
            identities=self._minions,
            resources=plan.resources,
            templates=plan.templates,
        )
        self.machines = self._make_machines()
        self.pod_usages: PodUsages | None = None
        if plan.uses_cpu:
            self.pod_usages = self.fleet.follow(self.machines.usages, self.identities)
        self.plane = self._make_plane()
        if self.pod_usages is not None and self.plane is not None and self.plane.kubelets is not None:
            self.pod_usages.done = self.plane.kubelets.worked
        self.schedulers = self._make_schedulers()
        tell_images(self.schedulers, self.plane, plan.minions, self.engine, self.store, plan.streams)
        self.scheduler = self.schedulers[0]
        self.belief = self.scheduler.belief
        self._start_objects()
        self._start_faults()
        self._start_sources()
        self.invariants.add("pods are conserved", "cheap", self.store.conservation)
        self.invariants.add("no minion is overcommitted", "cheap", self.fleet.overcommitted)
        self.invariants.add("what is free adds up", "full", self.fleet.adds_up)

    def _make_schedulers(self) -> Sequence[Scheduler]:
        plan, plane = self.plan, self.plane
        return make_schedulers(
            plan.schedulers,
            believe=partial(belief_of, plan.minions, plan.resources, plan.expected, plan.placing),
            minions=plan.minions,
            resources=plan.resources,
            control=plan.control,
            plane=plane,
            policy=plan.policy,
            policy_name=plan.policy_name,
            make_client=self._make_client,
            on_parked=self._parked,
            engine=self.engine,
            journal=self.journal,
            identities=self.identities,
            streams=plan.streams,
            store=self.store,
            bind=self.fleet.bind if plane is None else plane.bind,
            decided_on=self._minions if plan.decisions else None,
        )

    def _make_machines(self) -> Machines:
        control = self.plan.control
        return make_machines(
            engine=self.engine,
            streams=self.plan.streams,
            series=self.series,
            identities=self.identities,
            minions=self.plan.minions,
            guests=self.plan.guests,
            constants={} if control is None else control.constants,
        )

    def _make_plane(self) -> ControlPlane | None:
        plan = self.plan
        if plan.control is None:
            return None
        return ControlPlane(
            plan=plan.control,
            engine=self.engine,
            journal=self.journal,
            identities=self.identities,
            series=self.series,
            streams=plan.streams,
            store=self.store,
            fleet=self.fleet,
            minions=plan.minions,
            machines=self.machines,
        )

    def _make_client(self, **words: Any) -> Any:
        if self.plane is None:
            return InstantClient(self.engine, self.store.log, **words)
        return self.plane.client("scheduler", **words)

    def _start_objects(self) -> None:
        """Enter services and budgets now, controllers when they come; taints that minions have from the start."""
        plane = self.plane
        for index, ask in enumerate(self.plan.minions):
            if ask.taints:
                self.store.set_taints(index, ask.taints, cause=-1)
                self.store.minions[index].pressed = PRESSURE in ask.taints
        if plane is None:
            return
        for service in self.plan.services:
            plane.create_service(service.name, service.namespace, service.selector)
        if self.plan.budgets:
            plane.watch_budgets()
        for budget in self.plan.budgets:
            plane.budgets.create(budget.name, budget.namespace, budget.selector, budget.rules, budget.status)
        were_there = self.plan.snapshot.controllers
        for each in self.plan.controllers:
            if f"{each.namespace}/{each.name}" in were_there:
                self._start_controller(plane, each)
            else:
                self._ask(plane, each.start_s, partial(self._start_controller, plane, each))
        restore(self.plan.snapshot, plane, self.store, self.identities)

    def _ask(self, plane: ControlPlane, time_s: float, verb: Callable[[], object]) -> None:
        """Let an operator ask for something at a time; during an outage it is done when the master is back."""
        self.engine.at(max(time_s, self.engine.now_s), RECORD, lambda: plane.master.reach(verb), cause=-1)

    def _start_controller(self, plane: ControlPlane, plan: ControllerPlan) -> None:
        made = plane.create_controller(plan.name, plan.namespace, plan.template, plan.selector, plan.replicas)
        for time_s, replicas in plan.steps:
            self._ask(plane, time_s, partial(plane.scale, made, replicas))
        if plan.deletion is not None:
            time_s, policy = plan.deletion
            self._ask(plane, time_s, partial(plane.delete_controller, made, policy))

    def _register_minions(self) -> None:
        plan = self.plan
        for ask, identity in zip(plan.minions, self._minions, strict=True):
            row = allocatable_of(ask, plan.resources)
            self.journal.write(
                records.MINION_REGISTERED,
                identity,
                minion=identity,
                value=float(ask.ready),
                own_fields=(*row[:4], row[-1]),
            )

    def _capacity(self) -> Mapping[str, float]:
        rows = [allocatable_of(ask, self.plan.resources) for ask in self.plan.minions]
        return {
            "cpu": float(sum(row[0] for row in rows)),
            "memory": float(sum(row[1] for row in rows)),
            "gpu": 1000.0 * sum(ask.gpu.count for ask in self.plan.minions),
        }

    def _start_sources(self) -> None:
        capacity = self._capacity()
        for name, source in self.plan.sources:
            owner = self.identities.add("workload", name)
            self.offered[name] = dict(source.offered(capacity))
            for resource, ratio in self.offered[name].items():
                self.journal.write(records.WORKLOAD_OFFERED, owner, cause=-1, value=ratio, reason=resource)
            _Pump(self, owner, source.arrivals()).next()

    def _parked(self, pod: Pod) -> None:
        """Stamp when a pod that waits will be withdrawn or given up; one that is bound at once needs no event."""
        ask = pod.ask
        give_up_s, withdraw_s = pod.created_s + ask.give_up_after_s, pod.created_s + ask.withdraw_after_s
        phase, due_s = (
            (Phase.WITHDRAWN, withdraw_s) if withdraw_s <= give_up_s else (Phase.GIVEN_UP, give_up_s)
        )
        if due_s == math.inf:
            return
        if due_s <= self.engine.now_s:
            self.store.end(pod, phase, cause=self.journal.count - 1)
            return

        def due() -> None:
            if self.plane is None:
                end()
            else:
                self.plane.master.reach(end)

        def end() -> None:
            if pod.phase is Phase.PENDING:
                self.store.end(pod, phase, cause=pod.cause)

        self.engine.at(due_s, RECORD, due, cause=pod.cause, guard=(pod, pod.generation))

    def _start_faults(self) -> None:
        plan = self.plan
        for fault_plan in plan.faults:
            fault = CrashFault(fault_plan.name, self.identities.add("fault", fault_plan.name))
            start(self.engine, self, plan.streams, fault, fault_plan)

        if self.plane is not None:
            self.plane.begin()
        if plan.operations:
            assert self.plane is not None, "operations need a control plane"
            start_operations(
                plan,
                engine=self.engine,
                journal=self.journal,
                identities=self.identities,
                store=self.store,
                plane=self.plane,
                fleet=self.fleet,
                pods=self.pods_there,
                is_up=self.is_up,
            )

    def pods_there(self) -> list[Pod]:
        """Return all pods that are in the store, by arrival."""
        return self.store.pods()

    # The powers that faults are given.

    def is_up(self, minion: int) -> bool:
        """Whether a minion is up."""
        return self.fleet.up[minion]

    def crash(self, minion: int, fault: CrashFault, repair_s: float, *, age_s: float = 0.0) -> None:
        """Take a minion down, and say so as an occurrence of the fault; at the start it has been so for ``age_s``."""
        fault.occurrences += 1
        began = self.journal.write(
            records.FAULT_BEGAN,
            fault.identity,
            minion=self._minions[minion],
            cause=-1,
            value=float(fault.occurrences),
        )
        self.engine.cause = began
        if self.plane is None:
            self.fleet.crash(minion, fault.identity, repair_s, began)
        else:
            self.plane.crash(minion, fault.identity, repair_s, began, age_s=age_s)

    def repair(self, minion: int, fault: CrashFault) -> None:
        """Bring a minion back; the occurrence of the fault ends."""
        ended = self.journal.write(records.FAULT_ENDED, fault.identity, minion=self._minions[minion])
        machine = self.fleet if self.plane is None else self.plane
        machine.repair(minion, fault.identity, ended)

    def boot_s(self, minion: int) -> float:
        """Return how long a minion takes to boot once what it runs on is repaired; 0 on bare metal."""
        guest = self.plan.guests.get(minion)
        if guest is None:
            return 0.0
        ask, boots = self.plan.minions[minion], self.plan.streams.stream("minion.boot")
        return float(guest.boot.quantile(boots.at(ask.pool, ask.index, self.fleet.crashed[minion])))

    def run(self) -> str:
        """Run to the end of the plan, check the invariants and close the journal.

        Returns:
            ``until``, ``drained`` or the reason given to ``engine.stop``.
        """
        reason = self.engine.run(self.plan.until_s)
        self.invariants.check()
        self.close(reason)
        return reason

    def close(self, reason: str) -> None:
        """Write the last record and spill: also after an interruption, then the run is incomplete."""
        complete = reason in ("until", "drained")
        if self.plane is not None and self.plane.kubelets is not None:
            self.plane.kubelets.close()
        if self.pod_usages is not None:
            self.pod_usages.close()
        self.journal.write(records.RUN_ENDED, self._me, cause=-1, value=float(complete), reason=reason)
        self.series.spill()
        self.journal.spill()


class _Pump:
    """Keeps one pending event for a source: its next arrival. HOT: an event and a call for each."""

    __slots__ = (
        "_arrivals",
        "_asks",
        "_at_cell",
        "_call",
        "_owner",
        "_plane",
        "_store",
        "_until_s",
        "generation",
    )

    def __init__(self, world: World, owner: int, arrivals: Iterator[Arrival]) -> None:
        self._owner = owner
        self._arrivals = arrivals
        self._plane = world.plane
        self._until_s = world.plan.until_s
        self._at_cell = world.engine.at_cell
        self._store = world.store
        self._asks: Iterable[PodAsk] = ()
        self._call = _Pump._arrive
        self.generation = 0

    def next(self) -> None:
        """Wait for the next arrival, if it is not after the end."""
        following = next(self._arrivals, None)
        if following is not None and following[0] < self._until_s:
            time_s, self._asks = following
            self._at_cell(time_s, RECORD, self._call, self, -1)

    def _arrive(self) -> None:
        if self._plane is not None and self._plane.master.down:
            self._plane.master.reach(partial(self._submit, list(self._asks)))
        else:
            self._submit(self._asks)
        self.next()

    def _submit(self, asks: Iterable[PodAsk]) -> None:
        create, owner = self._store.create_pod, self._owner
        for ask in asks:
            create(ask, owner)
