"""Best fit, worst fit and dot product: what is free against what is asked.

With w resources of interest, ``free`` of a minion before the pod and ``scale`` the largest minion of the
cluster in that resource (Weng et al., "Beware of Fragmentation", USENIX ATC 2023, compare against the first
and the last in this form, with cpu and gpu; memory only filters):

* best fit: levels * (1 - mean((free - need) / scale))
* worst fit: levels * mean((free - need) / scale)
* dot product: levels * (1 - mean((free / scale) * (need / scale))), the larger the product, the lower

Scores are whole numbers from 0 to ``levels`` (100 as in the kube-scheduler), truncated; 0 levels: not truncated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.api.linear import LinearScore
from models.api.protocols import ClusterView, Scorer
from models.api.types import PodTemplate

__all__ = ["BestFit", "DotProduct", "WorstFit"]

Floats = NDArray[np.float64]
_COLUMNS = {
    "cpu": "cpu_millicores",
    "memory": "memory_bytes",
    "ephemeral-storage": "ephemeral_bytes",
    "gpu": "gpu_milli",
}
"""Columns by the scenario's words; ``pods`` and extended resources have one name."""


@dataclass(frozen=True)
class _Packing:
    """Parameters that the three have in common. All three scores are linear in what is free.

    Attributes:
        ties: ``first`` or ``random``.
        device: GPU device for a fraction: ``least`` (least left that fits) or ``random``.
        resources: What counts, by the scenario's words (``cpu``, ``memory``, ``gpu``, ``pods``,
            ``ephemeral-storage``, an extended resource); empty: cpu and gpu where the cluster has GPUs, else
            cpu and memory.
        levels: Scores are truncated to whole numbers up to this; 0: not truncated.
    """

    ties: str = "first"
    device: str = "least"
    resources: tuple[str, ...] = ()
    levels: int = 100

    def _scales(self, view: ClusterView) -> Floats:
        """Return 1 / (w scale) for each column that counts, 0 for the others: float64 (columns,)."""
        largest = view.allocatable.max(axis=0, initial=0)
        columns = {name: place for place, name in enumerate(view.resources)}
        names = self.resources or (("cpu", "gpu") if largest[columns["gpu_milli"]] else ("cpu", "memory"))
        scales = np.zeros(len(columns))
        for name in names:
            column = columns[_COLUMNS.get(name, name)]
            scales[column] = 1.0 / (len(names) * max(1, largest[column]))
        return scales

    def _linear(self, view: ClusterView, constant: float, weights: Floats) -> Scorer:
        """Return rows -> constant + free . weights, in levels."""
        levels = self.levels
        if not levels:
            return LinearScore(view, constant, weights)
        # The tiny addition keeps a ratio that is exact on paper from falling below its whole number.
        return LinearScore(view, levels * constant + 1e-9, levels * weights, truncated=True)


@dataclass(frozen=True)
class BestFit(_Packing):
    """Least left after the pod."""

    def scorer(self, view: ClusterView, template: PodTemplate) -> Scorer:
        """Return the function from rows to scores for one class."""
        scales = self._scales(view)
        return self._linear(view, 1 + float(scales @ template.need), -scales)


@dataclass(frozen=True)
class WorstFit(_Packing):
    """Most left after the pod: spreads."""

    def scorer(self, view: ClusterView, template: PodTemplate) -> Scorer:
        """Return the function from rows to scores for one class."""
        scales = self._scales(view)
        return self._linear(view, -float(scales @ template.need), scales)


@dataclass(frozen=True)
class DotProduct(_Packing):
    """Smallest product of what is free with what is asked."""

    def scorer(self, view: ClusterView, template: PodTemplate) -> Scorer:
        """Return the function from rows to scores for one class."""
        scales = self._scales(view)
        count = max(1, int((scales > 0).sum()))
        return self._linear(view, 1.0, -scales * scales * count * np.array(template.need))
