"""Lives as they are told, with the chain of causes to its root."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from experiments.explain import explain
from sim.errors import ScenarioError
from tests.support.folders import run_in

# One core: the second pod waits for the first, the third for the second, whose minion dies under it.
_TEXT = """
until: 1000s
cluster: {minions: [{name: m, cpu: 1, memory: 8Gi}]}
workloads: [{name: w, arrivals: {at: 10s}, count: 3, duration: 100s, pod: {cpu: 1, memory: 1Gi}}]
policy: {scheduler: first-fit}
faults: [{name: f, at: 150s, crash: {minion: m}, repair: 50s}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(tmp_path_factory.mktemp("told"), _TEXT).folder


def _told(folder: Path, thing: str) -> list[str]:
    """Lines without times and numbers, notes left out."""
    lines = [line for line in explain(folder, thing).splitlines() if not line.startswith("note")]
    return [re.sub(r"[\d,.]+ s  #\d+  ", "", line) for line in lines]


def test_a_pod_that_waited_for_another_names_it(folder: Path) -> None:
    told = _told(folder, "pod/default/w-1")
    assert told[0] == "pod/default/w-1 was created by workload/w, to run for 100 s"
    bound = next(i for i, line in enumerate(told) if "was bound to minion/m" in line)
    assert told[bound + 1] == "  because pod/default/w-0 succeeded on minion/m (Completed)"
    assert any("w-0 was created" in line for line in told[bound + 1 :]), "the chain goes back to its root"


def test_a_pod_that_was_lost_names_the_fault(folder: Path) -> None:
    told = _told(folder, "pod/default/w-1")
    lost = next(i for i, line in enumerate(told) if line.startswith("pod/default/w-1 was lost with minion/m"))
    assert "crashed, to be repaired after 50 s" in told[lost + 1]
    assert "fault/f struck" in told[lost + 2]


def test_a_pod_that_waited_for_a_repair_names_it(folder: Path) -> None:
    told = _told(folder, "pod/default/w-2")
    bound = next(i for i, line in enumerate(told) if "was bound to minion/m" in line)
    assert told[bound + 1] == "  because minion/m was up again"


def test_every_record_of_the_object_is_told_once_in_order(folder: Path) -> None:
    events = pl.read_parquet(folder / "events.parquet").with_columns(pl.col(pl.Categorical).cast(pl.String))
    for thing in ("pod/default/w-2", "minion/m", "fault/f"):
        own = events.filter(pl.col("object") == thing)["seq"].to_list()
        text = explain(folder, thing)
        numbers = [int(n) for n in re.findall(r"#(\d+)  ", text)]
        assert len(numbers) == len(set(numbers))
        assert [n for n in numbers if n in set(own)] != []
        assert set(own) <= set(numbers)


def test_the_first_life_may_be_numbered(folder: Path) -> None:
    assert explain(folder, "pod/default/w-0#1") == explain(folder, "pod/default/w-0")


@pytest.mark.parametrize(
    ("thing", "hint"),
    [("pod/default/w-9", "pod/default/w-"), ("w-1", "pod/default/w-1"), ("minion/n", "minion/m")],
)
def test_what_is_not_there_is_told_with_the_nearest(folder: Path, thing: str, hint: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        explain(folder, thing)
    (found,) = caught.value.diagnostics
    assert found.hint is not None
    assert found.hint.startswith(hint)


def test_a_folder_without_a_run_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="holds no run"):
        explain(tmp_path, "pod/default/w-0")


def test_decisions_are_told_with_the_best_minions(tmp_path: Path, folder: Path) -> None:
    text = _TEXT.replace("name: m, cpu: 1", "name: m, count: 7, cpu: 1").replace("count: 3", "count: 9")
    text = text.replace("crash: {minion: m}", "crash: {minion: m-0}")
    full = run_in(tmp_path, text + "journal: {scheduling: full}\n").folder

    def told(name: str) -> list[str]:
        lines = explain(full, f"pod/default/{name}", decisions=True).splitlines()
        return [re.sub(r"[\d,.]+ s  #\d+  ", "", line) for line in lines if not line.startswith("note")]

    assert told("w-2") == [
        "pod/default/w-2: 5 of 7 minions would do, minion/m-2 was chosen",
        *(f"  {place}. minion/m-{place + 1}  0  (first-fit 0)" for place in range(1, 6)),
    ]
    refused, later, *_ = told("w-7")
    assert refused == "pod/default/w-7: 0 of 7 minions: Insufficient cpu x 7"
    assert later == "pod/default/w-7: 7 of 7 minions would do, minion/m-0 was chosen"
    life = explain(full, "pod/default/w-2")
    assert "would do" not in life
    assert "was bound to minion/m-2" in life
    with pytest.raises(ScenarioError, match="no decision about 'pod/default/w-1' was written: run it with"):
        explain(folder, "pod/default/w-1", decisions=True)
    with pytest.raises(ScenarioError, match="no record of this run is about 'pod/default/w-99'"):
        explain(full, "pod/default/w-99", decisions=True)
