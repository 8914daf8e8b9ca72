"""Disruption budgets in the store, and the API's verb that asks them: an eviction.

An eviction deletes a pod unless the one budget that selects it allows no disruption; then it is refused (429), to be
asked for again. One that is let through takes one from what is allowed, at once, and the pod is kept in mind until the
disruption controller has read that it goes: so two that ask at the same time do not both have the last one. A pod that
does not run yet, has ended or is being deleted is nobody's loss; one that is not ready is none while enough others are.
A pod that several budgets select cannot be evicted at all.

Source: k/k:pkg/registry/core/pod/storage/eviction.go, v1.20 (Create, checkAndDecrement, canIgnorePDB).
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from models.api import records
from models.api.selectors import Selector
from models.api.specs_budgets import BudgetStatus
from models.api.types import READY, Phase, Pod
from models.control.disruption import BudgetRules
from models.control.log import Op
from models.control.objects import BudgetObject
from models.control.store import Store
from sim.engine import BELIEF, Engine, Event
from sim.identities import Identities
from sim.journal import Journal

__all__ = ["Budgets", "Verdict"]


class Verdict(enum.Enum):
    """What the master says to an eviction: done (also where there is nothing to do), not now, or never."""

    DONE = 0
    LATER = 1
    NEVER = 2


@dataclass(eq=False)
class _Waiting:
    """A refused eviction that is to be asked for again: since when, and whether the next look is arranged."""

    pod: Pod
    since_s: float
    period_s: float
    event: Event
    looks: bool = False


class Budgets:
    """All budgets of a run.

    Attributes:
        objects: By identity.
    """

    def __init__(self, engine: Engine, journal: Journal, identities: Identities, store: Store) -> None:
        self._engine = engine
        self._journal = journal
        self._identities = identities
        self._store = store
        self.objects: dict[int, BudgetObject] = {}
        self._selecting: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[BudgetObject, ...]] = {}
        self._waiting: dict[int, list[_Waiting]] = {}
        self._observes = False

    def create(
        self,
        name: str,
        namespace: str,
        selector: Selector | None,
        rules: BudgetRules,
        status: BudgetStatus | None,
    ) -> BudgetObject:
        """Enter a budget; with a status it was there before."""
        identity = self._identities.add("budget", name, namespace)
        made = BudgetObject(identity, name, namespace, selector, rules)
        if status is not None:
            made.status, made.observed = status, True
        self.objects[identity] = self._store.budgets[identity] = made
        self._selecting.clear()
        self._store.log.commit(Op.BUDGET_CHANGED, made.seen(), -1)
        return made

    def selecting(self, namespace: str, labels: tuple[tuple[str, str], ...]) -> tuple[BudgetObject, ...]:
        """Return the budgets of a pod with these labels."""
        key = (namespace, labels)
        found = self._selecting.get(key)
        if found is None:
            words = dict(labels)
            found = self._selecting[key] = tuple(
                each
                for each in self.objects.values()
                if each.namespace == namespace and each.selector is not None and each.selector.matches(words)
            )
        return found

    def write(
        self, budget: BudgetObject, status: BudgetStatus, disrupted: Mapping[int, float], actor: int
    ) -> None:
        """Write a status, as the controller does, with the evictions of which it has not read what came of them."""
        budget.observed = True
        budget.disrupted = disrupted
        self._commit(budget, status, actor)

    def _commit(self, budget: BudgetObject, status: BudgetStatus, actor: int) -> None:
        budget.status = status
        budget.version += 1
        seq = self._journal.write(
            records.BUDGET_WRITTEN,
            budget.identity,
            actor=actor,
            value=float(status.allowed),
            own_fields=(status.healthy, status.desired, status.expected),
        )
        self._store.log.commit(Op.BUDGET_CHANGED, budget.seen(), seq)

    # Evictions.

    def evict(self, pod: Pod, *, cause: int, actor: int, reason: str) -> Verdict:
        """Ask for an eviction.

        Args:
            pod: Which pod.
            cause: The record that it follows from.
            actor: Who asks.
            reason: What ``pod_terminating`` will say.
        """
        verdict, budget = self._judge(pod)
        if verdict is not Verdict.DONE:
            self._refuse(pod, verdict, budget, cause, actor)
            return verdict
        if pod.phase > Phase.RUNNING:
            return verdict
        if budget is not None:
            status = replace(budget.status, allowed=budget.status.allowed - 1)
            now_s = self._engine.now_s
            budget.disrupted = MappingProxyType({**budget.disrupted, pod.arrival: now_s})
            self._commit(budget, status, actor)
        self._store.terminate(pod, cause=cause, actor=actor, reason=reason)
        return verdict

    def _judge(self, pod: Pod) -> tuple[Verdict, BudgetObject | None]:
        """Tell what would become of an eviction now, and of which budget one more would be disrupted."""
        if pod.phase is not Phase.RUNNING or pod.terminating:
            return Verdict.DONE, None
        found = self.selecting(pod.template.namespace, pod.labels)
        if not found:
            return Verdict.DONE, None
        budget = found[0]
        if len(found) > 1:
            return Verdict.NEVER, None
        status = budget.status
        if not pod.word & READY and status.healthy >= status.desired > 0:
            return Verdict.DONE, None
        if status.allowed > 0:
            return Verdict.DONE, budget
        return Verdict.LATER, budget

    def _refuse(
        self, pod: Pod, verdict: Verdict, budget: BudgetObject | None, cause: int, actor: int
    ) -> None:
        says = "more than one disruption budget selects it"
        if verdict is Verdict.LATER and budget is not None:
            name, status = self._identities.text(budget.identity), budget.status
            says = f"{name} needs {status.desired} healthy pods and has {status.healthy}"
            if not budget.observed:
                says = f"{name} has not been looked at yet"
        self._journal.write(
            records.EVICTION_REFUSED,
            pod.identity,
            minion=self._store.minions[pod.minion].identity,
            actor=actor,
            owner=pod.owner,
            cause=cause,
            reason=says,
        )

    def again(self, pod: Pod, period_s: float) -> Event:
        """Return what happens when a refused eviction is worth asking for again.

        That is at the first look, one every period from now, that finds that it would be let through. Looks that
        would find nothing changed are not made.
        """
        if not self._observes:
            self._observes = True
            self._store.log.observe(self._told, (Op.BUDGET_CHANGED,))
            self._store.log.observe(self._changed, (Op.POD_CHANGED, Op.POD_ENDED))
        waiting = _Waiting(pod, self._engine.now_s, period_s, self._engine.env.event())
        self._waiting.setdefault(pod.arrival, []).append(waiting)
        self._look_forward(waiting)
        return waiting.event

    def _told(self, op: Op, what: object, before: int, after: int) -> None:
        for each in [each for waiting in self._waiting.values() for each in waiting]:
            self._look_forward(each)

    def _changed(self, op: Op, what: object, before: int, after: int) -> None:
        assert isinstance(what, Pod)
        for each in self._waiting.get(what.arrival, ()):
            self._look_forward(each)

    def _look_forward(self, waiting: _Waiting) -> None:
        """Arrange the next look, if it would find that the eviction is let through."""
        if waiting.looks or self._judge(waiting.pod)[0] is not Verdict.DONE:
            return
        waiting.looks = True
        now_s = self._engine.now_s
        looks = max(1, math.ceil(round((now_s - waiting.since_s) / waiting.period_s, 6)))
        at_s = waiting.since_s + looks * waiting.period_s
        self._engine.at(max(now_s, at_s), BELIEF, partial(self._look, waiting))

    def _look(self, waiting: _Waiting) -> None:
        waiting.looks = False
        if self._judge(waiting.pod)[0] is not Verdict.DONE:
            return
        all_of_it = self._waiting[waiting.pod.arrival]
        all_of_it.remove(waiting)
        if not all_of_it:
            del self._waiting[waiting.pod.arrival]
        waiting.event.succeed()
