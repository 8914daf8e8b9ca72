"""Virtual machines that want more CPUs than their host has: who waits, for how long, and that nothing is lost."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.machines.hosts import max_min
from sim.journalchunks import ChunkMemory
from tests.support.worlds import ran, records

CLUSTER = """
until: 1h
cluster:
  hosts: [{{name: metal, count: {hosts}, cpu: 4, memory: 64Gi}}]
  minions: [{{name: vm, count: 2, cpu: 4, memory: 8Gi, vm: {{host: metal, speed: 1, guestMemory: 1Gi}}}}]
workloads:
  - {{name: long, count: 1, arrivals: {{at: 0s}}, pod: {{minions: vm-0, cpu: 4, uses: {{threads: 4, work: 400s}}}}}}
  - {{name: short, count: 1, arrivals: {{at: 0s}}, pod: {{minions: vm-1, cpu: 4, uses: {{threads: 4, work: {work}}}}}}}
"""


def ends(hosts: int, work: str = "200s", *sets: str) -> dict[str, float]:
    world = ran(CLUSTER.format(hosts=hosts, work=work), *sets)
    return {row["object"].split("/")[-1]: row["time_s"] for row in records(world, "pod_succeeded")}


def test_guests_of_one_host_share_its_cpus_and_what_one_leaves_the_other_has() -> None:
    # Two cores each until the short one has had its 200 s, at 100 s; then four for the 200 s that are left.
    assert ends(1) == pytest.approx({"short-0": 100.0, "long-0": 150.0})


def test_guests_of_two_hosts_do_not() -> None:
    assert ends(2) == pytest.approx({"short-0": 50.0, "long-0": 100.0})


def test_who_wants_less_than_its_part_waits_for_nobody() -> None:
    found = ends(1, "50s", "workloads.1.pod.uses.threads=1")
    # One core for 50 s; three, then four for the other.
    assert found == pytest.approx({"short-0": 50.0, "long-0": 50.0 + 250.0 / 4})


def test_what_is_stolen_is_told() -> None:
    world = ran(CLUSTER.format(hosts=1, work="200s"))
    sink = world.sinks.series
    assert isinstance(sink, ChunkMemory)
    stolen = [
        (row["time_s"], row["value"])
        for row in sink.whole().to_pylist()
        if row["series"] == "host_cpu_stolen_millicores"
    ]
    assert stolen[-2:] == [(0.0, 4000.0), (pytest.approx(100.0), 0.0)]


@given(st.lists(st.floats(0.0, 8.0), min_size=1, max_size=8), st.floats(0.1, 16.0))
def test_max_min_is_fair_and_leaves_nothing(wanted: list[float], cores: float) -> None:
    got = max_min(wanted, cores)
    assert math.isclose(sum(got), min(cores, sum(wanted)), abs_tol=1e-9)
    for mine, want in zip(got, wanted, strict=True):
        assert mine <= want + 1e-12
        if mine < want - 1e-9:
            assert all(mine >= other - 1e-9 for other in got)


def test_containers_that_are_held_to_one_cpu_share_it_also_where_cpus_are_stolen() -> None:
    main = "{name: main, cpu: 1, limits: {cpuset: '3'}, uses: {threads: 1, work: 40s}}"
    pod = f"{{minions: vm-1, restartPolicy: Never, containers: [{main}]}}"
    world = ran(CLUSTER.format(hosts=1, work="200s"), f"workloads.1.pod={pod}", "workloads.1.count=3")
    times = [row["time_s"] for row in records(world, "pod_succeeded") if "short" in row["object"]]
    # They ask for three CPUs and have the last of four, which their host holds back for none of its time.
    assert times == pytest.approx([120.0] * 3, abs=2.0)
