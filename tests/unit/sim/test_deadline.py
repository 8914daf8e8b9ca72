"""Deadlines: whatever they were set to before, they are reached once, at the time that was set last."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engine import OBSERVER, TRUTH, Deadline, Engine


def made():
    engine, fired = Engine(), []
    deadline = Deadline(engine, TRUTH, lambda: fired.append((engine.now_s, engine.cause)))
    return engine, deadline, fired


def test_set_is_reached_once_with_its_cause():
    engine, deadline, fired = made()
    deadline.set(3.0, cause=5)
    assert (deadline.time_s, engine.pending) == (3.0, 1)
    engine.run()
    assert fired == [(3.0, 5)]
    assert deadline.time_s == math.inf


def test_moved_earlier_the_old_event_is_stale():
    engine, deadline, fired = made()
    deadline.set(3.0, cause=5)
    deadline.set(2.0, cause=6)
    engine.run()
    assert (fired, engine.stale) == ([(2.0, 6)], 1)


def test_moved_later_there_is_one_pending_event_and_the_last_cause_counts():
    engine, deadline, fired = made()
    for time_s in range(3, 100):
        deadline.set(float(time_s), cause=time_s)
        assert engine.pending == 1
    engine.run()
    assert (fired, engine.stale, engine.dispatched) == ([(99.0, 99)], 0, 2)


@pytest.mark.parametrize("clear", [Deadline.clear, lambda deadline: deadline.set(math.inf)])
def test_cleared_it_is_not_reached_and_can_be_set_again(clear):
    engine, deadline, fired = made()
    deadline.set(3.0)
    clear(deadline)
    assert deadline.time_s == math.inf
    engine.run(10.0)
    assert (fired, engine.pending) == ([], 0)
    deadline.set(12.0, cause=4)
    engine.run()
    assert fired == [(12.0, 4)]


def test_it_may_be_set_again_from_its_own_callback():
    engine, fired = Engine(), []

    def beat():
        fired.append(engine.now_s)
        if len(fired) < 3:
            deadline.set(engine.now_s + 1.0)

    deadline = Deadline(engine, TRUTH, beat)
    deadline.set(1.0)
    engine.run()
    assert fired == [1.0, 2.0, 3.0]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20),
            st.one_of(st.integers(0, 10), st.just(math.inf), st.none()),
        ),
        max_size=12,
    )
)
def test_it_does_what_a_plain_variable_would_do(changes):
    """Changes are (when, how much later it shall be reached; inf or none clears)."""
    engine, fired = Engine(), []
    deadline = Deadline(engine, TRUTH, lambda: fired.append(engine.now_s))
    changes = sorted(changes, key=lambda change: change[0])

    def change(delay):
        if delay is None:
            deadline.clear()
        else:
            deadline.set(engine.now_s + delay)

    for when, delay in changes:
        engine.at(float(when), OBSERVER, lambda delay=delay: change(delay))
    engine.run()

    expected, due = [], math.inf
    for place, (when, delay) in enumerate(changes):
        due = math.inf if delay is None else when + delay
        following = changes[place + 1][0] if place + 1 < len(changes) else math.inf
        # What is due at the time of the next change comes first (truth before observers), unless the two
        # changes are at one instant, after which truth runs between them only if it is due there and then.
        if due <= following and due < math.inf:
            expected.append(due)
            due = math.inf
    assert fired == expected
