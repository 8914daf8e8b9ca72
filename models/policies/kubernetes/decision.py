"""What comes of one pod: totals, and the scores that they are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.policies.kubernetes.resource_block import NOWHERE

__all__ = ["Decision", "Scored"]

Ints = NDArray[np.int64]


class Decision:
    """What came of one pod. Good until the view changes.

    Args:
        row: int64 (N,): below 0 where the pod may not go; else the total but for what all minions have alike.
        alike: What all have alike.
    """

    __slots__ = ("_alike", "_row")

    def __init__(self, row: Ints, alike: int) -> None:
        self._row = row
        self._alike = alike

    @property
    def first(self) -> int:
        """The first minion of the largest total; -1 where the pod may go nowhere."""
        row = self._row
        if not row.size:
            return -1
        index = int(row.argmax())
        return index if row.item(index) >= 0 else -1

    @property
    def best(self) -> Ints:
        """The minions of the largest total, in order; empty where the pod may go nowhere."""
        first = self.first
        return np.flatnonzero(self._row == self._row[first]) if first >= 0 else np.empty(0, dtype=np.int64)

    @property
    def ranks(self) -> Ints:
        """int64 (N,): the totals but for what all have alike; below 0 where the pod may not go. Not to be kept."""
        return self._row

    @property
    def feasible(self) -> Ints:
        """The minions that the pod may go to, in order."""
        return np.flatnonzero(self._row >= 0)

    @property
    def totals(self) -> Ints:
        """int64 (N,): weighted sum of the scores; -1 where the pod may not go."""
        return np.where(self._row >= 0, self._row + self._alike, NOWHERE)


@dataclass(frozen=True, slots=True)
class Scored:
    """A plug-in's scores of the feasible minions, before and after they are normalised: int64 (k,) each."""

    raw: Ints
    normal: Ints
