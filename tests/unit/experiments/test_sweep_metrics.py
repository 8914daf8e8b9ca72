"""What a sweep compares: figures of each scheduler and workload too, and cases whose texts are long."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.sweep import Design, _write, compare
from experiments.sweepcell import CellResult
from experiments.sweepmetrics import METRICS, is_ratio, metrics_of
from experiments.sweeptable import for_people, print_sweep


def _summary(**schedulers: float) -> dict[str, Any]:
    each = {
        name: {"busyness_ratio": busy, "conflict_fraction": None, "mean_wait_s": 2.0}
        for name, busy in schedulers.items()
    }
    together = {"busyness_ratio": 0.25, "conflict_fraction": 0.5, "mean_wait_s": 3.0}
    return {"schedulers": each, "schedulers_together": together, "waits_s": {"web": 7.0}, "mean_wait_s": 1.0}


def test_figures_of_each_scheduler_and_workload_and_of_all_together() -> None:
    found = metrics_of(_summary(batch=0.125, service=0.5))
    assert found["busyness"] == 0.25
    assert found["conflict fraction"] == 0.5
    assert found["mean job wait (s)"] == 3.0
    assert found["busyness of scheduler batch"] == 0.125
    assert found["busyness of scheduler service"] == 0.5
    assert found["conflict fraction of scheduler batch"] is None
    assert found["mean job wait of scheduler service (s)"] == 2.0
    assert found["mean wait of web's pods (s)"] == 7.0
    plain = metrics_of({"mean_wait_s": 1.0, "schedulers": None, "schedulers_together": None, "waits_s": None})
    assert set(plain) == set(METRICS)


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("busyness", True),
        ("busyness of scheduler web", True),
        ("conflict fraction", False),
        ("conflict fraction of scheduler a", False),
        ("mean wait (s)", False),
        ("mean wait of web's pods (s)", False),
        ("cpu utilisation", True),
        ("unavailability", True),
    ],
)
def test_which_figures_are_percent(name: str, ratio: bool) -> None:
    assert is_ratio(name) == ratio


def _swept(folder: Path, values: list[Any], summaries: list[dict[str, Any]]) -> None:
    texts = tuple(json.dumps(value) for value in values)
    design = Design("a.yaml", "a", (), (("schedulers", texts),), (1, 2))
    (folder / "design.json").write_text(json.dumps(design.as_json()))
    results = [
        CellResult("key", (("schedulers", text),), seed, 0, "", metrics_of(summary))
        for text, summary in zip(texts, summaries, strict=True)
        for seed in (1, 2)
    ]
    _write(folder / "runs.parquet", results)


def test_arrangements_with_other_schedulers_compare_and_are_called_by_numbers(tmp_path: Path) -> None:
    one = [{"name": "one", "serves": ["batch", "service"], "commit": "checked"}]
    two = [{"name": "batch", "commit": "checked"}, {"name": "service", "commit": "checked"}]
    _swept(tmp_path, [one, two], [_summary(one=0.75), _summary(batch=0.125, service=0.5)])
    table = compare(tmp_path)
    assert table.cases == ("case 1", "case 2")
    assert table.legend["case 1"] == "[{name: one, serves: [batch, service], commit: checked}]"
    assert table.estimates["busyness of scheduler one"]["case 1"].mean == 0.75
    # The other arrangement has no such scheduler.
    assert table.estimates["busyness of scheduler one"]["case 2"].mean is None
    assert table.estimates["mean wait of web's pods (s)"]["case 2"].mean == 7.0
    assert table.differences["busyness"]["case 1", "case 2"].mean == 0.0
    name, shown = for_people(
        "busyness of scheduler one", table.estimates["busyness of scheduler one"]["case 1"]
    )
    assert (name, shown.mean) == ("busyness of scheduler one (%)", 75.0)


def test_no_name_of_a_case_is_cut_off(tmp_path: Path) -> None:
    values = ["a-policy-with-a-long-name", "another-policy-with-a-long-name", "third", "fourth", "fifth"]
    _swept(tmp_path, values, [_summary(one=0.5)] * 5)
    screen = Console(file=io.StringIO(), width=60)
    print_sweep(compare(tmp_path), screen)
    assert isinstance(screen.file, io.StringIO)
    assert "…" not in screen.file.getvalue()


def test_short_cases_stand_for_themselves(tmp_path: Path) -> None:
    _swept(tmp_path, ["a", {"fgd": {"levels": 0}}], [_summary(one=0.5), _summary(one=0.5)])
    table = compare(tmp_path)
    assert table.cases == ("a", "{fgd: {levels: 0}}")
    assert not table.legend
