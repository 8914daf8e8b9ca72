"""The scenarios of the control plane: what their records, explanations and pictures show."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.support.shipped import FOLDER, status_of

_FOLDER = FOLDER / "control"


@pytest.mark.parametrize("name", ["zone-dead", "master-outage", "cut-off"])
def test_every_eviction_is_because_of_what_struck_its_own_minion(name: str, tmp_path: Path) -> None:
    status_of(_FOLDER / f"{name}.yaml", tmp_path)
    events = pl.read_parquet(tmp_path / "events.parquet").with_columns(pl.col(pl.Categorical).cast(pl.String))
    of = {row["seq"]: row for row in events.iter_rows(named=True)}
    evicted = events.filter(pl.col("reason") == "TaintManagerEviction")
    assert evicted.height > 2
    for row in evicted.iter_rows(named=True):
        chain = [row]
        while chain[-1]["cause"] is not None:
            chain.append(of[chain[-1]["cause"]])
        kinds = [each["kind"] for each in chain if each["kind"] != "minion_crashed"]
        assert kinds == ["pod_terminating", "minion_tainted", "minion_condition", "fault_began"]
        assert {each["minion"] for each in chain} == {row["minion"]}
