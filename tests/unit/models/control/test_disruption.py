"""What a disruption budget allows, held against the rules of the API's documents and of the controller's source."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.specs_budgets import BudgetStatus, Share
from models.control.disruption import BudgetRules, scale_of, status_of

BEFORE = BudgetStatus(3, 4, 5, 6)


def percent(amount: int) -> Share:
    return Share(amount, is_percent=True)


@pytest.mark.parametrize(
    ("rules", "pods", "healthy", "scale", "expected"),
    [
        # https://kubernetes.io/docs/tasks/run-application/configure-pdb/: of 7 pods, 50% must stay: 4; may go: 4.
        (BudgetRules(minimum=percent(50)), 7, 7, 7, BudgetStatus(3, 7, 4, 7)),
        (BudgetRules(maximum=percent(50)), 7, 7, 7, BudgetStatus(4, 7, 3, 7)),
        (BudgetRules(maximum=percent(30)), 7, 7, 7, BudgetStatus(3, 7, 4, 7)),
        (BudgetRules(maximum=Share(1)), 3, 3, 3, BudgetStatus(1, 3, 2, 3)),
        (BudgetRules(maximum=Share(1)), 3, 2, 3, BudgetStatus(0, 2, 2, 3)),
        (BudgetRules(maximum=Share(0)), 3, 3, 3, BudgetStatus(0, 3, 3, 3)),
        # More than there are may go: none has to stay.
        (BudgetRules(maximum=Share(9)), 3, 3, 3, BudgetStatus(3, 3, 0, 3)),
        # A controller that was scaled up lacks its new pods; one that was scaled down has more than it needs.
        (BudgetRules(maximum=Share(1)), 3, 3, 5, BudgetStatus(0, 3, 4, 5)),
        (BudgetRules(maximum=Share(1)), 5, 5, 3, BudgetStatus(3, 5, 2, 3)),
        # A number that must stay is of the pods that there are, whoever made them.
        (BudgetRules(minimum=Share(2)), 3, 3, None, BudgetStatus(1, 3, 2, 3)),
        (BudgetRules(minimum=Share(2)), 3, 1, None, BudgetStatus(0, 1, 2, 3)),
        (BudgetRules(minimum=Share(0)), 0, 0, None, BudgetStatus(0, 0, 0, 0)),
        # Of pods that have no controller the number that should be there is not known: nothing is allowed.
        (BudgetRules(minimum=percent(10)), 3, 3, None, BudgetStatus(0, 4, 5, 6)),
        (BudgetRules(maximum=Share(1)), 3, 3, None, BudgetStatus(0, 4, 5, 6)),
        (BudgetRules(maximum=Share(1)), 0, 0, 0, BudgetStatus(0, 0, 0, 0)),
        (BudgetRules(), 3, 3, 3, BudgetStatus(0, 3, 0, 0)),
    ],
)
def test_what_is_allowed(
    rules: BudgetRules, pods: int, healthy: int, scale: int | None, expected: BudgetStatus
) -> None:
    assert status_of(rules, pods, healthy, scale, BEFORE) == expected


@given(st.integers(0, 100), st.integers(0, 10_000))
def test_a_percentage_is_rounded_up(amount: int, total: int) -> None:
    assert percent(amount).of(total) == ceil(Fraction(amount * total, 100))


def test_the_scale_is_of_all_controllers_or_what_a_dump_says_of_those_that_are_not_modelled() -> None:
    assert scale_of([3, 4], known=9) == 7
    assert scale_of([], known=None) == 0
    assert scale_of([3, None], known=9) == 9
    assert scale_of([3, None], known=None) is None
