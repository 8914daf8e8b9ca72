"""Passes of the eviction manager that are computed, against a manager that makes every pass."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from models.kernel.evictionpasses import EvictionPasses
from models.kernel.nodeeviction import (
    EvictablePod,
    EvictionState,
    Reading,
    Threshold,
    synchronize,
)

_FREE = 1000
_THRESHOLD = Threshold("memory.available", quantity=100)
_PERIOD_S, _CLEANUP_S = 10.0, 1.0
_CRITICAL = 2_000_000_000


@dataclass
class _Pod:
    """What a pod holds: a line from when it came. Rates are powers of two and times quarters, so that all is exact."""

    name: str
    came_s: float
    first: int
    rate: int
    priority: int
    request: int

    def at(self, t_s: float) -> float:
        return self.first + self.rate * (t_s - self.came_s)


@dataclass
class _Minion:
    """Pods that come and go by a list, and those that are evicted."""

    pods: dict[str, _Pod] = field(default_factory=dict)
    evicted: list[tuple[float, str]] = field(default_factory=list)
    conditions: list[tuple[float, bool]] = field(default_factory=list)

    def reading(self, t_s: float) -> Reading:
        return Reading(_FREE - int(sum(pod.at(t_s) for pod in self.pods.values())), _FREE)

    def evictable(self, t_s: float) -> list[EvictablePod]:
        return [
            EvictablePod(pod.name, pod.priority, usage_bytes=int(pod.at(t_s)), request_bytes=pod.request)
            for pod in self.pods.values()
        ]

    def low_s(self, now_s: float) -> float:
        held = sum(pod.at(now_s) for pod in self.pods.values())
        rate = sum(pod.rate for pod in self.pods.values())
        lacking = _FREE - _THRESHOLD.quantity + 1 - held
        if lacking <= 0:
            return now_s
        return now_s + lacking / rate if rate else math.inf

    def change(self, change: tuple[str, _Pod]) -> None:
        what, pod = change
        if what == "comes":
            self.pods[pod.name] = pod
        else:
            self.pods.pop(pod.name, None)

    def passed(self, t_s: float, pressed: bool, evicted: EvictablePod | None) -> None:
        if pressed is not (bool(self.conditions) and self.conditions[-1][1]):
            self.conditions.append((t_s, pressed))
        if evicted is not None:
            self.evicted.append((t_s, evicted.name))
            del self.pods[evicted.name]


def _every_pass(
    changes: list[tuple[float, tuple[str, _Pod]]], phase_s: float, transition_s: float, end_s: float
) -> _Minion:
    """A manager that looks at every pass; of a change and a pass at one time the change is first."""
    minion, state, at_s, left = _Minion(), EvictionState(), phase_s, list(changes)
    while at_s <= end_s:
        while left and left[0][0] <= at_s:
            minion.change(left.pop(0)[1])
        passed = synchronize(
            state,
            at_s,
            {"memory.available": minion.reading(at_s)},
            minion.evictable(at_s),
            thresholds=(_THRESHOLD,),
            transition_s=transition_s,
        )
        state = passed.state
        evicted = None if passed.eviction is None else passed.eviction.pod
        minion.passed(at_s, bool(passed.conditions), evicted)
        at_s += _PERIOD_S if evicted is None else _CLEANUP_S
    return minion


def _computed(
    changes: list[tuple[float, tuple[str, _Pod]]], phase_s: float, transition_s: float, end_s: float
) -> tuple[_Minion, int]:
    """A manager that makes the passes that matter, as the shell drives it; and how many it made."""
    minion, left, made = _Minion(), list(changes), 0
    passes = EvictionPasses(
        phase_s,
        threshold=_THRESHOLD,
        period_s=_PERIOD_S,
        cleanup_s=_CLEANUP_S,
        transition_s=transition_s,
    )
    low_s = math.inf
    due_s = math.inf
    while True:
        change_s = left[0][0] if left else math.inf
        if min(change_s, due_s) > end_s:
            return minion, made
        if change_s <= due_s:
            minion.change(left.pop(0)[1])
            passes.slept(change_s, low_s)
            now_s = change_s
        else:
            now_s, made = due_s, made + 1
            passed = passes.make(now_s, minion.reading(now_s), minion.evictable(now_s))
            minion.passed(now_s, passes.pressed, None if passed.eviction is None else passed.eviction.pod)
        low_s = minion.low_s(now_s)
        due_s = passes.due_s(now_s, low_s)


_times = st.integers(0, 1600).map(lambda quarters: quarters / 4)
_pods = st.tuples(
    _times,
    st.one_of(st.just(math.inf), st.integers(1, 1600).map(lambda quarters: quarters / 4)),
    st.sampled_from([0, 100, 400, 895, 900, 901, 950]),
    st.sampled_from([0, 0, 1, 2, 4, 16]),
    st.sampled_from([0, 5, _CRITICAL]),
    st.sampled_from([0, 200]),
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(_pods, max_size=7),
    st.integers(0, 39).map(lambda quarters: quarters / 4),
    st.sampled_from([0.0, 5.0, 30.0, 300.0]),
)
def test_passes_that_are_computed_do_what_every_pass_would(
    given_pods: list[tuple[float, float, int, int, int, int]], phase_s: float, transition_s: float
) -> None:
    changes: list[tuple[float, tuple[str, _Pod]]] = []
    for number, (came_s, for_s, first, rate, priority, request) in enumerate(given_pods):
        pod = _Pod(f"pod-{number}", came_s, first, rate, priority, request)
        changes.append((came_s, ("comes", pod)))
        if for_s < math.inf:
            changes.append((came_s + for_s, ("goes", pod)))
    changes.sort(key=lambda each: each[0])
    expected = _every_pass(changes, phase_s, transition_s, 1000.0)
    found, made = _computed(changes, phase_s, transition_s, 1000.0)
    assert found.evicted == expected.evicted
    assert found.conditions == expected.conditions
    assert made <= len(changes) + 2 * len(expected.evicted) + len(expected.conditions)


def test_a_minion_that_is_never_low_has_no_pass() -> None:
    passes = EvictionPasses(3.0, threshold=_THRESHOLD, period_s=10.0, cleanup_s=1.0, transition_s=300.0)
    assert passes.due_s(5.0, math.inf) == math.inf


def test_a_slow_leak_is_one_pass_and_one_that_ends_the_condition() -> None:
    leak = _Pod("leak", 0.0, 0, 2, 0, 0)
    minion, made = _computed([(0.0, ("comes", leak))], 3.0, 300.0, 2000.0)
    assert minion.evicted == [(453.0, "leak")]  # at 450.5 s 901 of 900 are held
    # The grid begins anew at 454 s: the first pass that is 300 s after 453 s is at 754 s.
    assert minion.conditions == [(453.0, True), (754.0, False)]
    assert made == 2


def test_a_pass_that_finds_nothing_is_followed_by_the_next_and_not_by_itself() -> None:
    """A time that was reckoned a rounding too early."""
    passes = EvictionPasses(3.0, threshold=_THRESHOLD, period_s=10.0, cleanup_s=1.0, transition_s=300.0)
    passes.make(13.0, Reading(100, _FREE), [])
    assert passes.due_s(13.0, 13.0) == 23.0
