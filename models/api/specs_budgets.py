"""Disruption budgets: how many pods of a kind must stay, or may go, where somebody asks before taking one away."""

from __future__ import annotations

from dataclasses import dataclass

from models.api.selectors import Selector

__all__ = ["BudgetStatus", "ManifestBudget", "Share"]


@dataclass(frozen=True, slots=True)
class Share:
    """A number of pods, or a percentage of them.

    Attributes:
        amount: Pods, or percent.
        is_percent: Which of both.
    """

    amount: int
    is_percent: bool = False

    def of(self, total: int) -> int:
        """Return how many of so many pods: a percentage is rounded up, of who must stay as of who may go.

        Source: k/k:pkg/controller/disruption/disruption.go, getExpectedPodCount.
        """
        return -(-self.amount * total // 100) if self.is_percent else self.amount

    def __str__(self) -> str:
        return f"{self.amount}%" if self.is_percent else str(self.amount)


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """What was last written of a budget.

    Attributes:
        allowed: How many more of its pods may be disrupted now.
        healthy: How many are ready and not being deleted.
        desired: How many have to be.
        expected: How many there should be: what percentages are of.
    """

    allowed: int = 0
    healthy: int = 0
    desired: int = 0
    expected: int = 0


@dataclass(frozen=True, slots=True)
class ManifestBudget:
    """A PodDisruptionBudget.

    Attributes:
        selector: Of its pods' labels; None selects no pod.
        minimum: So many must stay; at most one of both is given.
        maximum: So many may be away.
        status: What a dump shows of it; None: nobody has written one for the budget as it is now.
    """

    name: str
    namespace: str
    selector: Selector | None = None
    minimum: Share | None = None
    maximum: Share | None = None
    status: BudgetStatus | None = None

    @property
    def key(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.name}"
