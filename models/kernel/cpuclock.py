"""CPU work on one kernel as time goes by: who is done when, without a tick.

Between two changes of demand the rates repeat with the periods of the quotas: what happens up to the end of the present
period and in one whole period from full quotas tells all that follows. So a change costs one look at those two, when
somebody asks, and the next end of a piece of work is computed over any number of periods at once.

It knows no engine: times are told, in seconds, and must not go back. Quotas are refilled at whole periods since time 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import add

from models.kernel.cpuperiod import CpuPeriods, Segment
from models.kernel.cpushare import CpuShare
from models.kernel.cputree import CpuTree

__all__ = ["CpuClock"]

_DONE_US = 1e-3
_INF = math.inf
_FOR_EVER = 1e12
"""Periods after which one more or less does not count."""


class CpuClock:
    """What runs on one kernel. Groups are told by index, in the order of the tree's ``walk``.

    Args:
        tree: The groups; their threads run from time 0 without an end.
    """

    def __init__(self, tree: CpuTree) -> None:
        self.tree = tree
        self._share = CpuShare(tree)
        self._periods = CpuPeriods(self._share)
        self._node_of = self.tree.node_of
        count = len(self.tree.parents)
        self._now_us = 0.0
        self._used_us = [0.0] * count
        self._held_us = [0.0] * count
        self._throttled = [0] * count
        self._left_us: dict[int, float] = {}  # core-microseconds of work that ends, by node
        self._quota_us = dict(self._periods.quotas)
        self._is_one_period = all(each == self._periods.horizon_us for each in self._periods.periods.values())
        self._is_planned = False
        self._next_end_us = _INF
        self._due: list[int] = []
        self._rest: list[Segment] = []
        self._whole: list[Segment] = []
        self._rest_us = self._from_us = 0.0
        self._whole_used_us: list[float] = []

    @property
    def next_end_s(self) -> float:
        """When the next piece of work ends if nothing changes; ``inf`` for never."""
        self._plan()
        return self._next_end_us / 1e6

    def restart(self, now_s: float, spent_core_s: Mapping[int, float]) -> None:
        """Forget what was, and begin at a time with no threads and no work.

        Args:
            now_s: When.
            spent_core_s: What is used up by then of the quotas of some groups in their present periods, in CPU seconds.
        """
        for index, group in enumerate(self.tree.groups):
            if not group.children:
                self._share.set_wanted(index, 0.0)
        count = len(self.tree.parents)
        self._now_us, self._left_us = 1e6 * now_s, {}
        self._used_us, self._held_us, self._throttled = [0.0] * count, [0.0] * count, [0] * count
        self._quota_us = dict(self._periods.quotas)
        for index, each_core_s in spent_core_s.items():
            node = self._node_of[index]
            if node in self._quota_us:
                left_us = self._periods.quotas[node] - 1e6 * each_core_s
                self._quota_us[node] = max(0.0, min(self._quota_us[node], left_us))
        self._is_planned = False

    def set_threads(self, now_s: float, index: int, threads: float) -> None:
        """Let a group run so many threads from now on, without an end but that of the work that it has left.

        Args:
            now_s: When.
            index: Of a group without children.
            threads: As in ``CpuGroup``.
        """
        self._advance(1e6 * now_s)
        self._share.set_wanted(index, threads)
        self._is_planned = False

    def give_work(self, now_s: float, index: int, work_core_s: float, threads: float = 1.0) -> None:
        """Give a group a piece of work now, beside what it has left of others.

        Args:
            now_s: When.
            index: Of a group without children.
            work_core_s: CPU seconds.
            threads: On how many threads all it has left runs.
        """
        self.set_threads(now_s, index, threads)
        node = self._node_of[index]
        self._left_us[node] = self._left_us.get(node, 0.0) + 1e6 * work_core_s

    def take_ended(self, now_s: float) -> list[int]:
        """Let time go on to now, and return the groups whose work has ended by now, lowest index first.

        Their threads have nothing more to do.
        """
        self._plan()
        # The time was rounded on its way; that these end at it is not in doubt.
        due = self._due if 1e6 * now_s >= self._next_end_us * (1.0 - 1e-15) else []
        self._advance(1e6 * now_s)
        ended = sorted(node for node, left_us in self._left_us.items() if left_us <= _DONE_US or node in due)
        found = [self.tree.chains[node][-1] for node in ended]
        for node, index in zip(ended, found, strict=True):
            del self._left_us[node]
            self._share.set_wanted(index, 0.0)
        self._is_planned = self._is_planned and not ended
        return found

    def used_core_s(self, now_s: float) -> list[float]:
        """Return the CPU seconds that each group has used by now."""
        self._advance(1e6 * now_s)
        return [self._used_us[node] / 1e6 for node in self._node_of]

    def account(self, now_s: float, indices: Sequence[int]) -> list[tuple[float, float, float]]:
        """Return of some groups: CPU seconds used, seconds held by their own quota, CPU seconds of work left, by now.

        Work that has no end is ``inf``.
        """
        self._advance(1e6 * now_s)
        used, held, left, node_of = self._used_us, self._held_us, self._left_us, self._node_of
        nodes = [node_of[index] for index in indices]
        return [(used[node] / 1e6, held[node] / 1e6, left.get(node, _INF) / 1e6) for node in nodes]

    def spent_core_s(self, now_s: float, index: int) -> float:
        """Return what a group has used of its quota in the present period, in CPU seconds; 0 without a quota."""
        self._advance(1e6 * now_s)
        node = self._node_of[index]
        return (self._periods.quotas[node] - self._quota_us[node]) / 1e6 if node in self._quota_us else 0.0

    def means(self, indices: Sequence[int]) -> list[tuple[float, float]]:
        """Return of some groups what they get as things are: cores, and share of time that their quota holds."""
        self._plan()
        node_of, horizon_us = self._node_of, self._periods.horizon_us
        if len(self._whole) == 1:
            rates = self._whole[0].rates
            return [(rates[node_of[index]], 0.0) for index in indices]
        held_us = dict.fromkeys(self._quota_us, 0.0)
        for each in self._whole:
            for node in each.held:
                held_us[node] += each.end_us - each.start_us
        used_us, nodes = self._whole_used_us, [node_of[index] for index in indices]
        return [(used_us[node] / horizon_us, held_us.get(node, 0.0) / horizon_us) for node in nodes]

    def throttled(self, index: int) -> tuple[int, float]:
        """Return in how many periods a quota ran out and how many seconds that held its group, as of the last call."""
        node = self._node_of[index]
        if index not in self.tree.holders.get(node, ()):
            return 0, 0.0
        return self._throttled[node], self._held_us[node] / 1e6

    def _plan(self) -> None:
        """Look at the rest of this period and at a whole one, and find the next end."""
        if self._is_planned:
            return
        self._is_planned = True
        horizon_us = self._periods.horizon_us
        self._from_us = self._now_us
        offset_us = math.fmod(self._now_us, horizon_us) if horizon_us < _INF else 0.0
        self._rest_us = horizon_us - offset_us
        self._whole = self._periods.segments()
        if horizon_us == _INF or (not offset_us and self._quota_us == self._periods.quotas):
            self._rest = self._whole
        else:
            self._rest = self._periods.segments(offset_us, self._quota_us)
        self._whole_used_us = _used(self._whole) if horizon_us < _INF else []
        self._next_end_us, self._due = _INF, []
        for node, left_us in self._left_us.items():
            end_us = self._end_us(node, left_us)
            if end_us < self._next_end_us:
                self._next_end_us, self._due = end_us, [node]
            elif end_us == self._next_end_us < _INF:
                self._due.append(node)

    def _end_us(self, node: int, left_us: float) -> float:
        """When a node has used so much from the plan's beginning on."""
        found, left_us = _reached(self._rest, node, left_us)
        if found is not None:
            return self._from_us + found
        a_period_us = self._whole_used_us[node] if self._whole_used_us else 0.0
        if a_period_us <= 0.0:
            return _INF
        ratio = left_us / a_period_us
        if ratio > _FOR_EVER:
            return self._from_us + self._rest_us + ratio * self._periods.horizon_us
        periods = max(0, math.ceil(ratio - 1e-9) - 1)
        found, left_us = _reached(self._whole, node, left_us - periods * a_period_us)
        last_us = self._periods.horizon_us if found is None else found
        return self._from_us + self._rest_us + periods * self._periods.horizon_us + last_us

    def _advance(self, now_us: float) -> None:
        """Let time go on to now along the plan."""
        assert now_us >= self._now_us - _DONE_US or now_us >= self._now_us * (1.0 - 1e-15), (
            f"a clock asked about {now_us / 1e6} s is at {self._now_us / 1e6} s already"
        )
        if now_us <= self._now_us:
            return
        self._plan()
        passed_us = now_us - self._from_us
        horizon_us = self._periods.horizon_us
        if passed_us < self._rest_us:
            self._spend(self._rest, passed_us, self._quota_us)
        else:
            self._spend(self._rest, self._rest_us, self._quota_us)
            periods, last_us = divmod(passed_us - self._rest_us, horizon_us)
            if periods:
                self._repeat(int(periods))
            self._spend(self._whole, last_us, self._periods.quotas)
        self._now_us = now_us
        self._is_planned = self._is_planned and self._follows(passed_us)

    def _follows(self, passed_us: float) -> bool:
        """Go on by the same plan where it has no quotas: its rates hold on."""
        if self._periods.horizon_us < _INF:
            return False
        self._from_us += passed_us
        return True

    def _repeat(self, periods: int) -> None:
        """Count so many whole periods."""
        self._count(self._whole_used_us, periods)
        for each in self._whole:
            for node in each.held:
                self._held_us[node] += periods * (each.end_us - each.start_us)
            for node in each.ran_out:
                self._throttled[node] += periods

    def _spend(self, segments: Sequence[Segment], length_us: float, left_us: Mapping[int, float]) -> None:
        """Count what is used in the first so many microseconds of some segments, that begin with so much quota left."""
        start_us, left = segments[0].start_us, dict(left_us)
        for each in segments:
            step_us = min(each.end_us, start_us + length_us) - each.start_us
            if step_us <= 0.0:
                break
            used_us = [rate * step_us for rate in each.rates]
            self._count(used_us, 1)
            for node in each.held:
                self._held_us[node] += step_us
            for node in left:
                left[node] -= used_us[node]
            if step_us >= each.end_us - each.start_us:
                for node in each.ran_out:
                    self._throttled[node] += 1
                    left[node] = 0.0
            self._refill(left, each, each.start_us + step_us, step_us)
        self._quota_us = {node: max(0.0, each_us) for node, each_us in left.items()}

    def _refill(self, left: dict[int, float], segment: Segment, at_us: float, step_us: float) -> None:
        """Fill the quotas whose period has begun within a step to some moment."""
        if self._is_one_period and at_us < self._periods.horizon_us:
            return
        for node, most_us in self._periods.quotas.items():
            since_us = at_us % self._periods.periods[node]
            if since_us < step_us:
                left[node] = most_us - segment.rates[node] * since_us

    def _count(self, used_us: Sequence[float], times: int) -> None:
        if times != 1:
            used_us = [times * each for each in used_us]
        self._used_us = list(map(add, self._used_us, used_us))
        for node in self._left_us:
            self._left_us[node] -= used_us[node]


def _used(segments: Sequence[Segment]) -> list[float]:
    """Return what each node uses in some segments, in core-microseconds."""
    found: list[float] = []
    for each in segments:
        length_us = each.end_us - each.start_us
        used = [rate * length_us for rate in each.rates]
        found = list(map(add, found, used)) if found else used
    return found


def _reached(segments: Sequence[Segment], node: int, left_us: float) -> tuple[float | None, float]:
    """Return after how long a node has used so much, None if it has not by the end, and what is left then."""
    for each in segments:
        rate = each.rates[node]
        if rate > 0.0 and left_us <= rate * (each.end_us - each.start_us) + 1e-9:
            return each.start_us - segments[0].start_us + left_us / rate, 0.0
        # An end that never comes counts nothing: 0 times infinity is no number.
        left_us -= rate * (each.end_us - each.start_us) if rate > 0.0 else 0.0
    return None, left_us
