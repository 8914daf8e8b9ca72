"""Schedulers by name: what each takes, how long it decides, on what belief, and what becomes of conflicts."""

from __future__ import annotations

import pytest

from models.control.deliberation import DeliberateScheduler
from models.world import World
from tests.support.worlds import ran, records, world_of

TWO = """
until: 60s
cluster: {{minions: [{{name: m, count: {minions}, cpu: 4, memory: 8Gi}}]}}
master: {{watchLag: 0s, apiLatency: 1ms}}
policy: {{scheduler: first-fit}}
schedulers:
  - {{name: fast, commit: {commit}{fast}}}
  - {{name: slow, commit: {commit}, decision: {{perJob: 10s, perPod: 1s}}{slow}}}
workloads:
  - {{name: slow, arrivals: {{at: 1s}}, count: {slows}, pod: {{{pod}, schedulerName: slow, labels: {{wavetank/job: j}}}}}}
  - {{name: fast, arrivals: {{at: 5s}}, count: {fasts}, pod: {{cpu: 3, memory: 1Gi, schedulerName: fast}}}}
"""


def two(**words: object) -> World:
    usual = {
        "minions": 2, "commit": "checked", "fast": "", "slow": "", "slows": 1, "fasts": 1,
        "pod": "cpu: 2, memory: 1Gi",
    }  # fmt: skip
    return ran(TWO.format(**{**usual, **words}))


def times(world: World, kind: str, owner: str) -> list[float]:
    return [row["time_s"] for row in records(world, kind) if row["owner"] == f"workload/{owner}"]


def places(world: World, owner: str) -> list[str]:
    return [row["minion"] for row in records(world, "pod_bound") if row["owner"] == f"workload/{owner}"]


def test_a_decision_takes_the_time_of_its_job_and_of_each_pod() -> None:
    world = two(slows=3, fasts=0)
    (began,) = records(world, "decision_began")
    assert (began["time_s"], began["value"], began["actor"]) == (1.0, 13.0, "scheduler/slow")
    assert times(world, "pod_bound", "slow") == pytest.approx([14.001] * 3, abs=1e-4)
    assert {row["cause"] for row in records(world, "pod_bound")} == {began["seq"]}


def test_pods_without_a_job_are_decided_about_one_after_the_other() -> None:
    world = ran(TWO.replace(", labels: {{wavetank/job: j}}", "").format(
        minions=2, commit="checked", fast="", slow="", slows=3, fasts=0, pod="cpu: 1, memory: 1Gi"))  # fmt: skip
    assert times(world, "decision_began", "slow") == pytest.approx([1.0, 12.0, 23.0])
    assert times(world, "pod_bound", "slow") == pytest.approx([12.001, 23.001, 34.001], abs=1e-4)


def test_who_thought_for_long_meets_what_others_did_meanwhile_and_tries_again_at_once() -> None:
    world = two()
    assert places(world, "fast") == ["minion/m-0"]
    (refused,) = records(world, "bind_refused")
    assert refused["reason"] == "conflict: too little cpu is left"
    assert (refused["minion"], refused["actor"]) == ("minion/m-0", "scheduler/slow")
    first, second = (row for row in records(world, "decision_began") if row["actor"] == "scheduler/slow")
    assert (first["reason"], second["reason"]) == (None, "again")
    assert second["time_s"] == pytest.approx(refused["time_s"])
    assert places(world, "slow") == ["minion/m-1"]


def test_what_still_fits_is_no_conflict_but_for_the_coarse_check() -> None:
    assert not records(two(pod="cpu: 1, memory: 1Gi"), "bind_refused")
    coarse = two(pod="cpu: 1, memory: 1Gi", slow=", conflicts: coarse")
    (refused,) = records(coarse, "bind_refused")
    assert refused["reason"] == "conflict: the minion has changed since"
    assert places(coarse, "slow") == ["minion/m-0"], "the second time it knows"


def test_its_own_binds_are_no_change_to_the_coarse_check() -> None:
    world = ran(TWO.replace(", labels: {{wavetank/job: j}}", "").format(
        minions=1, commit="checked", fast="", slow=", conflicts: coarse", slows=4, fasts=0,
        pod="cpu: 1, memory: 1Gi"))  # fmt: skip
    assert len(places(world, "slow")) == 4
    assert not records(world, "bind_refused")


def test_a_job_is_bound_as_far_as_it_can_be_or_as_a_whole() -> None:
    some = two(minions=3, slows=2, pod="cpu: 3, memory: 1Gi")
    assert len(records(some, "bind_refused")) == 1
    bound_s = times(some, "pod_bound", "slow")
    assert bound_s == pytest.approx([13.001, 24.002], abs=1e-3), (
        "the second pod is decided about again, alone"
    )
    whole = two(minions=3, slows=2, slow=", jobs: gang", pod="cpu: 3, memory: 1Gi")
    reasons = {row["reason"] for row in records(whole, "bind_refused")}
    assert reasons == {"conflict: too little cpu is left", "conflict: another pod of its job has one"}
    first, second = times(whole, "pod_bound", "slow")
    assert first == second == pytest.approx(25.002, abs=1e-3)


def test_a_gang_that_finds_no_room_for_all_is_bound_for_none() -> None:
    kept = two(minions=2, slows=5, fasts=0, slow=", jobs: gang")
    assert not times(kept, "pod_bound", "slow")
    reasons = [row["reason"] for row in records(kept, "pod_unschedulable")]
    assert any("no room for its whole job" in reason for reason in reasons)
    assert len(times(two(minions=2, slows=5, fasts=0), "pod_bound", "slow")) == 4


def test_where_nobody_checks_the_kubelet_fails_the_pod() -> None:
    world = two(commit="kubernetes")
    (failed,) = records(world, "pod_failed")
    assert (failed["reason"], failed["owner"]) == ("OutOfcpu", "workload/slow")
    assert not records(world, "bind_refused")


def test_a_partition_keeps_a_scheduler_to_its_minions() -> None:
    world = two(slow=", minions: m-1", slows=3)
    assert places(world, "slow") == ["minion/m-1", "minion/m-1"]
    (reason,) = {row["reason"] for row in records(world, "pod_unschedulable")}
    assert reason == "0 of 1 minions: Insufficient cpu x 1"


def test_pods_that_ask_for_nobody_stay_pending_and_can_be_withdrawn() -> None:
    text = """
until: 2m
cluster: {minions: [{name: m, cpu: 4, memory: 8Gi}]}
workloads:
  - {name: usual, arrivals: {at: 1s}, count: 1, pod: {cpu: 1}}
  - {name: other, arrivals: {at: 1s}, count: 1, pod: {cpu: 1, schedulerName: other}}
  - {name: leaves, arrivals: {at: 1s}, count: 1, withdrawAfter: 30s, pod: {cpu: 1, schedulerName: other}}
"""
    world = ran(text)
    assert len(places(world, "usual")) == 1
    assert not places(world, "other")
    assert times(world, "pod_withdrawn", "leaves") == [31.0]
    assert not records(world, "pod_unschedulable")


def test_who_starts_again_forgets_what_it_was_deciding() -> None:
    text = TWO.format(
        minions=2, commit="checked", fast="", slow="", slows=1, fasts=0, pod="cpu: 2, memory: 1Gi"
    )
    world = ran(text + "faults: [{name: again, at: 6s, restart: {client: scheduler}}]\n")
    assert times(world, "decision_began", "slow") == pytest.approx([1.0, 6.0])
    assert times(world, "pod_bound", "slow") == pytest.approx([17.001], abs=1e-3)


def test_the_same_pods_take_the_same_time_under_any_scheduler() -> None:
    text = TWO.format(
        minions=4, commit="checked", fast="", slow="", slows=3, fasts=0, pod="cpu: 1, memory: 1Gi"
    )
    text = text.replace("perJob: 10s", "perJob: {exponential: {mean: 3s}}")
    one = text.replace("name: fast, commit", "name: none, commit").replace(
        "name: slow, commit", "name: else, serves: [slow], commit"
    )
    took = [[row["value"] for row in records(ran(each), "decision_began")] for each in (text, one)]
    assert took[0] == took[1] != []
    assert took[0][0] != round(took[0][0])


def test_each_batch_of_a_workload_is_a_job() -> None:
    world = ran("""
until: 60s
cluster: {minions: [{name: m, count: 4, cpu: 8, memory: 8Gi}]}
master: {watchLag: 0s, apiLatency: 1ms}
schedulers: [{commit: checked, decision: {perJob: 20s}}]
workloads:
  - {name: w, arrivals: {batch: {every: 5s, size: 3}}, count: 6, pod: {cpu: 1, labels: {wavetank/job: w}}}
""")
    assert times(world, "decision_began", "w") == pytest.approx([5.0, 25.0])
    assert len(places(world, "w")) == 6


def test_several_schedulers_keep_their_own_beliefs_true() -> None:
    world = world_of(
        TWO.format(minions=3, commit="checked", fast="", slow="", slows=3, fasts=2, pod="cpu: 1, memory: 1Gi")
    )
    world.run()
    assert sum(map(len, world.store.bound)) == 5
    assert len(world.schedulers) == 2
    for each in world.schedulers:
        assert isinstance(each, DeliberateScheduler)
        each.client.catch_up()
        for index, pods in enumerate(world.store.bound):
            used = sum(pod.template.need[0] for pod in pods.values())
            assert each.belief.free[index][0] == 4000 - used
