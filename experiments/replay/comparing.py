"""Holds the real world against the simulated one, event by event and container by container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from experiments.replay.lives import Event, Lived, Who

__all__ = ["CpuRow", "EventRow", "Verdict", "compare"]

_TIME_S: Final = 0.5
_TIME_RATIO: Final = 0.1
_APART_S: Final = 1.0
_CPU_RATIO: Final = 0.05


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event in both worlds; None where it is not in one.

    Attributes:
        predicted: In the simulation.
        measured: For real.
        allowed_s: How far apart their times may be.
        holds: Whether they are the same, near enough.
    """

    predicted: Event | None
    measured: Event | None
    allowed_s: float
    holds: bool


@dataclass(frozen=True, slots=True)
class CpuRow:
    """CPU seconds of a container.

    Attributes:
        predicted_s: In the simulation.
        measured_s: For real.
        holds: Whether they are near enough.
        refuted: Whether they are so far apart that what other processes took does not explain it either.
    """

    who: Who
    predicted_s: float
    measured_s: float
    holds: bool
    refuted: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both worlds side by side.

    Attributes:
        events: In the order of the simulation, then what only happened for real.
        cpu: Of all containers.
        swapped: Pairs of events more than a second apart whose order is not the same, as sentences.
        unsure: Why it cannot be said that they agree, as a sentence; empty where it can, or where they do not.
    """

    events: tuple[EventRow, ...]
    cpu: tuple[CpuRow, ...]
    swapped: tuple[str, ...]
    unsure: str = ""

    @property
    def holds(self) -> bool:
        """Whether the worlds agree."""
        told = [row.holds for row in self.events] + [row.holds for row in self.cpu]
        return all(told) and not self.swapped

    @property
    def status(self) -> int:
        """Exit status."""
        return 3 if self.unsure else 0 if self.holds else 1


def compare(predicted: Lived, measured: Lived, window_s: float) -> Verdict:
    """Compare what was predicted with what was measured.

    Args:
        predicted: In the simulation.
        measured: For real.
        window_s: How long both were watched.
    """
    others_s = (measured.others_cores or 0.0) * window_s
    cpu = tuple(
        _cpu_row(who, predicted.cpu_s.get(who, 0.0), measured.cpu_s.get(who, 0.0), window_s, others_s)
        for who in sorted({*predicted.cpu_s, *measured.cpu_s})
    )
    unsure = "" if any(row.refuted for row in cpu) else _unsure(measured)
    return Verdict(_event_rows(predicted, measured, window_s), cpu, _swapped(predicted, measured), unsure)


def _unsure(measured: Lived) -> str:
    """What others took, one container may have lacked alone: half of what is allowed is too much.

    A kernel that shares by max-min gives those that want little all that they want: what is missing is missing to those
    that would have had what is left, and that is often one.
    """
    others = measured.others_cores or 0.0
    if others <= _CPU_RATIO / 2:
        return ""
    return (
        f"other processes took {others:.3f} cores in the mean, which one container may have lacked alone, and half of"
        f" what is allowed is {_CPU_RATIO / 2:g}"
    )


def _cpu_row(who: Who, predicted_s: float, measured_s: float, window_s: float, others_s: float) -> CpuRow:
    apart_s, allowed_s = abs(predicted_s - measured_s), _CPU_RATIO * window_s
    return CpuRow(who, predicted_s, measured_s, apart_s <= allowed_s, apart_s > allowed_s + others_s)


def _event_rows(predicted: Lived, measured: Lived, window_s: float) -> tuple[EventRow, ...]:
    found = {each.key: each for each in measured.events}
    rows = []
    for each in predicted.events:
        other = found.pop(each.key, None)
        allowed_s = max(_TIME_S, _TIME_RATIO * each.time_s)
        if other is None:
            # It may have come just after the end of the window.
            rows.append(EventRow(each, None, allowed_s, each.time_s + allowed_s > window_s))
            continue
        near = abs(each.time_s - other.time_s) <= allowed_s
        same = (each.code, each.oom) == (other.code, other.oom)
        rows.append(EventRow(each, other, allowed_s, near and same))
    for each in found.values():
        allowed_s = max(_TIME_S, _TIME_RATIO * each.time_s)
        rows.append(EventRow(None, each, allowed_s, each.time_s + allowed_s > window_s))
    return tuple(rows)


def _swapped(predicted: Lived, measured: Lived) -> tuple[str, ...]:
    times = {each.key: each.time_s for each in measured.events}
    both = [each for each in predicted.events if each.key in times]
    return tuple(
        f"{first.said} came after {second.said}"
        for place, first in enumerate(both)
        for second in both[place + 1 :]
        if second.time_s - first.time_s > _APART_S and times[first.key] >= times[second.key]
    )
