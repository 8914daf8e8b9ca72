"""A pod that is relabelled while it waits is decided about by the labels that the scheduler has read of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.api.loading import read_scenario
from models.catalog import vocabulary
from models.cluster.placedbelief import PlacedBelief
from models.plan import make_plan
from models.testing.rest import broken_at_rest
from models.world import World
from tests.property.test_placed_belief import check
from tests.support.manifests import pod_text
from tests.support.worlds import records, sinks

_GUARD = pod_text("guard", "podAntiAffinity", "app: shy")
_SHY = pod_text("shy")
_FOLLOWER = pod_text("follower", "podAffinity", "app: bold")
_SCENARIO = """
apiVersion: wavetank/v1
name: shy
until: 10m
cluster: {minions: [{name: m, count: 1, cpu: 8, memory: 32Gi}]}
workloads: [{manifest: pods.yaml}]
policy: {scheduler: kubernetes}
faults:
  - {at: 2m, name: bolder, relabel: {pods: app=shy, labels: {app: bold}}}
"""


def world(folder: Path, scenario: str = _SCENARIO, pods: str = _GUARD + _SHY) -> World:
    (folder / "pods.yaml").write_text(pods)
    file = folder / "scenario.yaml"
    file.write_text(scenario)
    made = World(make_plan(read_scenario(file, vocabulary=vocabulary()).spec), sinks())
    made.run()
    return made


def bound_s(found: World) -> dict[str, float]:
    return {row["object"].rpartition("/")[2]: row["time_s"] for row in records(found, "pod_bound")}


def test_it_is_decided_anew_at_once_and_by_its_new_labels(tmp_path: Path) -> None:
    found = world(tmp_path)
    assert 120 <= bound_s(found)["shy"] < 121
    assert broken_at_rest(found) == []
    check(found)
    without = world(tmp_path, _SCENARIO.partition("faults")[0])
    assert "shy" not in bound_s(without)


def test_who_waits_for_pods_of_its_new_labels_finds_it(tmp_path: Path) -> None:
    found = world(tmp_path, pods=_GUARD + _SHY + _FOLLOWER)
    assert bound_s(found)["shy"] < bound_s(found)["follower"] < bound_s(found)["shy"] + 12
    check(found)


@pytest.mark.parametrize("until", ["130s", "10m"])
def test_while_its_watch_is_behind_the_scheduler_knows_the_old_ones(tmp_path: Path, until: str) -> None:
    late = "  - {at: 1m, name: late, watch: {client: scheduler, lag: 1m}, for: 8m}\n"
    found = world(tmp_path, _SCENARIO.replace("until: 10m", f"until: {until}") + late)
    if until == "130s":
        assert "shy" not in bound_s(found)
    else:
        assert 175 < bound_s(found)["shy"] < 195


def test_a_scheduler_that_starts_again_reads_the_labels_of_the_record(tmp_path: Path) -> None:
    again = "  - {at: 3m, name: again, restart: {client: scheduler}}\n"
    blocked = _SCENARIO.replace("app: bold", "app: shy, tier: x") + again
    found = world(
        tmp_path, blocked + "  - {at: 5m, name: on, relabel: {pods: app=shy, labels: {app: bold}}}\n"
    )
    assert 300 <= bound_s(found)["shy"] < 301
    check(found)


def test_it_counts_for_those_that_are_decided_before_its_bind_is_read(tmp_path: Path) -> None:
    """Assumed pods count with the labels that they were decided by: two of one name may not be on one minion."""
    pods = "".join(
        pod_text(name, "podAntiAffinity", "group: g", labels=f"group: {group}")
        for name, group in (("one", "x"), ("two", "g"))
    )
    # Nothing is free until m is let in again; by then both are of the group.
    scenario = (
        _SCENARIO.partition("faults:")[0]
        + """faults:
  - {at: 0s, name: shut, cordon: {minions: m}, for: 3m}
  - {at: 1m, name: joined, relabel: {pods: app=one, labels: {group: g}}}
master: {timing: kubernetes, watchLag: 2s}
"""
    )
    found = world(tmp_path, scenario, pods)
    assert len(bound_s(found)) == 1
    check(found)


def test_what_is_relabelled_while_its_bind_is_under_way_counts_by_its_new_labels(tmp_path: Path) -> None:
    scenario = _SCENARIO.replace("at: 2m", "at: 2s") + "master: {timing: kubernetes, apiLatency: 4s}\n"
    # Another pod comes, so that the scheduler reads the labels before the bind is in the record.
    other = (
        "[{name: o, arrivals: {at: 3s}, count: 1, pod: {cpu: 1, memory: 1Gi, labels: {app: o}}}, {manifest"
    )
    found = world(tmp_path, scenario.replace("[{manifest", other), _SHY)
    assert 4 < bound_s(found)["shy"] < 4.5
    check(found)


def test_a_policy_of_ones_own_sees_the_labels_that_were_read(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "bold_only.py").write_text(
        "def bold(view, pod, context):\n    return 0 if ('app', 'bold') in pod.template.labels else None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    scenario = _SCENARIO.replace("scheduler: kubernetes", "scheduler: bold_only:bold")
    found = world(tmp_path, scenario)
    assert not isinstance(found.belief, PlacedBelief)
    assert list(bound_s(found)) == ["shy"]


def test_a_job_takes_whom_it_is_given_while_it_waits(tmp_path: Path) -> None:
    """Two pods wait for a scheduler that thinks about another; the relabelled one is of the job of the other then."""
    scenario = """
apiVersion: wavetank/v1
name: jobs
until: 5m
cluster: {minions: [{name: m, count: 3, cpu: 8, memory: 32Gi}]}
schedulers: [{name: default-scheduler, decision: {perJob: 60s}}]
workloads:
  - {name: first, arrivals: {at: 0s}, count: 1, pod: {cpu: 1, memory: 1Gi}}
  - {name: a, arrivals: {at: 1s}, count: 1, pod: {cpu: 1, memory: 1Gi, labels: {wavetank/job: j, app: a}}}
  - {name: b, arrivals: {at: 2s}, count: 1, pod: {cpu: 1, memory: 1Gi, labels: {app: b}}}
  - {name: c, arrivals: {at: 3s}, count: 1, pod: {cpu: 1, memory: 1Gi, labels: {wavetank/job: j, app: c}}}
faults:
  - {at: 10s, name: joins, relabel: {pods: app=b, labels: {wavetank/job: j}}}
  - {at: 20s, name: leaves, relabel: {pods: app=c, labels: {wavetank/job: other}}}
"""
    found = world(tmp_path, scenario)
    at = {name: round(time_s) for name, time_s in bound_s(found).items()}
    assert at == {"first-0": 60, "a-0": 120, "b-0": 120, "c-0": 180}
