"""First fit: the first minion with room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.api.protocols import ClusterView
from models.api.types import PodTemplate

__all__ = ["FirstFit"]


@dataclass(frozen=True)
class FirstFit:
    """Every minion with room is as good as another; the lowest index wins.

    Attributes:
        ties: ``first`` or ``random``.
        device: GPU device for a fraction: ``least`` or ``random``.
    """

    ties: str = "first"
    device: str = "least"

    def score(self, view: ClusterView, template: PodTemplate, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return 0 for every row."""
        return np.zeros(rows.size)
