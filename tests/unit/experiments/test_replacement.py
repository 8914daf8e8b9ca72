"""Where the time goes from a minion's silence to its pods' replacement, held against the constants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from experiments.checking import read_checked
from experiments.replacement import STAGES
from experiments.run import execute
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


def run(folder: Path, fault: str) -> dict[str, Any]:
    file = folder / "replaced.yaml"
    file.write_text(_TEXT.replace("FAULT", fault))
    (folder / "run").mkdir()
    return execute(read_checked(file), folder / "run", interruptible=False).summary


@pytest.mark.parametrize("fault", ["crash", "cutOff"])
def test_the_stages_of_a_replacement_add_up_and_are_the_constants(tmp_path: Path, fault: str) -> None:
    summary = run(tmp_path, f"{{at: 5m, name: gone, {fault}: {{minion: web-0}}}}")
    found = summary["replacement"]
    events = pl.read_parquet(tmp_path / "run" / "events.parquet").with_columns(
        pl.col(pl.Categorical).cast(pl.String)
    )
    lost = events.filter((pl.col("kind") == "pod_bound") & (pl.col("minion") == "minion/web-0"))
    count = lost.filter(pl.col("time_s") < 300).height
    assert found["evicted"] == found["replaced"] == count > 1
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
    assert (
        sum(each["evicted"] for each in summary["controllers"].values()) == summary["replacement"]["evicted"]
    )
    titles = {section.title: section for section in run_sections(summary)}
    assert titles["Controllers at the end"].rows[0][:4] == ("api", "10", "10", "10")
    assert titles["Controllers at the end"].rows[1][0] == "other/side"


def test_a_taint_on_a_minion_that_is_well_is_no_silence(tmp_path: Path) -> None:
    summary = run(tmp_path, "{at: 5m, name: taint, taint: {minion: web-0, key: repair}}")
    assert sum(each["evicted"] for each in summary["controllers"].values()) > 0
    assert summary["replacement"] is None
    assert not any("Replacement of" in section.title for section in run_sections(summary))
