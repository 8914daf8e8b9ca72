"""Ways of single plug-ins that are easy to get wrong, each worked out by hand from the code of v1.20."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

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
from models.api.selectors import Selector, parse_selector
from models.api.taints import Taint, Toleration
from models.cluster.placements import Placements
from models.policies.kubernetes.decider import Decider
from models.policies.kubernetes.image_locality import ImageLocality
from models.policies.kubernetes.profile import KUBERNETES_1_20
from models.policies.kubernetes.resource_scores import BalancedAllocation, CapacityRatio
from models.policies.kubernetes.topology_spread import default_selector

ROOM = {"cpu": 4000, "memory": 1 << 30, "pods": 10}
A = parse_selector({"app": "a"})


def asking(labels: Mapping[str, str] | None = None, **words: Any) -> PodAsScheduled:
    return PodAsScheduled(labels=tuple(sorted((labels or {"app": "a"}).items())), **words)


class Bench:
    """Minions with labels, pods on them, and what becomes of another pod."""

    def __init__(self, *labels: Mapping[str, str], owners: Sequence[Owner] = ()) -> None:
        minions = [MinionAsScheduled(f"m-{i}", each, ROOM) for i, each in enumerate(labels)]
        self.view = Placements(minions, owners)
        self.decider = Decider(KUBERNETES_1_20, self.view)

    def put(self, pod: PodAsScheduled, *minions: int, terminating: bool = False) -> Bench:
        for minion in minions:
            self.view.place(self.view.know(pod), minion, 1, terminating=terminating)
        return self

    def feasible(self, pod: PodAsScheduled) -> list[int]:
        found: list[int] = self.decider.decide(self.view.know(pod)).feasible.tolist()
        return found

    def score(self, name: str, pod: PodAsScheduled) -> tuple[list[int], list[int]]:
        scored = self.decider.scores(self.view.know(pod))[name]
        return scored.raw.tolist(), scored.normal.tolist()

    def why(self, pod: PodAsScheduled, minion: int) -> list[tuple[str, ...]]:
        found = self.decider.refusals(self.view.know(pod)).get(minion, {})
        return [(name, each.code, *each.reasons) for name, each in found.items()]


def hard(key: str, skew: int = 1, selector: Selector | None = A) -> Spread:
    return Spread(key, skew, True, selector)


def soft(key: str, skew: int = 1, selector: Selector | None = A) -> Spread:
    return Spread(key, skew, False, selector)


# ------------------------------------------------------------------------------------------- spread, hard


def test_pods_where_the_label_is_missing_count_as_of_the_empty_place() -> None:
    bench = Bench({"k": ""}, {"k": "x"}, {}).put(asking(), 2)
    # The empty place is known, from minion 0, and the pod on minion 2, which has no label, counts there.
    assert bench.feasible(asking(spread=(hard("k"),))) == [1]
    assert Bench({"k": "y"}, {"k": "x"}, {}).put(asking(), 2).feasible(asking(spread=(hard("k"),))) == [0, 1]


def test_constraints_of_one_key_share_their_counts() -> None:
    b = parse_selector({"app": "b"})
    bench = Bench({"k": "x"}, {"k": "y"}).put(asking(), 0).put(asking({"app": "b"}), 0)
    # Each alone counts 1 on x: with itself 2 - 0 > 1. Together 2, so that a skew of 2 is too little too.
    assert bench.feasible(asking(spread=(hard("k", 2),))) == [0, 1]
    assert bench.feasible(asking(spread=(hard("k", 2), hard("k", 2, b)))) == [1]


def test_pods_on_minions_that_are_not_eligible_count_but_make_no_place() -> None:
    only = (NodeTerm((NodeRequirement("disk", "In", ("ssd",)),)),)
    bench = Bench({"k": "x", "disk": "ssd"}, {"k": "x"}, {"k": "y", "disk": "ssd"}, {"k": "z"}).put(
        asking(), 1
    )
    pod = asking(spread=(hard("k"),), required_nodes=only)
    assert bench.feasible(pod) == [2]  # x has the one of minion 1; z is no place, so that the least is y's 0
    bench.put(asking(), 2)
    assert bench.feasible(pod) == [0, 2]


def test_a_key_that_no_minion_has_keeps_a_pod_off_everywhere() -> None:
    found = Bench({}, {"k": "x"}).why(asking(spread=(hard("rack"),)), 1)
    said = "node(s) didn't match pod topology spread constraints (missing required label)"
    assert found == [("PodTopologySpread", "UnschedulableAndUnresolvable", said)]


@pytest.mark.parametrize(("ending", "namespace"), [(True, "default"), (False, "other")])
def test_pods_that_end_and_those_of_other_namespaces_do_not_count(ending: bool, namespace: str) -> None:
    bench = Bench({"k": "x"}, {"k": "y"}).put(asking(namespace=namespace), 0, terminating=ending)
    assert bench.feasible(asking(spread=(hard("k"),))) == [0, 1]


def test_a_selector_that_is_absent_selects_nothing_and_an_empty_one_all() -> None:
    bench = Bench({"k": "x"}, {"k": "y"}).put(asking({"app": "z"}), 0, 0)
    assert bench.feasible(asking(spread=(hard("k", 1, None),))) == [0, 1]
    assert bench.feasible(asking(spread=(hard("k", 1, Selector()),))) == [1]


# ------------------------------------------------------------------------------------------- spread, soft


def test_minions_that_lack_a_key_score_nothing() -> None:
    bench = Bench({"k": "x"}, {"k": "y"}, {}).put(asking(), 0, 0)
    weight = math.log(2 + 2)  # two places
    raw = [int(2 * weight), 0, 0]
    assert bench.score("PodTopologySpread", asking(spread=(soft("k"),))) == (raw, [0, 100, 0])


def test_minions_themselves_are_counted_as_those_that_are_feasible() -> None:
    bench = Bench(*({HOSTNAME: str(i)} for i in range(3))).put(asking(), 0, 0, 1)
    raw = [int(2 * math.log(5) + 2), int(math.log(5) + 2), 2]
    most, least = raw[0], raw[2]
    normal = [100 * (most + least - each) // most for each in raw]
    assert bench.score("PodTopologySpread", asking(spread=(soft(HOSTNAME, 3),))) == (raw, normal)


def test_the_second_constraint_of_a_key_counts_no_places() -> None:
    bench = Bench({"k": "x"}, {"k": "y"}).put(asking(), 0)
    both = asking(spread=(soft("k"), soft("k", 1, Selector())))
    # Counts of both are added for each; the second weighs them by log(0 + 2).
    raw = [int(2 * math.log(4) + 2 * math.log(2)), 0]
    assert bench.score("PodTopologySpread", both)[0] == raw


def test_a_pod_with_constraints_of_any_kind_has_no_default_ones() -> None:
    owners = [Owner("Service", "default", A)]
    bench = Bench({HOSTNAME: "0", ZONE: "a"}, {HOSTNAME: "1", ZONE: "b"}, owners=owners).put(asking(), 0)
    assert bench.score("PodTopologySpread", asking())[1] != [100, 100]
    assert bench.score("PodTopologySpread", asking(spread=(hard(ZONE, 5),)))[1] == [100, 100]


@pytest.mark.parametrize(
    ("owner", "labels", "selects"),
    [
        (Owner("Service", "default", A), {"app": "a"}, True),
        (Owner("Service", "other", A), {"app": "a"}, False),
        (Owner("Service", "default", None), {"app": "a"}, False),
        (Owner("Service", "default", Selector()), {"app": "a"}, False),  # selects it, and adds nothing
        (Owner("ReplicaSet", "default", parse_selector("app notin (b)")), {"app": "a"}, True),
        (Owner("ReplicaSet", "default", parse_selector("app notin (b)")), {}, False),  # pods without labels
        (Owner("ReplicaSet", "default", Selector()), {"app": "a"}, False),
    ],
)
def test_what_selects_a_pod(owner: Owner, labels: dict[str, str], selects: bool) -> None:
    view = Placements([], [owner])
    pod = view.know(PodAsScheduled(labels=tuple(labels.items())))
    assert bool(default_selector(view, pod).requirements) == selects


# ------------------------------------------------------------------------------------------------ affinity


def near(key: str, selector: Selector | None = A, namespaces: tuple[str, ...] = ("default",)) -> PodTerm:
    return PodTerm(namespaces, selector, key)


def test_the_first_of_a_series_may_go_where_all_keys_are() -> None:
    bench = Bench({"k": "x"}, {"j": "y"}, {"k": "x", "j": "y"})
    assert bench.feasible(asking(affinity=(near("k"), near("j")))) == [2]
    assert bench.feasible(asking({"app": "b"}, affinity=(near("k"),))) == []


def test_a_match_on_a_minion_without_any_key_leaves_the_series_without_a_first() -> None:
    assert Bench({"k": "x"}, {}).put(asking(), 1).feasible(asking(affinity=(near("k"),))) == [0]


def test_only_pods_that_match_all_terms_count() -> None:
    b = parse_selector({"tier": "b"})
    bench = (
        Bench({"k": "x"}, {"k": "y"}).put(asking({"app": "a"}), 0).put(asking({"app": "a", "tier": "b"}), 1)
    )
    assert bench.feasible(asking({"app": "c"}, affinity=(near("k"), near("k", b)))) == [1]
    elsewhere = near("k", b, ("other",))
    assert bench.feasible(asking({"app": "c"}, affinity=(near("k"), elsewhere))) == []


def test_anti_affinity_is_heeded_both_ways_and_not_without_the_key() -> None:
    shy = asking(anti_affinity=(near("k"),))
    assert Bench({"k": "x"}, {"k": "y"}, {}).put(asking(), 0, 2).feasible(shy) == [1, 2]
    bench = Bench({"k": "x"}, {"k": "y"}, {}).put(shy, 0)
    assert bench.feasible(asking()) == [1, 2]
    assert bench.why(asking(), 0)[0][-1] == "node(s) didn't satisfy existing pods anti-affinity rules"
    assert bench.feasible(asking({"app": "b"})) == [0, 1, 2]


def test_preferences_take_in_0_at_both_ends() -> None:
    away = asking(preferred_pods=((-7, near("k")),))
    bench = Bench({"k": "x"}, {"k": "y"}, {}).put(asking(), 0, 0, 1)
    # -14, -7, 0: the least is 0 of the scale, and 0 its end.
    assert bench.score("InterPodAffinity", away) == ([-14, -7, 0], [0, 50, 100])
    both = Bench({"k": "x"}, {"k": "y"}).put(asking(), 0, 1, 1)
    # 5, 10: 0 is an end of the scale though no minion has it.
    assert both.score("InterPodAffinity", asking(preferred_pods=((5, near("k")),))) == ([5, 10], [50, 100])
    liked = Bench({"k": "x"}, {"k": "y"}).put(asking({"app": "z"}, affinity=(near("k"),)), 1)
    assert liked.score("InterPodAffinity", asking()) == ([0, 1], [0, 100])  # a required term counts 1
    assert liked.score("InterPodAffinity", asking({"app": "b"})) == ([0, 0], [0, 0])


# ------------------------------------------------------------------------------------------------ minions


@pytest.mark.parametrize(
    ("requirement", "holds"),
    [
        (NodeRequirement("n", "Gt", ("5",)), True),
        (NodeRequirement("n", "Gt", ("7",)), False),
        (NodeRequirement("n", "Lt", ("+8",)), True),
        (NodeRequirement("w", "Gt", ("5",)), False),
        (NodeRequirement("none", "Lt", ("5",)), False),
        (NodeRequirement("none", "NotIn", ("5",)), True),
        (NodeRequirement("none", "DoesNotExist"), True),
        (NodeRequirement("w", "Exists"), True),
    ],
)
def test_requirements_of_labels(requirement: NodeRequirement, holds: bool) -> None:
    assert requirement.holds({"n": "7", "w": "seven"}) == holds


def test_terms_of_minions() -> None:
    name = NodeRequirement("metadata.name", "In", ("m-0",))
    bench = Bench({}, {})
    assert bench.feasible(asking(required_nodes=(NodeTerm((), (name,)),))) == [0]
    assert bench.feasible(asking(required_nodes=(NodeTerm(),))) == []
    assert bench.feasible(asking(required_nodes=())) == []
    assert bench.feasible(asking(node_name="m-1")) == [1]
    contradiction = NodeTerm((NodeRequirement("k", "Exists"), NodeRequirement("k", "DoesNotExist")))
    assert bench.feasible(asking(required_nodes=(contradiction,))) == []


def test_taints() -> None:
    view = Placements(
        [
            MinionAsScheduled("a", {}, ROOM, (Taint("k", "NoExecute", "v"),)),
            MinionAsScheduled(
                "b", {}, ROOM, (Taint("k", "PreferNoSchedule"), Taint("l", "PreferNoSchedule"))
            ),
            MinionAsScheduled("c", {}, ROOM, (), True),
        ]
    )
    decider = Decider(KUBERNETES_1_20, view)

    def feasible(*tolerations: Toleration) -> list[int]:
        found: list[int] = decider.decide(view.know(asking(tolerations=tolerations))).feasible.tolist()
        return found

    assert feasible() == [1]
    assert feasible(Toleration("k", "Exists")) == [0, 1]
    assert feasible(Toleration("k", "Equal", "w")) == [1]
    assert feasible(Toleration("", "Exists")) == [0, 1, 2]
    assert feasible(Toleration("k", "Exists", "", "NoSchedule")) == [1]
    assert feasible(Toleration("node.kubernetes.io/unschedulable", "Exists", "", "NoSchedule")) == [1, 2]
    heeded = asking(tolerations=(Toleration("", "Exists", "", "NoExecute"), Toleration("l", "Exists")))
    assert decider.scores(view.know(heeded))["TaintToleration"].raw.tolist() == [0, 1]


# ---------------------------------------------------------------------------------------------- resources


def test_ports_of_hosts() -> None:
    def pod(*ports: HostPort) -> PodAsScheduled:
        return asking(ports=ports)

    one, any_of_them = HostPort(80, "TCP", "10.0.0.1"), HostPort(80)
    bench = Bench({}, {}).put(pod(one), 0).put(pod(any_of_them), 1)
    assert bench.feasible(pod(one)) == []
    assert bench.feasible(pod(any_of_them)) == []
    assert bench.feasible(pod(HostPort(80, "TCP", "10.0.0.2"))) == [0]
    assert bench.feasible(pod(HostPort(80, "UDP"))) == [0, 1]
    assert bench.feasible(pod(HostPort(81), HostPort(80, "TCP", "10.0.0.2"))) == [0]


def test_what_fits() -> None:
    bench = Bench({})
    bench.put(asking(requests=(("cpu", 5000),)), 0)  # more than there is: bound by somebody else
    assert bench.feasible(asking()) == [0]  # asks for nothing at all
    assert bench.feasible(asking(requests=(("cpu", 0), ("memory", 0)))) == [0]
    assert bench.why(asking(requests=(("memory", 1),)), 0)[0][2:] == ("Insufficient cpu",)
    assert bench.why(asking(requests=(("x/y", 0),)), 0)[0][2:] == ("Insufficient cpu",)
    assert bench.why(asking(requests=(("x/y", 1),)), 0)[0][2:] == ("Insufficient cpu", "Insufficient x/y")
    for _ in range(9):
        bench.put(asking(), 0)
    assert bench.why(asking(), 0)[0][2:] == ("Too many pods",)


def test_resource_scores_at_the_edges() -> None:
    import numpy as np

    def of(score: Any, allocatable: list[int], requested: list[int]) -> int:
        return int(score.of([np.array([a]) for a in allocatable], [np.array([r]) for r in requested])[0])

    assert of(BalancedAllocation(), [0, 100], [0, 10]) == 0  # nothing there counts as used up
    assert of(BalancedAllocation(), [100, 100], [100, 10]) == 0
    assert of(BalancedAllocation(), [1000, 1000], [333, 10]) == 67  # 67.7 cut off
    falling = CapacityRatio(((0, 10), (100, 0)))
    assert of(falling, [1000, 1000], [333, 333]) == 66  # 100 + trunc(-100 * 34 / 100); left is cut off first
    assert of(CapacityRatio(((0, 3), (30, 1))), [1000, 1000], [5, 5]) == 30  # -20 * 1 / 30 is cut off to 0
    assert of(CapacityRatio(((0, 0), (100, 10))), [1000, 1000], [0, 500]) == 50  # a score of 0 is left out


def test_an_image_is_looked_for_again_where_a_minion_changed_and_everywhere_once_another_has_it() -> None:
    bench, pod = Bench({}, {}, {}), asking(images=("i:1",))
    has = replace(bench.view.minions[0], images={"i:1": 2000 << 20})
    bench.view.change_minion(0, has)
    assert bench.score("ImageLocality", pod)[0] == [100 * (2000 // 3 - 23) // (1000 - 23), 0, 0]
    looked, raw = list[str](), ImageLocality.raw

    def counted(own: ImageLocality, view: Any, minion: MinionAsScheduled, pod: PodAsScheduled) -> int:
        looked.append(minion.name)
        return raw(own, view, minion, pod)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageLocality, "raw", counted)
        bench.view.change_minion(1, replace(bench.view.minions[1], taints=(Taint("k", "PreferNoSchedule"),)))
        bench.score("ImageLocality", pod)
        assert looked == ["m-1"]
        bench.view.change_minion(1, replace(bench.view.minions[1], images=has.images))
        assert bench.score("ImageLocality", pod)[0] == [100, 100, 0]
