"""The master's store: versioned, written only through its verbs, read by clients through its log.

A client holds a cursor; what it does not read again is forgotten once every cursor has passed it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable

from models.api import records
from models.api.types import Phase, Pod, PodAsk
from sim.identities import NOBODY, Identities
from sim.journal import Journal, Kind
from sim.series import SeriesBook

__all__ = ["Change", "Cursor", "Op", "Store"]


class Op(enum.IntEnum):
    """What a row of the log says."""

    POD_CREATED = 0
    POD_BOUND = 1
    POD_ENDED = 2
    MINION_READY = 3
    MINION_UNREADY = 4


Change = tuple[Op, Pod | int, int]
"""(what, the pod or the minion's index, seq of its record)"""

# One table of what may follow what; the record that says so; the gauge that moves.
_TRANSITIONS: dict[tuple[Phase, Phase], Kind] = {
    (Phase.PENDING, Phase.BOUND): records.POD_BOUND,
    (Phase.BOUND, Phase.RUNNING): records.POD_STARTED,
    (Phase.RUNNING, Phase.SUCCEEDED): records.POD_SUCCEEDED,
    (Phase.RUNNING, Phase.FAILED): records.POD_FAILED,
    (Phase.BOUND, Phase.LOST): records.POD_LOST,
    (Phase.RUNNING, Phase.LOST): records.POD_LOST,
    (Phase.PENDING, Phase.WITHDRAWN): records.POD_WITHDRAWN,
    (Phase.PENDING, Phase.GIVEN_UP): records.POD_GIVEN_UP,
}
_SERIES = ("pending", "running", "succeeded", "failed", "lost", "withdrawn", "given_up")
# A pod that is bound but not started counts as pending: it does not run yet.
_PLACES = dict(zip(Phase, (0, 0, 1, 2, 3, 4, 5, 6), strict=True))


def _difference(before: Phase | None, after: Phase) -> tuple[int, ...]:
    """Return what a transition adds to each of the series."""
    row = [0] * len(_SERIES)
    row[_PLACES[after]] += 1
    if before is not None:
        row[_PLACES[before]] -= 1
    return tuple(row)


class Cursor:
    """One client's place in the log.

    Args:
        store: The store it reads.
        wake: Called with what is committed; the client decides whether to read now or later.
    """

    def __init__(self, store: Store, wake: Callable[[Op], None]) -> None:
        self._store = store
        self.wake = wake
        self.revision = store.revision

    def read(self) -> list[Change]:
        """Return the changes committed since the last call."""
        changes = self._store.since(self.revision)
        self.revision = self._store.revision
        self._store.forget()
        return changes


class Store:
    """Pods and minions as the master has them.

    Args:
        journal: Where every verb writes its record.
        identities: Names of pods.
        series: Counts of pods by phase.
        minions: Identities of the minions, by index.
    """

    def __init__(
        self, journal: Journal, identities: Identities, series: SeriesBook, minions: list[int]
    ) -> None:
        self._journal = journal
        self._identities = identities
        self._log: list[Change] = []
        self._base = 0
        self._cursors: list[Cursor] = []
        self._minions = minions
        gauges = series.gauges([f"pods_{name}" for name in _SERIES])
        self._count_change = series.add
        self._creation = series.change((gauges, _difference(None, Phase.PENDING)))
        self._moves = {
            pair: (kind, series.change((gauges, _difference(*pair)))) for pair, kind in _TRANSITIONS.items()
        }
        self.created = 0
        self.count = [0] * len(Phase)

    @property
    def revision(self) -> int:
        """Number of changes committed so far."""
        return self._base + len(self._log)

    def watch(self, wake: Callable[[Op], None]) -> Cursor:
        """Open a cursor at the present revision."""
        cursor = Cursor(self, wake)
        self._cursors.append(cursor)
        return cursor

    def since(self, revision: int) -> list[Change]:
        """Return the changes committed after a revision."""
        return self._log[revision - self._base :]

    def forget(self) -> None:
        """Drop what every cursor has passed."""
        passed = min(cursor.revision for cursor in self._cursors)
        del self._log[: passed - self._base]
        self._base = passed

    def _commit(self, change: Change) -> None:
        self._log.append(change)
        for cursor in self._cursors:
            cursor.wake(change[0])

    def create_pod(self, ask: PodAsk, owner: int, now_s: float) -> Pod:
        """Enter a pod, Pending."""
        template = ask.template
        identity = self._identities.add("pod", ask.name, template.namespace)
        pod = Pod(identity, self.created, owner, ask, now_s)
        self.created += 1
        self.count[Phase.PENDING] += 1
        self._count_change(self._creation)
        need = template.need
        pod.cause = self._journal.write(
            records.POD_CREATED,
            identity,
            NOBODY,
            owner,
            owner,
            None,
            None,
            ask.life_s if ask.life_s < math.inf else math.nan,
            self.revision,
            (need[0], need[1], need[3], template.gpu_milli, ask.recorded_wait_s),
        )
        self._commit((Op.POD_CREATED, pod, pod.cause))
        return pod

    def bind(self, pod: Pod, minion: int, devices: tuple[int, ...], actor: int, cause: int) -> str | None:
        """Bind a pod to a minion.

        Returns:
            Nothing, or why the master refused; a refusal is recorded too.
        """
        if pod.phase is not Phase.PENDING:
            reason = f"the pod is {pod.phase.name.lower()}, not pending"
            self._journal.write(
                records.BIND_REFUSED,
                pod.identity,
                minion=self._minions[minion],
                actor=actor,
                cause=cause,
                reason=reason,
            )
            return reason
        pod.minion = minion
        pod.devices = devices
        self.move(pod, Phase.BOUND, cause=cause, actor=actor)
        self._commit((Op.POD_BOUND, pod, pod.cause))
        return None

    def move(self, pod: Pod, phase: Phase, *, cause: int, actor: int = -1, reason: str | None = None) -> None:
        """Move a pod to another phase and write the record; the table says what may follow what."""
        pair = (pod.phase, phase)
        kind, change = self._moves[pair]
        self.count[pair[0]] -= 1
        self.count[phase] += 1
        self._count_change(change)
        pod.phase = phase
        pod.generation += 1
        minion = self._minions[pod.minion] if pod.minion >= 0 else -1
        pod.cause = self._journal.write(kind, pod.identity, minion, actor, pod.owner, cause, reason)

    def end(self, pod: Pod, phase: Phase, *, cause: int, reason: str | None = None) -> None:
        """Move a pod to a phase that it does not leave, and tell the clients."""
        self.move(pod, phase, cause=cause, reason=reason)
        self._commit((Op.POD_ENDED, pod, pod.cause))
        self._identities.release(pod.identity)

    def minion_condition(self, minion: int, *, ready: bool, cause: int) -> None:
        """Enter that a minion is ready or not."""
        self._commit((Op.MINION_READY if ready else Op.MINION_UNREADY, minion, cause))

    def conservation(self) -> str | None:
        """State that no pod vanished: created is the sum over phases."""
        total = sum(self.count)
        return (
            None
            if total == self.created
            else f"created {self.created} pods but the phases hold {total}: {self.count}"
        )
