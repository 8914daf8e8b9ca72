"""CPU work as time goes by, against a slow reference that steps at 1 ms."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.kernel.cpuburst import wall_s
from models.kernel.cpuclock import CpuClock
from models.kernel.cpugroups import CpuGroup, CpuQuota
from models.kernel.cpuperiod import resolve
from models.kernel.cputree import CpuTree
from tests.support.cpugroups import trees

_TICK_S = 0.001
_WINDOW_S = 3.0


@dataclass
class Load:
    """What a container does: runs without an end, or pieces of work at times, on some threads."""

    threads: float
    works: list[tuple[float, float]] | None = None  # (when, core-seconds); None: without an end


@dataclass
class Played:
    """What came of it: CPU seconds of each group, and when each container was done with all it had, again and again."""

    used_core_s: list[float]
    ends_s: dict[int, list[float]] = field(default_factory=dict)


def minion(seed: int) -> tuple[CpuGroup, int, dict[int, Load]]:
    """Return a random small minion: pods of containers, quotas at both, work and bursts."""
    draw = np.random.default_rng(seed)
    weights = [2.0, 102.0, 512.0, 1024.0, 2048.0]

    def quota(chance: float) -> CpuQuota | None:
        return CpuQuota(1000 * int(draw.integers(5, 150))) if draw.random() < chance else None

    def container() -> CpuGroup:
        return CpuGroup("c", float(draw.choice(weights)), quota=quota(0.5))

    pods = tuple(
        CpuGroup("p", float(draw.choice(weights)), quota=quota(0.3), children=tuple(container() for _ in range(draw.integers(1, 4))))
        for _ in range(draw.integers(1, 4))
    )  # fmt: skip
    root = CpuGroup("root", children=pods)
    loads: dict[int, Load] = {}
    for index, group in enumerate(root.walk()):
        if group.children:
            continue
        threads, kind = float(draw.choice([0.4, 1.0, 1.0, 2.0, 3.0])), draw.integers(0, 3)
        if kind == 0:
            loads[index] = Load(threads)
        elif kind == 1:
            loads[index] = Load(threads, [(round(draw.uniform(0.0, 0.5), 3), draw.uniform(0.1, 1.5))])
        else:
            every_s, work_s = round(draw.uniform(0.15, 0.9), 3), draw.uniform(0.02, 0.2)
            loads[index] = Load(
                threads, [(every_s * k, work_s) for k in range(math.ceil(_WINDOW_S / every_s))]
            )
    return root, int(draw.integers(1, 5)), loads


def played(root: CpuGroup, cores: int, loads: dict[int, Load]) -> Played:
    """Play it with the model."""
    clock, ends = CpuClock(CpuTree(root, cores)), {index: [] for index in loads}
    arrivals = sorted(
        (at_s, index, work_s) for index, load in loads.items() for at_s, work_s in load.works or ()
    )
    for index, load in loads.items():
        if load.works is None:
            clock.set_threads(0.0, index, load.threads)
    while True:
        arrival_s = arrivals[0][0] if arrivals else math.inf
        now_s = min(arrival_s, clock.next_end_s)
        if now_s >= _WINDOW_S:
            return Played(clock.used_core_s(_WINDOW_S), ends)
        for index in clock.take_ended(now_s):
            ends[index].append(now_s)
        while arrivals and arrivals[0][0] <= now_s:
            _, index, work_s = arrivals.pop(0)
            clock.give_work(now_s, index, work_s, loads[index].threads)


class Ticking:
    """The same by steps of 1 ms; in each, who has little quota or work left wants only that.

    So the last of a pod's quota is divided by weights, not as it was used before: where a quota may run out within a
    step, that step is walked in tenths.
    """

    def __init__(self, root: CpuGroup, cores: int, loads: dict[int, Load]) -> None:
        self.groups, self.cores, self.loads = list(root.walk()), cores, loads
        self.parents = [-1] * len(self.groups)
        self.children: list[list[int]] = [[] for _ in self.groups]
        self.at = 0
        self._link(root, -1)
        self.used = [0.0] * len(self.groups)
        self.work = {index: 0.0 for index, load in loads.items() if load.works is not None}
        self.quota: dict[int, float] = {}
        self.ends: dict[int, list[float]] = {index: [] for index in loads}

    def _link(self, group: CpuGroup, parent: int) -> None:
        index, self.at = self.at, self.at + 1
        self.parents[index] = parent
        if parent >= 0:
            self.children[parent].append(index)
        for child in group.children:
            self._link(child, index)

    def play(self) -> Played:
        arrivals = sorted(
            (round(at_s / _TICK_S), index, work_s)
            for index, load in self.loads.items()
            for at_s, work_s in load.works or ()
        )
        for tick in range(round(_WINDOW_S / _TICK_S)):
            while arrivals and arrivals[0][0] <= tick:
                _, index, work_s = arrivals.pop(0)
                self.work[index] += work_s
            if tick % 100 == 0:
                self.quota = {
                    i: g.quota.quota_us / 1e6 for i, g in enumerate(self.groups) if g.quota is not None
                }
            most_s = self.cores * _TICK_S
            steps = 10 if any(0.0 < left_s < most_s for left_s in self.quota.values()) else 1
            for step in range(steps):
                self._step((tick + (step + 1) / steps) * _TICK_S, _TICK_S / steps)
        return Played(self.used, self.ends)  # fmt: skip

    def _step(self, end_s: float, length_s: float) -> None:
        can = [0.0] * len(self.groups)
        for index in range(len(self.groups) - 1, -1, -1):
            if index in self.loads:
                can[index] = min(self.loads[index].threads, self.cores) * length_s
                can[index] = min(can[index], self.work.get(index, math.inf))
            else:
                can[index] = sum(can[child] for child in self.children[index])
            can[index] = min(can[index], self.quota.get(index, math.inf))
        got = [0.0] * len(self.groups)
        got[0] = min(can[0], self.cores * length_s)
        for index, children in enumerate(self.children):
            self._fill(got, can, got[index], children)
        for index, each in enumerate(got):
            self.used[index] += each
            if index in self.quota:
                self.quota[index] = max(0.0, self.quota[index] - each)
            if self.work.get(index, 0.0) > 0.0:
                self.work[index] -= each
                if self.work[index] <= 1e-9:
                    self.work[index] = 0.0
                    self.ends[index].append(end_s)

    def _fill(self, got: list[float], can: list[float], left: float, children: list[int]) -> None:
        """Give every child its part by weight; take what is too much, and give it again to the others."""
        hungry = [child for child in children if can[child] > 0.0]
        while hungry:
            total = sum(self.groups[child].weight for child in hungry)
            content = [child for child in hungry if can[child] <= left * self.groups[child].weight / total]
            for child in content or hungry:
                got[child] = can[child] if content else left * self.groups[child].weight / total
            left -= sum(got[child] for child in content)
            hungry = [child for child in hungry if child not in content] if content else []


@pytest.mark.parametrize("seed", range(50))
def test_a_reference_that_ticks_agrees(seed: int) -> None:
    root, cores, loads = minion(seed)
    found, slow = played(root, cores, loads), Ticking(root, cores, loads).play()
    # A hundredth, or where little is used a tick of a core.
    assert found.used_core_s == pytest.approx(slow.used_core_s, rel=0.01, abs=2 * _TICK_S)
    for index, ends_s in slow.ends_s.items():
        assert len(ends_s) == len(found.ends_s[index]), (ends_s, found.ends_s[index])
        assert found.ends_s[index] == pytest.approx(ends_s, rel=0.01, abs=2 * _TICK_S)


def beside(*groups: CpuGroup) -> CpuGroup:
    return CpuGroup("root", children=groups)


@pytest.mark.parametrize("work_s", [0.007, 0.03, 0.0301, 0.25, 4.0])
@pytest.mark.parametrize("start_s", [0.0, 0.015, 0.08, 7.3456])
def test_a_burst_alone_is_the_closed_form(work_s: float, start_s: float) -> None:
    clock = CpuClock(CpuTree(beside(CpuGroup("a", quota=CpuQuota(30_000)), CpuGroup("b")), 2))
    clock.give_work(start_s, 1, work_s)
    refill_s = 0.1 - math.fmod(start_s, 0.1)
    wall = wall_s(work_s, CpuQuota(30_000), refill_s=refill_s)
    assert clock.next_end_s == pytest.approx(start_s + wall, abs=1e-9)
    assert clock.take_ended(clock.next_end_s) == [1]
    assert clock.used_core_s(start_s + wall)[1] == pytest.approx(work_s)


def test_a_year_of_periods_is_one_step_and_counts_as_many() -> None:
    root = beside(
        CpuGroup("a", threads=1.0, quota=CpuQuota(25_000)), CpuGroup("b", threads=1.0), CpuGroup("c")
    )
    clock = CpuClock(CpuTree(root, 1))
    year_s = 365 * 86_400.0
    clock.give_work(0.0, 3, 0.0)
    assert clock.take_ended(0.0) == [3]
    _, a, b, c = clock.used_core_s(year_s)
    means = resolve(root, 1)
    assert (a, b, c) == pytest.approx((means[1].cores * year_s, means[2].cores * year_s, 0.0))
    assert clock.throttled(1) == (10 * year_s, pytest.approx(0.5 * year_s))
    assert clock.next_end_s == math.inf
    clock.set_threads(year_s, 2, 0.0)
    assert clock.used_core_s(year_s + 10.0)[1] - a == pytest.approx(2.5)


_PERIODS = st.builds(
    CpuQuota,
    st.integers(1, 60).map(lambda ms: 1000 * ms),
    st.sampled_from([20_000, 50_000, 100_000, 70_001]),
)


@given(trees(depth=2, width=3, quotas=_PERIODS), st.integers(1, 3), st.data())
def test_looking_changes_nothing(root: CpuGroup, cores: int, data: st.DataObject) -> None:
    leaves = [index for index, group in enumerate(root.walk()) if not group.children]
    blind, watched = CpuClock(CpuTree(root, cores)), CpuClock(CpuTree(root, cores))
    now_s = 0.0
    for _ in range(data.draw(st.integers(1, 5))):
        index, threads = data.draw(st.sampled_from(leaves)), data.draw(st.sampled_from([0.0, 0.3, 1.0, 5.0]))
        blind.set_threads(now_s, index, threads)
        watched.set_threads(now_s, index, threads)
        for step_s in data.draw(st.lists(st.integers(1, 300_000).map(lambda us: us / 1e6), max_size=4)):
            now_s += step_s
            watched.used_core_s(now_s)
    now_s += 0.05
    assert blind.used_core_s(now_s) == pytest.approx(watched.used_core_s(now_s), rel=1e-6, abs=1e-8)
    for index, group in enumerate(root.walk()):
        if group.quota is not None:
            (times, held_s), (seen, seen_s) = blind.throttled(index), watched.throttled(index)
            assert times == seen
            assert held_s == pytest.approx(seen_s, rel=1e-6, abs=1e-7)
