"""Decisions from kept rows, columns and tallies are those of a scheduler that has just begun, whatever changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import models.cluster.placements
import models.policies.kubernetes.decider
import models.policies.kubernetes.resource_block
from models.api.scheduling import (
    HOSTNAME,
    ZONE,
    HostPort,
    MinionAsScheduled,
    NodeRequirement,
    NodeTerm,
    Owner,
    PodAsScheduled,
    PodTerm,
    Spread,
)
from models.api.selectors import Requirement, Selector
from models.api.taints import Taint, Toleration
from models.cluster.placements import Placements
from models.policies.kubernetes.decider import Decider
from models.policies.kubernetes.profile import KUBERNETES_1_20
from models.policies.kubernetes.resource_scores import CapacityRatio, LeastAllocated, MostAllocated

GIB = 1 << 30
KEYS = st.sampled_from([HOSTNAME, ZONE, "rack"])
APPS = st.sampled_from(["a", "b", "c"])
NAMESPACES = st.sampled_from(["default", "other"])
SELECTORS = st.one_of(
    st.just(Selector()),
    st.builds(lambda app: Selector((Requirement("In", "app", (app,)),)), APPS),
    st.builds(lambda app: Selector((Requirement("NotIn", "app", (app,)),)), APPS),
)
TERMS = st.builds(
    PodTerm,
    st.sampled_from([("default",), ("other",), ("default", "other")]),
    st.one_of(st.none(), SELECTORS, SELECTORS),
    KEYS,
)
NODE_TERMS = st.builds(
    lambda key, operator, value: NodeTerm((NodeRequirement(key, operator, (value,)),)),
    KEYS,
    st.sampled_from(["In", "NotIn", "Gt"]),
    st.sampled_from(["0", "1", "2"]),
)
TAINTS = st.builds(
    Taint, st.sampled_from(["k", "l"]), st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"])
)
EFFECTS = st.sampled_from(["", "NoSchedule", "PreferNoSchedule"])
TOLERATIONS = st.builds(Toleration, st.sampled_from(["", "k", "l"]), st.just("Exists"), st.just(""), EFFECTS)
WEIGHTS = st.integers(-3, 3).filter(bool)


IMAGES = st.dictionaries(
    st.sampled_from(["i:1", "j:1", "k:1"]), st.sampled_from([0, 2 * 10**7, 10**9, 3 * 10**9]), max_size=3
)
LABELS = st.fixed_dictionaries({}, optional={key: st.sampled_from(["", "0", "1"]) for key in (ZONE, "rack")})


def few(of: Any, most: int = 2) -> Any:
    return st.lists(of, max_size=most).map(tuple)


def rarely(of: Any, default: Any) -> Any:
    return st.one_of(st.just(default), st.just(default), of)


@st.composite
def pods(draw: Any) -> PodAsScheduled:
    amounts = (("cpu", draw(st.integers(0, 900))), ("memory", draw(st.integers(0, 3)) * GIB))
    gpu = draw(rarely(st.just((("gpus/a", draw(st.integers(0, 2))),)), ()))
    return PodAsScheduled(
        namespace=draw(NAMESPACES),
        labels=(("app", draw(APPS)),),
        requests=(*amounts, *gpu),
        nonzero=(amounts[0][1] or 100, amounts[1][1] or GIB),
        scored=(("cpu", amounts[0][1] or 100), ("memory", amounts[1][1] or GIB), *gpu),
        ports=draw(rarely(few(st.builds(HostPort, st.sampled_from([80, 81]))), ())),
        images=draw(rarely(few(st.sampled_from(["i:1", "j:1"]), 3), ())),
        required_nodes=draw(rarely(few(NODE_TERMS), None)),
        preferred_nodes=draw(rarely(few(st.tuples(st.integers(1, 9), NODE_TERMS)), ())),
        affinity=draw(rarely(few(TERMS), ())),
        anti_affinity=draw(rarely(few(TERMS), ())),
        preferred_pods=draw(rarely(few(st.tuples(WEIGHTS, TERMS)), ())),
        tolerations=draw(rarely(few(TOLERATIONS), ())),
        spread=draw(rarely(few(st.builds(Spread, KEYS, st.integers(1, 2), st.booleans(), SELECTORS)), ())),
        controller=draw(rarely(st.just(("ReplicaSet", "u")), None)),
    )


@st.composite
def minions(draw: Any, name: str) -> MinionAsScheduled:
    labels = {HOSTNAME: name} | draw(LABELS)
    allocatable = {"cpu": draw(st.integers(0, 4)) * 1000, "memory": draw(st.integers(0, 16)) * GIB, "pods": 6}
    return MinionAsScheduled(
        name,
        labels,
        allocatable | ({"gpus/a": 2} if draw(st.booleans()) else {}),
        draw(rarely(few(TAINTS), ())),
        draw(st.sampled_from([False, False, False, True])),
        draw(rarely(IMAGES, {})),
        draw(rarely(st.just((("ReplicaSet", "u"),)), ())),
    )


OWNERS = st.builds(Owner, st.sampled_from(["Service", "ReplicaSet"]), NAMESPACES, SELECTORS)


def _cordon(minion: MinionAsScheduled) -> Any:
    return st.just(replace(minion, unschedulable=not minion.unschedulable))


def _label(minion: MinionAsScheduled) -> Any:
    return LABELS.map(lambda labels: replace(minion, labels={HOSTNAME: minion.name} | labels))


OF_MINIONS: dict[str, Any] = {
    "minion": lambda minion: minions(minion.name),
    "label": _label,
    "cordon": _cordon,
    "taint": lambda minion: few(TAINTS).map(lambda taints: replace(minion, taints=taints)),
    "images": lambda minion: IMAGES.map(lambda images: replace(minion, images=images)),
}
"""What becomes of a minion itself: all of it, or one thing alone."""


@dataclass
class Cluster:
    """A view that was changed step by step, and all that is needed to make it anew."""

    view: Placements
    owners: list[Owner] = field(default_factory=list)
    down: set[int] = field(default_factory=set)
    placed: list[tuple[PodAsScheduled, int, bool]] = field(default_factory=list)

    def anew(self) -> Placements:
        made = Placements(self.view.minions, self.owners)
        for pod, minion, ending in self.placed:
            made.place(made.know(pod), minion, 1, terminating=ending)
        for minion in self.down:
            made.set_present(minion, False)
        return made

    def change(self, data: Any, asked: list[PodAsScheduled], decider: Decider) -> None:
        view, count = self.view, len(self.view)
        step = data.draw(
            st.sampled_from(
                ["bind", "bind", "bind", "force", "delete", "end", "relabel", "owner", "down", *OF_MINIONS]
            )
        )
        index = data.draw(st.integers(0, count - 1))
        if step in {"bind", "force"}:
            pod = data.draw(st.sampled_from(asked))
            minion = decider.decide(view.know(pod)).first if step == "bind" else index
            if minion >= 0:
                view.place(view.know(pod), minion, 1)
                self.placed.append((pod, minion, False))
        elif step in {"delete", "end"} and self.placed:
            pod, minion, ending = self.placed.pop(index % len(self.placed))
            view.place(view.know(pod), minion, -1, terminating=ending)
            if step == "end":
                view.place(view.know(pod), minion, 1, terminating=True)
                self.placed.append((pod, minion, True))
        elif step == "relabel" and self.placed:
            pod, minion, ending = self.placed.pop(index % len(self.placed))
            other = replace(pod, labels=(("app", data.draw(APPS)),))
            view.place(view.know(pod), minion, -1, terminating=ending)
            view.place(view.know(other), minion, 1, terminating=ending)
            self.placed.append((other, minion, ending))
        elif step in OF_MINIONS:
            event(step)
            view.change_minion(index, data.draw(OF_MINIONS[step](view.minions[index])))
        elif step == "down":
            self.down ^= {index}
            view.set_present(index, index not in self.down)
        elif step == "owner":
            if self.owners and data.draw(st.booleans()):
                view.remove_owner(self.owners.pop())
            else:
                self.owners.append(data.draw(OWNERS))
                view.add_owner(self.owners[-1])


def check(decider: Decider, cluster: Cluster, pod: PodAsScheduled) -> None:
    decision, made = decider.decide(cluster.view.know(pod)), cluster.anew()
    totals = Decider(decider.profile, made).afresh(made.know(pod))
    np.testing.assert_array_equal(decision.totals, totals)
    best = np.flatnonzero(totals == totals.max()) if totals.max() >= 0 else np.array([], dtype=np.int64)
    np.testing.assert_array_equal(decision.best, best)
    np.testing.assert_array_equal(decision.feasible, np.flatnonzero(totals >= 0))
    assert decision.first == (best[0] if best.size else -1)
    refused = decider.refusals(cluster.view.know(pod))
    assert set(refused) | cluster.down == set(np.flatnonzero(totals < 0).tolist())
    first = [
        next(iter(said.values())).reasons for minion, said in refused.items() if minion not in cluster.down
    ]
    gone = {"node(s) were not ready": len(cluster.down)} if cluster.down else {}
    assert decider.reasons(cluster.view.know(pod)) == Counter(each for said in first for each in said) | gone


@given(st.lists(st.tuples(st.integers(0, 3), IMAGES), min_size=1, max_size=6))
def test_an_image_that_comes_to_one_minion_changes_what_it_counts_on_others(changes: list[Any]) -> None:
    view = Placements([MinionAsScheduled(f"m-{i}", {}, {"pods": 9}, images={"i:1": 10**9}) for i in range(4)])
    decider, pod = Decider(KUBERNETES_1_20, view), PodAsScheduled(images=("i:1", "j:1"))
    check(decider, Cluster(view), pod)
    for index, images in changes:
        view.change_minion(index, replace(view.minions[index], images=images))
        check(decider, Cluster(view), pod)


OTHER = replace(
    KUBERNETES_1_20,
    resource_scores=(
        (MostAllocated(), 2),
        (LeastAllocated((("cpu", 1), ("gpus/a", 3))), 1),
        (CapacityRatio(((0, 2), (30, 10), (100, 1))), 1),
    ),
)


@pytest.mark.parametrize("remembered", [4096, 2])
@given(
    st.data(),
    st.lists(pods(), min_size=1, max_size=6),
    st.sampled_from([1, 3, 9]),
    st.sampled_from([KUBERNETES_1_20, OTHER]),
)
def test_kept_decisions_are_those_of_a_fresh_look(
    remembered: int, data: Any, asked: list[PodAsScheduled], count: int, profile: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.policies.kubernetes.decider, "_CACHED_CLASSES", remembered)
        patch.setattr(
            models.policies.kubernetes.resource_block, "BLOCK_CLASSES", 4 if remembered == 2 else 64
        )
        view = Placements([data.draw(minions(f"m-{i}")) for i in range(count)])
        if remembered == 2:
            view._log.limit = 3
            view._static_log.limit = 2
        cluster, decider = Cluster(view), Decider(profile, view)
        for _ in range(data.draw(st.integers(1, 25))):
            cluster.change(data, asked, decider)
            check(decider, cluster, data.draw(st.sampled_from(asked)))
        for pod in asked:
            check(decider, cluster, pod)
        view.clear()
        cluster.placed.clear()
        for pod in asked:
            check(decider, cluster, pod)


@pytest.mark.parametrize("count", [1, 5, 100])
def test_few_changes_and_many_give_the_same_numbers(count: int) -> None:
    """All classes of a block, one minion at a time by the quick way and all at once by the plug-ins' functions."""
    draw = np.random.default_rng(count)
    amounts = [0, 1, 7, 100, 999, 1000, 4000]
    made = [
        MinionAsScheduled(f"m-{i}", {}, {"cpu": int(draw.choice(amounts)), "memory": int(draw.choice(amounts)), "pods": 3})
        for i in range(count)
    ]  # fmt: skip
    view = Placements(made)
    block_of = models.policies.kubernetes.resource_block.ResourceBlock
    quick, slow = (block_of(view, KUBERNETES_1_20.resource_scores, fits=True) for _ in range(2))
    slow._scores = tuple(reversed(slow._scores))
    known = []
    for cpu in amounts:
        for memory in amounts:
            both = (("cpu", cpu), ("memory", memory))
            known.append(view.know(PodAsScheduled(requests=both, nonzero=(cpu, memory), scored=both)))
            quick.add(known[-1])
            slow.add(known[-1])
    for _ in range(300):
        pod, minion = known[int(draw.integers(len(known)))], int(draw.integers(count))
        view.place(pod, minion, 1 if view.left[minion, 5] > 0 else -1)
        quick.catch_up()
    slow.catch_up()
    np.testing.assert_array_equal(quick.scores[: len(known)], slow.scores[: len(known)])
