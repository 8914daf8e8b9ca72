"""A user's own policy that looks at pods: it cannot write to what it is given, and what it answers is held against rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from operator import methodcaller
from typing import Any

import numpy as np
import pytest

from models.api.schedulingview import CPU
from models.cluster.placedbelief import Placing
from models.placingplan import minion_as_scheduled
from models.policies.kubernetes.policy import Kubernetes
from models.world import World
from sim.errors import PluginError
from tests.support.worlds import Bench, records, sinks


class Placer:
    """Takes the minion with most cpu left; ``do`` is done to the view first, and the answer may be another."""

    ties, device = "first", "least"

    def __init__(self, do: Callable[[Any, Any], Any] | None = None, **answers: Any) -> None:
        self._do = do
        self._answers = answers

    def decider(self, view: Any) -> Any:
        policy = self

        class Decides:
            def decide(self, pod: Any, among: Any = None) -> Any:
                if policy._do is not None:
                    policy._do(view, pod)
                ranks = np.where((view.left >= pod.need).all(axis=1), view.left[:, CPU], -1)
                first = int(ranks.argmax()) if ranks.max(initial=-1) >= 0 else -1
                found = {"first": first, "ranks": ranks} | policy._answers
                return type("Decided", (), found)()

            def could_fit(self, pod: Any, minion: int) -> bool:
                return True

            def fits(self, pod: Any, minion: int) -> bool:
                return bool((view.left[minion] >= pod.need).all())

            def evictions_may_help(self, pod: Any) -> Any:
                return np.ones(len(view.minions), dtype=bool)

            def helped_by(self, pod: Any, other: Any) -> bool:
                return False

            def parts(self, pod: Any, rows: Any) -> Any:
                return [("most-left", 1, view.left[rows, CPU])]

            def reasons(self, pod: Any) -> Any:
                return {"full": len(view.minions)}

        return Decides()


def world(policy: Any) -> World:
    bench = Bench([(1000, 0), (4000, 0)])
    for time_s in (1.0, 12.5):
        bench.pod(time_s, bench.cpu(2000, labels={"app": "a"}))
    placing = Placing([minion_as_scheduled(each) for each in bench.minions])
    return bench.world(policy, name="my-policy", placing=placing)


def test_one_that_behaves_decides() -> None:
    found = world(Placer())
    found.run()
    assert [row["minion"] for row in records(found, "pod_bound")] == ["minion/m-1", "minion/m-1"]


def writes(view: Any, pod: Any) -> list[Callable[[], Any]]:
    """All that a policy may think of to write to."""
    tally = view.pods_that_match(("default",), (), terminating=True)
    place = view.topology("kubernetes.io/hostname")
    minion = view.minions[0]
    return [
        lambda: view.left.__setitem__((0, 0), 5),
        lambda: view.allocatable.__iadd__(1),
        lambda: view.left[0].fill(7),
        lambda: setattr(view, "left", None),
        lambda: setattr(view, "minions", []),
        lambda: view.minions.__setitem__(0, minion),
        partial(methodcaller("clear"), view.minions),
        lambda: minion.labels.update(a="b"),
        partial(methodcaller("clear"), minion.allocatable),
        lambda: minion.images.update({"i:1": 1}),
        lambda: setattr(minion, "unschedulable", True),
        lambda: tally.amounts.fill(3),
        lambda: tally.by_place("kubernetes.io/hostname").fill(3),
        lambda: tally.add(0, 1),
        lambda: setattr(tally, "amounts", None),
        lambda: place.codes.fill(0),
        lambda: setattr(place, "count", 9),
        lambda: setattr(pod, "number", 3),
        lambda: pod.need.fill(0),
        lambda: pod.labels.update(app="b"),
        lambda: view.ports.add(None, 0, 1),
        lambda: view.owners("default").append(None),
        lambda: view.carried("preferred", pod).append(None),
        lambda: view.place(pod, 0, 1),
        lambda: view.set_present(0, False),
        lambda: view.change_minion(0, minion),
        lambda: view.know(pod.pod),
        partial(methodcaller("clear"), view),
    ]


@pytest.mark.parametrize("number", range(28))
def test_it_cannot_write(number: int) -> None:
    with pytest.raises(PluginError) as caught:
        world(Placer(lambda view, pod: writes(view, pod)[number]())).run()
    text = str(caught.value)
    assert "policy 'my-policy' raised " in text
    assert "pod/default/pod-0" in text
    assert "1.000000 s" in text


def test_all_ways_to_write_are_tried() -> None:
    seen = []
    world(Placer(lambda view, pod: seen.append(len(writes(view, pod))))).run()
    assert set(seen) == {28}


@pytest.mark.parametrize(
    ("answers", "word"),
    [
        ({"first": 0}, "chose minion 'm-0', where the pod does not fit"),
        ({"first": 2}, "answered 2; there are 2 minions"),
        ({"first": -2}, "answered -2; there are 2 minions"),
        ({"first": 1.0}, "answered 1.0; the index of a minion or -1 was expected"),
        ({"first": True}, "answered True; the index of a minion or -1 was expected"),
        ({"first": None}, "answered None; the index of a minion or -1 was expected"),
        ({"ranks": np.zeros(3)}, "ranks of shape (3,) for 2 minions"),
        ({"ranks": None}, "ranks of shape () for 2 minions"),
        ({"ranks": np.array([1.0, math.nan])}, "rank nan for minion 'm-1'"),
        ({"ranks": np.array(["a", "b"])}, "ranks of type <U1; numbers were expected"),
    ],
)  # fmt: skip
def test_what_it_answers_is_held_against_the_rules(answers: dict[str, Any], word: str) -> None:
    with pytest.raises(PluginError) as caught:
        world(Placer(**answers)).run()
    text = str(caught.value)
    assert word in text
    assert "policy 'my-policy'" in text
    assert "pod/default/pod-0" in text


@pytest.mark.parametrize("ties", ["first", "random"])
def test_the_built_in_one_decides_on_the_same_view(ties: str) -> None:
    found = world(Kubernetes(ties=ties))
    found.run()
    assert [row["minion"] for row in records(found, "pod_bound")] == ["minion/m-1", "minion/m-1"]


@pytest.mark.parametrize("method", ["could_fit", "helped_by", "reasons", "parts"])
def test_whatever_it_raises_in_is_its_own(method: str) -> None:
    class Raises(Placer):
        def decider(self, view: Any) -> Any:
            made = super().decider(view)

            def wrong(*words: Any) -> Any:
                raise KeyError(method)

            setattr(made, method, wrong)
            return made

    bench = Bench([(1000, 0), (4000, 0)])
    placing = Placing([minion_as_scheduled(each) for each in bench.minions])
    big, small = bench.cpu(4000), bench.cpu(500)
    bench.pod(1.0, big, 30.0)
    bench.pod(2.0, big)  # waits for the first to end
    bench.pod(3.0, small)
    plan = bench.world(Raises(), name="my-policy", placing=placing).plan
    with pytest.raises(PluginError, match=f"policy 'my-policy' raised KeyError: '{method}'"):
        World(replace(plan, decisions=True), sinks()).run()
