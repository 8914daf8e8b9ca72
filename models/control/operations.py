"""What goes wrong and what operators do, besides crashes: cut-offs, kills, outages, restarts, late watches, taints.

Drains and rollouts begin here and go on in models.control.rollouts.
Each occurrence writes ``fault_began`` and, where it lasts, ``fault_ended``. Which pods a fault takes is drawn by the
fault's name among those that its selector takes when it begins. Drawn faults of minions have a clock for each minion,
the others one for all; both are renewal processes that start fresh (the first spell is a whole one).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from models.api import records
from models.api.selectors import Selector
from models.api.types import Phase, Pod
from models.control.client import Law
from models.control.plane import ControlPlane
from models.control.rollouts import CORDONED, RolloutPlan, Rollouts
from models.control.store import Store
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["FaultRunner", "OperationPlan"]


@dataclass(frozen=True)
class OperationPlan:
    """One fault that is not a crash.

    Attributes:
        kind: As in YAML: cutOff, kill, outage and so on.
        at_s: When; nothing if it is drawn.
        failure: Law of the time to the next occurrence; nothing if it is at a time.
        lasts: Law of its length; nothing: for ever, or over at once.
        minions: By index, for the kinds that are of minions.
        pods: For the kinds that are of pods.
        answers: By the text of an owner, the names that its pods answer to beside their own; else its name alone.
        rollout: For the kinds that are over when all is done.
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
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rollout: RolloutPlan | None = None
    words: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Occurrence:
    """One time that an operation begins.

    Attributes:
        identity: Of the fault.
        minion: By index, or -1.
        number: The how-manieth of its fault, from 1.
        lasts_s: How long it will last; nothing: for ever, or over at once.
    """

    plan: OperationPlan
    identity: int
    minion: int
    number: int
    lasts_s: float | None


class FaultRunner:
    """Runs the operations of a plan.

    Args:
        pods: All pods that are there.
        keys: By minion, (pool, index): names of its draws.
        is_up: Whether a minion is up.

    Attributes:
        intrude: Lets attackers into pods, given the occurrence's name, what was asked, the pods with their names, and
            the record that they follow from.
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
        is_up: Callable[[int], bool],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._identities = identities
        self._streams = streams
        self._store = store
        self._plane = plane
        self._pods = pods
        self._keys = keys
        self._is_up = is_up
        self._occurrences: dict[str, int] = {}
        self.intrude: Callable[[str, Any, Sequence[tuple[Pod, tuple[str, ...]]], int], None] | None = None

    @cached_property
    def _rollouts(self) -> Rollouts:
        """Made for the first operator, so that runs without one have no client for them."""
        return Rollouts(
            engine=self._engine,
            journal=self._journal,
            store=self._store,
            plane=self._plane,
            streams=self._streams,
            is_up=self._is_up,
            is_owned=lambda pod: self._owner(pod).startswith("controller/"),
            identity=self._identities.add("client", "operator"),
        )

    def start(self, plan: OperationPlan) -> None:
        """Arm one fault."""
        identity = self._identities.add("fault", plan.name)
        for minion in plan.minions if plan.minions and plan.rollout is None else (-1,):
            if plan.at_s is not None:
                self._engine.at(plan.at_s, TRUTH, partial(self._begin, plan, identity, minion, 0), cause=-1)
            else:
                self._arm(plan, identity, minion, 0)

    def _key(self, plan: OperationPlan, minion: int) -> tuple[str, int]:
        if minion < 0:
            return plan.name, 0
        pool, index = self._keys[minion]
        return f"{plan.name}/{pool}", index

    def _arm(self, plan: OperationPlan, identity: int, minion: int, n: int) -> None:
        assert plan.failure is not None, "what has no time is drawn"
        wait_s = self._draw_s("fault.time_to_next", plan.failure, plan, minion, n)
        self._engine.at(
            self._engine.now_s + wait_s, TRUTH, partial(self._begin, plan, identity, minion, n), cause=-1
        )

    def _begin(self, plan: OperationPlan, identity: int, minion: int, n: int) -> None:
        self._occurrences[plan.name] = occurrence = self._occurrences.get(plan.name, 0) + 1
        about = self._store.minions[minion].identity if minion >= 0 else -1
        self._engine.cause = self._journal.write(
            records.FAULT_BEGAN, identity, minion=about, cause=-1, value=float(occurrence)
        )
        lasts_s = None if plan.lasts is None else self._draw_s("fault.lasts", plan.lasts, plan, minion, n)
        undo: Callable[[], None] | None = None

        def end() -> None:
            self._engine.cause = self._journal.write(records.FAULT_ENDED, identity, minion=about)
            if undo is not None:
                undo()
            if plan.failure is not None:
                self._arm(plan, identity, minion, n + 1)

        if plan.rollout is not None:
            self._roll_out(plan, plan.rollout, identity, n, end)
            return
        undo = getattr(self, f"_{plan.kind}")(_Occurrence(plan, identity, minion, occurrence, lasts_s))
        if lasts_s is not None or undo is None:
            self._engine.at(self._engine.now_s + (lasts_s or 0.0), TRUTH, end)

    def _draw_s(self, stream: str, law: Law, plan: OperationPlan, minion: int, n: int) -> float:
        group, index = self._key(plan, minion)
        return float(law.quantile(self._streams.stream(stream).at(group, index, n)))

    def _roll_out(
        self, plan: OperationPlan, rollout: RolloutPlan, identity: int, n: int, end: Callable[[], None]
    ) -> None:
        def down_s(minion: int) -> float:
            assert rollout.down is not None, "what takes time has a law of it"
            return self._draw_s("operator.down", rollout.down, plan, minion, n)

        self._rollouts.start(rollout, identity, down_s, end)

    def operate(
        self,
        rollout: RolloutPlan,
        identity: int,
        down_s: Callable[[int], float],
        end: Callable[[], None],
    ) -> None:
        """Have operators work on minions, for whoever asks them to."""
        self._rollouts.start(rollout, identity, down_s, end)

    # The kinds: each begins, and returns what ends it (nothing: it is over at once).

    def _cutOff(self, one: _Occurrence) -> Callable[[], None] | None:  # noqa: N802
        self._plane.cut(one.minion)
        return partial(self._plane.join, one.minion)

    def _outage(self, one: _Occurrence) -> Callable[[], None] | None:
        if one.plan.words.get("of") == "registry":
            assert self._plane.images is not None, "an outage of the registry needs images"
            registry = self._plane.images.registry
            registry.stop()
            return registry.start
        self._plane.outage()
        return self._plane.recover

    def _restart(self, one: _Occurrence) -> Callable[[], None] | None:
        self._plane.master.reach(partial(self._plane.restart, one.plan.words["client"]))
        return None

    def _watch(self, one: _Occurrence) -> Callable[[], None] | None:
        return self._plane.disturb(
            one.plan.words["client"], one.plan.words.get("lag"), one.plan.words.get("loss", 0.0)
        )

    def _cordon(self, one: _Occurrence) -> Callable[[], None] | None:
        return self._put_taint(one.minion, CORDONED)

    def _uncordon(self, one: _Occurrence) -> Callable[[], None] | None:
        self._plane.master.reach(self._taint_lift(one.minion, CORDONED))
        return None

    def _reboot(self, one: _Occurrence) -> Callable[[], None] | None:
        assert one.lasts_s is not None, "a reboot has an end"
        if not self._is_up(one.minion):
            return lambda: None
        self._plane.crash(one.minion, one.identity, one.lasts_s, self._engine.cause, reason="reboot")
        return lambda: self._plane.repair(one.minion, one.identity, self._engine.cause)

    def _taint(self, one: _Occurrence) -> Callable[[], None] | None:
        return self._put_taint(one.minion, one.plan.words["taint"])

    def _put_taint(self, minion: int, taint: str) -> Callable[[], None]:
        cause = self._engine.cause

        self._plane.master.reach(lambda: self._store.put_taint(minion, taint, cause=cause))
        return partial(self._plane.master.reach, self._taint_lift(minion, taint))

    def _taint_lift(self, minion: int, taint: str) -> Callable[[], None]:
        return lambda: self._store.lift_taint(minion, taint, cause=self._engine.cause)

    def _owner(self, pod: Pod) -> str:
        return self._identities.text(pod.owner) if pod.owner >= 0 else ""

    def _names(self, plan: OperationPlan, pod: Pod) -> tuple[str, ...]:
        """Return what a pod answers to."""
        owner, name = self._owner(pod), pod.ask.name
        owners = plan.answers.get(owner) or (owner.rpartition("/")[2],)
        return (name, f"{pod.template.namespace}/{name}", *owners)

    def _compromise(self, one: _Occurrence) -> Callable[[], None] | None:
        assert self.intrude is not None, "a compromise has attackers"
        pods = [pod for pod in self._taken(one) if pod.phase is Phase.RUNNING]
        named = [(pod, self._names(one.plan, pod)) for pod in pods]
        self.intrude(f"{one.plan.name}-{one.number}", one.plan.words["asked"], named, self._engine.cause)
        return None

    def _taken(self, one: _Occurrence) -> list[Pod]:
        """Return the pods that the fault takes, now."""
        plan, n = one.plan, one.number
        assert plan.pods is not None, "a fault of pods has a selector"
        found = []
        for pod in self._pods():
            there = not pod.terminating and pod.phase <= Phase.RUNNING
            if there and plan.pods.matches(dict(pod.labels), self._names(plan, pod)):
                found.append(pod)
        if plan.count is None or plan.count >= len(found):
            return found
        stream = self._streams.stream("fault.victims")
        order = sorted(range(len(found)), key=lambda i: stream.at(f"{plan.name}/{n}", i))
        return [found[i] for i in sorted(order[: plan.count])]

    def _kill(self, one: _Occurrence) -> Callable[[], None] | None:
        kubelets, cause = self._plane.kubelets, self._engine.cause
        if one.plan.words.get("mode") == "kill":
            assert kubelets is not None, "containers need timing"
            for pod in self._taken(one):
                kubelets.died(pod, cause)
            return None

        def delete() -> None:
            for pod in self._taken(one):
                self._store.terminate(pod, cause=cause, reason="fault")

        self._plane.master.reach(delete)
        return None

    def _relabel(self, one: _Occurrence) -> Callable[[], None] | None:
        cause = self._engine.cause

        def relabel() -> None:
            for pod in self._taken(one):
                labels = tuple(sorted({**dict(pod.labels), **one.plan.words["labels"]}.items()))
                self._store.relabel(pod, labels, cause=cause)

        self._plane.master.reach(relabel)
        return None

    def _unready(self, one: _Occurrence) -> Callable[[], None] | None:
        kubelets = self._plane.kubelets
        assert kubelets is not None, "readiness needs timing"
        pods = [pod for pod in self._taken(one) if pod.phase is Phase.RUNNING]
        for pod in pods:
            kubelets.unready(pod, self._engine.cause)

        def again() -> None:
            for pod in pods:
                if pod.phase is Phase.RUNNING and not pod.terminating:
                    kubelets.ready_again(pod)

        return again if one.lasts_s is not None else (lambda: None)

    def _slow(self, one: _Occurrence) -> Callable[[], None] | None:
        kubelets, takes_s = self._plane.kubelets, one.plan.words["takes_s"]
        assert kubelets is not None, "probes need timing"
        pods = [pod for pod in self._taken(one) if pod.phase is Phase.RUNNING]
        for pod in pods:
            kubelets.answers(pod, (True, takes_s), self._engine.cause)

        def well() -> None:
            for pod in pods:
                kubelets.answers(pod, None, self._engine.cause)

        return well if one.lasts_s is not None else (lambda: None)
