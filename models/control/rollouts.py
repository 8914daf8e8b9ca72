"""Operators at work on minions: drains, and reboots or upkeep over many minions in turn.

A drain does as kubectl's does (k/kubectl:pkg/drain, v1.20.2): the minion is cordoned, its pods are read, and one
eviction after the other is asked for through a client of kubectl's limits; it is over when all of these are gone,
looked at every second. An eviction that a disruption budget refuses is asked for again every 5 s, each by itself. Left
are pods that tolerate the cordon, as those of daemons do, those that several budgets select (kubectl ends with an error
then), and, unless it is forced, those that no controller would make anew.

With a limit an operator looks before every minion and every eviction whether enough is ready, and if not again every
5 s (as kubectl does where a budget refuses an eviction); of several at once the master refuses all but the first.
Looks that would find nothing changed are not made.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from models.api import records
from models.api.specs_taints import for_scheduling, keeps_off
from models.api.types import Phase, Pod
from models.control.budgets import Verdict
from models.control.client import Client, Law
from models.control.log import Op
from models.control.plane import ControlPlane
from models.control.readiness import LimitPlan, Readiness
from models.control.store import Store
from sim.engine import TRUTH, Engine, Event
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["CORDONED", "EVICTED", "RolloutPlan", "Rollouts"]

CORDONED = "node.kubernetes.io/unschedulable:NoSchedule"
EVICTED = "Eviction"
"""The reason of ``pod_terminating`` where an operator's drain drives a pod away."""

_Steps = Generator[Event, Any, None]


@dataclass(frozen=True)
class RolloutPlan:
    """What is done to minions, one after the other.

    Attributes:
        drains: They are cordoned and their pods evicted.
        reboots: They go down.
        frees: They take pods again when all is done.
        down: Law of how long the reboot or upkeep of one takes; nothing where there is none.
        at_once: Minions at the same time.
        pause_s: Between one and the next.
        force: Evict what no controller makes anew, too.
        limit: What must be ready to go on.
    """

    minions: tuple[int, ...]
    drains: bool
    reboots: bool = False
    frees: bool = False
    down: Law | None = None
    at_once: int = 1
    pause_s: float = 0.0
    force: bool = False
    limit: LimitPlan | None = None


class Rollouts:
    """All operators of a run, and the client that they share.

    Args:
        is_up: Whether a minion is up.
        is_owned: Whether a pod is a controller's.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        store: Store,
        plane: ControlPlane,
        streams: Streams,
        is_up: Callable[[int], bool],
        is_owned: Callable[[Pod], bool],
        identity: int,
    ) -> None:
        constants = plane.plan.constants
        self.engine = engine
        self.journal = journal
        self.store = store
        self.plane = plane
        self.is_up = is_up
        self.is_owned = is_owned
        self.identity = identity
        self.retry_s = constants["drain_retry_s"]
        self.poll_s = constants["drain_poll_s"]
        self.readiness = Readiness(engine, store, plane, self.retry_s)
        plan = plane.plan
        assert plan.timing is not None, "operators need timing"
        # Not one of the plane's: it is nobody's that starts again after an outage, and asks until it is answered.
        self.client = Client(
            engine,
            plane.master,
            store.log,
            streams,
            "operator",
            timing=plan.timing,
            limits=plan.limits["operator"],
            apply=lambda change: None,
            act=lambda: None,
            ops=(),
        )
        self._gone: dict[int, Event] = {}
        self._back: dict[int, Event] = {}
        store.log.observe(self._ended, (Op.POD_ENDED,))
        store.log.observe(self._changed, (Op.MINION_CHANGED,))

    def _ended(self, op: Op, what: object, before: int, after: int) -> None:
        assert isinstance(what, Pod)
        event = self._gone.pop(what.arrival, None)
        if event is not None:
            event.succeed()

    def _changed(self, op: Op, what: object, before: int, after: int) -> None:
        assert isinstance(what, int)
        if what in self._back and self.store.minions[what].ready:
            self._back.pop(what).succeed()

    def gone(self, pod: Pod) -> Event:
        """Return what happens when a pod has left the store."""
        event = self.engine.env.event()
        if pod.phase > Phase.RUNNING:
            return event.succeed()
        return self._gone.setdefault(pod.arrival, event)

    def ready(self, minion: int) -> Event:
        """Return what happens when the master has a minion as ready."""
        event = self.engine.env.event()
        if self.store.minions[minion].ready:
            return event.succeed()
        return self._back.setdefault(minion, event)

    def call(self, commit: Callable[[], object]) -> Event:
        """Make a call; return what happens when it has been answered, with the answer as its value."""
        answered = self.engine.env.event()

        def at_master() -> None:
            answered.succeed(commit())

        self.client.call(at_master)
        return answered

    def start(
        self, plan: RolloutPlan, fault: int, down_s: Callable[[int], float], done: Callable[[], None]
    ) -> None:
        """Set as many operators to work as may be at once.

        Args:
            plan: What they do.
            fault: Its identity.
            down_s: By minion, how long its reboot or upkeep takes.
            done: Called when all are through.
        """
        queue = deque(plan.minions)
        left = min(plan.at_once, len(queue))
        if not left:
            done()

        def over(event: Event) -> None:
            nonlocal left
            left -= 1
            if not left:
                done()

        for _ in range(left):
            operator = _Operator(self, plan, fault, down_s)
            if plan.limit is not None:
                self.readiness.follow(plan.limit)
            process = self.engine.process(operator.work(queue))
            assert process.callbacks is not None, "a process that was just made goes on"
            process.callbacks.append(over)


class _Operator:
    """One who works on one minion at a time."""

    def __init__(
        self, rollouts: Rollouts, plan: RolloutPlan, fault: int, down_s: Callable[[int], float]
    ) -> None:
        self._all = rollouts
        self._engine = rollouts.engine
        self._store = rollouts.store
        self._plan = plan
        self._fault = fault
        self._down_s = down_s

    def work(self, queue: deque[int]) -> _Steps:
        """Take minion after minion."""
        plan, env = self._plan, self._engine.env
        while queue:
            yield from self._enough_ready()
            if not queue:
                return
            minion = queue.popleft()
            if plan.drains:
                yield from self._drain(minion)
            if plan.reboots:
                yield from self._reboot(minion)
            elif plan.down is not None:
                self._note(minion, "works on")
                yield env.timeout(self._down_s(minion))
            if plan.frees:
                yield self._all.call(partial(self._set_cordon, minion, on=False))
            self._note(minion, "is through with")
            if queue and plan.pause_s > 0:
                yield env.timeout(plan.pause_s)

    def _note(self, minion: int, what: str, value: float = math.nan) -> None:
        about = self._store.minions[minion].identity if minion >= 0 else -1
        self._engine.cause = self._all.journal.write(
            records.OPERATOR_STEP,
            self._fault,
            minion=about,
            actor=self._all.identity,
            cause=self._engine.cause,
            value=value,
            reason=what,
        )

    def _enough_ready(self) -> _Steps:
        """Go on only while enough is ready."""
        limit, readiness = self._plan.limit, self._all.readiness
        if limit is None or readiness.holds(limit):
            return
        self._note(-1, f"waits for {limit.ready} ready of {limit.name}", float(readiness.count(limit)))
        yield readiness.wait(limit)
        self._note(-1, "goes on", float(readiness.count(limit)))

    def _set_cordon(self, minion: int, *, on: bool) -> None:
        change = self._store.put_taint if on else self._store.lift_taint
        change(minion, CORDONED, cause=self._engine.cause, actor=self._all.identity)

    def _drain(self, minion: int) -> _Steps:
        self._note(minion, "drains")
        yield self._all.call(partial(self._set_cordon, minion, on=True))
        yield self._all.call(lambda: None)  # reads its pods
        pods = [pod for pod in self._store.bound[minion].values() if self._goes(pod)]
        left: dict[int, None] = {}
        for pod in pods:
            verdict = yield from self._ask(pod)
            if verdict is Verdict.LATER:
                self._engine.process(self._insist(pod))
            elif verdict is Verdict.NEVER:
                left[pod.arrival] = None
        began_s = self._engine.now_s
        for pod in pods:
            if pod.arrival not in left:
                yield self._all.gone(pod)
        poll_s = self._all.poll_s
        waited_s = math.ceil(round((self._engine.now_s - began_s) / poll_s, 6)) * poll_s
        yield self._engine.env.timeout(max(0.0, began_s + waited_s - self._engine.now_s))

    def _ask(self, pod: Pod) -> Generator[Event, Any, Verdict]:
        """Ask for an eviction as soon as the operator's own limit lets it; return what the master says."""
        while True:
            yield from self._enough_ready()
            verdict: Verdict | None = yield self._all.call(partial(self._evict, pod))
            if verdict is not None:
                return verdict

    def _insist(self, pod: Pod) -> _Steps:
        """Ask again for an eviction that a budget refused, until it is let through."""
        verdict = Verdict.LATER
        while verdict is Verdict.LATER:
            yield self._all.plane.budgets.again(pod, self._all.retry_s)
            verdict = yield from self._ask(pod)

    def _goes(self, pod: Pod) -> bool:
        if pod.terminating:
            return True  # it is waited for
        if not keeps_off((CORDONED,), for_scheduling(pod.template.tolerations)):
            return False
        return self._plan.force or self._all.is_owned(pod)

    def _evict(self, pod: Pod) -> Verdict | None:
        """Evict a pod; nothing where another operator was quicker with the last that the limit could spare."""
        limit = self._plan.limit
        if limit is not None and not self._all.readiness.holds(limit):
            return None
        return self._all.plane.budgets.evict(
            pod, cause=self._engine.cause, actor=self._all.identity, reason=EVICTED
        )

    def _reboot(self, minion: int) -> _Steps:
        """Let a minion go down and come back; one that is down already is waited for."""
        if self._all.is_up(minion):
            self._note(minion, "reboots")
            down_s = self._down_s(minion)
            plane, cause = self._all.plane, self._engine.cause
            plane.crash(minion, self._fault, down_s, cause, reason="reboot")
            self._engine.at(
                self._engine.now_s + down_s, TRUTH, partial(plane.repair, minion, self._fault, -1)
            )
            yield self._engine.env.timeout(down_s)
        yield self._all.ready(minion)
