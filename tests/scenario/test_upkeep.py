"""Drains and rolling reboots as the scenarios have them: what was away, held against the records and the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from experiments import demo
from experiments.checking import read_checked
from experiments.controlplots import draw_controllers
from experiments.controlsteps import controller_steps
from experiments.journalfiles import open_run
from experiments.run import execute

_FOLDER = Path(__file__).parents[2] / "scenarios" / "cluster"


def run(name: str, folder: Path) -> tuple[dict[str, Any], pl.DataFrame]:
    summary = execute(read_checked(_FOLDER / f"{name}.yaml"), folder, interruptible=False).summary
    events = pl.read_parquet(folder / "events.parquet").with_columns(pl.col(pl.Categorical).cast(pl.String))
    return summary, events


def least_ready(events: pl.DataFrame, owner: str, from_s: float) -> int:
    """The fewest pods of a controller that were ready in the record, from a time on, record by record."""
    ready: set[str] = set()
    least = 10**9
    for row in events.filter(pl.col("owner").str.starts_with(owner)).iter_rows(named=True):
        if row["kind"] == "pod_ready":
            ready.add(row["object"])
        elif row["kind"] in {"pod_unready", "pod_terminating", "pod_removed"}:
            ready.discard(row["object"])
        if row["time_s"] > from_s:
            least = min(least, len(ready))
    return least


@pytest.mark.parametrize(
    ("name", "least", "most_down"), [("rolling-reboots", 5, 1), ("rolling-reboots-with-a-limit", 7, 1)]
)
def test_with_a_limit_one_cart_is_away_and_without_it_three(
    name: str, least: int, most_down: int, tmp_path: Path
) -> None:
    summary, events = run(name, tmp_path)
    assert least_ready(events, "controller/default/cart", 300.0) == least
    down, most = 0, 0
    for row in events.filter(pl.col("kind").is_in(["minion_crashed", "minion_repaired"])).iter_rows(
        named=True
    ):
        down += 1 if row["kind"] == "minion_crashed" else -1
        most = max(most, down)
    assert most == most_down
    assert summary["minions"]["crashes"] == summary["minions"]["repairs"] == 0
    assert summary["minions"]["reboots"] == 8
    # The picture shows what was away: its curve of cart is the lack of the records.
    figure = draw_controllers(
        controller_steps(open_run(tmp_path)), summary["faults"]["listed"], summary["end_s"]
    )
    assert figure is not None
    (curve,) = [line for line in figure.axes[1].lines if line.get_label() == "cart"]
    times, lacking = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    assert lacking[times > times.max() / 6].max() == 8 - least


def test_budgets_let_a_drain_take_one_front_pod_at_a_time(tmp_path: Path) -> None:
    summary, events = run("drain-with-budgets", tmp_path)
    assert {each["verdict"] for each in summary["expectations"]} == {"passed"}
    assert least_ready(events, "controller/default/front", 299.0) == 11
    assert least_ready(events, "controller/default/cart", 299.0) == 5
    asked = events.filter(pl.col("reason") == "Eviction", pl.col("owner").str.contains("/front-"))["time_s"]
    # The second and the third were refused at once, and were let through at one of the looks 5 s apart after that.
    refused = events.filter(
        pl.col("kind") == "eviction_refused", pl.col("owner").str.contains("/front-"), pl.col("time_s") < 301
    )["time_s"]
    assert (len(asked), len(refused)) == (3, 2)
    for time_s in asked[1:]:
        assert min(abs((time_s - since_s) % 5) for since_s in refused) < 0.1


def test_an_upgrade_with_a_limit_never_has_fewer_than_one_eviction_takes(tmp_path: Path) -> None:
    summary, events = run("rolling-upgrade", tmp_path)
    assert least_ready(events, "controller/default/front", 299.0) == 10
    assert events.filter(pl.col("reason").str.starts_with("waits for 11 ready")).height > 0
    # Drained before it went down: nothing was killed by a reboot.
    assert "reboot" not in set(events.filter(pl.col("kind") == "pod_stopped")["reason"])
    (front,) = [found for name, found in summary["controllers"].items() if name.startswith("front")]
    assert front["evicted"] > 6


def test_the_demo_heals_a_shop_and_compares_policies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed: list[list[str]] = []
    statuses = iter([0, 1])

    def command() -> None:
        typed.append(list(demo.sys.argv))
        raise SystemExit(next(statuses))

    monkeypatch.setattr(demo, "command", command)
    monkeypatch.setattr(demo.sys, "argv", ["demo"])
    with pytest.raises(SystemExit) as ended:
        demo.main()
    assert ended.value.code == 1
    assert [words[1] for words in typed] == ["run", "sweep"]
    assert typed[0][2].endswith("scenarios/cluster/quickstart.yaml")
    assert Path(typed[1][2]).is_file()
    assert "wavetank run scenarios/cluster/quickstart.yaml" in capsys.readouterr().out
