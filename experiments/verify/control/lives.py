"""What became of pods and of their owners: numbers 1, 3, 4, 8 and 11."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from experiments.verify.control.history import NEVER, Change, History, PodLife
from experiments.verify.control.observation import Form, Frame, Observation, delay, middle_of
from experiments.verify.control.pace import ASKED, spoken_to

__all__ = ["lives"]

_NOMINATED_S = 0.5  # a victim is asked to go just before its minion is nominated for the pod that needs it
_OWNING = (*ASKED, "do_label", "do_create_pod")


def lives(history: History, frame: Frame) -> Iterator[Observation]:
    """Return numbers 1, 3, 4, 8 and 11, by owner."""
    owners: list[str | None] = list(frame.controllers)
    if history.done("do_create_pod"):
        owners.append(None)
    for owner in owners:
        yield from _counts(history, frame, owner)
        yield from _starts(history, frame, owner)
        yield from _replaced(history, frame, owner)
    if history.nominated:
        yield _value(1, "preempted", str(_preempted(history)))
    yield from _ownership(history)


def _value(group: int, what: str, value: str) -> Observation:
    return Observation(group, what, Form.VALUE, value, what)


def _counts(history: History, frame: Frame, owner: str | None) -> Iterator[Observation]:
    changes = [change for change in history.changes_of(owner) if change.time_s <= frame.end_s]
    verbs = Counter(change.verb for change in changes)
    who = owner or "no controller"
    for verb in ("created", "terminating", "gone"):
        yield _value(1, f"{who}: {verb}", str(verbs[verb]))
    yield _value(1, f"{who}: live at the end", str(sum(change.step for change in changes)))


def _preempted(history: History) -> int:
    """Pods that went just before another was nominated for their minion."""
    return sum(
        any(
            pod.minion == minion and 0 <= time_s - pod.terminating_s <= _NOMINATED_S
            for time_s, minion in named
        )
        for named in [history.nominated]
        for pod in history.pods
    )


def _starts(history: History, frame: Frame, owner: str | None) -> Iterator[Observation]:
    """From creation to bound to ready, of the pods that an owner made."""
    who = owner or "no controller"
    pods = [pod for pod in history.pods if pod.owner == owner and pod.bound_s <= frame.end_s]
    waits = [pod.bound_s - pod.created_s for pod in pods if not pod.waited]
    if waits:
        yield delay(3, f"{who}: pod_created to pod_node, median", 0.0, middle_of(waits))
        yield delay(3, f"{who}: pod_created to pod_node, greatest", 0.0, max(waits))
    backoffs = [pod.bound_s - _room_s(history, pod) for pod in pods if pod.waited]
    if backoffs:
        what = f"{who}: row that made room to pod_node"
        yield delay(3, f"{what}, median", 0.0, middle_of(backoffs), draw=what)
        yield delay(3, f"{what}, greatest", 0.0, max(backoffs), draw=what)
    starts = [pod.ready_s - pod.bound_s for pod in pods if pod.ready_s < NEVER]
    if starts:
        yield delay(4, f"{who}: pod_node to pod_ready, median", 0.0, middle_of(starts))


def _room_s(history: History, pod: PodLife) -> float:
    """When room was made where a pod that waited was bound in the end."""
    there = pod.minion or ""
    gone = [other.gone_s for other in history.on_minion(there) if other.gone_s <= pod.bound_s]
    added = [
        time_s
        for _, time_s, row in history.done("do_add_minion")
        if row["minion"] == there and time_s <= pod.bound_s
    ]
    return max([pod.created_s, history.minion(there).lost_taints(pod.bound_s), *gone, *added])


def _replaced(history: History, frame: Frame, owner: str | None) -> Iterator[Observation]:
    """From a termination that left a controller short to the next pod that it made."""
    if owner is None:
        return
    changes = history.changes_of(owner)
    delays, owned = [], 0
    for place, change in enumerate(changes):
        short = owned <= _target(history, owner, change)
        owned += change.step
        if change.verb != "terminating" or not short or change.time_s > frame.end_s:
            continue
        made = next((later for later in changes[place + 1 :] if later.verb == "created"), None)
        if made is not None:
            delays.append(made.time_s - change.time_s)
    if delays:
        yield delay(8, f"{owner}: pod_terminating to next pod_created, median", 0.0, middle_of(delays))


def _target(history: History, owner: str, change: Change) -> int:
    """How many pods were asked of a controller when something changed."""
    asked = [(when_s, place, row) for place, when_s, row in history.done(*ASKED) if spoken_to(row) == owner]
    at = (change.time_s, change.place)
    return next((int(row.get("replicas", 0)) for *when, row in reversed(asked) if tuple(when) <= at), 0)


def _ownership(history: History) -> Iterator[Observation]:
    """Who adopts, is released and is orphaned after each input that may cause it, in order."""
    rows = [
        (change.time_s, change.place, change, owner)
        for owner, changes in history.changes.items()
        if owner is not None
        for change in changes
        if change.verb in {"adopted", "released"}
    ]
    rows.sort(key=lambda row: row[:2])
    causes = history.done(*_OWNING)
    numbers: Counter[str] = Counter()
    for order, (place, time_s, cause) in enumerate(causes):
        until = (causes[order + 1][1], causes[order + 1][0]) if order + 1 < len(causes) else (NEVER, 0)
        mine = [row for row in rows if (time_s, place) <= row[:2] < until]
        # A pod's name means nothing in another log; a controller's does.
        name = " ".join([cause["kind"], cause.get("rc") or cause.get("name") or ""]).strip()
        numbers[name] += 1
        name += f" #{numbers[name]}" if numbers[name] > 1 else ""
        if mine:
            said = [f"{change.verb} by {owner}{_it(cause, change)}" for _, _, change, owner in mine]
            yield _value(11, f"{name}: then", _runs(said))
        for number, (when_s, _, change, _) in enumerate(mine, 1):
            yield delay(11, f"{name} to {change.verb} no. {number}", time_s, when_s, draw=f"{name} owners")


def _it(cause: object, change: Change) -> str:
    """Whether the pod is the one that was labelled: the others have names that mean nothing."""
    assert isinstance(cause, dict)
    return " (the labelled pod)" if cause["kind"] == "do_label" and cause["pod"] == change.pod.name else ""


def _runs(words: list[str]) -> str:
    """Say equal words that follow each other once, with their number."""
    runs: list[tuple[str, int]] = []
    for word in words:
        if runs and runs[-1][0] == word:
            runs[-1] = (word, runs[-1][1] + 1)
        else:
            runs.append((word, 1))
    return ", then ".join(f"{count} {word}" for word, count in runs)
