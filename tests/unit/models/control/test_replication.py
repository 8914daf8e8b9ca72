"""What a replication controller does: digest, actions, batches, expectations, claims, order of deletion."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cmp_to_key
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.api.types import Phase
from models.control.expectations import Expectations
from models.control.ranking import pods_to_delete, related_on_minion
from models.control.replication import (
    ABSENT,
    FINISHED,
    TERMINATING,
    UNASSIGNED,
    UNLABELLED,
    UNREADY,
    UP,
    Actions,
    Claim,
    ReplicaDigest,
    ReplicaStatus,
    SlowStart,
    claim,
    reconcile,
    standing,
)

LIVE = [UNASSIGNED, UNREADY, UP, UNASSIGNED + UNLABELLED, UNREADY + UNLABELLED, UP + UNLABELLED]


def test_standings_are_told_apart() -> None:
    plain = {"minion": 3, "ready": True}
    assert standing(**plain) == UP
    assert standing(minion=3, ready=False) == UNREADY
    assert standing(minion=-1, ready=False) == UNASSIGNED
    assert standing(**plain, labelled=False) == UP + UNLABELLED
    assert standing(**plain, terminating=True, finished=True) == TERMINATING
    assert standing(minion=3, ready=False, finished=True, labelled=False) == FINISHED
    assert len({ABSENT, *LIVE, TERMINATING, FINISHED}) == 9


@dataclass
class Being:
    minion: int = -1
    ready: bool = False
    terminating: bool = False
    finished: bool = False
    labelled: bool = True

    @property
    def standing(self) -> int:
        return standing(**vars(self))


class DigestMachine(RuleBasedStateMachine):
    """Pods live at random; the digest kept by deltas is at all times the one computed from the list."""

    def __init__(self) -> None:
        super().__init__()
        self.pods: dict[int, Being] = {}
        self.digest = ReplicaDigest()
        self.born = 0

    def change(self, number: int, change: Callable[[Being], Any]) -> None:
        if self.pods:
            pod = list(self.pods.values())[number % len(self.pods)]
            before = pod.standing
            change(pod)
            self.digest.change(before, pod.standing)

    @rule(labelled=st.booleans(), minion=st.integers(-1, 2))
    def create_or_adopt(self, labelled: bool, minion: int) -> None:
        pod = self.pods[self.born] = Being(minion, labelled=labelled)
        self.born += 1
        self.digest.change(ABSENT, pod.standing)

    @rule(number=st.integers(0, 99), field=st.sampled_from(["ready", "terminating", "finished", "labelled"]))
    def turn(self, number: int, field: str) -> None:
        self.change(number, lambda pod: setattr(pod, field, not getattr(pod, field)))

    @rule(number=st.integers(0, 99), minion=st.integers(0, 3))
    def bind(self, number: int, minion: int) -> None:
        self.change(number, lambda pod: setattr(pod, "minion", minion))

    @precondition(lambda self: self.pods)
    @rule(number=st.integers(0, 99))
    def vanish_or_release(self, number: int) -> None:
        key = list(self.pods)[number % len(self.pods)]
        self.digest.change(self.pods.pop(key).standing, ABSENT)

    @invariant()
    def it_is_the_one_of_the_full_list(self) -> None:
        pods = list(self.pods.values())
        assert self.digest == ReplicaDigest.fresh(pod.standing for pod in pods)
        active = [pod for pod in pods if not pod.terminating and not pod.finished]
        assert self.digest.active == len(active)
        assert self.digest.ready == sum(pod.ready for pod in active)
        assert self.digest.unassigned == sum(pod.minion < 0 and not pod.ready for pod in active)
        assert self.digest.unready == sum(pod.minion >= 0 and not pod.ready for pod in active)
        assert self.digest.terminating == sum(pod.terminating for pod in pods)
        assert self.digest.finished == sum(pod.finished and not pod.terminating for pod in pods)
        assert self.digest.total == len(pods)
        assert sum(self.digest.counts) == 0
        labelled = sum(pod.labelled for pod in active)
        assert self.digest.status(7) == ReplicaStatus(len(active), labelled, self.digest.ready, 7)


TestDigest = DigestMachine.TestCase


def digest_of(active: int) -> ReplicaDigest:
    return ReplicaDigest.fresh([UP] * active + [TERMINATING] * 9 + [FINISHED] * 4)


def test_it_acts_on_the_difference_up_to_the_burst() -> None:
    def act(desired: int, active: int, **more: Any) -> Actions:
        known = {"expectations_satisfied": True, "deleting": False}
        return reconcile(desired, digest_of(active), **(known | more))

    assert act(3, 3) == Actions(0, 0)
    assert act(10, 3) == Actions(create=7)
    assert act(3, 10) == Actions(delete=7)
    assert act(700, 0) == Actions(create=500)
    assert act(0, 700) == Actions(delete=500)
    assert act(0, 700, burst=20) == Actions(delete=20)
    assert act(10, 3, expectations_satisfied=False) == act(10, 3, deleting=True) == Actions()


@given(st.integers(0, 1500), st.integers(0, 1500), st.integers(1, 600))
def test_it_converges_and_then_does_nothing(desired: int, active: int, burst: int) -> None:
    for _ in range(2 + abs(desired - active) // burst):
        digest = ReplicaDigest.fresh([UP] * active)
        actions = reconcile(desired, digest, expectations_satisfied=True, deleting=False, burst=burst)
        assert 0 in actions
        assert max(actions) <= burst
        active += actions.create - actions.delete
    assert active == desired
    assert actions == Actions()


def batches(start: SlowStart, errors: list[int]) -> list[int]:
    sizes = []
    while start.batch:
        sizes.append(start.batch)
        start.done(errors.pop(0) if errors else 0)
    return sizes


def test_batches_double_and_an_error_is_the_end() -> None:
    assert batches(SlowStart(0), []) == []
    assert batches(SlowStart(1), []) == [1]
    assert batches(SlowStart(10), []) == [1, 2, 4, 3]
    assert batches(SlowStart(500), []) == [1, 2, 4, 8, 16, 32, 64, 128, 245]
    failing = SlowStart(100)
    assert batches(failing, [0, 0, 3]) == [1, 2, 4]
    assert (failing.failed, failing.created, failing.unobserved) == (True, 4, 96)
    assert batches(SlowStart(100), [1]) == [1]
    with pytest.raises(AssertionError):
        SlowStart(100).done(2)


@given(st.integers(0, 600), st.integers(1, 5))
def test_batches_sum_to_what_was_asked(count: int, initial: int) -> None:
    start = SlowStart(count, initial)
    sizes = batches(start, [])
    assert sum(sizes) == count == start.created
    assert start.unobserved == 0
    assert not start.failed
    assert all(later <= 2 * earlier for earlier, later in pairwise(sizes))
    assert sizes[:-1] == [initial * 2**n for n in range(len(sizes) - 1)]


def test_it_waits_until_it_has_seen_what_it_did() -> None:
    expected = Expectations()
    assert expected.satisfied(0.0), "a new controller expects nothing"
    expected.expect_creations(2, 10.0)
    assert not expected.satisfied(10.0)
    expected.creation_observed()
    assert not expected.satisfied(10.0)
    expected.creation_observed()
    assert expected.satisfied(10.0)
    expected.creation_observed(3)
    assert expected.satisfied(10.0), "more than expected is met too"
    expected.expect_deletions(["a", "b"], 20.0)
    expected.deletion_observed("c")
    expected.deletion_observed("a")
    expected.deletion_observed("a")
    assert (expected.creations, expected.deletions) == (0, 1)
    assert not expected.satisfied(20.0)
    expected.deletion_observed("b")
    assert expected.satisfied(20.0)


def test_a_lost_event_stalls_for_five_minutes() -> None:
    expected = Expectations()
    expected.expect_deletions(["a"], 10.0)
    assert expected.expires_s() == 310.0
    assert not expected.satisfied(310.0)
    assert expected.satisfied(310.001)
    expected.expect_creations(1, 400.0)
    assert expected.deletions == 0
    assert not expected.satisfied(500.0)
    expected.forget()
    assert expected.satisfied(500.0)


def test_switched_off_they_bind_nobody() -> None:
    expected = Expectations(enabled=False)
    expected.expect_creations(5, 0.0)
    assert expected.satisfied(0.0)
    assert expected.creations == 5


@pytest.mark.parametrize(
    ("owner", "more", "found"),
    [
        (7, {"matches": True}, Claim.KEEP),
        (7, {"matches": True, "deleting": True}, Claim.KEEP),
        (7, {"matches": False}, Claim.RELEASE),
        (7, {"matches": False, "deleting": True}, Claim.IGNORE),
        (7, {"matches": True, "active": False}, Claim.IGNORE),
        (7, {"matches": False, "active": False}, Claim.IGNORE),
        (-1, {"matches": True}, Claim.ADOPT),
        (-1, {"matches": True, "deleting": True}, Claim.IGNORE),
        (-1, {"matches": True, "active": False}, Claim.IGNORE),
        (-1, {"matches": False}, Claim.IGNORE),
        (8, {"matches": True}, Claim.IGNORE),
        (8, {"matches": False}, Claim.IGNORE),
    ],
)
def test_whom_it_claims(owner: int, more: dict[str, bool], found: Claim) -> None:
    assert claim(7, owner, **more) is found


@dataclass(frozen=True)
class Ranked:
    minion: int = 0
    phase: Phase = Phase.RUNNING
    ready: bool = True
    ready_since_s: float = 100.0
    restarts: int = 0
    created_s: float = 50.0


PLAIN = Ranked()
# Each is deleted before the one after it.
CHAIN = [
    Ranked(minion=-1, phase=Phase.PENDING, ready=False, created_s=1.0),
    Ranked(phase=Phase.PENDING, ready=False, created_s=1.0),
    Ranked(ready=False, created_s=1.0, ready_since_s=0.0),
    Ranked(minion=1, ready_since_s=1.0, created_s=1.0),  # two related pods there
    Ranked(ready_since_s=101.2, created_s=1.0),
    Ranked(ready_since_s=100.9, restarts=2, created_s=1.0),
    Ranked(ready_since_s=100.9, restarts=1, created_s=1.0),
    Ranked(ready_since_s=100.1, created_s=51.0),
    Ranked(ready_since_s=100.2, created_s=50.9),
]


def order(pods: list[Ranked], count: int, draw: Callable[[int], float] = float) -> list[Ranked]:
    return pods_to_delete(pods, count, lambda pod: {1: 2}.get(pod.minion, 1), draw)


def test_the_order_of_deletion_of_1_20() -> None:
    for draw in (float, lambda place: -float(place)):
        assert order(CHAIN[::-1], len(CHAIN) - 1, draw) == CHAIN[:-1]
        assert order(CHAIN, len(CHAIN) - 1, draw) == CHAIN[:-1]
    assert order([PLAIN, replace(PLAIN, phase=Phase.BOUND, ready=False)], 1)[0].phase is Phase.BOUND


def test_within_one_second_chance_decides() -> None:
    pods = [replace(PLAIN, ready_since_s=100.0 + n / 10, created_s=50.9 - n / 10) for n in range(10)]
    assert order(pods, 9, float) == pods[:9]
    assert order(pods, 9, lambda place: -float(place)) == pods[:0:-1]


def test_all_or_none_need_no_order() -> None:
    def never(pod: object) -> int:
        raise AssertionError("asked for a rank")

    assert pods_to_delete(CHAIN, len(CHAIN), never, never) == CHAIN
    assert pods_to_delete(CHAIN, len(CHAIN) + 1, never, never) == CHAIN
    assert order(CHAIN, 0) == []


def test_related_pods_are_counted_where_they_are() -> None:
    assert related_on_minion([PLAIN, PLAIN, Ranked(minion=4)]) == {0: 2, 4: 1}
    assert related_on_minion([])[5] == 0


def compare(one: Ranked, other: Ranked) -> int:
    """The criteria one after another, as a person would read them aloud."""
    for first, second, reads in [
        (one.minion < 0, other.minion < 0, True),
        (one.phase is not Phase.RUNNING, other.phase is not Phase.RUNNING, True),
        (not one.ready, not other.ready, True),
        (one.minion, other.minion, True),  # the rank in the test below
        (math.floor(one.ready_since_s), math.floor(other.ready_since_s), one.ready and other.ready),
        (one.restarts, other.restarts, True),
        (math.floor(one.created_s), math.floor(other.created_s), True),
    ]:
        if reads and first != second:
            return -1 if first > second else 1
    return 0


RANKED = st.builds(
    Ranked,
    minion=st.integers(-1, 2),
    phase=st.sampled_from([Phase.PENDING, Phase.BOUND, Phase.RUNNING]),
    ready=st.booleans(),
    ready_since_s=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    restarts=st.integers(0, 1),
    created_s=st.sampled_from([0.0, 0.9, 1.0]),
)


@given(st.lists(RANKED, max_size=12), st.data())
def test_it_is_a_sort_by_the_criteria_in_turn(pods: list[Ranked], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, max(0, len(pods) - 1)))
    found = pods_to_delete(pods, count, lambda pod: pod.minion, float)
    assert found == sorted(pods, key=cmp_to_key(compare))[:count]
