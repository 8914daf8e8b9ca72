"""Lack, time below, time at zero and from scale-up to serving: of steps that can be reckoned by hand, and of a run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from experiments.availability import availability, scale_ups
from experiments.checking import read_checked
from experiments.controlsteps import ControlSteps, combined
from experiments.expectationwords import MetricTerm
from experiments.journalfiles import RunFiles
from experiments.run import execute
from experiments.steps import Steps
from experiments.sweepmetrics import metrics_of
from experiments.tables import run_sections


def steps(*points: tuple[float, float]) -> Steps:
    times, values = zip(*points, strict=True)
    return Steps(np.array(times, dtype=float), np.array(values, dtype=float))


def controller(desired: Steps, ready: Steps) -> dict[str, Steps]:
    lack = combined([desired, ready], lambda rows: np.maximum(rows[0] - rows[1], 0.0))
    return {"desired": desired, "ready": ready, "unavailable": lack}


WEB = controller(
    steps((0, 4), (50, 6), (80, 3)),
    steps((10, 2), (20, 4), (60, 5), (65, 6), (80, 3), (90, 0), (95, 1)),
)


def test_of_one_controller_by_hand() -> None:
    found = availability([WEB], 100.0)
    # 4 x 10 + 2 x 10, then 2 x 10 + 1 x 5, then 3 x 5 + 2 x 5; of 4 x 50 + 6 x 30 + 3 x 20.
    assert found.unavailability_ratio == pytest.approx((60 + 25 + 25) / 440)
    assert found.below_ratio == pytest.approx((20 + 15 + 10) / 100)
    assert found.zero_ratio == pytest.approx((10 + 5) / 100)
    assert [(up.time_s, up.serving_s) for up in found.scale_ups] == [(0, 20), (50, 15)]
    assert found.serving_max_s == 20
    assert availability([WEB], 15.0).below_ratio == 1.0


def test_of_two_together() -> None:
    other = controller(steps((0, 1)), steps((30, 1)))
    found = availability([WEB, other], 100.0)
    assert found.unavailability_ratio == pytest.approx((110 + 30) / 540)
    assert found.below_ratio == pytest.approx((30 + 15 + 10) / 100)
    assert found.zero_ratio == pytest.approx((30 + 5) / 100)
    assert [up.serving_s for up in found.scale_ups] == [20, 30, 15]


def test_of_nothing() -> None:
    found = availability([], 100.0)
    assert (found.unavailability_ratio, found.below_ratio, found.zero_ratio, found.scale_ups) == (0, 0, 0, [])
    assert math.isnan(found.serving_max_s)
    assert found.as_json()["serving_s"] is None


def test_a_scale_up_that_is_overtaken_does_not_count_and_one_that_is_not_reached_is_for_ever() -> None:
    desired = steps((0, 1), (10, 5), (20, 7), (30, 2), (40, 3))
    ready = steps((5, 1), (15, 3), (25, 7), (35, 2))
    found = scale_ups(desired, ready)
    assert [each.time_s for each in found] == [0, 10, 20, 40]
    assert [found[0].serving_s, found[2].serving_s, found[3].serving_s] == [5, 5, math.inf]
    assert math.isnan(found[1].serving_s)
    figures = availability([controller(desired, ready)], 100.0).as_json()
    assert (figures["scale_ups"], figures["served"], figures["serving_max_s"]) == (4, 2, 5.0)
    assert figures["serving_s"] is None


def test_more_ready_than_desired_makes_good_for_nothing() -> None:
    found = availability([controller(steps((0, 1)), steps((0, 3), (50, 0)))], 100.0)
    assert found.unavailability_ratio == found.zero_ratio == 0.5


def test_restarts_are_starts_of_containers_after_their_first(tmp_path: Path) -> None:
    rows = [
        (1.0, "container_started", "p1", 0.0),
        (9.0, "container_started", "p1", 1.0),
        (9.0, "pod_started", "p1", None),
        (20.0, "container_started", "p2", 0.0),
        (30.0, "container_started", "p1", 2.0),
    ]
    frame = pl.DataFrame(rows, schema=["time_s", "kind", "object", "value"], orient="row").with_columns(
        seq=pl.int_range(pl.len()), owner=pl.lit("controller/default/a"), reason=pl.lit(None, pl.String)
    )
    frame.write_parquet(tmp_path / "events.parquet")
    manifest = {"owners": [{"object": "controller/default/a", "names": ["a"], "labels": {}}]}
    run = RunFiles(tmp_path, manifest, True, (), (tmp_path / "events.parquet",), ())
    found = ControlSteps(run).of(MetricTerm("restarts", "a", 0, 0))
    assert found.at(np.array([5.0, 9.0, 25.0, 40.0])).tolist() == [0, 1, 1, 2]


TEXT = """apiVersion: wavetank/v1
name: lacking
until: 30m
cluster: {minions: [{name: web, count: 4, cpu: 8, memory: 32Gi}]}
controllers:
  - {name: api, replicas: 8, pod: {cpu: 1}, scale: [{at: 10m, replicas: 12}, {at: 20m, replicas: 2}]}
  - {name: one, replicas: 1, pod: {cpu: 1}}
kubelet: {start: 3s, ready: 4s}
policy: {scheduler: worst-fit}
faults:
  - {at: 5m, name: taint, taint: {minion: web-0, key: repair}, for: 3m}
  - {at: 12m, name: drain, drain: {minion: web-1}}
  - {at: 14m, name: reboot, reboot: {minion: web-2}, for: 20s}
expect:
  - unavailability(api) > 0
  - below(api) < 0.1
  - serving(api) < 20s
  - zero(one) < 0.05
  - unavailability() < 0.05
"""


def run(folder: Path) -> tuple[dict[str, Any], pl.DataFrame]:
    file = folder / "lacking.yaml"
    file.write_text(TEXT)
    (folder / "run").mkdir()
    summary = execute(read_checked(file), folder / "run", interruptible=False).summary
    events = pl.read_parquet(folder / "run" / "events.parquet")
    return summary, events.with_columns(pl.col(pl.Categorical).cast(pl.String))


def reckoned(events: pl.DataFrame, owner: str, end_s: float) -> dict[str, float]:
    """The same figures by going through the records one by one, and adding up between them."""
    desired, ready, since, lack, wanted, below, zero = 0, set[str](), 0.0, 0.0, 0.0, 0.0, 0.0
    asked: list[tuple[float, int]] = []
    served: list[float] = []
    for row in [*events.iter_rows(named=True), {"time_s": end_s, "kind": "", "owner": "", "object": ""}]:
        lasted = row["time_s"] - since
        since = row["time_s"]
        missing = max(0, desired - len(ready))
        lack, wanted = lack + missing * lasted, wanted + desired * lasted
        below, zero = below + lasted * (missing > 0), zero + lasted * (desired > 0 and not ready)
        if row["kind"] in {"controller_created", "controller_scaled"} and row["object"] == owner:
            asked = [(since, int(row["value"]))] if row["value"] > desired else []
            desired = int(row["value"])
        elif row["owner"] == owner and row["kind"] == "pod_ready":
            ready.add(row["object"])
        elif row["owner"] == owner and row["kind"] in {"pod_unready", "pod_terminating", "pod_removed"}:
            ready.discard(row["object"])
        if asked and len(ready) >= asked[0][1]:
            served.append(since - asked.pop()[0])
    return {
        "unavailability_ratio": lack / wanted,
        "below_ratio": below / end_s,
        "zero_ratio": zero / end_s,
        "served": len(served),
        "serving_max_s": max(served),
        "serving_mean_s": sum(served) / len(served),
        "mean_unavailable": lack / end_s,
    }


def test_of_a_run_they_are_what_its_records_say(tmp_path: Path) -> None:
    summary, events = run(tmp_path)
    for name, found in summary["controllers"].items():
        expected = reckoned(events, f"controller/default/{name}", 1800.0)
        assert {word: found[word] for word in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)
    drained = events.filter((pl.col("kind") == "pod_terminating") & (pl.col("reason") != "scaled down"))
    assert set(drained["reason"]) == {"TaintManagerEviction", "Eviction"}
    evicted = sum(found["evicted"] for found in summary["controllers"].values())
    assert evicted == summary["availability"]["evicted"] == drained.height > 4
    stopped = events.filter((pl.col("kind") == "pod_stopped") & (pl.col("reason") == "reboot"))
    assert summary["availability"]["restarts"] == stopped.height > 0
    assert summary["controllers"]["api"]["scale_ups"] == 2
    assert summary["controllers"]["one"]["zero_ratio"] > 0
    # What a sweep compares.
    compared = metrics_of(summary)
    assert compared["unavailability"] == summary["availability"]["unavailability_ratio"] > 0
    assert compared["time at zero"] == summary["availability"]["zero_ratio"] > 0
    assert compared["longest scale-up to serving (s)"] == pytest.approx(7.0, abs=0.2)
    assert compared["pods evicted"] == evicted
    assert [each["verdict"] for each in summary["expectations"]] == ["passed"] * 5
    (table,) = [each for each in run_sections(summary) if each.title.startswith("Time with too few ready")]
    assert [row[0] for row in table.rows] == ["api", "one"]
    assert table.rows[0][3] == "2 of 2"
