"""Quotas within their period and bursts under them, against what can be worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.cpuburst import mean_wall_s, wall_s
from models.kernel.cpugroups import CpuGroup, CpuQuota
from models.kernel.cpuperiod import resolve
from models.kernel.cpushare import max_min
from tests.support.cpugroups import trees


def beside(*groups: CpuGroup) -> CpuGroup:
    return CpuGroup("root", children=groups)


def test_many_threads_use_a_quota_early_and_stall() -> None:
    # FACTS L15: 200 ms of quota, 8 threads on 8 CPUs: all run 25 ms, then stall 75 ms.
    _, use = resolve(beside(CpuGroup("a", threads=8.0, quota=CpuQuota(200_000))), 8)
    assert use.cores == pytest.approx(2.0)
    assert use.throttled_ratio == 1.0
    assert use.throttled_ratio_s == pytest.approx(0.75)
    assert use.throttled_cpus_s == pytest.approx(6.0)


def test_one_thread_cannot_win_back_what_it_lost() -> None:
    # On one core beside a quota of 25 ms: both at half a core for 50 ms, then one thread alone.
    _, capped, one = resolve(
        beside(CpuGroup("c", threads=1.0, quota=CpuQuota(25_000)), CpuGroup("o", threads=1.0)), 1
    )
    assert (capped.cores, one.cores) == pytest.approx((0.25, 0.75))
    # On two cores beside one of two threads and 50 ms: 2/3 of a core each thread for 37.5 ms; caps on the mean say 1.
    two = beside(CpuGroup("c", 2048.0, 2.0, CpuQuota(50_000)), CpuGroup("o", 1024.0, 1.0))
    _, capped, one = resolve(two, 2)
    assert capped.cores == pytest.approx(0.5)
    assert one.cores == pytest.approx((37.5 * 2 / 3 + 62.5) / 100)
    assert max_min(two, 2)[2] == pytest.approx(1.0)
    assert capped.throttled_ratio_s == pytest.approx(0.625)


def test_a_pod_is_throttled_with_all_in_it() -> None:
    pod = CpuGroup(
        "p", quota=CpuQuota(30_000), children=(CpuGroup("a", threads=1.0), CpuGroup("b", 3072.0, 1.0))
    )
    _, whole, a, b, other = resolve(beside(pod, CpuGroup("o", threads=9.0)), 2)
    # The pod and the other have a core each: a quarter and three quarters of it for 30 ms.
    assert (whole.cores, a.cores, b.cores) == pytest.approx((0.3, 0.075, 0.225))
    assert other.cores == pytest.approx(1.7)
    assert (a.throttled_ratio, whole.throttled_ratio, whole.throttled_ratio_s) == pytest.approx(
        (0.0, 1.0, 0.7)
    )


def test_a_quota_that_is_never_used_up_holds_nobody() -> None:
    uses = resolve(beside(CpuGroup("a", threads=1.0, quota=CpuQuota(50_000)), CpuGroup("b", threads=3.0)), 1)
    assert [use.cores for use in uses] == pytest.approx([1.0, 0.5, 0.5])
    assert all(use.throttled_ratio == 0.0 for use in uses)


def test_periods_of_different_length_are_followed_until_they_meet() -> None:
    # 10 ms in 20 ms and 10 ms in 50 ms, each on a core of its own.
    short, long = CpuQuota(10_000, 20_000), CpuQuota(10_000, 50_000)
    uses = resolve(beside(CpuGroup("s", threads=1.0, quota=short), CpuGroup("l", threads=1.0, quota=long)), 2)
    assert [use.cores for use in uses[1:]] == pytest.approx([0.5, 0.2])
    assert [use.throttled_ratio for use in uses[1:]] == [1.0, 1.0]
    assert [use.throttled_ratio_s for use in uses[1:]] == pytest.approx([0.5, 0.8])


@given(trees(depth=3, width=3), st.integers(1, 8))
def test_no_quota_is_exceeded_and_who_is_not_held_runs(root: CpuGroup, cores: int) -> None:
    uses, groups = resolve(root, cores), list(root.walk())
    assert uses[0].cores <= cores * (1 + 1e-9)
    for group, use in zip(groups, uses, strict=True):
        if group.quota is not None:
            assert use.cores <= group.quota.cores * (1 + 1e-9)
            if use.throttled_ratio:
                assert use.cores == pytest.approx(group.quota.cores)
            assert 0.0 <= use.throttled_ratio_s <= 1.0
        else:
            assert use.throttled_ratio == use.throttled_ratio_s == 0.0


@given(trees(depth=3, width=3, quotas=st.none()), st.integers(1, 8))
def test_without_contention_at_full_speed_caps_on_the_mean_are_exact(root: CpuGroup, cores: int) -> None:
    many = cores + math.ceil(sum(group.threads for group in root.walk()))
    found = [use.cores for use in resolve(root, many)]
    assert found == pytest.approx(max_min(root, many), abs=1e-9)


@pytest.mark.parametrize(
    ("work_s", "quota", "refill_s", "wall"),
    [
        (0.0, CpuQuota(10_000), 0.1, 0.0),
        (0.01, CpuQuota(10_000), 0.1, 0.01),  # ends as the quota is used
        (0.07, CpuQuota(10_000), 0.1, 0.61),
        (0.06, CpuQuota(30_000), 0.1, 0.13),
        (0.06, CpuQuota(30_000), 0.02, 0.13),  # 20 ms, 30 more, 70 ms of waiting, 10
        (0.06, CpuQuota(80_000), 0.03, 0.06),
        (0.25, CpuQuota(100_000), 0.1, 0.25),
        (0.25, CpuQuota(300_000), 0.1, 0.25),
        (1.0, None, math.nan, 1.0),
    ],
)  # fmt: skip
def test_a_burst_by_hand(work_s: float, quota: CpuQuota | None, refill_s: float, wall: float) -> None:
    assert wall_s(work_s, quota, refill_s=refill_s) == pytest.approx(wall)


def test_a_burst_of_many_threads() -> None:
    # 0.2 core-seconds on 4 cores with 0.1 a period: 25 ms, 75 ms of waiting, 25 ms.
    assert wall_s(0.2, CpuQuota(100_000), cores=4.0) == pytest.approx(0.125)


@given(
    st.integers(0, 999_999).map(lambda us: (us + 0.37) / 1e6), st.integers(1, 150).map(lambda ms: CpuQuota(1000 * ms)), st.integers(1, 99_999).map(lambda us: us / 1e6), st.sampled_from([1.0, 2.0])
)  # fmt: skip
def test_a_burst_in_closed_form_is_the_one_walked_through(
    work_s: float, quota: CpuQuota, refill_s: float, cores: float
) -> None:
    left_s, now_s, next_s = work_s, 0.0, refill_s
    quota_left_s = quota.quota_us / 1e6
    while left_s > 1e-12:
        run_s = min(left_s / cores, quota_left_s / cores, next_s - now_s)
        left_s, quota_left_s, now_s = left_s - run_s * cores, quota_left_s - run_s * cores, now_s + run_s
        if left_s > 1e-12:
            if quota_left_s <= 1e-12:
                now_s = next_s
            if now_s >= next_s - 1e-12:
                quota_left_s, next_s = quota.quota_us / 1e6, next_s + 0.1
    wall = wall_s(work_s, quota, cores=cores, refill_s=refill_s)
    assert wall == pytest.approx(now_s, abs=1e-6)


def test_the_mean_burst_is_between_the_extremes() -> None:
    quota = CpuQuota(50_000)
    walls = [wall_s(0.07, quota, refill_s=step / 1000) for step in range(1, 101)]
    assert mean_wall_s(0.07, quota) == pytest.approx(sum(walls) / 100, abs=2e-3)
    assert min(walls) < mean_wall_s(0.07, quota) < max(walls)
    assert mean_wall_s(0.07, None) == 0.07


@pytest.mark.parametrize("given_", [(-1.0, 1.0, 0.1), (math.inf, 1.0, 0.1), (1.0, 0.0, 0.1), (1.0, 1.0, 0.2), (1.0, 1.0, 0.0)])  # fmt: skip
def test_bursts_that_cannot_be_are_refused(given_: tuple[float, float, float]) -> None:
    work_s, cores, refill_s = given_
    with pytest.raises(ValueError, match=r"expected work|refilled within its period"):
        wall_s(work_s, CpuQuota(10_000), cores=cores, refill_s=refill_s)
