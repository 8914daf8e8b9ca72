"""Processes and fork bombs on minions: how fast, how many, which limit ends it, and what the master makes of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from models.kernel.forkbomb import ForkBomb
from models.machines.processes import SYSTEM_TASKS
from models.world import World
from tests.support.worlds import ran, records

_TEXT = """
until: {until}
cluster: {{minions: [{{name: m, count: {minions}, cpu: 4, memory: 16Gi{minion}}}]}}
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms}}
kubelet: {{start: 1s, ready: 0s, terminate: 1s}}
policy: {{scheduler: first-fit}}
caps: {caps}
faults: [{faults}]
controllers:
  - name: bomb
    replicas: 1
    pod: {{containers: [{{name: app{container}, uses: {{forks: {forks}{uses}}}}}]}}
{more}
"""


def world(
    *sets: str,
    forks: str = "{perCpuSecond: 100, at: 10s}",
    caps: str = "quota-and-memory",
    until: str = "20m",
    minions: int = 1,
    minion: str = "",
    container: str = "",
    uses: str = "",
    faults: str = "",
    more: str = "",
) -> World:
    given = {"minion": minion, "container": container, "uses": uses, "faults": faults, "more": more}
    text = _TEXT.format(forks=forks, caps=caps, until=until, minions=minions, **given)
    return ran(text, *sets)


def only(found: World, kind: str) -> dict[str, Any]:
    (row,) = records(found, kind)
    return row


@pytest.mark.parametrize(
    ("words", "most", "limit"),
    [
        ({"container": ", limits: {pids: 100}"}, 100, "pids.max 100 of its container"),
        ({"caps": "{pids: 70}", "container": ", limits: {pids: 100}"}, 70, "pids.max 70 of its pod"),
        ({"caps": "{default: none, pids: 70}"}, 70, "pids.max 70 of its pod"),
        ({"minion": ", pids: 60"}, 60, "pids.max 60 of its pod"),
        ({"minion": ", pids: 60", "caps": "{pids: 70}"}, 70, "pids.max 70 of its pod"),
        ({"minion": ", pids: 60", "caps": "{pids: -1}"}, 32467, "pid_max 32768 of its minion"),
        ({"minion": ", pids: -1", "container": ", limits: {pids: 0}"}, 32467, "pid_max 32768 of its minion"),
        ({"minion": ", kernel: {pidMax: 400}"}, 99, "pid_max 400 of its minion"),
        (
            {"minion": ", kernel: {version: '6.14'}", "container": ", limits: {pidMax: 400}"},
            399,
            "pid_max 400 of its container",
        ),
        ({"minion": ", kernel: {threadsMax: 500}"}, 200, "threads-max 500 of its minion"),
        (
            {"container": ", limits: {kernelMemory: 10Mi}"},
            10 * 1024 // 100,
            "the kernel memory of its container, 10 MiB",
        ),
        ({"container": ", limits: {memory: 20Mi}"}, 102, "the memory limit of its container, 20 MiB"),
        (
            {"container": ", limits: {memory: 20Mi}", "minion": ", kernel: {version: '4.4'}"},
            204,
            "the memory limit of its container, 20 MiB",
        ),
    ],
)
def test_a_bomb_ends_at_its_first_limit(words: dict[str, str], most: int, limit: str) -> None:
    found = world(until="5m", **words)
    limited = only(found, "fork_bomb_limited")
    assert (limited["value"], limited["reason"]) == (most, limit)
    assert limited["cause"] == only(found, "fork_bomb_began")["seq"]
    (bomb,) = found.machines.bombs.on(0)
    assert bomb.use.forked == bomb.processes.count == most
    assert bomb.events == math.ceil(math.log2(most))
    assert not records(found, "container_exited")


def test_its_processes_count_on_top_of_those_that_the_container_has() -> None:
    found = world(until="5m", container=", limits: {pids: 100}", uses=", processes: 20")
    assert only(found, "fork_bomb_limited")["value"] == 100
    (bomb,) = found.machines.bombs.on(0)
    assert (bomb.use.forked, bomb.processes.count) == (81, 100)
    assert found.machines.processes.table(0).tasks == SYSTEM_TASKS + 100


def test_alone_it_grows_as_its_quota_lets_it() -> None:
    found = world(until="5m", container=", limits: {cpu: 500m, pids: 1000}")
    began, limited = only(found, "fork_bomb_began"), only(found, "fork_bomb_limited")
    assert began["time_s"] == 10.0
    law = ForkBomb(100.0, 0.5)
    assert limited["time_s"] - 10.0 == pytest.approx(law.time_to_s(1, 1000), rel=1e-6)
    for row in records(found, "fork_bomb_grew"):
        assert row["time_s"] - 10.0 == pytest.approx(law.time_to_s(1, row["value"]), rel=1e-6)


def test_without_cgroups_it_crowds_out_others_as_threads_do() -> None:
    """600 threads of others, each as good as one of the bomb's: n + 600 ln n grows by 100 x 4 a second."""
    busy = "  - {name: busy, replicas: 1, pod: {containers: [{name: app, uses: {threads: 600}}]}}"
    found = world(until="5m", caps="{default: none, pids: 5000}", more=busy)
    began, limited = only(found, "fork_bomb_began"), only(found, "fork_bomb_limited")
    took_s = limited["time_s"] - began["time_s"]
    assert took_s == pytest.approx(ForkBomb(100.0, 4.0, 600.0).time_to_s(1, 5000), rel=1e-6)
    rates = {task.asker.pod: task.rate for task in found.machines.usages.kernels.tasks(0)}
    assert sorted(rates.values()) == pytest.approx([4 * 600 / 5600, 4 * 5000 / 5600])


def test_in_a_cgroup_others_keep_what_their_weight_gives_them() -> None:
    busy = (
        "  - {name: busy, replicas: 1, pod: {containers: [{name: app, cpu: 3, uses: {cpu: 3, threads: 12}}]}}"
    )
    found = world(until="5m", caps="{default: shares, pids: 5000}", container=", cpu: 1", more=busy)
    rates = sorted(task.rate for task in found.machines.usages.kernels.tasks(0))
    assert rates == pytest.approx([1.0, 3.0], abs=0.01)


def test_a_container_that_is_refused_a_process_at_its_start_ends_as_a_shell_does() -> None:
    more = "  - {name: many, replicas: 1, pod: {containers: [{name: app, limits: {pids: 10}, uses: {processes: 11}}]}}"
    found = world(until="2m", more=more, container=", limits: {pids: 5}")
    refused = [row for row in records(found, "fork_refused") if "many" in row["object"]]
    ends = [row for row in records(found, "container_exited") if "many" in row["object"]]
    assert {(row["value"], row["reason"]) for row in refused} == {
        (10.0, "EAGAIN: pids.max 10 of its container")
    }
    assert [row["container_exited_code"] for row in ends] == [2] * len(ends)
    assert [row["cause"] for row in ends] == [row["seq"] for row in refused]
    assert len(ends) >= 3
    assert only(found, "fork_bomb_limited")["value"] == 5


def test_where_the_first_process_is_the_worst_all_die_of_the_memory_limit() -> None:
    found = world(until="5m", container=", limits: {memory: 100Mi}", uses=", memory: 50Mi")
    killed, limited = records(found, "container_out_of_memory"), records(found, "fork_bomb_limited")
    ends = records(found, "container_exited")
    assert len(killed) == len(limited) == len(ends) >= 3
    assert {row["value"] for row in limited} == {50 * 1024 // 200}
    assert {row["container_exited_code"] for row in ends} == {137}
    assert [row["cause"] for row in killed] == [row["seq"] for row in limited]
    assert [row["cause"] for row in ends] == [row["seq"] for row in killed]
    table = found.machines.processes.table(0)
    alive = sum(bomb.processes.count for bomb in found.machines.bombs.on(0))
    assert table.tasks == SYSTEM_TASKS + alive


def test_with_oom_groups_all_die_of_it_though_a_child_is_the_worst() -> None:
    words = {"container": ", limits: {memory: 100Mi}", "minion": ", kernel: {version: '5.10', cgroup: v2}"}
    found = world("constants.memory_oom_group_count=1", until="3m", **words)
    killed = records(found, "container_out_of_memory")
    assert len(killed) >= 2
    assert {row["cause"] for row in killed} == {row["seq"] for row in records(found, "fork_bomb_limited")}
    assert not records(world(until="3m", **words), "container_out_of_memory")


def test_a_bomb_without_a_limit_takes_its_minions_memory() -> None:
    """16 GiB of 200 KiB each are 83,886 processes; the pod is of class BestEffort, so the kernel chooses it."""
    found = world("constants.eviction_hard_memory_bytes=0", until="20m", minion=", kernel: {pidMax: 4194304}")
    limited = only(found, "fork_bomb_limited")
    assert limited["reason"] == "the memory of its minion"
    assert limited["value"] == pytest.approx(16 * 2**20 / 200, rel=0.02)


def test_a_bomb_is_evicted_before_that_where_the_kubelet_sees_it_in_time() -> None:
    found = world(until="20m", minion=", kernel: {pidMax: 4194304}", forks="{perCpuSecond: 20, at: 10s}")
    evicted = records(found, "pod_evicted")
    assert evicted
    assert evicted[0]["object"] == "pod/default/bomb-0"
    assert not records(found, "fork_bomb_limited")


_SERVER = """  - name: server
    replicas: 2
    start: START
    pod: {containers: [{name: app, cpu: 100m, uses: {cpu: 100m}, probes: {liveness: {period: 10s}}}]}"""


def test_where_all_numbers_are_gone_the_minion_goes_down_step_by_step() -> None:
    found = world(
        until="20m",
        minions=3,
        forks="{perCpuSecond: 1000, after: 10s}",
        more=_SERVER.replace("START", "0s"),
        caps="shares",
        container=", cpu: 100m",
    )
    exhausted = records(found, "processes_exhausted")[0]
    assert exhausted["object"] == "minion/m-0"
    assert exhausted["reason"] == "pid_max 32768 of its minion: fork bomb in pod/default/bomb-0"
    # Probes by exec fail at once, though there is CPU: three in a row, and nothing can be killed.
    failed = [row for row in records(found, "probe_failed") if row["minion"] == "minion/m-0"]
    assert {row["cause"] for row in failed} == {exhausted["seq"]}
    assert not [row for row in records(found, "container_exited") if row["minion"] == "minion/m-0"]
    # The lease goes on: Ready until the relist is 3 min old, False with the next status.
    condition = records(found, "minion_condition")[0]
    assert condition["reason"] == "False: PLEG is not healthy"
    assert condition["cause"] == exhausted["seq"]
    assert 179.0 <= condition["time_s"] - exhausted["time_s"] <= 190.0
    taints = [row for row in records(found, "minion_tainted") if row["object"] == "minion/m-0"]
    assert [row["reason"] for row in taints] == [
        "node.kubernetes.io/not-ready:NoSchedule",
        "node.kubernetes.io/not-ready:NoExecute node.kubernetes.io/not-ready:NoSchedule",
    ]
    assert taints[0]["time_s"] - condition["time_s"] < 0.1
    assert taints[1]["time_s"] - condition["time_s"] < 5.2
    # What is there is evicted after its toleration; it cannot be killed, and the bomb follows to the next minion.
    ends = [row for row in records(found, "pod_terminating") if row["cause"] == taints[1]["seq"]]
    assert len(ends) == 3
    assert {round(row["time_s"] - taints[1]["time_s"]) for row in ends} == {300}
    assert not [row for row in records(found, "pod_removed") if row["object"] == "pod/default/bomb-0"]
    after = next(row for row in records(found, "pod_bound") if row["object"] == "pod/default/bomb-1")
    assert after["minion"] == "minion/m-1"
    assert [row["object"] for row in records(found, "processes_exhausted")] == [
        f"minion/m-{i}" for i in range(3)
    ]


def test_what_waited_is_done_when_processes_can_be_started_again() -> None:
    """The bomb ends by itself after 10 min: probes pass, who failed is killed, who came is started, Ready is True."""
    found = world(
        until="20m",
        forks="{perCpuSecond: 1000, after: 10s}, memory: 1Mi",
        caps="shares",
        container=", cpu: 100m, runs: 10m",
        more=_SERVER.replace("START", "2m"),
    )
    exhausted, freed = records(found, "processes_exhausted")[0], records(found, "processes_freed")[0]
    begun = [row for row in records(found, "container_started") if "server" in row["object"]]
    assert freed["time_s"] == pytest.approx(601.0, abs=0.1)
    assert not [row for row in records(found, "container_exited") if row["reason"] == "ContainerCannotRun"]
    assert len({row["object"] for row in begun}) == 2
    assert all(row["time_s"] >= freed["time_s"] for row in begun)
    assert len([row for row in records(found, "fork_refused") if row["reason"].endswith("SandBox")]) == 2
    ready = [row for row in records(found, "minion_condition") if row["value"]]
    assert ready[0]["cause"] == freed["seq"]
    assert 0.0 <= ready[0]["time_s"] - freed["time_s"] <= 11.0
    assert exhausted["time_s"] < 120.0


def test_a_container_that_restarts_meanwhile_cannot_run() -> None:
    more = "  - {name: crash, replicas: 1, pod: {containers: [{name: app, runs: 30s, exitCode: 1}]}}"
    found = world(until="5m", forks="{perCpuSecond: 1000, at: 10s}", more=more)
    exhausted = only(found, "processes_exhausted")
    ends = [row for row in records(found, "container_exited") if "crash" in row["object"]]
    assert [row["container_exited_code"] for row in ends][:3] == [1, 128, 128]
    assert [row["reason"] for row in ends][1:] == ["ContainerCannotRun"] * (len(ends) - 1)
    assert {row["cause"] for row in ends[1:]} == {exhausted["seq"]}


def test_a_crash_frees_a_minion_of_its_bomb() -> None:
    found = world(
        until="20m",
        forks="{perCpuSecond: 1000, after: 15m}",
        faults="{at: 5m, crash: {minion: m-0}, repair: 2m}",
        minions=2,
    )
    assert not records(found, "fork_bomb_began") or records(found, "fork_bomb_began")[0]["time_s"] > 900.0
    found = world(
        until="12m",
        forks="{perCpuSecond: 1000, at: 10s}",
        faults="{at: 5m, crash: {minion: m-0}, repair: 20s}",
        minions=2,
    )
    freed, ready = only(found, "processes_freed"), records(found, "minion_condition")
    assert freed["time_s"] == 300.0
    assert [bool(row["value"]) for row in ready][:2] == [False, True]
    assert ready[1]["time_s"] == pytest.approx(320.0, abs=0.1)
    assert len(records(found, "processes_exhausted")) == 2  # the bomb is in the image, and is started again


def test_a_minion_that_was_not_ready_and_falls_silent_has_the_taints_of_the_unreachable() -> None:
    found = world(
        until="10m",
        forks="{perCpuSecond: 1000, at: 10s}",
        faults="{at: 5m, crash: {minion: m-0}}",
        minions=4,
    )
    of_it = [row for row in records(found, "minion_tainted") if row["object"] == "minion/m-0"]
    conditions = [
        row["reason"] for row in records(found, "minion_condition") if row["object"] == "minion/m-0"
    ]
    assert conditions == ["False: PLEG is not healthy", "Unknown"]
    assert of_it[-1]["reason"] == (
        "node.kubernetes.io/unreachable:NoExecute node.kubernetes.io/unreachable:NoSchedule"
    )


def test_a_controller_that_starts_afresh_finds_who_is_not_ready() -> None:
    found = world(
        until="15m",
        forks="{perCpuSecond: 1000, at: 10s}",
        faults="{at: 4m, restart: {client: lifecycle}}, {at: 4m, restart: {client: lifecycle}}",
        minions=4,
    )
    ends = [row for row in records(found, "pod_terminating") if row["object"] == "pod/default/bomb-0"]
    assert len(ends) == 1
    assert ends[0]["time_s"] == pytest.approx(540.0, abs=0.1)  # the time that pods bear it begins anew
