"""One scheduler: plug-ins that go wrong, pods that wait, wake, are withdrawn or given up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from models.api.protocols import Refusal
from models.api.types import GpuRequest, Phase
from models.failures.crash import FaultPlan
from models.policies.packing import BestFit
from models.policies.random_fit import RandomFit
from sim.distributions import Constant
from sim.errors import PluginError
from tests.support.worlds import Bench, alone, records


def times(world: Any, kind: str) -> list[tuple[float, str]]:
    return [(row["time_s"], row["object"].rsplit("/", 1)[1]) for row in records(world, kind)]


def one_pod(policy: Any) -> Any:
    bench = Bench([(1000, 0), (4000, 0)])
    bench.pod(12.5, bench.cpu(2000))
    return bench.world(policy, name="my-policy")


def raises(view: Any, pod: Any, context: Any) -> int:
    raise KeyError("no such thing")


def leaves(*anything: Any) -> int:
    raise SystemExit(0)


class BadScores:
    ties, device = "first", "least"

    def __init__(self, score: Any) -> None:
        self._score = score

    def scorer(self, view: Any, template: Any) -> Any:
        return self._score


def writes(view: Any, pod: Any, context: Any) -> int:
    view.free[1] = 0
    return 1


@pytest.mark.parametrize(
    ("policy", "word"),
    [
        (raises, "raised KeyError"),
        (leaves, "raised SystemExit: 0"),
        (BadScores(leaves), "raised SystemExit: 0"),
        (lambda view, pod, context: Refusal({"cold": -1}), "refused for {'cold': -1}"),
        (writes, "raised ValueError"),
        (
            lambda view, pod, context: setattr(view, "free", None),
            "raised AttributeError: 'free' cannot be set",
        ),
        (lambda view, pod, context: view.place(pod.template, 1, (), -1), "raised AttributeError"),
        (lambda view, pod, context: view.labels(1).clear(), "raised AttributeError"),
        (lambda view, pod, context: setattr(pod, "created_s", 0.0), "'created_s' cannot be set"),
        (lambda view, pod, context: delattr(pod, "template"), "'template' cannot be deleted"),
        (lambda view, pod, context: view.labels(1).update(a="b"), "raised AttributeError"),
        (lambda view, pod, context: Refusal(5), "refused for 5; a mapping of texts"),
        (lambda view, pod, context: Refusal({"cold": math.nan}), "refused for {'cold': nan}"),
        (lambda view, pod, context: [1], "answered [1]"),
        (lambda view, pod, context: math.nan, "answered nan"),
        (lambda view, pod, context: np.array([1]), "answered array([1])"),
        (lambda view, pod, context: 0, "chose minion 'm-0', where the pod does not fit"),
        (lambda view, pod, context: 2, "answered 2; the view has 2 minions"),
        (lambda view, pod, context: -1, "answered -1"),
        (lambda view, pod, context: "m-1", "answered 'm-1'"),
        (lambda view, pod, context: True, "answered True"),
        (lambda view, pod, context: 1.0, "answered 1.0"),
        (BadScores(lambda rows: np.full(rows.size, np.nan)), "score nan for minion 'm-1'"),
        (BadScores(lambda rows: np.full(rows.size, np.inf)), "score inf for minion 'm-1'"),
        (BadScores(lambda rows: 1.0), "scores of shape ()"),
        (BadScores(lambda rows: np.zeros(7)), "scores of shape (7,)"),
        (BadScores(lambda rows: np.zeros((rows.size, 1))), "scores of shape (1, 1)"),
        (BadScores(lambda rows: None), "scores of shape ()"),
        (BadScores(lambda rows: np.array(["1.0"] * rows.size)), "scores of type <U3; numbers"),
        (BadScores(lambda rows: np.full(rows.size, 1j)), "scores of type complex128"),
        (BadScores(None), "raised TypeError"),
        (BadScores(lambda rows: 1 / 0), "raised ZeroDivisionError"),
    ],
)
def test_a_policy_that_goes_wrong_is_named_with_pod_and_time(policy: Any, word: str) -> None:
    with pytest.raises(PluginError) as caught:
        one_pod(policy).run()
    text = str(caught.value)
    assert word in text
    assert "policy 'my-policy'" in text
    assert "pod/default/pod-0" in text
    assert "12.500000 s" in text


class Chooses:
    ties, device = "first", "own"

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def scorer(self, view: Any, template: Any) -> Any:
        return lambda rows: np.zeros(rows.size)

    def device_for(self, view: Any, template: Any, minion: int) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def gpus_asked_of(policy: Any) -> Any:
    bench = Bench([(1000, 2)])
    bench.pod(1.0, bench.cpu(1, gpu=GpuRequest(1, 700)))
    bench.pod(2.0, bench.cpu(1, gpu=GpuRequest(1, 500)))
    return bench.world(policy, name="my-policy")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (2, "chose device 2 of minion 'm-0', where 700 thousandths are not left"),
        (-1, "chose device -1 "),
        (0, "chose device 0 of minion 'm-0', where 500 thousandths are not left"),
        (1.0, "chose device 1.0 "),
        (True, "chose device True "),
        (None, "chose device None "),
        (KeyError("no"), "raised KeyError"),
    ],
)
def test_a_device_that_cannot_be_is_refused(answer: Any, word: str) -> None:
    with pytest.raises(PluginError) as caught:
        gpus_asked_of(Chooses(answer)).run()
    assert word in str(caught.value)
    assert "policy 'my-policy'" in str(caught.value)


def test_a_policy_may_choose_devices() -> None:
    class Emptiest(Chooses):
        def device_for(self, view: Any, template: Any, minion: int) -> Any:
            return view.gpu_left_milli[minion].argmax()

    world = gpus_asked_of(Emptiest(None))
    world.run()
    assert world.belief.gpu_left_milli.tolist() == [[300, 500]]


def test_a_policy_may_refuse_with_reasons() -> None:
    world = one_pod(lambda view, pod, context: Refusal({"full moon": 2}))
    world.run()
    (row,) = records(world, "pod_unschedulable")
    assert row["reason"] == "0 of 2 minions: full moon x 2"
    assert world.store.count[Phase.PENDING] == 1


def test_a_policy_that_decides_by_itself_sees_time_draws_and_may_note() -> None:
    seen: list[tuple[float, float]] = []

    def policy(view: Any, pod: Any, context: Any) -> int:
        seen.append((context.now_s, context.draw(3)))
        context.note("thinking", 2.0)
        return int(np.flatnonzero(view.fits(pod.template))[0])

    world = one_pod(policy)
    world.run()
    ((now_s, draw),) = seen
    assert now_s == 12.5
    assert 0 < draw < 1
    (note,) = records(world, "policy_note")
    assert (note["reason"], note["value"], note["object"]) == ("thinking", 2.0, "pod/default/pod-0")
    (bound,) = records(world, "pod_bound")
    assert bound["minion"] == "minion/m-1"


def test_parked_pods_wake_when_a_pod_ends_or_a_minion_comes_back() -> None:
    bench = Bench([(1000, 0)])
    small = bench.cpu(1000)
    for moment in (0.0, 1.0, 2.0, 3.0):
        bench.pod(moment, small, 10.0)
    crash = FaultPlan("f", alone(0), at_s=15.0, repair=Constant(100.0))
    world = bench.world(faults=[crash], until_s=500.0)
    world.run()
    assert times(world, "pod_bound") == [(0.0, "pod-0"), (10.0, "pod-1"), (115.0, "pod-2"), (125.0, "pod-3")]
    assert times(world, "pod_lost") == [(15.0, "pod-1")]
    assert times(world, "pod_unschedulable") == [(1.0, "pod-1"), (2.0, "pod-2"), (3.0, "pod-3")]
    # What woke a pod is the cause of its binding.
    rows = records(world)
    causes = [rows[row["cause"]]["kind"] for row in rows if row["kind"] == "pod_bound"]
    assert causes == ["pod_created", "pod_succeeded", "minion_repaired", "pod_succeeded"]


def test_a_pod_parked_behind_another_class_is_not_blocked_by_it() -> None:
    bench = Bench([(1000, 0), (1000, 0)])
    bench.pod(0.0, bench.cpu(700), 50.0)
    bench.pod(1.0, bench.cpu(5000))
    bench.pod(2.0, bench.cpu(800), 5.0)
    world = bench.world(until_s=100.0)
    world.run()
    assert times(world, "pod_bound") == [(0.0, "pod-0"), (2.0, "pod-2")]


@pytest.mark.parametrize(
    ("key", "kind"), [("withdraw_after_s", "withdrawn"), ("give_up_after_s", "given_up")]
)
def test_a_pod_waits_no_longer_than_it_has_patience(key: str, kind: str) -> None:
    bench = Bench([(1000, 0)])
    pod = bench.cpu(1000)
    bench.pod(0.0, pod, 10.0)
    for patience in (0.0, 9.5, 8.0, math.inf):
        bench.pod(1.0, pod, 1.0, **{key: patience})
    world = bench.world(until_s=100.0)
    world.run()
    assert times(world, f"pod_{kind}") == [(1.0, "pod-1"), (9.0, "pod-3")]
    assert times(world, "pod_bound") == [(0.0, "pod-0"), (10.0, "pod-2"), (11.0, "pod-4")]


def test_giving_up_at_once_still_tries_when_there_is_room_again() -> None:
    bench = Bench([(1000, 0)])
    pod = bench.cpu(1000)
    for moment in (0.0, 1.0, 10.0, 11.0):
        bench.pod(moment, pod, 10.0, give_up_after_s=0.0)
    world = bench.world(until_s=100.0)
    world.run()
    assert times(world, "pod_given_up") == [(1.0, "pod-1"), (11.0, "pod-3")]
    assert times(world, "pod_bound") == [(0.0, "pod-0"), (10.0, "pod-2")]


def test_a_fraction_goes_to_the_fullest_device_that_has_room() -> None:
    bench = Bench([(64000, 3)])
    for milli in (600, 500, 300, 400):
        bench.pod(0.0, bench.cpu(100, gpu=GpuRequest(1, milli)))
    bench.pod(0.0, bench.cpu(100, gpu=GpuRequest(1)))
    world = bench.world(BestFit())
    world.run()
    # 600 -> 0; 500 does not fit there -> 1; 300 -> 0 (400 left); 400 -> 1 (500 left); a whole one -> 2.
    assert world.belief.gpu_left_milli[0].tolist() == [100, 100, 0]


def test_random_breaks_ties_evenly_and_by_pod() -> None:
    bench = Bench([(10**6, 0)] * 4, pods=1000)
    pod = bench.cpu(1)
    for _ in range(400):
        bench.pod(0.0, pod)
    world = bench.world(RandomFit())
    world.run()
    counts = 1000 - world.belief.free[:, 2]
    assert counts.sum() == 400
    assert (abs(counts - 100) < 40).all()


def test_the_reason_counts_minions_by_what_they_lack() -> None:
    bench = Bench([(1000, 0), (1000, 2), (64000, 1)])
    bench.pod(0.0, bench.cpu(2000, gpu=GpuRequest(2)))
    world = bench.world()
    world.run()
    (row,) = records(world, "pod_unschedulable")
    assert row["reason"] == "0 of 3 minions: Insufficient cpu x 2, Insufficient gpu x 2"


def test_one_end_lets_in_as_many_of_a_class_as_fit() -> None:
    bench = Bench([(3000, 0)])
    bench.pod(0.0, bench.cpu(3000), 10.0)
    for _ in range(4):
        bench.pod(1.0, bench.cpu(1000), 5.0)
    world = bench.world(until_s=100.0)
    world.run()
    assert [time_s for time_s, _ in times(world, "pod_bound")] == [0.0, 10.0, 10.0, 10.0, 15.0]
