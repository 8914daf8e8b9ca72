"""Kubelets that evict: who goes when, what the master hears, and who is kept off meanwhile."""

from __future__ import annotations

from itertools import pairwise

import pytest

from models.world import World
from tests.support.worlds import ran, records

MIB = 2**20
_TEXT = """
until: {until}
cluster: {{minions: [{{name: m, count: {minions}, cpu: 4, memory: 4Gi}}]}}
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms}}
kubelet: {{start: 1s, ready: 0s, terminate: 1s}}
policy: {{scheduler: first-fit}}
faults: [{faults}]
controllers:
  - name: leaky
    replicas: 1
    pod: {{priority: {priority}, containers: [
      {{name: app, cpu: 100m, memory: {request}, uses: {{memory: 200Mi, leak: {leak}}}}}]}}
{more}
"""
_CALM = (
    "  - {name: calm, replicas: 2, pod: {containers: [{name: app, memory: 300Mi, uses: {memory: 300Mi}}]}}"
)
_BARE = "  - {name: bare, replicas: 1, start: 9m, pod: {containers: [{name: app, uses: {cpu: 10m}}]}}"


def world(
    *sets: str,
    leak: str = "8Mi/s",
    until: str = "20m",
    minions: int = 1,
    request: str = "100Mi",
    priority: int = 0,
    faults: str = "",
    more: str = _CALM,
) -> World:
    given = {"priority": priority, "request": request, "faults": faults, "more": more}
    return ran(_TEXT.format(leak=leak, until=until, minions=minions, **given), *sets)


def first(found: World, kind: str) -> dict[str, object]:
    return records(found, kind)[0]


def test_a_slow_leak_is_evicted_and_a_fast_one_is_killed_by_the_kernel() -> None:
    slow, fast = world(), world(leak="400Mi/s")
    assert [row["object"] for row in records(slow, "pod_evicted")][:2] == [
        "pod/default/leaky-0",
        "pod/default/leaky-1",
    ]
    assert not records(slow, "container_out_of_memory")
    assert not records(fast, "pod_evicted")
    assert records(fast, "container_out_of_memory")


def test_an_eviction_comes_at_a_pass_after_the_threshold_and_not_at_the_next() -> None:
    found = world()
    started = next(row for row in records(found, "container_started") if "leaky" in row["object"])
    evicted = first(found, "pod_evicted")
    crossed_s = started["time_s"] + (4096 - 100 - 600 - 200) / 8
    phase_s = found.plan.streams.stream("kubelet.eviction_phase").at("m", 0) * 10
    assert 0 < evicted["time_s"] - crossed_s <= 10
    assert (evicted["time_s"] - phase_s) % 10 == pytest.approx(0, abs=1e-6)


def test_the_words_are_the_kubelets() -> None:
    """evictionMessage() of k/k:pkg/kubelet/eviction/helpers.go, v1.20."""
    found = world()
    evicted, low = first(found, "pod_evicted"), first(found, "minion_low")
    usage = evicted["value"]
    assert evicted["reason"] == (
        "The node was low on resource: memory. "
        f"Container app was using {int(usage) // 1024}Ki, which exceeds its request of 100Mi."
    )
    assert usage % 4096 == 0
    assert 4096 * MIB - usage - 600 * MIB == pytest.approx(low["value"], abs=4096)
    assert low["value"] < 100 * MIB
    assert low["reason"].startswith("pod/default/leaky-0 leaked, ")


def test_a_pod_that_is_evicted_fails_and_is_replaced() -> None:
    found = world(until="500s")
    failed = first(found, "pod_failed")
    assert (failed["object"], failed["reason"]) == ("pod/default/leaky-0", "Evicted")
    exited = [row for row in records(found, "container_exited") if "leaky-0" in row["object"]]
    assert [(row["container_exited_code"], row["reason"]) for row in exited] == [(137, "Evicted")]
    assert exited[0]["time_s"] == failed["time_s"] == first(found, "pod_evicted")["time_s"]
    assert [pod.status.phase for pod in found.pods_there() if pod.status] == ["Running"] * 3
    assert "pod/default/leaky-1" in [row["object"] for row in records(found, "pod_started")]
    chain = [first(found, kind)["seq"] for kind in ("minion_low", "pod_evicted")]
    assert first(found, "pod_evicted")["cause"] == chain[0]
    assert exited[0]["cause"] == chain[1]


def test_the_condition_reaches_the_master_with_the_next_status_and_holds_for_five_minutes() -> None:
    found = world(until="800s")
    low_s = [row["time_s"] for row in records(found, "minion_low")]
    on, off = records(found, "minion_pressed")
    phase_s = found.plan.streams.stream("kubelet.status_phase").at("m", 0) * 10
    assert (on["value"], off["value"]) == (1.0, 0.0)
    assert 0 <= on["time_s"] - low_s[0] < 10
    assert (on["time_s"] - phase_s) % 10 == pytest.approx(0, abs=1e-6)
    assert 300 <= off["time_s"] - low_s[0] < 320
    tainted = [(row["time_s"], row["reason"]) for row in records(found, "minion_tainted")]
    assert [reason for _, reason in tainted] == ["node.kubernetes.io/memory-pressure:NoSchedule", ""]
    assert all(0 < t - each["time_s"] < 0.1 for (t, _), each in zip(tainted, (on, off), strict=True))


def test_under_pressure_only_pods_of_class_best_effort_are_kept_off() -> None:
    found = world("controllers.bare.start=500s", until="850s", more=_BARE)
    off_s = records(found, "minion_pressed")[1]["time_s"]
    bound = {row["object"]: row["time_s"] for row in records(found, "pod_bound")}
    assert bound["pod/default/leaky-1"] < off_s <= bound["pod/default/bare-0"]
    asks = _BARE.replace("name: app,", "name: app, cpu: 10m,")
    for tolerated, waits in (("1", False), ("0", True)):
        sets = (f"constants.memory_pressure_tolerated_count={tolerated}", "controllers.bare.start=500s")
        found = world(*sets, until="850s", more=asks)
        off_s = records(found, "minion_pressed")[1]["time_s"]
        bound = {row["object"]: row["time_s"] for row in records(found, "pod_bound")}
        assert (bound["pod/default/bare-0"] >= off_s) is waits


def test_a_kubelet_turns_away_who_asked_for_nothing_before_the_master_knows() -> None:
    found = world("constants.node_status_update_period_s=10000", "controllers.bare.start=480s", more=_BARE)
    assert not records(found, "minion_pressed")
    refused = [row for row in records(found, "pod_failed") if "bare" in row["object"]]
    assert {row["reason"] for row in refused} == {"Evicted"}
    assert len(refused) > 3
    started = [row["object"] for row in records(found, "container_started") if "bare" in row["object"]]
    assert len(started) == 1  # once the pressure was over


def test_evictions_go_on_a_second_after_a_pod_until_enough_is_free() -> None:
    """Eight pods that came to hold too much at once: one goes a pass, and passes follow each other meanwhile."""
    big = _CALM.replace("replicas: 2", "replicas: 7").replace(
        "memory: 300Mi, uses: {memory: 300Mi}", "memory: 400Mi, uses: {memory: 500Mi}"
    )
    found = world("constants.eviction_hard_memory_bytes=1500000000", leak="1k/s", more=big, until="60s")
    times = [row["time_s"] for row in records(found, "pod_evicted")]
    assert [later - earlier for earlier, later in pairwise(times[:3])] == pytest.approx([1.0, 1.0])
    gone = [row["object"] for row in records(found, "pod_evicted")]
    assert gone[:2] == [
        "pod/default/leaky-0",
        "pod/default/calm-0",
    ]  # the one that leaks is a little more over


def test_a_minion_that_is_never_low_costs_no_event() -> None:
    short, long = (world(leak="1k/s", until=until) for until in ("10m", "20h"))
    assert long.engine.dispatched == short.engine.dispatched


def test_a_threshold_of_nothing_evicts_nobody() -> None:
    found = world("constants.eviction_hard_memory_bytes=0")
    assert not records(found, "pod_evicted", "minion_low", "minion_pressed")
    assert records(found, "container_out_of_memory")


def test_of_those_that_asked_for_what_they_use_the_least_important_goes_though_it_uses_nothing() -> None:
    plain = "  - {name: plain, replicas: 1, pod: {cpu: 100m, memory: 90Mi}}"
    found = world("constants.eviction_hard_memory_bytes=209715200", request="4000Mi", priority=10, more=plain)
    gone = records(found, "pod_evicted")
    assert [row["object"] for row in gone][:2] == ["pod/default/plain-0", "pod/default/plain-1"]
    assert gone[0]["reason"] == "The node was low on resource: memory."
    assert [row["reason"] for row in records(found, "pod_failed") if "plain-0" in row["object"]] == [
        "Evicted"
    ]


def test_a_crash_forgets_the_pressure_and_the_master_hears_of_it_when_the_minion_is_back() -> None:
    crash = "{name: c, at: 480s, crash: {minions: all}, repair: 1m}"
    found = world(until="900s", faults=crash)
    on, off = records(found, "minion_pressed")
    assert on["time_s"] < 480
    assert 540 <= off["time_s"] < 545
    taints = [row["reason"] for row in records(found, "minion_tainted")]
    assert taints[0] == "node.kubernetes.io/memory-pressure:NoSchedule"
    assert taints[-1] == ""


def test_while_its_master_is_away_a_minion_evicts_and_tells_it_later() -> None:
    found = world(until="900s", faults="{name: o, at: 400s, outage: {of: master}, for: 100s}")
    evicted, failed = first(found, "pod_evicted"), first(found, "pod_failed")
    assert 400 < evicted["time_s"] < 500 <= failed["time_s"]
    assert first(found, "minion_pressed")["time_s"] >= 500
