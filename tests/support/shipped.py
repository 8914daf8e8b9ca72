"""The shipped scenarios, and what comes of running one."""

from __future__ import annotations

from pathlib import Path

from experiments.checking import read_checked
from experiments.run import execute

FOLDER = Path(__file__).parents[2] / "scenarios"


def scenarios_of(folder: str) -> list[Path]:
    """The scenarios of one folder, without the manifests that lie beside them."""
    return sorted(path for path in (FOLDER / folder).glob("*.yaml") if "wavetank/v1" in path.read_text())


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
