"""Series of the processes that are counted: by the owner of their pods, and by minion.

The first of each have series of their own, the others one together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from models.machines.askers import Asker
from models.machines.useseries import FirstNamed, owner_text
from sim.identities import Identities
from sim.series import SeriesBook

__all__ = ["MINION_PROCESSES", "PROCESSES", "ProcessSeries"]

PROCESSES: Final = "processes"
MINION_PROCESSES: Final = "minion_processes"


class ProcessSeries:
    """What is told of processes.

    Args:
        minions: Their names, by index.
    """

    def __init__(self, series: SeriesBook, identities: Identities, minions: Sequence[str]) -> None:
        self._owners = FirstNamed(series, (PROCESSES,), owner_text(identities))
        self._minions = FirstNamed(series, (MINION_PROCESSES,), minions.__getitem__)

    def tell(self, asker: Asker, more: int) -> None:
        """Tell that a container has more processes, or fewer."""
        if more:
            self._owners[asker.owner].add((more,))
            self._minions[asker.minion].add((more,))
