"""The queue of keys, against a plain model of it, and the delays of retries."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.api.constants import constants_for
from models.control.workqueue import RetryDelays, WorkQueue


def test_a_key_waits_once_and_comes_again_if_added_while_worked_on() -> None:
    queue: WorkQueue[str] = WorkQueue()
    assert [queue.add("a"), queue.add("b"), queue.add("a")] == [True, True, False]
    assert queue.take() == "a"
    assert not queue.add("a"), "its worker has it"
    assert not queue.add("a")
    assert (len(queue), queue.processing) == (1, 1)
    assert queue.take() == "b"
    assert queue.done("a"), "added meanwhile: it waits again"
    assert not queue.done("b")
    assert queue.take() == "a"
    assert not queue.done("a")
    with pytest.raises(IndexError):
        queue.take()
    with pytest.raises(KeyError):
        queue.done("a")


def test_a_restart_forgets_everything() -> None:
    queue: WorkQueue[int] = WorkQueue()
    for key in range(3):
        queue.add(key)
    queue.take()
    queue.add(0)
    queue.clear()
    assert (len(queue), queue.processing) == (0, 0)
    assert queue.add(0)
    assert queue.take() == 0


class QueueMachine(RuleBasedStateMachine):
    """Every key added is taken once after its last addition, by one worker at a time, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: WorkQueue[int] = WorkQueue()
        self.waiting: list[int] = []
        self.working: list[int] = []
        self.again: list[int] = []

    @rule(key=st.integers(0, 4))
    def add(self, key: int) -> None:
        news = key not in self.waiting and key not in self.working
        if news:
            self.waiting.append(key)
        elif key in self.working and key not in self.again:
            self.again.append(key)
        assert self.queue.add(key) == news

    @precondition(lambda self: self.waiting)
    @rule()
    def take(self) -> None:
        key = self.queue.take()
        assert key == self.waiting.pop(0)
        assert key not in self.working
        self.working.append(key)

    @precondition(lambda self: self.working)
    @rule(which=st.integers(0, 4))
    def done(self, which: int) -> None:
        key = self.working.pop(which % len(self.working))
        again = key in self.again
        if again:
            self.again.remove(key)
            self.waiting.append(key)
        assert self.queue.done(key) == again

    @invariant()
    def sizes_agree(self) -> None:
        assert len(self.queue) == len(self.waiting)
        assert self.queue.processing == len(self.working)


TestQueue = QueueMachine.TestCase


def test_delays_double_to_a_thousand_seconds() -> None:
    delays: RetryDelays[str] = RetryDelays.of(constants_for("1.20", {}))
    found = [delays.next_delay_s("a", 1000.0 * n) for n in range(20)]
    assert found == pytest.approx([min(0.005 * 2**n, 1000) for n in range(20)])
    assert found[-3:] == [655.36, 1000.0, 1000.0]
    assert delays.failures("a") == 20
    assert delays.next_delay_s("b", 1e6) == 0.005
    delays.forget("a")
    delays.forget("never seen")
    assert delays.failures("a") == 0
    assert delays.next_delay_s("a", 1e6) == 0.005
    long: RetryDelays[str] = RetryDelays(0.005, 1000, 1e9, 1e9)
    assert [long.next_delay_s("a", 0.0) for _ in range(3000)][-1] == 1000


def test_all_keys_share_one_bucket() -> None:
    delays: RetryDelays[int] = RetryDelays.of(constants_for("1.20", {}))
    found = [delays.next_delay_s(key, 0.0) for key in range(120)]
    assert found[:100] == [0.005] * 100
    assert found[100:] == pytest.approx([0.1 * n for n in range(1, 21)])
