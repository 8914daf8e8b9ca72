"""Whatever goes wrong: in the end budgets say what is so, and no eviction took more than they allowed."""

from __future__ import annotations

from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from models.api.loading import load_scenario_text
from models.api.selectors import parse_selector
from models.api.specs_budgets import Share
from models.catalog import vocabulary
from models.control.disruption import BudgetRules
from models.plan import make_plan
from models.testing.rest import broken_at_rest
from models.testing.strategies import scenarios, text_of
from models.world import World
from tests.support.worlds import records, sinks

KINDS = ("drain", "rolling", "crash", "kill", "outage", "restart", "watch", "relabel")

shares = st.builds(Share, st.integers(0, 3)) | st.builds(
    Share, st.sampled_from([10, 34, 50, 90]), is_percent=st.just(True)
)
rules = st.builds(BudgetRules, minimum=shares) | st.builds(BudgetRules, maximum=shares)


def with_budgets(scenario: dict[str, Any], found: dict[str, BudgetRules]) -> World:
    spec = load_scenario_text(text_of(scenario), "drawn.yaml", vocabulary=vocabulary())
    world = World(make_plan(spec), sinks())
    assert world.plane is not None
    world.plane.watch_budgets()
    for app, each in found.items():
        world.plane.budgets.create(app, "default", parse_selector(f"app={app}"), each, None)
    return world


@given(scenarios(kinds=KINDS, deletions=False), st.dictionaries(st.sampled_from("ab"), rules, min_size=1))
def test_budgets_say_what_is_so_and_let_nobody_through_who_is_too_many(
    scenario: dict[str, Any], found: dict[str, BudgetRules]
) -> None:
    world = with_budgets(scenario, found)
    assert world.run() == "until"
    # Who is refused for ever is still asked for: a drain that never ends is no fault of the record.
    assert broken_at_rest(world) == []
    refused = records(world, "eviction_refused")
    event(f"{min(len(refused), 5)} evictions refused or more")
    assert all(row["value"] >= 0 for row in records(world, "budget_written"))
