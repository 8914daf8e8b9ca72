"""Pods whose containers are followed one by one: what models.control.containers says, with events, records and reports.

A pod has one deadline, for its next change of state; a passing probe costs nothing. What its containers do is truth and
happens whether the master can be heard or not; what the master's record has of it comes by reports of the kubelet, each
a call that waits for a token of the kubelet's client. A report tells the state of the time when it is sent, so changes
that come faster than tokens are told as one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from models.api import records
from models.api.status import PodStatus
from models.api.types import Phase, Pod
from models.control.client import Law
from models.control.containers.container import Answer
from models.control.containers.plan import Draw, PodPlan, needs_runs
from models.control.containers.run import Happened, Happening, PodRun
from models.control.containers.status import status_of
from models.control.kubeletcalls import KubeletCalls
from models.control.store import Store
from models.machines.fleet import Fleet
from sim.engine import TRUTH, Deadline, Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["PodRuns"]

_RUNNING = Phase.RUNNING
_ENDED = {"Succeeded": Phase.SUCCEEDED, "Failed": Phase.FAILED}
_KINDS = {
    Happened.STARTED: records.CONTAINER_STARTED,
    Happened.EXITED: records.CONTAINER_EXITED,
    Happened.HELD_BACK: records.CONTAINER_HELD_BACK,
    Happened.PROBE_FAILED: records.PROBE_FAILED,
}


class _Life:
    """A pod on its minion.

    Attributes:
        generation: Counts crashes: what was to be told before is not told after.
        told: What the master was told last.
        telling: A report waits for its token.
        resuming: Its containers are to begin anew after a crash.
        known: The start of the pod is in the journal.
        cause: Seq of the last record about it.
    """

    __slots__ = ("cause", "deadline", "generation", "known", "pod", "resuming", "run", "telling", "told")

    def __init__(self, pod: Pod, run: PodRun) -> None:
        self.pod = pod
        self.run = run
        self.deadline: Deadline
        self.generation = 0
        self.told: PodStatus | None = None
        self.telling = False
        self.resuming = False
        self.known = False
        self.cause = pod.cause


class PodRuns:
    """The pods of all minions whose containers are followed one by one.

    Args:
        laws: By minion: (from running to ready where nothing probes that, from SIGTERM to the end).
        alike: By minion, a number that minions with equal laws share.
        calls: How the master is told.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        store: Store,
        fleet: Fleet,
        streams: Streams,
        constants: Mapping[str, float],
        laws: Callable[[int], tuple[Law, Law]],
        alike: Sequence[int],
        calls: KubeletCalls,
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._journal = journal
        self._identities = identities
        self._store = store
        self._fleet = fleet
        self._streams = streams
        self._constants = constants
        self._laws = laws
        self._alike = alike
        self._calls = calls
        self._phases = streams.stream("probe.phase")
        self._lives: dict[int, _Life] = {}
        self._plans: dict[tuple[int, int], PodPlan | None] = {}
        self._names: dict[str, int] = {}
        self._groups: dict[tuple[int, int, int], str] = {}

    def follows(self, pod: Pod) -> bool:
        """Whether a bound pod's containers are followed one by one."""
        return self._plan(pod) is not None

    def has(self, pod: Pod) -> bool:
        """Whether it follows a pod now."""
        return pod.arrival in self._lives

    def _plan(self, pod: Pod) -> PodPlan | None:
        containers = pod.template.containers
        if containers is None:
            return None
        key = (pod.template.index, self._alike[pod.minion])
        if key not in self._plans:
            plan = None
            if needs_runs(containers):
                ready, stops = self._laws(pod.minion)
                plan = PodPlan.of(containers, self._constants, ready=ready, stops=stops)
            self._plans[key] = plan
        return self._plans[key]

    # What the kubelet does with a pod.

    def see(self, pod: Pod, seen_s: float, begin_s: float) -> None:
        """Take a pod that has been admitted.

        Args:
            pod: The pod.
            seen_s: When its probes' workers start.
            begin_s: When its sandbox is there, and its containers are begun with.
        """
        self._follow(pod, seen_s)
        self._engine.at_cell(begin_s, TRUTH, self._begin, pod, pod.cause)

    def adopt(self, pod: Pod) -> None:
        """Take a pod that ran before the run began; its containers behave as if they had started now."""
        life = self._follow(pod, self._env._now)
        life.run.adopt(self._env._now, ready=pod.ready)
        life.known = True
        self._went_on(life, (), pod.cause)

    def _follow(self, pod: Pod, seen_s: float) -> _Life:
        plan = self._plan(pod)
        assert plan is not None, "the pod is one that is followed"
        run = PodRun(plan, partial(self._draw, pod), partial(self._base_s, pod, seen_s))
        life = self._lives[pod.arrival] = _Life(pod, run)
        life.deadline = Deadline(self._engine, TRUTH, partial(self._due, life))
        return life

    def _begin(self, pod: Pod) -> None:
        life = self._lives[pod.arrival]
        self._fleet.begin(pod)
        self._went_on(life, life.run.begin(self._env._now), pod.cause)

    def _due(self, life: _Life) -> None:
        self._went_on(life, life.run.step(self._env._now), life.cause)

    def terminate(self, pod: Pod) -> None:
        """End a pod's containers, since it is being deleted: with its grace."""
        life = self._lives[pod.arrival]
        self._went_on(life, life.run.terminate(self._env._now, pod.template.grace_s), pod.cause)

    def kill(self, pod: Pod, cause: int) -> None:
        """Let a pod's processes die."""
        life = self._lives[pod.arrival]
        self._went_on(life, life.run.kill(self._env._now), cause)

    def answer(self, pod: Pod, answer: Answer | None, cause: int) -> None:
        """Let a pod's containers answer probes so, or (None) again as they would: (whether, seconds it takes)."""
        life = self._lives[pod.arrival]
        self._went_on(life, life.run.answer(self._env._now, answer), cause)

    def refuse(self, pod: Pod, cause: int, *, refuses: bool) -> None:
        """Let a pod be unready whatever its probes find, or no longer."""
        life = self._lives[pod.arrival]
        self._went_on(life, life.run.refuse(self._env._now, refuses=refuses), cause)

    def down(self, pod: Pod) -> None:
        """Let everything stop where it is: its minion crashed."""
        life = self._lives[pod.arrival]
        life.generation += 1
        life.telling = life.resuming = False
        life.deadline.clear()
        life.run.halt(self._env._now)

    def resume(self, pod: Pod, wait_s: float) -> None:
        """Go on with a pod after its minion's crash, once it has a sandbox again; or tell what was not told."""
        life = self._lives[pod.arrival]
        status = status_of(life.run)
        if status != life.told:
            self._report(life, status)
        if not self._fleet.runs(pod) and not life.resuming:
            life.resuming = True
            guard = (life, life.generation)
            at_s = self._env._now + wait_s
            self._engine.at(at_s, TRUTH, partial(self._reboot, life), cause=pod.cause, guard=guard)

    def _reboot(self, life: _Life) -> None:
        life.resuming = False
        self._fleet.begin(life.pod)
        run, now_s = life.run, self._env._now
        self._went_on(life, run.reboot(now_s) if run.begun else run.begin(now_s), life.pod.cause)

    def forget(self, pod: Pod) -> None:
        """Follow a pod no longer: it is gone."""
        life = self._lives.pop(pod.arrival)
        life.generation += 1
        life.deadline.clear()

    # What comes of a change.

    def _went_on(self, life: _Life, happened: Sequence[Happening], cause: int) -> None:
        """Record what happened; arm what comes next; tell the master what it does not know."""
        for each in happened:
            cause = self._record(life, each, cause)
        life.cause = cause
        pod, run = life.pod, life.run
        if run.terminating and not run.running:
            self._gone(life)
            return
        status = status_of(run)
        if status.phase in _ENDED:
            self.forget(pod)
            self._fleet.leave(pod)
        else:
            life.deadline.set(run.next_s, cause=cause)
        if status != life.told:
            self._report(life, status)

    def _record(self, life: _Life, happening: Happening, cause: int) -> int:
        what, index, value, reason, seconds = happening
        kind = _KINDS.get(what)
        if kind is None:
            return cause
        pod, each = life.pod, life.run.containers[index]
        fields: tuple[float, ...] = ()
        if what is Happened.EXITED:
            fields = (int(value), seconds)
            value = math.nan
        elif what is Happened.HELD_BACK:
            value = seconds
        return self._journal.write(
            kind,
            pod.identity,
            minion=self._fleet.identity(pod.minion),
            owner=pod.owner,
            cause=cause,
            reason=reason,
            value=value,
            own_fields=fields,
            container=self._name(each.plan.name),
        )

    def _gone(self, life: _Life) -> None:
        """Let a pod leave that was to end: nothing of it runs any more."""
        pod = life.pod
        self.forget(pod)
        if self._fleet.has(pod):
            self._fleet.leave(pod, "Killing")
        at_s = self._calls.granted_s(pod.minion, self._env._now)
        self._send(life, at_s, partial(self._remove, life))

    def _remove(self, life: _Life) -> None:
        if life.pod.phase <= _RUNNING:
            self._store.end(life.pod, Phase.DELETED, cause=life.cause)

    # How the master is told.

    def _report(self, life: _Life, status: PodStatus) -> None:
        """Tell the master of a pod as soon as the client lets a call through."""
        if not life.telling:
            minion = life.pod.minion
            at_s = self._calls.granted_s(minion, self._env._now)
            if at_s <= self._env._now and self._calls.heard(minion):
                self._write(life, status)
                return
            life.telling = True
            self._send(life, at_s, partial(self._tell, life))
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

    def _send(self, life: _Life, at_s: float, report: Callable[[], None]) -> None:
        minion = life.pod.minion
        if at_s <= self._env._now:
            self._calls.say(minion, report)
        else:
            send = partial(self._calls.say, minion, report)
            self._engine.at(at_s, TRUTH, send, cause=life.cause, guard=(life, life.generation))

    def _tell(self, life: _Life) -> None:
        life.telling = False
        status = status_of(life.run)
        if status != life.told:
            self._write(life, status)

    def _write(self, life: _Life, status: PodStatus) -> None:
        """Write a pod's status into the record."""
        pod, store, told = life.pod, self._store, life.told
        if pod.phase > _RUNNING:
            return
        life.told = pod.status = status
        pod.restarts = status.restarts
        if status.initialized and status.init_containers and not (told is not None and told.initialized):
            self._journal.write(records.POD_INITIALIZED, pod.identity, owner=pod.owner, cause=life.cause)
        if pod.phase is not _RUNNING and _has_started(status):
            if life.known:
                store.report_running(pod)
            else:
                life.known = True
                store.move(pod, _RUNNING, cause=life.cause)
        if status.phase in _ENDED:
            store.end(pod, _ENDED[status.phase], cause=life.cause, reason=_why(status))
        elif status.ready is not pod.ready:
            store.set_ready(
                pod, status.ready, cause=life.cause, reason=None if status.ready else "ContainersNotReady"
            )

    # Names and draws.

    def _name(self, name: str) -> int:
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = self._identities.add("container", name)
        return found

    def _group(self, pod: Pod, index: int) -> str:
        """The entity of a container's draws: its owner's and its own name."""
        key = (pod.owner, pod.template.index, index)
        group = self._groups.get(key)
        if group is None:
            plan = self._plan(pod)
            assert plan is not None, "the pod is one that is followed"
            owner = self._identities.text(pod.owner) if pod.owner >= 0 else "orphan"
            group = self._groups[key] = f"{owner}/{plan.containers[index].name}"
        return group

    def _draw(self, pod: Pod, index: int, what: Draw, n: int) -> float:
        return self._streams.stream(f"container.{what}").at(self._group(pod, index), pod.ask.index, n)

    def _base_s(self, pod: Pod, seen_s: float, index: int, place: int) -> float:
        """Return when a probe's worker may ask first: after a random part of a period (worker.go, run())."""
        plan = self._plan(pod)
        assert plan is not None, "the pod is one that is followed"
        probed = plan.containers[index].probes[place]
        assert probed is not None, "what is not probed has no worker"
        return (
            seen_s + self._phases.at(self._group(pod, index), pod.ask.index, 0, place) * probed.probe.period_s
        )


def _has_started(status: PodStatus) -> bool:
    """Whether the pod runs, or has run: its containers, not those that initialize it."""
    return status.phase in {"Running", "Succeeded"} or (
        status.phase == "Failed" and any(each.exit_code is not None for each in status.containers)
    )


def _why(status: PodStatus) -> str:
    """The reason of a pod that has ended, as `kubectl get pods` prints it."""
    if status.phase == "Succeeded":
        return "Completed"
    return "Error" if any(each.exit_code for each in status.containers) else "Init:Error"
