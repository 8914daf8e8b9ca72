"""The disruption controller at work: one worker, which writes what each budget allows.

It counts by deltas what each budget selects, who of these is ready and whose they are; what controllers should have it
reads as they change, without working anything out again for that alone. A status that was worked out from an older one
than the store has is refused (an eviction came between): news of that one is on its way, and calls for it again.

A pod whose eviction was let through counts as gone before it is read that it is being deleted, for 2 min at most.

Source: k/k:pkg/controller/disruption/disruption.go, v1.20.2 (trySync, buildDisruptedPodMap).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from models.api.types import PHASE_MASK, READY, TERMINATING, Phase, Pod
from models.control.budgets import Budgets
from models.control.client import Client
from models.control.disruption import scale_of, status_of
from models.control.log import Change, Op
from models.control.objects import BudgetObject, BudgetSeen, ControllerObject
from models.control.workqueue import WorkQueue
from sim.engine import BELIEF, Engine

__all__ = ["DisruptionController"]

HEALTHY = tuple(
    (word & PHASE_MASK) == Phase.RUNNING and bool(word & READY) and not word & TERMINATING
    for word in range(64)
)
"""By state word: counts as healthy."""

_DELETION_TIMEOUT_S = 120.0
"""DeletionTimeout."""
_CREATED, _CHANGED, _ENDED = Op.POD_CREATED, Op.POD_CHANGED, Op.POD_ENDED


def _matters(op: Op, before: int, after: int) -> bool:
    """Whether a change can matter to any budget."""
    return op is not _CHANGED or HEALTHY[before] != HEALTHY[after] or bool((before ^ after) & TERMINATING)


class _Counts:
    """What the controller believes of one budget and its pods."""

    __slots__ = ("healthy", "owners", "pods", "seen")

    def __init__(self, seen: BudgetSeen) -> None:
        self.seen = seen
        self.pods: dict[int, int] = {}
        self.healthy: dict[int, None] = {}
        self.owners = Counter[int]()

    def put(self, arrival: int, owner: int, is_healthy: bool) -> None:
        """Count a pod as it is now."""
        was = self.pods.get(arrival)
        if was is not None:
            self._leave(was)
        self.pods[arrival] = owner
        self.owners[owner] += 1
        if is_healthy:
            self.healthy[arrival] = None
        else:
            self.healthy.pop(arrival, None)

    def take(self, arrival: int) -> None:
        """Count a pod no more."""
        owner = self.pods.pop(arrival, None)
        if owner is not None:
            self._leave(owner)
            self.healthy.pop(arrival, None)

    def _leave(self, owner: int) -> None:
        self.owners[owner] -= 1
        if not self.owners[owner]:
            del self.owners[owner]


class DisruptionController:
    """All budgets of the run.

    Args:
        engine: Gives the time.
        budgets: The store's.
        make_client: Makes the client, given (apply, act, ops, interest, matters).
        identity: Its own.
    """

    def __init__(
        self, engine: Engine, budgets: Budgets, make_client: Callable[..., Client], identity: int
    ) -> None:
        self._engine = engine
        self._budgets = budgets
        self.identity = identity
        self._counts: dict[int, _Counts] = {}
        self._desired: dict[int, int] = {}
        self._queue = WorkQueue[int]()
        self.generation = 0
        self.client = make_client(
            apply=self._apply,
            act=self._act,
            ops=(
                _CREATED,
                _CHANGED,
                _ENDED,
                Op.POD_LABELLED,
                Op.POD_OWNED,
                Op.CONTROLLER_CHANGED,
                Op.BUDGET_CHANGED,
            ),
            interest=self._concerns,
            matters=_matters,
        )

    def _of(self, pod: Pod, labels: tuple[tuple[str, str], ...]) -> Iterator[_Counts]:
        """Yield the budgets of a pod with these labels, those that it knows of; all have to be looked at again."""
        for budget in self._budgets.selecting(pod.template.namespace, labels):
            found = self._counts.get(budget.identity)
            if found is not None:
                self._queue.add(budget.identity)
                yield found

    def _concerns(self, op: Op, what: Any, before: int, after: int) -> bool:
        if op in (_CREATED, _CHANGED, _ENDED):
            return bool(self._budgets.selecting(what.template.namespace, what.labels))
        return op is not Op.CONTROLLER_CHANGED

    def _apply(self, change: Change) -> None:
        _, op, what, _, _, after = change
        if op is Op.BUDGET_CHANGED:
            self._learn(what)
        elif op is Op.CONTROLLER_CHANGED:
            self._believe(what)
        elif op is Op.POD_LABELLED:
            pod, old, new = what
            for counts in self._of(pod, old):
                counts.take(pod.arrival)
            self._count(pod, new, after, pod.owner)
        elif op is Op.POD_OWNED:
            pod, _, owner = what
            self._count(pod, pod.labels, after, owner)
        elif op is _ENDED:
            for counts in self._of(what, what.labels):
                counts.take(what.arrival)
        else:
            self._count(what, what.labels, after, what.owner)

    def _learn(self, seen: BudgetSeen) -> None:
        known = self._counts.get(seen.budget.identity)
        if known is None:
            self._counts[seen.budget.identity] = _Counts(seen)
        else:
            known.seen = seen
        self._queue.add(seen.budget.identity)

    def _believe(self, controller: ControllerObject) -> None:
        if controller.gone:
            self._desired.pop(controller.identity, None)
        else:
            self._desired[controller.identity] = controller.desired

    def _count(self, pod: Pod, labels: tuple[tuple[str, str], ...], word: int, owner: int) -> None:
        for counts in self._of(pod, labels):
            counts.put(pod.arrival, owner, HEALTHY[word])

    def _act(self) -> None:
        while len(self._queue) and not self._queue.processing:
            self._sync(self._queue.take())

    def _sync(self, identity: int) -> None:
        """Work out a status, and write it if it is another than the last that was read."""
        counts = self._counts[identity]
        seen = counts.seen
        rules = seen.budget.rules
        now_s = self._engine.now_s
        going = {
            arrival: since_s
            for arrival, since_s in seen.disrupted.items()
            if arrival in counts.healthy and now_s < since_s + _DELETION_TIMEOUT_S
        }
        if going:
            again_s = min(going.values()) + _DELETION_TIMEOUT_S
            guard = (self, self.generation)
            self._engine.at(again_s, BELIEF, partial(self._again, identity), guard=guard)
        healthy = len(counts.healthy) - len(going)
        scale = scale_of((self._desired.get(owner) for owner in counts.owners), rules.known)
        status = status_of(rules, len(counts.pods), healthy, scale, seen.status)
        if status == seen.status and seen.observed and going == seen.disrupted:
            self._queue.done(identity)
            return
        generation = self.generation

        def commit() -> None:
            if seen.budget.version == seen.version:
                self._budgets.write(seen.budget, status, going, self.identity)
            if generation == self.generation:
                self._queue.done(identity)
                self._act()

        self.client.call(commit)

    def _again(self, identity: int) -> None:
        self._queue.add(identity)
        self._act()

    def restart(
        self, budgets: Iterable[BudgetObject], controllers: Iterable[ControllerObject], pods: Iterable[Pod]
    ) -> None:
        """Start again with empty memory: every budget is counted afresh from the pods that there are."""
        self.generation += 1
        self.client.restart()
        self._queue = WorkQueue[int]()
        self._counts.clear()
        self._desired.clear()
        for budget in budgets:
            self._learn(budget.seen())
        for controller in controllers:
            self._believe(controller)
        for pod in pods:
            self._count(pod, pod.labels, pod.word, pod.owner)
        self.client.poke()
