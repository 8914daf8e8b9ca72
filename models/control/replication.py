"""What a replication controller does, as pure functions over a digest of its pods.

A ReplicaSet is the same code (FACTS K43). As in Kubernetes 1.20 (replica_set.go: syncReplicaSet, manageReplicas,
slowStartBatch; controller_ref_manager.go: ClaimObject; FACTS K43 to K47). The order of deletion stands in
``models.control.ranking``, expectations in ``models.control.expectations``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final, NamedTuple

__all__ = [
    "ABSENT",
    "FINISHED",
    "TERMINATING",
    "UNASSIGNED",
    "UNLABELLED",
    "UNREADY",
    "UP",
    "Actions",
    "Claim",
    "ReplicaDigest",
    "ReplicaStatus",
    "SlowStart",
    "claim",
    "reconcile",
    "standing",
]

# What one pod is to its controller: one small int, so that a change of a pod is two steps in a table.
ABSENT: Final = 0
"""Not created yet, gone, or not of this controller."""
UNASSIGNED: Final = 1
"""Active, on no minion."""
UNREADY: Final = 2
"""Active, on a minion, not ready."""
UP: Final = 3
"""Active and ready."""
UNLABELLED: Final = 3
"""Added to the three above: it lacks a label of the template, and is not counted as fully labelled."""
TERMINATING: Final = 7
"""Asked to terminate: it is replaced at once (K24)."""
FINISHED: Final = 8
"""Succeeded or failed."""


def standing(
    *, minion: int, ready: bool, terminating: bool = False, finished: bool = False, labelled: bool = True
) -> int:
    """Return what a pod of a controller is to it: ABSENT is for pods of others.

    Args:
        minion: Index of its minion, negative for none.
        ready: Its Ready condition is true.
        terminating: It has a deletion timestamp.
        finished: Its phase is Succeeded or Failed.
        labelled: It has all labels of the template.
    """
    if terminating:
        return TERMINATING
    if finished:
        return FINISHED
    code = UP if ready else UNREADY if minion >= 0 else UNASSIGNED
    return code if labelled else code + UNLABELLED


class ReplicaStatus(NamedTuple):
    """What a controller writes as its status; it writes only where that differs from the last.

    Available replicas are those ready, as minReadySeconds is not modelled.
    """

    replicas: int
    fully_labelled: int
    ready: int
    observed_generation: int


class ReplicaDigest:
    """How many pods of one controller stand how, kept by deltas: ``change`` is O(1) and allocates nothing."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = [0] * 9
        """By standing; the place of ABSENT holds the total, negated, so that the sum is 0."""

    @classmethod
    def fresh(cls, standings: Iterable[int]) -> ReplicaDigest:
        """Compute the digest from a full list of the controller's pods."""
        digest = cls()
        for code in standings:
            digest.change(ABSENT, code)
        return digest

    def copy(self) -> ReplicaDigest:
        """Return another with the same counts."""
        digest = ReplicaDigest()
        digest.counts[:] = self.counts
        return digest

    def change(self, before: int, after: int) -> None:
        """Take in that a pod stands otherwise than before; both may be ABSENT."""
        counts = self.counts
        counts[before] -= 1
        counts[after] += 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReplicaDigest) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"ReplicaDigest({self.counts})"

    @property
    def active(self) -> int:
        """Pods that count as replicas: neither terminating nor finished."""
        counts = self.counts
        return counts[1] + counts[2] + counts[3] + counts[4] + counts[5] + counts[6]

    @property
    def ready(self) -> int:
        """Active pods that are ready."""
        return self.counts[UP] + self.counts[UP + UNLABELLED]

    @property
    def unassigned(self) -> int:
        """Active pods on no minion."""
        return self.counts[UNASSIGNED] + self.counts[UNASSIGNED + UNLABELLED]

    @property
    def unready(self) -> int:
        """Active pods on a minion that are not ready."""
        return self.counts[UNREADY] + self.counts[UNREADY + UNLABELLED]

    @property
    def terminating(self) -> int:
        """Pods asked to terminate and not gone."""
        return self.counts[TERMINATING]

    @property
    def finished(self) -> int:
        """Pods that succeeded or failed and are still there."""
        return self.counts[FINISHED]

    @property
    def total(self) -> int:
        """All pods of this controller that exist."""
        return -self.counts[ABSENT]

    def status(self, generation: int) -> ReplicaStatus:
        """Return the status to write when the controller has seen this generation of itself."""
        counts = self.counts
        labelled = counts[1] + counts[2] + counts[3]
        return ReplicaStatus(self.active, labelled, counts[3] + counts[6], generation)


class Actions(NamedTuple):
    """How many pods one sync creates or deletes; one of them is 0."""

    create: int = 0
    delete: int = 0


_NOTHING: Final = Actions()


def reconcile(
    desired: int, digest: ReplicaDigest, *, expectations_satisfied: bool, deleting: bool, burst: int = 500
) -> Actions:
    """Return what one sync does.

    Args:
        desired: Replicas asked for.
        digest: What the controller believes of its pods.
        expectations_satisfied: It has seen all that it did itself; else it does nothing now.
        deleting: The controller is being deleted; it leaves its pods alone.
        burst: The most pods of one sync (K44); the rest is for the next.
    """
    if deleting or not expectations_satisfied:
        return _NOTHING
    missing = desired - digest.active
    if missing > 0:
        return Actions(create=min(missing, burst))
    if missing < 0:
        return Actions(delete=min(-missing, burst))
    return _NOTHING


class SlowStart:
    """Creates in batches of 1, 2, 4 ...: a batch with an error is the last (K45).

    The shell sends ``batch`` creates, reports each batch with ``done``, and stops when ``batch`` is 0. Then
    ``unobserved`` creations are to be taken from the expectations, as no watch will tell of them, and the
    controller is requeued with back-off if ``failed``.

    Args:
        count: Pods to create in all.
        initial: Size of the first batch.
    """

    __slots__ = ("batch", "count", "created", "failed", "remaining")

    def __init__(self, count: int, initial: int = 1) -> None:
        self.count = count
        self.remaining = count
        self.batch = min(count, initial)
        self.created = 0
        self.failed = False

    def done(self, errors: int = 0) -> int:
        """Take in that the present batch is answered, so many of it with an error; return the next size."""
        assert 0 <= errors <= self.batch, "no more errors than creates"
        self.created += self.batch - errors
        self.remaining -= self.batch
        if errors:
            self.failed = True
            self.batch = 0
        else:
            self.batch = min(2 * self.batch, self.remaining)
        return self.batch

    @property
    def unobserved(self) -> int:
        """Creates that failed or were not tried, once ``batch`` is 0."""
        return self.count - self.created


class Claim(enum.Enum):
    """What a controller does about a pod."""

    KEEP = "keep"
    ADOPT = "adopt"
    RELEASE = "release"
    IGNORE = "ignore"


def claim(
    controller: int, owner: int, *, matches: bool, active: bool = True, deleting: bool = False
) -> Claim:
    """Return what a controller does about a pod that it sees; only pods kept or adopted are its replicas.

    An adopted or released pod is so once the write is answered.

    Args:
        controller: Identity of the controller.
        owner: Identity of the pod's controlling owner, negative for none.
        matches: The controller's selector matches the pod's labels, in one namespace.
        active: The pod is neither terminating nor finished; others are neither adopted nor released.
        deleting: The controller is being deleted.
    """
    if not active or deleting:
        return Claim.KEEP if active and matches and owner == controller else Claim.IGNORE
    if owner == controller:
        return Claim.KEEP if matches else Claim.RELEASE
    return Claim.ADOPT if matches and owner < 0 else Claim.IGNORE
