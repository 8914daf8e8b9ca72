"""How many pods of controllers are ready, and endpoints of services, for operators that go on only while enough are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from models.api.types import Pod
from models.control.log import Op
from models.control.plane import ControlPlane
from models.control.replication import UP
from models.control.replicationbelief import STANDING
from models.control.store import Store
from sim.engine import BELIEF, Engine, Event

__all__ = ["LimitPlan", "Readiness"]

_UP = tuple(standing == UP for standing in STANDING)


@dataclass(frozen=True)
class LimitPlan:
    """What must be ready.

    Attributes:
        kind: ``controller`` or ``service``.
        key: With its namespace.
        ready: So many pods or endpoints.
    """

    kind: str
    key: str
    ready: int

    @property
    def name(self) -> str:
        """As in the journal, without the default namespace."""
        return f"{self.kind}/{self.key}"


@dataclass(eq=False)
class _Waiting:
    """One who waits: for what, since when, and whether the next look is arranged."""

    limit: LimitPlan
    since_s: float
    event: Event
    looks: bool = False


class Readiness:
    """Counts of ready pods in the record, of what operators look at, and who waits for more of them.

    Of a service these are the pods that its selector takes: its endpoints, without their lag.

    Args:
        period_s: From look to look of one who waits.
    """

    def __init__(self, engine: Engine, store: Store, plane: ControlPlane, period_s: float) -> None:
        self._engine = engine
        self._store = store
        self._plane = plane
        self._period_s = period_s
        self._counts: dict[LimitPlan, int] = {}
        self._waiting: list[_Waiting] = []
        store.log.observe(self._told, (Op.POD_CHANGED, Op.POD_ENDED), self._matters)
        store.log.observe(self._moved, (Op.POD_OWNED, Op.POD_LABELLED))

    def follow(self, limit: LimitPlan) -> None:
        """Count what a limit is about, from now on."""
        if limit not in self._counts:
            pods = self._store.pods()
            self._counts[limit] = sum(_UP[pod.word] and self._is_of(limit, pod) for pod in pods)

    def _is_of(self, limit: LimitPlan, pod: Pod) -> bool:
        if limit.kind == "controller":
            controller = self._plane.controllers.get(limit.key)
            return controller is not None and pod.owner == controller.identity
        service = self._plane.services.get(limit.key)
        return (
            service is not None
            and pod.template.namespace == service.namespace
            and service.selector.matches(dict(pod.labels))
        )

    def count(self, limit: LimitPlan) -> int:
        """Return how many are ready now; none of what there is not."""
        return self._counts[limit]

    def holds(self, limit: LimitPlan) -> bool:
        """Whether enough are ready."""
        return self._counts[limit] >= limit.ready

    def wait(self, limit: LimitPlan) -> Event:
        """Return what happens when a look, one every period from now, finds that enough are ready."""
        waiting = _Waiting(limit, self._engine.now_s, self._engine.env.event())
        self._waiting.append(waiting)
        return waiting.event

    @staticmethod
    def _matters(op: Op, before: int, after: int) -> bool:
        return _UP[before] != _UP[after]

    def _told(self, op: Op, what: object, before: int, after: int) -> None:
        assert isinstance(what, Pod)
        for limit in self._counts:
            if self._is_of(limit, what):
                self._counts[limit] += _UP[after] - _UP[before]
        self._look_again()

    def _moved(self, op: Op, what: object, before: int, after: int) -> None:
        """Count afresh, as what a pod was before is not known any more; operators relabel rarely."""
        limits = list(self._counts)
        self._counts.clear()
        for limit in limits:
            self.follow(limit)
        self._look_again()

    def _look_again(self) -> None:
        """Arrange the next look of everybody who would find enough by now."""
        now_s = self._engine.now_s
        for each in self._waiting:
            if not each.looks and self.holds(each.limit):
                each.looks = True
                looks = max(1, math.ceil(round((now_s - each.since_s) / self._period_s, 6)))
                self._engine.at(each.since_s + looks * self._period_s, BELIEF, partial(self._look, each))

    def _look(self, waiting: _Waiting) -> None:
        if self.holds(waiting.limit):
            self._waiting.remove(waiting)
            waiting.event.succeed()
        else:
            waiting.looks = False
