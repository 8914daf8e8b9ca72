"""The taints that follow a minion's conditions: NoSchedule at once, NoExecute by the queue of its zone.

Source: k/k:pkg/controller/nodelifecycle/node_lifecycle_controller.go, v1.20.2: nodeConditionToTaintKeyStatusMap.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from models.api.taints import MEMORY_PRESSURE, NOT_READY, UNREACHABLE
from models.control.objects import MinionObject

__all__ = ["DRIVING", "NO_EXECUTE", "NO_SCHEDULE", "PRESSURE", "driving", "following", "is_driving"]

NO_EXECUTE: Final = f"{UNREACHABLE}:NoExecute"
NO_SCHEDULE: Final = f"{UNREACHABLE}:NoSchedule"
PRESSURE: Final = f"{MEMORY_PRESSURE}:NoSchedule"
NOT_READY_NO_EXECUTE: Final = f"{NOT_READY}:NoExecute"
NOT_READY_NO_SCHEDULE: Final = f"{NOT_READY}:NoSchedule"
DRIVING: Final = (NO_EXECUTE, NOT_READY_NO_EXECUTE)
"""Taints that drive pods away; a minion has one of them at most, by its condition."""


def is_driving(taints: Iterable[str]) -> bool:
    """Whether pods are driven away by some of these taints."""
    return any(taint in DRIVING for taint in taints)


def driving(*, unknown: bool) -> str:
    """Return the taint that drives pods from a minion that is not ready, or not known to be."""
    return NO_EXECUTE if unknown else NOT_READY_NO_EXECUTE


def following(minion: MinionObject, *, unknown: bool) -> Iterable[tuple[str, bool]]:
    """Yield each taint that follows a condition at once, and whether it is wanted; of the silent nothing else is known.

    Args:
        minion: Whose.
        unknown: Whether Ready is Unknown.
    """
    yield NO_SCHEDULE, unknown
    yield NOT_READY_NO_SCHEDULE, minion.broken and not unknown
    yield PRESSURE, minion.pressed and not unknown
