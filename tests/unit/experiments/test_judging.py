"""Expectations held against a run of which every moment is known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from experiments.expectations import parse
from experiments.journalfiles import open_run
from experiments.judging import Judgement, evaluate, exit_status
from experiments.lives import read_lives
from tests.support.folders import run_in

# 10 s: five pods come, four start, two a minion. 110 s: they end, the fifth starts on a-0. 150 s: a-0 dies and the fifth
# is lost; 210 s: a-0 is back. 300 s: one that fits nowhere is given up. a-1 dies at 350 s, after which the run ends.
_TEXT = """
until: 400s
cluster: {minions: [{name: a, count: 2, cpu: 2, memory: 8Gi}]}
workloads:
  - {name: w, arrivals: {at: 10s}, count: 5, duration: 100s, pod: {cpu: 1, memory: 1Gi}}
  - {name: x, arrivals: {at: 300s}, count: 1, duration: 100s, pod: {cpu: 3, memory: 1Gi}, giveUpAfter: 0s}
policy: {scheduler: first-fit}
faults:
  - {name: one, at: 150s, crash: {minion: a-0}, repair: 60s}
  - {name: late, at: 350s, crash: {minion: a-1}, repair: 100s}
  - {name: forever, at: 390s, crash: {minion: a-0}}
  - {name: off, at: 20s, crash: {minion: a-1}, enabled: false}
  - {name: both, at: 220s, crash: {minions: all}, repair: 5s}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(tmp_path_factory.mktemp("judged"), _TEXT).folder


def judge(folder: Path, text: str) -> Judgement:
    run = open_run(folder)
    (found,) = evaluate([parse(text)], run, read_lives(run))
    return found


@pytest.mark.parametrize(
    ("text", "verdict", "time_s", "left"),
    [
        ("succeeded(w) == 4", "passed", 400, 4),
        ("mean_idle(cpu) == 0", "passed", 400, 0),  # the fifth waits for a core while none is free
        ("idle(memory) == 0 always", "failed", 10, 1 / 16),
        ("succeeded() == 5", "failed", 400, 4),
        ("lost(w) == 1 at end", "passed", 400, 1),
        ("given_up(x) == 1", "passed", 400, 1),
        ("created(w) == 5", "passed", 400, 5),
        ("pending() <= 1 always", "passed", 400, 0),
        ("pending(w) < 1 always", "failed", 10, 1),
        ("running() <= 4 always", "passed", 400, 0),
        ("ready_minions() == 2 always", "failed", 150, 1),
        ("lost(w) > 0 within 1s of one", "passed", 150, 1),
        ("ready_minions() == 2 within 60s of one", "passed", 210, 2),
        ("ready_minions() == 2 within 59s of one", "failed", 209, 1),
        ("crashed_minions(a-0) == 1 during one", "passed", 150, 1),
        ("ready_minions(a) == 1 during one", "passed", 150, 1),
        ("running() == 0 during one", "passed", 150, 0),
        ("given_up() == 1 during one", "failed", 210, 0),
        ("ready_minions() == 1 during late", "passed", 350, 1),
        ("lost() == 2 during late", "inconclusive", 400, 1),
        ("crashed_minions(a-0) == 1 during forever", "passed", 390, 1),
        ("ready_minions(a-1) == 1 within 51s of late", "inconclusive", 400, 0),
        ("ready_minions(a-1) == 1 within 50s of late", "failed", 400, 0),
        ("ready_minions() == 0 during both", "passed", 220, 0),
        ("ready_minions() == 2 within 5s of both", "passed", 225, 2),
        ("pending() == 0 within 5s of off", "failed", None, None),
        ("ready_minions() == 1 throughout one", "passed", 210, 2),
        ("running() == 0 throughout one", "passed", 210, 0),
        ("ready_minions() == 2 throughout one", "failed", 150, 1),
        ("crashed_minions(a-1) == 1 throughout late", "inconclusive", 400, 1),
        ("ready_minions() == 1 throughout late", "failed", 390, 0),
        ("crashed_minions(a-0) == 1 throughout forever", "passed", 400, 1),
        ("pending() == 0 throughout off", "failed", None, None),
        ("utilisation(cpu) == 1 within 0s of one", "failed", 150, 0),
        ("utilisation(cpu) <= 1 always", "failed", 220, None),  # nothing is ready: there is no share of nothing
        ("mean_wait(w) == 20s", "passed", 400, 20),
        ("delay_p50(w) == 0s", "passed", 400, 0),
        ("delay_p95(w) == 100s", "passed", 400, 100),
        ("delay_p99() < 1000s", "failed", 400, math.inf),
        ("mean_utilisation(cpu) > 0.9", "failed", 400, None),
    ],
)  # fmt: skip
def test_a_verdict_has_its_moment_and_its_number(
    folder: Path, text: str, verdict: str, time_s: float | None, left: float | None
) -> None:
    found = judge(folder, text)
    assert (found.verdict, found.time_s) == (verdict, time_s), found.sentence
    if left is not None:
        assert found.left == left


def test_mean_utilisation_weighs_time_over_what_was_ready(folder: Path) -> None:
    # 4 cores for 100 s and one for 40 s, over 4 cores for 400 s less what was down.
    ready = 4 * 400 - 2 * 60 - 2 * 50 - 4 * 5 - 2 * 10
    found = judge(folder, "mean_utilisation(cpu) > 0")
    assert found.left == pytest.approx((4 * 100 + 40) / ready)
    assert judge(folder, "mean_idle(memory) > 0").left == pytest.approx(100 / (4 * ready))


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [([], 0), (["passed"], 0), (["passed", "inconclusive"], 3), (["inconclusive", "failed", "passed"], 1)],
)
def test_the_exit_status_is_the_worst(verdicts: list[str], status: int) -> None:
    made = [Judgement("", verdict, None, None, None, "") for verdict in verdicts]  # type: ignore[arg-type]
    assert exit_status(made) == status


def test_what_a_run_cut_short_has_not_shown_is_inconclusive(tmp_path: Path) -> None:
    cut = run_in(tmp_path, _TEXT, "until=100s").folder
    # A run that ends early on its own is whole; one that is cut short says so in its last record's absence.
    manifest = (cut / "manifest.json").read_text().replace('"complete": true', '"complete": false')
    (cut / "manifest.json").write_text(manifest)
    assert judge(cut, "pending() == 0 within 5s of one").verdict in {"failed", "inconclusive"}
    assert judge(cut, "pending(w) < 1 always").verdict == "failed"
