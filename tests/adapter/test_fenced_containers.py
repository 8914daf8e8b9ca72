"""Containers of a replay on a real engine: fenced in, held to their limits, and gone with whoever watched them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.replay.engine import Engine, State
from experiments.replay.fence import hierarchies
from experiments.replay.problems import HostError
from experiments.replay.running import Running
from experiments.replay.session import Session
from experiments.replay.work import Caps, Limits, Work
from tests.adapter.conftest import ROOT

pytestmark = pytest.mark.adapter

_CAPS = Caps(cores=1, memory_bytes=1 << 30, pids=400)
_LIMITS = Limits(pids=20, memory_bytes=32 << 20, quota_us=50_000, shares=512)
_IDLE_S = 15.0


class _Discarding(Engine):
    """An engine that forgets one part of what a container was to be held to."""

    forgets = ""

    def _once(self, host: Any) -> Any:
        return {key: value for key, value in host.items() if key not in self.forgets.split()}


@pytest.fixture
def engine(engine_url: str) -> Iterator[Engine]:
    engine = Engine(engine_url)
    yield engine
    engine.close()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine, caps=_CAPS) as session:
        yield session
    assert engine.containers() == []
    assert engine.images("wavetank.run") == []
    assert not [path for root in hierarchies(Path("/sys/fs/cgroup")) for path in root.glob("wavetank-*")]


def _ended(session: Session, running: Running, within_s: float = 20.0) -> State:
    until = time.monotonic() + within_s
    while running.pipe.line(until - time.monotonic()) is not None:
        pass
    return session.ended(running)


def test_it_finds_the_fences_around_itself(session: Session) -> None:
    running = session.launch(Work(deadline_s=20, after_s=0.2, code=7), _LIMITS, "a")
    assert running.found["CapBnd"] == "0" * 16
    assert running.found["Seccomp"] == "2"
    assert running.found["root"] == "read-only"
    assert session.parent is not None
    folders = [root / session.parent[1:] for root in hierarchies(Path("/sys/fs/cgroup"))]
    caps = {
        name: (folder / name).read_text().strip()
        for folder in folders
        for name in os.listdir(folder)
        if name in ("pids.max", "memory.limit_in_bytes", "memory.max", "cpuset.cpus")
    }
    assert caps.pop("pids.max") == "400"
    assert caps.pop("cpuset.cpus") == session.cpus
    assert list(caps.values()) == [str(1 << 30)]
    running.go()
    assert _ended(session, running).exit_code == 7


@pytest.mark.parametrize(
    "forgets",
    [
        "PidsLimit",
        "Memory MemorySwap",
        "CpuQuota",
        "CapDrop",
        "ReadonlyRootfs",
        "SecurityOpt",
        "OomScoreAdj",
        "Ulimits",
        "CpuShares",
    ],
)
def test_an_engine_that_discards_gets_no_work_done(engine_url: str, forgets: str) -> None:
    engine = _Discarding(engine_url)
    engine.forgets = forgets
    try:
        with Session(engine, caps=_CAPS) as session:
            with pytest.raises(HostError, match="does no work, since its limits are not as asked"):
                session.launch(Work(deadline_s=20, threads=1), _LIMITS, "a")
            assert engine.containers() == []
    finally:
        engine.close()


def test_a_deadline_ends_it(session: Session) -> None:
    running = session.launch(Work(deadline_s=1, threads=2, forks=3), _LIMITS, "a")
    running.go()
    assert _ended(session, running).exit_code == 124


def test_finite_work_takes_the_cpu_seconds_it_says(session: Session) -> None:
    limits = Limits(pids=20, memory_bytes=32 << 20)
    running = session.launch(Work(deadline_s=60, threads=1, work_s=0.5, code=3), limits, "a")
    before = session.counted(running)[1].cpu_s
    running.go()
    running.until("began", 5)
    used = 0.0
    with contextlib.suppress(HostError):  # the cgroup goes with the container
        while True:
            used = session.counted(running)[1].cpu_s - before
            time.sleep(0.02)
    assert _ended(session, running).exit_code == 3
    assert 0.3 < used < 0.6


def test_a_refused_fork_ends_it_as_it_ends_a_shell(session: Session) -> None:
    running = session.launch(Work(deadline_s=20, forks=30), _LIMITS, "a")
    running.go()
    assert running.until("refused", 5) == ["11"]
    assert _ended(session, running).exit_code == 2


def test_children_that_are_let_live_are_counted(session: Session) -> None:
    running = session.launch(Work(deadline_s=20, forks=12), _LIMITS, "a")
    running.go()
    running.until("forked", 5)
    assert session.counted(running)[1].tasks == 13


def test_more_memory_than_the_limit_is_killed_by_the_kernel(session: Session) -> None:
    running = session.launch(Work(deadline_s=20, hold_bytes=64 << 20), _LIMITS, "a")
    running.go()
    state = _ended(session, running)
    assert (state.exit_code, state.oom_killed) == (137, True)


def test_a_leak_stops_where_it_is_told_to(session: Session) -> None:
    work = Work(deadline_s=20, hold_bytes=1 << 20, leak_bytes_per_s=8 << 20, most_bytes=6 << 20)
    running = session.launch(work, _LIMITS, "a")
    before = session.counted(running)[1].memory_bytes
    running.go()
    time.sleep(2.0)
    grown = session.counted(running)[1].memory_bytes - before
    assert 5.5 * 2**20 < grown < 6.8 * 2**20
    assert session.engine.state(running.identity).running


def test_a_bomb_meets_its_limit_and_goes_when_nobody_watches(session: Session) -> None:
    running = session.launch(Work(deadline_s=30, bomb=10_000), Limits(pids=200, memory_bytes=128 << 20), "a")
    running.go()
    until = time.monotonic() + 15
    while session.counted(running)[1].tasks < 200:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert session.counted(running)[1].tasks == 200
    began = time.monotonic()
    running.pipe.close()
    while session.engine.state(running.identity).running:
        assert time.monotonic() - began < _IDLE_S
        time.sleep(0.1)
    assert session.engine.state(running.identity).exit_code == 125


_VICTIM = """
import sys, time
from experiments.replay.engine import Engine
from experiments.replay.session import Session
from experiments.replay.work import Caps, Limits, Work
with Session(Engine(sys.argv[1]), caps=Caps(1, 1 << 30, 400)) as session:
    a = session.launch(Work(deadline_s=60, threads=3), Limits(pids=20, memory_bytes=32 << 20), "a")
    b = session.launch(Work(deadline_s=60, bomb=1000), Limits(pids=100, memory_bytes=64 << 20), "b")
    a.go(), b.go()
    print("both work", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_after_a_signal_the_host_is_idle_and_the_next_run_clears_up(
    engine: Engine, number: signal.Signals
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _VICTIM, engine.url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"both work\n"
        time.sleep(0.5)
        victim.send_signal(number)
        began = time.monotonic()
        victim.wait(timeout=30)
    while any(each.running for each in engine.containers("wavetank.run")):
        assert time.monotonic() - began < _IDLE_S
        time.sleep(0.05)
    print(f"idle {time.monotonic() - began:.2f} s after {number.name}")
    left = engine.containers("wavetank.run")
    assert len(left) == (2 if number == signal.SIGKILL else 0)
    with pytest.raises(HostError, match="Say --yes") if left else pytest.MonkeyPatch.context():
        Session(engine, caps=_CAPS).__enter__().close()
    told: list[str] = []
    with Session(engine, caps=_CAPS, yes=True, said=told.append):
        assert engine.containers("wavetank.run") == []
    assert told == (["removed what runs that were killed had left: 2 containers, 1 cgroups"] if left else [])
