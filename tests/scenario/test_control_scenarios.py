"""The scenarios of the control plane: the expectations of each hold as it is written, and not without its main fault."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from experiments.checking import read_checked
from experiments.run import execute

_FOLDER = Path(__file__).parents[2] / "scenarios" / "control"
_SCENARIOS = sorted(path for path in _FOLDER.glob("*.yaml") if "wavetank/v1" in path.read_text())


def status_of(scenario: Path, folder: Path, *sets: str) -> tuple[int, list[str]]:
    """The exit status of a run, and what did not hold."""
    outcome = execute(read_checked(scenario, sets), folder, interruptible=False)
    summary = outcome.summary
    assert summary["complete"]
    assert summary["pods"]["conserved"], summary["pods"]
    return outcome.status, [
        f"{found['text']}: {found['sentence']}"
        for found in summary["expectations"]
        if found["verdict"] != "passed"
    ]


def test_there_are_scenarios_of_the_control_plane() -> None:
    assert len(_SCENARIOS) >= 8


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_holds_with_its_main_fault(scenario: Path, tmp_path: Path) -> None:
    assert status_of(scenario, tmp_path) == (0, [])


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_fails_without_its_main_fault(scenario: Path, tmp_path: Path) -> None:
    status, _ = status_of(scenario, tmp_path, "faults.0.enabled=false")
    assert status == 1


@pytest.mark.parametrize("name", ["zone-dead", "master-outage", "cut-off"])
def test_every_eviction_is_because_of_what_struck_its_own_minion(name: str, tmp_path: Path) -> None:
    status_of(_FOLDER / f"{name}.yaml", tmp_path)
    events = pl.read_parquet(tmp_path / "events.parquet").with_columns(pl.col(pl.Categorical).cast(pl.String))
    of = {row["seq"]: row for row in events.iter_rows(named=True)}
    evicted = events.filter(pl.col("reason") == "TaintManagerEviction")
    assert evicted.height > 2
    for row in evicted.iter_rows(named=True):
        chain = [row]
        while chain[-1]["cause"] is not None:
            chain.append(of[chain[-1]["cause"]])
        kinds = [each["kind"] for each in chain if each["kind"] != "minion_crashed"]
        assert kinds == ["pod_terminating", "minion_tainted", "minion_condition", "fault_began"]
        assert {each["minion"] for each in chain} == {row["minion"]}


def test_the_readme_lists_every_scenario() -> None:
    rows = (_FOLDER.parent / "README.md").read_text()
    listed = {line.split("|")[1].strip() for line in rows.splitlines() if line.startswith("| control/")}
    assert listed == {f"control/{path.stem}" for path in _SCENARIOS}
