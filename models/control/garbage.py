"""What happens to a controller's pods when the controller is deleted: background, foreground or orphan.

The garbage collector's own client deletes or releases the pods (k/k:pkg/controller/garbagecollector, v1.20.2).
Its first deletion after each renewal of its mapper (every 30 s) reads all groups of the API first, which its limit
makes 0.46 s (recorded twice); orphans are released at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from functools import partial

from models.api import records
from models.api.types import Phase, Pod
from models.control.client import Caller
from models.control.log import Change, Op
from models.control.objects import ControllerObject
from models.control.store import Store
from sim.engine import BELIEF, Engine
from sim.journal import Journal

__all__ = ["GarbageCollector"]


class GarbageCollector:
    """Ends what has lost its owner.

    Args:
        make_client: Makes the client, given (apply, act, ops, interest).
        renewal_s: How often the mapper is renewed; the first collection after it takes ``reading_s`` longer.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        store: Store,
        make_client: Callable[..., Caller],
        renewal_s: float,
        reading_s: float,
        identity: int,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._store = store
        self._renewal_s = renewal_s
        self._reading_s = reading_s
        self._read_at = -1.0
        self.identity = identity
        self._foreground: dict[int, ControllerObject] = {}
        self._begun: set[int] = set()
        self.client = make_client(
            apply=self._apply,
            act=lambda: None,
            ops=(Op.CONTROLLER_CHANGED, Op.POD_CREATED, Op.POD_ENDED),
            interest=self._concerns,
            matters=lambda op, before, after: op is Op.CONTROLLER_CHANGED or bool(self._foreground),
        )

    def _concerns(self, op: Op, what: object, before: int, after: int) -> bool:
        if isinstance(what, Pod):
            if what.owner in self._foreground:
                return True
            self.client.cursor.drop()  # a collection that begins later looks at what pods there are then
            return False
        return isinstance(what, ControllerObject) and what.deletion is not None

    def _apply(self, change: Change) -> None:
        op, what = change[1], change[2]
        if isinstance(what, Pod):
            if op is Op.POD_ENDED:
                self._ended(what)
            elif what.owner in self._foreground:
                self._delete([what])  # it was on its way when its owner was deleted
        elif (
            isinstance(what, ControllerObject)
            and what.deletion is not None
            and what.identity not in self._begun
        ):
            # An older change of it may be read only now; it is collected once all the same.
            self._begun.add(what.identity)
            self._collect(what)

    def _ended(self, pod: Pod) -> None:
        controller = self._foreground.get(pod.owner)
        if controller is not None and not controller.pods:
            del self._foreground[pod.owner]
            self._store.log.reconsider()
            self.client.call(partial(self.remove, controller))

    def _collect(self, controller: ControllerObject) -> None:
        pods = list(controller.pods.values())
        if controller.deletion == "orphan" and not controller.gone:
            self._release(controller, pods, len(pods))
            return
        if controller.deletion == "foreground" and not controller.gone:
            if not pods:
                self.client.call(partial(self.remove, controller))
                return
            self._foreground[controller.identity] = controller
            self._store.log.reconsider()
        delay_s = self._mapping_s()
        self._engine.at(self._engine.now_s + delay_s, BELIEF, partial(self._delete, pods))

    def _mapping_s(self) -> float:
        """Return what reading the API's groups takes before this collection."""
        renewal = math.floor(self._engine.now_s / self._renewal_s) if self._renewal_s > 0 else 0
        if renewal == self._read_at or not renewal:
            return 0.0
        self._read_at = renewal
        return self._reading_s

    def _delete(self, pods: list[Pod]) -> None:
        for pod in pods:
            if not pod.terminating:
                self.client.call(partial(self._terminate, pod))

    def _terminate(self, pod: Pod) -> None:
        self._store.terminate(pod, cause=self._engine.cause, actor=self.identity, reason="owner deleted")

    def _release(self, controller: ControllerObject, pods: list[Pod], left: int) -> None:
        if not left:
            self.client.call(partial(self._remove_owner, controller))
            return

        def released(pod: Pod) -> None:
            nonlocal left
            if pod.owner == controller.identity and pod.phase <= Phase.RUNNING:
                self._store.set_owner(pod, -1, cause=self._engine.cause, actor=self.identity)
            left -= 1
            if not left:
                self.client.call(partial(self._remove_owner, controller))

        for pod in pods:
            self.client.call(partial(released, pod))

    def _remove_owner(self, controller: ControllerObject) -> None:
        """Take a controller out of the store; what it made while its pods were released is nobody's, and ended."""
        self.remove(controller)
        self._delete(list(controller.pods.values()))

    def remove(self, controller: ControllerObject) -> None:
        """Take a controller out of the store."""
        if controller.gone:
            return
        controller.gone = True
        seq = self._journal.write(records.CONTROLLER_REMOVED, controller.identity, actor=self.identity)
        self._store.log.commit(Op.CONTROLLER_CHANGED, controller, seq)

    def restart(self, controllers: Collection[ControllerObject]) -> None:
        """Start again with empty memory: what is being deleted, or has left pods behind, is collected afresh."""
        self.client.restart()
        self._foreground.clear()
        self._store.log.reconsider()
        deleted = [each for each in controllers if each.deletion is not None]
        self._begun = {each.identity for each in deleted}
        for controller in deleted:
            if controller.pods or not controller.gone:
                self._collect(controller)
