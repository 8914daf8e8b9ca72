"""The scenarios of isolation: the expectations of each hold as it is written, and not without their cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.checking import read_checked
from experiments.explain import explain
from experiments.run import execute
from tests.scenario.test_control_scenarios import status_of

_FOLDER = Path(__file__).parents[2] / "scenarios" / "isolation"
_SCENARIOS = sorted(_FOLDER.glob("*.yaml"))
_CAUSES = {
    "attackers-fork-bomb": "faults.0.compromise.does=[]",
    "dropped-too-far": "isolation.needs=[]",
    "escape-and-spread": "faults.0.enabled=false",
    "noticed-in-time": "faults.0.compromise.respond=[]",
    "opened-by-user-namespaces": "isolation.mechanisms.add=[drop-all-capabilities]",
}
"""What to set so that the cause is gone."""


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_holds_with_its_cause(scenario: Path, tmp_path: Path) -> None:
    assert status_of(scenario, tmp_path) == (0, [])


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_fails_without_its_cause(scenario: Path, tmp_path: Path) -> None:
    status, _ = status_of(scenario, tmp_path, _CAUSES[scenario.stem])
    assert status == 1


def test_the_readme_lists_every_scenario() -> None:
    rows = (_FOLDER.parent / "README.md").read_text()
    listed = {line.split("|")[1].strip() for line in rows.splitlines() if line.startswith("| isolation/")}
    assert listed == {f"isolation/{path.stem}" for path in _SCENARIOS}


def test_the_path_of_an_attacker_is_explained(tmp_path: Path) -> None:
    """From the break-in to the last minion: each thing he won follows from what he had before."""
    execute(read_checked(_FOLDER / "escape-and-spread.yaml"), tmp_path, interruptible=False)
    told = explain(tmp_path, "attacker/break-in-1-1").splitlines()
    assert "was broken into on minion/web-" in told[1]
    assert "fault/break-in struck" in told[2]
    won = [line for line in told if " has host-root by " in line]
    assert len(won) == 6
    out = told.index(won[0])
    assert told[out + 1].strip().startswith("because of #")
    because = told[out + 1].split("#")[1].split(",")[0]
    assert any(f"#{because}  attacker/break-in-1-1 tries on minion/web-" in line for line in told[:out])
    taken = explain(tmp_path, won[1].split(" on ")[1].split(",")[0]).splitlines()
    place = next(i for i, line in enumerate(taken) if "was taken by attacker/break-in-1-1" in line)
    assert "has host-root by minions-credentials" in taken[place + 1]
    assert "has another-minion by minions-credentials" in taken[place + 2]
