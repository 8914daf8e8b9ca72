"""``wavetank record kernel`` on a real engine, and ``wavetank verify kernel`` on what it wrote."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.replay.engine import Engine
from experiments.verify.kernel.cpu import CpuKind
from experiments.verify.kernel.reading import read_cases
from models.kernel.constants import FITTED
from tests.adapter.conftest import ROOT, wavetank

pytestmark = pytest.mark.adapter

_CORES = str(os.cpu_count())


def test_fresh_cases_agree_with_the_models(engine_url: str, tmp_path: Path) -> None:
    out = tmp_path / "cases.json"
    words = ("record", "kernel", "--cases", "6", "--seed", "7", "--window", "2s", "--repeats", "2")
    done = wavetank(*words, "--max-cpus", _CORES, "--host", engine_url, "--out", str(out), timeout=200)
    assert done.returncode in (0, 3), done.stderr
    recorded = json.loads(out.read_text())
    kinds = {case["kind"] for case in recorded["cases"]}
    assert kinds == {"cpu", "burst", "pids", "memory"} | (
        {"page_cache"} - ({"page_cache"} if recorded["storage"] == "vfs" else set())
    )
    unsure = [case for case in recorded["cases"] if "inconclusive" in case]
    assert done.returncode == (3 if unsure else 0)
    assert f"6 cases in {out}, {len(unsure)} of them inconclusive" in done.stdout
    # Nothing that disturbs a measurement changes these.
    assert {case["kind"] for case in unsure} <= {"cpu", "burst"}
    _judge(recorded, out)
    engine = Engine(engine_url)
    try:
        assert engine.containers() == []
    finally:
        engine.close()


def _judge(recorded: dict[str, Any], out: Path) -> None:
    """Hold the models against a few cases: the mean and the 90th percentile of CPU say nothing of so few."""
    few = [case for case in recorded["cases"] if case["kind"] == "cpu"]
    out.write_text(json.dumps(recorded | {"cases": [case for case in recorded["cases"] if case not in few]}))
    verified = wavetank("verify", "kernel", str(out))
    print(verified.stdout)
    assert verified.returncode in (0, 3), verified.stdout
    out.write_text(json.dumps(recorded | {"cases": few}))
    for case in read_cases([out]):
        for each in CpuKind().compare(case.inputs, case.setting, FITTED) if not case.inconclusive else ():
            print(case.place, each)
            assert each.aspect != "cores" or each.error <= 0.16


@pytest.mark.long
def test_twenty_fresh_cases_are_within_the_figures(engine_url: str, tmp_path: Path) -> None:
    """Needs a machine that does nothing else: cases that others disturbed are not judged."""
    out = tmp_path / "cases.json"
    words = ("record", "kernel", "--cases", "20", "--seed", "7", "--max-cpus", _CORES)
    done = wavetank(*words, "--host", engine_url, "--out", str(out), timeout=1200)
    assert done.returncode in (0, 3), done.stderr
    verified = wavetank("verify", "kernel", str(out))
    print(verified.stdout)
    assert verified.returncode == done.returncode, verified.stdout


@pytest.fixture
def own_engine(no_engine_missing: None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="wt-own-"))
    assert wavetank("engine", "start", "--yes", "--folder", str(folder)).returncode == 0
    yield folder
    assert wavetank("engine", "stop", "--yes", "--folder", str(folder)).returncode == 0
    assert not folder.exists()


def test_an_engine_that_dies_half_way_costs_only_what_was_not_measured_yet(
    own_engine: Path, tmp_path: Path
) -> None:
    out = tmp_path / "cases.json"
    words = ("record", "kernel", "--cases", "30", "--window", "500ms", "--repeats", "2")
    command = [sys.executable, "-m", "experiments.cli", *words]
    command += ["--host", f"unix://{own_engine}/docker.sock", "--out", str(out)]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as recording:
        until = time.monotonic() + 60
        while not out.exists():
            assert time.monotonic() < until
            assert recording.poll() is None
            time.sleep(0.1)
        os.kill(int((own_engine / "dockerd.pid").read_text()), signal.SIGKILL)
        _, said = recording.communicate(timeout=60)
    assert recording.returncode == 2
    assert "Traceback" not in said
    kept = json.loads(out.read_text())["cases"]
    assert f"{len(kept)} of 30 cases are kept in {out}" in said
    assert len(kept) >= 1
    assert not _processes(b"/work\0deadline=")
    assert wavetank("engine", "stop", "--yes", "--folder", str(own_engine)).returncode == 0
    assert not _processes(os.fsencode(own_engine)), "shims outlive their engine"
    again = wavetank("engine", "start", "--yes", "--folder", str(own_engine))
    assert again.returncode == 0, again.stderr
    cleared = wavetank("record", "kernel", "--cases", "1", "--window", "500ms", "--repeats", "2", "--yes",
                       "--host", f"unix://{own_engine}/docker.sock", "--out", str(out))  # fmt: skip
    assert cleared.returncode in (0, 3), cleared.stderr
    assert not list(Path("/sys/fs/cgroup").glob("*/wavetank-*"))


def _processes(mark: bytes) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark in path.read_bytes():
                found.append(path.parent.name)
    return found
