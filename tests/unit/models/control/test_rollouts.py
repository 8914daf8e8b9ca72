"""Drains, reboots and rollouts: in which order, what is left alone, and when an operator waits."""

from __future__ import annotations

from typing import Any

import pytest

from models.testing.rest import broken_at_rest
from models.world import World
from tests.support.worlds import ran, records

TEXT = """
until: {until}
seed: 5
cluster: {{minions: [{{name: m, count: {minions}, cpu: 4, memory: 8Gi}}]}}
controllers: [{{name: web, replicas: {replicas}, pod: {{cpu: 1, memory: 64Mi, grace: 10s}}}}]
services: [{{name: web, selector: {{app: web}}}}]
workloads: [{workloads}]
master: {{timing: kubernetes, watchLag: 10ms, apiLatency: 5ms}}
kubelet: {{start: 2s, ready: 3s, terminate: 4s}}
policy: {{scheduler: worst-fit}}
faults: [{faults}]
"""


def world(
    *faults: str, until: str = "30m", replicas: int = 6, minions: int = 3, workloads: str = ""
) -> World:
    return ran(
        TEXT.format(
            until=until, replicas=replicas, minions=minions, workloads=workloads, faults=", ".join(faults)
        )
    )


def times(found: World, kind: str, **fields: Any) -> list[float]:
    return [
        row["time_s"]
        for row in records(found, kind)
        if all(row[key] == value for key, value in fields.items())
    ]


def steps(found: World) -> list[tuple[float, str, str]]:
    """(time, minion, what) of every step of operators."""
    return [
        (row["time_s"], (row["minion"] or "").removeprefix("minion/"), row["reason"])
        for row in records(found, "operator_step")
    ]


def test_a_drain_cordons_and_evicts_one_after_the_other_and_is_over_when_all_are_gone() -> None:
    found = world("{name: d, at: 5m, drain: {minion: m-1}}")
    cordoned = next(row for row in records(found, "minion_tainted"))
    assert cordoned["reason"] == "node.kubernetes.io/unschedulable:NoSchedule"
    assert cordoned["time_s"] == pytest.approx(300.005)
    evicted = records(found, "pod_terminating")
    assert {row["minion"] for row in evicted} == {"minion/m-1"}
    assert {row["reason"] for row in evicted} == {"Eviction"}
    at_s = [row["time_s"] for row in evicted]
    # Cordon, list, then each eviction when the one before was answered: 5 ms each.
    assert at_s == pytest.approx([300.015, 300.020])
    gone = times(found, "pod_removed")
    assert gone == pytest.approx([304.025, 304.030], abs=0.01)
    (ended,) = times(found, "fault_ended")
    assert ended == pytest.approx(300.020 + 5)  # looked at every second
    assert "unschedulable" in [row["reason"] for row in records(found, "minion_tainted")][-1]
    assert found.store.bound[1] == {}


def test_a_drain_leaves_what_nobody_would_make_anew_unless_it_is_forced() -> None:
    bare = "{name: own, count: 3, arrivals: {at: 1s}, pod: {cpu: 1, memory: 64Mi}}"
    left = world("{name: d, at: 5m, drain: {minions: all}}", workloads=bare, replicas=3)
    owners = {row["owner"] for row in records(left, "pod_terminating")}
    assert owners == {"controller/default/web"}
    assert len(times(left, "fault_ended")) == 1
    forced = world("{name: d, at: 5m, drain: {minions: all, force: true}}", workloads=bare, replicas=3)
    assert {row["owner"] for row in records(forced, "pod_terminating")} == {
        "controller/default/web",
        "workload/own",
    }


def test_a_drain_leaves_pods_that_would_be_put_back() -> None:
    tolerant = "{name: web, replicas: 6, pod: {cpu: 1, memory: 64Mi, tolerations: [{operator: Exists}]}}"
    text = TEXT.format(
        until="10m", replicas=6, minions=3, workloads="", faults="{name: d, at: 5m, drain: {minion: m-1}}"
    )
    lines = [
        f"controllers: [{tolerant}]" if line.startswith("controllers") else line for line in text.splitlines()
    ]
    found = ran("\n".join(lines))
    assert records(found, "pod_terminating") == []
    assert len(found.store.bound[1]) == 2


def test_a_drain_waits_for_pods_that_were_ending_already() -> None:
    found = world(
        "{name: c, at: 299s, cordon: {minion: m-1}}",
        "{name: k, at: 299.5s, kill: {pods: web, count: 6}}",
        "{name: d, at: 5m, drain: {minion: m-1}}",
    )
    assert times(found, "pod_terminating", reason="Eviction") == []
    (gone, *_) = times(found, "pod_removed", minion="minion/m-1")
    ended = times(found, "fault_ended")[-1]
    assert gone == pytest.approx(303.51, abs=0.01)
    assert gone < ended < gone + 1


def test_many_minions_are_drained_in_turn() -> None:
    found = world("{name: d, at: 5m, drain: {minions: all}}", minions=4, replicas=6)
    begun = [(minion, time) for time, minion, what in steps(found) if what == "drains"]
    assert [minion for minion, _ in begun] == ["m-0", "m-1", "m-2", "m-3"]
    done = [time for time, _, what in steps(found) if what == "is through with"]
    assert all(start >= end for (_, start), end in zip(begun[1:], done, strict=False))


def test_an_uncordon_lets_pods_in_again() -> None:
    found = world(
        "{name: c, at: 0s, cordon: {minions: all}}", "{name: u, at: 5m, uncordon: {minion: m-1}}", replicas=2
    )
    assert {row["minion"] for row in records(found, "pod_bound")} == {"minion/m-1"}
    assert min(times(found, "pod_bound")) == pytest.approx(300.0, abs=0.1)


def test_a_short_reboot_restarts_pods_where_they_are() -> None:
    found = world("{name: r, at: 5m, reboot: {minion: m-0}, for: 25s}")
    assert records(found, "minion_condition") == records(found, "minion_tainted") == []
    assert times(found, "pod_terminating") == []
    assert len(times(found, "pod_created")) == 6
    (crash,) = records(found, "minion_crashed")
    assert (crash["reason"], crash["value"], crash["owner"]) == ("reboot", 25.0, "fault/r")
    stopped = records(found, "pod_stopped")
    assert [(row["time_s"], row["reason"]) for row in stopped] == [(300.0, "reboot")] * 2
    again = [time for time in times(found, "pod_ready") if time > 300]
    assert again == pytest.approx([330.0, 330.0])
    assert broken_at_rest(found) == []


def test_a_reboot_restarts_every_container_of_a_pod() -> None:
    many = "containers: [{name: one, image: a, cpu: 500m, memory: 64Mi}, {name: two, image: b, cpu: 500m, memory: 64Mi}]"
    text = TEXT.format(
        until="10m",
        replicas=6,
        minions=3,
        workloads="",
        faults="{name: r, at: 5m, reboot: {minion: m-0}, for: 25s}",
    )
    found = ran(text.replace("pod: {cpu: 1, memory: 64Mi, grace: 10s}", f"pod: {{grace: 10s, {many}}}"))
    again = [row for row in records(found, "container_started") if row["time_s"] > 300]
    assert sorted(row["container"] for row in again) == ["container/one"] * 2 + ["container/two"] * 2
    assert {(row["time_s"], row["value"]) for row in again} == {(327.0, 1.0)}
    assert [row["reason"] for row in records(found, "pod_stopped")] == ["reboot"] * 2
    assert [time for time in times(found, "pod_ready") if time > 300] == pytest.approx([330.0] * 2)
    assert len(times(found, "pod_created")) == 6
    assert broken_at_rest(found) == []


def test_a_long_reboot_is_noticed_and_its_pods_are_evicted() -> None:
    found = world("{name: r, at: 5m, reboot: {minion: m-0}, for: 10m}")
    assert len(times(found, "pod_terminating", reason="TaintManagerEviction")) == 2
    assert len(times(found, "pod_created")) == 8
    assert broken_at_rest(found) == []


def test_a_minion_that_is_down_is_not_rebooted() -> None:
    found = world(
        "{name: c, at: 5m, crash: {minion: m-0}, repair: 5m}",
        "{name: r, at: 6m, reboot: {minion: m-0}, for: 1m}",
    )
    assert len(records(found, "minion_crashed")) == 1
    assert times(found, "minion_repaired") == [600.0]
    assert broken_at_rest(found) == []


ROLL = "{{name: r, at: 5m, rolling: {{minions: all, down: 60s{more}}}}}"


def test_a_rollout_drains_reboots_and_frees_minion_after_minion() -> None:
    found = world(ROLL.format(more=", pause: 30s"))
    told = steps(found)
    whole = ["drains", "reboots", "is through with"]
    assert [(minion, what) for _, minion, what in told] == [
        (f"m-{n}", what) for n in range(3) for what in whole
    ]
    down = records(found, "minion_crashed", "minion_repaired")
    assert [row["kind"] for row in down] == ["minion_crashed", "minion_repaired"] * 3
    for crash, repair in zip(down[::2], down[1::2], strict=True):
        assert repair["time_s"] - crash["time_s"] == 60.0
    ends = [time for time, _, what in told if what == "is through with"]
    begins = [time for time, _, what in told if what == "drains"]
    assert [begin - end for begin, end in zip(begins[1:], ends, strict=False)] == pytest.approx([30.0, 30.0])
    # Nothing ran there when it went down.
    assert {row["reason"] for row in records(found, "pod_stopped")} == {"Killing"}
    assert broken_at_rest(found) == []
    assert all(entry.taints == () for entry in found.store.minions)
    # A minute is long enough to be noticed: nothing is let in before the master has the minion as ready again.
    for minion in ("minion/m-0", "minion/m-1", "minion/m-2"):
        (ready,) = times(found, "minion_condition", minion=minion, value=1.0)
        (through,) = times(found, "operator_step", minion=minion, reason="is through with")
        assert ready < through < ready + 0.02


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_so_many_at_once(at_once: int) -> None:
    found = world(ROLL.format(more=f", action: reboot, atOnce: {at_once}"), minions=6)
    down, most = 0, 0
    for row in records(found, "minion_crashed", "minion_repaired"):
        down += 1 if row["kind"] == "minion_crashed" else -1
        most = max(most, down)
    assert most == at_once
    assert len(times(found, "fault_ended")) == 1
    assert len(records(found, "minion_crashed")) == 6


def test_upkeep_of_a_minion_that_stays_up() -> None:
    found = world(ROLL.format(more=", action: drain"))
    assert records(found, "minion_crashed") == []
    freed = [row["time_s"] for row in records(found, "minion_tainted") if not row["reason"]]
    works = [time for time, _, what in steps(found) if what == "works on"]
    assert freed == pytest.approx([time + 60.005 for time in works])


@pytest.mark.parametrize("of", ["controller: web", "service: web"])
def test_a_limit_holds_a_rollout_up_until_enough_are_ready_again(of: str) -> None:
    """Six pods of six must be ready, a new one takes some 5 s: one eviction at a time, looked at every 5 s."""
    limit = f", limit: {{{of}, ready: 6}}"
    found = world(ROLL.format(more=limit))
    ready = 6
    events = records(found, "pod_ready", "pod_unready", "pod_terminating", "operator_step")
    for row in events:
        if row["time_s"] < 299:
            continue
        if row["kind"] == "pod_ready":
            ready += 1
        elif row["kind"] == "pod_terminating":
            assert ready == 6, row
            ready -= 1
        elif row["kind"] == "operator_step" and row["reason"] in {"drains", "goes on"}:
            assert ready == 6, row
    waits = [row for row in events if (row["reason"] or "").startswith("waits for 6 ready of ")]
    goes = [row for row in events if row["reason"] == "goes on"]
    assert len(waits) == len(goes) > 3
    for wait, go in zip(waits, goes, strict=True):
        looks = (go["time_s"] - wait["time_s"]) / 5
        assert looks == pytest.approx(round(looks))
    without = world(ROLL.format(more=""))
    assert [row for row in records(without, "operator_step") if "waits" in row["reason"]] == []
    assert times(found, "fault_ended") > times(without, "fault_ended")


def test_who_finds_too_few_after_all_looks_again() -> None:
    """At 302 s enough are ready, but not any more at the look at 305 s; from 313 s on they are."""
    found = world(
        "{name: u1, at: 299s, unready: {pods: web, count: 1}, for: 3s}",
        "{name: u2, at: 303s, unready: {pods: web, count: 1}, for: 10s}",
        ROLL.format(more=", limit: {controller: web, ready: 6}"),
    )
    first = [(time, what) for time, _, what in steps(found)][:3]
    assert [what for _, what in first] == ["waits for 6 ready of controller/default/web", "goes on", "drains"]
    assert [time for time, _ in first] == pytest.approx([300.0, 315.0, 315.0])


def test_of_several_operators_at_one_look_one_evicts() -> None:
    """Three drain at once, and wait for the same: whoever comes second at the master is refused and looks again."""
    found = world(
        ROLL.format(more=", atOnce: 3, limit: {controller: web, ready: 12}"), replicas=12, minions=6
    )
    ready, least = 0, 12
    for row in records(found, "pod_ready", "pod_terminating"):
        ready += 1 if row["kind"] == "pod_ready" else -1
        if row["time_s"] > 299:
            least = min(least, ready)
    assert least == 11
    assert len(times(found, "fault_ended")) == 1


def test_a_limit_that_cannot_be_met_stops_a_rollout_for_good_and_costs_nothing() -> None:
    limit = ROLL.format(more=", limit: {controller: web, ready: 7}")
    found = world(limit, until="60d")
    assert [what for _, _, what in steps(found)] == ["waits for 7 ready of controller/default/web"]
    assert records(found, "minion_crashed") == times(found, "fault_ended") == []
    assert found.engine.dispatched < 2000


def test_an_operator_waits_for_the_master() -> None:
    found = world(
        "{name: o, at: 299s, outage: {of: master}, for: 2m}", "{name: d, at: 5m, drain: {minion: m-1}}"
    )
    assert min(times(found, "pod_terminating")) > 419


def test_a_drawn_rollout_comes_again() -> None:
    weekly = "{name: r, timeToFailure: {uniform: {low: 20m, high: 20m}}, rolling: {minions: all, action: reboot, down: 30s}}"
    found = world(weekly, until="65m")
    began, ended = times(found, "fault_began"), times(found, "fault_ended")
    assert began[0] == 1200.0
    assert [later - end for later, end in zip(began[1:], ended, strict=False)] == [1200.0] * (len(began) - 1)
    assert len(began) > 1
