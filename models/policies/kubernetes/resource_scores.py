"""Scores by resources: LeastAllocated, MostAllocated, RequestedToCapacityRatio, BalancedAllocation.

They count non-zero requests of cpu and memory (a default where a container names none), of bound pods and of the one
that is placed. Source: k/k:pkg/scheduler/framework/plugins/noderesources, v1.20.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.api.schedulingview import NONZERO_CPU, NONZERO_MEMORY
from models.policies.kubernetes.plugin import MAX_SCORE, Look

__all__ = ["BalancedAllocation", "CapacityRatio", "LeastAllocated", "MostAllocated"]

Ints = NDArray[np.int64]
Weights = tuple[tuple[str, int], ...]

_EVENLY: Weights = (("cpu", 1), ("memory", 1))
_NONZERO = {"cpu": NONZERO_CPU, "memory": NONZERO_MEMORY}


def _asked(look: Look, resource: str, rows: Ints) -> tuple[Ints, Ints]:
    """Return what is allocatable of a resource, and requested with the pod: int64 (k,) each."""
    column = _NONZERO.get(resource)
    if column is None:
        column = look.view.column(resource)
    scored = dict(look.pod.pod.scored).get(resource, 0)
    return look.view.allocatable[rows, column], look.view.used[rows, column] + scored


@dataclass(frozen=True)
class LeastAllocated:
    """The more is left of each resource, the better.

    Attributes:
        resources: Resource and weight.
    """

    resources: Weights = _EVENLY
    name: str = "NodeResourcesLeastAllocated"

    def score(self, look: Look, rows: Ints) -> tuple[Ints, Ints]:
        """Return the scores of the feasible minions."""
        return _mean(self.resources, look, rows, left=True)


@dataclass(frozen=True)
class MostAllocated:
    """The less is left of each resource, the better.

    Attributes:
        resources: Resource and weight.
    """

    resources: Weights = _EVENLY
    name: str = "NodeResourcesMostAllocated"

    def score(self, look: Look, rows: Ints) -> tuple[Ints, Ints]:
        """Return the scores of the feasible minions."""
        return _mean(self.resources, look, rows, left=False)


def _mean(resources: Weights, look: Look, rows: Ints, *, left: bool) -> tuple[Ints, Ints]:
    """Weighted mean of what is left, or taken, in whole hundredths; cut off twice."""
    total = np.zeros(rows.size, dtype=np.int64)
    for resource, weight in resources:
        allocatable, requested = _asked(look, resource, rows)
        counted = allocatable - requested if left else requested
        share = counted * MAX_SCORE // np.maximum(allocatable, 1)
        total += weight * np.where((allocatable == 0) | (requested > allocatable), 0, share)
    total //= sum(weight for _, weight in resources)
    return total, total


@dataclass(frozen=True)
class CapacityRatio:
    """RequestedToCapacityRatio: a broken line from utilization to score, for each resource.

    Attributes:
        shape: Utilization in percent, rising, and score from 0 to 10.
        resources: Resource and weight.
    """

    shape: tuple[tuple[int, int], ...] = ((0, 0), (100, 10))
    resources: Weights = _EVENLY
    name: str = "RequestedToCapacityRatio"

    def score(self, look: Look, rows: Ints) -> tuple[Ints, Ints]:
        """Return the scores of the feasible minions; a resource that scores 0 is left out of the mean."""
        total = np.zeros(rows.size, dtype=np.int64)
        weights = np.zeros(rows.size, dtype=np.int64)
        for resource, weight in self.resources:
            allocatable, requested = _asked(look, resource, rows)
            used = MAX_SCORE - (allocatable - requested) * MAX_SCORE // np.maximum(allocatable, 1)
            score = self._line(np.where((allocatable == 0) | (requested > allocatable), MAX_SCORE, used))
            total += np.where(score > 0, weight * score, 0)
            weights += np.where(score > 0, weight, 0)
        # Go rounds halves away from zero; there is none below.
        mean = np.floor(total / np.maximum(weights, 1) + 0.5).astype(np.int64)
        return mean, mean

    def _line(self, utilization: Ints) -> Ints:
        """Return the score of a utilization, interpolated and cut off towards zero."""
        points = [(x, y * MAX_SCORE // 10) for x, y in self.shape]
        score = np.full(utilization.size, points[-1][1], dtype=np.int64)
        for (x0, y0), (x1, y1) in reversed(list(pairwise(points))):
            climb = (y1 - y0) * (utilization - x0)
            part = np.abs(climb) // (x1 - x0) * np.sign(climb)
            score = np.where(utilization <= x1, y0 + part, score)
        return np.where(utilization <= points[0][0], points[0][1], score)


@dataclass(frozen=True)
class BalancedAllocation:
    """The nearer the shares of cpu and memory that are taken, the better; nothing where one is used up."""

    name: str = "NodeResourcesBalancedAllocation"

    def score(self, look: Look, rows: Ints) -> tuple[Ints, Ints]:
        """Return the scores of the feasible minions."""
        shares = []
        for resource in ("cpu", "memory"):
            allocatable, requested = _asked(look, resource, rows)
            shares.append(np.where(allocatable == 0, 1.0, requested / np.maximum(allocatable, 1)))
        cpu, memory = shares
        score = ((1 - np.abs(cpu - memory)) * float(MAX_SCORE)).astype(np.int64)
        score = np.where((cpu >= 1) | (memory >= 1), 0, score)
        return score, score
