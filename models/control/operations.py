"""What goes wrong and what operators do, besides crashes: cut-offs, kills, outages, restarts, late watches, taints.

Each occurrence writes ``fault_began`` and, where it lasts, ``fault_ended``. Which pods a fault takes is drawn by the
fault's name among those that its selector takes when it begins. Drawn faults of minions have a clock for each minion,
the others one for all; both are renewal processes that start fresh (the first spell is a whole one).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from models.api import records
from models.api.selectors import Selector
from models.api.types import Phase, Pod
from models.control.client import Law
from models.control.plane import ControlPlane
from models.control.store import Store
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["CORDONED", "FaultRunner", "OperationPlan"]

CORDONED = "node.kubernetes.io/unschedulable:NoSchedule"


@dataclass(frozen=True)
class OperationPlan:
    """One fault that is not a crash.

    Attributes:
        kind: As in YAML: cutOff, kill, outage, restart, watch, cordon, taint, unready or relabel.
        at_s: When; nothing if it is drawn.
        failure: Law of the time to the next occurrence; nothing if it is at a time.
        lasts: Law of its length; nothing: for ever, or over at once.
        minions: By index, for the kinds that are of minions.
        pods: For the kinds that are of pods.
        words: What else the kind takes.
    """

    name: str
    kind: str
    at_s: float | None = None
    failure: Law | None = None
    lasts: Law | None = None
    minions: tuple[int, ...] = ()
    pods: Selector | None = None
    count: int | None = None
    words: dict[str, Any] = field(default_factory=dict)


class FaultRunner:
    """Runs the operations of a plan.

    Args:
        pods: All pods that are there.
        keys: By minion, (pool, index): names of its draws.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        streams: Streams,
        store: Store,
        plane: ControlPlane,
        pods: Callable[[], Sequence[Pod]],
        keys: Sequence[tuple[str, int]],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._identities = identities
        self._streams = streams
        self._store = store
        self._plane = plane
        self._pods = pods
        self._keys = keys
        self._occurrences: dict[str, int] = {}

    def start(self, plan: OperationPlan) -> None:
        """Arm one fault."""
        identity = self._identities.add("fault", plan.name)
        if plan.at_s is not None:
            targets = plan.minions or (-1,)
            for minion in targets:
                self._engine.at(plan.at_s, TRUTH, partial(self._begin, plan, identity, minion, 0), cause=-1)
            return
        for minion in plan.minions or (-1,):
            self._arm(plan, identity, minion, 0)

    def _key(self, plan: OperationPlan, minion: int) -> tuple[str, int]:
        if minion < 0:
            return plan.name, 0
        pool, index = self._keys[minion]
        return f"{plan.name}/{pool}", index

    def _arm(self, plan: OperationPlan, identity: int, minion: int, n: int) -> None:
        assert plan.failure is not None, "what has no time is drawn"
        group, index = self._key(plan, minion)
        wait_s = plan.failure.quantile(self._streams.stream("fault.time_to_next").at(group, index, n))
        self._engine.at(
            self._engine.now_s + wait_s, TRUTH, partial(self._begin, plan, identity, minion, n), cause=-1
        )

    def _begin(self, plan: OperationPlan, identity: int, minion: int, n: int) -> None:
        self._occurrences[plan.name] = occurrence = self._occurrences.get(plan.name, 0) + 1
        about = self._store.minions[minion].identity if minion >= 0 else -1
        self._engine.cause = self._journal.write(
            records.FAULT_BEGAN, identity, minion=about, cause=-1, value=float(occurrence)
        )
        undo = getattr(self, f"_{plan.kind}")(plan, minion, occurrence)
        lasts_s = 0.0
        if plan.lasts is not None:
            group, index = self._key(plan, minion)
            lasts_s = plan.lasts.quantile(self._streams.stream("fault.lasts").at(group, index, n))

        def end() -> None:
            self._engine.cause = self._journal.write(records.FAULT_ENDED, identity, minion=about)
            if undo is not None:
                undo()
            if plan.failure is not None:
                self._arm(plan, identity, minion, n + 1)

        if plan.lasts is not None or undo is None:
            self._engine.at(self._engine.now_s + lasts_s, TRUTH, end)

    # The kinds: each begins, and returns what ends it (nothing: it is over at once).

    def _cutOff(self, plan: OperationPlan, minion: int, n: int) -> Callable[[], None] | None:  # noqa: N802
        self._plane.cut(minion)
        return partial(self._plane.join, minion)

    def _outage(self, plan: OperationPlan, minion: int, n: int) -> Callable[[], None] | None:
        if plan.words.get("of") == "registry":
            assert self._plane.images is not None, "an outage of the registry needs images"
            registry = self._plane.images.registry
            registry.stop()
            return registry.start
        self._plane.outage()
        return self._plane.recover

    def _restart(self, plan: OperationPlan, minion: int, n: int) -> Callable[[], None] | None:
        self._plane.master.reach(partial(self._plane.restart, plan.words["client"]))
        return None

    def _watch(self, plan: OperationPlan, minion: int, n: int) -> Callable[[], None] | None:
        return self._plane.disturb(plan.words["client"], plan.words.get("lag"), plan.words.get("loss", 0.0))

    def _cordon(self, plan: OperationPlan, minion: int, n: int) -> Callable[[], None] | None:
        return self._put_taint(minion, CORDONED)

    def _taint(self, plan: OperationPlan, minion: int, n: int) -> Callable[[], None] | None:
        return self._put_taint(minion, plan.words["taint"])

    def _put_taint(self, minion: int, taint: str) -> Callable[[], None]:
        cause = self._engine.cause

        def put() -> None:
            taints = self._store.minions[minion].taints
            if taint not in taints:
                self._store.set_taints(minion, (*taints, taint), cause=cause)

        def lift() -> None:
            taints = self._store.minions[minion].taints
            left = tuple(each for each in taints if each != taint)
            if left != taints:
                self._store.set_taints(minion, left, cause=self._engine.cause)

        self._plane.master.reach(put)
        return partial(self._plane.master.reach, lift)

    def _taken(self, plan: OperationPlan, n: int) -> list[Pod]:
        """Return the pods that the fault takes, now."""
        assert plan.pods is not None, "a fault of pods has a selector"
        found = []
        for pod in self._pods():
            if not pod.terminating and pod.phase <= Phase.RUNNING:
                owner = self._identities.text(pod.owner) if pod.owner >= 0 else ""
                names = (pod.ask.name, owner.rpartition("/")[2])
                if plan.pods.matches(dict(pod.labels), names):
                    found.append(pod)
        if plan.count is None or plan.count >= len(found):
            return found
        stream = self._streams.stream("fault.victims")
        order = sorted(range(len(found)), key=lambda i: stream.at(f"{plan.name}/{n}", i))
        return [found[i] for i in sorted(order[: plan.count])]

    def _kill(self, plan: OperationPlan, minion: int, n: int) -> Callable[[], None] | None:
        kubelets, cause = self._plane.kubelets, self._engine.cause
        if plan.words.get("mode") == "kill":
            assert kubelets is not None, "containers need timing"
            for pod in self._taken(plan, n):
                kubelets.died(pod, cause)
            return None

        def delete() -> None:
            for pod in self._taken(plan, n):
                self._store.terminate(pod, cause=cause, reason="fault")

        self._plane.master.reach(delete)
        return None

    def _relabel(self, plan: OperationPlan, minion: int, n: int) -> Callable[[], None] | None:
        cause = self._engine.cause

        def relabel() -> None:
            for pod in self._taken(plan, n):
                labels = tuple(sorted({**dict(pod.labels), **plan.words["labels"]}.items()))
                self._store.relabel(pod, labels, cause=cause)

        self._plane.master.reach(relabel)
        return None

    def _unready(self, plan: OperationPlan, minion: int, n: int) -> Callable[[], None] | None:
        kubelets = self._plane.kubelets
        assert kubelets is not None, "readiness needs timing"
        pods = [pod for pod in self._taken(plan, n) if pod.phase is Phase.RUNNING]
        for pod in pods:
            kubelets.unready(pod, self._engine.cause)

        def again() -> None:
            for pod in pods:
                if pod.phase is Phase.RUNNING and not pod.terminating:
                    kubelets.ready_again(pod)

        return again if plan.lasts is not None else (lambda: None)
