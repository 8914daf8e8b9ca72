"""A scheduler among others: it decides for a while, about a job at a time, and others bind meanwhile.

It is the scheduler of kubescheduler.py with its queue, its back-off and its preemption, and takes only the pods that
ask for it by name. A decision about a job (the pods that share the label ``wavetank/job``; any other pod is one by
itself) is made by the belief as of its start and takes the time of the job and of each of its pods; the scheduler does
nothing else meanwhile. Then what was decided is committed: by binds that nobody checks, so that a kubelet without room
fails the pod, or as one transaction that the master checks (checkedbinds.py). Who is refused by a conflict is active
again at once and decided about anew, which takes its time again.

Draws are named by the pod and the number of the attempt, not by the scheduler: the same pods take the same time under
any arrangement of schedulers.

Simplified: a whole gang that finds no room preempts nobody; gangs do not wait for pods that are not created yet.

Source: Schwarzkopf et al., Omega, EuroSys '13, sections 3 and 4: decision time is t_job + t_task x tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from models.api import records
from models.api.protocols import PlacingPolicy, Policy, Refusal, ScoringPolicy
from models.api.types import Pod
from models.control.checkedbinds import CHANGES, CheckedBinds
from models.control.client import Law
from models.control.jobqueue import JobQueue, job_of
from models.control.kubequeue import KubeQueue, Waiting
from models.control.kubescheduler import KubeScheduler, Step
from models.control.log import Change, Op
from sim.engine import BELIEF

__all__ = ["DeliberateScheduler", "SchedulerPlan"]


@dataclass(frozen=True)
class SchedulerPlan:
    """One of several schedulers.

    Attributes:
        serves: The names by which pods ask for it.
        per_job, per_pod: Laws of seconds that a decision takes, once and for each pod; nothing: no time.
        checked: The master checks what it commits.
        coarse: Any change of a minion is a conflict.
        gang: Jobs are bound as a whole or not at all.
        outside: Indices of the minions that it does not decide on.
    """

    name: str
    policy: ScoringPolicy | PlacingPolicy | Policy
    policy_name: str
    serves: frozenset[str]
    per_job: Law | None = None
    per_pod: Law | None = None
    checked: bool = False
    coarse: bool = False
    gang: bool = False
    outside: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Placed:
    """What was decided of a pod: its minion, and what is known of that for the coarse check."""

    waiting: Waiting
    minion: int
    devices: tuple[int, ...]


@dataclass
class _Decision:
    """What comes of a decision when its time is over."""

    seq: int
    placed: list[_Placed] = field(default_factory=list)
    failed: list[tuple[Waiting, Refusal | None]] = field(default_factory=list)
    seen: Mapping[int, int] | None = None


class DeliberateScheduler(KubeScheduler):
    """A scheduler with a name, a decision time and its own way to commit.

    Args:
        plan: How it behaves.
        checked: What commits are checked by; only where the plan says so.
        words: As :class:`models.control.kubescheduler.KubeScheduler` takes them.
    """

    def __init__(self, *, plan: SchedulerPlan, checked: CheckedBinds | None, **words: Any) -> None:
        self.plan = plan
        self._checked = checked if plan.checked else None
        self._times = words["streams"].stream("scheduler.decision")
        self._tries: dict[int, int] = {}
        self._left: deque[tuple[Waiting, Refusal | None, int]] = deque()
        # By minion the seq of the last change that was read; kept for the coarse check alone.
        self._seen: dict[int, int] = {}
        self._jobs: JobQueue
        super().__init__(name=plan.name, **words)

    def _new_queue(self) -> KubeQueue:
        self._jobs = JobQueue(
            self._rules, self.plan.serves, lambda pod: self.belief.seen(pod).labels, gang=self.plan.gang
        )
        return self._jobs

    def _read_labels(self, pod: Pod, labels: tuple[tuple[str, str], ...]) -> None:
        self._jobs.change(pod, partial(super()._read_labels, pod, labels))

    def _learn(self, change: Change) -> None:
        super()._learn(change)
        _, op, what, seq, _, _ = change
        if op is Op.POD_ENDED:
            self._tries.pop(what.arrival, None)
        if self.plan.coarse and op in CHANGES:
            minion = what if op is Op.MINION_CHANGED else what.minion
            self._seen[minion] = seq

    def _work(self) -> None:
        """Decide about one job after another, until a decision or a failure takes time."""
        while not self._busy:
            if self._left:
                self._fail(*self._left.popleft())
                continue
            job = self._jobs.pop_job()
            if not job:
                break
            job = [waiting for waiting in job if not waiting.pod.word]
            if job:
                self._begin(job)
        self._due.set(max(self.engine.now_s, self._waiting.next_s()), cause=-1)

    # A decision: what is known at its start settles it, what comes of it comes at its end.

    def _begin(self, job: Sequence[Waiting]) -> None:
        first = job[0].pod
        again = any(waiting.pod.arrival in self._tries for waiting in job)
        takes_s = self._takes_s(job)
        seq = self.journal.write(
            records.DECISION_BEGAN,
            first.identity,
            actor=self.identity,
            owner=first.owner,
            cause=first.cause if job[0].cause < 0 else job[0].cause,
            value=takes_s,
            reason="again" if again else None,
        )
        made = self._decide(job, seq)
        if takes_s <= 0.0:
            self._end(made)
            return
        self._busy = True
        self.engine.at(
            self.engine.now_s + takes_s,
            BELIEF,
            partial(self._ended, made),
            cause=seq,
            guard=(self, self.generation),
        )

    def _takes_s(self, job: Sequence[Waiting]) -> float:
        """Draw how long a decision takes, in seconds; the attempts of each of its pods are counted on."""
        total_s = 0.0
        for place, waiting in enumerate(job):
            pod = waiting.pod
            number = self._tries[pod.arrival] = self._tries.get(pod.arrival, -1) + 1
            group = self._identities.text(pod.owner) if pod.owner >= 0 else "nobody"
            for word, law in enumerate((self.plan.per_pod, self.plan.per_job)):
                if law is not None and (word == 0 or place == 0):
                    total_s += float(law.quantile(self._times.at(group, pod.ask.index, number, word)))
        return total_s

    def _decide(self, job: Sequence[Waiting], seq: int) -> _Decision:
        """Choose a minion for each pod by the belief, beside those before it, and assume it."""
        made = _Decision(seq)
        for waiting in job:
            minion, refusal = self._choose(waiting.pod, seq)
            if minion < 0:
                made.failed.append((waiting, refusal))
            else:
                made.placed.append(_Placed(waiting, minion, self._assume(waiting.pod, minion)))
        if self.plan.gang and made.failed:
            for each in reversed(made.placed):
                self._give_back(each)
                made.failed.append((each.waiting, Refusal({"no room for its whole job": self._count()})))
            made.placed.clear()
        if self.plan.coarse:
            made.seen = {each.minion: self._seen.get(each.minion, -1) for each in made.placed}
        return made

    def _assume(self, pod: Pod, minion: int) -> tuple[int, ...]:
        devices = self._devices(pod, minion)
        self.belief.assume(pod, minion, devices)
        self._binding[pod.arrival] = minion
        self._occupants.add(pod, minion, devices)
        return devices

    def _give_back(self, placed: _Placed) -> None:
        pod = placed.waiting.pod
        self._binding.pop(pod.arrival, None)
        self._occupants.remove(pod, placed.minion)
        self.belief.withdraw(pod, placed.minion, placed.devices)

    def _ended(self, made: _Decision) -> None:
        self._end(made)
        self._free()
        self._work()

    def _end(self, made: _Decision) -> None:
        """Commit what was decided; who found no room is seen to next."""
        self._left.extend((waiting, refusal, made.seq) for waiting, refusal in made.failed)
        for each in made.placed:
            self._nominations.forget(each.waiting.pod)
        if not made.placed:
            return
        if self._checked is not None:
            self.client.call(partial(self._commit, self._checked, made, self.generation), cause=made.seq)
            return
        for each in made.placed:
            bind = partial(self._bind, each.waiting.pod, each.minion, each.devices, made.seq, self.generation)
            self.client.call(bind, cause=made.seq)

    def _commit(self, checked: CheckedBinds, made: _Decision, generation: int) -> None:
        refused = checked.commit(
            [(each.waiting.pod, each.minion, each.devices) for each in made.placed],
            whole=self.plan.gang,
            seen=made.seen,
            actor=self.identity,
            cause=made.seq,
        )
        if generation != self.generation or not any(refused):
            return
        for each, reason in zip(made.placed, refused, strict=True):
            if reason is not None:
                self._give_back(each)
                if not each.waiting.pod.word:
                    self._jobs.try_again(each.waiting)
        if not self._busy:
            self.client.catch_up()
            self._work()

    def _make_room(self, waiting: Waiting, cause: int) -> tuple[list[Step], int]:
        if self.plan.gang and job_of(waiting.pod, self.belief.seen(waiting.pod).labels) is not None:
            return [], -1
        return super()._make_room(waiting, cause)

    def restart(self) -> None:
        """Start again with empty memory: a decision that goes on is lost."""
        self._left.clear()
        self._tries.clear()
        if self._checked is not None and self.plan.coarse:
            self._seen = {minion: self._checked.last_change(minion) for minion in range(len(self.belief))}
        super().restart()
