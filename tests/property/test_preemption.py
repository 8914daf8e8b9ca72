"""Preemption against all that could have been done: every set of victims on small clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import inf
from random import Random

import pytest

from models.api.selectors import parse_selector
from models.control.preemption import (
    Budget,
    Candidate,
    Occupant,
    best_of,
    candidates_wanted,
    find_candidates,
    select_victims,
)

CLUSTERS = 300
Need = tuple[int, int, int]
"""Cpu, memory, a port (0: none): two pods with one port cannot be on one minion."""


class Cluster:
    """A small cluster, drawn."""

    def __init__(self, seed: int) -> None:
        draw = Random(seed)
        self.free: list[tuple[int, int]] = []
        self.pods: list[list[Occupant]] = []
        self.needs: dict[int, Need] = {}
        self.priority = draw.randint(0, 12)
        self.need: Need = (draw.randint(1, 6), draw.randint(1, 6), draw.choice([0, 0, 1, 2]))
        labels = [{}, {"app": "a"}, {"app": "b"}, {"app": "a", "tier": "x"}]
        number = 0
        for _ in range(draw.randint(1, 5)):
            pods = []
            cpu = memory = 0
            ports: set[int] = set()
            for _ in range(draw.randint(0, 7)):
                port = draw.choice([0, 0, 0, 1, 2])
                port = 0 if port in ports else port
                ports.add(port)
                self.needs[number] = (draw.randint(1, 4), draw.randint(0, 4), port)
                pods.append(
                    Occupant(
                        number,
                        draw.randint(-3, 14),
                        float(draw.randint(0, 3)),
                        draw.choice(["default", "other"]),
                        draw.choice(labels),
                    )
                )
                cpu, memory = cpu + self.needs[number][0], memory + self.needs[number][1]
                number += 1
            self.pods.append(pods)
            self.free.append((cpu + draw.randint(0, 4), memory + draw.randint(0, 4)))
        self.budgets = [
            Budget(draw.choice(["default", "other"]), parse_selector({"app": app}), draw.randint(0, 2))
            for app in draw.sample(["a", "b"], draw.randint(0, 2))
        ]

    def fits(self, minion: int, there: Sequence[Occupant]) -> bool:
        """The filters, over the pods of a minion that are left."""
        needs = [self.needs[pod.number] for pod in there]
        cpu, memory, port = self.need
        return (
            sum(each[0] for each in needs) + cpu <= self.free[minion][0]
            and sum(each[1] for each in needs) + memory <= self.free[minion][1]
            and not (port and any(each[2] == port for each in needs))
        )

    def lower(self, minion: int) -> list[Occupant]:
        return [pod for pod in self.pods[minion] if pod.priority < self.priority]

    def higher(self, minion: int) -> list[Occupant]:
        return [pod for pod in self.pods[minion] if pod.priority >= self.priority]

    def found(self, minion: int) -> Candidate | None:
        higher = self.higher(minion)
        return select_victims(
            minion, self.lower(minion), lambda kept: self.fits(minion, [*higher, *kept]), self.budgets
        )


def order_of_reprieve(cluster: Cluster, minion: int) -> list[tuple[Occupant, bool]]:
    """The pods of lower priority, the more worth keeping first, and whether their end violates a budget."""
    allowed = [budget.allowed for budget in cluster.budgets]
    marked = []
    for pod in sorted(cluster.lower(minion), key=lambda each: (-each.priority, each.start_s, each.number)):
        matching = [
            place
            for place, budget in enumerate(cluster.budgets)
            if pod.namespace == budget.namespace and budget.selector.matches(pod.labels)
        ]
        for place in matching:
            allowed[place] -= 1
        marked.append((pod, any(allowed[place] < 0 for place in matching)))
    return [row for row in marked if row[1]] + [row for row in marked if not row[1]]


def brute_force(cluster: Cluster, minion: int) -> tuple[set[int], int] | None:
    """Try every set of victims: kept is as much as can be, in order of worth."""
    ordered = order_of_reprieve(cluster, minion)
    pods, higher = [pod for pod, _ in ordered], cluster.higher(minion)
    if not pods or not cluster.fits(minion, higher):
        return None
    best: tuple[bool, ...] = ()
    for size in range(len(pods) + 1):
        for victims in combinations(range(len(pods)), size):
            kept = [pod for place, pod in enumerate(pods) if place not in victims]
            if cluster.fits(minion, [*higher, *kept]):
                best = max(best, tuple(place not in victims for place in range(len(pods))))
    going = {pod.number for pod, stays in zip(pods, best, strict=True) if not stays}
    violations = sum(not stays and violates for stays, (_, violates) in zip(best, ordered, strict=True))
    return (going, violations) if going else None


def chosen_by_steps(candidates: list[Candidate]) -> list[int]:
    """The documented order, one step after the other."""
    left = candidates

    def keep(least: Sequence[float]) -> None:
        nonlocal left
        left = [each for each, value in zip(left, least, strict=True) if value == min(least)]

    def top(each: Candidate) -> int:
        return max(pod.priority for pod in each.victims)

    keep([each.violations for each in left])
    keep([top(each) for each in left])
    keep([sum(pod.priority + 2**31 for pod in each.victims) for each in left])
    keep([len(each.victims) for each in left])
    keep([-min(pod.start_s for pod in each.victims if pod.priority == top(each)) for each in left])
    return [each.minion for each in left]


@pytest.mark.parametrize("first", range(0, CLUSTERS, 60))
def test_victims_and_minion_are_those_of_the_brute_force(first: int) -> None:
    compared = chosen = 0
    for seed in range(first, first + 60):
        cluster = Cluster(seed)
        candidates = []
        for minion in range(len(cluster.pods)):
            found, expected = cluster.found(minion), brute_force(cluster, minion)
            assert (found is None) == (expected is None), f"seed {seed}, minion {minion}"
            if found is not None:
                assert ({pod.number for pod in found.victims}, found.violations) == expected, f"seed {seed}"
                candidates.append(found)
                compared += 1
        if candidates:
            assert [each.minion for each in best_of(candidates)] == chosen_by_steps(candidates), (
                f"seed {seed}"
            )
            chosen += 1
    assert compared > 60
    assert chosen > 30


def test_no_smaller_set_of_victims_would_do() -> None:
    for seed in range(CLUSTERS):
        cluster = Cluster(seed)
        for minion, pods in enumerate(cluster.pods):
            found = cluster.found(minion)
            if found is None:
                continue
            assert all(pod.priority < cluster.priority for pod in found.victims)
            going = {pod.number for pod in found.victims}
            left = [pod for pod in pods if pod.number not in going]
            assert cluster.fits(minion, left)
            for pod in found.victims:
                assert not cluster.fits(minion, [*left, pod]), f"seed {seed}: {pod} need not go"


def occupant(number: int, priority: int, start_s: float = 0.0) -> Occupant:
    return Occupant(number, priority, start_s)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        # Each step decides although all later ones speak against it.
        (([(9, 0.0), (9, 0.0)], 0), ([(1, 5.0)], 1)),
        (([(3, 0.0), (3, 0.0), (3, 0.0)], 0), ([(4, 5.0)], 0)),
        (([(3, 0.0), (1, 0.0)], 0), ([(3, 5.0), (2, 5.0)], 0)),
        (([(-3, 0.0)], 0), ([(-3, 5.0), (-3, 5.0)], 0)),
        (([(3, 5.0), (2, 0.0)], 0), ([(3, 4.0), (2, 9.0)], 0)),
        (([(3, 5.0), (3, 6.0)], 0), ([(3, 4.0), (3, 9.0)], 0)),
    ],
)
def test_each_step_decides_before_the_next(
    better: tuple[list[tuple[int, float]], int], worse: tuple[list[tuple[int, float]], int]
) -> None:
    candidates = [
        Candidate(minion, tuple(occupant(place, *pod) for place, pod in enumerate(pods)), violations)
        for minion, (pods, violations) in enumerate((worse, better))
    ]
    assert [each.minion for each in best_of(candidates)] == [1]


def test_what_nothing_tells_apart_is_equal() -> None:
    one = Candidate(0, (occupant(1, 2, 3.0),), 0)
    assert best_of([one, replace(one, minion=1)]) == [one, replace(one, minion=1)]
    assert best_of([]) == ()


def test_the_search_begins_anywhere_and_ends_with_enough_that_keep_budgets() -> None:
    asked: list[int] = []

    def dry_run(minion: int) -> Candidate | None:
        asked.append(minion)
        return None if minion % 2 else Candidate(minion, (occupant(minion, 0),), int(minion < 6))

    found = find_candidates(range(10), dry_run, 7, 2)
    assert ([each.minion for each in found], asked) == ([8, 0], [7, 8, 9, 0])
    asked.clear()
    found = find_candidates(range(10), dry_run, 0, 1)  # 0, 2 and 4 violate budgets
    assert [each.minion for each in found] == [0, 2, 4, 6]


@pytest.mark.parametrize(
    ("minions", "wanted"), [(3, 3), (99, 99), (500, 100), (1_009, 100), (5_000, 500), (5_019, 501)]
)
def test_a_tenth_is_enough_but_a_hundred_at_least(minions: int, wanted: int) -> None:
    assert candidates_wanted(minions, 0.10, 100) == wanted


def test_who_has_no_labels_violates_no_budget() -> None:
    budgets = [Budget("default", parse_selector({"app": "a"}), 0)]
    found = select_victims(
        0, [Occupant(0, 1, inf), Occupant(1, 1, 0.0, labels={"app": "a"})], lambda kept: not kept, budgets
    )
    assert found is not None
    assert ([pod.number for pod in found.victims], found.violations) == ([1, 0], 1)


def test_who_was_let_through_by_the_master_already_takes_nothing_from_a_budget() -> None:
    lower = [Occupant(n, 0, 0.0, labels={"app": "a"}) for n in range(2)]
    for disrupted, violations in (((), 1), ((0,), 0), ((0, 1), 0)):
        budget = Budget("default", parse_selector("app=a"), 1, disrupted)
        found = select_victims(0, lower, lambda kept: not kept, [budget])
        assert found is not None
        assert found.violations == violations
