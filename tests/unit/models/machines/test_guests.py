"""Virtual machines as minions: where they are put, what they cost, and that a host takes its guests along."""

from __future__ import annotations

import pytest

from models.api.loading import load_scenario_text
from models.api.specs_hosts import HOST_LABEL
from models.catalog import vocabulary
from sim.errors import ScenarioError
from tests.support.worlds import GIB, ran, records, world_of

CLUSTER = """
cluster:
  hosts: [{name: metal, count: 2, cpu: 16, memory: 64Gi}]
  minions: [{name: vm, count: 4, cpu: 4, memory: 16Gi, vm: {host: metal, boot: 30s, speed: 0.8, guestMemory: 1Gi}}]
"""
JOB = """
workloads:
  - {name: job, count: 1, arrivals: {at: 0s}, pod: {cpu: 1, uses: {threads: 1, work: 60s}}}
"""


def test_guests_are_dealt_to_hosts_in_turn_and_their_kernels_take_memory() -> None:
    minions = world_of(CLUSTER + JOB).plan.minions
    assert [ask.labels[HOST_LABEL] for ask in minions] == ["metal-0", "metal-1", "metal-0", "metal-1"]
    assert {ask.memory_bytes - ask.reserved_memory_bytes for ask in minions} == {15 * GIB}


def test_pools_of_one_host_are_dealt_one_after_the_other() -> None:
    more = CLUSTER.replace("minions: [", "minions: [{name: odd, cpu: 1, memory: 2Gi, vm: {host: metal}}, ")
    assert [ask.labels[HOST_LABEL][-1] for ask in world_of(more + JOB).plan.minions] == [
        "0",
        "1",
        "0",
        "1",
        "0",
    ]


def test_work_takes_longer_on_virtual_cpus() -> None:
    (ended,) = records(ran("until: 1h" + CLUSTER + JOB), "pod_succeeded")
    assert ended["time_s"] == pytest.approx(60 / 0.8)


def test_a_server_wants_more_of_virtual_cpus_and_no_more_than_its_threads() -> None:
    text = "until: 1h" + CLUSTER + JOB.replace("threads: 1, work: 60s", "cpu: 900m, work: 90s")
    (ended,) = records(ran(text), "pod_succeeded")
    # 0.9 cores of bare metal are 1.125 virtual ones; it has one thread.
    assert ended["time_s"] == pytest.approx(90 / 0.8)


def test_a_host_takes_its_guests_along_and_they_boot_when_it_is_back() -> None:
    fault = f"""
faults: [{{name: dies, at: 10s, crash: {{minions: {HOST_LABEL}=metal-1, together: {HOST_LABEL}}}, repair: 10m}}]
"""
    world = ran("until: 1h\nworkloads: []" + CLUSTER + fault)
    story = [
        (row["kind"], row["time_s"], row["minion"])
        for row in records(world, "minion_crashed", "minion_repaired")
    ]
    assert story == [
        ("minion_crashed", 10.0, "minion/vm-1"),
        ("minion_crashed", 10.0, "minion/vm-3"),
        ("minion_repaired", 640.0, "minion/vm-1"),
        ("minion_repaired", 640.0, "minion/vm-3"),
    ]


def test_racks_that_share_a_clock_fail_together_and_apart_from_others() -> None:
    text = """
seed: 3
until: 300d
cluster: {minions: [{name: web, count: 12, cpu: 1, memory: 1Gi, domains: {rack: 3}}, {name: lone, cpu: 1, memory: 1Gi}]}
workloads: []
faults:
  - {crash: {minions: all, together: rack}, timeToFailure: {exponential: {mean: 30d}}, repair: {exponential: {mean: 1d}}}
"""
    crashes: dict[float, set[str]] = {}
    for row in records(ran(text), "minion_crashed"):
        crashes.setdefault(row["time_s"], set()).add(row["minion"].removeprefix("minion/"))
    racks = [{f"web-{i}" for i in range(4 * n, 4 * n + 4)} for n in range(3)]
    assert all(found in (*racks, {"lone"}) for found in crashes.values())
    assert all(rack in crashes.values() for rack in (*racks, {"lone"}))


@pytest.mark.parametrize(
    ("old", "new", "sentence", "line"),
    [
        ("host: metal", "host: metl", "there are no hosts 'metl' in this cluster", 6),
        ("memory: 64Gi", "memory: 32Gi", "need 32.2421 GiB of memory, of which it has 32", 6),
        ("cpu: 16,", "cpu: 3,", "a virtual machine of 4 CPUs needs a host of as many, not of 3", 6),
        (
            "speed: 0.8",
            "speed: 1.2",
            "expected a share of a host's CPU between 0.01 and 1",
            6,
        ),
        ("guestMemory: 1Gi", "guestMemory: 17Gi", "are more than the minion's", 6),
        ("together: wavetank/host", "together: wavetank/hots", "no minion has a label 'wavetank/hots'", 8),
    ],
)
def test_what_cannot_be_is_told_with_its_line(old: str, new: str, sentence: str, line: int) -> None:
    text = (
        "apiVersion: wavetank/v1\nname: test\nuntil: 1h"
        + CLUSTER.rstrip()
        + "\nfaults:\n  - {at: 1m, crash: {minions: all, together: wavetank/host}}\nworkloads: []\n"
    )
    assert old in text
    with pytest.raises(ScenarioError) as error:
        load_scenario_text(text.replace(old, new), "test.yaml", vocabulary=vocabulary())
    (found,) = error.value.diagnostics
    assert sentence in found.message
    assert found.line == line
