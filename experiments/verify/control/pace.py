"""Pace of creation and deletion, and scale-down: numbers 2 and 5.

From a ``do_create_rc``, ``do_scale`` or ``do_delete`` on, the pods of the controller are followed until there are
as many as asked for and nothing more happens to them for a second, or until the controller is spoken to again.
A creation belongs to the pace where there were too few, a termination where there were too many: evictions and
their replacements thus do not.

Draws: the first call has the latency of one; the calls that the bucket lets through at once (30) share the
latencies of the batches; the calls after those share the bucket's clock and what else took from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from experiments.verify.control.history import NEVER, Change, History, PodLife
from experiments.verify.control.observation import Form, Observation, delay
from experiments.verify.control.recording import Row

__all__ = ["ASKED", "Step", "pace", "spoken_to", "steps"]

_QUIET_S = 1.0
_BURST = 30  # client of a controller in 1.20: 20 a second, burst 30 (FACTS, K52)

ASKED = ("do_create_rc", "do_scale", "do_delete")
"""The inputs that say how many pods a controller is to have."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change of what is asked of a controller and what followed.

    Attributes:
        name: As ``do_scale web #2``, the number where the controller was spoken to so before.
        owner: The controller.
        time_s: When.
        target: How many pods were asked for.
        had: How many there were.
        created: What was made to come up to it.
        ended: What was terminated to come down to it.
    """

    name: str
    owner: str
    time_s: float
    target: int
    had: int
    created: tuple[PodLife, ...]
    ended: tuple[tuple[float, PodLife], ...]


def steps(history: History) -> Iterator[Step]:
    """Return each change of what was asked, with what followed."""
    asked = [item for item in history.done(*ASKED) if spoken_to(item[2])]
    numbers: Counter[tuple[str, str]] = Counter()
    for order, (place, time_s, row) in enumerate(asked):
        owner = spoken_to(row)
        again = next((later for later in asked[order + 1 :] if spoken_to(later[2]) == owner), None)
        number = numbers[row["kind"], owner] = numbers[row["kind"], owner] + 1
        name = f"{row['kind']} {owner}" + (f" #{number}" if number > 1 else "")
        start, stop = (time_s, place), (again[1], again[0]) if again else (NEVER, 0)
        yield _step(history, name, owner, start, stop, int(row.get("replicas", 0)))


def spoken_to(row: Row) -> str:
    """The controller that one of these rows speaks to; empty where it is another kind of object."""
    if row["kind"] == "do_delete":
        return str(row["name"]) if row["kind_"] == "replicationcontrollers" else ""
    return str(row["rc"])


def _step(
    history: History, name: str, owner: str, start: tuple[float, int], stop: tuple[float, int], target: int
) -> Step:
    changes = history.changes_of(owner)
    had = sum(change.step for change in changes if _when(change) < start)
    owned, created, ended = had, [], []
    following = [change for change in changes if start <= _when(change) < stop]
    for change, after in zip_longest(following, following[1:]):
        if change.verb == "created" and owned < target:
            created.append(change.pod)
        elif change.verb == "terminating" and owned > target:
            ended.append((change.time_s, change.pod))
        owned += change.step
        if owned == target and (after is None or after.time_s - change.time_s > _QUIET_S):
            break
    return Step(name, owner, start[0], target, had, tuple(created), tuple(ended))


def _when(change: Change) -> tuple[float, int]:
    return change.time_s, change.place


def pace(history: History) -> Iterator[Observation]:
    """Return numbers 2 and 5."""
    for step in steps(history):
        yield from _marks(step, "created", [pod.created_s for pod in step.created])
        yield from _marks(step, "terminating", [time_s for time_s, _ in step.ended])
        if step.name.startswith("do_scale") and step.target < step.had:
            yield from _victims(history, step)


def _marks(step: Step, verb: str, times_s: list[float]) -> Iterator[Observation]:
    count = len(times_s)
    marks = {"first": 1, "25th": 25, "50th": 50, "middle": (count + 1) // 2, "last": count}
    said = set()
    for word, number in marks.items():
        if 0 < number <= count and number not in said:
            said.add(number)
            part = "first" if number == 1 else "burst" if number <= _BURST else "bucket"
            what = f"{step.name} to {word} {verb}"
            yield delay(2, what, step.time_s, times_s[number - 1], draw=f"{step.name} {verb} {part}")


def _victims(history: History, step: Step) -> Iterator[Observation]:
    victims = [pod for _, pod in step.ended]
    unready = sum(not pod.is_ready(time_s) for time_s, pod in step.ended)
    done_s = max((time_s for time_s, _ in step.ended), default=step.time_s)
    left = Counter(
        pod.minion
        for pod in history.pods
        if pod.owner_at(done_s) == step.owner and pod.created_s <= done_s < pod.ended_s
    )
    for what, value in (
        ("victims", str(len(victims))),
        ("victims that were not ready", str(unready)),
        ("pods left per minion", " ".join(map(str, sorted(left.values()))) or "none"),
    ):
        name = f"{step.name}: {what}"
        yield Observation(5, name, Form.VALUE, value, name)
