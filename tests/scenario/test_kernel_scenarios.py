"""The scenarios of shared kernels: what their records, explanations and pictures show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.checking import read_checked
from experiments.explain import explain
from experiments.run import execute
from tests.scenario.test_pictures import Pictured
from tests.support.shipped import FOLDER

_FOLDER = FOLDER / "kernel"


def test_a_restart_is_explained_by_who_took_the_cpu(tmp_path: Path) -> None:
    execute(read_checked(_FOLDER / "noisy-neighbour-none.yaml"), tmp_path, interruptible=False)
    told = explain(tmp_path, "pod/default/shop-0").splitlines()
    place = next(i for i, line in enumerate(told) if "failed its probe (Liveness)" in line)
    why, because, _ = told[place - 2 : place + 1]
    assert "was short of CPU (0.20 of 0." in why
    assert "cores: pod/default/batch-0 takes 3.20)" in why
    job = int(because.split("#")[1].split(",")[0])
    started = next(line for line in told if f"#{job}  " in line)
    assert "pod/default/batch-0, container/job, started" in started


def test_who_is_held_by_its_own_quota_has_nobody_else_to_blame(tmp_path: Path) -> None:
    """64 threads on 0.2 cores: each has a 320th of one, and 5 ms of CPU take it 1.6 s."""
    execute(read_checked(_FOLDER / "throttling-by-a-low-quota.yaml"), tmp_path, interruptible=False)
    told = explain(tmp_path, "pod/default/search-0").splitlines()
    place = next(i for i, line in enumerate(told) if "failed its probe (Liveness)" in line)
    assert "was short of CPU (0.20 of 64.00 cores: its own limit)" in told[place - 2]
    used = next(line for line in told if "had used" in line)
    assert "had used 11.4 s of CPU" in used  # 56.9 s at 0.2 cores


def test_a_restart_is_explained_by_the_pull_that_takes_the_disk(tmp_path: Path) -> None:
    execute(read_checked(_FOLDER / "pull-storm.yaml"), tmp_path, interruptible=False)
    told = explain(tmp_path, "pod/default/db-0").splitlines()
    place = next(i for i, line in enumerate(told) if "failed its probe (Readiness)" in line)
    assert "was short of its disk (66.7 of 90.0 MB a second: pulls write 66.7)" in told[place - 4]
    assert "minion/data-0 was to pull image/ops/job:1 for pod/default/job-0" in told[place - 3]


def test_the_picture_of_disks_shows_what_the_series_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(read_checked(_FOLDER / "pull-storm.yaml"), tmp_path, interruptible=False)
    panel = Pictured(tmp_path, monkeypatch).panel("Disk wanted and got over time", "default/db")
    got = next(line for line in panel.lines if line.get_label() == "got")
    values = [float(value) for value in got.get_ydata()]
    assert any(value == pytest.approx(20 * 200 / 3, rel=1e-6) for value in values)
    assert max(values) == pytest.approx(1800.0)


def test_the_picture_of_cpus_shows_what_the_series_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(read_checked(_FOLDER / "noisy-neighbour-none.yaml"), tmp_path, interruptible=False)
    panel = Pictured(tmp_path, monkeypatch).panel("CPU wanted and got over time", "default/batch")
    series = pl.read_parquet(tmp_path / "series.parquet").with_columns(pl.col(pl.Categorical).cast(pl.String))
    got = series.filter(
        (pl.col("series") == "cpu_used_millicores") & (pl.col("object") == "controller/default/batch")
    )
    highest = max(float(line.get_ydata().max()) for line in panel.lines if line.get_label() == "got")
    assert highest == got["value"].max() / 1000 == 4.0


def test_an_eviction_is_explained_by_the_leak_of_another(tmp_path: Path) -> None:
    execute(read_checked(_FOLDER / "leak-and-evictions.yaml"), tmp_path, interruptible=False)
    gone = pl.read_parquet(tmp_path / "events.parquet").with_columns(pl.col(pl.Categorical).cast(pl.String))
    first = gone.filter(pl.col("kind") == "pod_evicted")["object"][0]
    told = explain(tmp_path, first).splitlines()
    place = next(i for i, line in enumerate(told) if "was evicted, minion/web-1 being low" in line)
    assert "The node was low on resource: memory. Container server was using 700Mi" in told[place]
    assert "was low on memory" in told[place + 1]
    assert "pod/default/leaky-0 leaked, " in told[place + 1]
    assert "pod/default/leaky-0, container/server, started" in told[place + 2]
    assert any("failed on minion/web-1 (Evicted)" in line for line in told[place:])


def test_the_picture_of_memory_shows_what_was_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one minion at one time, by hand: four servers and a leak, and what is left after each eviction."""
    execute(read_checked(_FOLDER / "leak-and-evictions.yaml"), tmp_path, interruptible=False)
    panel = Pictured(tmp_path, monkeypatch).panel("Memory held over time", "web-1")
    (held,) = [line for line in panel.lines if line.get_label() == "held"]
    x, y = (np.asarray(values, dtype=float) for values in held.get_data())
    events = pl.read_parquet(tmp_path / "events.parquet").with_columns(pl.col(pl.Categorical).cast(pl.String))
    began_s = events.filter(
        (pl.col("kind") == "container_started") & (pl.col("object") == "pod/default/leaky-0")
    )["time_s"][0]
    at_s = began_s + 400
    assert np.interp(at_s / 3600, x, y) == pytest.approx((4 * 700 + 300 + 8 * 400) / 1024)
    evicted = events.filter((pl.col("kind") == "pod_evicted") & (pl.col("minion") == "minion/web-1"))
    first_s = evicted["time_s"][0]
    full, left = (np.interp((first_s + d) / 3600, x, y) for d in (-1e-6, 1e-6))
    assert full - left == pytest.approx(700 / 1024, abs=1e-6)
    (marks,) = [line for line in panel.lines if line.get_label() == "pod evicted"]
    assert list(marks.get_xdata()) == pytest.approx([t / 3600 for t in evicted["time_s"]])


def test_the_picture_of_file_pages_has_both_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: 100 times 200 MiB and 20 times 100 are read, 200 and 20 more are there; later only 20 are charged."""
    execute(read_checked(_FOLDER / "page-cache-density.yaml"), tmp_path, interruptible=False)
    pictured = Pictured(tmp_path, monkeypatch)
    whole = pictured.panel("File pages over time", "dense-0: file pages")
    closer = pictured.panel("File pages over time", "dense-0: file pages, closer")
    lines = {line.get_label(): line for panel in (whole, closer) for line in panel.lines}
    last = {label: float(line.get_ydata()[-1]) for label, line in lines.items()}
    assert last["read, as if each had its own"] == pytest.approx((100 * 200 + 20 * 100) / 1024)
    assert last["in memory, each page once"] == pytest.approx(220 / 1024)
    assert last["in memory"] == 220
    assert last["charged to those that run"] == 20
    charged = lines["charged to those that run"]
    x, y = (np.asarray(values, dtype=float) for values in charged.get_data())
    assert [y[np.searchsorted(x, minutes, side="right") - 1] for minutes in (5, 15, 25)] == [200, 220, 20]


def test_a_restart_is_explained_by_the_fork_bomb_beside_it(tmp_path: Path) -> None:
    """Of four cores each of 256 + 6 threads gets 0.015."""
    execute(read_checked(_FOLDER / "fork-bomb-pids.yaml"), tmp_path, interruptible=False)
    told = explain(tmp_path, "pod/default/shop-0").splitlines()
    end = next(line for line in told if "ended with exit code" in line)
    assert "restarted: liveness timed out: 0.02 of 0." in end
    assert end.endswith("cores: fork bomb in pod/default/batch-0")


def test_the_picture_of_processes_shows_how_a_bomb_takes_minions_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(read_checked(_FOLDER / "pid-exhaustion.yaml"), tmp_path, interruptible=False)
    pictured = Pictured(tmp_path, monkeypatch)
    for minion in ("web-0", "web-1"):
        panel = pictured.panel("Processes over time", minion)
        (line,) = [each for each in panel.lines if each.get_label() == "processes of containers"]
        assert 32_000 < line.get_ydata().max() < 32_767
        assert {each.get_label() for each in panel.patches} == {"no process can be started", "not ready"}
    told = explain(tmp_path, "pod/default/canary-0")
    assert "was refused a process, having 0 (EAGAIN: FailedCreatePodSandBox)" in told
    assert "fork bomb in pod/default/batch-0" in told
