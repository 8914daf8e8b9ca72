"""Preemption as the kube-scheduler 1.20 does it: which pods go, and from which minion, so that a pod has room.

On each minion where it may help, all pods of lower priority are taken away; where the pod fits then, they are
reprieved one by one as long as it still does: first those whose disruption budget their end would violate, then the
others, in both by priority, and those that started earlier first. Who is not reprieved is a victim. Of the minions
that is chosen with the fewest violations, the lowest highest priority of a victim, the smallest sum of priorities
(each shifted so that none is negative), the fewest victims, the latest start of the earliest of its most important
victims.

All of it is pure: what fits is a function that is handed in. Amounts of time are seconds from the start of the run.

Source: k/k:pkg/scheduler/framework/plugins/defaultpreemption/default_preemption.go, v1.20.2; FACTS K61a. There the
second step looks at the first victim, which is not the most important one where some violate a budget and others do
not; here, as documented, at the most important.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from models.api.selectors import Selector

__all__ = [
    "Budget",
    "Candidate",
    "Occupant",
    "best_of",
    "candidates_wanted",
    "find_candidates",
    "select_victims",
]

_SHIFT = 2**31
"""Added to each priority: MaxInt32 + 1."""

Fits = Callable[[Sequence["Occupant"]], bool]
"""Whether the pod fits on a minion where, of the pods of lower priority, these stay."""


@dataclass(frozen=True, slots=True)
class Occupant:
    """A pod on a minion.

    Attributes:
        number: Tells it from all others; the lower goes first where nothing else tells two apart.
        priority: Its priority.
        start_s: When it started, in whole seconds as the API has it; one that has not: now.
        namespace: Its namespace.
        labels: Its labels.
    """

    number: int
    priority: int
    start_s: float
    namespace: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Budget:
    """A disruption budget.

    Attributes:
        namespace: Of its pods.
        selector: Of their labels; one that selects by nothing selects no pod.
        allowed: How many more of its pods may be disrupted.
        disrupted: Numbers of pods that are counted as such already, as their eviction was let through.
    """

    namespace: str
    selector: Selector
    allowed: int
    disrupted: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A minion from which pods could be preempted.

    Attributes:
        minion: Its index.
        victims: At least one; those that violate a budget first, then by importance.
        violations: How many of them violate one.
    """

    minion: int
    victims: tuple[Occupant, ...]
    violations: int

    @property
    def rank(self) -> tuple[int, int, int, int, float]:
        """By which candidates are compared; the lowest is the best."""
        highest = max(each.priority for each in self.victims)
        earliest_s = min(each.start_s for each in self.victims if each.priority == highest)
        shifted = sum(each.priority + _SHIFT for each in self.victims)
        return self.violations, highest, shifted, len(self.victims), -earliest_s


def _importance(pod: Occupant) -> tuple[int, float, int]:
    return -pod.priority, pod.start_s, pod.number


def select_victims(
    minion: int, lower: Iterable[Occupant], fits: Fits, budgets: Sequence[Budget] = ()
) -> Candidate | None:
    """Find who must go from one minion.

    Args:
        minion: Its index.
        lower: The pods on it whose priority is lower than that of the pod that needs room.
        fits: Whether that pod fits where these of them stay.
        budgets: All disruption budgets.

    Returns:
        The victims; nothing where the pod does not fit even without all of these, or fits with them.
    """
    ordered = sorted(lower, key=_importance)
    if not ordered or not fits(()):
        return None
    violating, others = _by_budget(ordered, budgets)
    kept: list[Occupant] = []
    victims: list[Occupant] = []
    violations = 0
    for place, pod in enumerate((*violating, *others)):
        kept.append(pod)
        if not fits(kept):
            kept.pop()
            victims.append(pod)
            violations += place < len(violating)
    return Candidate(minion, tuple(victims), violations) if victims else None


def _by_budget(
    pods: Sequence[Occupant], budgets: Sequence[Budget]
) -> tuple[Sequence[Occupant], Sequence[Occupant]]:
    """Part those whose end would violate a budget from the others; each pod takes from what is allowed."""
    allowed = [budget.allowed for budget in budgets]
    violating: list[Occupant] = []
    others: list[Occupant] = []
    for pod in pods:
        violates = False
        for place, budget in enumerate(budgets):
            if (
                pod.labels
                and budget.namespace == pod.namespace
                and budget.selector.matches(pod.labels)
                and pod.number not in budget.disrupted
            ):
                allowed[place] -= 1
                violates = violates or allowed[place] < 0
        (violating if violates else others).append(pod)
    return violating, others


def candidates_wanted(minions: int, ratio: float, least: int) -> int:
    """Return how many candidates end the search over so many minions."""
    return min(minions, max(int(minions * round(ratio * 100)) // 100, least))


def find_candidates(
    minions: Sequence[int], dry_run: Callable[[int], Candidate | None], offset: int, wanted: int
) -> list[Candidate]:
    """Dry-run minions one after the other, until there are enough candidates and one that violates no budget.

    Simplified: the real one dry-runs sixteen at a time, and so may find some more.

    Args:
        minions: Where it may help, in order.
        dry_run: Finds the victims on a minion.
        offset: The place in ``minions`` to begin at.
        wanted: As many are enough.
    """
    found: list[Candidate] = []
    keeps_budgets = False
    for step in range(len(minions)):
        candidate = dry_run(minions[(offset + step) % len(minions)])
        if candidate is None:
            continue
        found.append(candidate)
        keeps_budgets = keeps_budgets or not candidate.violations
        if keeps_budgets and len(found) >= wanted:
            break
    return found


def best_of(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return the best candidates: more than one only where nothing tells them apart."""
    if not candidates:
        return ()
    least = min(each.rank for each in candidates)
    return [each for each in candidates if each.rank == least]
