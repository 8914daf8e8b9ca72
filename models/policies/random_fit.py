"""Random: any minion with room, each as likely as another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.api.linear import LinearScore
from models.api.protocols import ClusterView, Scorer
from models.api.types import PodTemplate

__all__ = ["RandomFit"]


@dataclass(frozen=True)
class RandomFit:
    """All with room tie, and the tie is broken by a draw of the pod's own.

    Attributes:
        ties: ``random``, or ``first`` (which makes it first fit).
        device: GPU device for a fraction: ``random`` or ``least``.
    """

    ties: str = "random"
    device: str = "random"

    def scorer(self, view: ClusterView, template: PodTemplate) -> Scorer:
        """Return a score that is 0 everywhere."""
        return LinearScore(view, 0.0, np.zeros(len(view.resources)))
