"""Taint-based eviction: pods on a minion with a NoExecute taint go when what they tolerate has passed.

k/k:pkg/controller/nodelifecycle/scheduler/taint_manager.go, v1.20.2: it shares the client of the minion lifecycle
controller. A pod that tolerates every NoExecute taint for ever stays; one that does not tolerate one goes at once; else
it goes after the least of its tolerations' seconds, counted from when the taint was seen. A time that was set stands,
whatever taints come and go, unless one of them is not tolerated; when the last is gone it is cancelled (see
``models.control.tolerations.eviction_time``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from models.api.types import Pod
from models.control.client import Client
from models.control.eventsink import EventSink
from models.control.log import Change, Op
from models.control.store import Store
from models.control.tokens import EventFilter
from sim.engine import BELIEF, Engine

__all__ = ["TaintEviction"]


class _Cell:
    """The NoExecute taints of a minion, while it has any.

    Attributes:
        generation: Guards the timers of its pods.
        planned: Pods that have one, by arrival.
    """

    __slots__ = ("generation", "planned", "taints")

    def __init__(self) -> None:
        self.generation = 0
        self.taints: tuple[str, ...] = ()
        self.planned: set[int] = set()


class TaintEviction:
    """The taint manager.

    Args:
        delay: Seconds that a pod of a template tolerates taints for; 0 at once, ``inf`` for ever.
        client: The client of the minion lifecycle controller, whose limit it shares.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        make_client: Callable[..., Client],
        client: Client,
        events: EventFilter,
        delay: Callable[[Pod, Sequence[str]], float],
        identity: int,
    ) -> None:
        self._engine = engine
        self._store = store
        self._client = client
        self._delay = delay
        self.identity = identity
        self._cells: dict[int, _Cell] = {}
        self._since: Mapping[int, Mapping[str, float]] = {}
        self._events = EventSink(client, events.passes)
        self.watch = make_client(
            apply=self._apply,
            act=lambda: None,
            ops=(Op.MINION_CHANGED, Op.POD_BOUND),
            interest=self._concerns,
            matters=self._matters,
        )

    def tainted_before(self, since: Mapping[int, Mapping[str, float]]) -> None:
        """Take it that minions have had taints since before the run: by minion and taint, times below 0 in seconds.

        Pods that were there already have borne them since then, or since they were created.
        """
        self._since = since

    def _matters(self, op: Op, before: int, after: int) -> bool:
        # Whoever reads the taint of a minion later sees all pods that are bound to it by then.
        return op is not Op.POD_BOUND or bool(self._cells)

    def _concerns(self, op: Op, what: object, before: int, after: int) -> bool:
        if op is Op.POD_BOUND:
            assert isinstance(what, Pod)
            if what.minion in self._cells:
                return True
            self.watch.cursor.drop()
            return False
        assert isinstance(what, int)
        return what in self._cells or bool(_no_execute(self._store.minions[what].taints))

    def _apply(self, change: Change) -> None:
        op, what = change[1], change[2]
        if op is Op.POD_BOUND:
            assert isinstance(what, Pod)
            cell = self._cells.get(what.minion)
            if cell is not None:
                self._arm(cell, [what], what.minion)
        elif op is Op.MINION_CHANGED:
            assert isinstance(what, int)
            self._changed(what)

    def _changed(self, minion: int) -> None:
        taints = _no_execute(self._store.minions[minion].taints)
        cell = self._cells.get(minion)
        if taints == (cell.taints if cell is not None else ()):
            return
        if cell is None:
            cell = self._cells[minion] = _Cell()
            self._store.log.reconsider()
        cell.taints = taints
        if taints:
            self._arm(cell, list(self._store.bound[minion].values()), minion)
        else:
            cell.generation += 1
            del self._cells[minion]
            self._since = {other: times for other, times in self._since.items() if other != minion}
            self._store.log.reconsider()

    def restart(self) -> None:
        """Start again with empty memory: what pods tolerate is counted from now."""
        self.watch.restart()
        self._events.restart()
        for cell in self._cells.values():
            cell.generation += 1
        self._cells.clear()
        self._since = {}
        self._store.log.reconsider()
        for minion in range(len(self._store.minions)):
            self._changed(minion)

    def _arm(self, cell: _Cell, pods: list[Pod], minion: int) -> None:
        """Set one timer for all pods of a minion that are due together; the cause is its taint."""
        due: dict[float, list[Pod]] = {}
        for pod in pods:
            delay_s = self._delay(pod, cell.taints)
            if delay_s == 0.0 or (delay_s < math.inf and pod.arrival not in cell.planned):
                due.setdefault(self._due_s(pod, cell, minion, delay_s), []).append(pod)
                cell.planned.add(pod.arrival)
        for at_s, group in due.items():
            self._engine.at(
                at_s,
                BELIEF,
                partial(self._evict, group),
                cause=self._store.minions[minion].tainted,
                guard=(cell, cell.generation),
            )

    def _due_s(self, pod: Pod, cell: _Cell, minion: int, delay_s: float) -> float:
        """Return when a pod goes: so long from now, or from when a taint came that it has borne since long."""
        now_s, since = self._engine.now_s, self._since.get(minion)
        if since is None or pod.created_s >= 0.0:
            return now_s + delay_s
        due_s = math.inf
        borne: list[str] = []
        for came_s, taint in sorted((since.get(taint, now_s), taint) for taint in cell.taints):
            borne.append(taint)
            from_s, for_s = max(came_s, pod.created_s), self._delay(pod, borne)
            if (
                for_s == 0.0 or due_s == math.inf
            ):  # a time that was set stands, unless a taint is not borne at all
                due_s = min(due_s, from_s + for_s)
        return max(now_s, due_s)

    def _evict(self, pods: list[Pod]) -> None:
        for pod in pods:
            if pod.minion >= 0 and not pod.terminating:
                self._client.call(partial(self._delete, pod))

    def _delete(self, pod: Pod) -> None:
        if self._store.terminate(
            pod, cause=self._engine.cause, actor=self.identity, reason="TaintManagerEviction"
        ):
            self._events.tell(pod.identity, self._engine.now_s)


def _no_execute(taints: Sequence[str]) -> tuple[str, ...]:
    return tuple(taint for taint in taints if taint.endswith(":NoExecute"))
