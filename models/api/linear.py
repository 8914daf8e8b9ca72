"""Scores that are linear in what is free: most policies' are, and they can be computed for many classes at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.api.protocols import ClusterView

__all__ = ["LinearScore"]

Floats = NDArray[np.float64]


class LinearScore:
    """A scorer: ``constant + free . weights``, truncated to a whole number if asked.

    A policy whose ``scorer`` returns one of these is scored faster than by a function of its own: the classes that
    one change of a minion concerns are computed together. The products are summed in the order of the
    columns and the constant comes last, so that a score is the same to the last bit however it is computed.

    Args:
        view: What the scorer looks at.
        constant: Score where nothing is free.
        weights: float64 (R,): what one unit that is free of each resource adds.
        truncated: Scores are whole numbers, cut towards 0.

    Raises:
        ValueError: The constant or a weight is not finite, or there is not one weight a resource.
    """

    __slots__ = ("_free", "columns", "constant", "truncated", "weights")

    def __init__(
        self, view: ClusterView, constant: float, weights: Floats, *, truncated: bool = False
    ) -> None:
        weights = np.asarray(weights, dtype=np.float64)
        if weights.shape != (len(view.resources),):
            raise ValueError(f"weights of shape {weights.shape} for {len(view.resources)} resources")
        if not (math.isfinite(constant) and np.isfinite(weights).all()):
            raise ValueError(f"a score of constant {constant} and weights {weights.tolist()} is not finite")
        self._free = view.free
        self.constant = float(constant)
        self.weights = weights
        self.truncated = truncated
        self.columns: list[int] = np.flatnonzero(weights).tolist()

    def __call__(self, rows: NDArray[np.int64]) -> Floats:
        """Return the scores of some minions: float64 (k,)."""
        scores = np.zeros(rows.size)
        for column in self.columns:
            scores += self._free[rows, column] * self.weights[column]
        scores += self.constant
        return np.trunc(scores) if self.truncated else scores
