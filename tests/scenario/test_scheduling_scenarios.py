"""The scenarios of scheduling: the expectations of each hold as it is written, and not without their cause."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from experiments.checking import read_checked
from experiments.explain import explain
from experiments.run import execute
from tests.scenario.test_control_scenarios import status_of
from tests.scenario.test_pictures import _records

_FOLDER = Path(__file__).parents[2] / "scenarios" / "scheduling"
_SCENARIOS = sorted(_FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_holds_with_its_cause(scenario: Path, tmp_path: Path) -> None:
    assert status_of(scenario, tmp_path) == (0, [])


@pytest.mark.parametrize("change", ["faults.0.enabled=false", "controllers.0.pod.priority=0"])
def test_without_the_death_or_without_priority_nobody_preempts(change: str, tmp_path: Path) -> None:
    status, failed = status_of(_FOLDER / "preemption.yaml", tmp_path, change)
    assert status == 1
    assert any(each.startswith("preempted(batch)") for each in failed)


def test_the_life_of_a_victim_leads_back_to_the_death(tmp_path: Path) -> None:
    outcome = execute(read_checked(_FOLDER / "preemption.yaml"), tmp_path, interruptible=False)
    assert outcome.status == 0
    victims = _records(tmp_path).filter(pl.col("kind") == "pod_preempted")["object"].to_list()
    told = explain(tmp_path, victims[0])
    for words in ("has to go from", "(preempted for pod/default/shop-", "minion/node-3 crashed", "was gone"):
        assert words in told


def test_the_readme_lists_every_scenario() -> None:
    rows = (_FOLDER.parent / "README.md").read_text()
    listed = {line.split("|")[1].strip() for line in rows.splitlines() if line.startswith("| scheduling/")}
    assert listed == {f"scheduling/{path.stem}" for path in _SCENARIOS}
