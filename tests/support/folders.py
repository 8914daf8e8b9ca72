"""Runs in folders, for tests of what is read from them."""

from __future__ import annotations

from pathlib import Path

from experiments.checking import read_checked
from experiments.run import Outcome, execute

__all__ = ["run_in"]


def run_in(folder: Path, text: str, *sets: str) -> Outcome:
    """Run a scenario's text (``apiVersion`` and ``name`` are added) in ``folder/run``."""
    scenario = folder / "scenario.yaml"
    scenario.write_text(f"apiVersion: wavetank/v1\nname: test\n{text}")
    out = folder / "run"
    out.mkdir()
    return execute(read_checked(scenario, sets), out)
