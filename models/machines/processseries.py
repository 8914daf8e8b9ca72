"""Series of the processes that are counted: by the owner of their pods, and by minion.

The first of each have series of their own, the others one together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from models.machines.askers import Asker
from models.machines.useseries import OTHERS
from sim.identities import Identities
from sim.series import Gauges, SeriesBook

__all__ = ["MINION_PROCESSES", "PROCESSES", "ProcessSeries"]

PROCESSES: Final = "processes"
MINION_PROCESSES: Final = "minion_processes"
_NAMED: Final = 12
_OTHERS: Final = -2


class ProcessSeries:
    """What is told of processes.

    Args:
        minions: Their names, by index.
    """

    def __init__(self, series: SeriesBook, identities: Identities, minions: Sequence[str]) -> None:
        self._series = series
        self._identities = identities
        self._names = minions
        self._owners: dict[int, Gauges] = {}
        self._minions: dict[int, Gauges] = {}

    def tell(self, asker: Asker, more: int) -> None:
        """Tell that a container has more processes, or fewer."""
        if more:
            owner = "orphan" if asker.owner < 0 else self._identities.text(asker.owner)
            self._of(self._owners, PROCESSES, asker.owner, owner).add((more,))
            self._of(self._minions, MINION_PROCESSES, asker.minion, self._names[asker.minion]).add((more,))

    def _of(self, known: dict[int, Gauges], name: str, key: int, text: str) -> Gauges:
        found = known.get(key)
        if found is None:
            if len(known) < _NAMED:
                found = self._series.gauges((name,), text)
            else:
                found = known.get(_OTHERS) or self._series.gauges((name,), OTHERS)
                known[_OTHERS] = found
            known[key] = found
        return found
