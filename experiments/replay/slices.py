"""Which part of a scenario is replayed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Slice"]


@dataclass(frozen=True, slots=True)
class Slice:
    """What of a scenario is replayed.

    Attributes:
        minion: Which one; None: the only one that pods came to.
        pods: The first so many; None: all.
        seconds: So many from the start; None: the scenario's own ``until``.
    """

    minion: str | None = None
    pods: int | None = None
    seconds: float | None = None
