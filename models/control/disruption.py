"""What a disruption budget allows, as Kubernetes 1.20 works it out: pure, of numbers of pods.

Source: k/k:pkg/controller/disruption/disruption.go, v1.20.2: getExpectedPodCount, countHealthyPods, updatePdbStatus,
failSafe; FACTS has none of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from models.api.specs_budgets import BudgetStatus, Share

__all__ = ["BudgetRules", "scale_of", "status_of"]


@dataclass(frozen=True, slots=True)
class BudgetRules:
    """What a budget asks for: at most one of both; of neither nothing is expected, and nothing allowed.

    Attributes:
        minimum: So many of its pods must stay.
        maximum: So many may be away.
        known: How many were expected by a dump, for pods of owners that are not modelled; None: nobody said.
    """

    minimum: Share | None = None
    maximum: Share | None = None
    known: int | None = None

    @property
    def is_of_scale(self) -> bool:
        """Whether it counts what the pods' controllers should have, not what there is."""
        return self.maximum is not None or (self.minimum is not None and self.minimum.is_percent)


def scale_of(desired: Iterable[int | None], known: int | None) -> int | None:
    """Return how many pods all controllers together should have.

    Args:
        desired: By controller that has a pod in the budget; None: a pod whose owner is not modelled, or that has none.
        known: What a dump says where that is so.
    """
    numbers = list(desired)
    if None in numbers:
        return known
    return sum(each for each in numbers if each is not None)


def status_of(
    rules: BudgetRules, pods: int, healthy: int, scale: int | None, before: BudgetStatus
) -> BudgetStatus:
    """Return what is to be written of a budget.

    Args:
        rules: What it asks for.
        pods: How many it selects.
        healthy: How many of them are ready, and neither being deleted nor about to be.
        scale: How many its pods' controllers should have; None: a pod has none, which allows no disruption at all
            where the budget counts by it.
        before: What was written last.
    """
    expected = scale if rules.is_of_scale else pods
    if expected is None:
        return replace(before, allowed=0)
    desired = 0
    if rules.maximum is not None:
        desired = max(0, expected - rules.maximum.of(expected))
    elif rules.minimum is not None:
        desired = rules.minimum.of(expected)
    else:
        expected = 0
    allowed = max(0, healthy - desired) if expected > 0 else 0
    return BudgetStatus(allowed, healthy, desired, expected)
