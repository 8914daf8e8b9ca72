"""Cases are drawn, noise floors found, and files written that verify reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.replay import recording
from experiments.replay.kernelcases import (
    BurstCase,
    CpuCase,
    CpuContainer,
    MemoryCase,
    PageCacheCase,
    PidsCase,
    draw_cases,
)
from experiments.replay.measuring import Measured
from experiments.replay.noise import settle
from experiments.replay.problems import HostError
from experiments.replay.session import Session
from experiments.replay.work import Caps
from experiments.verify.kernel.reading import read_cases
from tests.support.fakeengine import FakeEngine

_KINDS = ("cpu", "memory", "pids", "burst", "page_cache")


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    assert draw_cases(20, 7, 2) == draw_cases(20, 7, 2)
    assert draw_cases(20, 7, 2) != draw_cases(20, 8, 2)
    assert draw_cases(40, 7, 2)[:10] == draw_cases(20, 7, 2)[:10], "the first CPU cases are the same ones"


def test_every_kind_is_there_and_most_are_of_cpu() -> None:
    assert {type(case) for case in draw_cases(5, 7, 2)} == {
        CpuCase,
        MemoryCase,
        PidsCase,
        BurstCase,
        PageCacheCase,
    }
    drawn = draw_cases(54, 7, 2)
    assert sum(isinstance(case, CpuCase) for case in drawn) == 30
    assert len(drawn) == 54


@pytest.mark.parametrize("cores", [1, 2, 64])
def test_what_is_drawn_can_be_done(cores: int) -> None:
    for case in draw_cases(200, 3, cores):
        match case:
            case CpuCase():
                assert 2 <= len(case.containers) <= 11
                assert all(1 <= each.threads <= 2 * cores for each in case.containers)
                assert all(each.cpus is None or 0.05 <= each.cpus <= cores for each in case.containers)
                assert all(each.shares >= 2 for each in case.containers)
            case MemoryCase():
                assert 16 <= case.limit_mib <= 192
                assert 1 <= case.alloc_mib <= 288
            case PidsCase():
                assert 16 <= case.limit <= 200
                assert case.forks >= 1
            case BurstCase():
                assert 0.08 <= case.cpus <= 0.9
            case PageCacheCase():
                assert 8 <= case.file_mib <= recording.LARGEST_FILE_BYTES >> 20


_PAIR = CpuCase("mixed", (CpuContainer(1, 1024, None), CpuContainer(2, 512, 0.5)))


def _cpu(first: float, second: float, others: float = 0.0) -> Measured:
    rows = [{"cores": cores, "periods": 50, "throttled": 0, "throttled_s": 0.0} for cores in (first, second)]
    return Measured(rows, others)


@pytest.mark.parametrize(
    ("repeats", "problem"),
    [
        ([_cpu(0.90, 0.50), _cpu(0.92, 0.50), _cpu(0.91, 0.49)], ""),
        ([_cpu(0.90, 0.50), _cpu(0.98, 0.50), _cpu(0.91, 0.50)], "cores_mean 0.02"),
        ([_cpu(0.90, 0.50), _cpu(1.07, 0.50), _cpu(0.91, 0.50)], "cores_most 0.085"),
        ([_cpu(0.90, 0.50, 0.04)] * 3, "others_cores 0.02"),
    ],
)
def test_noise_of_cpu(repeats: list[Measured], problem: str) -> None:
    measured, floor = settle(_PAIR, repeats, 2)
    assert measured[0]["cores"] in (0.90, 0.91)
    assert problem in floor.problem
    assert bool(problem) == bool(floor.problem)


@pytest.mark.parametrize(
    ("case", "figures", "sure"),
    [
        (BurstCase(0.5, 0.5), [{"free": 0.500, "capped": 1.00}, {"free": 0.510, "capped": 1.02}], True),
        (BurstCase(0.5, 0.5), [{"free": 0.500, "capped": 1.00}, {"free": 0.510, "capped": 1.12}], False),
        (BurstCase(0.1, 0.5), [{"free": 0.050, "capped": 0.50}, {"free": 0.058, "capped": 0.50}], False),
        (PidsCase(5, 3), [{"tasks": 4, "status": "running", "exit_code": 0}] * 2, True),
        (PidsCase(5, 3), [{"tasks": n, "status": "running", "exit_code": 0} for n in (3, 4)], False),
        (MemoryCase(16, 4), [{"peak_mib": 5.0, "oom_killed": False}, {"peak_mib": 5.4, "oom_killed": False}], True),
        (MemoryCase(16, 4), [{"peak_mib": 5.0, "oom_killed": False}, {"peak_mib": 5.6, "oom_killed": False}], False),
        (MemoryCase(16, 15), [{"peak_mib": 16.0, "oom_killed": killed} for killed in (False, True)], False),
        (PageCacheCase(2, 8), [[8.0, 0.0], [10.9, 0.0]], True),
        (PageCacheCase(2, 8), [[8.0, 0.0], [11.1, 0.0]], False),
    ],
)  # fmt: skip
def test_noise_of_the_others(case: Any, figures: list[Any], sure: bool) -> None:
    _, floor = settle(case, [Measured(each) for each in figures], 2)
    assert (floor.problem == "") == sure, floor


def test_a_burst_that_waited_for_a_core_says_nothing() -> None:
    figures = {"free": 0.5, "capped": 1.0}
    assert settle(BurstCase(0.5, 0.5), [Measured(figures, 0.02)] * 2, 2)[1].problem == ""
    assert settle(BurstCase(0.5, 0.5), [Measured(figures, 0.03)] * 2, 2)[1].problem != ""


class _Bench:
    """Measures nothing: each case does what it does, until the engine is gone."""

    lasts = 99
    by = 0.0

    def __init__(self, session: Session, window_s: float) -> None:
        self.count = 0

    def extra(self, case: Any) -> dict[str, float]:
        return {}

    def measure(self, case: Any) -> Measured:
        self.count += 1
        if self.count > self.lasts:
            raise HostError("the engine answers no more")
        rows = [
            {"cores": 0.1 + self.by * (self.count % 2), "periods": 0, "throttled": 0, "throttled_s": 0.0}
            for _ in case.containers
        ]
        return Measured(rows, 0.0)


def _record(out: Path) -> recording.Recorded:
    engine = FakeEngine()
    with Session(engine, caps=Caps(2, 1 << 30, 100), yes=True, program=b"program") as session:
        return recording.record_kernel(session, out, count=4, seed=7, window_s=1.0, repeats=2, kinds=["cpu"])


def test_a_file_that_verify_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "Bench", _Bench)
    assert _record(tmp_path / "f.json").count == 4
    cases = read_cases([tmp_path / "f.json"])
    assert [case.kind for case in cases] == ["cpu"] * 4
    assert [case.inconclusive for case in cases] == [""] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["f.json"]


def test_what_is_too_noisy_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "Bench", _Bench)
    monkeypatch.setattr(_Bench, "by", 0.5)
    found = _record(tmp_path / "f.json")
    assert len(found.inconclusive) == 4
    assert found.inconclusive[0].startswith("case 1, cpu: the noise floor is too high: cores_mean 0.25")
    assert all(case.inconclusive for case in read_cases([tmp_path / "f.json"]))


def test_what_was_measured_before_the_engine_ended_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "Bench", _Bench)
    monkeypatch.setattr(_Bench, "lasts", 5)
    with pytest.raises(HostError, match=r"answers no more.*2 of 4 cases are kept in .*f.json"):
        _record(tmp_path / "f.json")
    assert len(json.loads((tmp_path / "f.json").read_text())["cases"]) == 2


def test_kinds_that_cannot_be_measured_there_are_said_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(FakeEngine(), caps=Caps(2, 1 << 30, 100), yes=True, program=b"program") as session:
        with pytest.raises(HostError, match=r"no cases of kind memory: .* only on this host"):
            recording.record_kernel(
                session, tmp_path / "f", count=4, seed=7, window_s=1.0, repeats=2, kinds=["memory"]
            )
        assert not (tmp_path / "f").exists()
