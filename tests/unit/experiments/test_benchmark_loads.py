"""What the control plane's load dispatches, at a size that a test can run."""

from __future__ import annotations

import pytest

from experiments.benchmarks.cpuchanges import KINDS, measure_changes
from experiments.benchmarks.decisions import measure_decisions
from experiments.benchmarks.loads import control
from models.plan import make_plan
from models.policies.kubernetes.resource_block import ResourceBlock
from models.world import Sinks, World
from sim.journalchunks import ChunkMemory


def ran(until: str, *, minions: int = 60, pods: int = 1_800) -> World:
    loaded = control(minions, pods, until=until, crashes=False)
    world = World(make_plan(loaded.spec), Sinks(ChunkMemory(), ChunkMemory(), ChunkMemory()))
    world.run()
    return world


def test_a_pod_costs_few_events_from_birth_to_ready_and_nothing_after() -> None:
    hour, month = ran("1h"), ran("30d")
    assert hour.plane is not None
    ready = sum(len(service.endpoints) for service in hour.plane.services.values())
    assert ready == hour.store.created == 1_800
    # Created, bound, started; then what clients are woken and called for. The limit is 7.
    assert 4 < hour.engine.dispatched / 1_800 <= 5.5
    # Leases, passes of the monitor and periods of queues are computed, not ticked.
    assert month.engine.dispatched - hour.engine.dispatched <= 100


@pytest.mark.parametrize("kind", ["plain", "rich"])
def test_decisions_are_bound_and_checked(kind: str) -> None:
    found = measure_decisions(kind, 30, 5, 300)
    assert (found.decisions, found.bound, found.checked, found.mismatches) == (300, 300, 3, 0)
    assert found.cpu_s > 0


def test_a_decision_that_is_not_the_one_from_scratch_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ResourceBlock, "catch_up", lambda block: None)
    assert measure_decisions("plain", 30, 5, 300).mismatches == 3


@pytest.mark.parametrize("kind", KINDS)
def test_changes_of_cpu_demand_move_the_bottleneck_and_are_checked(kind: str) -> None:
    found = measure_changes(kind, 2, 60)
    assert found["moved"] > 0.5
    assert found["worst"] < 1e-9
    assert min(found["us"], found["clock_us"]) > 0.0
