"""The scenarios of scheduling: what their records, explanations and pictures show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.checking import read_checked
from experiments.explain import explain
from experiments.run import execute
from tests.scenario.test_pictures import Pictured, _records, _shown
from tests.support.shipped import FOLDER, status_of

_FOLDER = FOLDER / "scheduling"


def test_the_picture_shows_who_loses_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(read_checked(_FOLDER / "spread-against-pack.yaml"), tmp_path, interruptible=False)
    axes = Pictured(tmp_path, monkeypatch).panel(
        "Ready and desired over time", "unavailable: desired and not ready"
    )
    labels = [str(line.get_label()) for line in axes.lines]
    pack, spread = (next(each for each in labels if each.startswith(name)) for name in ("pack-", "spread-"))
    lacking = {
        name: [_shown(axes, minute, name) for minute in (12, 22, 32, 42, 52, 62)] for name in (pack, spread)
    }
    assert lacking == {pack: [24, 0, 0, 0, 0, 0], spread: [4] * 6}


@pytest.mark.parametrize(("policy", "low", "high"), [("best-fit", 0, 12), ("worst-fit", 20, 60)])
def test_the_picture_shows_what_is_free_though_waited_for(
    shared: Path, policy: str, low: float, high: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = read_checked(_FOLDER / "policies-on-openb.yaml", [f"policy.scheduler={policy}"])
    outcome = execute(loaded, tmp_path, interruptible=False)
    axes = Pictured(tmp_path, monkeypatch).panel(
        "Free and waited for over time: gpu", "free though waited for: the lesser of the two"
    )
    line = next(iter(axes.lines))
    days, gpus = line.get_data()
    days, gpus = np.asarray(days, dtype=float), np.asarray(gpus, dtype=float)
    mean = float(np.sum(gpus[:-1] * np.diff(days)) / days[-1])
    assert low < mean < high
    # 100 GPUs in all; the curve is thinned to what can be seen.
    assert mean == pytest.approx(100 * outcome.summary["idle"]["gpu"]["mean"], rel=0.1)


@pytest.mark.parametrize("change", ["faults.0.enabled=false", "controllers.0.pod.priority=0"])
def test_without_the_death_or_without_priority_nobody_preempts(change: str, tmp_path: Path) -> None:
    status, failed = status_of(_FOLDER / "preemption.yaml", tmp_path, change)
    assert status == 1
    assert any(each.startswith("preempted(batch)") for each in failed)


def test_the_life_of_a_victim_leads_back_to_the_death(tmp_path: Path) -> None:
    outcome = execute(read_checked(_FOLDER / "preemption.yaml"), tmp_path, interruptible=False)
    assert outcome.status == 0
    victims = _records(tmp_path).filter(pl.col("kind") == "pod_preempted")["object"].to_list()
    told = explain(tmp_path, victims[0])
    for words in ("has to go from", "(preempted for pod/default/shop-", "minion/node-3 crashed", "was gone"):
        assert words in told
