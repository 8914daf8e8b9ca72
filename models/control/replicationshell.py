"""Replication controllers at work: keys, workers, calls; what to do is decided by models.control.replication.

One client for all controllers, as in the controller manager. A sync catches up with the watch, adopts and releases,
creates in slow-start batches or deletes in parallel, and then writes the status as it was at its beginning
(k/k:pkg/controller/replicaset/replica_set.go, v1.20.2: syncReplicaSet).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from models.api import records
from models.api.types import Pod, PodAsk
from models.control.client import Client
from models.control.eventsink import EventSink
from models.control.log import Op
from models.control.objects import ControllerObject
from models.control.ranking import pods_to_delete, related_on_minion
from models.control.replication import ReplicaStatus
from models.control.replicationbelief import ACTIVE, Replicated, ReplicationBelief
from models.control.store import Store
from models.control.tokens import EventFilter
from sim.engine import Engine
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["ReplicationManager"]


class ReplicationManager:
    """All replication controllers of the run.

    Args:
        make_client: Makes the client, given (apply, act, ops, interest).
        constants: burst, workers, expectations timeout, event filter.
        expectations: Whether creates and deletes are waited for (off only to study staleness).
        on_change: Called with a controller whose counts in the record changed, for its series.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        store: Store,
        streams: Streams,
        make_client: Callable[..., Client],
        constants: Mapping[str, float],
        identity: int,
        expectations: bool = True,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._store = store
        self._stream = streams.stream("replication.ties")
        self._ties = 0
        self._acting = False
        self._burst = int(constants["replication_burst_count"])
        self._slow_start = int(constants["replication_slow_start_count"])
        self._workers = self._all_workers = int(constants["replication_worker_count"])
        timeout_s = constants["replication_expectations_timeout_s"]
        self.belief = ReplicationBelief(timeout_s, expectations=expectations)
        self.identity = identity
        self.generation = 0
        self.client = make_client(
            apply=self.belief.apply,
            act=self._act,
            ops=(
                Op.POD_CREATED,
                Op.POD_CHANGED,
                Op.POD_ENDED,
                Op.POD_LABELLED,
                Op.POD_OWNED,
                Op.CONTROLLER_CHANGED,
            ),
            interest=self.belief.concerns,
            matters=self.belief.matters,
        )
        self._events = EventSink(self.client, EventFilter.of(constants).passes)

    # Keys and workers.

    def _act(self) -> None:
        """Give waiting keys to free workers; a sync that is over at once leaves its worker to the loop it came from."""
        if self._acting:
            return
        self._acting = True
        while self._workers and self.belief.queue:
            found = self.belief.queue.popleft()
            found.queued = False
            self._workers -= 1
            found.busy = True
            # What came while it waited may not have been read yet.
            found.dirty = found.dirty and bool(self.client.cursor.pending)
            self._sync(found)
        self._acting = False

    def _done(self, found: Replicated, generation: int) -> None:
        if generation != self.generation:
            return
        self.client.catch_up()  # what the sync itself did must not be missed by the next
        self._workers += 1
        found.busy = False
        if found.dirty:
            found.dirty = False
            self.belief.enqueue(found)
            self.client.poke()  # what came during the sync is on its way
        self.client.catch_up()
        self._act()

    # One sync.

    def _sync(self, found: Replicated) -> None:
        claims = self._claims(found)
        if claims:
            self._claim(found, claims, 0, self.generation)
        else:
            self._manage(found)

    def _claims(self, found: Replicated) -> list[tuple[Pod, int]]:
        """Return the pods to adopt (new owner) and to release (-1)."""
        controller = found.object
        if controller.deletion is not None:
            return []
        claims: list[tuple[Pod, int]] = []
        for pod in self.belief.orphans.values():
            if self.belief.has_controller(pod) or not ACTIVE[pod.word]:
                continue
            if found in self.belief.selecting(pod):
                claims.append((pod, controller.identity))
        if not self._store.relabelled:  # there is nothing to release
            return claims
        released = [
            (pod, -1)
            for pod in controller.pods.values()
            if pod.labels is not pod.template.labels
            and ACTIVE[pod.word]
            and found not in self.belief.selecting(pod)
        ]
        return claims + released

    def _claim(self, found: Replicated, claims: list[tuple[Pod, int]], place: int, generation: int) -> None:
        """Adopt and release one after the other; then go on."""
        if generation != self.generation:
            return
        if place == len(claims):
            self.client.catch_up()
            self._manage(found)
            return
        pod, owner = claims[place]

        def commit() -> None:
            if (
                ACTIVE[pod.word]
                and pod.owner != owner
                and not (owner >= 0 and (found.object.gone or self.belief.has_controller(pod)))
            ):
                self._store.set_owner(pod, owner, cause=pod.cause, actor=self.identity)
            self._claim(found, claims, place + 1, generation)

        self.client.call(commit, cause=pod.cause)

    def _manage(self, found: Replicated) -> None:
        controller = found.object
        digest, now_s = self.belief.claimed(found), self._engine.now_s
        status = digest.status(controller.generation)
        generation = self.generation
        difference = controller.desired - digest.active
        if controller.deletion is not None or not difference or not found.expectations.satisfied(now_s):
            self._write_status(found, status, generation)
        elif difference > 0:
            count = min(difference, self._burst)
            found.expectations.expect_creations(count, now_s)
            self._create(found, count, self._slow_start, status, generation)
        else:
            self._delete(found, min(-difference, self._burst), status, generation)

    def _create(
        self, found: Replicated, left: int, batch: int, status: ReplicaStatus, generation: int
    ) -> None:
        """Create a batch in parallel; when its last call is answered, one of twice the size."""
        if generation != self.generation:
            return
        if not left or found.object.gone:
            self._write_status(found, status, generation)
            return
        batch = min(batch, left)
        waiting = batch

        def created() -> None:
            nonlocal waiting
            self._make(found)
            waiting -= 1
            if not waiting:
                self._create(found, left - batch, 2 * batch, status, generation)

        for _ in range(batch):
            self.client.call(created)

    def _make(self, found: Replicated) -> None:
        controller = found.object
        if controller.gone:
            return
        number = controller.made
        controller.made = number + 1
        ask = PodAsk(f"{controller.name}-{number}", number, controller.template)
        pod = self._store.create_pod(ask, controller.identity)
        controller.pods[pod.arrival] = pod
        self._events.tell(controller.identity, pod.created_s)

    def _delete(self, found: Replicated, count: int, status: ReplicaStatus, generation: int) -> None:
        active = [pod for pod in found.object.pods.values() if ACTIVE[pod.word]]
        on_minion = related_on_minion(active)
        victims = pods_to_delete(active, count, lambda pod: on_minion[pod.minion], self._draw)
        found.expectations.expect_deletions([pod.arrival for pod in victims], self._engine.now_s)
        waiting = len(victims)
        if not waiting:
            self._write_status(found, status, generation)
            return

        def deleted(pod: Pod) -> None:
            nonlocal waiting
            if self._store.terminate(pod, cause=pod.cause, actor=self.identity, reason="scaled down"):
                self._events.tell(found.object.identity, self._engine.now_s)
            else:
                found.expectations.deletion_observed(pod.arrival)
            waiting -= 1
            if not waiting and generation == self.generation:
                self._write_status(found, status, generation)

        for pod in victims:
            self.client.call(partial(deleted, pod))

    def _draw(self, place: int) -> float:
        self._ties += 1
        return self._stream.at("victims", self._ties)

    def _write_status(self, found: Replicated, status: ReplicaStatus, generation: int) -> None:
        if generation != self.generation:
            return
        controller = found.object
        if status == controller.status or controller.gone:
            self._done(found, generation)
            return

        def commit() -> None:
            if not controller.gone:
                controller.status = status
                self._journal.write(
                    records.CONTROLLER_STATUS,
                    controller.identity,
                    actor=self.identity,
                    own_fields=(controller.desired, status.replicas, status.ready),
                )
            self._done(found, generation)

        self.client.call(commit)

    def restart(self, controllers: Iterable[ControllerObject], pods: Iterable[Pod]) -> None:
        """Start again with empty memory: keys, expectations and calls in flight are forgotten, all is listed."""
        self.generation += 1
        self._workers = self._all_workers
        self.client.restart()
        self._events.restart()
        self.belief.relist(controllers, pods)
        self.client.poke()
