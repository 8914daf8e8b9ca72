"""The scheduler with the queue and the preemption of the kube-scheduler 1.20.

One pod is tried after the other. A decision takes no time here, but what follows a failure does: the calls that delete
victims, clear nominations and report the failure are made one by one, and the next pod waits for them; binds are not
waited for. What was reported comes back as a change of the pod's record, with the consequences that this has in 1.20.

Simplified: a pod's start, by which victims are told apart, is when it was seen to be bound; a minion that is left to
nominated pods still counts where a profile's scores are normalised.

Source: k/k:pkg/scheduler/scheduler.go, eventhandlers.go and framework/plugins/defaultpreemption, v1.20.2; FACTS K55,
K56, K58, K60, K61a.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from models.api import records
from models.api.protocols import Refusal
from models.api.types import TERMINATING, Phase, Pod
from models.control.client import Caller
from models.control.kubequeue import KubeQueue, QueueRules, Waiting
from models.control.log import Change, Op
from models.control.nominations import Nominations
from models.control.objects import BudgetSeen
from models.control.occupants import Occupants
from models.control.preemption import (
    Budget,
    Candidate,
    best_of,
    candidates_wanted,
    find_candidates,
)
from models.control.scheduler import BACKLOG, Scheduler
from sim.engine import BELIEF, Deadline

__all__ = ["KubeScheduler"]

_CREATED, _CHANGED = Op.POD_CREATED, Op.POD_CHANGED
_OF_BOUND = (Op.POD_BOUND, Op.POD_CHANGED)
_OPS = (
    Op.POD_CREATED,
    Op.POD_BOUND,
    Op.POD_CHANGED,
    Op.POD_ENDED,
    Op.POD_LABELLED,
    Op.POD_OWNED,
    Op.POD_REFUSED,
    Op.MINION_CHANGED,
    Op.SERVICE_CHANGED,
    Op.BUDGET_CHANGED,
    Op.IMAGES_CHANGED,
)

_MOVES_NOBODY = (Op.BUDGET_CHANGED, Op.IMAGES_CHANGED)

Step = Callable[[], object]


class KubeScheduler(Scheduler):
    """A scheduler as it runs in a real master.

    Args:
        constants: Of the version.
        words: As :class:`models.control.scheduler.Scheduler` takes them.
    """

    def __init__(self, *, constants: Mapping[str, float], **words: Any) -> None:
        phase = words["streams"].stream("scheduler.phase").at
        passes = f"passes/{words['name']}" if "name" in words else "passes"
        self._rules = QueueRules.of(constants, phase(passes, 0), phase(passes, 1))
        self._waiting = self._new_queue()
        self._occupants = Occupants(words["belief"], len(words["belief"]))
        self._nominations = Nominations()
        self._binding: dict[int, int] = {}
        self._said: dict[int, str] = {}
        self._parked: dict[int, None] = {}
        self._busy = False
        self._wanted = (
            constants["preemption_candidates_ratio"],
            int(constants["preemption_candidates_min_count"]),
        )
        self._choices = words["streams"].stream("scheduler.preemption")
        self._due = Deadline(words["engine"], BELIEF, self._pass)
        self._budgets: dict[int, Budget] = {}
        super().__init__(**words)

    def _new_queue(self) -> KubeQueue:
        return KubeQueue(self._rules)

    def _watch(self, make_client: Callable[..., Caller]) -> Caller:
        return make_client(apply=self._learn, act=self._work, ops=_OPS, interest=self._concerns)

    def _concerns(self, op: Op, what: object, before: int, after: int) -> bool:
        # What is not read at once is read before the next attempt; news of bound pods count while one goes on.
        if len(self.client.cursor.pending) >= BACKLOG:
            return True
        if op in _MOVES_NOBODY:
            return False
        if op is _CREATED or self._busy:
            return True
        return self._waiting.waits_for_pods if op in _OF_BOUND else self._waiting.waits

    # What the record tells.

    def _learn(self, change: Change) -> None:
        """Take a change into the queue and the belief. HOT: several a pod, most of them news of bound ones."""
        time_s, op, what, seq, before, after = change
        queue = self._waiting
        if op is _CHANGED and not (before ^ after) & TERMINATING and not queue.waits_for_pods:
            queue.heard()
            return
        now_s = self.engine.now_s
        if op is Op.MINION_CHANGED:
            assert isinstance(what, int)
            entry = self._store.minions[what]
            self.belief.set_condition(what, entry.ready, entry.taints)
            queue.move_all(now_s, seq)
        elif isinstance(what, BudgetSeen):
            self._see_budget(what)
        elif op is Op.SERVICE_CHANGED:
            queue.move_all(now_s, seq)
        elif op is Op.IMAGES_CHANGED:
            self.belief.set_images(*what)
        elif isinstance(what, tuple):
            pod, old, new = what
            if op is Op.POD_LABELLED:
                self._read_labels(pod, new)
            self._see_update(op, pod, old, new, seq)
        else:
            assert isinstance(what, Pod)
            if op is Op.POD_ENDED:
                self._see_end(what, seq)
            elif what.minion >= 0:
                self._see_bound(what, time_s, seq, after if (before ^ after) & TERMINATING else 0)
            elif op is Op.POD_CREATED and not what.word:
                queue.add(what, now_s)

    def _read_labels(self, pod: Pod, labels: tuple[tuple[str, str], ...]) -> None:
        self.belief.read.change(pod, labels)

    def _see_update(self, op: Op, pod: Pod, old: int, new: int, seq: int) -> None:
        if pod.minion >= 0:
            if self._occupants.has(pod, pod.minion):
                self.belief.look_at(pod)
            self._waiting.move(self._waiting.helped_by(pod), self.engine.now_s, seq)
            return
        if op is Op.POD_REFUSED and new != old:
            if new < 0:
                self._nominations.forget(pod)
            else:
                self._nominations.set(pod, new)
        if not pod.word and pod.arrival not in self._binding:
            self._waiting.update(pod, self.engine.now_s, changed=op is not Op.POD_REFUSED)

    def _see_budget(self, seen: BudgetSeen) -> None:
        budget = seen.budget
        if budget.selector is not None:
            self._budgets[budget.identity] = Budget(
                budget.namespace, budget.selector, seen.status.allowed, seen.disrupted
            )

    def _see_bound(self, pod: Pod, time_s: float, seq: int, ending: int) -> None:
        """See a bound pod, or that something is new about it."""
        occupants, minion = self._occupants, pod.minion
        if self._binding.pop(pod.arrival, None) is None and not occupants.has(pod, minion):
            if pod.phase > Phase.RUNNING:
                return  # its end is read next
            self._waiting.delete(pod)
            self._nominations.forget(pod)
            self.belief.assume(pod, minion, pod.devices)
            occupants.add(pod, minion, pod.devices)
        occupants.see(pod, ending, time_s)
        if ending or pod.labels is not pod.template.labels:  # they may have changed since it was assumed here
            self.belief.look_at(pod)
        if self._waiting.waits_for_pods:
            self._waiting.move(self._waiting.helped_by(pod), self.engine.now_s, seq)
        else:
            self._waiting.heard()

    def _see_end(self, pod: Pod, seq: int) -> None:
        self._said.pop(pod.arrival, None)
        self._parked.pop(pod.arrival, None)
        self._nominations.forget(pod)
        if pod.minion < 0:
            self._waiting.delete(pod)
        elif self._occupants.has(pod, pod.minion):
            self._binding.pop(pod.arrival, None)
            self.belief.withdraw(pod, pod.minion, pod.devices)
            self._occupants.remove(pod, pod.minion)
            self._waiting.move_all(self.engine.now_s, seq)
        self.belief.read.forget(pod)

    # Attempts, one after the other.

    def _pass(self) -> None:
        """Do what the queue's passes do now."""
        self.client.catch_up()
        self._waiting.flush(self.engine.now_s)
        self._work()

    def _work(self) -> None:
        """Try who is active, until one fails in a way that takes time."""
        while not self._busy and (waiting := self._waiting.pop()) is not None:
            pod = waiting.pod
            if not pod.word:
                self._try(waiting, pod.cause if waiting.cause < 0 else waiting.cause)
        self._due.set(max(self.engine.now_s, self._waiting.next_s()), cause=-1)

    def _try(self, waiting: Waiting, cause: int) -> None:
        pod = waiting.pod
        minion, refusal = self._choose(pod, cause)
        if minion < 0:
            self._fail(waiting, refusal, cause)
            return
        self._nominations.forget(pod)
        self._binding[pod.arrival] = minion
        self._occupants.add(pod, minion, self._settle(pod, minion, cause))

    def _choose(self, pod: Pod, cause: int) -> tuple[int, Refusal | None]:
        """Return the minion for a pod by the belief, or -1 and what the policy says to that."""
        closed = [minion for minion in self._nominations.minions() if not self._fits_beside(pod, minion)]
        if self._scoring is not None:
            minion, refusal = self._best(pod, closed), None
        else:
            minion, refusal = self._ask(pod)
            if minion in closed:
                minion, refusal = -1, Refusal({"room for pods that are nominated": 1})
        if self._decisions is not None:
            self._decided(self._decisions, pod, minion, refusal, cause, closed)
        return minion, refusal

    def _fits_beside(self, pod: Pod, minion: int) -> bool:
        """Tell whether a pod fits on a minion beside those that are nominated for it and not less important."""
        before = self._nominations.at_least(pod, minion)
        return not before or self._occupants.fits_beside(minion, before, partial(self._fits, pod, minion))

    def _bind(self, pod: Pod, minion: int, devices: tuple[int, ...], cause: int, generation: int) -> None:
        refused = self._bind_verb(pod, minion, devices, self.identity, cause)
        if refused is not None and generation == self.generation:
            # As in 1.20 nobody is told of the room.
            self._binding.pop(pod.arrival, None)
            self._occupants.remove(pod, minion)
            self.belief.withdraw(pod, minion, devices)

    def _fail(self, waiting: Waiting, refusal: Refusal | None, cause: int) -> None:
        """Make room if that can be, and report that none was found."""
        pod = waiting.pod
        reason = self._why(pod, refusal)
        steps, minion = self._make_room(waiting, cause)
        if not self._is_first(pod, reason, cause):
            return
        self._busy = True
        self._go_on(iter(steps), partial(self._failed, waiting, reason, minion, cause), self.generation)

    def _is_first(self, pod: Pod, reason: str, cause: int) -> bool:
        """See to who waits for no longer than so long; tell whether the pod waits on."""
        if pod.arrival in self._parked:
            return True
        self._parked[pod.arrival] = None
        ask = pod.ask
        if pod.created_s + min(ask.give_up_after_s, ask.withdraw_after_s) <= self.engine.now_s:
            self._store.refuse(pod, reason, nominated=-1, cause=cause, actor=self.identity)
        self._on_parked(pod)
        return not pod.word

    def _go_on(self, steps: Iterator[Step], then: Callable[[], None], generation: int) -> None:
        """Make one call after the other; who started again meanwhile does not go on."""
        if generation != self.generation:
            return
        step = next(steps, None)
        if step is None:
            then()
            return

        def commit() -> None:
            step()
            self._go_on(steps, then, generation)

        self.client.call(commit)

    def _failed(self, waiting: Waiting, reason: str, minion: int, cause: int) -> None:
        """Put a pod back whose attempt failed, and report that."""
        pod = waiting.pod
        if not pod.word:
            self._waiting.put_back(waiting, self.engine.now_s)
            if minion >= 0:
                self._nominations.set(pod, minion)
            if self._said.get(pod.arrival) != reason or (minion >= 0 and pod.nominated != minion):
                self._said[pod.arrival] = reason
                self.client.call(partial(self._reported, pod, reason, minion, cause, self.generation))
                return
        self._free()

    def _reported(self, pod: Pod, reason: str, minion: int, cause: int, generation: int) -> None:
        self._store.refuse(pod, reason, nominated=minion, cause=cause, actor=self.identity)
        if generation == self.generation:
            self._free()
            self._work()

    def _free(self) -> None:
        self._busy = False
        self.client.catch_up()

    def _count(self) -> int:
        return self.belief.registered

    # Preemption.

    def _make_room(self, waiting: Waiting, cause: int) -> tuple[list[Step], int]:
        """Return the calls that make room for a pod, and the minion; none and -1 where nothing can be done."""
        pod = waiting.pod
        occupants, priority = self._occupants, pod.template.priority
        nominated = self._nominations.minion_of(pod)
        if not pod.template.preempts:
            return [], -1
        helpful = self._asked(pod, self.belief.evictions_may_help, self.belief.seen(pod))
        if nominated >= 0 and helpful[nominated] and occupants.ends_below(priority, nominated):
            return [], -1  # its victims are still going
        places = np.flatnonzero(helpful).tolist()
        if not places:
            return self._clear([pod] if nominated >= 0 else [], cause), -1
        if not occupants.anybody_below(priority):
            return [], -1
        group = self._identities.text(pod.owner) if pod.owner >= 0 else "nobody"
        draw = partial(self._choices.at, group, pod.ask.index)
        found = find_candidates(
            places,
            partial(self._dry_run, pod),
            int(draw(2 * waiting.attempts) * len(places)),
            candidates_wanted(len(places), *self._wanted),
        )
        best = best_of(found)
        if not best:
            return [], -1
        chosen = best[int(draw(2 * waiting.attempts + 1) * len(best))]
        return self._evictions(pod, chosen, cause), chosen.minion

    def _dry_run(self, pod: Pod, minion: int) -> Candidate | None:
        return self._occupants.dry_run(
            minion,
            pod.template.priority,
            partial(self._fits, pod, minion),
            self.engine.now_s,
            before=self._nominations.at_least(pod, minion),
            budgets=tuple(self._budgets.values()),
        )

    def _evictions(self, pod: Pod, chosen: Candidate, cause: int) -> list[Step]:
        victims = self._occupants.named(chosen)
        lower = self._nominations.below(pod, chosen.minion)
        return [*(partial(self._evict, each, pod, cause) for each in victims), *self._clear(lower, cause)]

    def _clear(self, pods: Sequence[Pod], cause: int) -> list[Step]:
        return [
            partial(self._store.forget_nomination, each, cause=cause, actor=self.identity) for each in pods
        ]

    def _evict(self, victim: Pod, pod: Pod, cause: int) -> None:
        """Ask the master to delete a victim: its containers have their grace."""
        if victim.word & TERMINATING or victim.phase > Phase.RUNNING:
            return
        name = self._identities.text(pod.identity)
        seq = self.journal.write(
            records.POD_PREEMPTED,
            victim.identity,
            minion=self._store.minions[victim.minion].identity,
            actor=self.identity,
            owner=victim.owner,
            cause=cause,
            reason=f"for {name}",
        )
        self._store.terminate(victim, cause=seq, actor=self.identity, reason=f"preempted for {name}")

    def restart(self) -> None:
        """Start again with empty memory: queue, belief and nominations are made from the record."""
        belief, store = self.belief, self._store
        self._busy = False
        self._waiting = self._new_queue()
        self._occupants = Occupants(belief, len(belief))
        self._nominations = Nominations()
        self._binding.clear()
        super().restart()
        for budget in store.budgets.values():
            self._see_budget(budget.seen())
        for pods in store.bound:
            for pod in pods.values():
                self._occupants.add(pod, pod.minion, pod.devices)
                self._occupants.see(pod, pod.word, pod.created_s)

    def _enter_again(self, pods: Iterable[Pod]) -> None:
        for pod in pods:
            if pod.nominated >= 0:
                self._nominations.set(pod, pod.nominated)
            self._waiting.add(pod, self.engine.now_s)
