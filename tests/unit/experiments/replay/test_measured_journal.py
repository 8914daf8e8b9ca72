"""What was measured is written as a run's folder, and read as one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from experiments.cpufigures import cpu_steps
from experiments.explain import explain
from experiments.journalfiles import open_run
from experiments.replay.inputs import Arrival
from experiments.replay.lives import Event, Lived
from experiments.replay.measuredjournal import write_measured
from experiments.replay.predicting import arrivals_of, read_lived

_A, _B = ("default/a-0", "main"), ("shop/b-0", "main")
_ARRIVALS = [
    Arrival("default/a-0", 1.0, math.inf, "controller/default/a"),
    Arrival("shop/b-0", 2.0, math.inf, "workload/b"),
]
_LIVED = Lived(
    [
        Event(1.25, _A, "started", 0),
        Event(2.5, _B, "started", 0),
        Event(7.25, _A, "exited", 0, 137, oom=True),
        Event(7.5, _A, "started", 1),
        Event(9.0, _B, "exited", 0, 0),
    ],
    {_A: 5.5, _B: 1.3},
    {
        _A: [(1.25, 0.0), (4.25, 1.5), (7.25, 3.0), (7.5, 3.0), (10.0, 5.5)],
        _B: [(2.5, 0.0), (9.0, 1.3)],
    },
    0.01,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_measured(
        tmp_path / "measured",
        _LIVED,
        arrivals=_ARRIVALS,
        minion="host",
        until_s=10.0,
        manifest={"name": "x", "seed": 3},
    )
    return tmp_path / "measured"


def test_it_reads_as_what_happened(folder: Path) -> None:
    found = read_lived(folder, "host", 10.0)
    assert found.events == _LIVED.events
    assert found.cpu_s == pytest.approx(_LIVED.cpu_s)
    assert arrivals_of(folder, "host") == _ARRIVALS


def test_the_series_of_cores_add_up(folder: Path) -> None:
    run = open_run(folder)
    assert run.complete
    assert run.manifest["seed"] == 3
    steps = cpu_steps(run)
    assert steps["controller/default/a"]["cpu_used"].integral(10.0) == pytest.approx(5.5, abs=0.01)
    assert steps["workload/b"]["cpu_used"].integral(10.0) == pytest.approx(1.3, abs=0.01)
    assert float(steps["controller/default/a"]["cpu_used"].values.max()) == pytest.approx(1.0)


def test_explain_tells_it(folder: Path) -> None:
    told = explain(folder, "pod/default/a-0")
    assert "OOMKilled" in told
    assert "137" in told
