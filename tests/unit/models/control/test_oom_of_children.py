"""Memory that a child of PID 1 holds: what the kernel kills, and what shows of it."""

from __future__ import annotations

import pytest

from models.world import World
from tests.support.worlds import ran, records

_TEXT = """
until: 10m
cluster: {{minions: [{{name: m, count: 1, cpu: 4, memory: 4Gi, kernel: {{version: "{version}", cgroup: {cgroup}}}}}]}}
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms}}
policy: {{scheduler: first-fit}}
constants: {{memory_oom_group_count: {group}}}
controllers:
  - name: web
    replicas: 1
    pod:
      containers:
        - {{name: app, cpu: 100m, memory: 1Gi, limits: {limits}, runs: {runs},
           uses: {{memory: 500Mi, leak: {leak}, process: {process}}}}}
"""


def world(
    process: str = "child",
    *,
    cgroup: str = "v1",
    group: int = 0,
    runs: str = "5m",
    leak: str = "50Mi/s",
    limits: str = "{memory: 1Gi}",
) -> World:
    version = "5.4" if cgroup == "v1" else "5.15"
    return ran(
        _TEXT.format(
            process=process, cgroup=cgroup, group=group, version=version, runs=runs, leak=leak, limits=limits
        )
    )


def killed(found: World) -> list[tuple[int, int]]:
    """(by its limit, a child) of each kill."""
    rows = records(found, "container_out_of_memory")
    return [(row["container_out_of_memory_by_limit"], row["container_out_of_memory_child"]) for row in rows]


def exits(found: World) -> list[tuple[int, str]]:
    return [(row["container_exited_code"], row["reason"]) for row in records(found, "container_exited")]


def test_without_its_child_a_container_goes_on_and_says_at_its_end_that_one_was_killed() -> None:
    found = world()
    assert killed(found) == [(1, 1)] * len(killed(found))
    assert exits(found)[0] == (0, "OOMKilled")  # its own code, whatever became of the child
    ran_s = records(found, "container_exited")[0]["container_exited_ran_s"]
    assert ran_s == pytest.approx(300)
    first = records(found, "container_out_of_memory")[0]
    started = records(found, "container_started")[0]
    assert first["time_s"] - started["time_s"] == pytest.approx(524 / 50)


def test_pid_1_takes_its_container_along() -> None:
    found = world("first")
    assert killed(found)[0] == (1, 0)
    assert exits(found)[0] == (137, "OOMKilled")
    assert records(found, "container_exited")[0]["container_exited_ran_s"] == pytest.approx(524 / 50)


def test_a_child_of_a_group_that_is_killed_as_one_takes_its_container_along() -> None:
    """memory.oom.group: of cgroup v2 alone (FACTS L21)."""
    for cgroup, group, alone in (("v2", 1, False), ("v2", 0, True), ("v1", 1, True)):
        found = world(cgroup=cgroup, group=group)
        assert killed(found)[0] == (1, int(alone))
        assert exits(found)[0] == ((0, "OOMKilled") if alone else (137, "OOMKilled"))


def test_what_a_child_held_is_free_and_its_container_holds_nothing_more() -> None:
    found = world(runs="20m")
    (held,) = records(found, "container_held")
    assert held["value"] == pytest.approx(2**30)
    assert held["time_s"] == records(found, "container_out_of_memory")[0]["time_s"]
    assert found.machines.memories.tasks(0) == []


def test_a_full_minion_kills_a_child_too() -> None:
    found = world(limits="{cpu: 200m}", leak="400Mi/s", runs="20m")
    assert killed(found) == [(0, 1)]
    assert not exits(found) or exits(found)[0][1] == "OOMKilled"


def test_the_next_start_of_a_container_knows_nothing_of_the_kill() -> None:
    found = world(runs="8s", leak="1k/s")
    assert not killed(found)
    assert {reason for _, reason in exits(found)} == {"Completed"}
    often = world(runs="100s")
    assert len(killed(often)) == len(records(often, "container_started"))


def test_the_record_has_the_reason_that_kubectl_prints() -> None:
    job = (
        _TEXT.partition("controllers:")[0].format(cgroup="v1", group=0, version="5.4")
        + """
workloads:
  - name: job
    arrivals: {at: 1s}
    count: 1
    pod:
      restartPolicy: Never
      containers:
        - {name: app, memory: 1Gi, limits: {memory: 1Gi}, runs: 20s, exitCode: 3,
           uses: {memory: 500Mi, leak: 50Mi/s, process: child}}
"""
    )
    found = ran(job)
    assert [row["reason"] for row in records(found, "pod_failed")] == ["OOMKilled"]
    assert exits(found) == [(3, "OOMKilled")]
