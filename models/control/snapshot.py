"""A cluster as it was found: what is in the record, and what runs, before the first event.

Pods that ran go on running: they are not started again, and what became of them before (age, restarts, since when they
are ready) is what controllers rank them by. Their records are of time 0. Simplified: a pod that was not ready becomes
so as one that was just started does; back-offs and failures that its kubelet has counted are forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.api.types import Phase, Pod, PodAsk
from models.control.plane import ControlPlane
from models.control.replication import ReplicaStatus
from models.control.store import Store
from sim.identities import Identities

__all__ = ["PodFound", "Snapshot", "restore"]


@dataclass(frozen=True, slots=True)
class PodFound:
    """A pod of a snapshot.

    Attributes:
        workload: Name of the workload that it came with: its owner where no controller is.
        controller: Namespace and name of its controller, or nothing.
        minion: Index, -1 for none.
        phase: As in the record; BOUND: its kubelet has not started it.
        created_s, ready_since_s: Times before the run are below 0.
        restarts: Of its containers so far.
        terminating: It has a deletion timestamp.
        reason: Why it ended, if it has and says so.
    """

    ask: PodAsk
    workload: str
    controller: str | None = None
    minion: int = -1
    phase: Phase = Phase.PENDING
    ready: bool = False
    created_s: float = 0.0
    ready_since_s: float = 0.0
    restarts: int = 0
    terminating: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """What there is when the run begins.

    Attributes:
        pods: In order of creation.
        statuses: What controllers had last written of themselves, by namespace and name.
        tainted: By minion and NoExecute taint, since when it has it, below 0, where that is known.
    """

    pods: Sequence[PodFound] = ()
    statuses: Mapping[str, ReplicaStatus] = field(default_factory=dict)
    tainted: Mapping[int, Mapping[str, float]] = field(default_factory=dict)

    @property
    def controllers(self) -> Mapping[str, None]:
        """The controllers that were there, by namespace and name."""
        owners = [pod.controller for pod in self.pods if pod.controller is not None]
        return dict.fromkeys([*self.statuses, *owners])


def restore(
    snapshot: Snapshot,
    plane: ControlPlane,
    store: Store,
    identities: Identities,
) -> None:
    """Enter the pods of a snapshot and let those that ran run.

    Args:
        snapshot: What there is.
        plane: The control plane, which has kubelets and the snapshot's controllers already.
        store: Where the pods are entered.
        identities: Names of workloads.
    """
    if plane.evictions is not None:
        plane.evictions.tainted_before(snapshot.tainted)
    controllers = plane.controllers
    workloads: dict[str, int] = {}
    for key, status in snapshot.statuses.items():
        controllers[key].status = status
    for found in snapshot.pods:
        controller = None if found.controller is None else controllers[found.controller]
        if controller is None and found.workload not in workloads:
            workloads[found.workload] = identities.add("workload", found.workload)
        owner = workloads[found.workload] if controller is None else controller.identity
        pod = store.create_pod(found.ask, owner, cause=-1)
        pod.created_s, pod.restarts = found.created_s, found.restarts
        if controller is not None:
            controller.made = max(controller.made, found.ask.index + 1)
            controller.pods[pod.arrival] = pod  # until it ends
        if found.minion >= 0:
            store.bind(pod, found.minion, (), -1, pod.cause)
            _place(found, pod, plane, store)
        if found.terminating and pod.phase <= Phase.RUNNING:
            store.terminate(pod, cause=pod.cause)


def _place(found: PodFound, pod: Pod, plane: ControlPlane, store: Store) -> None:
    """Let a pod that is bound be as far as it was."""
    assert plane.kubelets is not None, "what was there before has kubelets"
    if found.phase is Phase.BOUND:
        plane.kubelets.bound(pod)
        return
    store.move(pod, Phase.RUNNING, cause=pod.cause)
    if found.phase is not Phase.RUNNING:
        store.end(pod, found.phase, cause=pod.cause, reason=found.reason)
        return
    if found.ready:
        store.set_ready(pod, True, cause=pod.cause)
        pod.ready_since_s = found.ready_since_s
    plane.kubelets.found(pod)
