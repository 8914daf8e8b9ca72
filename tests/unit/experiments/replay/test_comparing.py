"""Two worlds are held side by side: what is near enough, what is not, and what nothing can be said of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from experiments.replay.comparing import compare
from experiments.replay.lives import Event, Lived

_A, _B = ("default/a-0", "main"), ("default/b-0", "main")
_WORLD = Lived(
    [
        Event(1.0, _A, "started", 0),
        Event(3.0, _B, "started", 0),
        Event(20.0, _A, "exited", 0, 137, oom=True),
        Event(20.0, _A, "started", 1),
        Event(40.0, _B, "exited", 0, 3),
    ],
    {_A: 10.0, _B: 20.0},
)


def _with(*changed: Event, without: tuple[object, ...] = ()) -> Lived:
    by = {each.key: each for each in changed}
    events = [by.pop(each.key, each) for each in _WORLD.events if each.key not in without]
    return replace(_WORLD, events=[*events, *by.values()])


def test_a_world_agrees_with_itself() -> None:
    verdict = compare(_WORLD, _WORLD, 60.0)
    assert (verdict.holds, verdict.status, verdict.swapped) == (True, 0, ())
    assert len(verdict.events) == 5


@pytest.mark.parametrize(
    ("measured", "status"),
    [
        (_with(Event(1.49, _A, "started", 0)), 0),
        (_with(Event(1.51, _A, "started", 0)), 1),
        (_with(Event(21.9, _A, "exited", 0, 137, oom=True), Event(22.0, _A, "started", 1)), 0),
        (_with(Event(22.1, _A, "exited", 0, 137, oom=True)), 1),
        (_with(Event(20.0, _A, "exited", 0, 137)), 1),
        (_with(Event(40.0, _B, "exited", 0, 0)), 1),
        (_with(without=((_B, "exited", 0),)), 1),
        (_with(Event(50.0, _A, "exited", 1, 0)), 1),
        (_with(Event(56.0, _A, "exited", 1, 0)), 0),
    ],
    ids=["0.49s", "0.51s", "within-10%", "past-10%", "no-oom", "other-code", "never", "one-more", "just-before-the-end"],
)  # fmt: skip
def test_events(measured: Lived, status: int) -> None:
    assert compare(_WORLD, measured, 60.0).status == status


def test_an_event_that_may_come_after_the_end_is_not_missed() -> None:
    late = _with(Event(58.0, _B, "exited", 0, 3))
    assert compare(late, _with(without=((_B, "exited", 0),)), 60.0).holds


def test_order() -> None:
    """Both times are near enough, and yet what came first comes second."""
    world = replace(_WORLD, events=[Event(30.0, _A, "started", 0), Event(31.5, _B, "started", 0)])
    other = replace(_WORLD, events=[Event(32.0, _A, "started", 0), Event(31.0, _B, "started", 0)])
    verdict = compare(world, other, 60.0)
    assert all(row.holds for row in verdict.events)
    assert verdict.swapped == ("a-0/main started came after b-0/main started",)
    assert verdict.status == 1
    near = replace(_WORLD, events=[Event(30.0, _A, "started", 0), Event(30.9, _B, "started", 0)])
    assert compare(near, other, 60.0).swapped == ()


@pytest.mark.parametrize(("used", "status"), [(12.9, 0), (13.1, 1), (7.1, 0), (6.9, 1)])
def test_cpu_seconds_are_within_a_twentieth_of_the_window(used: float, status: int) -> None:
    assert compare(_WORLD, replace(_WORLD, cpu_s={_A: used, _B: 20.0}), 60.0).status == status


def test_a_busy_host_says_nothing() -> None:
    measured = replace(_WORLD, cpu_s={_A: 14.5, _B: 20.0}, others_cores=0.026)
    assert compare(_WORLD, measured, 60.0).status == 3
    assert "other processes took 0.026 cores" in compare(_WORLD, measured, 60.0).unsure
    assert compare(_WORLD, replace(measured, others_cores=0.025), 60.0).status == 1
    assert compare(_WORLD, replace(_WORLD, others_cores=0.026), 60.0).status == 3


@pytest.mark.parametrize(("used", "status"), [(14.7, 1), (14.5, 3), (5.5, 3), (5.3, 1)])
def test_what_a_busy_host_does_not_explain_is_wrong_all_the_same(used: float, status: int) -> None:
    # 3 s are allowed, and others took 1.56 s.
    measured = replace(_WORLD, cpu_s={_A: used, _B: 20.0}, others_cores=0.026)
    assert compare(_WORLD, measured, 60.0).status == status
