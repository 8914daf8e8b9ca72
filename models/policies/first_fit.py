"""First fit: the first minion with room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.api.linear import LinearScore
from models.api.protocols import ClusterView, Scorer
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

    def scorer(self, view: ClusterView, template: PodTemplate) -> Scorer:
        """Return a score that is 0 everywhere."""
        return LinearScore(view, 0.0, np.zeros(len(view.resources)))
