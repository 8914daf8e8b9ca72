"""The master's store: versioned, written only through its verbs, read by clients through its log."""

from __future__ import annotations

import math

from models.api import records
from models.api.types import PHASE_MASK, READY, TERMINATING, Phase, Pod, PodAsk
from models.control.log import Log, Op
from models.control.objects import BudgetObject, MinionObject
from models.control.transitions import SERIES, TRANSITIONS, difference
from sim.engine import Engine
from sim.identities import NOBODY, Identities
from sim.journal import Journal
from sim.series import SeriesBook

__all__ = ["Store"]

# To read a member of an enumeration costs as much as a call.
_BOUND_KIND, _STARTED_KIND = records.POD_BOUND, records.POD_STARTED
_PENDING, _BOUND, _RUNNING, _DELETED = Phase.PENDING, Phase.BOUND, Phase.RUNNING, Phase.DELETED
_POD_CREATED, _POD_BOUND, _POD_CHANGED, _POD_ENDED = (
    Op.POD_CREATED,
    Op.POD_BOUND,
    Op.POD_CHANGED,
    Op.POD_ENDED,
)
_EVER, _UNKNOWN = math.inf, math.nan


class Store:
    """Pods and minions as the master has them.

    Args:
        engine: Gives the time.
        journal: Where every verb writes its record.
        identities: Names of pods.
        series: Counts of pods by phase.
        minions: Identities of the minions, by index.

    Attributes:
        log: What clients watch.
        minions: What the master knows of each minion.
        bound: By minion, the pods that are bound to it and not gone, by arrival.
        pending: Pods that are bound to none and not gone, by arrival.
        budgets: Disruption budgets by identity.
        created: Pods so far.
        relabelled: Changes of labels so far.
        count: Pods by phase.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        series: SeriesBook,
        minions: list[int],
    ) -> None:
        self._write = journal.write
        self._identities = identities
        self._env = engine.env
        self.log = Log(engine)
        self._commit = self.log.commit
        self._minions = minions
        self.minions = [MinionObject(identity) for identity in minions]
        self.bound: list[dict[int, Pod]] = [{} for _ in minions]
        self.pending: dict[int, Pod] = {}
        self.budgets: dict[int, BudgetObject] = {}
        gauges = series.gauges([f"pods_{name}" for name in SERIES])
        self._count_change = series.add
        self._creation = series.change((gauges, difference(None, Phase.PENDING)))
        self._moves = {
            pair: (kind, series.change((gauges, difference(*pair)))) for pair, kind in TRANSITIONS.items()
        }
        self._runs_at_once = series.change((gauges, difference(Phase.PENDING, Phase.RUNNING)))
        self.created = 0
        self.relabelled = 0
        self.count = [0] * len(Phase)

    def create_pod(self, ask: PodAsk, owner: int, *, cause: int | None = None) -> Pod:
        """Enter a pod, Pending."""
        template = ask.template
        identity = self._identities.add("pod", ask.name, template.namespace)
        arrival = self.created
        pod = self.pending[arrival] = Pod(identity, arrival, owner, ask, self._env._now)
        self.created = arrival + 1
        self.count[0] += 1  # Phase.PENDING
        self._count_change(self._creation)
        need = template.need
        pod.cause = self._write(
            records.POD_CREATED,
            identity,
            NOBODY,
            owner,
            owner,
            cause,
            None,
            ask.life_s if ask.life_s < _EVER else _UNKNOWN,
            self.log.revision,
            (need[0], need[1], need[3], need[-1], ask.recorded_wait_s),
        )
        self._commit(_POD_CREATED, pod, pod.cause)
        return pod

    def bind(self, pod: Pod, minion: int, devices: tuple[int, ...], actor: int, cause: int) -> str | None:
        """Bind a pod to a minion.

        Returns:
            Nothing, or why the master refused; a refusal is recorded too.
        """
        if pod.word:
            what = "being deleted" if pod.word & TERMINATING else pod.phase.name.lower()
            reason = f"the pod is {what}, not pending"
            self.turn_down(pod, minion, actor, cause, reason)
            return reason
        pod.minion = minion
        pod.devices = devices
        self.bound[minion][pod.arrival] = pod
        del self.pending[pod.arrival]
        self.count[0] -= 1  # Phase.PENDING
        self.count[1] += 1  # Phase.BOUND; in the series both are pending
        pod.phase = _BOUND
        pod.word = 1
        pod.generation += 1
        pod.cause = seq = self._write(
            _BOUND_KIND, pod.identity, self._minions[minion], actor, pod.owner, cause
        )
        if _POD_BOUND in self.log.wanted:
            self._commit(_POD_BOUND, pod, seq, 0, 1)
        else:
            self.log.revision += 1
        return None

    def turn_down(self, pod: Pod, minion: int, actor: int, cause: int, reason: str) -> None:
        """Enter that a pod was not bound to a minion."""
        where = self._minions[minion]
        self._write(records.BIND_REFUSED, pod.identity, minion=where, actor=actor, cause=cause, reason=reason)

    def bind_running(
        self, pod: Pod, minion: int, devices: tuple[int, ...], actor: int, cause: int
    ) -> str | None:
        """Bind a pod that runs at once: ``bind`` and ``move`` to Running in one, as instant timing has it. HOT.

        Returns:
            Nothing, or why the master refused.
        """
        if pod.word:
            return self.bind(pod, minion, devices, actor, cause)
        pod.minion = minion
        pod.devices = devices
        arrival = pod.arrival
        self.bound[minion][arrival] = pod
        del self.pending[arrival]
        count = self.count
        count[0] -= 1  # Phase.PENDING
        count[2] += 1  # Phase.RUNNING
        self._count_change(self._runs_at_once)
        identity, owner, where = pod.identity, pod.owner, self._minions[minion]
        write, log = self._write, self.log
        bound = write(_BOUND_KIND, identity, where, actor, owner, cause)
        if _POD_BOUND in log.wanted:
            log.commit(_POD_BOUND, pod, bound, 0, 1)
        else:
            log.revision += 1
        pod.phase = _RUNNING
        pod.word = 2
        pod.generation += 2
        pod.cause = started = write(_STARTED_KIND, identity, where, -1, owner, bound)
        if _POD_CHANGED in log.wanted:
            log.commit(_POD_CHANGED, pod, started, 1, 2)
        else:
            log.revision += 1
        return None

    def move(self, pod: Pod, phase: Phase, *, cause: int, actor: int = -1, reason: str | None = None) -> None:
        """Move a pod to another phase and write the record; the table says what may follow what."""
        before = pod.word
        pair = (pod.phase, phase)
        kind, change = self._moves[pair]
        self.count[pair[0]] -= 1
        self.count[phase] += 1
        self._count_change(change)
        pod.phase = phase
        pod.generation += 1
        pod.word = after = before & ~PHASE_MASK | phase
        minion = self._minions[pod.minion] if pod.minion >= 0 else -1
        pod.cause = self._write(kind, pod.identity, minion, actor, pod.owner, cause, reason)
        if phase is _BOUND:
            self._commit(_POD_BOUND, pod, pod.cause, before, after)
        elif phase is _RUNNING:
            self._commit(_POD_CHANGED, pod, pod.cause, before, after)

    def end(self, pod: Pod, phase: Phase, *, cause: int, reason: str | None = None, actor: int = -1) -> None:
        """Move a pod to a phase that it does not leave, and tell the clients. HOT: ``move`` and no more calls."""
        before, was, minion, identity = pod.word, pod.phase, pod.minion, pod.identity
        kind, change = self._moves[was, phase]
        self.count[was] -= 1
        self.count[phase] += 1
        self._count_change(change)
        pod.phase = phase
        pod.generation += 1
        pod.word = after = before & ~(PHASE_MASK | READY) | phase
        if minion >= 0:
            del self.bound[minion][pod.arrival]
            where = self._minions[minion]
        else:
            del self.pending[pod.arrival]
            where = NOBODY
        pod.cause = seq = self._write(kind, identity, where, actor, pod.owner, cause, reason)
        self._commit(_POD_ENDED, pod, seq, before, after)
        self._identities.release(identity)

    def report_running(self, pod: Pod) -> None:
        """Move a pod to Running by a report that comes late: that it started was recorded when it did."""
        before = pod.word
        pair = (pod.phase, _RUNNING)
        self.count[pair[0]] -= 1
        self.count[_RUNNING] += 1
        self._count_change(self._moves[pair][1])
        pod.phase = _RUNNING
        pod.word = after = before & ~PHASE_MASK | _RUNNING
        pod.cause = self._write(
            records.POD_REPORTED,
            pod.identity,
            minion=self._minions[pod.minion],
            owner=pod.owner,
            cause=pod.cause,
        )
        self._commit(Op.POD_CHANGED, pod, pod.cause, before, after)

    def set_ready(
        self, pod: Pod, ready: bool, *, cause: int, actor: int = -1, reason: str | None = None
    ) -> None:
        """Set a pod's Ready condition; nothing if it is so already."""
        before = pod.word
        pod.word = after = before | READY if ready else before & ~READY
        if before == after:
            return
        if ready:
            pod.ready_since_s = self._env._now
        kind = records.POD_READY if ready else records.POD_UNREADY
        pod.cause = self._write(
            kind, pod.identity, self._minions[pod.minion], actor, pod.owner, cause, reason
        )
        self._commit(_POD_CHANGED, pod, pod.cause, before, after)

    def terminate(self, pod: Pod, *, cause: int, actor: int = -1, reason: str | None = None) -> bool:
        """Give a pod a deletion timestamp.

        Returns:
            Whether it had none and had not ended: a second deletion changes nothing.
        """
        before = pod.word
        if before & TERMINATING or pod.phase > _RUNNING:
            return False
        pod.word = after = before | TERMINATING
        pod.generation += 1
        minion = self._minions[pod.minion] if pod.minion >= 0 else -1
        pod.cause = self._write(
            records.POD_TERMINATING, pod.identity, minion, actor, pod.owner, cause, reason
        )
        self._commit(_POD_CHANGED, pod, pod.cause, before, after)
        if pod.minion < 0:
            self.end(pod, _DELETED, cause=pod.cause)
        return True

    def refuse(self, pod: Pod, reason: str, *, nominated: int, cause: int, actor: int) -> None:
        """Enter that no minion was found for a pod, and on which room is being made for it (-1: as it was)."""
        if pod.word:
            return
        pod.unschedulable = True
        pod.cause = self._write(
            records.POD_UNSCHEDULABLE, pod.identity, NOBODY, actor, pod.owner, cause, reason
        )
        self._nominate(pod, pod.nominated if nominated < 0 else nominated, actor)

    def forget_nomination(self, pod: Pod, *, cause: int, actor: int) -> None:
        """Enter that no room is being made for a pod any more."""
        if pod.word or pod.nominated < 0:
            return
        pod.cause = cause
        self._nominate(pod, -1, actor)

    def _nominate(self, pod: Pod, minion: int, actor: int) -> None:
        old, pod.nominated = pod.nominated, minion
        if minion != old:
            where = NOBODY if minion < 0 else self._minions[minion]
            pod.cause = self._write(records.POD_NOMINATED, pod.identity, where, actor, pod.owner, pod.cause)
        self._commit(Op.POD_REFUSED, (pod, old, minion), pod.cause, pod.word, pod.word)

    def relabel(self, pod: Pod, labels: tuple[tuple[str, str], ...], *, cause: int, actor: int = -1) -> None:
        """Change a pod's labels."""
        self.relabelled += 1
        old = pod.labels
        pod.labels = labels
        text = ",".join(f"{key}={value}" for key, value in labels)
        pod.cause = self._write(
            records.POD_LABELLED, pod.identity, owner=pod.owner, actor=actor, cause=cause, reason=text
        )
        self._commit(Op.POD_LABELLED, (pod, old, labels), pod.cause, pod.word, pod.word)

    def set_owner(self, pod: Pod, owner: int, *, cause: int, actor: int = -1) -> None:
        """Make a controller the owner of a pod, or nobody (-1)."""
        old = pod.owner
        pod.owner = owner
        pod.cause = self._write(records.POD_OWNED, pod.identity, owner=owner, actor=actor, cause=cause)
        self._commit(Op.POD_OWNED, (pod, old, owner), pod.cause, pod.word, pod.word)

    def minion_gone(self, minion: int, *, ready: bool, seq: int) -> None:
        """Take from the record ``seq`` that a minion is up or down: with instant timing that says it all."""
        self.minions[minion].ready = ready
        self._commit(Op.MINION_CHANGED, minion, seq)

    def minion_condition(
        self, minion: int, *, ready: bool, cause: int, actor: int = -1, broken: str = ""
    ) -> int:
        """Enter that a minion is ready, is not and says why, or is not known to be; returns the seq of the record."""
        entry = self.minions[minion]
        entry.ready = ready
        entry.broken = not ready and broken != ""
        seq = self._write(
            records.MINION_CONDITION,
            entry.identity,
            minion=entry.identity,
            actor=actor,
            cause=cause,
            value=float(ready),
            reason="True" if ready else f"False: {broken}" if broken else "Unknown",
        )
        self._commit(Op.MINION_CHANGED, minion, seq)
        return seq

    def report_images(self, minion: int, images: dict[str, int], *, cause: int) -> None:
        """Enter the images that a kubelet says it has: bytes by name."""
        entry = self.minions[minion]
        before, entry.images = entry.images, images
        news = [f"+{name}" for name in images if name not in before]
        news += [f"-{name}" for name in before if name not in images]
        where, count = entry.identity, float(len(images))
        seq = self._write(
            records.MINION_IMAGES, where, where, cause=cause, value=count, reason=" ".join(sorted(news))
        )
        self._commit(Op.IMAGES_CHANGED, (minion, images), seq)

    def set_taints(self, minion: int, taints: tuple[str, ...], *, cause: int, actor: int = -1) -> int:
        """Replace a minion's taints, each as KEY=VALUE:EFFECT or KEY:EFFECT; returns the seq of the record."""
        entry = self.minions[minion]
        entry.taints = tuple(sorted(taints))
        seq = entry.tainted = self._write(
            records.MINION_TAINTED,
            entry.identity,
            minion=entry.identity,
            actor=actor,
            cause=cause,
            value=float(len(taints)),
            reason=" ".join(entry.taints),
        )
        self._commit(Op.MINION_CHANGED, minion, seq)
        return seq

    def put_taint(self, minion: int, taint: str, *, cause: int, actor: int = -1) -> None:
        """Give a minion a taint that it does not have yet."""
        taints = self.minions[minion].taints
        if taint not in taints:
            self.set_taints(minion, (*taints, taint), cause=cause, actor=actor)

    def lift_taint(self, minion: int, taint: str, *, cause: int, actor: int = -1) -> None:
        """Take a taint from a minion if it has it."""
        taints = self.minions[minion].taints
        if taint in taints:
            self.set_taints(minion, tuple(each for each in taints if each != taint), cause=cause, actor=actor)

    def pods(self) -> list[Pod]:
        """Return all pods that there are, by arrival."""
        there = [*self.pending.values(), *(pod for pods in self.bound for pod in pods.values())]
        there.sort(key=lambda pod: pod.arrival)
        return there

    def conservation(self) -> str | None:
        """State that no pod vanished: created is the sum over phases."""
        total = sum(self.count)
        if total == self.created:
            return None
        return f"created {self.created} pods but the phases hold {total}: {self.count}"
