"""What the replication manager believes of its controllers, from what the watch tells: digests, orphans, keys."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from models.api.types import PHASE_MASK, READY, TERMINATING, Phase, Pod
from models.control.expectations import Expectations
from models.control.log import Change, Op
from models.control.objects import ControllerObject
from models.control.replication import ABSENT, UNREADY, UP, ReplicaDigest
from models.control.replication import TERMINATING as ENDING

__all__ = ["ACTIVE", "STANDING", "Replicated", "ReplicationBelief"]


def _standing(word: int) -> int:
    """Return what a pod in a state is to its controller."""
    phase = word & PHASE_MASK
    if phase > Phase.RUNNING:
        return ABSENT  # the store keeps no pod that has finished
    if word & TERMINATING:
        return ENDING
    return UP if word & READY else UNREADY  # where it is bound is not watched: no count depends on it


STANDING = tuple(_standing(word) for word in range(64))
"""By state word of a pod: what it is to its controller."""
ACTIVE = tuple(code in {UNREADY, UP} for code in STANDING)
"""By state word: whether the pod counts as a replica."""
_CREATED, _CHANGED, _ENDED = Op.POD_CREATED, Op.POD_CHANGED, Op.POD_ENDED
# To read a member of an enumeration costs as much as a call.
_SEEN = tuple((ACTIVE[word], STANDING[word] == UP) for word in range(64))


class Replicated:
    """What the manager believes of one controller.

    Attributes:
        digest: Its pods, as far as the watch has told.
        expectations: What it has done and the watch has not shown yet.
        queued: Its key waits for a worker.
        busy: A worker is at it.
        dirty: Something came meanwhile; it is looked at again afterwards.
    """

    __slots__ = ("busy", "digest", "dirty", "expectations", "object", "queued")

    def __init__(self, controller: ControllerObject, expectations: Expectations) -> None:
        self.object = controller
        self.digest = ReplicaDigest()
        self.expectations = expectations
        self.queued = False
        self.busy = False
        self.dirty = False


class ReplicationBelief:
    """What is known of all controllers, and whose key waits for a worker.

    Args:
        timeout_s: Of expectations.
        expectations: Whether creates and deletes are waited for.

    Attributes:
        by_owner: By identity of the controller.
        orphans: Pods without a controller, by arrival.
        queue: Keys that wait.
    """

    def __init__(self, timeout_s: float, *, expectations: bool) -> None:
        self._timeout_s = timeout_s
        self._expectations = expectations
        self.by_owner: dict[int, Replicated] = {}
        self.orphans: dict[int, Pod] = {}
        self._gone: set[int] = set()
        self._owners: dict[int, tuple[Pod, list[int]]] = {}
        self.queue: deque[Replicated] = deque()
        self._selecting: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[Replicated, ...]] = {}

    @staticmethod
    def matters(op: Op, before: int, after: int) -> bool:
        """Whether a change can matter to any controller: one that leaves a pod's standing alike does not."""
        return op is not _CHANGED or STANDING[before] != STANDING[after]

    def concerns(self, op: Op, what: Any, before: int, after: int) -> bool:
        """Whether a commit calls for a wake-up: not while a sync is on, which looks again when it is over."""
        if op is _CHANGED or op is _ENDED or op is _CREATED:
            found = self.by_owner.get(what.owner)
            if found is None:
                return op is not _ENDED and bool(self.selecting(what))
            if op is not _CREATED and _SEEN[before] == _SEEN[after]:
                return False
            if found.busy or found.queued:
                found.dirty = True
                return False
        elif op is Op.POD_OWNED:
            # Until that is read, changes of the pod are those of one whom the watch showed with its old owner.
            pod, old, _ = what
            self._owners.setdefault(pod.arrival, (pod, []))[1].append(old)
        return True

    def _owner(self, pod: Pod) -> Replicated | None:
        """Return the controller whose pod a pod is, as far as was read."""
        if self._owners and pod.arrival in self._owners:
            return self.by_owner.get(self._owners[pod.arrival][1][0])
        return self.by_owner.get(pod.owner)

    def claimed(self, found: Replicated) -> ReplicaDigest:
        """Return a controller's digest with the pods that it has adopted and without those that it has released.

        A sync counts the pods that it has claimed itself, seen or not (claimPods in replica_set.go).
        """
        identity, digest = found.object.identity, found.digest
        for pod, owners in self._owners.values():
            change = (owners[0] == identity, pod.owner == identity)
            if change[0] != change[1] and pod.phase <= Phase.RUNNING:
                digest = digest.copy() if digest is found.digest else digest
                stands = STANDING[pod.word]
                digest.change(*((ABSENT, stands) if change[1] else (stands, ABSENT)))
        return digest

    def selecting(self, pod: Pod) -> tuple[Replicated, ...]:
        """Return the controllers whose selector takes a pod's labels."""
        key = (pod.template.namespace, pod.labels)
        found = self._selecting.get(key)
        if found is None:
            labels = dict(pod.labels)
            found = self._selecting[key] = tuple(
                each
                for each in self.by_owner.values()
                if each.object.namespace == key[0] and each.object.selector.matches(labels)
            )
        return found

    def apply(self, change: Change) -> None:
        """Take one change into the belief."""
        _, op, what, _, before, after = change
        if op is _CHANGED or op is _ENDED:
            found = self._owner(what)
            if found is None:
                self._apply_orphan(what, ended=op is _ENDED)
            else:
                self._apply_pod(found, what, before, after)
        elif op is _CREATED:
            found = self._owner(what)
            if found is None:
                self._orphan(what)
            else:
                found.digest.change(ABSENT, UNREADY)
                found.expectations.creation_observed()
                self.enqueue(found)
        elif op is Op.CONTROLLER_CHANGED:
            self._learn(what)
        else:
            self._apply_rare(op, what, before)

    def _apply_pod(self, found: Replicated, pod: Pod, before: int, after: int) -> None:
        stood, stands = STANDING[before], STANDING[after]
        if stood != stands:
            found.digest.change(stood, stands)
            if _SEEN[before] != _SEEN[after]:
                if stands in {ENDING, ABSENT}:
                    found.expectations.deletion_observed(pod.arrival)
                self.enqueue(found)

    def _apply_orphan(self, pod: Pod, *, ended: bool) -> None:
        if ended:
            self.orphans.pop(pod.arrival, None)
        elif pod.arrival in self.orphans:
            for each in self.selecting(pod):
                self.enqueue(each)

    def _orphan(self, pod: Pod) -> None:
        self.orphans[pod.arrival] = pod
        for each in self.selecting(pod):
            self.enqueue(each)

    def _apply_rare(self, op: Op, what: Any, word: int) -> None:
        pod = what[0]
        if op is Op.POD_OWNED:
            earlier = self._owners[pod.arrival][1] if pod.arrival in self._owners else []
            if len(earlier) > 1:
                del earlier[0]
            else:
                self._owners.pop(pod.arrival, None)
            for owner, pair in ((what[1], (STANDING[word], ABSENT)), (what[2], (ABSENT, STANDING[word]))):
                found = self.by_owner.get(owner)
                if found is not None:
                    found.digest.change(*pair)
                    self.enqueue(found)
            if what[2] in self.by_owner:
                self.orphans.pop(pod.arrival, None)
            elif what[2] < 0:
                self._orphan(pod)
        else:
            found = self.by_owner.get(pod.owner)
            if found is not None:
                self.enqueue(found)
            for each in self.selecting(pod):
                self.enqueue(each)

    def _learn(self, controller: ControllerObject) -> None:
        if controller.gone:
            self._gone.add(controller.identity)
            self.by_owner.pop(controller.identity, None)
            self._selecting.clear()
            return
        found = self.by_owner.get(controller.identity)
        if found is None:
            found = self.by_owner[controller.identity] = Replicated(
                controller, Expectations(self._timeout_s, enabled=self._expectations)
            )
            self._selecting.clear()
        self.enqueue(found)

    def has_controller(self, pod: Pod) -> bool:
        """Whether a pod names a controller as its owner, if only one that is gone: then nobody may adopt it."""
        return pod.owner in self.by_owner or pod.owner in self._gone or not pod.ask.adoptable

    def relist(self, controllers: Iterable[ControllerObject], pods: Iterable[Pod]) -> None:
        """Forget all, and take in the record as it is: all keys wait."""
        self.by_owner.clear()
        self.orphans.clear()
        self._owners.clear()
        self.queue.clear()
        for controller in controllers:
            self._learn(controller)
        for pod in pods:
            found = self.by_owner.get(pod.owner)
            if found is not None:
                found.digest.change(ABSENT, STANDING[pod.word])
            elif not self.has_controller(pod):
                self.orphans[pod.arrival] = pod

    def enqueue(self, found: Replicated) -> None:
        """Let a key wait for a worker, once."""
        if found.busy:
            found.dirty = True
        elif not found.queued:
            found.queued = True
            self.queue.append(found)
