"""The metrics of controllers and services: what may be asked, and what is seen."""

# ruff: noqa: ISC004

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.checking import known_names, read_checked
from experiments.controlsteps import EVICTED, ControlSteps, combined
from experiments.expectations import find_problems, parse
from experiments.expectationwords import MetricTerm
from experiments.journalfiles import RunFiles, open_run
from experiments.judging import evaluate
from experiments.lives import read_lives
from experiments.run import execute
from experiments.steps import Steps
from experiments.summary import build_summary
from experiments.tables import run_sections

_SCENARIO = """apiVersion: wavetank/v1
name: cut
until: 30m
cluster: {minions: [{name: web, count: 5, cpu: 8, memory: 32Gi}]}
controllers:
  - {name: api, replicas: 10, pod: {cpu: 1, labels: {app: api}, tolerationSeconds: 60s}, scale: [{at: 20m, replicas: 4}]}
  - {name: side, namespace: other, replicas: 2, pod: {cpu: 1}}
services: [{name: api, selector: {app: api}}]
workloads: [{name: batch, arrivals: {at: 0s}, count: 3, pod: {cpu: 100m, labels: {app: batch}}}]
faults: [{at: 5m, name: cut, cutOff: {minion: web-0}, for: 8m}]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Path, RunFiles]:
    folder = tmp_path_factory.mktemp("cut")
    file = folder / "cut.yaml"
    file.write_text(_SCENARIO)
    (folder / "run").mkdir()
    execute(read_checked(file), folder / "run", interruptible=False)
    return file, open_run(folder / "run")


def held(run: RunFiles, text: str) -> str:
    (judgement,) = evaluate([parse(text)], run, read_lives(run))
    return judgement.verdict


def test_a_cut_off_minion_as_the_metrics_see_it(finished):
    _, run = finished
    events = run.events().with_columns(pl.col("kind", "owner", "reason", "object").cast(pl.String)).collect()
    evicted = events.filter((pl.col("kind") == "pod_terminating") & (pl.col("reason") == EVICTED))
    mine = evicted.filter(pl.col("owner") == "controller/default/api").height
    assert mine > 0
    for text in (
        f"unavailable(api) == {mine} within 1m of cut",
        f"evicted(api) == {mine} at end",
        f"evicted() == {evicted.height} at end",
        f"ready(api) == {10 - mine} within 1m of cut",
        f"endpoints(api) == {10 - mine} within 1m of cut",
        f"created(api) == {10 + mine}",
        "copies(api) == 2 within 3m of cut",
        "copies() <= 2 always",
        "copies(side) == 1 at end",
        "unavailable() == 0 at end",
        "minions_ready() == 4 within 1m of cut",
        "minions_ready(web-0) == 1 at end",
        "minions_ready(web-1) == 1 during cut",
        "ready_minions() == 5 always",
        "live(api) == 4",
        "desired(app=api) == 4",
        "desired() == 6",
        "ready(other/side) == desired(side) at end",
        "created(batch) == 3",
        f"deleted(api) == {mine + 6}",
        "created(app=batch) == 3",
        "created(app=batch) < created(app=api)",
    ):
        assert held(run, text) == "passed", text
    for text in (
        "copies(api) == 3 within 3m of cut",
        "copies(side) == 3 within 10m of cut",
        "live(api) == 10",
    ):
        assert held(run, text) == "failed", text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("redy(api) == 1", "there is no metric 'redy'; did you mean 'ready'?"),
        ("ready(apo) == 1", "no controller is named 'apo'; did you mean 'api'?"),
        ("ready(batch) == 1", "no controller is named 'batch' (known controllers: api, side)"),
        ("ready(app=x) == 1", "no controller has pods with app=x"),
        ("ready(app=batch) == 1", "no controller has pods with app=batch"),
        ("created(app=x) == 1", "no workload or controller has pods with app=x"),
        ("created(batc) == 1", "no workload or controller is named 'batc'; did you mean 'batch'?"),
        ("ready(a b) == 1", "expected a name, k=v, k!=v, k in (a, b), k notin (a, b), k exists or !k between the "
                            "commas of a selector, not 'a b'"),
        ("endpoints(side) == 1", "no service is named 'side' (known services: api)"),
        ("endpoints(app=api) == 1", "expected the name of one service, or nothing for all: labels are not in the journal"),
        ("minions_ready(a=b) == 1", "expected the name of one minion, or nothing for all: labels are not in the journal"),
        ("ready(api) == 5s", "ready is a count: expected a number without unit"),
        ("evicted(api) > utilisation(cpu)", "evicted is a count and utilisation is a ratio: they cannot be compared"),
        ("ready(api, app=api) == 1 at end", None),
        ("evicted(other/side) == 0", None),
    ],
)  # fmt: skip
def test_what_may_be_asked(finished, text, sentence):
    file, _ = finished
    known = known_names(read_checked(file).spec)
    assert [str(each) for each in find_problems(text, known)] == ([] if sentence is None else [sentence])


def written(folder: Path, records: list[tuple], desired: list[tuple[float, float]]) -> ControlSteps:
    """A run of one controller, of records (time, kind, pod, reason) and the number desired over time."""
    columns = ["time_s", "kind", "object", "reason"]
    events = pl.DataFrame(records, schema=columns, orient="row").with_columns(
        value=pl.lit(None, pl.Float64), seq=pl.int_range(len(records)), owner=pl.lit("controller/default/a")
    )
    events.write_parquet(folder / "events.parquet")
    series = pl.DataFrame(
        desired, schema={"time_s": pl.Float64, "value": pl.Float64}, orient="row"
    ).with_columns(series=pl.lit("controller_desired"), object=pl.lit("controller/default/a"))
    series.write_parquet(folder / "series.parquet")
    manifest = {"owners": [{"object": "controller/default/a", "names": ["a"], "labels": {}}]}
    return ControlSteps(
        RunFiles(folder, manifest, True, (), (folder / "events.parquet",), (folder / "series.parquet",))
    )


def test_copies_are_counted_on_machines_and_only_after_evictions(tmp_path):
    steps = written(
        tmp_path,
        [
            (1.0, "pod_started", "p1", None),
            (10.0, "pod_terminating", "p1", EVICTED),  # the minion is cut off: p1 goes on
            (12.0, "pod_started", "p2", None),
            (20.0, "pod_terminating", "p2", EVICTED),  # and the second one too
            (22.0, "pod_started", "p3", None),
            (30.0, "pod_stopped", "p1", "Killing"),
            (31.0, "pod_stopped", "p1", "Killing"),  # said twice
            (32.0, "pod_stopped", "p2", "MinionCrashed"),
            (40.0, "pod_started", "p4", None),  # one too many, but nobody was evicted
            (50.0, "pod_stopped", "p4", "Killing"),
            (60.0, "pod_stopped", "p3", "Killing"),
            (61.0, "pod_terminating", "p3", EVICTED),  # it does not run any more
            (62.0, "pod_started", "p5", None),
        ],
        [(0.0, 1.0)],
    )
    copies = steps.of(MetricTerm("copies", "a", 0, 0))
    times_s = np.array([0.0, 5.0, 11.0, 15.0, 21.0, 25.0, 30.5, 31.5, 35.0, 45.0, 55.0, 60.5, 63.0])
    assert copies.at(times_s).tolist() == [0, 1, 1, 2, 2, 3, 2, 2, 1, 1, 1, 0, 1]
    evicted = steps.of(MetricTerm("evicted", "", 0, 0))
    assert evicted.at(np.array([5.0, 15.0, 70.0])).tolist() == [0, 1, 3]


def test_a_pod_that_was_evicted_first_and_began_later_counts_once_it_runs(tmp_path):
    steps = written(
        tmp_path,
        [
            (1.0, "pod_terminating", "p1", EVICTED),
            (2.0, "pod_started", "p2", None),
            (3.0, "pod_started", "p1", None),  # its kubelet had heard of the pod, not of its end
            (4.0, "pod_stopped", "p1", "Killing"),
        ],
        [(0.0, 1.0)],
    )
    copies = steps.of(MetricTerm("copies", "", 0, 0))
    assert copies.at(np.array([1.5, 2.5, 3.5, 4.5])).tolist() == [0, 1, 2, 1]


def test_what_was_never_written_is_nothing(tmp_path):
    steps = written(tmp_path, [(1.0, "pod_started", "p1", None)], [(0.0, 2.0), (5.0, 3.0)])
    for name, value in (
        ("desired", 3.0),
        ("ready", 0.0),
        ("unavailable", 3.0),
        ("evicted", 0.0),
        ("endpoints", 0.0),
    ):
        assert steps.of(MetricTerm(name, "", 0, 0)).last == value, name
    assert steps.of(MetricTerm("desired", "nobody", 0, 0)).last == 0.0


def test_step_functions_combine_at_every_change_of_any():
    one = Steps(np.array([1.0, 3.0]), np.array([5.0, 1.0]))
    two = Steps(np.array([2.0, 3.0]), np.array([4.0, 2.0]))
    found = combined([one, two], lambda rows: np.maximum(rows[0] - rows[1], 0.0))
    assert found.times_s.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert found.values.tolist() == [0.0, 5.0, 1.0, 0.0]
    assert len(combined([], lambda rows: rows.sum(axis=0))) == 0


@pytest.mark.parametrize("until", ["4m", "8m", "13m1s", "30m"])
def test_every_pod_is_in_one_phase_of_the_record_at_any_end(tmp_path, until):
    text = _SCENARIO.replace("until: 30m", f"until: {until}")
    # Pods that a cut-off minion starts are running in truth and, as nobody hears of it, pending in the record.
    text = text.replace("faults: [", "faults: [{at: 20s, name: hush, cutOff: {minion: web-1}, for: 20m}, ")
    text = text.replace("replicas: 10,", "replicas: 10, start: 19.9s,")
    file = tmp_path / "cut.yaml"
    file.write_text(text)
    (tmp_path / "run").mkdir()
    execute(read_checked(file), tmp_path / "run", interruptible=False)
    summary = build_summary(tmp_path / "run")
    pods = summary["pods"]
    phases = ("pending", "running", "succeeded", "failed", "lost", "withdrawn", "given_up", "deleted")
    assert pods["created"] == sum(pods[phase] for phase in phases)
    assert pods["conserved"]
    assert (pods["pending"] > 0) == (until != "30m")
    assert (pods["deleted"] > 0) == (until == "30m")
    table = run_sections(summary)[0]
    assert dict(zip(table.headings, table.rows[0], strict=True))["deleted"] == str(pods["deleted"])
    assert "NOT" not in table.title
    assert not any(note.startswith("A crash is known") for note in summary["notes"])
    assert any("Kubelets are simplified" in note for note in summary["notes"])
