"""Everything that can be known to be wrong is told at once, each where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.checking import read_checked
from sim.errors import ScenarioError

_TEXT = """apiVersion: wavetank/v1
name: pol
until: 1h
cluster: {minions: [{name: a, cpu: 4, memory: 8Gi, extended: {x.io/foo: 3}}]}
workloads:
  - {name: w, arrivals: {at: 1s}, count: 1, pod: {cpu: 1, memory: 1Gi}}
policy:
  scheduler:
    best-fit:
      resources: [cpu, x.io/foo]
expect:
  - created(w) > 0
"""


def told(tmp_path: Path, text: str, *sets: str) -> list[str]:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    try:
        read_checked(path, sets)
    except ScenarioError as error:
        return [str(each).replace(f"{path}:", "") for each in error.diagnostics]
    return []


def test_the_scenario_that_is_spoilt_below_is_fine(tmp_path: Path) -> None:
    assert told(tmp_path, _TEXT) == []


def test_wrong_parameters_of_a_policy_are_told_where_they_stand(tmp_path: Path) -> None:
    text = _TEXT.replace("x.io/foo]", "x.io/fou]\n      tie: first")
    one, two = told(tmp_path, text)
    assert one.startswith("10:24: this cluster has no resource 'x.io/fou'")
    assert two.startswith("11:7: policy 'best-fit' has no parameter 'tie'")
    (only,) = told(tmp_path, _TEXT, "seed=3", "policy.scheduler={best-fit: {levels: no}}")
    assert only.startswith("--set 2:1:38: expected a whole number of levels")


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("created(ww) > 0", 13),
        ('"created(ww) > 0"', 14),
        ("'created(ww) > 0'", 14),
        ("&a created(ww) > 0", 5),
        (">-\n      created(ww) > 0", 5),
    ],
)
def test_an_expectation_is_pointed_into_where_its_letters_stand(
    tmp_path: Path, written: str, column: int
) -> None:
    (only,) = told(tmp_path, _TEXT.replace("created(w) > 0", written))
    assert only == f"12:{column}: no workload is named 'ww'; did you mean 'w'?"


def test_expectations_are_read_even_if_the_rest_cannot_be_used(tmp_path: Path) -> None:
    text = _TEXT.replace("until: 1h", "until: 1").replace("created(w) >", "created(x) =>")
    one, two = told(tmp_path, text + "  - {}\n")[:2]
    assert one.startswith("3:8: expected a time with a unit")
    assert two.startswith("12:16: expected one of ==")


def test_a_problem_of_an_expectation_is_told_once(tmp_path: Path) -> None:
    assert len(told(tmp_path, _TEXT.replace("- created(w) > 0", "- 3").replace("1h", "1"))) == 2
