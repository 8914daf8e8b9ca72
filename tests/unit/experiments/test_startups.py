"""Start-ups with and without pulls, and pulls image by image: against what the journal says, counted anew."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from experiments.checking import read_checked
from experiments.expectations import parse
from experiments.journalfiles import RunFiles, open_run
from experiments.judging import evaluate
from experiments.lives import read_lives
from experiments.run import execute
from experiments.startups import pull_steps, pulls_going_on, read_startups
from experiments.summary import build_summary
from experiments.tables import run_sections

_SCENARIO = """apiVersion: wavetank/v1
name: starts
until: 20m
cluster:
  minions:
    - {name: warm, count: 2, cpu: 4, memory: 32Gi, preloaded: ["web:1"]}
    - {name: cold, count: 2, cpu: 4, memory: 32Gi}
images:
  - {name: "web:1", layers: [{name: base, size: 100M}, {name: web, size: 200M}]}
  - {name: "typo:1", missing: true}
registry: {bandwidth: 100M/s, perMinion: 50M/s, latency: 1s}
policy: {scheduler: first-fit}
controllers:
  - {name: web, replicas: 16, pod: {containers: [{name: w, image: "web:1", cpu: 1}]}}
  - {name: big, replicas: 1, start: 1m, pod: {containers: [{name: w, image: "web:1", cpu: 5}]}}
workloads:
  - {name: typo, arrivals: {at: 5m}, count: 1, pod: {containers: [{name: t, image: "typo:1", cpu: 0}]}}
faults:
  - {name: crash, at: 8s, crash: {minion: cold-1}, repair: 30s}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    folder: Path = tmp_path_factory.mktemp("starts")
    file = folder / "starts.yaml"
    file.write_text(_SCENARIO)
    (folder / "run").mkdir()
    execute(read_checked(file), folder / "run", interruptible=False)
    return open_run(folder / "run")


def rows_of(run: RunFiles) -> list[dict[str, Any]]:
    return run.events().with_columns(pl.col(pl.Categorical).cast(pl.String)).collect().to_dicts()


def test_every_pod_is_told_once_and_by_what_it_waited_for(run: RunFiles) -> None:
    created: dict[str, float] = {}
    ready: dict[str, float] = {}
    pulling: dict[str, float] = {}
    pulled: dict[str, float] = {}
    for row in rows_of(run):
        of = {"pod_created": created, "pod_ready": ready, "image_pulling": pulling}.get(row["kind"])
        if of is not None:
            of.setdefault(row["object"], row["time_s"])
        elif row["kind"] == "image_pulled":
            pulled[row["object"]] = row["time_s"]
    found = read_startups(run)
    assert len(found) == len(created) == 18
    took = sorted(time - created[name] for name, time in ready.items() if name not in pulling)
    there = found.where(~found.pulled)
    assert sorted((there.ready_s - there.created_s)[~np.isnan(there.ready_s)]) == pytest.approx(took)
    took = sorted(ready[name] - created[name] for name in pulling if name in ready)
    with_pull = found.where(found.pulled)
    reached = ~np.isnan(with_pull.ready_s)
    assert sorted((with_pull.ready_s - with_pull.created_s)[reached]) == pytest.approx(took)
    less = sorted(
        ready[name] - created[name] - (pulled[name] - pulling[name]) for name in pulling if name in ready
    )
    assert sorted((with_pull.ready_s - with_pull.created_s - with_pull.pulling_s)[reached]) == pytest.approx(
        less
    )
    # Eight were warm; eight pulled; one never found room, one has no image.
    assert (len(there), len(with_pull), int(reached.sum())) == (9, 9, 8)


def test_quantiles_count_what_is_not_ready_as_infinite(run: RunFiles) -> None:
    figures = build_summary(run.folder)["startup"]
    assert figures["there"]["pods"] == 9
    assert figures["there"]["p50"]["value"] < 5.0
    # The ninth never found a minion: p99 is beyond the 19 minutes that it waited.
    assert figures["there"]["p99"]["value"] is None
    assert figures["there"]["p99"]["at_least"] == pytest.approx(19 * 60, abs=1)
    assert figures["pulled"]["p50"]["value"] > 7.0
    assert figures["less_pulls"]["p50"]["value"] < 5.0


def test_the_metrics_of_expectations(run: RunFiles) -> None:
    events = rows_of(run)
    count = sum(row["kind"] == "image_pulled" for row in events)
    failed = sum(row["kind"] == "image_failed" for row in events)
    assert failed > 3
    for text in (
        f"pulls() == {count}",
        f"pulls(web) == {count}",
        "pulls(typo) == 0",
        f"pull_failures(typo) == {failed}",
        "pull_failures(web) == 0 always",
        "startup_p50(web) > 1s",
        "startup_p99(web) > 30s",
        "startup_p50(big) > 1h",
        "startup_p50(typo) > 1h",
    ):
        (judged,) = evaluate([parse(text)], run, read_lives(run))
        assert judged.verdict == "passed", judged


def test_pulls_over_time_end_with_none_going_on_but_those_of_the_crash(run: RunFiles) -> None:
    going_on = pulls_going_on(run)
    assert going_on.values.min() >= 0
    assert going_on.values.max() == 8
    assert going_on.last == 0
    assert (
        pull_steps(run, "image_pulled", ["controller/default/web"]).last
        == pull_steps(run, "image_pulled", None).last
    )


def test_images_in_figures_and_tables(run: RunFiles) -> None:
    events = rows_of(run)
    summary = build_summary(run.folder)
    images = summary["images"]
    assert images["images"] == 2
    web, typo = images["listed"]
    assert (web["image"], typo["image"]) == ("web:1", "typo:1")
    assert web["bytes"] == sum(row["image_pulled_bytes"] or 0 for row in events)
    assert web["max_s"] == max(row["value"] for row in events if row["kind"] == "image_pulled")
    assert (typo["pulled"], typo["max_s"]) == (0, None)
    assert images["total"]["failed"] == typo["failed"]
    sections = {section.title: section for section in run_sections(summary)}
    assert [row[0] for row in sections["Start-up, created to ready"].rows] == [
        "their images were there", "they had to pull", "they had to pull, without that time",
    ]  # fmt: skip
    assert [row[0] for row in sections["Images, asked for to there"].rows] == ["web:1", "typo:1", "all 2"]
    assert math.isclose(
        float(sections["Images, asked for to there"].rows[0][1].replace(",", "")), web["pulled"]
    )


def test_a_run_without_readiness_has_no_start_ups(tmp_path: Path) -> None:
    file = tmp_path / "plain.yaml"
    file.write_text(
        "apiVersion: wavetank/v1\nname: plain\nuntil: 1m\ncluster: {minions: [{name: m, cpu: 1, memory: 1Gi}]}\n"
        "workloads: [{name: w, arrivals: {at: 1s}, count: 1, pod: {cpu: 1}}]\n"
    )
    (tmp_path / "run").mkdir()
    execute(read_checked(file), tmp_path / "run", interruptible=False)
    summary = build_summary(tmp_path / "run")
    assert (summary["startup"], summary["images"]) == (None, None)
    titles = [section.title for section in run_sections(summary) if section.rows]
    assert not {"Start-up, created to ready", "Images, asked for to there"} & set(titles)


def test_who_finds_an_image_after_a_crash_has_a_time(tmp_path: Path) -> None:
    """A crash ends the pull of a pod that afterwards finds the image there, as another has pulled it meanwhile."""
    file = tmp_path / "crash.yaml"
    file.write_text(
        "apiVersion: wavetank/v1\nname: crash\nuntil: 20m\n"
        "cluster: {minions: [{name: m, count: 1, cpu: 4, memory: 16Gi}]}\n"
        'images: [{name: "web:1", size: 100M}]\nregistry: {perMinion: 10M/s, latency: 1s}\n'
        'controllers: [{name: web, replicas: 2, pod: {containers: [{name: w, image: "web:1", cpu: 1}]}}]\n'
        "faults: [{name: crash, at: 5s, crash: {minion: m-0}, repair: 20s}]\n"
    )
    (tmp_path / "run").mkdir()
    execute(read_checked(file), tmp_path / "run", interruptible=False)
    found = read_startups(open_run(tmp_path / "run"))
    assert found.pulled.all()
    assert np.isfinite(found.pulling_s).all()
    figures = build_summary(tmp_path / "run")["startup"]
    assert figures["less_pulls"]["p99"]["value"] <= figures["pulled"]["p99"]["value"]
