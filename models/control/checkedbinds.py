"""Binds that the master checks: what conflicts with what was bound since a decision began is refused.

A real API server checks nothing when a pod is bound; schedulers that share all minions need somebody who does. First
wins: a transaction of one or more pods is held against the record as it is when it is committed. Conflicts are *fine*
(the minion has too little room left for the pod by what is bound there in the record) or *coarse* (a pod was bound
there or ended there, or its condition or taints changed, since the decider read it, by anybody but the decider itself).

Simplified: room is resources and GPU devices; host ports, affinities and what else filters look at is not checked anew.

Source: Schwarzkopf et al., Omega, EuroSys '13, sections 3.4 and 5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import add, sub
from typing import Any

from models.api.types import MinionAsk, Pod, ResourceTable
from models.cluster.allocatable import allocatable_of
from models.control.log import Op
from models.control.store import Store
from sim.journal import Journal

__all__ = ["CHANGES", "CheckedBinds", "Claim"]

Claim = tuple[Pod, int, tuple[int, ...]]
"""(pod, index of the minion, GPU devices)"""

Verb = Callable[[Pod, int, tuple[int, ...], int, int], str | None]

CHANGES = (Op.POD_BOUND, Op.POD_ENDED, Op.MINION_CHANGED)
"""What makes a minion another one for the coarse check."""
_NOBODY = -1


class CheckedBinds:
    """What is free by the record, who changed it last, and the verb that looks there first.

    Args:
        minions: By index.
        resources: The columns of needs.
        bind: The master's verb that checks nothing.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        store: Store,
        minions: Sequence[MinionAsk],
        resources: ResourceTable,
        bind: Verb,
    ) -> None:
        self._journal = journal
        self._store = store
        self._bind = bind
        self._words = resources.names
        self._free: list[list[int]] = [list(allocatable_of(each, resources)) for each in minions]
        self._devices = [[1000] * each.gpu.count for each in minions]
        # By minion (seq, actor) of the last change, and of the last one by another actor than that.
        self._changed = [((_NOBODY, _NOBODY), (_NOBODY, _NOBODY))] * len(minions)
        self._actor = _NOBODY
        store.log.observe(self._told, CHANGES)

    def last_change(self, minion: int) -> int:
        """Return the seq of the last change of a minion; -1 if there was none."""
        return self._changed[minion][0][0]

    def _told(self, op: Op, what: Any, before: int, after: int) -> None:
        if op is Op.MINION_CHANGED:
            self._touch(what, self._journal.count - 1)
        elif what.minion >= 0:
            self._move(what, what.minion, what.devices, -1 if op is Op.POD_BOUND else 1)
            self._touch(what.minion, what.cause)

    def _touch(self, minion: int, seq: int) -> None:
        last, other = self._changed[minion]
        self._changed[minion] = (seq, self._actor), (other if last[1] == self._actor else last)

    def _move(self, pod: Pod, minion: int, devices: tuple[int, ...], sign: int) -> None:
        change = sub if sign < 0 else add
        self._free[minion] = list(map(change, self._free[minion], pod.template.need))
        gpu = pod.template.gpu
        if gpu is not None:
            for device in devices:
                self._devices[minion][device] += sign * gpu.milli

    def commit(
        self, claims: Sequence[Claim], *, whole: bool, seen: Mapping[int, int] | None, actor: int, cause: int
    ) -> list[str | None]:
        """Bind what does not conflict, in order.

        Args:
            claims: Who shall go where.
            whole: All or none.
            seen: The last change by minion that the decision knew of, for the coarse check; nothing: the fine one.
            actor: Who decided; its own changes are none to it.
            cause: Record of the decision.

        Returns:
            For each nothing, or why it was refused; a refusal is recorded too.
        """
        if whole and any(self._trial(claims, seen, actor)):
            reasons = [
                why or "conflict: another pod of its job has one" for why in self._trial(claims, seen, actor)
            ]
            for claim, reason in zip(claims, reasons, strict=True):
                self._turn_down(claim, reason, actor, cause)
            return list(reasons)
        return [self._try(claim, seen, actor, cause, checks=not whole) for claim in claims]

    def _trial(self, claims: Sequence[Claim], seen: Mapping[int, int] | None, actor: int) -> list[str | None]:
        """Return what each would conflict with, one after the other, and bind none."""
        found, taken = [], list[Claim]()
        for claim in claims:
            found.append(self._conflict(claim, seen, actor))
            if found[-1] is None:
                self._move(*claim, -1)
                taken.append(claim)
        for claim in taken:
            self._move(*claim, 1)
        return found

    def _try(
        self, claim: Claim, seen: Mapping[int, int] | None, actor: int, cause: int, *, checks: bool
    ) -> str | None:
        reason = self._conflict(claim, seen, actor) if checks else None
        if reason is not None:
            self._turn_down(claim, reason, actor, cause)
            return reason
        pod, minion, devices = claim
        self._actor = actor
        refused = self._bind(pod, minion, devices, actor, cause)
        self._actor = _NOBODY
        return refused

    def _conflict(self, claim: Claim, seen: Mapping[int, int] | None, actor: int) -> str | None:
        pod, minion, devices = claim
        if pod.word:
            return None  # the verb says what is wrong with it: that is no conflict
        if seen is not None:
            last, other = self._changed[minion]
            since = other[0] if last[1] == actor else last[0]
            return "conflict: the minion has changed since" if since > seen[minion] else None
        for word, free, need in zip(self._words, self._free[minion], pod.template.need, strict=True):
            if need > free:
                return f"conflict: too little {word.partition('_')[0]} is left"
        gpu = pod.template.gpu
        if gpu is not None and any(self._devices[minion][device] < gpu.milli for device in devices):
            return "conflict: too little of a gpu is left"
        return None

    def _turn_down(self, claim: Claim, reason: str, actor: int, cause: int) -> None:
        pod, minion, _ = claim
        self._store.turn_down(pod, minion, actor, cause, reason)
