"""Where the time goes from a fault to its pods' replacement, held against the constants and against the records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from experiments.checking import read_checked
from experiments.controlplots import draw_controllers, draw_replacement
from experiments.controlsteps import controller_steps
from experiments.journalfiles import open_run
from experiments.replacement import LISTED, STAGES, sample
from experiments.run import execute
from experiments.steps import NOTHING, Steps
from experiments.tables import run_sections

_TEXT = """apiVersion: wavetank/v1
name: replaced
until: 20m
cluster: {minions: [{name: web, count: 5, cpu: 8, memory: 32Gi}]}
controllers:
  - {name: api, replicas: 10, pod: {cpu: 1, tolerationSeconds: 60s}}
  - {name: side, namespace: other, replicas: 2, pod: {cpu: 1}}
kubelet: {start: 3s}
policy: {scheduler: worst-fit}
faults: [FAULT]
"""


def records(folder: Path) -> pl.DataFrame:
    events = pl.read_parquet(folder / "run" / "events.parquet")
    return events.with_columns(pl.col(pl.Categorical).cast(pl.String))


def run(folder: Path, fault: str) -> dict[str, Any]:
    file = folder / "replaced.yaml"
    file.write_text(_TEXT.replace("FAULT", fault))
    (folder / "run").mkdir()
    return execute(read_checked(file), folder / "run", interruptible=False).summary


@pytest.mark.parametrize("fault", ["crash", "cutOff"])
def test_the_stages_of_a_replacement_add_up_and_are_the_constants(tmp_path: Path, fault: str) -> None:
    summary = run(tmp_path, f"{{at: 5m, name: gone, {fault}: {{minion: web-0}}}}")
    found = summary["replacement"]
    events = records(tmp_path)
    lost = events.filter((pl.col("kind") == "pod_bound") & (pl.col("minion") == "minion/web-0"))
    count = lost.filter(pl.col("time_s") < 300).height
    assert found["lost"] == found["replaced"] == count > 1
    means = {stage: found[f"{stage}_s"]["mean"] for stage in (*STAGES, "whole")}
    assert sum(means[stage] for stage in STAGES) == pytest.approx(means["whole"])
    assert 30 <= means["notice"] <= 46  # 40 s from the last renewal, looked at every 5 s
    assert 0 <= means["wait"] <= 11  # a queue of one minion in 10 s
    mine = lost.filter(pl.col("time_s") < 300)["owner"].to_list()
    tolerated = [60.0 if owner == "controller/default/api" else 300.0 for owner in mine]
    assert means["evict"] == pytest.approx(sum(tolerated) / count, abs=0.5)
    assert means["create"] < 1
    assert means["place"] < 1
    assert means["start"] == pytest.approx(3.0, abs=0.1)
    ready = events.filter((pl.col("kind") == "pod_ready") & (pl.col("time_s") > 300))
    assert found["whole_s"]["max"] == pytest.approx(max(ready["time_s"].to_list()) - 300.0)


def test_controllers_in_figures(tmp_path: Path) -> None:
    summary = run(tmp_path, "{at: 5m, name: gone, crash: {minion: web-0}}")
    assert set(summary["controllers"]) == {"api", "other/side"}
    figures = summary["controllers"]["api"]
    assert (figures["desired"], figures["live"], figures["ready"]) == (10, 10, 10)
    assert sum(each["evicted"] for each in summary["controllers"].values()) == summary["replacement"]["lost"]
    titles = {section.title: section for section in run_sections(summary)}
    assert titles["Controllers at the end, and over time"].rows[0][:4] == ("api", "10", "10", "10")
    assert titles["Controllers at the end, and over time"].rows[1][0] == "other/side"


def test_of_many_controllers_the_table_shows_those_that_lacked_most(tmp_path: Path) -> None:
    summary = run(tmp_path, "{at: 5m, name: gone, crash: {minion: web-0}}")
    figures = summary["controllers"]["api"]
    summary["controllers"] = {f"c-{n}": {**figures, "mean_unavailable": float(n)} for n in range(40)}
    found = next(each for each in run_sections(summary) if each.title.startswith("Controllers"))
    assert found.title == "Controllers at the end, and over time: of 40 those that lacked most"
    assert [row[0] for row in found.rows] == [f"c-{n}" for n in range(39, 15, -1)]


def test_what_a_controller_lacked_over_time_is_the_integral_of_its_series(tmp_path: Path) -> None:
    figures = run(tmp_path, "{at: 5m, name: gone, crash: {minion: web-0}}")["controllers"]["api"]
    series = pl.read_parquet(tmp_path / "run" / "series.parquet").with_columns(
        pl.col(pl.Categorical).cast(pl.String)
    )
    mine = series.filter(pl.col("object") == "controller/default/api")
    ready, desired = (
        mine.filter(pl.col("series") == f"controller_{word}").select("time_s", "value").rows()
        for word in ("ready", "desired")
    )
    assert [value for _, value in desired] == [10.0]
    from_s = desired[0][0]
    lacking_s = 10 * (ready[0][0] - from_s)  # none is ready until the first point
    for (time_s, value), (next_s, _) in zip(ready, [*ready[1:], (1200.0, 0.0)], strict=True):
        lacking_s += (10 - value) * (next_s - time_s)
    assert lacking_s > 60  # a minute's toleration of one pod at least
    assert figures["unavailability_ratio"] == pytest.approx(lacking_s / (10 * (1200 - from_s)))
    assert figures["mean_unavailable"] == pytest.approx(lacking_s / 1200)


def test_a_taint_on_a_minion_that_is_well_is_no_silence(tmp_path: Path) -> None:
    summary = run(tmp_path, "{at: 5m, name: taint, taint: {minion: web-0, key: repair}}")
    found = summary["replacement"]
    assert found["lost"] == sum(each["evicted"] for each in summary["controllers"].values()) > 0
    assert found["notice_s"]["max"] == found["wait_s"]["max"] == 0
    assert 0 < found["evict_s"]["max"] < 1  # nobody tolerates it
    assert found["start_s"]["median"] == pytest.approx(3.0, abs=0.1)


def test_by_fault(tmp_path: Path) -> None:
    kill = "{at: 2m, name: deletion, kill: {pods: api, count: 3}}"
    crash = "{at: 5m, name: gone, crash: {minion: web-0}, repair: 5m}"
    again = "{at: 12m, name: again, kill: {pods: api, count: 3}}"  # new ones go where there is room: to web-0
    taint = "{at: 15m, name: taint, taint: {minion: web-0, key: repair}}"
    summary = run(tmp_path, f"{kill}, {crash}, {again}, {taint}")
    found = summary["replacement"]
    events = records(tmp_path).filter(pl.col("kind") == "pod_terminating")
    by_name = {each["name"]: each for each in found["faults"]}
    assert list(by_name) == ["deletion", "gone", "again", "taint"]
    for name, from_s, to_s in (
        ("deletion", 100, 200),
        ("gone", 300, 700),
        ("again", 710, 800),
        ("taint", 900, 999),
    ):
        assert by_name[name]["lost"] == events.filter(pl.col("time_s").is_between(from_s, to_s)).height > 0
    assert by_name["deletion"]["lost"] == 3
    assert by_name["deletion"]["notice_s"]["max"] == by_name["deletion"]["evict_s"]["max"] == 0
    assert 3 < by_name["deletion"]["whole_s"]["max"] < 4
    assert by_name["gone"]["notice_s"]["median"] > 30
    # The minion is back and well when it is tainted: that is no silence any more.
    assert by_name["taint"]["notice_s"]["max"] == 0
    assert found["lost"] == sum(each["lost"] for each in found["faults"])
    wholes = [sum(row) for row in found["listed"]]
    assert wholes == sorted(wholes)
    assert max(wholes) == pytest.approx(found["whole_s"]["max"])
    titles = [section.rows for section in run_sections(summary) if section.title.startswith("Replacement of")]
    assert [row[0] for row in titles[0]][:4] == ["all, mean", "all, median", "all, max", "deletion, mean"]


def test_a_death_while_the_master_is_away_is_noticed_from_the_death_on(tmp_path: Path) -> None:
    outage = "{at: 4m, name: away, outage: {of: master}, for: 3m}"
    found = run(tmp_path, f"{outage}, {{at: 5m, name: gone, crash: {{minion: web-0}}}}")["replacement"]
    assert [each["name"] for each in found["faults"]] == ["gone"]
    assert found["notice_s"]["median"] > 120 + 30  # two minutes of the outage, and then the grace


def test_of_many_replacements_an_even_sample_is_listed() -> None:
    rows = [np.array([0.0, 0, 0, 0, 0, float(number)]) for number in range(1000)]
    listed = [row[-1] for row in sample(rows)]
    assert len(listed) == LISTED
    assert (listed[0], listed[-1]) == (0.0, 999.0)
    steps = np.diff(listed)
    assert steps.min() >= 4
    assert steps.max() <= 5
    assert sample([]) == []


def test_pictures_of_a_run_without_controllers_are_none() -> None:
    assert draw_controllers({}, [], 60.0) is None
    assert draw_replacement(None) is None
    assert draw_replacement({"lost": 1, "replaced": 0, "faults": [], "listed": []}) is None


@pytest.mark.parametrize(
    ("lacking", "top", "is_cut"),
    [
        ([0, 100, 40, 0, 7, 0], 7, True),  # at the start all is lacking, which would hide the rest
        ([0, 100, 40, 0, 120, 0], 120, False),
        ([0, 100, 40, 30, 35, 30], 100, False),  # it was never complete: there is no end of the start
        ([0, 100, 0], 100, False),
    ],
)
def test_the_start_is_cut_off_where_it_would_hide_the_rest(
    lacking: list[int], top: int, is_cut: bool
) -> None:
    times_s = np.arange(len(lacking), dtype=float)
    wanted = Steps(np.zeros(1), np.array([100.0]))
    missing = Steps(times_s, np.array(lacking, dtype=float))
    ready = Steps(times_s, 100.0 - missing.values)
    of = {"desired": wanted, "ready": ready, "live": ready, "unavailable": missing}
    of |= {"evicted": NOTHING, "restarts": NOTHING}
    figure = draw_controllers({"api": of}, [], 10.0)
    assert figure is not None
    axes = figure.axes[1]
    assert axes.get_ylim() == pytest.approx((0, 1.4 * top))
    assert ("cut off" in axes.get_title("left")) is is_cut


def test_the_pictures_show_the_figures(tmp_path: Path) -> None:
    kill = "{at: 2m, name: deletion, kill: {pods: api, count: 3}}"
    summary = run(tmp_path, f"{kill}, {{at: 5m, name: gone, crash: {{minion: web-0}}}}")
    found = summary["replacement"]
    figure = draw_replacement(found)
    assert figure is not None
    means, single = figure.axes
    by_name = {each["name"]: each for each in found["faults"]}
    names = [label.get_text() for label in means.get_yticklabels()]
    assert names == ["gone", "deletion"]  # the slowest on top
    for stage, bars in zip(STAGES, means.containers, strict=True):
        expected = [by_name[name][f"{stage}_s"]["mean"] for name in names]
        minutes = 60.0 if found["whole_s"]["max"] >= 120 else 1.0
        assert [bar.get_width() * minutes for bar in bars] == pytest.approx(expected)
    tops = single.patches[-1].get_data().values  # type: ignore[attr-defined]
    assert list(tops * minutes) == pytest.approx([sum(row) for row in found["listed"]])
    curves = controller_steps(open_run(tmp_path / "run"))
    figure = draw_controllers(curves, summary["faults"]["listed"], summary["end_s"])
    assert figure is not None
    have, lack, counted = figure.axes
    evicted = sum(each["evicted"] for each in summary["controllers"].values())
    assert [line.get_ydata()[-1] for line in counted.lines if line.get_label() == "evicted"] == [evicted]  # type: ignore[index]
    ready = next(line for line in have.lines if line.get_label() == "ready")
    assert ready.get_ydata()[-1] == 12  # type: ignore[index]
    labels = [line.get_label() for line in lack.lines]
    assert "api" in labels
    assert "other/side" in labels
    assert {text.get_text().strip() for text in have.texts} == {"deletion", "gone"}


def test_a_pod_that_was_released_is_not_what_was_lost(tmp_path: Path) -> None:
    """An operator takes six pods away from their controller, whose client is slow, and one of another kind dies."""
    slow = "master: {clients: {replication: {qps: 1, burst: 1}}}\nfaults:"
    text = _TEXT.replace("faults:", slow)
    relabel = "{at: 5m, name: taken, relabel: {pods: api, count: 6, labels: {app: debug}}}"
    kill = "{at: 301s, name: killed, kill: {pods: app=api, count: 2}}"
    file = tmp_path / "replaced.yaml"
    file.write_text(text.replace("FAULT", f"{relabel}, {kill}"))
    (tmp_path / "run").mkdir()
    summary = execute(read_checked(file), tmp_path / "run", interruptible=False).summary
    events = records(tmp_path)
    created = events.filter((pl.col("kind") == "pod_created") & (pl.col("time_s") > 300))["time_s"].to_list()
    assert len(created) == 8
    owned = events.filter((pl.col("kind") == "pod_owned") & (pl.col("time_s") > 300))
    ended = events.filter((pl.col("kind") == "pod_terminating") & (pl.col("time_s") > 300))
    moves = sorted([*((seq, "released") for seq in owned["seq"]), *((seq, "killed") for seq in ended["seq"])])
    places = [place for place, (_, what) in enumerate(moves) if what == "killed"]
    assert len(moves) == 8
    expected = [created[place] - time_s for place, time_s in zip(places, ended["time_s"], strict=True)]
    assert summary["replacement"]["lost"] == 2
    assert summary["replacement"]["create_s"]["mean"] == pytest.approx(sum(expected) / 2)
