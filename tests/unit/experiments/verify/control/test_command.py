"""The comparison from files to verdict: what is right passes, each thing that is wrong fails."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.verify.control.agreement import Outcome, Verdict
from experiments.verify.control.command import verify_control
from experiments.verify.control.pooled import pool
from experiments.verify.control.recording import Recording
from experiments.verify.control.seeds import Runner, compare, open_runner
from sim.errors import ScenarioError
from tests.support.controllogs import Law, Row, changed, plain_replay, recording_of, replays

_SEEDS = 200
_ROOT = Path(__file__).resolve().parents[5]


def _compare(law: Law, minions: Sequence[int] = (3, 5, 8, 9)) -> dict[str, tuple[Verdict, ...]]:
    """Verdicts on recordings of the plain law against a simulator of another."""
    runner = Runner(replays(law))
    recordings = [recording_of(Law(), -31 - number, size) for number, size in enumerate(minions)]
    return {r.scenario: compare(r, runner, _SEEDS, _SEEDS) for r in recordings}


def _disagree(judged: Mapping[str, Sequence[Verdict]]) -> set[str]:
    found = [v for verdicts in judged.values() for v in verdicts if v.outcome is Outcome.DISAGREES]
    return {verdict.recorded.what.split(": ")[-1] for verdict in found}


def test_a_simulator_of_the_same_law_agrees() -> None:
    judged = _compare(Law())
    assert _disagree(judged) == set()
    pooled = pool(judged)
    assert pooled.passes
    assert pooled.observations > 40


def test_a_bias_is_found() -> None:
    judged = _compare(changed(grace=40.0))
    assert not pool(judged).passes or "minion_dies to Unknown" in _disagree(judged)


def test_a_simulator_that_is_too_wide_is_found() -> None:
    judged = _compare(changed(width=60.0), (12, 16, 20))
    assert "minion_dies to Unknown" not in _disagree(judged)  # all well inside
    positions = [v.position for vs in judged.values() for v in vs if "dies to Unknown" in v.recorded.what]
    assert all(position is not None and 0.3 < position < 0.7 for position in positions)
    assert pool(judged).p < 0.001


def test_a_simulator_that_is_too_narrow_is_found() -> None:
    judged = _compare(changed(width=3.0))
    assert not pool(judged).passes or "minion_dies to Unknown" in _disagree(judged)


@pytest.mark.parametrize(
    ("law", "what"),
    [
        (changed(made=7), "created"),
        (changed(toleration=65.0), "NoExecute taint to first pod_terminating"),
        (changed(evicts=0.0), "any pod evicted"),
        (changed(adopter="other"), "then"),
        (changed(linger=1.0), "Unknown to no endpoint there"),
        (changed(start=3.0), "pod_node to pod_ready, median"),
    ],
)
def test_each_thing_that_is_wrong_is_found(law: Law, what: str) -> None:
    assert what in _disagree(_compare(law, (4,)))


def test_a_count_that_is_seldom_is_looked_for_in_more_seeds() -> None:
    recording = recording_of(changed(evicts=0.0), -7, 2)
    asked: list[int] = []

    def replay(recording: Recording, seed: int) -> Sequence[Row]:
        asked.append(seed)
        return replays(changed(evicts=0.0 if seed % 100 == 99 else 1.0))(recording, seed)

    verdicts = {v.recorded.what: v for v in compare(recording, Runner(replay), 60, 1_000)}
    assert len(asked) == 1_000
    assert verdicts["m1: any pod evicted"].frequencies == (("yes", 990), ("no", 10))
    assert verdicts["m1: any pod evicted"].outcome is Outcome.AGREES
    assert verdicts["m1: minion_dies to Unknown"].seeds == 60


def test_more_seeds_are_not_run_where_all_agrees() -> None:
    asked: list[int] = []

    def replay(recording: Recording, seed: int) -> Sequence[Row]:
        asked.append(seed)
        return plain_replay(recording, seed)

    compare(recording_of(Law(), -3, 2), Runner(replay), 50, 1_000)
    assert len(asked) == 50


def test_workers_give_the_same_verdicts_as_one_process() -> None:
    recording = recording_of(Law(), -5, 3)
    done: list[int] = []
    with open_runner(2, plain_replay, done.append) as runner:
        there = compare(recording, runner, 23, 0)
    assert there == compare(recording, Runner(plain_replay), 23, 0)
    assert sum(done) == 23


def _as_recorded(recording: Recording, seed: int) -> Sequence[Mapping[str, Any]]:
    return recording.log


def _late(recording: Recording, seed: int) -> Sequence[Mapping[str, Any]]:
    """All that was seen of minions and pods half a minute after a death comes 6 s later."""
    death = next((row["t"] for row in recording.inputs if row["kind"] == "minion_dies"), float("inf"))
    seen = ("pod_", "minion_ready", "minion_taints", "endpoints")
    return [
        {**row, "t": row["t"] + 6.0} if row["t"] > death + 30 and row["kind"].startswith(seen) else row
        for row in recording.log
    ]


def _verify(files: Sequence[Path], replay: Callable[..., Any], out: Path | None = None) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=160)
    status = verify_control(
        files, seeds=20, count_seeds=0, workers=1, console=console, out=out, replay=replay
    )
    return status, console.file.getvalue()  # type: ignore[attr-defined]


def test_the_recordings_agree_with_themselves(shared: Path, tmp_path: Path) -> None:
    files = sorted((shared / "behaviour").glob("*.json"))
    status, text = _verify(files, _as_recorded, tmp_path / "out.json")
    assert status == 0
    assert "not counted" not in text
    data = json.loads((tmp_path / "out.json").read_text())
    assert data["agrees"] is True
    assert len(data["recordings"]) == len(files)
    assert {row["outcome"] for found in data["recordings"] for row in found["observations"]} == {"agrees"}


def test_deaths_that_are_noticed_late_do_not_agree(shared: Path) -> None:
    files = [shared / "behaviour" / f"{name}.json" for name in ("flap", "five_die")]
    status, text = _verify(files, _late)
    assert status == 1
    assert "does not agree" in text


def test_preemption_that_never_comes_does_not_agree(shared: Path) -> None:
    status, text = _verify([shared / "behaviour" / "preempt.json"], lambda recording, seed: recording.inputs)
    assert status == 1
    assert "disagrees" in text


def test_bad_files_are_said_all_at_once_before_anything_is_run(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text("[]")

    def replay(recording: Recording, seed: int) -> Sequence[Row]:
        raise AssertionError

    with pytest.raises(ScenarioError) as caught:
        _verify([shared / "behaviour" / "flap.json", tmp_path / "a.json", tmp_path / "b.json"], replay)
    assert len(caught.value.diagnostics) == 2


def test_a_bad_file_ends_the_command_with_status_2(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"scenario": "x", "log": [')
    words = [sys.executable, "-m", "experiments.cli", "verify", "control", str(tmp_path / "cut.json")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=_ROOT)
    assert done.returncode == 2
    assert "cut.json:1:27: not JSON" in done.stderr


def test_two_recordings_of_one_scenario_are_told_apart(tmp_path: Path, shared: Path) -> None:
    source = shared / "behaviour" / "overlap.json"
    (tmp_path / "again.json").write_text(source.read_text())
    _, text = _verify([source, tmp_path / "again.json"], _as_recorded)
    assert "overlap (" in text
    assert "again.json" in text


def test_a_replay_that_raises_is_not_passed_over() -> None:
    def replay(recording: Recording, seed: int) -> Sequence[Row]:
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        compare(replace(recording_of(Law(), -1, 2)), Runner(replay), 20, 0)
