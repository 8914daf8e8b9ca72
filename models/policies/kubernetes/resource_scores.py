"""Scores by resources: LeastAllocated, MostAllocated, RequestedToCapacityRatio, BalancedAllocation.

They count non-zero requests of cpu and memory (a default where a container names none), of bound pods and of the one
that is placed. Each is a function of what is allocatable and what is requested, element by element, so that
many classes and minions are scored at once. Source: k/k:pkg/scheduler/framework/plugins/noderesources, v1.20.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.api.schedulingview import NONZERO_CPU, NONZERO_MEMORY, SchedulingView
from models.policies.kubernetes.plugin import MAX_SCORE

__all__ = ["BalancedAllocation", "CapacityRatio", "LeastAllocated", "MostAllocated", "column_of"]

Ints = NDArray[np.int64]
Weights = tuple[tuple[str, int], ...]

_EVENLY: Weights = (("cpu", 1), ("memory", 1))
_NONZERO = {"cpu": NONZERO_CPU, "memory": NONZERO_MEMORY}


def column_of(view: SchedulingView, resource: str) -> int:
    """Return the column in which scores count a resource."""
    column = _NONZERO.get(resource)
    return view.column(resource) if column is None else column


@dataclass(frozen=True)
class LeastAllocated:
    """The more is left of each resource, the better.

    Attributes:
        resources: Resource and weight.
    """

    resources: Weights = _EVENLY
    name: str = "NodeResourcesLeastAllocated"

    def of(self, allocatable: Sequence[Ints], requested: Sequence[Ints]) -> Ints:
        """Return the scores."""
        return _mean(self.resources, allocatable, requested, left=True)


@dataclass(frozen=True)
class MostAllocated:
    """The less is left of each resource, the better.

    Attributes:
        resources: Resource and weight.
    """

    resources: Weights = _EVENLY
    name: str = "NodeResourcesMostAllocated"

    def of(self, allocatable: Sequence[Ints], requested: Sequence[Ints]) -> Ints:
        """Return the scores."""
        return _mean(self.resources, allocatable, requested, left=False)


def _mean(resources: Weights, allocatable: Sequence[Ints], requested: Sequence[Ints], *, left: bool) -> Ints:
    """Weighted mean of what is left, or taken, in whole hundredths; cut off twice."""
    total: Ints = np.zeros_like(requested[0])
    for (_, weight), whole, taken in zip(resources, allocatable, requested, strict=True):
        share = (whole - taken if left else taken) * MAX_SCORE // np.maximum(whole, 1)
        total += weight * np.where((whole == 0) | (taken > whole), 0, share)
    return total // sum(weight for _, weight in resources)


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

    def of(self, allocatable: Sequence[Ints], requested: Sequence[Ints]) -> Ints:
        """Return the scores; a resource that scores 0 is left out of the mean."""
        total: Ints = np.zeros_like(requested[0])
        weights: Ints = np.zeros_like(requested[0])
        for (_, weight), whole, taken in zip(self.resources, allocatable, requested, strict=True):
            used = MAX_SCORE - (whole - taken) * MAX_SCORE // np.maximum(whole, 1)
            score = self._line(np.where((whole == 0) | (taken > whole), MAX_SCORE, used))
            total += np.where(score > 0, weight * score, 0)
            weights += np.where(score > 0, weight, 0)
        # Go rounds halves away from zero; there is none below.
        mean: Ints = np.floor(total / np.maximum(weights, 1) + 0.5).astype(np.int64)
        return mean

    def _line(self, utilization: Ints) -> Ints:
        """Return the score of a utilization, interpolated and cut off towards zero."""
        points = [(x, y * MAX_SCORE // 10) for x, y in self.shape]
        score: Ints = np.full_like(utilization, points[-1][1])
        for (x0, y0), (x1, y1) in reversed(list(pairwise(points))):
            climb = (y1 - y0) * (utilization - x0)
            part = np.abs(climb) // (x1 - x0) * np.sign(climb)
            score = np.where(utilization <= x1, y0 + part, score)
        return np.where(utilization <= points[0][0], points[0][1], score)


@dataclass(frozen=True)
class BalancedAllocation:
    """The nearer the shares of cpu and memory that are taken, the better; nothing where one is used up."""

    name: str = "NodeResourcesBalancedAllocation"
    resources: Weights = _EVENLY

    def of(self, allocatable: Sequence[Ints], requested: Sequence[Ints]) -> Ints:
        """Return the scores."""
        cpu, memory = (
            np.where(whole == 0, 1.0, taken / np.maximum(whole, 1))
            for whole, taken in zip(allocatable, requested, strict=True)
        )
        score = ((1 - np.abs(cpu - memory)) * float(MAX_SCORE)).astype(np.int64)
        return np.where((cpu >= 1) | (memory >= 1), 0, score)
