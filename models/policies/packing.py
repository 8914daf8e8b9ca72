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

from models.api.protocols import ClusterView
from models.api.types import PodTemplate

__all__ = ["BestFit", "DotProduct", "WorstFit"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Packing:
    """Parameters that the three have in common.

    Attributes:
        ties: ``first`` or ``random``.
        device: GPU device for a fraction: ``least`` (least left that fits) or ``random``.
        resources: What counts: names of columns without unit (``cpu``, ``memory``, ``gpu``, an extended
            resource); empty: cpu and gpu where the cluster has GPUs, else cpu and memory.
        levels: Scores are truncated to whole numbers up to this; 0: not truncated.
    """

    ties: str = "first"
    device: str = "least"
    resources: tuple[str, ...] = ()
    levels: int = 100

    def _columns(self, view: ClusterView, template: PodTemplate, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return (free (rows, w), need (w,)), both over the scale."""
        names = self.resources
        if not names:
            names = ("cpu", "gpu") if view.gpu_left_milli.shape[1] else ("cpu", "memory")
        free, need = np.empty((rows.size, len(names))), np.empty(len(names))
        words = [name.removesuffix("_millicores").removesuffix("_bytes") for name in view.resources]
        for place, name in enumerate(names):
            if name == "gpu":
                scale = float(view.gpu_total_milli.max(initial=0)) or 1.0
                free[:, place] = view.gpu_free_milli[rows] / scale
                need[place] = template.gpu_milli / scale
            else:
                column = words.index(name)
                scale = float(view.allocatable[:, column].max(initial=0)) or 1.0
                free[:, place] = view.free[rows, column] / scale
                need[place] = template.need[column] / scale
        return free, need

    def _levels(self, ratio: Floats) -> Floats:
        # The tiny addition keeps a ratio that is exact on paper from falling below its whole number.
        return np.trunc(self.levels * ratio + 1e-9) if self.levels else ratio


@dataclass(frozen=True)
class BestFit(_Packing):
    """Least left after the pod."""

    def score(self, view: ClusterView, template: PodTemplate, rows: NDArray[np.int64]) -> Floats:
        """Return the score of each row."""
        free, need = self._columns(view, template, rows)
        return self._levels(1 - (free - need).mean(axis=1))


@dataclass(frozen=True)
class WorstFit(_Packing):
    """Most left after the pod: spreads."""

    def score(self, view: ClusterView, template: PodTemplate, rows: NDArray[np.int64]) -> Floats:
        """Return the score of each row."""
        free, need = self._columns(view, template, rows)
        return self._levels((free - need).mean(axis=1))


@dataclass(frozen=True)
class DotProduct(_Packing):
    """Smallest product of what is free with what is asked."""

    def score(self, view: ClusterView, template: PodTemplate, rows: NDArray[np.int64]) -> Floats:
        """Return the score of each row."""
        free, need = self._columns(view, template, rows)
        return self._levels(1 - (free * need).sum(axis=1) / len(need))
