"""What sim.engine leans on in SimPy beyond its documentation. If one of these fails, so may every run."""

from __future__ import annotations

from heapq import heappush

import simpy
from simpy.events import NORMAL, URGENT

from sim.engine import BELIEF, OBSERVER, RECORD, TRUTH, Engine


class Asked:
    """An event that notes what it is asked for, and has nothing but callbacks and _ok."""

    __slots__ = ("asked", "callbacks", "seen")

    def __init__(self):
        object.__setattr__(self, "asked", set())
        object.__setattr__(self, "seen", [])
        self.callbacks = (self._called,)

    def _called(self, event):
        self.seen.append(event)

    def __getattribute__(self, name):
        asked = object.__getattribute__(self, "asked")
        if name not in ("asked", "seen", "_called"):
            asked.add(name)
        return True if name == "_ok" else object.__getattribute__(self, name)


def test_the_release_line_is_the_one_that_was_read():
    assert simpy.__version__.split(".")[:2] == ["4", "1"]


def test_a_heap_entry_is_time_priority_counter_event():
    env = simpy.Environment()
    first, second = env.timeout(2.0), env.timeout(2.0)
    (time_a, priority_a, count_a, event_a), (time_b, priority_b, count_b, event_b) = sorted(env._queue)
    assert (time_a, priority_a, event_a) == (2.0, NORMAL, first)
    assert (time_b, priority_b, event_b) == (2.0, NORMAL, second)
    assert count_b == count_a + 1 == next(env._eid) - 1
    assert (URGENT, NORMAL) == (0, 1)
    assert URGENT < NORMAL <= TRUTH < RECORD < BELIEF < OBSERVER


def test_step_takes_the_time_from_the_entry_and_asks_only_callbacks_and_ok():
    env = simpy.Environment()
    event = Asked()
    heappush(env._queue, (0.1 + 0.2, TRUTH, next(env._eid), event))
    env.step()
    assert event.asked <= {"callbacks", "_ok"}
    assert event.seen == [event]
    assert env._now == env.now == 0.1 + 0.2
    assert object.__getattribute__(event, "callbacks") is None


def test_the_engine_pushes_entries_of_that_shape_and_shares_the_counter():
    engine = Engine()
    timeout = engine.env.timeout(1.0)
    engine.at(1.0, TRUTH, lambda: None)
    entries = sorted(engine.env._queue, key=lambda entry: entry[:3])
    assert [entry[:2] for entry in entries] == [(1.0, NORMAL), (1.0, TRUTH)]
    assert entries[0][3] is timeout
    assert entries[1][2] == entries[0][2] + 1


def test_processes_and_callbacks_share_one_order():
    engine, seen = Engine(), []

    def body():
        for _ in range(3):
            yield engine.env.timeout(1.0)
            seen.append(("process", engine.now_s))

    engine.process(body())
    for time_s in (1.0, 2.0, 3.0):
        engine.at(time_s, BELIEF, lambda: seen.append(("callback", engine.now_s)))
    engine.run()
    assert seen == [(who, t) for t in (1.0, 2.0, 3.0) for who in ("process", "callback")]


def test_a_process_resumes_through_the_method_that_carries_its_cause():
    assert callable(simpy.Process._resume)
    env = simpy.Environment()

    def body():
        yield env.timeout(1.0)

    process = env.process(body())
    (entry,) = env._queue
    assert entry[3].callbacks == [process._resume]
