"""A run of containers is fenced in before any work begins, and nothing of it stays."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

import pytest

from experiments.replay.engine import Container, State
from experiments.replay.problems import HostError
from experiments.replay.session import Session, default_caps
from experiments.replay.work import Caps, Limits, Work
from tests.support.fakeengine import FakeEngine

_CAPS = Caps(cores=2, memory_bytes=1 << 30, pids=100)
_LIMITS = Limits(pids=20, memory_bytes=64 << 20, quota_us=50_000, shares=512)
_WORK = Work(deadline_s=5.0, threads=1)


def _session(engine: FakeEngine, *, yes: bool = True, caps: Caps = _CAPS) -> Session:
    return Session(engine, caps=caps, yes=yes, program=b"program")


def test_what_is_as_asked_may_begin_and_nothing_stays() -> None:
    engine = FakeEngine()
    with _session(engine) as session:
        running = session.launch(_WORK, _LIMITS, "a")
        pipe = engine.pipes[running.identity]
        assert pipe.sent == []
        running.go()
        assert pipe.sent == ["go\n"]
        assert engine.made[0]["command"] == ["/work", "deadline=5.0", "threads=1"]
        assert len(engine.pictures) == 1
    assert pipe.closed
    assert engine.there == {}
    assert engine.pictures == {}


_DISCARDED = {
    "v1.pids.max": "max",
    "v1.memory.limit_in_bytes": "9223372036854771712",
    "v1.memory.memsw.limit_in_bytes": "9223372036854771712",
    "v1.cpu.cfs_quota_us": "-1",
    "v1.cpu.cfs_period_us": "50000",
    "v1.cpu.shares": "1024",
    "v1.cpuset.cpus": "0-3",
    "oom_score_adj": "0",
    "Uid": "0\t0\t0\t0",
    "Gid": "0\t0\t0\t0",
    "CapBnd": "00000000a80425fb",
    "CapEff": "0000000000000400",
    "NoNewPrivs": "0",
    "Seccomp": "0",
    "links": "1",
    "core": "-1",
    "root": "writable",
}


@pytest.mark.parametrize("name", _DISCARDED)
def test_an_engine_that_discards_gets_no_work_done(name: str) -> None:
    engine = FakeEngine(discards=lambda found: found.update({name: _DISCARDED[name]}))
    with _session(engine) as session:
        with pytest.raises(HostError, match=f"container a does no work.*{name} is"):
            session.launch(_WORK, _LIMITS, "a")
        assert [pipe.sent for pipe in engine.pipes.values()] == [[]]
        assert engine.there == {}, "it is removed at once"


@pytest.mark.parametrize(
    "name", ["v1.pids.max", "v1.memory.limit_in_bytes", "v1.cpu.cfs_quota_us", "CapEff", "root"]
)
def test_a_limit_that_cannot_be_read_is_none(name: str) -> None:
    engine = FakeEngine(discards=lambda found: found.pop(name))
    with _session(engine) as session, pytest.raises(HostError, match=f"{name} is not there"):
        session.launch(_WORK, _LIMITS, "a")


def test_a_warning_is_fatal() -> None:
    engine = FakeEngine(
        warnings=("Your kernel does not support pids limit capabilities. PIDs limit discarded.",)
    )
    with _session(engine) as session:
        with pytest.raises(
            HostError, match=r"warns that it cannot do what was asked of container a: .*discarded"
        ):
            session.launch(_WORK, _LIMITS, "a")
        assert engine.there == {}
        assert [pipe.sent for pipe in engine.pipes.values()] == [[]]


@pytest.mark.parametrize(
    ("work", "limits", "sentence"),
    [
        (Work(deadline_s=5, forks=3), Limits(pids=None, memory_bytes=1 << 20), "no limit of pids"),
        (Work(deadline_s=5, bomb=3), Limits(pids=None, memory_bytes=1 << 20), "no limit of pids"),
        (Work(deadline_s=5, hold_bytes=1), Limits(pids=9, memory_bytes=None), "no limit of memory"),
        (
            Work(deadline_s=5, leak_bytes_per_s=1, most_bytes=9),
            Limits(pids=9, memory_bytes=None),
            "no limit of memory",
        ),
        (Work(deadline_s=0, threads=1), _LIMITS, "no deadline"),
        (_WORK, Limits(pids=101, memory_bytes=1 << 20), "101: raise --max-pids"),
        (_WORK, Limits(pids=9, memory_bytes=(1 << 30) + 1), "raise --max-memory"),
        (_WORK, Limits(pids=None, memory_bytes=None), "nothing else would hold it here"),
    ],
)
def test_unsafe_work_is_refused_before_anything_is_made(work: Work, limits: Limits, sentence: str) -> None:
    engine = FakeEngine()
    with (
        _session(engine) as session,
        pytest.raises(HostError, match=f"container b is not started: .*{sentence}"),
    ):
        session.launch(work, limits, "b")
    assert engine.made == []


def test_the_limits_of_all_add_up_to_no_more_than_the_caps() -> None:
    engine = FakeEngine()
    with _session(engine) as session:
        first = session.launch(_WORK, Limits(pids=60, memory_bytes=600 << 20), "a")
        with pytest.raises(HostError, match="raise --max-memory"):
            session.launch(_WORK, Limits(pids=10, memory_bytes=600 << 20), "b")
        with pytest.raises(HostError, match="raise --max-pids"):
            session.launch(_WORK, Limits(pids=60, memory_bytes=1 << 20), "b")
        session.remove(first)
        session.launch(_WORK, Limits(pids=60, memory_bytes=600 << 20), "b")


def test_half_of_the_host_is_the_cap_if_none_is_said() -> None:
    caps = default_caps(FakeEngine().facts())
    assert (caps.cores, caps.memory_bytes) == (2, 4 << 30)
    assert 0 < caps.pids <= 16_384


def test_more_than_the_host_has_is_refused() -> None:
    with pytest.raises(HostError, match="the host is too small: it has 4 cores"):
        _session(FakeEngine(), caps=Caps(5, 1 << 30, 100))


def test_an_engine_that_cannot_limit_is_refused() -> None:
    with pytest.raises(HostError, match="the engine will not do: it cannot limit pids"):
        _session(FakeEngine(lacks=("it cannot limit pids",)))


def _dead(engine: FakeEngine, *, host: str) -> None:
    labels = {"wavetank.run": "old", "wavetank.owner": f"{host} some-boot 1 1"}
    engine.there["old"] = Container("old", labels, running=False)
    engine.pictures["wavetank-work:old"] = labels


def test_leftovers_of_a_killed_run_go_only_with_a_yes() -> None:
    engine = FakeEngine()
    _dead(engine, host=os.uname().nodename)
    with pytest.raises(HostError, match=r"1 containers of runs that were killed are left.* Say --yes"):
        _session(engine, yes=False).__enter__()
    assert list(engine.there) == ["old"]
    with _session(engine):
        assert "old" not in engine.there
        assert "wavetank-work:old" not in engine.pictures


def test_a_run_that_goes_on_is_left_alone() -> None:
    engine = FakeEngine()
    _dead(engine, host="another-host")
    with _session(engine) as other, _session(engine) as session:
        session.launch(_WORK, _LIMITS, "a")
        assert "old" in engine.there
        assert other.run != session.run
        assert len(engine.pictures) == 3


def test_other_containers_are_asked_about_first() -> None:
    engine = FakeEngine()
    engine.there["web"] = Container("web", {}, running=True)
    with pytest.raises(HostError, match=r"1 other containers run on .* Say --yes"):
        _session(engine, yes=False).__enter__()
    with _session(engine):
        pass
    assert list(engine.there) == ["web"]


def _boom() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("end", [_boom, lambda: os.kill(os.getpid(), 15)], ids=["interrupt", "terminate"])
def test_every_way_out_removes_all(end: Callable[[], None]) -> None:
    engine = FakeEngine()
    session = _session(engine)

    def cut_short() -> None:
        with session:
            session.launch(_WORK, _LIMITS, "a")
            end()

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    assert engine.there == {}
    assert engine.pictures == {}


def test_a_signal_that_met_a_finaliser_ends_the_next_thing_that_is_done() -> None:
    engine = FakeEngine()
    session = _session(engine)

    class Finalised:
        def __del__(self) -> None:
            with contextlib.suppress(KeyboardInterrupt):  # as the interpreter does it
                os.kill(os.getpid(), 15)
                for _ in range(1000):
                    pass

    def cut_short() -> None:
        with session:
            Finalised()
            session.launch(_WORK, _LIMITS, "a")

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    assert engine.made == []
    assert engine.pictures == {}


@pytest.mark.parametrize(
    ("states", "oom"),
    [
        ([(True, 0, False), (False, 137, False), (False, 137, True)], True),
        ([(False, 137, False)] * 100, False),
        ([(True, 0, False), (False, 3, False), (False, 3, True)], False),
    ],
    ids=["heard-of-later", "killed-by-somebody", "no-kill"],
)
def test_a_kill_for_want_of_memory_may_be_heard_of_after_the_end(
    states: list[tuple[bool, int, bool]], oom: bool
) -> None:
    engine = FakeEngine()
    answers = [State(running, 1, code, killed, 0.0, 0.0) for running, code, killed in states]
    engine.state = lambda identity: answers.pop(0) if len(answers) > 1 else answers[0]
    with _session(engine) as session:
        assert session.ended(session.launch(_WORK, _LIMITS, "a")).oom_killed is oom
