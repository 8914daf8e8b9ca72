"""One thing that is compared between a recording and a simulation of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from experiments.verify.control.recording import Recording

__all__ = ["Form", "Frame", "Observation", "delay", "middle_of"]


class Form(StrEnum):
    """How an observation is compared."""

    DELAY = "delay"
    VALUE = "value"
    CURVE = "curve"


@dataclass(frozen=True, slots=True)
class Observation:
    """One number, count, set or curve, computed from one log.

    Attributes:
        group: The number, from 1 to 11, under which the recordings' README lists it.
        what: Its name; the same in all logs of one recording.
        form: How it is compared.
        value: Seconds (``inf`` for what never happened), a text for counts and sets, or the samples of a curve.
        draw: Observations of one recording with one such name vary by the same draws and count once.
    """

    group: int
    what: str
    form: Form
    value: float | str | tuple[int, ...]
    draw: str

    @property
    def key(self) -> tuple[int, str]:
        """What it is called in a table of many logs."""
        return self.group, self.what


@dataclass(frozen=True, slots=True)
class Frame:
    """What of a recording must be known to read a simulated log in the same way.

    Attributes:
        end_s: End of the recording: counts and curves look no further, delays start no later.
        controllers: Names.
        services: Names.
        zones: Zone by minion.
    """

    end_s: float
    controllers: tuple[str, ...]
    services: tuple[str, ...]
    zones: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, recording: Recording) -> Frame:
        """Return the frame of a recording."""
        zones = tuple((minion.name, minion.zone) for minion in recording.minions)
        return cls(recording.end_s, recording.controllers, recording.services, zones)


def delay(group: int, what: str, from_s: float, to_s: float, *, draw: str = "") -> Observation:
    """Return the delay between two times; ``inf`` where the second never came.

    Without ``draw`` it varies by draws of its own.
    """
    return Observation(group, what, Form.DELAY, round(to_s - from_s, 3), draw or what)


def middle_of(delays_s: Iterable[float]) -> float:
    """Return the median, rounded like a time."""
    return round(median(delays_s), 3)
