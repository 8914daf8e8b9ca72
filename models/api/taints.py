"""Taints of minions and tolerations of pods, as v1 has them (k8s.io/api core/v1: ToleratesTaint, v1.20.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "EFFECTS",
    "MEMORY_PRESSURE",
    "NOT_READY",
    "NO_EXECUTE",
    "NO_SCHEDULE",
    "PREFER_NO_SCHEDULE",
    "UNREACHABLE",
    "UNSCHEDULABLE",
    "Effect",
    "Taint",
    "Toleration",
    "matching_tolerations",
    "tolerates",
]

Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
NO_SCHEDULE: Final = "NoSchedule"
PREFER_NO_SCHEDULE: Final = "PreferNoSchedule"
NO_EXECUTE: Final = "NoExecute"
EFFECTS: Final = (NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE)

MEMORY_PRESSURE: Final = "node.kubernetes.io/memory-pressure"
"""Key of the taint of a minion whose MemoryPressure is True."""
NOT_READY: Final = "node.kubernetes.io/not-ready"
"""Key of the taint of a minion whose Ready is False."""
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
"""Key of the taint of a minion whose Ready is Unknown."""
UNSCHEDULABLE: Final = "node.kubernetes.io/unschedulable"
"""Key of the taint of a cordoned minion."""


@dataclass(frozen=True, slots=True)
class Taint:
    """What keeps pods off a minion; a minion has at most one of a key and effect."""

    key: str
    effect: Effect
    value: str = ""

    def __str__(self) -> str:
        return f"{self.key}{'=' if self.value else ''}{self.value}:{self.effect}"


@dataclass(frozen=True, slots=True)
class Toleration:
    """A pod's leave to be on a minion with certain taints.

    Attributes:
        key: The taint's key; empty for any, with Exists.
        operator: ``Equal`` asks for the taint's value too, ``Exists`` does not.
        value: The value that Equal asks for.
        effect: The taint's effect; empty for any.
        seconds: How long a NoExecute taint is borne; None for ever, 0 or less not at all.
    """

    key: str = ""
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Effect | Literal[""] = ""
    seconds: float | None = None


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Tell whether a toleration speaks of a taint; of how long it says nothing."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    return toleration.operator == "Exists" or toleration.value == taint.value


def matching_tolerations(
    taints: Sequence[Taint], tolerations: Sequence[Toleration]
) -> list[Toleration] | None:
    """Return, for each taint, the first toleration that speaks of it; None if some taint has none."""
    used = []
    for taint in taints:
        first = next((toleration for toleration in tolerations if tolerates(toleration, taint)), None)
        if first is None:
            return None
        used.append(first)
    return used
