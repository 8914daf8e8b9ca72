"""The scenarios of isolation: what their records, explanations and pictures show."""

from __future__ import annotations

from pathlib import Path

from experiments.checking import read_checked
from experiments.explain import explain
from experiments.run import execute
from tests.support.shipped import FOLDER

_FOLDER = FOLDER / "isolation"


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
