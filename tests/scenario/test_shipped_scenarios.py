"""The shipped scenarios: the expectations of each hold as it is written, and not without their cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shipped import FOLDER, scenarios_of, status_of

_FOLDERS = ("cluster", "control", "isolation", "kernel", "scheduling")
_SCENARIOS = [path for folder in _FOLDERS for path in scenarios_of(folder)]
_FIRST_FAULT = ["faults.0.enabled=false"]
_CAUSES = {
    "cluster/crash-loop": ["behaviour.0.enabled=false"],
    "cluster/pull-storm": ['cluster.minions.0.preloaded=["ops/agent:2"]'],
    "isolation/attackers-fork-bomb": ["faults.0.compromise.does=[]"],
    "isolation/dropped-too-far": ["isolation.needs=[]"],
    "isolation/escape-and-spread": _FIRST_FAULT,
    "isolation/noticed-in-time": ["faults.0.compromise.respond=[]"],
    "isolation/opened-by-user-namespaces": ["isolation.mechanisms.add=[drop-all-capabilities]"],
    "kernel/noisy-neighbour-none": ["controllers.batch.replicas=0"],
    "kernel/noisy-neighbour-quota": ["controllers.batch.replicas=0"],
    "kernel/noisy-neighbour-shares": ["controllers.batch.replicas=0"],
    "kernel/pull-storm": ['cluster.minions.0.preloaded=["ops/job:1"]'],
    "kernel/stolen-cpus": ["cluster.hosts.0.count=2"],
    "kernel/throttling-by-a-low-quota": ["caps=shares"],
    "scheduling/policies-on-openb": [
        "policy.scheduler=worst-fit",
        "policy.scheduler=kubernetes",
        "policy.scheduler=random",
    ],
    "scheduling/shared-state-conflicts": ["schedulers.1.decision={perJob: 1ms, perPod: 1ms}"],
    "scheduling/spread-against-pack": [
        *_FIRST_FAULT,
        "faults.3.enabled=false",
        "policy.scheduler=best-fit",
    ],
}
"""What to set, one at a time, so that the cause is gone; by default, for kernels, the first behaviour is switched off,
else the first fault."""


def _name(scenario: Path) -> str:
    return f"{scenario.parent.name}/{scenario.stem}"


def _causes(scenario: Path) -> list[str]:
    kernel = scenario.parent.name == "kernel"
    return _CAUSES.get(_name(scenario), ["behaviour.0.enabled=false"] if kernel else _FIRST_FAULT)


_WITHOUT = [
    pytest.param(path, change, id=f"{_name(path)}-{change}")
    for path in _SCENARIOS
    for change in _causes(path)
]


def _need(scenario: Path, request: pytest.FixtureRequest) -> None:
    """Skip where the trace is not at hand."""
    if "WAVETANK_SHARED" in scenario.read_text():
        request.getfixturevalue("shared")


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=_name)
def test_a_scenario_holds_with_its_cause(
    scenario: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _need(scenario, request)
    assert status_of(scenario, tmp_path) == (0, [])


@pytest.mark.parametrize(("scenario", "change"), _WITHOUT)
def test_a_scenario_fails_without_its_cause(
    scenario: Path, change: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _need(scenario, request)
    assert status_of(scenario, tmp_path, change)[0] == 1


def test_there_are_scenarios_of_every_kind() -> None:
    assert {path.parent.name for path in _SCENARIOS} == set(_FOLDERS)
    assert len(scenarios_of("control")) >= 8
    assert set(_CAUSES) <= {_name(path) for path in _SCENARIOS}


def test_the_readme_lists_every_scenario() -> None:
    rows = (FOLDER / "README.md").read_text().splitlines()
    listed = [
        line.split("|")[1].strip() for line in rows if line.startswith("| ") and "/" in line.split("|")[1]
    ]
    there = [_name(path) for folder in (*_FOLDERS, "replay", "traces") for path in scenarios_of(folder)]
    assert sorted(listed) == sorted(there)
