"""Series of what containers want and get of CPUs and disks, by the owner of their pods.

The first owners have series of their own, the others have one together, so that what is written follows what changes
and not how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from models.machines.askers import Asker
from sim.identities import Identities
from sim.series import Gauges, SeriesBook

__all__ = ["CPU_SERIES", "DISK_SERIES", "FirstNamed", "Told", "UseSeries", "owner_text"]

CPU_SERIES: Final = ("cpu_wanted_millicores", "cpu_used_millicores")
DISK_SERIES: Final = ("disk_wanted_bytes_per_s", "disk_used_bytes_per_s")
_OTHERS: Final = "others"
_NAMED: Final = 12


class FirstNamed(dict[int, Gauges]):
    """Series by number, made when first asked for: the first ones by themselves, the others together.

    Args:
        series: Where they are.
        names: Of what is told of each.
        text: What a number is called.
    """

    def __init__(self, series: SeriesBook, names: Sequence[str], text: Callable[[int], str]) -> None:
        super().__init__()
        self._series = series
        self._names = names
        self._text = text
        self._others: Gauges | None = None

    def __missing__(self, number: int) -> Gauges:
        if len(self) < _NAMED:
            made = self._series.gauges(self._names, self._text(number))
        elif self._others is None:  # one without changes since the last chunk has length 0
            made = self._others = self._series.gauges(self._names, _OTHERS)
        else:
            made = self._others
        self[number] = made
        return made


def owner_text(identities: Identities) -> Callable[[int], str]:
    """Return what gives the name of an owner by its identity."""
    return lambda owner: identities.text(owner) if owner >= 0 else "orphan"


class Told(Protocol):
    """Of whom it is told; ``shown`` is what was told last, wanted and got, in whole units of the series."""

    asker: Asker
    rate: float
    shown: tuple[int, int]


class UseSeries:
    """What is told of the CPUs, or of disks.

    Args:
        series: Where it is told.
        identities: Names of owners.
        names: Of the series of what is wanted, and got.
        unit: How many of the series' units are one of a task's.
    """

    def __init__(
        self,
        series: SeriesBook,
        identities: Identities,
        names: tuple[str, str] = CPU_SERIES,
        unit: int = 1000,
    ) -> None:
        self._unit = unit
        self._gauges = FirstNamed(series, names, owner_text(identities))

    def tell(self, task: Told, wanted: float, rate: float) -> None:
        """Tell what a task wants and gets from now on. HOT."""
        shown = (round(self._unit * wanted), round(self._unit * rate))
        before = task.shown
        if shown != before:
            self._gauges[task.asker.owner].add((shown[0] - before[0], shown[1] - before[1]))
            task.shown = shown

    def tell_rates(self, tasks: Sequence[Told]) -> None:
        """Tell what tasks get from now on that want what they wanted before. HOT: all whose rate moved."""
        more: dict[int, int] = {}
        unit = self._unit
        for task in tasks:
            wanted, before = task.shown
            rate = round(unit * task.rate)
            if rate != before:
                owner = task.asker.owner
                more[owner] = more.get(owner, 0) + rate - before
                task.shown = (wanted, rate)
        for owner, change in more.items():
            self._gauges[owner].add((0, change))
