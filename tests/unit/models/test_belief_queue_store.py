"""The scheduler's belief, its queue and the master's store, each by itself."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.api.selectors import parse_selector
from models.api.specs_taints import Toleration
from models.api.types import GpuDevices, GpuRequest, MinionAsk, Phase, Pod, PodAsk, PodTemplate, ResourceTable
from models.cluster.belief import Belief
from models.control.log import Op
from models.control.queue import SchedulingQueue
from models.policies.packing import BestFit
from models.workloads.templates import TemplateTable
from tests.support.worlds import GIB, Bench, records


@pytest.fixture
def table() -> ResourceTable:
    return ResourceTable(["example.com/fpga"])


@pytest.fixture
def templates(table: ResourceTable) -> TemplateTable:
    return TemplateTable(table)


@pytest.fixture
def belief(table: ResourceTable) -> Belief:
    plain = MinionAsk("a", "pool", 0, 4000, 8 * GIB, 10, GIB, {"example.com/fpga": 1}, labels={"tier": "web"})
    gpus = MinionAsk("b", "pool", 1, 8000, 8 * GIB, 10, GIB, gpu=GpuDevices(2, "V100"))
    other = MinionAsk("c", "rest", 0, 8000, 8 * GIB, 10, GIB, gpu=GpuDevices(1, "T4"), ready=False)
    return Belief([plain, gpus, other], table)


def test_it_fits_where_all_is_free_and_the_minion_is_ready(belief: Belief, templates: TemplateTable) -> None:
    def fits(cpu: int, **more: Any) -> list[bool]:
        found: list[bool] = belief.fits(templates.intern(cpu, GIB, **more)).tolist()
        return found

    assert fits(4000) == [True, True, False]
    assert fits(4001) == [False, True, False]
    assert fits(1, extended={"example.com/fpga": 1}) == [True, False, False]
    assert fits(1, extended={"example.com/fpga": 2}) == [False, False, False]
    assert fits(1, ephemeral_bytes=GIB + 1) == [False, False, False]
    assert fits(1, gpu=GpuRequest(2)) == [False, True, False]
    assert fits(1, gpu=GpuRequest(1, models=("T4",))) == [False, False, False]
    assert fits(1, minions=parse_selector("tier=web")) == [True, False, False]
    belief.set_ready(2, True)
    assert fits(1, gpu=GpuRequest(1, models=("T4",))) == [False, False, True]


def test_two_halves_of_two_devices_are_no_whole_device(belief: Belief, templates: TemplateTable) -> None:
    half = templates.intern(1, GIB, gpu=GpuRequest(1, 500))
    belief.place(half, 1, (0,), -1)
    belief.place(half, 1, (1,), -1)
    assert belief.free[1, -1] == 1000
    assert not belief.fits(templates.intern(1, GIB, gpu=GpuRequest(1)))[1]
    assert not belief.fits(templates.intern(1, GIB, gpu=GpuRequest(1, 501)))[1]
    assert belief.fits(half)[1]
    belief.place(half, 1, (0,), 1)
    assert belief.fits(templates.intern(1, GIB, gpu=GpuRequest(1)))[1]


def test_policies_cannot_write_what_they_see(belief: Belief) -> None:
    for array in (belief.free, belief.allocatable, belief.gpu_left_milli):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_cached_scores_follow_every_change_even_when_many_were_forgotten(
    belief: Belief, templates: TemplateTable
) -> None:
    template, policy = templates.intern(1000, GIB), BestFit(levels=0)
    for rounds in (1, 3, 20_000, 5, 40_000):
        for _ in range(rounds):
            belief.place(template, 0, (), -1)
            belief.place(template, 0, (), 1)
        belief.place(template, 1, (), -1)
        fresh = np.full(3, -np.inf)
        rows = np.flatnonzero(belief.fits(template))
        fresh[rows] = policy.scorer(belief, template)(rows)
        assert belief.row(template, policy).scores.tolist() == fresh.tolist()


def test_only_what_changed_is_scored_again(belief: Belief, templates: TemplateTable) -> None:
    asked: list[list[int]] = []

    class Counting:
        ties, device = "first", "least"

        def scorer(self, view: Any, template: Any) -> Any:
            return lambda rows: asked.append(rows.tolist()) or np.zeros(rows.size)

    template = templates.intern(1000, GIB)
    belief.row(template, Counting())
    belief.row(template, Counting())
    belief.place(template, 1, (), -1)
    belief.row(template, Counting())
    assert asked == [[0, 1], [1]]


def a_pod(arrival: int, priority: int = 0, index: int = 0) -> Any:
    template = SimpleNamespace(priority=priority, index=index)
    return SimpleNamespace(arrival=arrival, template=template, phase=Phase.PENDING)


def test_the_queue_goes_by_priority_then_arrival() -> None:
    queue = SchedulingQueue(by_class=True)
    for arrival, priority in ((0, 0), (1, 5), (2, 5), (3, -1)):
        assert queue.add(a_pod(arrival, priority, index=arrival))
    assert [queue.pop()[0].arrival for _ in range(4)] == [1, 2, 0, 3]


@pytest.mark.parametrize("by_class", [True, False])
def test_pods_of_a_parked_class_need_no_attempt(by_class: bool) -> None:
    queue = SchedulingQueue(by_class=by_class)
    queue.add(a_pod(0))
    queue.park(queue.pop()[0])
    assert queue.add(a_pod(1)) is not by_class
    assert queue.add(a_pod(2, index=1))
    queue.wake(lambda pod: pod.template.index == 0, cause=77)
    woken = [queue.pop() for _ in range(len(queue))]
    assert (woken[0][0].arrival, woken[0][1]) == (0, 77)
    queue.bound(woken[0][0])
    assert len(queue) == int(by_class)
    assert not queue.parked


def test_the_dead_do_not_wake_and_do_not_hide_those_behind() -> None:
    queue = SchedulingQueue(by_class=True)
    first, second = a_pod(0), a_pod(1)
    queue.add(first)
    queue.park(queue.pop()[0])
    queue.add(second)
    first.phase = Phase.WITHDRAWN
    queue.wake(lambda pod: True, cause=1)
    assert queue.pop()[0] is second
    assert not queue.parked


def test_the_store_refuses_a_bind_of_what_is_not_pending() -> None:
    bench = Bench([(1000, 0)])
    bench.pod(0.0, bench.cpu(10))
    world = bench.world()
    world.run()
    pods = world.store.pods()
    before = list(world.store.count)
    assert world.store.bind(pods[0], 0, (), world.scheduler.identity, -1) == "the pod is running, not pending"
    assert records(world, "bind_refused")[0]["reason"] == "the pod is running, not pending"
    assert world.store.count == before


def test_a_cursor_gives_what_it_asked_for_up_to_its_horizon_and_keeps_no_more() -> None:
    bench = Bench([(1000, 0)])
    for _ in range(3):
        bench.pod(0.0, bench.cpu(10), 5.0)
    world = bench.world()
    woken: list[Op] = []
    slow = world.store.log.watch(
        lambda op, *_: woken.append(op), (Op.POD_CREATED, Op.POD_BOUND, Op.POD_ENDED)
    )
    world.run()
    changes = slow.read(4.0) + slow.read()
    assert [change[1] for change in changes] == woken
    assert woken == [Op.POD_CREATED] * 3 + [Op.POD_BOUND] * 3 + [Op.POD_ENDED] * 3
    assert [change[0] for change in changes] == [0.0] * 6 + [5.0] * 3
    assert slow.read() == [] == slow.pending
    assert slow.next_s == math.inf


def test_a_transition_that_is_not_in_the_table_is_an_error() -> None:
    bench = Bench([(1000, 0)])
    bench.pod(0.0, bench.cpu(10))
    world = bench.world()
    pod = world.store.create_pod(bench.batches[0][1][0], 0)
    with pytest.raises(KeyError):
        world.store.move(pod, Phase.SUCCEEDED, cause=-1)


def test_reasons_are_those_of_the_real_event_and_each_minion_has_its_first(table: ResourceTable) -> None:
    def ask(index: int, **more: Any) -> MinionAsk:
        words: dict[str, Any] = {"gpu": GpuDevices(1, "T4"), "labels": {"tier": "web"}, **more}
        return MinionAsk(f"m-{index}", "pool", index, 4000, 8 * GIB, 10, GIB, **words)

    belief = Belief(
        [ask(0), ask(1), ask(2), ask(3, labels={}), ask(4, gpu=GpuDevices(1, "V100")), ask(5), ask(6)], table
    )
    belief.set_condition(0, False, ())
    belief.set_condition(1, True, ("dedicated=db:NoSchedule", "node.kubernetes.io/unschedulable:NoSchedule"))
    belief.set_condition(2, True, ("soft:PreferNoSchedule", "dedicated=db:NoSchedule"))
    templates = TemplateTable(table)
    gpu = GpuRequest(1, 600, ("T4",))
    few = parse_selector("tier=web")
    belief.place(templates.intern(3500, 7 * GIB, gpu=GpuRequest(1, 500)), 5, (0,), -1)
    wants = templates.intern(5000, 2 * GIB, gpu=gpu, minions=few, extended={"example.com/fpga": 1})
    assert belief.reasons(wants) == {
        "node(s) were not ready": 1,
        "node(s) were unschedulable": 1,
        "node(s) had taint {dedicated: db}, that the pod didn't tolerate": 1,
        "node(s) didn't match Pod's node affinity": 1,
        "node(s) had no GPU of a model that is asked for": 1,
        "Insufficient cpu": 2,
        "Insufficient memory": 1,
        "Insufficient gpu": 1,
        "Insufficient example.com/fpga": 2,
    }
    bears = Toleration.model_construct(
        key="dedicated", operator="Exists", value="", effect=None, toleration_s=None
    )
    tolerant = templates.intern(5000, GIB, tolerations=(bears,), ephemeral_bytes=2 * GIB)
    assert belief.reasons(tolerant) == {
        "node(s) were not ready": 1,
        "node(s) were unschedulable": 1,
        "Insufficient cpu": 5,
        "Insufficient ephemeral-storage": 5,
    }
    full = templates.intern(0, 0)
    for _ in range(10):
        belief.place(full, 6, (), -1)
    assert belief.reasons(full)["Too many pods"] == 1


def test_what_every_class_tolerates_is_looked_at_again_when_taints_change(
    belief: Belief, templates: TemplateTable
) -> None:
    bears = Toleration.model_construct(
        key="dedicated", operator="Exists", value="", effect=None, toleration_s=None
    )
    policy = BestFit()
    classes = [templates.intern(cpu, GIB, tolerations=(bears,)) for cpu in (100, 200)]
    belief.set_condition(0, True, ("dedicated=db:NoSchedule", "other:NoSchedule"))
    assert [np.isneginf(belief.row(each, policy).scores[0]) for each in classes] == [True, True]
    belief.set_condition(0, True, ("dedicated=db:NoSchedule",))
    assert [np.isneginf(belief.row(each, policy).scores[0]) for each in classes] == [False, False]


def test_what_is_kept_of_a_class_is_of_now_whatever_changed(table: ResourceTable) -> None:
    def ask(index: int) -> MinionAsk:
        return MinionAsk(f"m-{index}", "pool", index, 4000, 8 * GIB, 10, GIB, gpu=GpuDevices(2, "T4"))

    belief, templates = Belief([ask(index) for index in range(4)], table), TemplateTable(table)
    bears = Toleration.model_construct(
        key="dedicated", operator="Exists", value="", effect=None, toleration_s=None
    )
    half = templates.intern(100, GIB, gpu=GpuRequest(1, 600, ("T4",)))
    classes = (half, templates.intern(3000, GIB, tolerations=(bears,)), templates.intern(3000, GIB))
    pod = Pod(0, 0, -1, PodAsk("p", 0, half), 0.0)
    placed: list[tuple[PodTemplate, int, tuple[int, ...]]] = [(half, 0, (0,))]
    conditions: list[tuple[bool, tuple[str, ...]]] = [(True, ())] * 4

    def check() -> None:
        anew = Belief([ask(index) for index in range(4)], table)
        anew.relist(conditions, placed)
        for each in classes:
            assert belief.reasons(each) == anew.reasons(each)
            assert belief.eligible(each).tolist() == anew.eligible(each).tolist()
            assert belief.fits(each).tolist() == anew.fits(each).tolist()
            for index in range(4):
                assert belief.fits_there(each, index) == anew.fits(each)[index]
                assert belief.has_devices(each, index) == anew.fits_devices(each)[index]

    belief.place(half, 0, (0,), -1)
    check()
    belief.place(half, 0, (1,), -1)
    placed.append((half, 0, (1,)))
    check()
    belief.pretend(pod, 0, (1,), 1)
    placed.pop()
    check()
    for index, condition in enumerate(
        ((True, ("dedicated=db:NoSchedule",)), (False, ()), (True, ("other:NoSchedule",)))
    ):
        belief.set_condition(index, *condition)
        conditions[index] = condition
        check()
    conditions, placed = [*conditions[:2], (True, ()), (False, ())], [(half, 3, (0,)), (classes[2], 2, ())]
    belief.relist(conditions, placed)
    check()


def test_registered_are_those_that_were_heard_of_whatever_came_between(table: ResourceTable) -> None:
    asks = [MinionAsk(f"m-{i}", "pool", i, 4000, 8 * GIB, 10, GIB, ready=i < 2) for i in range(3)]
    belief = Belief(asks, table)
    gone = ("node.kubernetes.io/unreachable:NoSchedule",)
    seen = [belief.registered]
    for index, ready, taints in [
        (2, False, gone), (0, False, ()), (0, False, ()), (0, True, ("a:NoSchedule",)), (1, False, ()), (1, True, ()),
    ]:  # fmt: skip
        belief.set_condition(index, ready, taints)
        seen.append(belief.registered)
    assert seen == [2, 3, 2, 2, 3, 2, 3]
