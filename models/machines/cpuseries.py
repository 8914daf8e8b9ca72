"""Series of the CPU that containers want and get, in millicores, by the owner of their pods.

The first owners have series of their own, the others have one together, so that what is written follows what changes
and not how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from models.machines.cputasks import CpuTask
from sim.identities import Identities
from sim.series import Gauges, SeriesBook

__all__ = ["CPU_SERIES", "OTHERS", "CpuSeries"]

CPU_SERIES: Final = ("cpu_wanted_millicores", "cpu_used_millicores")
OTHERS: Final = "others"
_NAMED: Final = 12


class CpuSeries:
    """What is told of the CPU; of each task the last amounts that were told are kept with it."""

    def __init__(self, series: SeriesBook, identities: Identities) -> None:
        self._series = series
        self._identities = identities
        self._gauges: dict[int, Gauges] = {}

    def tell(self, task: CpuTask, wanted: float, rate: float) -> None:
        """Tell what a task wants and gets from now on, in cores. HOT."""
        shown = (round(1000 * wanted), round(1000 * rate))
        before = task.shown
        if shown != before:
            gauges = self._gauges.get(task.asker.owner)
            if gauges is None:
                gauges = self._make(task.asker.owner)
            gauges.add((shown[0] - before[0], shown[1] - before[1]))
            task.shown = shown

    def tell_rates(self, tasks: Sequence[CpuTask]) -> None:
        """Tell what tasks get from now on that want what they wanted before. HOT: all whose rate moved."""
        more: dict[int, int] = {}
        for task in tasks:
            wanted, before = task.shown
            rate = round(1000 * task.rate)
            if rate != before:
                owner = task.asker.owner
                more[owner] = more.get(owner, 0) + rate - before
                task.shown = (wanted, rate)
        for owner, change in more.items():
            gauges = self._gauges.get(owner)
            if gauges is None:
                gauges = self._make(owner)
            gauges.add((0, change))

    def _make(self, owner: int) -> Gauges:
        if len(self._gauges) < _NAMED:
            text = self._identities.text(owner) if owner >= 0 else "orphan"
            made = self._series.gauges(CPU_SERIES, text)
        else:
            made = self._gauges.get(-2) or self._series.gauges(CPU_SERIES, OTHERS)
            self._gauges[-2] = made
        self._gauges[owner] = made
        return made
