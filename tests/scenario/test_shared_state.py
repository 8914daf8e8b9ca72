"""Monolithic, partitioned and shared-state scheduling of the same pods compare as in Omega (EuroSys '13)."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from experiments.checking import read_checked
from experiments.report import write_report
from experiments.run import execute
from experiments.sweepmetrics import metrics_of

SCENARIO = Path(__file__).parents[2] / "scenarios" / "scheduling" / "shared-state-conflicts.yaml"
SHORT = ("until=30m", "expect=[]")
BOTH = "commit: checked, decision: {perJob: {exponential: {mean: 3s}}, perPod: 50ms}"
MONOLITHIC = f"schedulers=[{{name: one, serves: [batch, service], {BOTH}}}]"
PARTITIONED = ("schedulers.0.minions=half=half-0", "schedulers.1.minions=half=half-1")


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("shared-state")
    numbers = itertools.count()

    def of(*sets: str) -> dict[str, Any]:
        run = folder / str(next(numbers))
        run.mkdir()
        outcome = execute(read_checked(SCENARIO, [*SHORT, *sets]), run, interruptible=False)
        return dict(outcome.summary)

    return of


def test_the_scenario_holds_its_expectations_and_has_its_picture(tmp_path: Path) -> None:
    outcome = execute(read_checked(SCENARIO), tmp_path, interruptible=False)
    assert outcome.status == 0
    assert "Schedulers at work" in write_report(tmp_path).read_text(encoding="utf-8")


def test_the_three_ways_compare_as_published(figures: Any) -> None:
    shared, monolithic, parted = (figures(), figures(MONOLITHIC), figures(*PARTITIONED))
    # One for all: everybody waits for the slow decisions (sections 2.1 and 4.1).
    assert monolithic["schedulers"]["one"]["busyness_ratio"] > 0.95
    assert monolithic["schedulers"]["one"]["wait_s"]["p50"]["value"] > 60
    assert monolithic["schedulers"]["one"]["conflicts"] == 0
    # Each its own minions: nobody conflicts; batch has half of the cluster for more than that (2.2).
    assert all(each["conflicts"] == 0 for each in parted["schedulers"].values())
    assert parted["pods"]["pending"] > 5 * shared["pods"]["pending"]
    # All for all: batch does not wait for service, and conflicts are the price, which service pays (4.3).
    batch, service = shared["schedulers"]["batch"], shared["schedulers"]["service"]
    assert batch["wait_s"]["p95"]["value"] < 1
    assert service["conflicts"] > 10
    assert service["conflict_fraction"] > 20 * (batch["conflict_fraction"] or 0.0)
    assert service["busyness_ratio"] > parted["schedulers"]["service"]["busyness_ratio"]


def test_a_sweep_compares_busyness_conflicts_and_waits_of_the_arrangements(figures: Any) -> None:
    shared, monolithic = metrics_of(figures()), metrics_of(figures(MONOLITHIC))
    assert monolithic["busyness"] == monolithic["busyness of scheduler one"]
    busy = [shared[f"busyness of scheduler {name}"] or 0.0 for name in ("batch", "service")]
    assert shared["busyness"] == pytest.approx(sum(busy) / 2)
    assert (
        0.0 < (shared["conflict fraction"] or 0.0) < (shared["conflict fraction of scheduler service"] or 0.0)
    )
    # Pods that were not bound by the end count with what was seen of their wait, whoever was asked.
    for workload in ("batch", "service"):
        name = f"mean wait of {workload}'s pods (s)"
        assert (monolithic[name] or 0.0) > 5 * (shared[name] or 0.0)


def test_coarse_checks_and_gangs_cost_more_conflicts(figures: Any) -> None:
    fine, coarse, gang = (
        figures(*sets)["schedulers"]["service"]["conflict_fraction"]
        for sets in ((), ("schedulers.1.conflicts=coarse",), ("schedulers.1.jobs=gang",))
    )
    assert coarse > 1.2 * fine  # figure 14
    assert gang > 1.2 * fine
