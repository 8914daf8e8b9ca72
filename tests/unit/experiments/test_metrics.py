"""The table of a run whose every figure can be worked out on paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from experiments.dumps.cluster import make_dump
from experiments.journalfiles import open_run
from experiments.lives import read_lives
from tests.support.folders import run_in

# Two minions of 4 cores, 2 GPUs each. 0 s: three pods of 3 cores, for 100 s; two run, one waits until 100 s.
# 20 s: minion m-0 dies for 30 s, its pod is lost and the waiting one goes there at 50 s. 200 s: a pod that fits nowhere is
# given up at once, one is withdrawn after 10 s. 390 s: one more that fits nowhere, pending at the end.
_TEXT = """
until: 400s
cluster: {minions: [{name: m, count: 2, cpu: 4, memory: 8Gi, gpu: {count: 2}}]}
workloads:
  - {name: a, arrivals: {at: 0s}, count: 3, duration: 100s, pod: {cpu: 3, memory: 1Gi}}
  - {name: b, arrivals: {at: 200s}, count: 1, duration: 1s, pod: {cpu: 5, memory: 1Gi}, giveUpAfter: 0s}
  - {name: c, arrivals: {at: 200s}, count: 1, duration: 1s, pod: {cpu: 5, memory: 1Gi}, withdrawAfter: 10s}
  - {name: d, arrivals: {at: 390s}, count: 1, duration: 1s, pod: {cpu: 5, memory: 1Gi}}
  - {name: e, arrivals: {poisson: {rate: 1/h}}, start: 390s, count: 0, duration: 1800s, pod: {cpu: 1, memory: 1Gi, gpu: 0.5}}
policy: {scheduler: first-fit}
faults: [{name: f, at: 20s, crash: {minion: m-0}, repair: 30s}]
"""


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = run_in(tmp_path_factory.mktemp("measured"), _TEXT).folder
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def test_pods_are_counted_and_add_up(summary: dict[str, Any]) -> None:
    pods = summary["pods"]
    counts = {
        "created": 6,
        "pending": 1,
        "running": 0,
        "succeeded": 2,
        "failed": 0,
        "lost": 1,
        "withdrawn": 1,
    }
    assert {name: pods[name] for name in counts} == counts
    assert pods["given_up"] == 1
    assert pods["conserved"] is True


def test_delays_count_who_found_no_minion_as_infinite(summary: dict[str, Any]) -> None:
    # 0, 0, 50 and three without a minion, of which 10 s are the longest seen: beyond all is 50.
    delays = summary["scheduling_delay_s"]
    assert delays == {
        "p50": {"value": 50.0},
        "p95": {"value": None, "at_least": 50.0},
        "p99": {"value": None, "at_least": 50.0},
    }
    assert summary["mean_wait_s"] == pytest.approx((0 + 0 + 50 + 0 + 10 + 10) / 6)


def test_idle_is_the_lesser_of_what_is_free_and_what_is_waited_for(summary: dict[str, Any]) -> None:
    ready = 8 * 400 - 4 * 30
    # One waits for 3 cores, with 2 free for 20 s and then 1 for 30 s; twice one for 5 cores for 10 s, with 8 free.
    core_s = 2 * 20 + 1 * 30 + 5 * 10 + 5 * 10
    assert summary["idle"]["cpu"]["mean"] == pytest.approx(core_s / ready)
    assert summary["idle"]["cpu"]["final"] == 5 / 8
    assert summary["idle"]["gpu"]["mean"] == 0


def test_utilisation_is_over_what_was_ready(summary: dict[str, Any]) -> None:
    ready = 8 * 400 - 4 * 30
    assert summary["utilisation"]["cpu"]["mean"] == pytest.approx(3 * (100 + 20 + 100) / ready)
    assert summary["utilisation"]["cpu"]["final"] == 0
    assert summary["utilisation"]["gpu"]["mean"] == 0


def test_minions_are_counted_and_their_time_down_is_shared(summary: dict[str, Any]) -> None:
    minions = summary["minions"]
    assert (minions["registered"], minions["ready"], minions["crashes"], minions["repairs"]) == (2, 2, 1, 1)
    assert minions["unavailability_ratio"] == pytest.approx(30 / 800)


def test_each_minions_allocation_is_over_its_own_time(summary: dict[str, Any]) -> None:
    shares = [3 * 120 / (4 * 370), 3 * 100 / (4 * 400)]
    assert summary["allocation"]["cpu"] == pytest.approx(sorted(shares, reverse=True), abs=1e-6)


def test_the_fault_is_listed_from_beginning_to_end(summary: dict[str, Any]) -> None:
    (fault,) = summary["faults"]["listed"]
    assert fault == {"name": "f", "occurrence": 1, "minion": "m-0", "began_s": 20.0, "ended_s": 50.0}


def test_offered_load_is_rate_times_size_times_life(summary: dict[str, Any]) -> None:
    offered = summary["offered_load"]["e"]
    assert offered["cpu"] == pytest.approx(1 / 3600 * 1800 * 1 / 8)
    assert offered["gpu"] == pytest.approx(1 / 3600 * 1800 * 0.5 / 4)


def test_a_summary_says_nothing_of_wall_time(summary: dict[str, Any]) -> None:
    text = json.dumps(summary)
    assert not any(word in text for word in ("wall", "cpu_s", "per_s", "events_per"))


def test_a_trace_that_says_how_long_pods_waited_is_set_beside(tmp_path: Path) -> None:
    header = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time"
    rows = [f"p{n},3000,1,0,0,,LS,Succeeded,{10 * n},{10 * n + 60 + n},{10 * n + n}" for n in range(1, 5)]
    (tmp_path / "pods.csv").write_text("\n".join([header, *rows, "last,1,1,0,0,,LS,Running,0,9999,"]) + "\n")
    text = f"""
until: 1000s
cluster: {{minions: [{{name: m, cpu: 4, memory: 8Gi}}]}}
workloads: [{{name: t, trace: {{format: openb, path: "{tmp_path}", pods: pods.csv}}}}]
policy: {{scheduler: first-fit}}
"""
    folder = run_in(tmp_path, text).folder
    recorded = json.loads((folder / "summary.json").read_text())["recorded_wait"]
    assert recorded["pods"] == 4
    assert recorded["recorded_mean_s"] == pytest.approx(2.5)
    # One at a time for 60 s each: they come at 10, 20, 30, 40 s and begin at 10, 70, 130, 190 s.
    assert recorded["simulated_mean_s"] == pytest.approx((0 + 50 + 100 + 150) / 4)


def test_pods_that_were_bound_when_the_run_began_have_no_scheduling_delay(tmp_path: Path) -> None:
    dump = make_dump(4, 40, seed=1)
    (tmp_path / "dump.json").write_text(json.dumps(dump))
    later = "{name: later, arrivals: {at: 5s}, count: 3, pod: {cpu: 10m, memory: 1Mi}}"
    text = f"until: 60s\nworkloads: [{{manifest: dump.json}}, {later}]\npolicy: {{scheduler: first-fit}}\n"
    folder = run_in(tmp_path, text).folder
    bound = pl.read_parquet(folder / "events.parquet").filter(pl.col("kind").cast(pl.String) == "pod_bound")
    decided = bound.filter(pl.col("actor").is_not_null())
    assert decided.height == 3 < bound.height
    delays = read_lives(open_run(folder)).pods.asked()
    assert int(np.isfinite(delays.bound_s).sum()) == decided.height
    median = json.loads((folder / "summary.json").read_text())["scheduling_delay_s"]["p50"]
    assert median["value"] is None or median["value"] > 0
