"""A log, recorded or simulated, told by pod and by minion.

Both kinds of log go through this one reader. Times are cut to the millisecond of the recordings, so that equal
times are equal in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.verify.control.recording import Row
from experiments.verify.control.rows import INPUTS

__all__ = ["NEVER", "Change", "History", "MinionLife", "PodLife"]

NEVER = float("inf")
"""The delay of what did not happen."""

_NO_EXECUTE = ("unreachable:NoExecute", "not-ready:NoExecute")


@dataclass(slots=True)
class PodLife:
    """What was seen of one pod; times in seconds, ``NEVER`` for what was not seen.

    Attributes:
        name: Its name; of no meaning from one log to another.
        created_s: Its first row.
        owner: Who made it; None for a pod that was made from outside.
        owners: Times and owners, from the first one on.
        bound_s: When it was bound.
        minion: Where to.
        ready: Times and readiness, on change.
        waited: Whether it was once found unschedulable.
        terminating_s: When it was asked to terminate.
        gone_s: When it was removed.
    """

    name: str
    created_s: float
    owner: str | None
    owners: list[tuple[float, str | None]] = field(default_factory=list)
    bound_s: float = NEVER
    minion: str | None = None
    ready: list[tuple[float, bool]] = field(default_factory=list)
    waited: bool = False
    terminating_s: float = NEVER
    gone_s: float = NEVER

    @property
    def ended_s(self) -> float:
        """When it was asked to terminate or, where that was not seen, removed."""
        return min(self.terminating_s, self.gone_s)

    @property
    def ready_s(self) -> float:
        """When it was first ready."""
        return next((time_s for time_s, value in self.ready if value), NEVER)

    def is_ready(self, time_s: float) -> bool:
        """Whether the last that was said of it by then was that it is ready."""
        return next((value for when_s, value in reversed(self.ready) if when_s <= time_s), False)

    def owner_at(self, time_s: float) -> str | None:
        """Who owned it by then."""
        return next((owner for when_s, owner in reversed(self.owners) if when_s <= time_s), self.owner)


@dataclass(slots=True)
class MinionLife:
    """What was seen of one minion.

    Attributes:
        name: Its name, the same in all logs of one recording.
        ready: Times and readiness (True, False, Unknown), on change.
        taints: Times and all taints from then on.
    """

    name: str
    ready: list[tuple[float, str]] = field(default_factory=list)
    taints: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)

    def becomes(self, readiness: str, from_s: float, until_s: float = NEVER) -> float:
        """When it first became so in a span of time."""
        return _first((t for t, value in self.ready if value == readiness), from_s, until_s)

    def evicting(self, from_s: float, until_s: float = NEVER) -> float:
        """When it first got a NoExecute taint from the master in a span of time."""
        had = False
        for time_s, taints in self.taints:
            has = any(taint in _NO_EXECUTE for taint in taints)
            if has and not had and from_s <= time_s < until_s:
                return time_s
            had = has
        return NEVER

    def untainted(self, from_s: float, until_s: float = NEVER) -> float:
        """When it first was without taints in a span of time."""
        return _first((t for t, taints in self.taints if not taints), from_s, until_s)

    def lost_taints(self, until_s: float) -> float:
        """When a taint was last taken from it by then."""
        pairs = zip(self.taints, self.taints[1:], strict=False)
        times = (now[0] for before, now in pairs if set(before[1]) - set(now[1]))
        return max((time_s for time_s in times if time_s <= until_s), default=-NEVER)


@dataclass(frozen=True, slots=True)
class Change:
    """One change in the set of pods that an owner has.

    Attributes:
        time_s: When.
        place: The row's place in the log, which orders rows of one millisecond.
        verb: created, adopted, released, terminating or gone.
        pod: Which pod.
        step: +1 or -1.
    """

    time_s: float
    place: int
    verb: str
    pod: PodLife
    step: int


@dataclass(slots=True)
class History:
    """A log by pod, minion and owner.

    Attributes:
        pods: In order of creation; a name may come twice.
        named: The last pod of each name.
        minions: By name.
        inputs: Rows that say what was done, each with its place in the log.
        changes: By owner (None for pods without one), what came to it and left it, in order.
        endpoints: By service, its rows.
        nominated: Times and minions at which a pod was nominated.
    """

    pods: list[PodLife] = field(default_factory=list)
    named: dict[str, PodLife] = field(default_factory=dict)
    minions: dict[str, MinionLife] = field(default_factory=dict)
    inputs: list[tuple[int, float, Row]] = field(default_factory=list)
    changes: dict[str | None, list[Change]] = field(default_factory=dict)
    endpoints: dict[str, list[tuple[float, Row]]] = field(default_factory=dict)
    nominated: list[tuple[float, str]] = field(default_factory=list)

    @classmethod
    def of(cls, log: Iterable[Row]) -> History:
        """Read a log whose rows are in order of time.

        Raises:
            KeyError: A row lacks a field of its kind, or speaks of a pod before it was created.
        """
        history = cls()
        for place, row in enumerate(log):
            time_s, kind = round(float(row["t"]), 3), row["kind"]
            if kind in INPUTS:
                history.inputs.append((place, time_s, row))
            elif kind.startswith("pod_"):
                history._pod(place, time_s, kind, row)
            elif kind in {"minion_ready", "minion_taints"}:
                history._minion(time_s, kind, row)
            elif kind == "endpoints":
                history.endpoints.setdefault(row["service"], []).append((time_s, row))
        return history

    def done(self, *kinds: str) -> list[tuple[int, float, Row]]:
        """The inputs of some kinds, in order."""
        return [item for item in self.inputs if item[2]["kind"] in kinds]

    def on_minion(self, minion: str) -> list[PodLife]:
        """All pods that were ever bound to a minion."""
        return [pod for pod in self.pods if pod.minion == minion]

    def changes_of(self, owner: str | None) -> Sequence[Change]:
        """What came to an owner and left it, in order."""
        return self.changes.get(owner, ())

    def minion(self, name: str) -> MinionLife:
        """A minion; one of which nothing was seen has nothing in it."""
        return self.minions.setdefault(name, MinionLife(name))

    def _minion(self, time_s: float, kind: str, row: Row) -> None:
        life = self.minion(row["minion"])
        if kind == "minion_ready":
            life.ready.append((time_s, row["value"]))
        else:
            life.taints.append((time_s, tuple(row["value"])))

    def _change(self, owner: str | None, change: Change) -> None:
        self.changes.setdefault(owner, []).append(change)

    def _pod(self, place: int, time_s: float, kind: str, row: Row) -> None:
        name, value = row["pod"], row.get("value")
        if kind == "pod_created":
            owner = row.get("owner")
            pod = PodLife(name, time_s, owner, [(time_s, owner)])
            self.pods.append(pod)
            self.named[name] = pod
            self._change(owner, Change(time_s, place, "created", pod, 1))
            return
        pod = self.named[name]
        if kind == "pod_node" and value is not None:
            pod.bound_s, pod.minion = time_s, value
        elif kind == "pod_ready":
            pod.ready.append((time_s, bool(value)))
        elif kind == "pod_unschedulable":
            pod.waited = pod.waited or bool(value)
        elif kind == "pod_nominated" and value is not None:
            self.nominated.append((time_s, value))
        elif kind == "pod_owner":
            self._owned(place, time_s, pod, value)
        elif kind == "pod_terminating" and value and pod.terminating_s == NEVER:
            self._change(pod.owners[-1][1], Change(time_s, place, "terminating", pod, -1))
            pod.terminating_s = time_s
        elif kind == "pod_gone":
            self._change(
                pod.owners[-1][1], Change(time_s, place, "gone", pod, 0 if pod.ended_s < NEVER else -1)
            )
            pod.gone_s = time_s

    def _owned(self, place: int, time_s: float, pod: PodLife, owner: Any) -> None:
        before = pod.owners[-1][1]
        if owner == before:
            return
        counts = pod.ended_s == NEVER  # one that is on its way out is nobody's gain or loss
        self._change(before, Change(time_s, place, "released", pod, -counts))
        self._change(owner, Change(time_s, place, "adopted", pod, +counts))
        pod.owners.append((time_s, owner))


def _first(times_s: Iterable[float], from_s: float, until_s: float) -> float:
    return next((time_s for time_s in times_s if from_s <= time_s < until_s), NEVER)
