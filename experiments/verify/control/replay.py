"""A recording's inputs, repeated on the simulated control plane: a log of the recordings' own form.

What was done from outside is done at the recorded times; which pod was meant is told by its owner and its place among
the owner's pods, as names are random. Only the inputs and the fake kubelets' delays are taken from the recording.

The fake kubelets of the recordings are one process: their own queue adds 0 to some 0.4 s to what they do when pods come
in a burst (so the recordings' README), and they do not report again which pods are ready when a minion comes back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from experiments.verify.control.journalrows import rows_of
from experiments.verify.control.recording import Recording, Row
from experiments.verify.control.seeds import AFTER_S
from models.api.constants import constants_for
from models.api.scheduling import Owner
from models.api.selectors import parse_selector
from models.api.specs import PluginRef
from models.api.specs_taints import with_defaults
from models.api.types import MinionAsk, Pod, PodAsk, PodTemplate, ResourceTable
from models.catalog import make_policy
from models.cluster.placedbelief import Placing
from models.control.client import Timing
from models.control.kubeletdelays import KubeletDelays
from models.control.plane import ControlPlan, ControlPlane
from models.controlplan import tolerates_s
from models.placingplan import minion_as_scheduled
from models.workloads.templates import TemplateTable
from models.world import Sinks, World
from models.worldplan import Plan
from sim.distributions import Uniform
from sim.engine import RECORD
from sim.journalchunks import ChunkMemory
from sim.quantities import parse_bytes, parse_millicores
from sim.streams import Streams

__all__ = ["replay"]

_TERMINATE_S = 0.1
_CONNECTED_LOW_S, _CONNECTED_HIGH_S = 0.3, 0.5
"""When the last of the connections of the first burst is made: another time in each recording."""
_COLD_S = 0.5
"""How long after its first report the fake kubelets' queue is slow."""
_CONNECTING = 0.4
"""Of the reports of the first burst that meet others: those that wait for a connection."""
_TURN_LOW_S, _TURN_HIGH_S = 0.004, 0.013
"""What a report takes of the open connection in the first burst."""
_WARM_TURN_S = 1 / 150
"""The same from then on."""
_TAINT_KEY = "k"
_AS_RECORDED = {"eviction_stale_entries_count": 1.0}
"""What 1.20.2, which was recorded, does otherwise than the last 1.20."""


def replay(recording: Recording, seed: int) -> list[dict[str, Any]]:
    """Simulate a recording with one seed.

    Returns:
        Rows in the recordings' form: the inputs, with the simulated pods' names, and what watches saw.
    """
    return _Replay(recording, seed).run()


def _told(after_s: float) -> Uniform:
    """Return the law of a fake kubelet's report: due after a time, and one call of 3 to 10 ms later (recorded)."""
    return Uniform(after_s + 0.003, after_s + 0.010)


class _Queue:
    """The fake kubelets' queue, cold at first (recorded).

    In the first burst two of five of the reports that meet others wait for a connection to be made, all at once and so
    some tenths of a second; the rest take turns on the one that is open, 4 to 13 ms each. How fast the machine was
    differs from recording to recording: the first two draws say it. From then on the queue keeps up.
    """

    def __init__(self) -> None:
        self._turn_s: float | None = None
        self._connected_s: float | None = None
        self._waiting_s = 0.0
        self._last_s = -math.inf
        self._warm_s = math.inf

    def __call__(self, at_s: float, draw: float) -> float:
        """Return how late a report is that was due at a time."""
        if self._turn_s is None:
            self._turn_s = _TURN_LOW_S + (_TURN_HIGH_S - _TURN_LOW_S) * draw
        elif self._connected_s is None:
            self._connected_s = _CONNECTED_LOW_S + (_CONNECTED_HIGH_S - _CONNECTED_LOW_S) * draw
        turn_s = self._turn_s if at_s <= self._warm_s else _WARM_TURN_S
        waiting_s = max(0.0, self._waiting_s - (at_s - self._last_s))
        self._last_s = max(self._last_s, at_s)
        self._warm_s = min(self._warm_s, at_s + _COLD_S)
        if waiting_s == 0.0:
            self._waiting_s = turn_s
            return 0.0
        if at_s <= self._warm_s and draw < _CONNECTING:
            self._waiting_s = waiting_s
            assert self._connected_s is not None, "some report came before"
            return self._connected_s * (0.6 + 0.4 * draw / _CONNECTING)
        self._waiting_s = waiting_s + turn_s
        return waiting_s


class _Replay:
    def __init__(self, recording: Recording, seed: int) -> None:
        self._recording = recording
        self._constants = constants_for(recording.kubernetes, _AS_RECORDED)
        self._resources = ResourceTable()
        self._templates = TemplateTable(self._resources)
        self._asks = [self._minion(i) for i in range(len(recording.minions))]
        self._index = {ask.name: i for i, ask in enumerate(self._asks)}
        self._streams = Streams(seed)
        self._sinks = (ChunkMemory(), ChunkMemory(), ChunkMemory())
        self._rows: list[dict[str, Any]] = []
        self.world = World(self._plan(seed), Sinks(*self._sinks))
        assert self.world.plane is not None, "the plan has a control plane"
        self._plane: ControlPlane = self.world.plane
        self._plane.on_endpoints = self._endpoints
        self._pods: dict[str, Pod] = {}
        self._meant = _places(recording)
        self._manifests = {
            item["metadata"]["name"]: item
            for item in recording.objects
            if item["kind"] == "ReplicationController"
        }
        self._latency = self._streams.stream("operator.latency")
        self._calls = 0

    def _minion(self, place: int) -> MinionAsk:
        given = self._recording.minions[place]
        late = any(
            row["kind"] == "do_add_minion" and row["minion"] == given.name for row in self._recording.log
        )
        return MinionAsk(
            name=given.name,
            pool="recorded",
            index=place,
            cpu_millicores=parse_millicores(given.cpu),
            memory_bytes=parse_bytes(given.memory),
            pods=given.pods,
            ephemeral_bytes=1 << 40,
            labels=dict(given.labels),
            ready=not late,
            registered=not late,
        )

    def _plan(self, seed: int) -> Plan:
        constants, kubelet = self._constants, self._recording.kubelet
        lag = Uniform(constants["watch_lag_low_s"], constants["watch_lag_high_s"])
        latency = Uniform(constants["api_latency_low_s"], constants["api_latency_high_s"])
        delays = KubeletDelays(
            lag,
            _told(kubelet.start_s),
            _told(kubelet.ready_s),
            _told(_TERMINATE_S),
            reports_again=False,
        )
        manager = (constants["controller_client_rate_per_s"], constants["controller_client_burst_count"])
        control = ControlPlan(
            constants=constants | {"node_lease_renew_period_s": kubelet.lease_renew_s},
            timing=Timing(latency, lag, constants["api_write_s"], constants["api_cached_read_s"]),
            limits={
                "scheduler": (
                    constants["scheduler_client_rate_per_s"],
                    constants["scheduler_client_burst_count"],
                ),
                "kubelet": (math.inf, 1.0),
                **dict.fromkeys(("replication", "endpoints", "lifecycle", "garbage"), manager),
            },
            delays=lambda index: delays,
            late_s=_Queue(),
            tolerates_s=tolerates_s(),
        )
        return Plan(
            seed=seed,
            until_s=self._recording.end_s + AFTER_S,
            resources=self._resources,
            minions=self._asks,
            templates=self._templates.templates,
            sources=(),
            policy=make_policy(PluginRef("kubernetes", {})),
            policy_name="kubernetes",
            placing=Placing([minion_as_scheduled(ask) for ask in self._asks], self._owners()),
            streams=self._streams,
            control=control,
        )

    def _owners(self) -> list[Owner]:
        """What selects pods; before it is created there are none that it could select."""
        found = []
        for item in self._recording.objects:
            if item["kind"] == "Service":
                found.append(Owner("Service", "default", parse_selector(dict(item["selector"]))))
            elif item["kind"] == "ReplicationController":
                labels = item["spec"].get("selector") or item["spec"]["template"]["metadata"]["labels"]
                found.append(Owner("ReplicationController", "default", parse_selector(dict(labels))))
        return found

    def run(self) -> list[dict[str, Any]]:
        """Do what was done, and return what was seen."""
        engine = self.world.engine
        for row in self._recording.inputs:
            engine.at(float(row["t"]), RECORD, partial(self._asked, row), cause=-1)
        self.world.run()
        events = self._sinks[0].whole().to_pylist()
        return sorted(self._rows + rows_of(events), key=lambda row: float(row["t"]))

    def _asked(self, row: Row) -> None:
        """Write an input down, and do it one call's latency later."""
        told = dict(row)
        kind = str(row["kind"])
        if "pod" in row and kind != "do_create_pod":
            pod = self._pod(str(row["pod"]))
            if pod is None:
                return  # in this run there is no such pod any more
            told["pod"] = pod.ask.name
        self._rows.append(told)
        act: Callable[[Mapping[str, Any]], None] = getattr(self, f"_{kind}")
        wait_s = self._latency_s()
        if kind.startswith("minion_"):
            wait_s = 0.0  # nobody is asked
        self.world.engine.at(self.world.engine.now_s + wait_s, RECORD, partial(act, told), cause=-1)

    def _pod(self, recorded: str) -> Pod | None:
        """Return the simulated pod that stands where a recorded one stood among its owner's."""
        if recorded in self._pods:
            return self._pods[recorded]
        owner, place = self._meant[recorded]
        controller = self._plane.controllers.get(f"default/{owner}")
        if controller is None:
            return None
        alive = [pod for pod in controller.pods.values() if not pod.terminating]
        return next((pod for pod in alive if pod.ask.index == place), alive[-1] if alive else None)

    def _template(self, spec: Mapping[str, Any], labels: Mapping[str, str]) -> PodTemplate:
        requests = [
            container.get("resources", {}).get("requests", {}) for container in spec.get("containers", ())
        ]
        priorities = {
            item["name"]: int(item["value"])
            for item in self._recording.objects
            if item["kind"] == "PriorityClass"
        }
        return self._templates.intern(
            sum(parse_millicores(str(each.get("cpu", "0"))) for each in requests),
            sum(parse_bytes(str(each.get("memory", "0Mi"))) for each in requests),
            labels=dict(labels),
            priority=priorities.get(spec.get("priorityClassName", ""), 0),
            tolerations=with_defaults((), self._recording.toleration_s),
        )

    # The inputs.

    def _do_create_rc(self, row: Mapping[str, Any]) -> None:
        for item in self._recording.objects:
            if item["kind"] == "Service" and f"default/{item['name']}" not in self._plane.services:
                self._plane.create_service(item["name"], "default", parse_selector(dict(item["selector"])))
        spec = self._manifests[row["rc"]]["spec"]
        template = spec["template"]
        labels = template["metadata"]["labels"]
        selector = parse_selector(dict(spec.get("selector") or labels))
        made = self._template(template["spec"], labels)
        self._plane.create_controller(row["rc"], "default", made, selector, int(row["replicas"]))

    def _do_scale(self, row: Mapping[str, Any]) -> None:
        self._plane.scale(self._plane.controllers[f"default/{row['rc']}"], int(row["replicas"]))

    def _do_delete(self, row: Mapping[str, Any]) -> None:
        controller = self._plane.controllers[f"default/{row['name']}"]
        self._plane.delete_controller(controller, str(row["policy"]).lower())

    def _do_create_pod(self, row: Mapping[str, Any]) -> None:
        spec = {"containers": [{"resources": {"requests": {"cpu": row["cpu"]}}}]}
        ask = PodAsk(row["pod"], len(self._pods), self._template(spec, row["labels"]))
        self._pods[row["pod"]] = self.world.store.create_pod(ask, -1)

    def _by_name(self, name: str) -> Pod | None:
        for pod in self.world.pods_there():
            if pod.ask.name == name:
                return pod
        return None

    def _do_delete_pod(self, row: Mapping[str, Any]) -> None:
        pod = self._by_name(row["pod"])
        if pod is not None:
            self.world.store.terminate(pod, cause=-1)

    def _do_label(self, row: Mapping[str, Any]) -> None:
        pod = self._by_name(row["pod"])
        if pod is not None:
            self.world.store.relabel(pod, tuple(sorted(row["labels"].items())), cause=-1)

    def _probe_fails(self, row: Mapping[str, Any]) -> None:
        pod = self._by_name(row["pod"])
        if pod is not None and self._plane.kubelets is not None:
            self._plane.kubelets.unready(pod, -1)

    def _taint(self, minion: str, taint: str) -> None:
        index = self._index[minion]
        taints = self.world.store.minions[index].taints
        self.world.store.set_taints(index, (*taints, taint), cause=-1)

    def _do_cordon(self, row: Mapping[str, Any]) -> None:
        self._taint(row["minion"], "node.kubernetes.io/unschedulable:NoSchedule")

    def _do_taint(self, row: Mapping[str, Any]) -> None:
        self._taint(row["minion"], f"{_TAINT_KEY}:{row['taint']}")

    def _do_add_minion(self, row: Mapping[str, Any]) -> None:
        """Register a minion, which is tainted at first (TaintNodesByCondition).

        That it is ready and that the taint goes follow within some 20 ms, either first (recorded).
        """
        index, store = self._index[row["minion"]], self.world.store
        self._plane.repair(index, -1, -1)
        store.set_taints(index, ("node.kubernetes.io/not-ready:NoSchedule",), cause=-1)
        self._later(1, lambda: store.minion_condition(index, ready=True, cause=-1))
        self._later(2, lambda: store.set_taints(index, (), cause=-1))

    def _later(self, calls: int, act: Callable[[], object]) -> None:
        """Do something as many calls from now."""
        engine = self.world.engine
        at_s = engine.now_s + sum(self._latency_s() for _ in range(calls))

        def done() -> None:
            act()

        engine.at(at_s, RECORD, done, cause=-1)

    def _latency_s(self) -> float:
        constants = self._constants
        law = Uniform(constants["api_latency_low_s"], constants["api_latency_high_s"])
        self._calls += 1
        return float(law.quantile(self._latency.at("operator", self._calls)))

    def _minion_dies(self, row: Mapping[str, Any]) -> None:
        self._plane.crash(self._index[row["minion"]], -1, math.inf, -1)

    def _minion_back(self, row: Mapping[str, Any]) -> None:
        self._plane.repair(self._index[row["minion"]], -1, -1)

    def _endpoints(self, service: Any, added: list[Pod], removed: list[Pod]) -> None:
        self._rows.append(
            {
                "t": self.world.engine.now_s,
                "kind": "endpoints",
                "service": service.name,
                "ready": len(service.endpoints),
                "added": [pod.ask.name for pod in added],
                "removed": [pod.ask.name for pod in removed],
            }
        )


def _places(recording: Recording) -> dict[str, tuple[str, int]]:
    """Return each recorded pod's owner and its place among the owner's pods, in order of creation."""
    counts: dict[str, int] = {}
    found: dict[str, tuple[str, int]] = {}
    for row in recording.log:
        if row["kind"] == "pod_created":
            owner = str(row["owner"])
            found[str(row["pod"])] = (owner, counts.get(owner, 0))
            counts[owner] = counts.get(owner, 0) + 1
    return found
