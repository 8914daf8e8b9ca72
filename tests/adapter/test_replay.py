"""``wavetank replay``: eight pods of three classes of service, simulated and for real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.checking import read_checked
from experiments.replay.comparing import compare
from experiments.replay.engine import Engine
from experiments.replay.lives import Lived
from experiments.replay.predicting import read_lived
from experiments.replay.replaying import prepare, read_replay
from experiments.replay.slices import Slice
from tests.adapter.conftest import ROOT, wavetank
from tests.support.equalsplit import split_equally

pytestmark = pytest.mark.adapter

_EIGHT = ROOT / "scenarios" / "replay" / "eight-pods.yaml"
_CORES = str(os.cpu_count())
_BUSY_CORES = 0.1
"""What others take of a host that does something else; the engine and the replay take half of that."""


def _measured(folder: Path) -> Lived:
    return read_replay(folder / "replay.json").measured


def _nothing_is_left(url: str) -> bool:
    engine = Engine(url)
    try:
        return engine.containers() == [] and engine.images("wavetank.run") == []
    finally:
        engine.close()


def test_eight_pods(engine_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    cores = ("--set", f"cluster.minions.0.cpu={_CORES}", "--max-cpus", _CORES)
    done = wavetank("replay", str(_EIGHT), *cores, "--host", engine_url, "--out", str(out), timeout=200)
    print(done.stdout)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    assert {"replay.json", "replay.png", "predicted"} <= {path.name for path in out.iterdir()}
    assert _nothing_is_left(engine_url)
    measured = _measured(out)
    # Whatever else the host does meanwhile: what comes when it is asked to, and a leak that meets its limit is killed.
    firsts = {each.who[0] for each in measured.events if each.what == "started" and each.nth == 0}
    assert len(firsts) == 8
    leak = [each for each in measured.events if each.who[0] == "default/leak-0" and each.what == "exited"]
    assert leak
    assert all((each.code, each.oom) == (137, True) for each in leak)
    crash = [each for each in measured.events if each.who[0] == "default/crash-0" and each.what == "exited"]
    assert crash
    assert all((each.code, each.oom) == (3, False) for each in crash)
    said = "inconclusive: other processes took" if done.returncode == 3 else "the worlds agree"
    assert said in done.stdout
    # An idle host's own engine makes it inconclusive; an equal split is wrong beyond what that explains.
    if (measured.others_cores or 0.0) > _BUSY_CORES:
        return
    split_equally(monkeypatch)
    (tmp_path / "wrong").mkdir()
    wrong = prepare(read_checked(_EIGHT, [f"cluster.minions.0.cpu={_CORES}"]), tmp_path / "wrong", Slice())
    assert compare(read_lived(wrong.folder, "host", 60.0), measured, 60.0).status == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--minion", "web"), "there is no minion 'web'"),
        (("--set", "cluster.minions.0.cpu=64"), "minion host has 64 cores, and its containers may use"),
        (("--max-cpus", "9999"), "the host is too small"),
        (("--max-pids", "3"), "raise --max-pids"),
        (("--cpuset", "999"), "--cpuset names 999"),
        (("--cpuset", "x"), "expected numbers of cores"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    engine_url: str, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    cores = () if {"--max-cpus", "--cpuset"} & {*words} else ("--max-cpus", _CORES)
    given = (*words, *cores, "--seconds", "8", "--host", engine_url, "--out", str(tmp_path / "out"))
    done = wavetank("replay", str(_EIGHT), *given)
    assert done.returncode == 2, done.stdout
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert _nothing_is_left(engine_url)


@pytest.mark.long
def test_twenty_replays_cut_short_leave_nothing(engine_url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "experiments.cli", "replay", str(_EIGHT), "--max-cpus", _CORES, "--yes"]
    command += ["--set", f"cluster.minions.0.cpu={_CORES}", "--host", engine_url]
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    engine = Engine(engine_url)
    idle = []
    try:
        for number in range(20):
            out = tmp_path / str(number)
            with subprocess.Popen(
                [*command, "--out", str(out)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as running:
                time.sleep(2.0 + 0.37 * number)
                running.send_signal(signals[number % 3])
                began = time.monotonic()
                running.wait(timeout=40)
            while any(each.running for each in engine.containers("wavetank.run")):
                assert time.monotonic() - began < 15.0
                time.sleep(0.05)
            idle.append(time.monotonic() - began)
    finally:
        engine.close()
    print(f"idle again after {max(idle):.2f} s at most")
    last = wavetank("record", "kernel", "--cases", "1", "--window", "500ms", "--repeats", "2", "--yes", "--host", engine_url,
                    "--out", str(tmp_path / "f.json"))  # fmt: skip
    assert last.returncode in (0, 3), last.stderr
    assert _nothing_is_left(engine_url)


def test_this_host_as_a_minion(engine_url: str, tmp_path: Path) -> None:
    """Constants are taken before, by calibrate; the scenario says no minion of its own."""
    host = tmp_path / "host.yaml"
    given = ("--max-cpus", _CORES, "--host", engine_url)
    done = wavetank("calibrate", "--repeats", "2", "--out", str(host), *given)
    assert done.returncode == 0, done.stderr
    scenario = tmp_path / "s.yaml"
    scenario.write_text(
        "apiVersion: wavetank/v1\nname: on-this-host\nuntil: 5s\ninclude: host.yaml\ncontrollers:\n"
        "  - {name: a, replicas: 1, start: 1s, pod: {containers: [{name: main, runs: 2s, exitCode: 1}]}}\n"
    )
    every = ("--cpuset", f"0-{int(_CORES) - 1}" if int(_CORES) > 1 else "0")
    done = wavetank("replay", str(scenario), *given, *every, "--out", str(tmp_path / "out"))
    assert done.returncode in (0, 3), done.stdout + done.stderr
    measured = _measured(tmp_path / "out")
    assert [(each.what, each.code) for each in measured.events][:2] == [("started", None), ("exited", 1)]
    again = wavetank("replay", str(tmp_path / "out" / "predicted"), *given, "--out", str(tmp_path / "again"))
    assert again.returncode in (0, 3), again.stdout + again.stderr
    assert not list((tmp_path / "out" / "predicted").glob("*.yaml")), "the run's own folder stays as it is"
    assert _nothing_is_left(engine_url)
