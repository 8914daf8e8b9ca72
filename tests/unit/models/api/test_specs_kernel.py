"""Kernels of minions and limits of processes: what a scenario's words become, and what is refused as by whom."""

from __future__ import annotations

import pytest

from models.api.kernels import MinionKernel, RawLimits
from models.api.loading import load_scenario_text
from models.api.specs import Scenario
from models.behaviours import Behaviours
from models.catalog import vocabulary
from models.kernel.cgrouptrees import PodOnMinion, kubelet_tree
from models.kernel.cpugroups import CpuQuota
from models.plan import make_plan
from sim.errors import ScenarioError


def scenario(minions: str, pod: str = "{containers: [{name: a}]}", more: str = "") -> Scenario:
    text = f"apiVersion: wavetank/v1\nname: t\nuntil: 1h\ncluster: {{minions: {minions}}}\n"
    text += f"controllers:\n  - name: web\n    pod: {pod}\n{more}"
    return load_scenario_text(text, "s.yaml", vocabulary=vocabulary())


def problems(minions: str, pod: str = "{containers: [{name: a}]}", more: str = "") -> list[str]:
    with pytest.raises(ScenarioError) as found:
        scenario(minions, pod, more)
    return [f"{each.line}:{each.column}: {each.message}" for each in found.value.diagnostics]


M = "name: m, cpu: 4, memory: 8Gi"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", MinionKernel("5.4", "v1", None, None, 0)),
        (", pids: 0", MinionKernel()),
        (", pids: -1", MinionKernel()),
        (", pids: 100", MinionKernel(pod_pids=100)),
        (
            ", kernel: {version: '6.1.0-13-amd64', cgroup: v2, pidMax: 4194304, threadsMax: 20}",
            MinionKernel("6.1.0-13-amd64", "v2", 4_194_304, 20),
        ),
    ],
)
def test_minions_have_the_kernel_that_their_pool_says(words: str, expected: MinionKernel) -> None:
    found = scenario(f"[{{{M}{words}}}]")
    assert make_plan(found).minions[0].kernel == expected
    assert Scenario.model_validate(found.to_plain()) == found


def test_limits_that_v1_does_not_know_reach_the_cgroups() -> None:
    found = scenario(
        f"[{{{M}}}]",
        "{containers: [{name: a, limits: {pids: 9, kernelMemory: 64Mi, cpuQuota: 20ms, cpuPeriod: 40ms, cpuset: '0-1,3'}}, "
        "{name: b, limits: {pids: -1, cpu: 1}}]}",
    )
    containers = found.controllers[0].pod.containers
    assert containers is not None
    first, second = containers.containers
    assert first.raw == RawLimits(9, 64 * 2**20, 20_000, 40_000, frozenset({0, 1, 3}))
    assert second.raw == RawLimits(0)
    assert Scenario.model_validate(found.to_plain()) == found
    tree = kubelet_tree([PodOnMinion("p", containers)], allocatable_millicores=4000)
    groups = {group.name: group for _, group in tree.walk()}
    assert (groups["a"].quota, groups["a"].pids_max, groups["a"].cpus) == (
        CpuQuota(20_000, 40_000),
        9,
        frozenset({0, 1, 3}),
    )
    assert (groups["b"].quota, groups["b"].pids_max, groups["b"].cpus) == (CpuQuota(100_000), None, None)


@pytest.mark.parametrize(
    ("caps", "expected"),
    [
        ("shares", None),
        ("{pids: 0}", 0),
        ("{pids: -1}", 0),
        ("{default: none, pids: 50}", 50),
        ("{pids: 50, pods: [{pods: app=a, cap: shares}, {pods: web, pids: 7}]}", 7),
        ("{pids: 50, pods: [{pods: web, pids: -1}, {pods: app=b, pids: 7}]}", 0),
    ],
)
def test_caps_say_how_many_processes_a_pod_may_have(caps: str, expected: int | None) -> None:
    found = scenario(f"[{{{M}}}]", "{labels: {app: a}, containers: [{name: a}]}", f"caps: {caps}\n")
    told = Behaviours((), found.caps).of(found.controllers[0].pod, "web").containers
    assert told is not None
    assert told.pids == expected


def test_what_no_kernel_takes_is_refused_in_its_words() -> None:
    pod = (
        "{containers: [{name: a, limits: {cpuQuota: 999us, cpuPeriod: 2s}}, {name: b, limits: {cpuPeriod: 10ms}},"
        " {name: c, limits: {cpu: 1, cpuQuota: 10ms}}, {name: d, limits: {cpuset: 3-1, pids: -2}}, {name: e, cpu: 2, limits: {cpu: 1}}]}"
    )
    assert problems(
        f"[{{{M}, kernel: {{version: 5.1, pidMax: 300, threadsMax: 19}}}}]",
        pod,
        "caps: {pods: [{pods: a=b}]}\n",
    ) == [
        '4:70: expected a kernel release in quotes, as "5.4", not the number 5.1',
        "4:83: expected kernel.pid_max between 301 and 4194304, but the value is 300",
        "4:100: expected kernel.threads-max between 20 and 1073741823, but the value is 19",
        "7:53: a CPU quota must be at least 1 ms, not 0.999 ms",
        "7:71: a CPU period must be 1 ms to 1 s, not 2000 ms",
        "7:96: 'cpuPeriod' needs 'cpuQuota': CPU time in each period, as 50ms",
        "7:142: 'cpuQuota' does not go with 'cpu', which is a quota too",
        "7:187: expected numbers of CPUs, as \"0-3,6\", not '3-1'",
        "7:198: expected a number of processes (0 or -1: no limit) between -1 and 4194304, but the value is -2",
        "7:236: the cpu limit is below the request: expected at least as much as 'cpu'",
        "8:15: expected 'cap' or 'pids', as {cap: shares}",
    ]


def test_what_a_minions_kernel_lacks_is_refused_with_its_sentence() -> None:
    pod = "{containers: [{name: a, limits: {pids: 5, kernelMemory: 64Mi, cpuset: 0-7}}]}"
    old, new = "kernel: {version: '4.2'}", "kernel: {version: '6.1', cgroup: v2}"
    assert problems(f"[{{{M}, {old}, pids: 7}}]", pod, "caps: {pids: 5, pods: [{pods: a=b, pids: 9}]}\n") == [
        "4:84: kernel 4.2 has no pids controller: it came with 4.3",
        "7:49: kernel 4.2 has no pids controller: it came with 4.3",
        "7:80: Requested CPUs are not available - requested 0-7, available: 0-3",
        "8:14: kernel 4.2 has no pids controller: it came with 4.3",
        "8:42: kernel 4.2 has no pids controller: it came with 4.3",
    ]
    assert problems(
        f"[{{{M}, {new}}}, {{name: o, cpu: 8, memory: 1Gi, kernel: {{version: '5.16'}}}}]", pod
    ) == [
        "7:66: cgroup v2 has no limit on kernel memory alone: it counts in memory.max (minions 'm')",
        "7:80: Requested CPUs are not available - requested 0-7, available: 0-3 (minions 'm')",
    ]
    assert problems(f"[{{{M}, kernel: {{version: '5.16'}}}}]", pod)[0].endswith("it went with 5.16")
    assert problems(
        f"[{{{M}, kernel: {{version: '6.13'}}}}]", "{containers: [{name: a, limits: {pidMax: 400}}]}"
    ) == ["7:51: kernel 6.13 has one kernel.pid_max for all: PID namespaces have their own from 6.14"]
    assert problems(f"[{{{M}, kernel: {{version: '4.14', cgroup: v2}}}}]") == [
        "4:86: kernel 4.14 has no cpu controller of cgroup v2: it came with 4.15"
    ]


def test_limits_are_held_against_the_minions_on_which_a_pod_may_run() -> None:
    pools = (
        f"[{{{M}, labels: {{old: 'yes'}}, kernel: {{version: '4.2'}}}}, {{name: big, cpu: 16, memory: 8Gi}}]"
    )
    pod = "{minions: MINIONS, containers: [{name: a, limits: {pids: 5, cpuset: 0-7}}]}"
    scenario(pools, pod.replace("MINIONS", "big"))
    scenario(pools, pod.replace("MINIONS", "'!old'"))
    assert len(problems(pools, pod.replace("MINIONS", "old=yes"))) == 2
    dealt = "[{name: m, count: 4, cpu: 4, memory: 1Gi, domains: {zone: [a, b], rack: 2}}]"
    for chosen in ("zone=b", "rack=rack-1", "m-3", "m"):
        assert len(problems(dealt, pod.replace("MINIONS", chosen))) == 1
    scenario(dealt, pod.replace("MINIONS", "zone=c"))
