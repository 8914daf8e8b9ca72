"""What the reports' pictures show, against numbers computed anew from the records alone."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from experiments import report
from experiments.checking import read_checked
from experiments.plots import NAMED_FAULTS, fault_bands
from experiments.run import execute
from experiments.sweep import Design, open_sweep, read_results, run_sweep

_TEXT = """apiVersion: wavetank/v1
name: pictured
seed: 3
until: 2d
cluster:
  minions:
    - {name: a, count: 8, cpu: 8, memory: 32Gi, gpu: {count: 2}}
    - {name: b, count: 4, cpu: 16, memory: 16Gi}
workloads:
  - name: batch
    arrivals: {poisson: {rate: 20/h}}
    pod: {cpu: 3, memory: 4Gi}
    duration: {exponential: {mean: 2h}}
    withdrawAfter: 2h
  - name: gpus
    arrivals: {poisson: {rate: 4/h}}
    pod: {cpu: 1, memory: 2Gi, gpu: 1}
    duration: {exponential: {mean: 4h}}
    ends: Failed
    giveUpAfter: 0s
policy: {scheduler: worst-fit}
faults:
  - {name: a-1-dies, at: 20h, crash: {minion: a-1}, repair: 6h}
  - {name: b-2-dies, at: 30h, crash: {minion: b-2}}
"""
_HOUR = 3600.0
_GIB = 1 << 30
_ENDINGS = ("succeeded", "failed", "lost", "withdrawn", "given_up")


class Pictured:
    """The figures of a report, by the heading that each stands under, and the folder's records."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        figures: list[Figure] = []
        headings: list[str] = []

        def drawn(figure: Figure) -> str:
            figures.append(figure)
            return "data:image/svg+xml;base64,"

        def pictured(title: str, caption: str, alt: str, uri: str) -> Any:
            headings.append(title)
            return real(title, caption, alt, uri)

        real = report.Picture
        with monkeypatch.context() as patch:
            patch.setattr(report, "data_uri", drawn)
            patch.setattr(report, "Picture", pictured)
            is_sweep = (folder / "design.json").is_file()
            report.write_sweep_report(folder) if is_sweep else report.write_report(folder)
        self.figures = dict(zip(headings, figures, strict=True))

    def panel(self, heading: str, title: str) -> Axes:
        return next(axes for axes in self.figures[heading].axes if axes.get_title("left") == title)


def _records(folder: Path) -> pl.DataFrame:
    frame = pl.read_parquet(folder / "events.parquet")
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))


def _shown(axes: Axes, time: float, label: str | None = None) -> float:
    """What a panel's curve is at a time, in the axes' own units; a curve holds until its next point."""
    line = next(line for line in axes.lines if label is None or line.get_label() == label)
    times, values = (np.asarray(line.get_data()[i], dtype=float) for i in (0, 1))
    return float(values[np.searchsorted(times, time, side="right") - 1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("pictured")
    (base / "pictured.yaml").write_text(_TEXT)
    run = base / "run"
    run.mkdir()
    execute(read_checked(base / "pictured.yaml"), run)
    return run


@pytest.fixture
def pictured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Pictured:
    return Pictured(folder, monkeypatch)


def _alive(records: pl.DataFrame, since: str, time_s: float) -> pl.DataFrame:
    """Pods with a record ``since`` and without an ending at a time: their creation and their minion."""
    past = records.filter(pl.col("time_s") <= time_s)
    over = past.filter(pl.col("kind").is_in([f"pod_{word}" for word in _ENDINGS]))["object"]
    begun = past.filter((pl.col("kind") == since) & ~pl.col("object").is_in(over.implode()))
    created = past.filter(pl.col("kind") == "pod_created").drop("minion")
    return created.join(begun.select("object", "minion"), on="object")


@pytest.mark.parametrize("hour", [0.5, 13.0, 22.0, 41.5])
def test_pods_by_phase(folder: Path, pictured: Pictured, hour: float) -> None:
    records, time_s = _records(folder), hour * _HOUR
    running = _alive(records, "pod_started", time_s)
    pending = _alive(records, "pod_created", time_s).height - running.height
    assert _shown(pictured.panel("Pods over time", "pods running"), hour) == running.height
    assert _shown(pictured.panel("Pods over time", "pods pending"), hour) == pending
    past = records.filter(pl.col("time_s") <= time_s)
    ended = {word: past.filter(pl.col("kind") == f"pod_{word}").height for word in _ENDINGS}
    assert _shown(pictured.panel("Pods over time", "pods succeeded so far"), hour) == ended["succeeded"]
    others = pictured.panel("Pods over time", "pods failed or lost or withdrawn or given up so far")
    for word in _ENDINGS[1:]:
        assert _shown(others, hour, word.replace("_", " ")) == ended[word]
    crashed, repaired = (past.filter(pl.col("kind") == f"minion_{w}").height for w in ("crashed", "repaired"))
    assert _shown(pictured.panel("Pods over time", "minions ready"), hour) == 12 - crashed + repaired


def test_every_ending_happens_in_the_run_that_is_pictured(folder: Path) -> None:
    kinds = _records(folder)["kind"].value_counts()
    counts = dict(zip(kinds["kind"], kinds["count"], strict=True))
    assert all(counts[f"pod_{word}"] > 2 for word in _ENDINGS)


def test_faults_are_bands_from_their_beginning_to_their_end(folder: Path, pictured: Pictured) -> None:
    began = _records(folder).filter(pl.col("kind") == "fault_began")
    ended = _records(folder).filter(pl.col("kind") == "fault_ended")
    assert began["object"].to_list() == ["fault/a-1-dies", "fault/b-2-dies"]
    over = dict(zip(ended["object"], ended["time_s"], strict=True))
    for axes in pictured.figures["Pods over time"].axes:
        bands = [band.get_extents().transformed(axes.transData.inverted()) for band in axes.patches]
        assert [round(band.x0, 6) for band in bands] == [t / _HOUR for t in began["time_s"]]
        ends = [over.get(name, 48 * _HOUR) / _HOUR for name in began["object"]]
        assert [round(band.x1, 6) for band in bands] == ends
    named = {text.get_text().strip() for text in pictured.panel("Pods over time", "pods running").texts}
    assert named == {"a-1-dies", "b-2-dies"}


def test_many_faults_are_strokes_where_they_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _TEXT.split("faults:", maxsplit=1)[0] + (
        "faults: [{name: wear, crash: {minions: all}, timeToFailure: {exponential: {mean: 1d}}, repair: 1h}]\n"
    )
    (tmp_path / "many.yaml").write_text(text)
    run = tmp_path / "run"
    run.mkdir()
    execute(read_checked(tmp_path / "many.yaml"), run)
    began = _records(run).filter(pl.col("kind") == "fault_began")["time_s"]
    assert len(began) > NAMED_FAULTS
    axes = Pictured(run, monkeypatch).panel("Pods over time", "pods running")
    strokes = next(line for line in axes.lines if line.get_marker() == "|")
    assert np.allclose(strokes.get_xdata(), began / _HOUR)


@pytest.mark.parametrize("hour", [5.0, 13.0, 22.0, 41.5])
def test_requested_stranded_and_allocatable(folder: Path, pictured: Pictured, hour: float) -> None:
    records, time_s = _records(folder), hour * _HOUR
    held = _alive(records, "pod_bound", time_s)
    past = records.filter(pl.col("time_s") <= time_s)
    up = past.filter(pl.col("kind").is_in(["minion_registered", "minion_crashed", "minion_repaired"]))
    last = dict(zip(up["object"], up["kind"], strict=True))
    ready = [name for name, kind in last.items() if kind != "minion_crashed"]
    assert len(ready) == {5.0: 12, 13.0: 12, 22.0: 11, 41.5: 11}[hour]
    totals = {name: np.zeros(3) for name in ("allocatable", "requested", "stranded")}
    templates = [np.array([3000, 4 * _GIB, 0]), np.array([1000, 2 * _GIB, 1000])]
    for name in ready:
        here = held.filter(pl.col("minion") == name)
        requested = np.array(
            [
                here[f"pod_created_{word}"].fill_null(0).sum()
                for word in ("cpu_millicores", "memory_bytes", "gpu_milli")
            ]
        )
        whole = np.array(
            [8000, 32 * _GIB, 2000] if name.startswith("minion/a-") else [16000, 16 * _GIB, 0], dtype=float
        )
        totals["requested"] += requested
        totals["allocatable"] += whole
        if not any((whole - requested >= need).all() for need in templates):
            totals["stranded"] += whole - requested
    for place, (word, unit) in enumerate([("cpu", 1000), ("memory", _GIB), ("gpu", 1000)]):
        axes = pictured.panel("Requested, stranded and allocatable over time", word)
        labels = {line.get_label() for line in axes.lines}
        for name, amounts in totals.items():
            shown = _shown(axes, hour, name) if name in labels else 0.0
            assert shown == pytest.approx(amounts[place] / unit), (word, name)


@pytest.mark.parametrize("hour", [5.0, 13.0, 22.0, 32.5, 41.5])
def test_free_and_waited_for(folder: Path, pictured: Pictured, hour: float) -> None:
    records, time_s = _records(folder), hour * _HOUR
    waits = _alive(records, "pod_created", time_s).height - _alive(records, "pod_bound", time_s).height
    heading = next(each for each in pictured.figures if each.startswith("Free and waited for over time"))
    above = pictured.panel(heading, "waited for, and free")
    usage = pictured.panel("Requested, stranded and allocatable over time", heading.rsplit(" ", 1)[1])
    free = _shown(usage, hour, "allocatable") - _shown(usage, hour, "requested")
    assert _shown(above, hour, "free") == pytest.approx(free)
    wanted = _shown(above, hour, "waited for")
    assert (wanted > 0) == (waits > 0)
    below = pictured.panel(heading, "free though waited for: the lesser of the two")
    assert _shown(below, hour) == pytest.approx(min(free, wanted))


def test_something_is_stranded_in_the_run_that_is_pictured(pictured: Pictured) -> None:
    axes = pictured.panel("Requested, stranded and allocatable over time", "memory")
    assert max(next(line for line in axes.lines if line.get_label() == "stranded").get_ydata()) > 0


def test_allocation_per_minion(folder: Path, pictured: Pictured) -> None:
    records, end_s = _records(folder), 48 * _HOUR
    down_s = {"minion/a-1": 6 * _HOUR, "minion/b-2": 18 * _HOUR}
    endings = records.filter(pl.col("kind").is_in([f"pod_{word}" for word in _ENDINGS]))
    over = dict(zip(endings["object"], endings["time_s"], strict=True))
    created = {row["object"]: row for row in records.filter(pl.col("kind") == "pod_created").to_dicts()}
    names = records.filter(pl.col("kind") == "minion_registered")["object"].to_list()
    for column, word, unit, whole in (
        ("cpu_millicores", "cpu", 1000, {"a": 8, "b": 16}),
        ("memory_bytes", "memory", _GIB, {"a": 32, "b": 16}),
        ("gpu_milli", "gpu", 1000, {"a": 2}),
    ):
        held = dict.fromkeys(names, 0.0)
        for row in records.filter(pl.col("kind") == "pod_bound").iter_rows(named=True):
            amount = created[row["object"]][f"pod_created_{column}"] or 0
            held[row["minion"]] += amount / unit * (over.get(row["object"], end_s) - row["time_s"])
        shares = [
            held[name] / (whole[name[7]] * (end_s - down_s.get(name, 0.0)))
            for name in names
            if name[7] in whole
        ]
        drawn = pictured.panel("Allocation per minion", word).patches[0].get_data().values
        assert np.allclose(drawn, sorted(shares, reverse=True), atol=2e-6), word


def test_the_same_resource_has_the_same_colour_in_every_picture(pictured: Pictured) -> None:
    seen = set()
    for word in ("cpu", "memory", "gpu"):
        usage = pictured.panel("Requested, stranded and allocatable over time", word)
        line = next(line for line in usage.lines if line.get_label() == "requested")
        allocation = pictured.panel("Allocation per minion", word)
        assert allocation.patches[1].get_edgecolor()[:3] == pytest.approx(_rgb(line.get_color()))
        seen.add(line.get_color())
    assert len(seen) == 3


def _rgb(colour: Any) -> tuple[float, float, float]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def _mean_wait_s(run: Path) -> float:
    """Mean time from creation until bound, withdrawn, given up or the end, from the records."""
    records = _records(run)
    created = records.filter(pl.col("kind") == "pod_created").select("object", "time_s")
    left = records.filter(pl.col("kind").is_in(["pod_bound", "pod_withdrawn", "pod_given_up"]))
    left = left.group_by("object").agg(pl.col("time_s").min().alias("left_s"))
    end_s = records.filter(pl.col("kind") == "run_ended")["time_s"].item()
    waits = created.join(left, on="object", how="left")
    return float((waits["left_s"].fill_null(end_s) - waits["time_s"]).mean())  # type: ignore[arg-type, operator]


def test_intervals_of_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictured.yaml").write_text(_TEXT)
    sets = ["policy.scheduler=best-fit,worst-fit"]
    design = Design.of(tmp_path / "pictured.yaml", "pictured", sets, seeds=4, first_seed=1)
    folder = open_sweep(design, tmp_path / "sweeps")
    run_sweep(design, folder, 1)
    _, frame = read_results(folder)
    waits: dict[str, dict[int, float]] = {}
    for row in frame.iter_rows(named=True):
        case = json.loads(row["policy.scheduler"])
        waits.setdefault(case, {})[row["seed"]] = _mean_wait_s(folder / "runs" / row["key"])
    means, differences = Pictured(folder, monkeypatch).figures["mean wait (s)"].axes
    samples = [list(waits["best-fit"].values()), list(waits["worst-fit"].values())]
    paired = [waits["best-fit"][seed] - waits["worst-fit"][seed] for seed in waits["best-fit"]]
    for axes, expected in ((means, samples), (differences, [paired])):
        bars = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linewidth() > 2]
        dots = [line for line in axes.lines if line.get_marker() == "o"]
        for bar, dot, sample in zip(bars, dots, expected, strict=True):
            low, high = stats.t.interval(0.95, 3, np.mean(sample), stats.sem(sample))
            assert not math.isclose(low, high)
            assert dot.get_xdata()[0] == pytest.approx(np.mean(sample))
            assert list(bar.get_xdata()) == pytest.approx([low, high])


def test_a_fault_of_several_minions_is_one_band_until_the_last_is_over() -> None:
    def one(name: str, began_s: float, ended_s: float | None) -> dict[str, Any]:
        return {"name": name, "began_s": began_s, "ended_s": ended_s}

    faults = [one("rack", 1, 5), one("rack", 1, 9), one("a", 2, 3), one("rack", 20, None), one("a", 2, 2.5)]
    assert fault_bands(faults, 30) == [("rack", 1, 9), ("a", 2, 3), ("rack", 20, 30)]
