"""Minions that die and come back: numbers 6, 7 and 9.

Minions have the same names in all logs of a recording, so each is compared with itself. Of several that
die together the order in a pass is drawn: it says who is tainted first in a zone, and whose pods wait for a token.
The delays to the taint of one zone's minions therefore share one draw, the gaps between these taints another, and
the delays to an empty service a third. The delay from death to notice is each minion's own: its lease has a phase
of its own, though all share the phase of the passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from experiments.verify.control.history import NEVER, History, PodLife
from experiments.verify.control.observation import Form, Frame, Observation, delay

__all__ = ["outages"]

_TOGETHER_S = 5.0  # deaths no further apart than one period of the passes are one event


def outages(history: History, frame: Frame) -> Iterator[Observation]:
    """Return numbers 6, 7 and 9."""
    zones = dict(frame.zones)
    for number, batch in enumerate(_batches(history), 1):
        name = "" if number == 1 else f" #{number}"
        together: dict[str, list[tuple[float, str]]] = {}
        for time_s, minion in batch:
            together.setdefault(zones.get(minion, ""), []).append((time_s, minion))
        for zone, deaths in together.items():
            where = (f" in {zone}" if zone else "") + name
            for time_s, minion in deaths:
                yield from _death(history, frame, (time_s, minion), where, name)
            if len(deaths) > 1:
                yield from _gaps(history, deaths, where)
    backs: Counter[str] = Counter()
    for _, time_s, row in history.done("minion_back"):
        backs[row["minion"]] += 1
        number = backs[row["minion"]]
        name = row["minion"] + ("" if number == 1 else f" #{number}")
        yield from _return(history, frame, row["minion"], time_s, name)


def _batches(history: History) -> list[list[tuple[float, str]]]:
    """Deaths that are one event, each with its minion."""
    batches: list[list[tuple[float, str]]] = []
    for _, time_s, row in history.done("minion_dies"):
        if not batches or time_s - batches[-1][-1][0] > _TOGETHER_S:
            batches.append([])
        batches[-1].append((time_s, row["minion"]))
    return batches


def _until(history: History, minion: str, from_s: float) -> float:
    """When the minion is back or dies anew."""
    later = history.done("minion_back", "minion_dies")
    return next((t for _, t, row in later if row["minion"] == minion and t > from_s), NEVER)


def _death(
    history: History, frame: Frame, death: tuple[float, str], where: str, suffix: str
) -> Iterator[Observation]:
    dies_s, minion = death
    until_s = _until(history, minion, dies_s)
    life, name = history.minion(minion), minion + suffix
    unknown_s = life.becomes("Unknown", dies_s, until_s)
    evicting_s = life.evicting(dies_s, until_s)
    there = [pod for pod in history.on_minion(minion) if pod.bound_s <= dies_s < pod.ended_s]
    ended = sorted(pod.terminating_s for pod in there if evicting_s <= pod.terminating_s < until_s)
    yield delay(6, f"{name}: minion_dies to Unknown", dies_s, unknown_s)
    if unknown_s < NEVER:
        yield delay(
            6, f"{name}: Unknown to NoExecute taint", unknown_s, evicting_s, draw=f"order of taints{where}"
        )
    if there and unknown_s < NEVER:
        empty_s = _without_endpoints(history, there, dies_s, unknown_s)
        if empty_s is not None:
            draw = f"order in passes{suffix}"
            yield delay(6, f"{name}: Unknown to no endpoint there", unknown_s, empty_s, draw=draw)
    if there and evicting_s <= frame.end_s:
        first_s = ended[0] if ended else NEVER
        yield delay(6, f"{name}: NoExecute taint to first pod_terminating", evicting_s, first_s)
    if ended:
        yield delay(6, f"{name}: first to last pod_terminating", ended[0], ended[-1])
    evicted = "yes" if any(time_s <= frame.end_s for time_s in ended) else "no"
    yield Observation(6, f"{name}: any pod evicted", Form.VALUE, evicted, f"{name} evicted")


def _without_endpoints(
    history: History, there: list[PodLife], dies_s: float, unknown_s: float
) -> float | None:
    """When the last pod of a dead minion left all endpoints; None where none was in any."""
    names = {pod.name for pod in there}
    last_s: float | None = None
    for rows in history.endpoints.values():
        inside: set[str] = set()
        left_s = NEVER
        was = False
        for time_s, row in rows:
            inside |= names.intersection(row["added"])
            before = bool(inside)
            inside -= names.intersection(row["removed"])
            was = was or (bool(inside) and time_s <= unknown_s)
            if before and not inside and time_s >= dies_s:
                left_s = time_s
        if was:
            last_s = max(last_s or -NEVER, left_s if not inside else NEVER)
    return last_s


def _gaps(history: History, deaths: list[tuple[float, str]], where: str) -> Iterator[Observation]:
    """Gaps between the taints of minions of one zone that died together, from the greatest down."""
    taints = (history.minion(m).evicting(t, _until(history, m, t)) for t, m in deaths)
    times_s = sorted(time_s for time_s in taints if time_s < NEVER)
    gaps = sorted((after - before for before, after in pairwise(times_s)), reverse=True)
    gaps += [NEVER] * (len(deaths) - 1 - len(gaps))
    for number, gap_s in enumerate(gaps, 1):
        what = f"gaps between NoExecute taints{where}, no. {number} from the greatest"
        yield delay(7, what, 0.0, gap_s, draw=f"gaps{where}")


def _return(history: History, frame: Frame, minion: str, back_s: float, name: str) -> Iterator[Observation]:
    later = (t for _, t, row in history.done("minion_dies") if row["minion"] == minion and t > back_s)
    until_s = next(later, NEVER)
    life = history.minion(minion)
    ready_s = life.becomes("True", back_s, until_s)
    yield delay(9, f"{name}: minion_back to Ready", back_s, ready_s)
    # Where a NoExecute taint is on it, the next pass takes it off: one phase for all that come back together.
    clean_s = life.untainted(back_s, until_s)
    yield delay(9, f"{name}: minion_back to no taint", back_s, clean_s, draw="pass after return")
    there = [pod for pod in history.on_minion(minion) if pod.bound_s <= back_s < pod.gone_s]
    going = [pod for pod in there if pod.terminating_s <= back_s]
    if going:
        gone_s = max(pod.gone_s for pod in going)
        yield delay(9, f"{name}: minion_back to last pod_gone", back_s, gone_s)
    stay = sum(pod.ended_s > frame.end_s for pod in there)
    # How many there were is the scheduler's doing; that those not asked to go stay is what is compared.
    said = "all" if stay == len(there) else "none" if stay == 0 else "some"
    yield Observation(9, f"{name}: pods that stay", Form.VALUE, said, f"{name} stay")
