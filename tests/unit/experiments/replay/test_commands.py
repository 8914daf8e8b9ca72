"""What is typed wrong is said before an engine is asked for anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from experiments.replay.commands import add_host_commands
from sim.errors import ScenarioError

app = typer.Typer()
add_host_commands(app)


def _told(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert isinstance(done.exception, ScenarioError), done.output
    return str(done.exception)


@pytest.mark.parametrize("command", [("record", "kernel"), ("calibrate",)])
def test_a_place_that_cannot_be_written(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert "there is no such folder: make it first" in _told(*command, "--out", str(tmp_path / "no" / "f"))
    assert "it is a folder: name a file" in _told(*command, "--out", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--window", "5"), "--window:1:1: "),
        (("--window", "1h"), "expected 0.5s to 10m, not 1h"),
        (("--max-memory", "lots"), "--max-memory:1:1: "),
        (("--cpuset", "3-1"), "expected numbers of cores, as 0-3,6, not '3-1'"),
    ],
)
def test_options(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in _told("record", "kernel", "--out", str(tmp_path / "f"), *words)


@pytest.mark.parametrize("scale", ["cpu=2", "gpu=1/2", "half"])
def test_scales(tmp_path: Path, scale: str) -> None:
    assert _told("replay", "s.yaml", "--scale", scale).startswith("--scale:1:1: expected ")
