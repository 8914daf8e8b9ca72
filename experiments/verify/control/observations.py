"""All that is compared between a recording and a simulation, computed from a log.

The eleven kinds are those of the recordings' README. Pods have random names and are told apart by owner, minion
and order; each delay starts at the cause before it.
"""

from __future__ import annotations

from collections.abc import Iterable

from experiments.verify.control.curves import curves
from experiments.verify.control.history import History
from experiments.verify.control.lives import lives
from experiments.verify.control.observation import Frame, Observation
from experiments.verify.control.outages import outages
from experiments.verify.control.pace import pace
from experiments.verify.control.recording import Row

__all__ = ["GROUPS", "observe"]

GROUPS = {
    1: "Counts",
    2: "Pace of creation and deletion",
    3: "Created to bound",
    4: "Bound to ready",
    5: "Scale-down",
    6: "Death of a minion",
    7: "Several deaths at once",
    8: "Replacement",
    9: "Return of a minion",
    10: "Ready endpoints",
    11: "Ownership",
}
"""What the numbers stand for."""


def observe(log: Iterable[Row], frame: Frame) -> list[Observation]:
    """Return the observations of a log, recorded or simulated, sorted by number.

    Args:
        log: Rows in order of time, in the form of the recordings.
        frame: Of the recording that the log is, or that it repeats.
    """
    history = History.of(log)
    parts = (pace(history), lives(history, frame), outages(history, frame), curves(history, frame))
    return sorted((found for part in parts for found in part), key=lambda found: found.group)
