"""The control plane of a run: master, clients, controllers, kubelets, put together; and what operators do to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from models.api import records
from models.api.selectors import Selector
from models.api.types import READY, TERMINATING, MinionAsk, Pod, PodTemplate
from models.control.budgets import Budgets
from models.control.burdens import Machines
from models.control.client import Client, InstantClient, Law, Master
from models.control.controlseries import ControlSeries
from models.control.disruptionshell import DisruptionController
from models.control.endpointsshell import EndpointsController
from models.control.garbage import GarbageCollector
from models.control.kubelet import Kubelets
from models.control.lifecycle import MinionLifecycle
from models.control.log import Op
from models.control.objects import ControllerObject, ServiceObject
from models.control.pulls import ImagePulls
from models.control.replicationbelief import ACTIVE
from models.control.replicationshell import ReplicationManager
from models.control.settings import ControlPlan
from models.control.store import Store
from models.control.tainteviction import TaintEviction
from models.control.tokens import EventFilter
from models.control.zones import zone_key
from models.machines.fleet import Fleet
from sim.engine import Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.series import SeriesBook
from sim.streams import Streams

__all__ = ["ControlPlan", "ControlPlane"]

_CREATED, _CHANGED, _ENDED, _OWNED = Op.POD_CREATED, Op.POD_CHANGED, Op.POD_ENDED, Op.POD_OWNED


def _matters(op: Op, before: int, after: int) -> bool:
    """Whether a change moves the series of a controller, or is a deletion that a kubelet has to know of."""
    return (
        op is not _CHANGED or ACTIVE[before] != ACTIVE[after] or (before ^ after) & (READY | TERMINATING) != 0
    )


class ControlPlane:
    """All that stands between the store and the minions of a run.

    Attributes:
        controllers: By namespace and name, those that are gone too.
        services: By namespace and name.
        budgets: Disruption budgets, and evictions that ask them.
        on_scheduler_restart: Starts the scheduler again with empty memory.
        on_endpoints: Called with (service, pods added, pods removed) when ready endpoints are written.
    """

    def __init__(
        self,
        *,
        plan: ControlPlan,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        series: SeriesBook,
        streams: Streams,
        store: Store,
        fleet: Fleet,
        minions: Sequence[MinionAsk],
        machines: Machines | None = None,
    ) -> None:
        self.plan = plan
        self._engine = engine
        self._journal = journal
        self._identities = identities
        self._machines = machines
        self._series = ControlSeries(series)
        self._streams = streams
        self._store = store
        self._fleet = fleet
        self.on_scheduler_restart: Callable[[], None] = lambda: None
        self.on_endpoints: Callable[[ServiceObject, list[Pod], list[Pod]], None] | None = None
        self.master = Master(engine, never_down=not plan.outages)
        self.controllers: dict[str, ControllerObject] = {}
        self._by_identity: dict[int, ControllerObject] = {}
        self.services: dict[str, ServiceObject] = {}
        self._cuts: dict[int, int] = {}
        self._clients: dict[str, Client] = {}
        constants = plan.constants
        self.replication = ReplicationManager(
            engine=engine,
            journal=journal,
            store=store,
            streams=streams,
            make_client=partial(self.client, "replication"),
            constants=constants,
            identity=identities.add("client", "replication"),
            expectations=plan.expectations,
        )
        self.endpoints = EndpointsController(
            engine=engine,
            journal=journal,
            make_client=partial(self.client, "endpoints"),
            workers=int(constants["endpoints_worker_count"]),
            identity=identities.add("client", "endpoints"),
            on_written=self._written,
        )
        self.garbage = GarbageCollector(
            engine=engine,
            journal=journal,
            store=store,
            make_client=partial(self.client, "garbage"),
            renewal_s=0.0 if plan.instant else constants["garbage_mapper_renewal_s"],
            reading_s=constants["garbage_mapper_reading_s"],
            identity=identities.add("client", "garbage"),
        )
        self.budgets = Budgets(engine, journal, identities, store)
        self.disruption: DisruptionController | None = None
        self.images: ImagePulls | None = None
        self.kubelets: Kubelets | None = None
        self.lifecycle: MinionLifecycle | None = None
        self.evictions: TaintEviction | None = None
        if not plan.instant:
            self._start_lifecycle(minions)
        store.log.observe(self._count, (_CREATED, _CHANGED, _ENDED, _OWNED), _matters)

    def _start_lifecycle(self, minions: Sequence[MinionAsk]) -> None:
        plan, engine, store = self.plan, self._engine, self._store
        delays, tolerates_s = plan.delays, plan.tolerates_s
        assert delays is not None and tolerates_s is not None, "a plan with timing has these"  # noqa: PT018
        if plan.images is not None:
            self.images = ImagePulls(
                engine=engine,
                journal=self._journal,
                identities=self._identities,
                streams=self._streams,
                plan=plan.images,
                minions=minions,
                identity=self._fleet.identity,
                disks=None if self._machines is None else self._machines.disks,
            )
            if self._machines is not None:
                self.images.on_gone = self._machines.files.drop
        self.kubelets = Kubelets(
            engine=engine,
            journal=self._journal,
            identities=self._identities,
            store=store,
            fleet=self._fleet,
            master=self.master,
            streams=self._streams,
            delays=delays,
            limits=plan.limits["kubelet"],
            constants=plan.constants,
            late_s=plan.late_s,
            minions=minions,
            images=self.images,
            machines=self._machines,
        )
        identity = self._identities.add("client", "lifecycle")
        self.lifecycle = MinionLifecycle(
            engine=engine,
            store=store,
            streams=self._streams,
            zones=[zone_key(ask.labels) for ask in minions],
            groups=[(ask.pool, ask.index) for ask in minions],
            make_client=partial(self.client, "lifecycle"),
            constants=plan.constants,
            identity=identity,
        )
        self.evictions = TaintEviction(
            engine=engine,
            store=store,
            make_client=partial(self.client, "taints"),
            client=self.lifecycle.client,
            events=EventFilter.of(plan.constants),
            delay=lambda pod, taints: tolerates_s(pod.template, taints),
            identity=identity,
        )
        for index, ask in enumerate(minions):
            if not ask.ready and ask.registered:
                self.lifecycle.silent_before(index, math.inf)

    def client(self, name: str, **words: Any) -> Any:
        """Make a client of a name, as scheduler or scheduler/batch, with this plan's timing and limits."""
        if self.plan.timing is None:
            return InstantClient(self._engine, self._store.log, **words)
        limits = self.plan.limits.get(name.partition("/")[0], (math.inf, 1.0))
        told = (self._engine, self.master, self._store.log, self._streams, name)
        made = self._clients[name] = Client(*told, timing=self.plan.timing, limits=limits, **words)
        return made

    @property
    def bind(self) -> Callable[[Pod, int, tuple[int, ...], int, int], str | None]:
        """The master's verb, and that whoever runs the pod takes note of it."""
        return self._fleet.bind if self.kubelets is None else self._bind

    def _bind(self, pod: Pod, minion: int, devices: tuple[int, ...], actor: int, cause: int) -> str | None:
        refused = self._store.bind(pod, minion, devices, actor, cause)
        if refused is None:
            assert self.kubelets is not None, "without kubelets the fleet binds"
            self.kubelets.bound(pod)
        return refused

    def _count(self, op: Op, what: Any, before: int, after: int) -> None:
        """Keep the series of controllers; tell the kubelet of a deletion; forget a pod that is gone."""
        if op is _OWNED:
            pod, old, new = what
            self._owned(pod, old, new, after)
            return
        if op is _CREATED:
            self._series.created(what.owner)
            return
        self._series.changed(what.owner, before, after)
        if op is _ENDED:
            controller = self._by_identity.get(what.owner)
            if controller is not None:
                controller.pods.pop(what.arrival, None)
        elif (before ^ after) & TERMINATING and self.kubelets is not None:
            self.kubelets.terminating(what)

    def _owned(self, pod: Pod, old: int, new: int, word: int) -> None:
        """Move a pod from one controller's list and series to another's; neither need be a controller."""
        if old in self._by_identity:
            self._by_identity[old].pods.pop(pod.arrival, None)
        if new in self._by_identity:
            self._by_identity[new].pods[pod.arrival] = pod
        self._series.owned(old, new, word)

    def _written(self, service: ServiceObject, added: list[Pod], removed: list[Pod]) -> None:
        self._series.written(service.identity, len(added) - len(removed))
        if self.on_endpoints is not None:
            self.on_endpoints(service, added, removed)

    # What operators do.

    def create_controller(
        self, name: str, namespace: str, template: PodTemplate, selector: Selector, desired: int
    ) -> ControllerObject:
        """Enter a controller."""
        identity = self._identities.add("controller", name, namespace)
        controller = ControllerObject(identity, name, namespace, template, selector, desired)
        self.controllers[f"{namespace}/{name}"] = self._by_identity[identity] = controller
        self._series.add_controller(identity, self._identities.text(identity), desired)
        seq = self._journal.write(records.CONTROLLER_CREATED, identity, value=float(desired))
        self._store.log.commit(Op.CONTROLLER_CHANGED, controller, seq)
        return controller

    def scale(self, controller: ControllerObject, desired: int) -> None:
        """Change how many pods a controller shall have."""
        self._series.want(controller.identity, desired - controller.desired)
        controller.desired = desired
        controller.generation += 1
        seq = self._journal.write(records.CONTROLLER_SCALED, controller.identity, value=float(desired))
        self._store.log.commit(Op.CONTROLLER_CHANGED, controller, seq)

    def delete_controller(self, controller: ControllerObject, policy: str) -> None:
        """Delete a controller: ``background`` leaves the store at once, the others when their pods are seen to."""
        self._series.want(controller.identity, -controller.desired)
        controller.deletion = policy
        controller.desired = 0
        controller.generation += 1
        if policy == "background":
            self.garbage.remove(controller)
        else:
            seq = self._journal.write(
                records.CONTROLLER_SCALED, controller.identity, value=0.0, reason=policy
            )
            self._store.log.commit(Op.CONTROLLER_CHANGED, controller, seq)

    def create_service(self, name: str, namespace: str, selector: Selector) -> ServiceObject:
        """Enter a service."""
        identity = self._identities.add("service", name, namespace)
        service = ServiceObject(identity, name, namespace, selector)
        self.services[f"{namespace}/{name}"] = service
        self._series.add_service(identity, self._identities.text(identity))
        self._store.log.commit(Op.SERVICE_CHANGED, service, -1)
        return service

    def watch_budgets(self) -> None:
        """Start what keeps budgets' status; before the first of them is created."""
        identity = self._identities.add("client", "disruption")
        make_client = partial(self.client, "disruption")
        self.disruption = DisruptionController(self._engine, self.budgets, make_client, identity)

    def begin(self) -> None:
        """Let the master know what it knows when the run begins; call it once all that is down then is down."""
        if self.lifecycle is not None:
            self.lifecycle.begin()

    def crash(
        self,
        minion: int,
        owner: int,
        repair_s: float,
        cause: int,
        *,
        age_s: float = 0.0,
        reason: str | None = None,
    ) -> None:
        """Take a minion down; with timing, nobody is told. Before ``begin`` it has been down for ``age_s``."""
        if self.kubelets is None or self.lifecycle is None:
            self._fleet.crash(minion, owner, repair_s, cause)
            return
        self.kubelets.down(minion)
        if self.images is not None:
            self.images.down(minion)
        self._fleet.halt(minion, owner, repair_s, cause, reason)
        if age_s > 0.0:
            self.lifecycle.silent_before(minion, age_s)
        elif not self.kubelets.cut[minion]:
            self.lifecycle.silent(minion)

    def repair(self, minion: int, owner: int, cause: int) -> None:
        """Bring a minion back."""
        if self.kubelets is None or self.lifecycle is None:
            self._fleet.repair(minion, owner, cause)
            return
        self._fleet.rise(minion, owner, cause)
        if self.images is not None:
            self.images.back(minion)
        if not self.kubelets.cut[minion]:
            self.lifecycle.returned(minion)
            self.kubelets.back(minion)

    def cut(self, minion: int) -> None:
        """Cut a minion off from the master."""
        assert self.kubelets is not None, "a cut-off needs timing"
        assert self.lifecycle is not None, "a cut-off needs timing"
        self._cuts[minion] = self._cuts.get(minion, 0) + 1
        if not self.kubelets.cut[minion]:
            self.kubelets.cut[minion] = True
            if self._fleet.up[minion]:
                self.lifecycle.silent(minion)

    def join(self, minion: int) -> None:
        """End a cut-off; the minion is back when no other goes on."""
        assert self.kubelets is not None, "a cut-off needs timing"
        assert self.lifecycle is not None, "a cut-off needs timing"
        self._cuts[minion] -= 1
        if not self._cuts[minion]:
            self.kubelets.cut[minion] = False
            if self._fleet.up[minion]:
                self.lifecycle.returned(minion)
                self.kubelets.back(minion)

    def outage(self) -> None:
        """Let the master answer nobody."""
        self.master.stop()

    def recover(self) -> None:
        """End an outage; the controllers' manager has lost its lease and starts afresh."""
        for name, client in self._clients.items():
            if not name.startswith("scheduler"):
                client.lose()  # their process has ended: nobody tries again what it asked for
        if not self.master.start():
            return
        for each in ("lifecycle", "replication", "endpoints", "garbage", "disruption"):
            self.restart(each)

    def disturb(self, name: str, lag: Law | None, loss_ratio: float) -> Callable[[], None]:
        """Make watches late or lossy; returns what ends it (who lost something lists afresh then)."""
        names = [each for each in self._clients if name in {each.partition("/")[0], "all"}]
        if name == "lifecycle":
            names.append("taints")  # one process, one watch
        for each in names:
            self._clients[each].disturb(lag, loss_ratio)

        def end() -> None:
            for each in names:
                self._clients[each].disturb(None, 0.0)
            if loss_ratio:
                for each in dict.fromkeys(each.partition("/")[0] for each in names):
                    self.master.reach(partial(self.restart, each))

        return end

    def restart(self, client: str) -> None:
        """Start a controller again with empty memory; what it lists is the record as it is."""
        if client == "scheduler":
            self.on_scheduler_restart()
        elif client == "replication":
            self.replication.restart(self.controllers.values(), self._store.pods())
        elif client == "endpoints":
            self.endpoints.restart(self.services.values(), self._store.pods())
        elif client == "garbage":
            self.garbage.restart(self.controllers.values())
        elif client == "disruption":
            if self.disruption is not None:
                budgets, pods = self.budgets.objects.values(), self._store.pods()
                self.disruption.restart(budgets, self.controllers.values(), pods)
        elif self.lifecycle is not None and self.evictions is not None:
            self.lifecycle.restart()
            self.evictions.restart()
