"""Who is tried next, who backs off for how long, and what moves whom."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.constants import constants_for
from models.api.scheduling import PodAsScheduled, PodTerm
from models.api.selectors import parse_selector
from models.api.types import Pod, PodAsk, PodTemplate
from models.control.kubequeue import KubeQueue, Place, QueueRules, Waiting

RULES = QueueRules.of(constants_for("1.20", {}), 0.25, 0.5)


def pod(number: int, priority: int = 0, scheduling: PodAsScheduled | None = None) -> Pod:
    template = PodTemplate(0, (1, 1, 1, 0, 0), priority=priority, scheduling=scheduling)
    return Pod(number, number, -1, PodAsk(f"p-{number}", number, template), 0.0)


def tried(queue: KubeQueue) -> Waiting:
    """Return who is tried next."""
    waiting = queue.pop()
    assert waiting is not None
    return waiting


def failed(queue: KubeQueue, at_s: float) -> Waiting:
    """Let the attempt of whoever is next fail."""
    waiting = tried(queue)
    queue.put_back(waiting, at_s)
    return waiting


def test_the_rules_are_those_of_the_version() -> None:
    assert [RULES.backoff_s(attempts) for attempts in range(1, 8)] == [1, 2, 4, 8, 10, 10, 10]
    assert (RULES.flush_s, RULES.flush_period_s, RULES.backoff_period_s) == (60, 30, 1)
    assert (RULES.backoff_phase_s, RULES.flush_phase_s) == (0.25, 15)


def test_priority_goes_first_then_who_has_waited_longest() -> None:
    queue = KubeQueue(RULES)
    for number, (priority, at_s) in enumerate([(0, 1.0), (5, 3.0), (5, 2.0), (0, 0.5)]):
        queue.add(pod(number, priority), at_s)
    assert [tried(queue).pod.arrival for _ in range(4)] == [2, 1, 3, 0]
    assert queue.pop() is None


def test_a_failure_counts_as_a_new_entry() -> None:
    queue = KubeQueue(RULES)
    queue.add(pod(0), 0.0)
    queue.add(pod(1), 1.0)
    assert failed(queue, 5.0).pod.arrival == 0
    queue.move_all(50.0, 9)
    assert [tried(queue).pod.arrival for _ in range(2)] == [1, 0]


def test_who_failed_waits_for_something_to_happen() -> None:
    queue = KubeQueue(RULES)
    queue.add(pod(0), 0.0)
    waiting = failed(queue, 10.0)
    assert (waiting.place, queue.pop(), queue.waits) == (Place.UNSCHEDULABLE, None, True)
    queue.move_all(10.5, 7)  # within its back-off of 1 s
    assert (waiting.place, waiting.cause, queue.next_s()) == (Place.BACKOFF, 7, 11.25)
    queue.flush(11.25)
    assert tried(queue) is waiting
    assert (waiting.attempts, waiting.place, queue.waits) == (2, Place.OUT, False)
    queue.put_back(waiting, 11.25)
    queue.move_all(13.25, 8)  # its back-off of 2 s is over
    assert (waiting.place, waiting.cause) == (Place.ACTIVE, 8)


def test_who_backs_off_waits_for_the_next_pass_and_not_longer() -> None:
    queue = KubeQueue(RULES)
    queue.add(pod(0), 0.0)
    waiting = failed(queue, 10.26)
    queue.move_all(10.3, 1)
    queue.flush(11.25)
    assert waiting.place is Place.BACKOFF
    assert queue.next_s() == 12.25
    queue.flush(12.0)  # no pass is then
    assert waiting.place is Place.BACKOFF
    queue.flush(12.25)
    assert waiting.place is Place.ACTIVE


def test_what_moves_during_an_attempt_lets_it_back_off() -> None:
    queue = KubeQueue(RULES)
    queue.add(pod(0), 0.0)
    queue.add(pod(1), 0.1)
    first = tried(queue)
    queue.move([], 1.0, 3)  # news of a bound pod move nobody, and count
    queue.put_back(first, 1.0)
    second = failed(queue, 1.0)
    assert (first.place, second.place) == (Place.BACKOFF, Place.UNSCHEDULABLE)


def test_a_report_wakes_who_backs_off_and_nobody_else() -> None:
    queue = KubeQueue(RULES)
    pods = [pod(number) for number in range(3)]
    for each in pods:
        queue.add(each, 0.0)
    queue.put_back(tried(queue), 1.0)
    second = tried(queue)
    queue.move([], 1.0, 3)
    queue.put_back(second, 1.0)
    for each in pods:
        queue.update(each, 1.1, changed=False)
    assert [queue.place_of(each) for each in pods] == [Place.UNSCHEDULABLE, Place.ACTIVE, Place.ACTIVE]
    queue.update(pods[0], 1.2, changed=True)  # other labels
    assert queue.place_of(pods[0]) is Place.ACTIVE
    assert [tried(queue).attempts for _ in range(3)] == [1, 2, 2]


def test_whose_record_changes_during_an_attempt_enters_as_new() -> None:
    queue = KubeQueue(RULES)
    queue.add(pod(0), 0.0)
    waiting = tried(queue)
    queue.update(waiting.pod, 0.5, changed=False)
    queue.put_back(waiting, 1.0)
    again = tried(queue)
    assert again is not waiting
    assert (again.attempts, queue.waits, queue.pop()) == (1, False, None)


def test_nobody_is_unschedulable_for_much_longer_than_a_minute() -> None:
    queue = KubeQueue(RULES)
    queue.add(pod(0), 0.0)
    waiting = failed(queue, 15.0)
    assert queue.next_s() == 105.0  # at 75 s it has waited for 60 s and not for longer
    queue.flush(75.0)
    assert waiting.place is Place.UNSCHEDULABLE
    queue.flush(105.0)
    assert waiting.place is Place.ACTIVE


def test_who_is_gone_is_not_tried() -> None:
    queue = KubeQueue(RULES)
    for number in range(3):
        queue.add(pod(number), 0.0)
    backing = tried(queue)
    queue.move([], 1.0, 3)
    queue.put_back(backing, 1.0)
    waiting = failed(queue, 1.0)
    for each in (backing.pod, waiting.pod, pod(2)):
        queue.delete(each)
    assert (queue.pop(), queue.waits, queue.next_s()) == (None, False, math.inf)


def test_a_pod_that_was_bound_helps_who_wants_to_be_near_it() -> None:
    term = PodTerm(("default",), parse_selector({"app": "db"}), "kubernetes.io/hostname")
    queue = KubeQueue(RULES)
    queue.add(pod(0, scheduling=PodAsScheduled(affinity=(term,))), 0.0)
    queue.add(pod(1), 0.1)
    near, far = failed(queue, 1.0), failed(queue, 1.0)
    bound = pod(2)
    assert queue.helped_by(bound) == []
    bound.labels = (("app", "db"),)
    queue.move(queue.helped_by(bound), 5.0, 4)
    assert (near.place, far.place) == (Place.ACTIVE, Place.UNSCHEDULABLE)
    assert not queue.waits_for_pods


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "fail", "bind", "move", "news", "update", "delete", "pass"]),
            st.floats(0.0, 7.0),
            st.integers(0, 5),
        ),
        max_size=60,
    )
)
def test_everybody_is_in_one_place_and_no_pass_is_missed(steps: Sequence[tuple[str, float, int]]) -> None:
    queue, now_s = KubeQueue(RULES), 0.0
    there: dict[int, Pod] = {}
    last: dict[int, tuple[float, int]] = {}
    for verb, wait_s, number in steps:
        until_s = now_s + wait_s
        while (due_s := queue.next_s()) <= until_s:
            assert due_s >= now_s
            before = sum(queue.place_of(each) is Place.ACTIVE for each in there.values())
            queue.flush(due_s)
            now_s = due_s
            after = sum(queue.place_of(each) is Place.ACTIVE for each in there.values())
            assert after > before or due_s % 30 == pytest.approx(15.0)
        now_s = until_s
        if verb == "add" and number not in there:
            there[number] = pod(number, number % 3)
            queue.add(there[number], now_s)
        elif verb in {"fail", "bind"} and (waiting := queue.pop()) is not None:
            arrival = waiting.pod.arrival
            if arrival in last:
                failed_s, attempts = last[arrival]
                assert waiting.attempts in {1, attempts + 1}
                assert now_s >= failed_s
            if verb == "fail":
                queue.put_back(waiting, now_s)
                last[arrival] = (now_s, waiting.attempts)
            else:
                del there[arrival]
                last.pop(arrival, None)
        elif verb == "move":
            queue.move_all(now_s, 1)
        elif verb == "news":
            queue.move([], now_s, 1)
        elif verb == "update" and number in there:
            queue.update(there[number], now_s, changed=wait_s > 3)
        elif verb == "delete" and number in there:
            queue.delete(there.pop(number))
            last.pop(number, None)
        assert all(queue.place_of(each) is not Place.OUT for each in there.values())
        for arrival, (failed_s, _) in last.items():
            if queue.place_of(there[arrival]) is Place.UNSCHEDULABLE:
                assert now_s - failed_s <= 90.0 + 1e-6
            elif queue.place_of(there[arrival]) is Place.BACKOFF:
                assert now_s - failed_s <= 11.0 + 1e-6
    drained = []
    while (waiting := queue.pop()) is not None:
        drained.append((-waiting.pod.template.priority, waiting.since_s))
    assert drained == sorted(drained)
