"""How many minions are looked at, in which order, and where the next search begins."""

from __future__ import annotations

import numpy as np
import pytest

from models.api.scheduling import ZONE, MinionAsScheduled, PodAsScheduled
from models.cluster.placements import Placements
from models.policies.kubernetes.decider import Decider
from models.policies.kubernetes.profile import KUBERNETES_1_20
from models.policies.kubernetes.sampling import Sampling, minions_to_find, tree_order


def view_of(count: int, zones: str = "abc", cpu: int = 1000) -> Placements:
    """Minions whose zones come in blocks: aaa bbb ccc."""
    return Placements(
        [
            MinionAsScheduled(f"m-{i}", {ZONE: zones[i * len(zones) // count]}, {"cpu": cpu, "pods": 9})
            for i in range(count)
        ]
    )


@pytest.mark.parametrize(
    ("count", "percentage", "wanted"),
    [
        (99, 0, 99), (100, 0, 100), (200, 0, 100), (1000, 0, 420), (5000, 0, 500), (6250, 0, 312), (15000, 0, 750),
        (5000, 100, 5000), (5000, 30, 1500), (150, 30, 100), (50, 10, 50),
    ],
)  # fmt: skip
def test_how_many_end_the_search(count: int, percentage: int, wanted: int) -> None:
    # k/k:pkg/scheduler/core/generic_scheduler_test.go, TestNumFeasibleNodesToFind, and by hand
    assert minions_to_find(count, percentage) == wanted


def test_zones_take_turns() -> None:
    assert tree_order(view_of(6, "ab")).tolist() == [0, 3, 1, 4, 2, 5]
    uneven = Placements(
        [MinionAsScheduled(str(i), {ZONE: z} if z else {}) for i, z in enumerate(("a", "a", "", "a", "b"))]
    )
    assert tree_order(uneven).tolist() == [0, 2, 4, 1, 3]


def test_the_next_search_begins_where_the_last_ended() -> None:
    view = view_of(300)
    sampling = Sampling(view, 0)
    order = tree_order(view)
    all_feasible = np.ones(300, dtype=bool)
    wanted = minions_to_find(300, 0)
    first, second = sampling.found(all_feasible), sampling.found(all_feasible)
    assert first.tolist() == sorted(order[:wanted].tolist())
    assert second.tolist() == sorted(order[wanted : 2 * wanted].tolist())
    half = all_feasible.copy()
    half[order[::2]] = False
    third = sampling.found(half)  # from 2 x 144 on, of which every second is feasible, and around
    ahead = [*range(2 * wanted, 300), *range(2 * wanted)]
    assert third.tolist() == sorted([int(order[n]) for n in ahead if n % 2][:wanted])
    assert sampling._start == (ahead[2 * wanted - 1] + 1) % 300
    sampling.found(np.zeros(300, dtype=bool))
    assert sampling._start == (ahead[2 * wanted - 1] + 1) % 300  # all were looked at


def test_a_decision_scores_what_was_found_only() -> None:
    view = view_of(250)
    decider = Decider(KUBERNETES_1_20, view, 0)
    pod = view.know(PodAsScheduled(requests=(("cpu", 100),), nonzero=(100, 0), scored=(("cpu", 100),)))
    first, second = decider.decide(pod).feasible, decider.decide(pod).feasible
    assert first.size == second.size == minions_to_find(250, 0) == 120
    assert not np.isin(first, second).any()
    assert Decider(KUBERNETES_1_20, view).decide(pod).feasible.size == 250
