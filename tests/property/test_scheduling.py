"""What must hold of every schedule, for random pods, minions and crashes."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.types import GpuRequest, Phase, Pod
from models.failures.crash import FaultPlan
from models.policies.first_fit import FirstFit
from models.policies.packing import BestFit, DotProduct, WorstFit
from models.policies.random_fit import RandomFit
from models.world import World
from sim.distributions import Constant
from sim.engine import OBSERVER
from tests.support.worlds import Bench, alone, ran, records

POLICIES = [FirstFit, BestFit, WorstFit, DotProduct, RandomFit, partial(BestFit, levels=0, ties="random")]


def by_itself(view: Any, pod: Any, context: Any) -> int | None:
    """A policy that decides by itself: the last minion with room."""
    fitting = np.flatnonzero(view.fits(pod.template))
    return int(fitting[-1]) if fitting.size else None


GPUS = st.one_of(
    st.none(),
    st.builds(GpuRequest, st.integers(1, 3)),
    st.builds(GpuRequest, st.just(1), st.integers(1, 999)),
)
MINIONS = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 3)), min_size=1, max_size=6)
TEMPLATES = st.lists(st.tuples(st.integers(0, 3000), GPUS, st.integers(0, 2)), min_size=1, max_size=5)
LIVES = st.sampled_from([0.0, 1.0, 7.0, 40.0, math.inf])
PODS = st.lists(
    st.tuples(
        st.integers(0, 30), st.integers(0, 4), LIVES, st.sampled_from([0.0, 5.0, math.inf]), st.booleans()
    ),
    max_size=40,
)
CRASHES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.sampled_from([3.0, 20.0])), max_size=4)


def build(minions: Any, templates: Any, pods: Any, crashes: Any, policy: Any) -> World:
    bench = Bench(minions, pods=4)
    made = [bench.cpu(cpu, gpu=gpu, priority=priority) for cpu, gpu, priority in templates]
    for time, which, life, patience, gives_up in sorted(pods, key=lambda pod: pod[0]):
        key = "give_up_after_s" if gives_up else "withdraw_after_s"
        bench.pod(float(time), made[which % len(made)], life, **{key: patience})
    faults = [
        FaultPlan(f"fault-{n}", alone(minion % len(minions)), at_s=float(time), repair=Constant(repair))
        for n, (time, minion, repair) in enumerate(crashes)
    ]
    return bench.world(policy, faults=faults, until_s=100.0)


def all_pods(world: World) -> list[Pod]:
    """Collect every pod as it is created."""
    pods: list[Pod] = []
    create = world.store.create_pod

    def remember(*arguments: Any) -> Pod:
        pods.append(create(*arguments))
        return pods[-1]

    world.store.create_pod = remember  # type: ignore[method-assign]
    return pods


def check_truth(world: World, pods: list[Pod]) -> None:
    """Hold what the pods use, summed afresh, against every minion and every device."""
    used = np.zeros_like(world.belief.allocatable)
    devices = np.zeros_like(world.belief.gpu_left_milli)
    for pod in pods:
        if pod.phase in (Phase.BOUND, Phase.RUNNING):
            used[pod.minion] += pod.template.need
            if pod.template.gpu is not None:
                assert len(set(pod.devices)) == pod.template.gpu.count
                devices[pod.minion, list(pod.devices)] += pod.template.gpu.milli
    assert (used <= world.belief.allocatable).all()
    assert (devices <= 1000).all()
    for minion, ask in enumerate(world.plan.minions):
        assert not devices[minion, ask.gpu.count :].any()
        if not world.fleet.up[minion]:
            assert not used[minion].any()
    assert len(pods) == world.store.created
    assert [sum(pod.phase is phase for pod in pods) for phase in Phase] == world.store.count


def check_belief(world: World, pods: list[Pod]) -> None:
    """Nothing that waits fits anywhere; cached scores are what a fresh computation gives."""
    scheduler, belief = world.scheduler, world.belief
    scheduler.client.catch_up()
    assert not len(scheduler._queue)
    assert belief.ready.tolist() == world.fleet.up
    for minion, free in enumerate(world.fleet._ledger.free().tolist()):
        assert belief.free[minion].tolist() == free
    for pod in pods:
        if pod.phase is Phase.PENDING:
            assert not belief.fits(pod.template).any()
    if scheduler._scoring is None:
        return
    for template in world.plan.templates:
        cached = belief.row(template, scheduler._scoring).scores
        fresh = np.full(len(belief), -np.inf)
        rows = np.flatnonzero(belief.fits(template))
        if rows.size:
            fresh[rows] = scheduler._scoring.scorer(belief, template)(rows)
        np.testing.assert_array_equal(cached, fresh)


@given(MINIONS, TEMPLATES, PODS, CRASHES, st.sampled_from([*POLICIES, None]))
def test_every_schedule_is_sound(minions: Any, templates: Any, pods: Any, crashes: Any, policy: Any) -> None:
    world = build(minions, templates, pods, crashes, by_itself if policy is None else policy())
    seen = all_pods(world)

    def look() -> None:
        # After every belief of this moment: nothing that still waits fits.
        check_truth(world, seen)
        for pod in seen:
            if pod.phase is Phase.PENDING:
                assert not world.belief.fits(pod.template).any()

    for moment in range(0, 60, 3):
        world.engine.at(float(moment), OBSERVER, look, cause=-1)
    assert world.run() == "until"
    check_truth(world, seen)
    check_belief(world, seen)
    assert world.store.conservation() is None


@given(MINIONS, TEMPLATES, PODS, CRASHES)
def test_records_tell_the_same_as_the_world(minions: Any, templates: Any, pods: Any, crashes: Any) -> None:
    world = build(minions, templates, pods, crashes, BestFit())
    seen = all_pods(world)
    world.run()
    rows = records(world)
    counts = {kind: sum(row["kind"] == kind for row in rows) for kind in {row["kind"] for row in rows}}
    assert counts.get("pod_created", 0) == len(seen)
    for phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.LOST, Phase.WITHDRAWN, Phase.GIVEN_UP):
        assert counts.get(f"pod_{phase.name.lower()}", 0) == world.store.count[phase]
    assert counts.get("pod_bound", 0) == counts.get("pod_started", 0)
    assert [row["time_s"] for row in rows] == sorted(row["time_s"] for row in rows)
    for row in rows:
        assert row["cause"] is None or row["cause"] < row["seq"]


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=12), st.integers(1, 4))
def test_higher_priority_goes_first_and_then_who_came_first(priorities: list[int], room: int) -> None:
    bench = Bench([(1000 * room, 0)])
    for priority in priorities:
        bench.pod(5.0, bench.cpu(1000, priority=priority), 10.0)
    world = bench.world(until_s=1e4)
    world.run()
    bound = [int(row["object"].rsplit("-", 1)[1]) for row in records(world, "pod_bound")]
    assert bound == sorted(range(len(priorities)), key=lambda n: (-priorities[n], n))
    assert world.store.count[Phase.SUCCEEDED] == len(priorities)


def test_a_pod_of_higher_priority_that_waits_is_first_when_room_appears() -> None:
    bench = Bench([(1000, 0)])
    bench.pod(0.0, bench.cpu(1000), 50.0)
    bench.pod(1.0, bench.cpu(600), 5.0)
    bench.pod(2.0, bench.cpu(700, priority=9), 5.0)
    world = bench.world(until_s=1000.0)
    world.run()
    bound = [(row["time_s"], row["object"]) for row in records(world, "pod_bound")]
    assert bound == [
        (0.0, "pod/default/pod-0"),
        (50.0, "pod/default/pod-2"),
        (55.0, "pod/default/pod-1"),
    ]


# Cost: what is dispatched follows what happens.

SMALL_ROW = """
until: 40h
cluster: {minions: [{name: web, count: 40, cpu: 16, memory: 64Gi}]}
workloads:
"""


def _row_of_templates() -> str:
    half = [f"duration: {{exponential: {{mean: 1h}}}}{', ends: Failed' if n % 4 else ''}" for n in range(20)]
    lines = [
        f"  - {{name: w{n}, arrivals: {{poisson: {{rate: 4/h}}}}, count: 100,"
        f" pod: {{cpu: {50 + 10 * n}m, memory: {64 + n}Mi}}{', ' + half[n] if n % 2 else ''}}}"
        for n in range(20)
    ]
    return SMALL_ROW + "\n".join(lines)


def test_a_pod_costs_at_most_5_events() -> None:
    world = ran(_row_of_templates())
    assert world.store.created > 1900
    assert world.store.count[Phase.RUNNING] > 900
    assert world.engine.dispatched <= 5 * world.store.created


def test_a_quiet_month_costs_no_events() -> None:
    quiet = "cluster: {minions: [{name: web, count: 40, cpu: 16, memory: 64Gi}]}\nuntil: {until}\n"
    quiet += "workloads: [{name: w, arrivals: {at: 5m}, count: 200, pod: {cpu: 100m, memory: 64Mi}}]\n"
    month, hour = (ran(quiet.replace("{until}", until)).engine.dispatched for until in ("30d", "1h"))
    assert month - hour <= 100


@pytest.mark.parametrize("checks", ["off", "full"])
def test_the_level_of_checks_changes_no_record(checks: str) -> None:
    assert ran(_row_of_templates(), f"checks={checks}").journal.digest() == (
        ran(_row_of_templates()).journal.digest()
    )
