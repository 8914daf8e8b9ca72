"""The closed form of a probe against a worker that asks, one time after the other."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from models.control.containers.probes import ProbePlan, ProbeRun, Spell, first_slot

_UNTIL_S = 400.0
_times = st.one_of(st.integers(0, 300).map(float), st.floats(0, 300))


@st.composite
def spells(draw: st.DrawFn, from_s: float) -> tuple[Spell, ...]:
    """Some spells from a time on, answers slow and quick."""
    lengths = draw(st.lists(st.one_of(st.integers(1, 60).map(float), st.floats(0.001, 60)), max_size=4))
    starts = [from_s, *(from_s + after_s for after_s in itertools.accumulate(lengths))]
    delays = st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0, 10.0, 12.5, 31.0])
    return tuple((start_s, draw(st.booleans()), draw(delays)) for start_s in starts)


plans = st.builds(
    ProbePlan,
    period_s=st.sampled_from([0.1, 1.0, 3.0, 10.0]),
    success_count=st.integers(1, 4),
    failure_count=st.integers(1, 4),
)


class Ticking:
    """A worker as v1 writes it: it wakes at each of its times and counts."""

    def __init__(self, plan: ProbePlan, base_s: float, kills: bool) -> None:
        self.plan, self.base_s, self.kills = plan, base_s, kills
        self.passes: bool | None = None
        self.last, self.run = True, 0
        self.slot, self.busy_until = 0, -1
        self.held = True
        self.from_s = math.inf
        self.spells: tuple[Spell, ...] = ()
        self.pending: list[tuple[float, bool]] = []

    def start(self, from_s: float, spells: tuple[Spell, ...], passes: bool | None) -> None:
        self.from_s, self.spells, self.passes, self.held = from_s, spells, passes, False

    def ask_until(self, until_s: float) -> list[tuple[float, bool]]:
        """Ask at every time before a time; return the changes that became due by it."""
        found = []
        while (time_s := self.base_s + self.slot * self.plan.period_s) < until_s:
            self.slot += 1
            if self.held or time_s < self.from_s or self.slot - 1 < self.busy_until:
                continue
            _, passes, delay_s = [spell for spell in self.spells if spell[0] <= time_s][-1]
            self.busy_until = self.slot - 1 + max(1, math.ceil(delay_s / self.plan.period_s))
            self.run = self.run + 1 if self.last is passes else 1
            self.last = passes
            needed = self.plan.success_count if passes else self.plan.failure_count
            if self.run >= needed and passes is not self.passes:
                self.passes = passes
                found.append((time_s + delay_s, passes))
                if self.kills and not passes:
                    self.held, self.run = True, 0
        return found


_results = st.sampled_from([True, False, None])


@given(st.data(), plans, _times, st.booleans(), _results)
def test_changes_are_those_of_a_worker_that_ticks(
    data: st.DataObject, plan: ProbePlan, base_s: float, kills: bool, passes: bool | None
) -> None:
    run, ticking = ProbeRun(plan, base_s, kills=kills), Ticking(plan, base_s, kills)
    start_s = data.draw(_times, label="start")
    answers = data.draw(spells(start_s), label="answers")
    run.start(start_s, answers, passes=passes)
    ticking.start(start_s, answers, passes)
    expected = ticking.ask_until(_UNTIL_S)
    found = []
    while run.due_s < math.inf and len(found) < len(expected) + 1:
        due_s, before = run.due_s, run.passes
        found.append((due_s, run.change()))
        assert before is not run.passes is found[-1][1]
    assert [each for each in found if each[0] < _UNTIL_S] == [each for each in expected if each[0] < _UNTIL_S]


@given(st.data(), plans, _times, st.booleans())
def test_what_was_counted_survives_new_answers_and_new_containers(
    data: st.DataObject, plan: ProbePlan, base_s: float, kills: bool
) -> None:
    run, ticking = ProbeRun(plan, base_s, kills=kills), Ticking(plan, base_s, kills)
    found: list[tuple[float, bool]] = []
    expected: list[tuple[float, bool]] = []
    starts = sorted(data.draw(st.lists(_times, min_size=1, max_size=5), label="events"))
    for i, at_s in enumerate(starts):
        _change_before(run, at_s, found)
        expected += ticking.ask_until(at_s)
        answers = data.draw(spells(at_s), label=f"answers from {at_s}")
        if i and data.draw(st.booleans(), label="only other answers"):
            run.answer(at_s, answers)
            ticking.spells = answers
        else:
            run.hold(at_s)
            passes = data.draw(_results, label="given result")
            expected = [each for each in expected if each[0] < at_s or each in found]
            run.start(at_s, answers, passes=passes)
            ticking.start(at_s, answers, passes)
    _change_before(run, _UNTIL_S, found)
    expected += ticking.ask_until(_UNTIL_S)
    assert found == [each for each in expected if each[0] < _UNTIL_S]


def _change_before(run: ProbeRun, at_s: float, found: list[tuple[float, bool]]) -> None:
    while run.due_s < at_s:
        due_s = run.due_s
        found.append((due_s, run.change()))


@given(st.floats(0, 1e6), st.floats(0.001, 1e4), st.floats(-10, 1e7))
def test_first_slot_is_the_first(base_s: float, period_s: float, t_s: float) -> None:
    slot = first_slot(base_s, period_s, t_s)
    assert slot == 0 or base_s + (slot - 1) * period_s < t_s
    assert base_s + slot * period_s >= t_s or (slot == 0 and t_s <= base_s)


def test_a_hang_is_noticed_after_the_third_failure() -> None:
    """FACTS K40: 20 to 31 s with v1's defaults; a hung answer is known a timeout after it was asked for."""
    plan = ProbePlan()
    noticed = []
    for base_s in (0.0, 0.001, 5.0, 9.999):
        run = ProbeRun(plan, base_s, kills=True)
        run.start(0.0, ((0.0, True, 0.0), (600.0, False, 1.0)), passes=True)
        noticed.append(run.due_s - 600.0)
    assert noticed == [21.0, 600.001 + 21 - 600.0, 26.0, 609.999 + 21 - 600.0]
