"""The study of caps: what it says of numbers that are known, that it says so from the sweep's files alone, and a small run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from scipy import stats

from experiments.studies.caps.__main__ import main, write_page
from experiments.studies.caps.answer import FIGURES, answer
from models.api.usage import CAPS


def summary(report_share: float, restarts: int, killed: int) -> dict[str, Any]:
    """What the figures are made of: reports that wanted an hour of CPU, and servers that got all."""
    return {
        "cpu": {
            "workload/reports": {"wanted_s": 3600.0, "used_s": 3600.0 * report_share, "throttled_s": 1800.0},
            "controller/default/shop": {"throttled_s": 60.0, "share": 0.98},
        },
        "availability": {"restarts": restarts, "unavailability_ratio": 0.01},
        "memory": {
            "owners": {"workload/reports": {"killed_by_limit": killed, "killed_by_minion": 0, "evicted": 1}}
        },
    }


def swept(folder: Path, numbers: dict[str, list[tuple[float, int, int]]], status: int = 0) -> Path:
    """A sweep's folder with these runs by cap, one a seed."""
    seeds = [1, 2, 3][: len(next(iter(numbers.values())))]
    axes = [["caps", [json.dumps(cap) for cap in numbers]]]
    design = {"scenario": "a.yaml", "name": "a", "fixed": [], "axes": axes, "seeds": seeds}
    rows = []
    for cap, found in numbers.items():
        for seed, each in zip(seeds, found, strict=True):
            run = folder / "runs" / f"{cap}-{seed}"
            run.mkdir(parents=True)
            (run / "summary.json").write_text(json.dumps(summary(*each)))
            rows.append(
                {"key": run.name, "caps": json.dumps(cap), "seed": seed, "status": status, "digest": ""}
            )
    (folder / "design.json").write_text(json.dumps(design))
    pl.DataFrame(rows).write_parquet(folder / "runs.parquet")
    return folder


_NUMBERS = {
    "none": [(0.25, 10, 0), (0.25, 20, 0), (0.25, 40, 1)],
    "quota": [(0.125, 0, 2), (0.125, 2, 2), (0.125, 4, 2)],
    "shares": [(0.25, 1, 0), (0.25, 1, 0), (0.25, 1, 0)],
}


def test_figures_are_means_and_differences_from_no_cap_by_seed(tmp_path: Path) -> None:
    found = {each.figure.shown: each for each in answer(swept(tmp_path / "s", _NUMBERS))}
    report = found["a report of 5 CPU min runs for, min"]
    # Four threads that get a quarter of what they want have a core: 5 min; an eighth, half a core.
    assert (report.means["none"].mean, report.means["quota"].mean) == (5.0, 10.0)
    restarts = found["restarts of servers"].more["quota"]
    assert restarts.mean == pytest.approx(-(10 + 18 + 36) / 3)
    # Two comparisons: each interval has half of the twentieth, and half of that on either side.
    half = stats.t.ppf(1 - 0.05 / 2 / 2, 2) * stats.sem([-10, -18, -36])
    assert restarts.low == pytest.approx(restarts.mean - half)
    assert found["innocents killed by their limit"].means["quota"].mean == 2.0
    assert found["innocents killed or evicted, minion low"].means["none"].mean == 1.0
    assert found["CPU that servers lack, %"].means["none"].mean == pytest.approx(2.0)
    assert len(found) == len(FIGURES)


def test_runs_that_failed_are_not_left_out_in_silence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='9 of 9 runs failed, the first with "none" and seed 1'):
        answer(swept(tmp_path / "s", _NUMBERS, status=70))


def test_without_the_case_of_no_cap_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    numbers = {cap: found for cap, found in _NUMBERS.items() if cap != "none"}
    with pytest.raises(ValueError, match="none among them"):
        answer(swept(tmp_path / "s", numbers))


def test_a_small_study_runs_and_its_page_is_written_again_from_its_files(tmp_path: Path) -> None:
    assert main(["--seeds", "2", "--workers", "1", "--set", "until=12m", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "results.md").read_text()
    assert all(f"| {cap} |" in text for cap in CAPS)
    figure = (tmp_path / "figure.svg").read_text()
    again = tmp_path / "again"
    shutil.copytree(tmp_path / "sweeps", again / "sweeps")
    folder = next(path for path in (again / "sweeps" / "caps").iterdir() if (path / "runs.parquet").is_file())
    assert write_page(folder, 2, again).read_text() == text
    assert (again / "figure.svg").read_text() == figure
