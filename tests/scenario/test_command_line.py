"""The command line as a user types it: exit statuses, what is printed, what is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_SMALL = """apiVersion: wavetank/v1
name: small
seed: 3
until: 12h
cluster:
  minions:
    - {name: web, count: 6, cpu: 4, memory: 16Gi}
workloads:
  - name: batch
    arrivals: {poisson: {rate: 20/h}}
    pod: {cpu: 1, memory: 1Gi}
    duration: {exponential: {mean: 40m}}
faults:
  - {name: web-3-dies, at: 5h, crash: {minion: web-3}, repair: 10m}
expect:
  - ready_minions() == 5 within 1m of web-3-dies
  - created(batch) > 100
"""


def wavetank(folder: Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, "-m", "experiments.cli", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(_SMALL)
    return path


def test_run_prints_a_table_and_leaves_a_whole_folder(scenario: Path) -> None:
    done = wavetank(scenario.parent, "run", "small.yaml")
    assert done.returncode == 0, done.stderr
    assert "created" in done.stdout
    assert "report.html" in done.stdout
    folder = scenario.parent / "runs" / "small" / "0001"
    assert (scenario.parent / "runs" / "small" / "latest").resolve() == folder.resolve()
    names = {
        "manifest.json",
        "events.parquet",
        "series.parquet",
        "identities.parquet",
        "summary.json",
        "report.html",
    }
    assert {path.name for path in folder.iterdir()} == names
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["complete"] is True
    summary = json.loads((folder / "summary.json").read_text())
    assert [entry["verdict"] for entry in summary["expectations"]] == ["passed", "passed"]
    assert summary["pods"]["conserved"] is True
    assert not [key for key in summary if "wall" in key or "cpu_s" in key]


def test_second_run_takes_the_next_number_and_has_the_same_digest(scenario: Path) -> None:
    digests = []
    for number in ("0001", "0002"):
        assert wavetank(scenario.parent, "run", "small.yaml", "--no-report").returncode == 0
        manifest = json.loads((scenario.parent / "runs" / "small" / number / "manifest.json").read_text())
        digests.append(manifest["digest"])
    assert digests[0] == digests[1]


def test_failed_expectation_exits_1_when_the_fault_is_off(scenario: Path) -> None:
    done = wavetank(
        scenario.parent, "run", "small.yaml", "--no-report", "--set", "faults.web-3-dies.enabled=false"
    )
    assert done.returncode == 1, done.stderr


def test_bad_input_is_told_at_once_and_leaves_nothing(scenario: Path) -> None:
    text = _SMALL.replace("until: 12h", "until: 12").replace("memory: 1Gi", "memroy: 1Gi")
    scenario.write_text(text.replace("mean: 40m", "mean: -40m"))
    done = wavetank(scenario.parent, "run", "small.yaml")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for place, word in (("small.yaml:4:8", "unit"), ("small.yaml:11:", "memory"), ("small.yaml:12:", "-40m")):
        line = next(line for line in done.stderr.splitlines() if line.startswith(place))
        assert word in line
    assert not (scenario.parent / "runs").exists()


def test_bad_expectation_points_into_the_text(scenario: Path) -> None:
    scenario.write_text(_SMALL.replace("created(batch)", "created(bacth)"))
    done = wavetank(scenario.parent, "validate", "small.yaml")
    assert done.returncode == 2
    assert "small.yaml:17:13" in done.stderr
    assert "did you mean 'batch'" in done.stderr


def test_unknown_command_is_bad_input(tmp_path: Path) -> None:
    done = wavetank(tmp_path, "frobnicate")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_out_that_is_not_empty_is_refused(scenario: Path) -> None:
    done = wavetank(scenario.parent, "run", "small.yaml", "--out", ".")
    assert done.returncode == 2
    assert "not empty" in done.stderr


def test_budget_of_events_exits_3_and_keeps_what_was_written(scenario: Path) -> None:
    done = wavetank(scenario.parent, "run", "small.yaml", "--max-events", "100", "--no-report")
    assert done.returncode == 3, done.stderr
    assert "100 events" in done.stderr
    manifest = json.loads((scenario.parent / "runs" / "small" / "0001" / "manifest.json").read_text())
    assert manifest["complete"] is False
    assert manifest["events"] == 100


def test_users_policy_runs_and_a_raising_one_is_blamed(scenario: Path) -> None:
    (scenario.parent / "mine.py").write_text(
        "import numpy as np\n"
        "def last(view, pod, context):\n"
        "    fits = np.flatnonzero(view.fits(pod.template))\n"
        "    return int(fits[-1]) if fits.size else None\n"
        "def broken(view, pod, context):\n"
        "    return 1 // 0\n"
        "def writes(view, pod, context):\n"
        "    view.free[0, 0] = 0\n"
        "def leaves(view, pod, context):\n"
        "    raise SystemExit(0)\n"
        "def places(view, pod, context):\n"
        "    view.place(pod.template, 0, (), -1)\n"
        "class Scores:\n"
        "    ties, device = 'first', 'least'\n"
        "    def scorer(self, view, template):\n"
        "        return self.score\n"
        "class Nan(Scores):\n"
        "    def score(self, rows):\n"
        "        return rows * np.nan\n"
        "class Shape(Scores):\n"
        "    def score(self, rows):\n"
        "        return np.zeros(len(rows) + 1)\n"
        "def full(view, pod, context):\n"
        "    return int((~view.ready).argmax()) if pod.created_s > 18000 else last(view, pod, context)\n"
    )
    here = str(scenario.parent)
    words = ("run", "small.yaml", "--no-report", "--set")
    assert wavetank(scenario.parent, *words, "policy.scheduler=mine:last", path=here).returncode == 0
    for name, reason in (
        ("broken", "raised ZeroDivisionError: integer division or modulo by zero"),
        ("writes", "raised ValueError: assignment destination is read-only"),
        ("places", "raised AttributeError"),
        ("Nan", "score nan for minion 'web-0'"),
        ("Shape", "scores of shape (7,) for 6 minions"),
        ("full", "where the pod does not fit"),
        ("leaves", "raised SystemExit: 0"),
    ):
        done = wavetank(scenario.parent, *words, f"policy.scheduler=mine:{name}", path=here)
        assert done.returncode == 70
        (said,) = (line for line in done.stderr.splitlines() if line.startswith("wavetank: "))
        assert reason in said
        assert f"policy 'mine:{name}'" in said
        if name == "full":
            assert "chose minion 'web-3'" in said
        else:
            assert "pod/default/batch-0 " in said
        assert re.search(r"at simulated time [0-9.]+ s", said)
        if "raised" in reason:
            assert "mine.py" in done.stderr, "the user's own frame is shown"
        else:
            assert "Traceback" not in done.stderr, "no frame of it has anything to do with that"
        assert "seed 3" in done.stderr


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("raise SystemExit(0)", 70, "raised SystemExit: 0, before it was asked"),
        ("1 // 0", 70, "raised ZeroDivisionError: integer division or modulo by zero, before it was asked"),
        ("def policy(:", 70, "raised SyntaxError: invalid syntax"),
        ("import nothing_of_that_name", 70, "raised ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("class policy:\n    def __init__(self):\n        raise OSError('no licence')", 70, "raised OSError: no licence"),
        ("policy = 5", 2, "policy 'mine:policy' neither scores minions nor decides by itself"),
        ("class policy:\n    ties, device = 'frist', 'least'\n    def scorer(self, view, template): ...", 2,
         "policy 'mine:policy' has ties 'frist': expected first or random"),
        ("class policy:\n    ties, device = 'first', 'own'\n    def scorer(self, view, template): ...", 2,
         "has device 'own': expected least or random, as it has no device_for"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_even_be_made_is_blamed(
    scenario: Path, code: str, status: int, words: str
) -> None:
    (scenario.parent / "mine.py").write_text(code)
    where = str(scenario.parent)
    done = wavetank(scenario.parent, "run", "small.yaml", "--set", "policy.scheduler=mine:policy", path=where)
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "this is a bug" not in done.stderr
    assert ("Traceback" in done.stderr) == (status == 70)
    assert not (scenario.parent / "runs").exists()


def test_missing_policy_module_is_bad_input(scenario: Path) -> None:
    done = wavetank(scenario.parent, "run", "small.yaml", "--set", "policy.scheduler=nowhere:policy")
    assert done.returncode == 2
    assert "nowhere:policy" in done.stderr
    assert "Traceback" not in done.stderr


_LONG = _SMALL.replace("until: 12h", "until: 3000d").replace("rate: 20/h", "rate: 300/h").split("faults:")[0]


def _start(folder: Path) -> subprocess.Popen[bytes]:
    (folder / "long.yaml").write_text(_LONG)
    words = [sys.executable, "-m", "experiments.cli", "run", "long.yaml", "--out", "out"]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _wait_for(path: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def test_interrupt_ends_in_order_and_marks_the_run_incomplete(tmp_path: Path) -> None:
    process = _start(tmp_path)
    _wait_for(tmp_path / "out" / "events" / "00000.arrow")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    assert b"Traceback" not in err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["complete"] is False
    assert manifest["reason"] == "interrupted"
    assert (tmp_path / "out" / "events.parquet").is_file()


def test_killed_run_can_be_reported_from_its_chunks(tmp_path: Path) -> None:
    process = _start(tmp_path)
    _wait_for(tmp_path / "out" / "events" / "00000.arrow")
    process.kill()
    process.communicate(timeout=60)
    done = wavetank(tmp_path, "report", "out")
    assert done.returncode == 0, done.stderr
    assert "not complete" in (tmp_path / "out" / "report.html").read_text()


def test_sweep_resumes_by_whole_runs_and_workers_do_not_matter(scenario: Path) -> None:
    words = ("sweep", "small.yaml", "--set", "policy.scheduler=first-fit,worst-fit", "--seeds", "2")
    first = wavetank(scenario.parent, *words, "--workers", "2", "--out", "two")
    assert first.returncode == 0, first.stderr
    folder = scenario.parent / "two" / "small" / "0001"
    cut = min((folder / "runs").iterdir())
    manifest = json.loads((cut / "manifest.json").read_text())
    (cut / "manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    again = wavetank(scenario.parent, *words, "--workers", "1", "--out", "two")
    assert "3 of 4 runs were there already" in again.stdout
    other = wavetank(scenario.parent, *words, "--workers", "1", "--out", "one")
    assert other.returncode == 0
    import polars as pl

    frames = [
        pl.read_parquet(scenario.parent / name / "small" / "0001" / "runs.parquet") for name in ("one", "two")
    ]
    assert frames[0].equals(frames[1])
    assert frames[0]["digest"].n_unique() == 4


@pytest.mark.parametrize(
    ("policy", "status", "words"),
    [
        ("{best-fit: {levels: 0}}", 0, ["policy 'best-fit' behaves on 10 clusters"]),
        ("mine:anywhere", 1, ["chose minion 'p0-0', where the pod does not fit", 'cluster: {"minions": [']),
        ("mine:broken", 1, ["mine.py", "raised ZeroDivisionError", "the smallest scenario found"]),
        ("mine:gone", 2, ["POLICY:1:1: the scheduling policy 'mine:gone' cannot be loaded"]),
        ("{best-fit: {levls: 0}}", 2, ["no parameter 'levls'", "did you mean 'levels'?"]),
        ("bset-fit", 2, ["POLICY:1:1: there is no scheduling policy 'bset-fit'", "did you mean 'best-fit'?"]),
        ("[best-fit", 2, ["POLICY:1:1: ", "expected ','"]),
    ],
)
def test_a_policy_is_checked(tmp_path: Path, policy: str, status: int, words: list[str]) -> None:
    (tmp_path / "mine.py").write_text(
        "def anywhere(view, pod, context):\n"
        "    return 0\n"
        "def broken(view, pod, context):\n"
        "    return 1 // 0\n"
    )
    done = wavetank(tmp_path, "verify", "policy", policy, "--examples", "10", path=str(tmp_path))
    assert done.returncode == status, done.stderr
    assert ("Traceback" in done.stdout + done.stderr) == ("broken" in policy)
    for word in words:
        assert word in done.stdout + done.stderr
