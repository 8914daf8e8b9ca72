"""What the scheduler believes of pods on minions is what the record says, when it has read all, whatever happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given

from models.api.loading import load_scenario_text
from models.api.schedulingview import PRESENT
from models.api.types import TERMINATING
from models.catalog import vocabulary
from models.cluster.placedbelief import PlacedBelief
from models.cluster.placements import Placements
from models.plan import make_plan
from models.testing.rest import broken_at_rest
from models.testing.strategies import scenarios, text_of
from models.world import World
from tests.support.worlds import sinks


def run(scenario: dict[str, Any]) -> World:
    spec = load_scenario_text(
        text_of({**scenario, "policy": {"scheduler": "kubernetes"}}), "drawn.yaml", vocabulary=vocabulary()
    )
    world = World(make_plan(spec, max_events=200_000), sinks())
    world.run()
    return world


def there(placements: Placements) -> list[dict[tuple[Any, bool], int]]:
    return [
        {(placements._known[key >> 1].pod, bool(key & 1)): count for key, count in each.items()}
        for each in placements._there
    ]


def check(world: World) -> None:
    belief = world.belief
    assert isinstance(belief, PlacedBelief)
    for change in world.scheduler.client.cursor.read():
        world.scheduler._learn(change)
    found = belief._placements
    anew = Placements(found.minions)
    for minion, pods in enumerate(world.store.bound):
        for pod in pods.values():
            plain = belief.known(pod.template).pod
            known = anew.know(replace(plain, labels=pod.labels))
            anew.place(known, minion, 1, terminating=bool(pod.word & TERMINATING))
    assert there(found) == there(anew)
    np.testing.assert_array_equal(found.left[:, :PRESENT], anew.left[:, :PRESENT])
    for entry, minion in zip(world.store.minions, found.minions, strict=True):
        assert {str(t) for t in minion.taints} == set(entry.taints)


@given(scenarios())
def test_the_belief_follows_the_record(scenario: dict[str, Any]) -> None:
    world = run(scenario)
    assert broken_at_rest(world) == []
    check(world)
