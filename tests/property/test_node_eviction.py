"""The eviction manager: ranks are total orders, passes that are computed are those that would tick, conditions hold on."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.kernel.nodeeviction import (
    EvictablePod,
    EvictionState,
    Reading,
    Threshold,
    next_pass_s,
    rank,
    synchronize,
)

MIB = 2**20
HARD = Threshold("memory.available", quantity=100 * MIB)
SOFT = Threshold("memory.available", quantity=300 * MIB, grace_s=90.0)
DISK = Threshold("nodefs.available", ratio=0.1, min_reclaim=50)
SIGNALS: Any = st.sampled_from(["memory.available", "pid.available", "nodefs.available"])

_PODS = st.lists(
    st.builds(
        EvictablePod,
        name=st.text("abc", min_size=1, max_size=4),
        priority=st.sampled_from([-5, 0, 100, 2_000_000_000]),
        usage_bytes=st.integers(0, 3),
        request_bytes=st.integers(0, 3),
        disk_bytes=st.integers(0, 2),
        processes=st.integers(0, 2),
        static=st.booleans(),
    ),
    unique_by=lambda pod: pod.name,
    min_size=1,
    max_size=7,
)


@given(_PODS, SIGNALS, st.randoms(use_true_random=False))
def test_a_rank_is_a_total_order(pods: list[EvictablePod], signal: Any, shuffled: Any) -> None:
    ranked = rank(signal, pods)
    mixed = list(pods)
    shuffled.shuffle(mixed)
    assert rank(signal, mixed) == ranked
    assert sorted(each.name for each in ranked) == sorted(each.name for each in pods)
    for first, second in pairwise(ranked):
        if signal == "memory.available":
            over, under = first.usage_bytes > first.request_bytes, second.usage_bytes > second.request_bytes
            assert over >= under
            if over == under:
                assert first.priority <= second.priority
                if first.priority == second.priority:
                    assert (
                        first.usage_bytes - first.request_bytes >= second.usage_bytes - second.request_bytes
                    )
        elif signal == "pid.available":
            assert (first.priority, -first.processes) <= (second.priority, -second.processes)


@given(_PODS)
def test_the_first_by_rank_that_is_not_critical_goes(pods: list[EvictablePod]) -> None:
    passed = synchronize(EvictionState(), 0.0, {"memory.available": Reading(0, MIB)}, pods, thresholds=[HARD])
    mortal = [pod for pod in rank("memory.available", pods) if not pod.static and pod.priority < 2e9]
    assert (passed.eviction.pod if passed.eviction else None) == (mortal[0] if mortal else None)
    assert passed.conditions == ("MemoryPressure",)


@given(st.floats(0.0, 10.0), st.floats(0.0, 1e6), st.sampled_from([10.0, 0.1, 3.0]))
def test_the_next_pass_is_the_first_that_is_not_before(phase_s: float, at_s: float, period_s: float) -> None:
    found = next_pass_s(phase_s, at_s, period_s)
    passes = round((found - phase_s) / period_s)
    assert found == phase_s + passes * period_s
    assert found >= at_s or at_s <= phase_s == found
    assert passes == 0 or phase_s + (passes - 1) * period_s < at_s


def test_a_condition_holds_for_five_minutes_after_it_was_seen_last() -> None:
    low, fine = {"memory.available": Reading(0, MIB)}, {"memory.available": Reading(200 * MIB, 2**30)}
    state = synchronize(EvictionState(), 0.0, low, [], thresholds=[HARD]).state
    for now_s, holds in ((10.0, True), (290.0, True), (299.9, True), (300.0, False)):
        passed = synchronize(state, now_s, fine, [EvictablePod("a")], thresholds=[HARD])  # type: ignore[arg-type]
        assert (passed.conditions == ("MemoryPressure",)) is holds
        assert passed.eviction is None


def test_a_soft_threshold_waits_for_its_grace_and_starts_again_when_it_was_not_met() -> None:
    pod, state = EvictablePod("a", grace_s=30.0), EvictionState()
    levels = {0: 200, 80: 200, 90: 400, 100: 200, 180: 200, 190: 200}
    acted = []
    for now_s, mib in levels.items():
        reading: Any = {"memory.available": Reading(mib * MIB, 2**34)}
        passed = synchronize(state, now_s, reading, [pod], thresholds=[SOFT, HARD], max_grace_s=20.0)
        state = passed.state
        acted += [(now_s, passed.eviction.grace_s)] if passed.eviction else []
    assert acted == [(190, 20.0)]


def test_memory_is_served_before_disk_and_a_met_threshold_wants_its_least_reclaim() -> None:
    readings: Any = {"nodefs.available": Reading(99, 1000), "memory.available": Reading(0, MIB)}
    pods = [EvictablePod("disk", disk_bytes=5), EvictablePod("memory", usage_bytes=5)]
    passed = synchronize(EvictionState(), 0.0, readings, pods, thresholds=[DISK, HARD])
    assert passed.eviction is not None
    assert (passed.eviction.pod.name, passed.eviction.grace_s) == ("memory", 0.0)
    assert passed.conditions == ("DiskPressure", "MemoryPressure")
    for available, name in ((149, "disk"), (150, None)):
        again = synchronize(
            passed.state, 10.0, {"nodefs.available": Reading(available, 1000)}, pods, thresholds=[DISK, HARD]
        )
        assert (again.eviction.pod.name if again.eviction else None) == name
    fresh = synchronize(
        EvictionState(), 0.0, {"nodefs.available": Reading(149, 1000)}, pods, thresholds=[DISK]
    )
    assert fresh.eviction is None
