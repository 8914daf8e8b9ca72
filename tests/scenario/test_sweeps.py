"""Sweeps as a user meets them: cut short, gone on with, and told what is wrong with the words of ``--set``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from experiments.sweepchecks import checked_design
from sim.errors import ScenarioError

_TEXT = """apiVersion: wavetank/v1
name: swept
until: 4d
cluster: {minions: [{name: a, count: 20, cpu: 4, memory: 8Gi}]}
workloads:
  - {name: w, arrivals: {poisson: {rate: 60/h}}, duration: 1h, pod: {cpu: 1, memory: 1Gi}}
"""
_RUNS = 12
"""So many that the last are not over when the first is seen to be: with 4 they were, now and then."""
_WORDS = (
    "sweep",
    "swept.yaml",
    "--set",
    "policy.scheduler=best-fit,first-fit",
    "--seeds",
    f"{_RUNS // 2}",
    "--workers",
    "2",
)


def _start(folder: Path, *words: str) -> subprocess.Popen[str]:
    (folder / "swept.yaml").write_text(_TEXT)
    command = [sys.executable, "-m", "experiments.cli", *words]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _finished(folder: Path, *words: str) -> tuple[int, str, str]:
    process = _start(folder, *words)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def _wait_for_one_whole_run(folder: Path) -> None:
    end = time.monotonic() + 90
    while not list(folder.glob("sweeps/swept/0001/runs/*/summary.json")):
        assert time.monotonic() < end, "no run came to its end"
        time.sleep(0.05)


def _workers(process: subprocess.Popen[str]) -> list[int]:
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(found) >= 2
    return [int(number) for number in found]


def _all_gone(numbers: list[int]) -> bool:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if not any(Path(f"/proc/{number}").exists() for number in numbers):
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def never_cut(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The runs of the same sweep where nobody interferes, on one worker."""
    folder = tmp_path_factory.mktemp("whole")
    assert _finished(folder, *_WORDS[:-1], "1")[0] == 0
    return pl.read_parquet(folder / "sweeps" / "swept" / "0001" / "runs.parquet")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_that_is_cut_short_leaves_no_process_and_goes_on(
    tmp_path: Path, how: signal.Signals, never_cut: pl.DataFrame
) -> None:
    process = _start(tmp_path, *_WORDS)
    _wait_for_one_whole_run(tmp_path)
    workers = _workers(process)
    began = time.monotonic()
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - began < 20, "it waited for the runs that were under way"
    assert _all_gone(workers)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "interrupted" in err
        assert "Traceback" not in err
    folder = tmp_path / "sweeps" / "swept" / "0001"
    assert not (folder / "runs.parquet").exists()
    whole = len(list(folder.glob("runs/*/summary.json")))
    assert whole < _RUNS, "it was cut short"
    status, out, err = _finished(tmp_path, *_WORDS)
    assert status == 0, err
    assert f"{whole} of {_RUNS} runs were there already" in out
    assert pl.read_parquet(folder / "runs.parquet").equals(never_cut)


def test_replications_that_do_not_differ_have_no_interval(tmp_path: Path) -> None:
    text = _TEXT.replace("poisson: {rate: 60/h}", "at: 1h").replace(
        "duration: 1h", "duration: 1h, count: 100"
    )
    (tmp_path / "same.yaml").write_text(text.replace("name: swept", "name: same").replace("4d", "5h"))
    words = ("sweep", "same.yaml", "--set", "policy.scheduler=best-fit,first-fit", "--seeds", "3")
    status, out, err = _finished(tmp_path, *words)
    assert status == 0, err
    waits = next(line for line in out.splitlines() if line.lstrip().startswith("mean wait"))
    assert waits.count("one run, no interval") == 2
    report = (tmp_path / "sweeps" / "same" / "0001" / "report.html").read_text()
    assert "one run, no interval" in report


def _told(tmp_path: Path, *sets: str, first_seed: int = 1, seeds: int = 2) -> list[str]:
    (tmp_path / "swept.yaml").write_text(_TEXT)
    try:
        checked_design(tmp_path / "swept.yaml", "swept", sets, seeds, first_seed)
    except ScenarioError as error:
        return [str(each) for each in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("sets", "begins"),
    [
        (
            ["policy.scheduler=best-fit,frist-fit", "until=5"],
            ["--set 1:1:27: there is no", "--set 2:1:7: expected a"],
        ),
        (["policy.scheduler=best-fit, 'frist-fit'"], ["--set 1:1:28: there is no scheduling policy"]),
        (["seed=1,2"], ["--set 1:1:1: the seeds of a sweep"]),
        (["until=1h", "policy"], ["--set 2:1:1: expected path=value"]),
        (["until="], ["--set 1:1:1: expected at least one value"]),
        (["until=1h,", "a=["], ["--set 2:1:1: expected values with ','"]),
        (["polcy.scheduler=random,best-fit"], ["--set 1:1:1: 'polcy' is not a key"]),
        (["policy.scheduler={best-fit: {levels: -1}}"], ["--set 1:1:38: expected a whole number"]),
        (["policy.scheduler={best-fit: {levels: -1}},random"], ["--set 1:1:18: expected a whole number"]),
    ],
)
def test_wrong_words_are_told_where_they_were_typed(
    tmp_path: Path, sets: list[str], begins: list[str]
) -> None:
    found = _told(tmp_path, *sets)
    assert len(found) == len(begins), found
    for text, begin in zip(found, begins, strict=True):
        assert text.startswith(begin), text


def test_a_seed_that_is_too_large_is_told_of_the_option(tmp_path: Path) -> None:
    (text,) = _told(tmp_path, "until=1h,2h", first_seed=2**63 - 1)
    assert text.startswith("--first-seed: expected a seed")
    assert _told(tmp_path, "until=1h,2h", first_seed=2**63 - 2) == []
