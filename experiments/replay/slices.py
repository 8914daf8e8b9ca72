"""Which part of a scenario is replayed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Scale", "Slice"]


@dataclass(frozen=True, slots=True)
class Scale:
    """By what a cluster is divided so that a host can do it: factors of at most 1."""

    cpu: Fraction = Fraction(1)
    memory: Fraction = Fraction(1)
    time: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Slice:
    """What of a scenario is replayed.

    Attributes:
        minion: Which one; None: the only one that pods came to.
        pods: The first so many; None: all.
        seconds: So many from the start; None: the scenario's own ``until``.
        scale: What everything is divided by; None: it is replayed as it is.
    """

    minion: str | None = None
    pods: int | None = None
    seconds: float | None = None
    scale: Scale | None = None
