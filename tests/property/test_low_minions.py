"""Minions that run low on memory in drawn clusters: what must hold whoever leaks, reads, crashes or is cut off."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.support.worlds import records, world_of

_MINIONS = 2


@st.composite
def _uses(draw: Any) -> str:
    words = [f"memory: {draw(st.sampled_from([10, 200, 600]))}Mi"]
    words += draw(st.sampled_from([[], [], ["leak: 1Mi/s"], ["leak: 8Mi/s"], ["leak: 100Mi/s"]]))
    words += draw(st.sampled_from([[], ["process: child"]]))
    words += draw(st.sampled_from([[], ["reads: 20Mi"], ["reads: 1500Mi"]]))
    words += draw(st.sampled_from([[], [], ["threads: 4"], ["cpu: 500m"]]))
    words += draw(st.sampled_from([[], [], [], ["forks: {perCpuSecond: 20, after: 30s}"]]))
    return f"{{{', '.join(words)}}}"


@st.composite
def _container(draw: Any, name: str) -> str:
    words = [f"name: {name}"]
    words += draw(st.sampled_from([[], ["memory: 50Mi"], ["memory: 400Mi"]]))
    words += draw(st.sampled_from([[], ["limits: {memory: 500Mi}"]]))
    words += draw(st.sampled_from([[], [], ["runs: 90s", "exitCode: 1"]]))
    words += draw(st.sampled_from([[], ["image: web"], ["image: job"]]))
    words += draw(st.sampled_from([[], ["probes: {readiness: {}}"]]))
    return f"{{{', '.join(words)}, uses: {draw(_uses())}}}"


@st.composite
def _controller(draw: Any, number: int) -> str:
    priority = draw(st.sampled_from([0, 0, 5, -3]))
    names = draw(st.sampled_from([["a"], ["a", "b"]]))
    containers = f"containers: [{', '.join(draw(_container(name)) for name in names)}]"
    pod = draw(st.sampled_from([containers, containers, containers, "cpu: 10m, memory: 50Mi"]))
    replicas, later = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    start = draw(st.sampled_from(["0s", "1m", "5m"]))
    return (
        f"  - {{name: c{number}, replicas: {replicas}, start: {start}, scale: [{{at: 6m, replicas: {later}}}], "
        f"pod: {{priority: {priority}, {pod}}}}}"
    )


_FAULTS = st.lists(
    st.tuples(
        st.sampled_from(["100s", "250s", "5m"]),
        st.sampled_from(
            [
                "crash: {minions: m-0}, repair: 40s",
                "cutOff: {minions: m-1}, for: 90s",
                "outage: {of: master}, for: 50s",
                "kill: {pods: c0}",
                "kill: {pods: c1, mode: kill}",
                "drain: {minions: m-1}",
            ]
        ),
    ),
    max_size=3,
)
_CLUSTERS = st.tuples(
    st.tuples(_controller(0), _controller(1), _controller(2)),
    _FAULTS,
    st.sampled_from(["v1", "v2"]),
    st.sampled_from([0, 1]),
    st.sampled_from([104857600, 500000000]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_CLUSTERS)
def test_what_is_held_fits_and_every_eviction_has_a_cause_and_an_end(cluster: Any) -> None:
    event(f"evicted: {evictions_of(cluster) > 0}")


def test_one_cluster_of_the_kind_does_evict() -> None:
    leaks = "{name: a, memory: 50Mi, uses: {memory: 200Mi, leak: 1Mi/s}}"
    pod = f"pod: {{priority: 0, containers: [{leaks}]}}"
    leaky = f"  - {{name: c0, replicas: 5, start: 0s, scale: [{{at: 6m, replicas: 5}}], {pod}}}"
    assert evictions_of(((leaky,), [], "v1", 0, 104857600)) > 2


def evictions_of(cluster: Any) -> int:
    """How many pods a drawn cluster evicts; all that must hold of it is seen to."""
    controllers, faults, cgroup, group, threshold = cluster
    told = ", ".join(f"{{name: f{i}, at: {at}, {what}}}" for i, (at, what) in enumerate(faults))
    lines = "\n".join(controllers)
    world = world_of(f"""
until: 10m
checks: full
cluster: {{minions: [{{name: m, count: {_MINIONS}, cpu: 4, memory: 2Gi, kernel: {{version: "5.15", cgroup: {cgroup}}}}}]}}
master: {{timing: kubernetes}}
constants: {{memory_oom_group_count: {group}, eviction_hard_memory_bytes: {threshold}}}
faults: [{told}]
controllers:
{lines}
""")
    world.run()
    now_s, machines = world.engine.now_s, world.machines
    for minion in range(_MINIONS):
        free = machines.memories.free_bytes(minion)
        held = sum(task.at(now_s) for task in machines.memories.tasks(minion))
        machines.files.settle(minion)
        assert held <= free * (1 + 1e-9)
        assert held + machines.files.cached_bytes(minion) <= free + 4096 * 20
    rows = records(world)
    by_seq = {row["seq"]: row for row in rows}
    failed = {row["object"] for row in rows if row["kind"] in {"pod_failed", "pod_removed"}}
    away = any("cutOff" in what or "outage" in what or "crash" in what for _, what in faults)
    for row in rows:
        if row["kind"] == "pod_evicted":
            low = by_seq[row["cause"]]
            assert (low["kind"], low["minion"], low["time_s"]) == ("minion_low", row["minion"], row["time_s"])
            assert low["value"] < threshold
            assert away or row["time_s"] > now_s - 30 or row["object"] in failed
        if row["kind"] == "pod_started":
            earlier = [r for r in rows if r["kind"] == "pod_evicted" and r["object"] == row["object"]]
            assert all(each["time_s"] >= row["time_s"] for each in earlier)
    return sum(row["kind"] == "pod_evicted" for row in rows)
