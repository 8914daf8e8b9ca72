"""Endpoints at work: one key a service, workers, one write for all that has come since the last.

A pod stands in a service's endpoints while its labels are selected, it runs (it has an address then) and is not being
deleted: as a ready address or one that is not. Both lists are in the object, so a change of either is a write
(k/k:pkg/controller/endpoint/endpoints_controller.go, v1.20.2). Kept as sets with deltas, never rebuilt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from models.api import records
from models.api.types import PHASE_MASK, READY, TERMINATING, Phase, Pod
from models.control.client import Client
from models.control.log import Change, Op
from models.control.objects import ServiceObject
from sim.engine import Engine
from sim.journal import Journal

__all__ = ["ADDRESS", "EndpointsController"]

# By state word: 0 not in the endpoints, 1 an address that is not ready, 2 a ready one.
ADDRESS = tuple(
    0 if (word & PHASE_MASK) != Phase.RUNNING or word & TERMINATING else 2 if word & READY else 1
    for word in range(64)
)

_CHANGED, _ENDED = Op.POD_CHANGED, Op.POD_ENDED


def _matters(op: Op, before: int, after: int) -> bool:
    """Whether a change can matter to any service."""
    return (op is not _CHANGED and op is not _ENDED) or ADDRESS[before] != ADDRESS[after]


class _Service:
    """What the controller believes of one service: changes since the last write, by arrival of the pod."""

    __slots__ = ("busy", "dirty", "news", "object", "queued")

    def __init__(self, service: ServiceObject) -> None:
        self.object = service
        self.news: dict[int, tuple[Pod, int]] = {}
        self.queued = False
        self.busy = False
        self.dirty = False


class EndpointsController:
    """All services of the run.

    Args:
        make_client: Makes the client, given (apply, act, ops, interest).
        workers: Services that are written at a time.
        on_written: Called with (service, pods added, pods removed, seq) at each write.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        make_client: Callable[..., Client],
        workers: int,
        identity: int,
        on_written: Callable[[ServiceObject, list[Pod], list[Pod]], None],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._workers = self._all_workers = workers
        self.identity = identity
        self._on_written = on_written
        self.services: dict[int, _Service] = {}
        self._selecting: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[_Service, ...]] = {}
        self._of_template: dict[int, tuple[_Service, ...]] = {}
        self._queue: deque[_Service] = deque()
        self.generation = 0
        self.client = make_client(
            apply=self._apply,
            act=self._act,
            ops=(Op.POD_CHANGED, Op.POD_ENDED, Op.POD_LABELLED, Op.SERVICE_CHANGED),
            interest=self._concerns,
            matters=_matters,
        )

    def _selecting_pod(self, pod: Pod) -> tuple[_Service, ...]:
        """Return the services that select a pod as it is labelled now. HOT: pods of one template are alike."""
        template = pod.template
        if pod.labels is not template.labels:
            return self._selected_by(template.namespace, pod.labels)
        found = self._of_template.get(template.index)
        if found is None:
            found = self._of_template[template.index] = self._selected_by(template.namespace, pod.labels)
        return found

    def _selected_by(self, namespace: str, labels: tuple[tuple[str, str], ...]) -> tuple[_Service, ...]:
        key = (namespace, labels)
        found = self._selecting.get(key)
        if found is None:
            words = dict(labels)
            found = self._selecting[key] = tuple(
                each
                for each in self.services.values()
                if each.object.namespace == namespace and each.object.selector.matches(words)
            )
        return found

    def _concerns(self, op: Op, what: Any, before: int, after: int) -> bool:
        if op is _CHANGED or op is _ENDED:
            for service in self._selecting_pod(what):
                if not service.busy:
                    return True
                service.dirty = True
            return False
        return True

    def _apply(self, change: Change) -> None:
        _, op, what, _, _, after = change
        if op is _CHANGED or op is _ENDED:
            news = (what, ADDRESS[after])
            for service in self._selecting_pod(what):
                service.news[what.arrival] = news
                if not service.queued:
                    self._enqueue(service)
        elif op is Op.POD_LABELLED:
            pod, old, new = what
            was, now = (self._selected_by(pod.template.namespace, labels) for labels in (old, new))
            for service in was:
                if service not in now:
                    self._note(service, pod, 0)
            for service in now:
                self._note(service, pod, ADDRESS[after])
        elif op is Op.SERVICE_CHANGED:
            self.services[what.identity] = _Service(what)
            self._selecting.clear()
            self._of_template.clear()
            self._enqueue(self.services[what.identity])

    def _note(self, service: _Service, pod: Pod, address: int) -> None:
        service.news[pod.arrival] = (pod, address)
        self._enqueue(service)

    def _enqueue(self, service: _Service) -> None:
        if service.busy:
            service.dirty = True
        elif not service.queued:
            service.queued = True
            self._queue.append(service)

    def _act(self) -> None:
        while self._workers and self._queue:
            service = self._queue.popleft()
            service.queued = False
            self._workers -= 1
            service.busy = True
            service.dirty = False
            self._sync(service)

    def _sync(self, service: _Service) -> None:
        """Write what is known now; what comes while the call is on its way waits for the next write."""
        written, news = service.object, service.news
        service.news = {}
        added: list[Pod] = []
        removed: list[Pod] = []
        moved: list[tuple[Pod, int]] = []
        ready, unready = written.endpoints, written.unready
        for arrival, (pod, address) in news.items():
            stood = 2 if arrival in ready else 1 if arrival in unready else 0
            if stood != address:
                moved.append((pod, address))
                if address == 2:
                    added.append(pod)
                elif stood == 2:
                    removed.append(pod)
        generation = self.generation
        if not moved and written.written:
            self._done(service, generation)
            return

        def commit() -> None:
            for pod, address in moved:
                ready.pop(pod.arrival, None)
                unready.pop(pod.arrival, None)
                if address:
                    (ready if address == 2 else unready)[pod.arrival] = pod
            written.written += 1
            if added or removed or written.written == 1:
                self._journal.write(
                    records.ENDPOINTS_WRITTEN,
                    written.identity,
                    actor=self.identity,
                    value=float(len(ready)),
                    own_fields=(len(added), len(removed)),
                )
                self._on_written(written, added, removed)
            self._done(service, generation)

        self.client.call(commit)

    def _done(self, service: _Service, generation: int) -> None:
        if generation != self.generation:
            return
        self._workers += 1
        service.busy = False
        if service.dirty:
            service.dirty = False
            if service.news:
                self._enqueue(service)
            self.client.poke()
        self._act()

    def restart(self, services: Iterable[ServiceObject], pods: Iterable[Pod]) -> None:
        """Start again with empty memory: every service is computed afresh from the pods that there are."""
        self.generation += 1
        self._workers = self._all_workers
        self._queue.clear()
        self.client.restart()
        self._selecting.clear()
        self._of_template.clear()
        self.services = {service.identity: _Service(service) for service in services}
        for service in self.services.values():
            service.news = {
                pod.arrival: (pod, 0)
                for pod in (*service.object.endpoints.values(), *service.object.unready.values())
            }
        for pod in pods:
            for service in self._selected_by(pod.template.namespace, pod.labels):
                service.news[pod.arrival] = (pod, ADDRESS[pod.word])
        for service in self.services.values():
            self._enqueue(service)
        self.client.poke()
