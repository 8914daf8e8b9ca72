"""What kubelets tell the master of pods whose containers are followed one by one, and when.

Each report is a call that waits for a token of the kubelet's client, and tells the state of the time when it is sent:
changes that come faster than tokens are told as one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from models.api import records
from models.api.status import OOM_KILLED, PodStatus
from models.api.types import Phase, Pod
from models.control.containers.run import PodRun
from models.control.containers.status import status_of
from models.control.kubeletcalls import KubeletCalls
from models.control.store import Store
from models.machines.fleet import Fleet
from sim.engine import TRUTH, Deadline, Engine
from sim.journal import Journal

__all__ = ["ENDED", "Life", "PodReports", "is_known"]

_RUNNING = Phase.RUNNING
ENDED: Final = {"Succeeded": Phase.SUCCEEDED, "Failed": Phase.FAILED}
"""Phases of v1 that a pod does not leave."""


class Life:
    """A pod on its minion.

    Attributes:
        generation: Counts crashes, and that it is gone: what was to be told before is not told after.
        told: What the master was told last; at first it knows that nothing was begun with.
        telling: A report waits for its token.
        resuming: Its containers are to begin anew after a crash.
        known: The start of the pod is in the journal.
        cause: Seq of the last record about it.
        using: Containers whose images may not go.
    """

    __slots__ = (
        "cause",
        "deadline",
        "generation",
        "known",
        "pod",
        "resuming",
        "run",
        "telling",
        "told",
        "using",
    )

    def __init__(self, pod: Pod, run: PodRun) -> None:
        self.pod = pod
        self.run = run
        self.deadline: Deadline
        self.generation = 0
        self.told = status_of(run)
        self.telling = False
        self.resuming = False
        self.known = False
        self.cause = pod.cause
        self.using: tuple[int, ...] = ()


class PodReports:
    """The reports of all kubelets.

    Args:
        calls: How the master is reached.
    """

    def __init__(
        self, *, engine: Engine, journal: Journal, store: Store, fleet: Fleet, calls: KubeletCalls
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._store = store
        self._fleet = fleet
        self._calls = calls
        self._ends: dict[int, int] = {}  # by pod whose end is not told yet: crashes of its minion before

    def gone(self, life: Life) -> None:
        """Tell the master that a pod that was to end is gone."""
        at_s = self._calls.granted_s(life.pod.minion, self._engine.now_s)
        self._send(life, at_s, partial(self._remove, life))

    def _remove(self, life: Life) -> None:
        if life.pod.phase <= _RUNNING:
            self._store.end(life.pod, Phase.DELETED, cause=life.cause)

    def is_untold(self, pod: Pod) -> bool:
        """Whether a pod has ended, and its kubelet, which has not crashed since, has yet to tell."""
        return self._ends.get(pod.arrival) == self._fleet.crashed[pod.minion]

    def report(self, life: Life, status: PodStatus) -> None:
        """Tell the master of a pod as soon as the client lets a call through."""
        if not life.telling:
            minion = life.pod.minion
            at_s = self._calls.granted_s(minion, self._engine.now_s)
            if at_s <= self._engine.now_s and self._calls.heard(minion):
                self._write(life, status)
                return
            life.telling = True
            self._send(life, at_s, partial(self._tell, life))
        if status.phase in ENDED:
            self._ends[life.pod.arrival] = self._fleet.crashed[life.pod.minion]
        if not life.known and _has_started(status):
            life.known = True
            self._journal.write(
                records.POD_STARTED,
                life.pod.identity,
                minion=self._fleet.identity(life.pod.minion),
                owner=life.pod.owner,
                cause=life.cause,
                reason=records.UNREPORTED,
            )

    def _send(self, life: Life, at_s: float, report: Callable[[], None]) -> None:
        minion = life.pod.minion
        if at_s <= self._engine.now_s:
            self._calls.say(minion, report)
        else:
            send = self._calls.unless_crashed(minion, partial(self._calls.say, minion, report))
            self._engine.at(at_s, TRUTH, send, cause=life.cause, guard=(life, life.generation))

    def _tell(self, life: Life) -> None:
        life.telling = False
        self._ends.pop(life.pod.arrival, None)
        status = status_of(life.run)
        if not is_known(life, status):
            self._write(life, status)

    def _write(self, life: Life, status: PodStatus) -> None:
        """Write a pod's status into the record."""
        pod, store, told = life.pod, self._store, life.told
        if pod.phase > _RUNNING:
            return
        life.told = pod.status = status
        pod.restarts = status.restarts
        if status.initialized and status.init_containers and not told.initialized:
            self._journal.write(records.POD_INITIALIZED, pod.identity, owner=pod.owner, cause=life.cause)
        if pod.phase is not _RUNNING and _has_started(status):
            if life.known:
                store.report_running(pod)
            else:
                life.known = True
                store.move(pod, _RUNNING, cause=life.cause)
        if status.phase in ENDED:
            store.end(pod, ENDED[status.phase], cause=life.cause, reason=_why(status))
        elif status.ready is not pod.ready:
            store.set_ready(
                pod, status.ready, cause=life.cause, reason=None if status.ready else "ContainersNotReady"
            )


def is_known(life: Life, status: PodStatus) -> bool:
    """Whether the record has this status; the master may have made the pod unready there by itself."""
    pod = life.pod
    return status == life.told and (pod.phase is not _RUNNING or pod.ready is status.ready)


def _has_started(status: PodStatus) -> bool:
    """Whether the pod runs, or has run: its containers, not those that initialize it."""
    return status.phase in {"Running", "Succeeded"} or (
        status.phase == "Failed" and any(each.exit_code is not None for each in status.containers)
    )


def _why(status: PodStatus) -> str:
    """The reason of a pod that has ended, as `kubectl get pods` prints it."""
    if status.phase == "Succeeded":
        return "Completed"
    if status.reason:
        return status.reason
    if any(each.exit_code and each.reason == OOM_KILLED for each in status.containers):
        return OOM_KILLED
    return "Error" if any(each.exit_code for each in status.containers) else "Init:Error"
