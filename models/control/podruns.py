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
from models.api.status import OOM_KILLED
from models.api.types import Pod
from models.control.burdens import Burdens, Machines
from models.control.client import Law
from models.control.containerdraws import ContainerDraws
from models.control.containers.container import Answer, Hunger
from models.control.containers.plan import PodPlan, needs_runs
from models.control.containers.run import Happened, Happening, PodRun
from models.control.containers.status import status_of
from models.control.exhaustion import Exhaustion
from models.control.fileuse import layers_by_name
from models.control.imagestate import Need
from models.control.inside import Inside
from models.control.kubeletcalls import KubeletCalls
from models.control.podreports import ENDED, Life, PodReports, is_known
from models.control.pulls import ImagePulls
from models.control.store import Store
from models.machines.fleet import Fleet
from sim.engine import TRUTH, Deadline, Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["PodRuns"]

_WANTS_IMAGE, _STARTED, _EXITED = Happened.WANTS_IMAGE, Happened.STARTED, Happened.EXITED
_HELD_BACK, _PROBE_FAILED = Happened.HELD_BACK, Happened.PROBE_FAILED
_KIND_OF = {
    _STARTED: records.CONTAINER_STARTED, _EXITED: records.CONTAINER_EXITED,
    _HELD_BACK: records.CONTAINER_HELD_BACK, _PROBE_FAILED: records.PROBE_FAILED,
}  # fmt: skip
_KINDS = tuple(
    _KIND_OF.get(what) for what in Happened
)  # by number: to hash a member costs as much as the record


class PodRuns:
    """The pods of all minions whose containers are followed one by one.

    Args:
        laws: By minion: (from running to ready where nothing probes that, from SIGTERM to the end).
        alike: By minion, a number that minions with equal laws share.
        calls: How the master is told.
        images: Where images come from; nothing where all are there.
        machines: What containers run on; nothing where none says what it uses.
        exhaustion: On which minions no process can be started.
    """

    def __init__(  # noqa: PLR0913 - all that it stands between
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
        exhaustion: Exhaustion,
        images: ImagePulls | None = None,
        machines: Machines | None = None,
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._journal = journal
        self._identities = identities
        self._fleet = fleet
        self._streams = streams
        self._draws = ContainerDraws(identities, streams)
        self._constants = constants
        self._laws, self._alike = laws, alike
        self._reports = PodReports(engine=engine, journal=journal, store=store, fleet=fleet, calls=calls)
        self._images, self._machines = images, machines
        self._exhaustion = exhaustion
        self._burdens: Burdens | None = None  # made for the first pod that says what it uses
        self._lives: dict[int, Life] = {}
        self.inside = Inside(self._lives, lambda: self._burdens)
        self._plans: dict[tuple[int, int], PodPlan | None] = {}

    def follows(self, pod: Pod) -> bool:
        """Whether a bound pod's containers are followed one by one."""
        return self._plan(pod) is not None

    def has(self, pod: Pod) -> bool:
        """Whether it follows a pod now."""
        return pod.arrival in self._lives

    def has_ended(self, pod: Pod) -> bool:
        """Whether a pod has ended that the master still takes to live: a report waits."""
        return self._reports.is_untold(pod)

    def _plan(self, pod: Pod) -> PodPlan | None:
        containers = pod.template.containers
        if containers is None:
            return None
        key = (pod.template.index, self._alike[pod.minion])
        if key not in self._plans:
            plan = None
            if needs_runs(containers, images=self._images is not None):
                ready, stops = self._laws(pod.minion)
                plan = PodPlan.of(containers, self._constants, ready=ready, stops=stops)
                if self._burdens is None and any(each.uses for each in plan.containers):
                    self._burdens = self._make_burdens()
            self._plans[key] = plan
        return self._plans[key]

    def _make_burdens(self) -> Burdens:
        assert self._machines is not None, "what runs, runs on a machine"
        return Burdens(
            engine=self._engine,
            journal=self._journal,
            identities=self._identities,
            streams=self._streams,
            fleet=self._fleet,
            machines=self._machines,
            constants=self._constants,
            group=lambda life, index: self._draws.group(life.pod, life.run.plan, index),
            name=lambda life, index: self._draws.name(life.run.plan.containers[index].name),
            layers=layers_by_name if self._images is None else self._images.layers,
            told=self,
        )

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
        for index, each in enumerate(life.run.plan.containers):
            if self._images is not None and each.image and self._images.found(pod.minion, each.image):
                self._use(life, index)
            if self._burdens is not None and life.run.containers[index].runs:
                self._burdens.started(life, index, pod.cause)
        life.known = True
        self._went_on(life, [], pod.cause)

    def _follow(self, pod: Pod, seen_s: float) -> Life:
        plan = self._plan(pod)
        assert plan is not None, "the pod is one that is followed"
        run = PodRun(
            plan,
            self._draws.of(pod, plan),
            self._draws.bases(pod, plan, seen_s),
            pulls=self._images is not None,
        )
        run.starved = self._exhaustion.seq(pod.minion) >= 0
        life = self._lives[pod.arrival] = Life(pod, run)
        life.deadline = Deadline(self._engine, TRUTH, partial(self._due, life))
        return life

    def _begin(self, pod: Pod) -> None:
        if pod.arrival not in self._lives or self._exhaustion.holds(pod, self._begin, starts=True):
            return  # its sandbox would be a process
        life = self._lives[pod.arrival]
        self._fleet.begin(pod)
        self._went_on(life, life.run.begin(self._env._now), pod.cause)

    def _due(self, life: Life) -> None:
        self._went_on(life, life.run.step(self._env._now), life.cause)

    def terminate(self, pod: Pod, seen_s: float) -> None:
        """End a pod's containers with its grace, once its kubelet has seen that it is being deleted."""
        life = self._lives[pod.arrival]
        guard = (life, life.generation)  # not the pod's own: it may come to run before that
        self._engine.at(seen_s, TRUTH, partial(self._terminate, life), cause=pod.cause, guard=guard)

    def _terminate(self, life: Life) -> None:
        pod = life.pod
        if self._exhaustion.holds(pod, lambda _: self._terminate(life)):
            return
        if self._lives.get(pod.arrival) is life:
            self._went_on(life, life.run.terminate(self._env._now, pod.template.grace_s), pod.cause)

    def kill(self, pod: Pod, cause: int) -> None:
        """Let a pod's processes die."""
        life = self._lives[pod.arrival]
        self._went_on(life, life.run.kill(self._env._now), cause)

    def evict(self, pod: Pod, cause: int) -> None:
        """Kill a pod's containers, for good, whether they have begun or not."""
        life = self._lives[pod.arrival]
        self._went_on(life, life.run.evict(self._env._now), cause)

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
        life.using = ()
        life.deadline.clear()
        if self._burdens is not None:
            self._burdens.stopped(life)
        life.run.halt(self._env._now)

    def resume(self, pod: Pod, wait_s: float) -> None:
        """Go on with a pod after its minion's crash, once it has a sandbox again; or tell what was not told."""
        life = self._lives[pod.arrival]
        status = status_of(life.run)
        if not is_known(life, status):
            self._reports.report(life, status)
        if not self._fleet.runs(pod) and not life.resuming:
            life.resuming = True
            guard = (life, life.generation)
            at_s = self._env._now + wait_s
            self._engine.at(at_s, TRUTH, partial(self._reboot, life), cause=pod.cause, guard=guard)

    def _reboot(self, life: Life) -> None:
        if self._lives.get(life.pod.arrival) is not life:
            return
        life.resuming = False
        self._fleet.begin(life.pod)
        run, now_s = life.run, self._env._now
        self._went_on(life, run.reboot(now_s) if run.begun else run.begin(now_s), life.pod.cause)

    def forget(self, pod: Pod) -> None:
        """Follow a pod no longer: it has ended, or is gone; a report of its end may still wait for its token."""
        life = self._lives.pop(pod.arrival)
        life.deadline.clear()
        if self._burdens is not None:
            self._burdens.stopped(life)
        for index in life.using:
            assert self._images is not None, "there are images"
            self._images.leave(pod.minion, life.run.plan.containers[index].image)

    # What comes of a change.

    def _went_on(self, life: Life, happened: list[Happening], cause: int) -> None:
        """Record what happened; arm what comes next; tell the master what it does not know."""
        for each in happened:  # grows where an image is there
            if each[0] is _WANTS_IMAGE:
                happened += self._get_image(life, each[1], cause)
            else:
                cause = self._record(life, each, cause)
        life.cause = cause
        pod, run = life.pod, life.run
        if run.terminating and not run.running:
            self._gone(life)
            return
        status = status_of(run)
        if status.phase in ENDED:
            self.forget(pod)
            self._fleet.leave(pod)
        else:
            life.deadline.set(run.next_s, cause=cause)
        if status is not life.told and status != life.told:
            self._reports.report(life, status)

    def _get_image(self, life: Life, index: int, cause: int) -> Sequence[Happening]:
        """See to the image that a container wants; return what happened by that."""
        images, pod, run = self._images, life.pod, life.run
        assert images is not None, "there are images"
        plan = run.containers[index].plan
        need = images.need(pod.minion, plan.image, plan.pull_policy)
        if need is Need.NONE:
            self._use(life, index)
            return run.pulled(index, self._env._now)
        if need is Need.NEVER:
            return run.pulled(index, self._env._now, failed="ErrImageNeverPull")
        images.pull(
            pod.minion,
            plan.image,
            partial(self._pulled, life, index),
            partial(self._not_pulled, life, index),
            pod=pod,
            container=self._draws.name(plan.name),
            cause=cause,
        )
        return ()

    def _pulled(self, life: Life, index: int) -> None:
        if self._lives.get(life.pod.arrival) is life:
            self._use(life, index)
            self._went_on(life, life.run.pulled(index, self._env._now), self._engine.cause)

    def _not_pulled(self, life: Life, index: int, why: str) -> None:
        if self._lives.get(life.pod.arrival) is life:
            happened = life.run.pulled(index, self._env._now, failed="ImagePullBackOff")
            self._went_on(life, happened, self._engine.cause)

    def worked(self, life: Life, index: int) -> None:
        """Let a container end whose work is done."""
        self._went_on(life, life.run.finish(index, self._env._now), life.cause)

    def felt(self, life: Life, index: int, hunger: Hunger | None) -> None:
        """Let a container's probes feel what it lacks."""
        self._went_on(life, life.run.feel(index, self._env._now, hunger), life.cause)

    def killed(self, life: Life, index: int, seq: int) -> None:
        """Let a container die that its kernel has killed, as a record says."""
        self._went_on(life, life.run.kill(self._env._now, index, reason=OOM_KILLED), seq)

    def hurt(self, life: Life, index: int) -> None:
        """Note that the kernel has killed a child of a container, which goes on."""
        life.run.hurt(index)

    def failed(self, life: Life, index: int, code: int, seq: int) -> None:
        """Let a container end with an exit code that was refused something, as a record says."""
        self._went_on(life, life.run.kill(self._env._now, index, code=code), seq)

    def exhausted(self, minion: int, seq: int, *, exhausted: bool) -> None:
        """Let no process be started on a minion any more, or again, as a record says."""
        if exhausted:
            self._exhaustion.begin(minion, seq)
        for pod in self._fleet.pods(minion):
            if (life := self._lives.get(pod.arrival)) is not None:  # the end of one may have ended another
                self._went_on(life, life.run.starve(self._env._now, starved=exhausted), seq)
        if not exhausted:
            self._exhaustion.end(minion, seq)

    def close(self) -> None:
        """Write down what is known only at the end of the run."""
        if self._burdens is not None:
            self._burdens.close()

    def _use(self, life: Life, index: int) -> None:
        """Let a container use its image, until its pod goes or its minion crashes."""
        if index not in life.using:
            assert self._images is not None, "there are images"
            life.using += (index,)
            self._images.use(life.pod.minion, life.run.plan.containers[index].image)

    def _record(self, life: Life, happening: Happening, cause: int) -> int:
        what, index, value, reason, seconds = happening
        kind = _KINDS[what]
        if kind is None:
            return cause
        pod, each = life.pod, life.run.containers[index]
        fields: tuple[float, ...] = ()
        if what is _EXITED:
            fields = (int(value), seconds)
            value = math.nan
        elif what is _HELD_BACK:
            value = seconds
        if life.run.starves(happening):
            cause = self._exhaustion.seq(pod.minion)
        elif what is _PROBE_FAILED and self._burdens is not None:
            short = self._burdens.blame(life, index)
            cause = cause if short is None else short
        seq = self._journal.write(
            kind,
            pod.identity,
            minion=self._fleet.identity(pod.minion),
            owner=pod.owner,
            cause=cause,
            reason=reason,
            value=value,
            own_fields=fields,
            container=self._draws.name(each.plan.name),
        )
        if self._burdens is not None and what in {_STARTED, _EXITED}:
            (self._burdens.started if what is _STARTED else self._burdens.ended)(life, index, seq)
        return seq

    def _gone(self, life: Life) -> None:
        """Let a pod leave that was to end: nothing of it runs any more."""
        pod = life.pod
        self.forget(pod)
        life.generation += 1  # that it is gone is told instead of what was to be told
        if self._fleet.has(pod):
            self._fleet.leave(pod, "Killing")
        self._reports.gone(life)
