"""The scenarios of whole clusters: what their records, explanations and pictures show."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from experiments.checking import read_checked
from experiments.run import execute
from tests.scenario.test_pictures import Pictured, _records, _shown
from tests.support.shipped import FOLDER

_FOLDER = FOLDER / "cluster"


def test_a_storm_ends_when_the_bytes_are_through_the_registry(tmp_path: Path) -> None:
    """500 x 240 MiB at 1.25 GB/s are 100.66 s; the last is ready one start and one manifest later, and some arrivals."""
    outcome = execute(read_checked(_FOLDER / "pull-storm.yaml"), tmp_path, interruptible=False)
    found = outcome.summary["images"]["total"]
    assert found["bytes"] == 500 * 240 * 2**20
    through_s = 500 * 240 * 2**20 / 1.25e9
    # Pods come over 0.4 s, and while few pull their own links bind: never later than all at once, by that much.
    assert through_s - 1.0 < found["max_s"] - 0.2 < through_s
    assert outcome.summary["startup"]["less_pulls"]["p99"]["value"] < 5.0


def test_the_picture_of_pulls_shows_what_the_records_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(read_checked(_FOLDER / "registry-outage.yaml"), tmp_path, interruptible=False)
    pictured = Pictured(tmp_path, monkeypatch)
    heading = "Pulls of images over time"
    above = pictured.panel(heading, "pulls that go on, those that wait their turn too")
    below = pictured.panel(heading, "pulls so far")
    events = _records(tmp_path)
    most = 0
    for minutes in (0.05, 6.02, 6.2, 9.0, 16.2, 39.0):
        past = events.filter(pl.col("time_s") <= 60 * minutes)
        count = {
            word: past.filter(pl.col("kind") == f"image_{word}").height
            for word in ("pulling", "pulled", "failed")
        }
        going_on = count["pulling"] - count["pulled"] - count["failed"]
        most = max(most, going_on)
        assert _shown(above, minutes) == going_on
        assert _shown(below, minutes, "pulled") == count["pulled"]
        if count["failed"]:  # the curve begins with the first
            assert _shown(below, minutes, "failed") == count["failed"]
    assert most > 0
