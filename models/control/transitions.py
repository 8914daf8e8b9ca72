"""What a pod's phase may change to: the record that says so, and what that adds to the series of pods by phase."""

from __future__ import annotations

from models.api import records
from models.api.types import Phase
from sim.journal import Kind

__all__ = ["SERIES", "TRANSITIONS", "difference"]

TRANSITIONS: dict[tuple[Phase, Phase], Kind] = {
    (Phase.BOUND, Phase.RUNNING): records.POD_STARTED,
    (Phase.RUNNING, Phase.SUCCEEDED): records.POD_SUCCEEDED,
    (Phase.RUNNING, Phase.FAILED): records.POD_FAILED,
    (Phase.BOUND, Phase.SUCCEEDED): records.POD_SUCCEEDED,
    (Phase.BOUND, Phase.FAILED): records.POD_FAILED,
    (Phase.BOUND, Phase.LOST): records.POD_LOST,
    (Phase.RUNNING, Phase.LOST): records.POD_LOST,
    (Phase.PENDING, Phase.WITHDRAWN): records.POD_WITHDRAWN,
    (Phase.PENDING, Phase.GIVEN_UP): records.POD_GIVEN_UP,
    (Phase.PENDING, Phase.DELETED): records.POD_REMOVED,
    (Phase.BOUND, Phase.DELETED): records.POD_REMOVED,
    (Phase.RUNNING, Phase.DELETED): records.POD_REMOVED,
}

SERIES = ("pending", "running", "succeeded", "failed", "lost", "withdrawn", "given_up", "deleted")
# A pod that is bound but not started counts as pending: it does not run yet.
_PLACES = dict(zip(Phase, (0, 0, 1, 2, 3, 4, 5, 6, 7), strict=True))


def difference(before: Phase | None, after: Phase) -> tuple[int, ...]:
    """Return what a transition adds to each of the series."""
    row = [0] * len(SERIES)
    row[_PLACES[after]] += 1
    if before is not None:
        row[_PLACES[before]] -= 1
    return tuple(row)
