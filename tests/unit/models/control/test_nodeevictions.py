"""Kubelets that evict: who goes when, what the master hears, and who is kept off meanwhile."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from models.kernel.evictionpasses import EvictionPasses
from models.world import World
from tests.support.worlds import ran, records

MIB = 2**20
_TEXT = """
until: {until}
cluster: {{minions: [{{name: m, count: {minions}, cpu: 4, memory: 4Gi}}]}}
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms}}
kubelet: {{start: {start}, ready: 0s, terminate: {terminate}}}
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
    start: str = "1s",
    terminate: str = "1s",
) -> World:
    given = {"priority": priority, "request": request, "faults": faults, "more": more}
    given |= {"start": start, "terminate": terminate}
    return ran(_TEXT.format(leak=leak, until=until, minions=minions, **given), *sets)


def first(found: World, kind: str) -> dict[str, Any]:
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
    late = ("constants.node_status_update_period_s=10000", "controllers.bare.start=480s")
    found = world(*late, more=_BARE)
    assert not records(found, "minion_pressed")
    refused = [row for row in records(found, "pod_failed") if "bare" in row["object"]]
    assert {row["reason"] for row in refused} == {"Evicted"}
    assert len(refused) > 3
    started = [row["object"] for row in records(found, "container_started") if "bare" in row["object"]]
    assert len(started) == 1  # once the pressure was over
    asks = _BARE.replace("name: app,", "name: app, cpu: 10m,")
    found = world(*late, "constants.memory_pressure_tolerated_count=0", more=asks)
    assert not [row for row in records(found, "pod_failed") if "bare" in row["object"]]


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


def test_only_passes_that_change_something_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[float] = []
    plain = EvictionPasses.make

    def make(self: EvictionPasses, now_s: float, *rest: Any) -> Any:
        made.append(now_s)
        return plain(self, now_s, *rest)

    monkeypatch.setattr(EvictionPasses, "make", make)
    found = world(until="1h")
    evicted = [row["time_s"] for row in records(found, "pod_evicted")]
    ended = [row["time_s"] for row in records(found, "minion_pressed") if not row["value"]]
    assert len(made) == len(evicted) + len(ended)
    assert set(evicted) <= set(made)


def test_the_words_name_only_containers_that_use_more_than_they_asked_for() -> None:
    two = """
  - name: two
    replicas: 1
    pod:
      priority: -1
      containers:
        - {name: over, memory: 100Mi, uses: {memory: 600Mi}}
        - {name: under, memory: 300Mi, uses: {memory: 200Mi}}"""
    found = world(more=two)
    evicted = first(found, "pod_evicted")
    assert evicted["object"] == "pod/default/two-0"
    assert evicted["reason"] == (
        "The node was low on resource: memory. "
        "Container over was using 600Mi, which exceeds its request of 100Mi."
    )
    assert evicted["value"] == 800 * MIB


def test_who_comes_to_a_minion_whose_file_pages_press_it_is_evicted_at_the_next_pass() -> None:
    """Active pages stay when those that read them are gone; whoever comes then can go."""
    more = """
  - name: web
    replicas: 2
    scale: [{at: 1m, replicas: 0}]
    pod: {containers: [{name: app, image: web, memory: 10Mi, uses: {memory: 10Mi, reads: 3900Mi}}]}
  - {name: plain, replicas: 1, start: 3m, pod: {cpu: 100m, memory: 90Mi}}"""
    found = world("controllers.leaky.replicas=0", "constants.eviction_hard_memory_bytes=400000000", more=more)
    gone = [(row["object"], row["time_s"]) for row in records(found, "pod_evicted")]
    came = [row["time_s"] for row in records(found, "pod_bound") if "plain-0" in row["object"]]
    (at_s,) = [time_s for name, time_s in gone if name == "pod/default/plain-0"]
    assert 0 < at_s - came[0] <= 10
    after = [time_s for name, time_s in gone if "plain" in name]
    assert len(after) > 10  # and so do those that follow it


def test_a_minion_that_is_down_for_good_makes_no_more_passes() -> None:
    found = world(until="900s", faults="{name: c, at: 480s, crash: {minions: all}}")
    assert max(row["time_s"] for row in records(found, "minion_low")) < 480
    pressed = [row["reason"] for row in records(found, "minion_tainted")]
    # While it is not heard of, nothing is known of its memory: the taint goes with the condition (FACTS K12).
    assert pressed[0] == "node.kubernetes.io/memory-pressure:NoSchedule"
    assert "memory-pressure" not in pressed[-1]
    assert "unreachable" in pressed[-1]


def test_a_pod_that_is_evicted_before_it_has_begun_never_begins() -> None:
    late = "  - {name: late, replicas: 1, start: 480s, pod: {containers: [{name: app, memory: 50Mi, uses: {memory: 1Mi}}]}}"
    found = world(
        "constants.eviction_hard_memory_bytes=209715200",
        request="4000Mi",
        priority=10,
        more=late,
        start="30s",
        until="600s",
        faults="{name: o, at: 485s, cutOff: {minions: all}, for: 100s}",
    )
    evicted = [(row["object"], row["time_s"]) for row in records(found, "pod_evicted")]
    assert evicted[0][0] == "pod/default/late-0"
    assert evicted[0][1] < 510
    assert not [row for row in records(found, "container_started") if "late-0" in row["object"]]
    failed = [row for row in records(found, "pod_failed") if "late-0" in row["object"]]
    assert [(row["reason"], row["time_s"] >= 585) for row in failed] == [("Evicted", True)]


def test_a_pod_that_is_being_deleted_when_it_is_evicted_is_gone_and_has_not_failed() -> None:
    plain = "  - {name: plain, replicas: 1, pod: {cpu: 100m, memory: 90Mi}}"
    found = world(
        "constants.eviction_hard_memory_bytes=209715200",
        request="4000Mi",
        priority=10,
        more=plain,
        terminate="30s",
        until="500s",
        faults="{name: k, at: 450s, kill: {pods: plain}}",
    )
    gone = [row for row in records(found, "pod_evicted") if row["object"] == "pod/default/plain-0"]
    assert 450 < gone[0]["time_s"] < 480
    assert not [row for row in records(found, "pod_failed") if row["object"] == "pod/default/plain-0"]
    (removed,) = [row for row in records(found, "pod_removed") if row["object"] == "pod/default/plain-0"]
    assert removed["time_s"] == gone[0]["time_s"]
