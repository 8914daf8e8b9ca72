"""Figures, tables and lines of memory, of a run of which every moment can be worked out on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.filefigures import cached_files, file_figures, found_cached
from experiments.journalfiles import RunFiles, open_run
from experiments.memoryfigures import corners, held_memory, memory_figures
from experiments.run import execute
from experiments.summary import build_summary
from experiments.sweepmetrics import metrics_of
from experiments.tables import run_sections
from models.api.loading import read_scenario_text
from models.catalog import vocabulary
from sim.engine import OBSERVER
from tests.support.worlds import records, world_of

MIB = 2**20
_TEXT = """apiVersion: wavetank/v1
name: held
until: 1000s
cluster:
  minions:
    - {name: m, count: 2, cpu: 4, memory: 4Gi, reserved: {memory: 96Mi}}
master: {timing: kubernetes, watchLag: 0s, apiLatency: 1ms}
kubelet: {start: 1s, ready: 0s}
policy: {scheduler: first-fit}
controllers:
  - name: steady
    replicas: 2
    pod:
      containers: [{name: app, image: web, cpu: 100m, memory: 300Mi, uses: {memory: 300Mi, reads: 64Mi}}]
  - name: capped
    replicas: 1
    pod:
      minions: m-1
      containers:
        - {name: app, memory: 100Mi, limits: {memory: 200Mi}, uses: {memory: 100Mi, leak: 1Mi/s}}
  - name: leaky
    replicas: 1
    start: 9s
    pod:
      minions: m-0
      containers: [{name: app, memory: 100Mi, uses: {memory: 200Mi, leak: 8Mi/s}}]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    folder: Path = tmp_path_factory.mktemp("held")
    execute(read_scenario_text(_TEXT, vocabulary=vocabulary()), folder, interruptible=False)
    return open_run(folder)


def test_counts_by_owner_and_in_all(run: RunFiles) -> None:
    found = memory_figures(run)
    assert found is not None
    none = {"evicted": 0, "killed_by_limit": 0, "killed_by_minion": 0}
    # 3,200 MiB above what the steady hold, less 100: (3,100 + 100 - 200) / 8 s are 387.5 s to the threshold, twice in 1,000.
    assert found["owners"]["controller/default/leaky"] == {**none, "evicted": 2}
    killed = found["owners"]["controller/default/capped"]["killed_by_limit"]
    assert found["owners"]["controller/default/capped"] == {**none, "killed_by_limit": killed}
    # 100 s a life and waits of 0, 10, 20, 40, 80, 160 s between: 6 ends by 710 s, and the next at 810 + 160.
    assert killed == 6
    assert found["owners"]["controller/default/steady"] == none
    assert {word: found["total"][word] for word in none} == {
        "evicted": 2, "killed_by_limit": 6, "killed_by_minion": 0
    }  # fmt: skip
    # The file pages that were touched twice count as used: 64 MiB.
    assert (4000 - 100 - 64) / 4000 <= found["total"]["most_ratio"] <= (4000 - 100 - 64 + 80) / 4000


def test_the_line_of_each_minion(run: RunFiles) -> None:
    first, second = held_memory(run)
    assert (first.minion, second.minion) == ("m-0", "m-1")
    assert first.free_bytes == 4000 * MIB
    at_s = np.array([5.0, 110.0, 310.0])
    held = np.interp(at_s, first.times_s, first.held_bytes) / MIB
    began_s = 10.0  # and some milliseconds
    assert held == pytest.approx([600, 800 + 8 * (110 - began_s), 800 + 8 * (310 - began_s)], abs=0.5)
    assert (len(first.evicted_s), len(first.killed_s)) == (2, 0)
    assert (len(second.evicted_s), len(second.killed_s)) == (0, 6)
    assert second.held_bytes.max() == pytest.approx(200 * MIB)
    assert np.diff(first.times_s).min() == 0


def test_both_views_of_files(run: RunFiles) -> None:
    found = file_figures(run)
    assert found is not None
    assert found["owners"] == {
        "controller/default/steady": {
            "touched_bytes": 128 * MIB, "charged_bytes": 64 * MIB, "found_ratio": 0.5
        }
    }  # fmt: skip
    assert found["total"]["cached_most_bytes"] == 64 * MIB
    assert found["total"]["touched_most_bytes"] == 128 * MIB
    assert found_cached(run, None) == 0.5
    assert found_cached(run, ["controller/default/leaky"]) == 0.0
    (cache,) = cached_files(run)
    assert (cache.touched.last, cache.charged.last, cache.cached.last) == (128 * MIB, 64 * MIB, 64 * MIB)


def test_the_table_the_sweep_and_the_summary_say_the_same(run: RunFiles) -> None:
    summary: dict[str, Any] = build_summary(run.folder)
    rows = {
        row[0]: row[1:]
        for section in run_sections(summary)
        if section.title.startswith("Memory")
        for row in section.rows
    }
    assert rows == {
        "default/capped": ("0", "6", "0"),
        "default/leaky": ("2", "0", "0"),
        "default/steady": ("0", "0", "0"),
        "all": ("2", "6", "0"),
    }
    (files,) = [each for each in run_sections(summary) if each.title.startswith("File pages")]
    assert files.title.endswith("at most 64 MiB of a minion, for 128 MiB read")
    assert files.rows == (("default/steady", "128 MiB", "64 MiB", "50.0%"),)
    found = metrics_of(summary)
    assert (found["kernel evictions"], found["OOM kills by limits"], found["OOM kills of full minions"]) == (
        2,
        6,
        0,
    )
    assert found["file pages found cached"] == 0.5


def test_who_says_nothing_has_no_figures(tmp_path: Path) -> None:
    text = _TEXT[: _TEXT.index("controllers:")] + "workloads: []\n"
    execute(read_scenario_text(text, vocabulary=vocabulary()), tmp_path, interruptible=False)
    found = open_run(tmp_path)
    assert memory_figures(found) is None
    assert file_figures(found) is None
    assert held_memory(found) == []


_MANY = """
until: 300s
cluster: {minions: [{name: m, count: 1, cpu: 4, memory: 2Gi}]}
master: {timing: kubernetes, watchLag: 0s, apiLatency: 1ms}
faults: [{name: k, at: 77s, kill: {pods: leaky, mode: kill}}]
controllers:
  - {name: leaky, replicas: 2, pod: {containers: [{name: a, memory: 10Mi, uses: {memory: 100Mi, leak: 7Mi/s, most: 700Mi}}]}}
  - {name: child, replicas: 1, pod: {containers: [{name: a, memory: 10Mi, limits: {memory: 300Mi}, uses: {memory: 100Mi, leak: 3Mi/s, process: child}}]}}
  - name: bomb
    replicas: 1
    pod: {containers: [{name: a, cpu: 100m, memory: 10Mi, uses: {memory: 20Mi, forks: {perCpuSecond: 20, after: 50s, memory: 300Ki}}}]}
"""


def test_the_records_say_what_was_held_at_every_time_whoever_held_it() -> None:
    """Leaks, kills, evictions, a child and a fork bomb: looked at while they run, and read from the records after."""
    world = world_of(_MANY)
    seen: list[tuple[float, float]] = []

    def look() -> None:
        now_s = world.engine.now_s
        seen.append((now_s, sum(task.at(now_s) for task in world.machines.memories.tasks(0))))

    for step in range(1, 1200):
        world.engine.at(step / 4 + 0.113, OBSERVER, look)
    world.run()
    assert records(world, "fork_bomb_grew")
    assert records(world, "pod_evicted", "container_out_of_memory")
    rows = [
        (row["time_s"], row["value"], row["container_held_since_s"], row["container_held_first_bytes"],
         row["container_held_grows_per_s"])
        for row in records(world, "container_held")
    ]  # fmt: skip
    times_s, held = corners(np.array(rows), 300.0)
    at_s, expected = np.array(seen).T
    assert np.interp(at_s, times_s, held) == pytest.approx(expected, rel=1e-9, abs=1.0)
    assert expected.max() > 1.9e9
