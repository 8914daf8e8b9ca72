"""Invariants: which are checked at which level, how often, and what a broken one says."""

from __future__ import annotations

import pytest

from sim.engine import TRUTH, Engine
from sim.errors import InvariantError
from sim.invariants import LEVELS, Invariants


def calls_of(level, events):
    """How often a cheap and a full statement are asked in a run of so many events."""
    engine, calls = Engine(), {"cheap": 0, "full": 0}
    invariants = Invariants(engine, level)

    def statement(name):
        calls[name] += 1

    for name in calls:
        invariants.add(f"{name} one", name, lambda name=name: statement(name))
    for i in range(events):
        engine.at(float(i), TRUTH, lambda: None)
    engine.run()
    during = dict(calls)
    invariants.check()
    return during, {name: calls[name] - during[name] for name in calls}


@pytest.mark.parametrize(
    ("level", "during", "at_the_end"),
    [
        ("off", {"cheap": 0, "full": 0}, {"cheap": 0, "full": 0}),
        ("cheap", {"cheap": 2, "full": 0}, {"cheap": 1, "full": 0}),
        ("full", {"cheap": 140, "full": 140}, {"cheap": 1, "full": 1}),
    ],
)
def test_a_level_checks_what_it_reaches_as_often_as_it_says(level, during, at_the_end):
    assert calls_of(level, 140 * 64 + 5) == (during, at_the_end)


def test_the_levels_are_those_of_scenarios_and_no_others():
    assert LEVELS == ("off", "cheap", "full")
    with pytest.raises(ValueError, match="not in"):
        Invariants(Engine(), "cheapest")


def test_a_broken_one_ends_the_run_with_its_name_time_and_numbers():
    engine = Engine()
    invariants = Invariants(engine, "full")
    invariants.add("never so late", "cheap", lambda: "it is 63" if engine.now_s >= 63 else None)
    for i in range(100):
        engine.at(float(i), TRUTH, lambda: None)
    with pytest.raises(InvariantError) as caught:
        engine.run()
    error = caught.value
    assert (error.name, error.time_s, error.found, error.exit_status) == (
        "never so late",
        63.0,
        "it is 63",
        3,
    )
    assert "never so late" in str(error)
    assert "it is 63" in str(error)


def test_the_first_broken_one_speaks_and_an_empty_finding_is_broken_too():
    invariants = Invariants(Engine(), "cheap")
    invariants.add("holds", "cheap", lambda: None)
    invariants.add("first", "cheap", lambda: "")
    invariants.add("second", "cheap", lambda: "2")
    with pytest.raises(InvariantError, match="'first'"):
        invariants.check()
