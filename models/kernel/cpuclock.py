"""CPU work on one kernel as time goes by: who is done when, without a tick.

Between two changes of demand the rates repeat with the periods of the quotas: what happens up to the end of the present
period and in one whole period from full quotas tells all that follows. So a change costs one look at those two, and the
next end of a piece of work is computed over any number of periods at once.

It knows no engine: times are told, in seconds, and must not go back. Quotas are refilled at whole periods since time 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.kernel.cpugroups import CpuGroup
from models.kernel.cpuperiod import CpuPeriods, Segment
from models.kernel.cpushare import CpuShare
from models.kernel.cputree import CpuTree

__all__ = ["CpuClock"]

_DONE_US = 1e-3


class CpuClock:
    """What runs on one kernel. Groups are told by index, in the order of the tree's ``walk``.

    Args:
        root: The groups; their threads run from time 0 without an end.
        cores: Of the machine.

    Attributes:
        next_end_s: When the next piece of work ends if nothing changes; ``inf`` for never.
    """

    def __init__(self, root: CpuGroup, cores: int) -> None:
        self._share = CpuShare(CpuTree(root, cores))
        self._periods = CpuPeriods(self._share)
        self._node_of = self._share.tree.node_of
        self._now_us = 0.0
        self._used_us = [0.0] * len(self._share.tree.parents)
        self._left_us: dict[int, float] = {}  # core-microseconds of work that ends, by group
        self._quota_us = {index: float(quota.quota_us) for index, quota in self._periods.quotas.items()}
        self._throttled = dict.fromkeys(self._periods.quotas, 0)
        self._held_us = dict.fromkeys(self._periods.quotas, 0.0)
        self.next_end_s = math.inf
        self._plan()

    def set_threads(self, now_s: float, index: int, threads: float) -> None:
        """Let a group run so many threads without an end from now on; 0 for none.

        Args:
            now_s: When.
            index: Of a group without children.
            threads: As in ``CpuGroup``.
        """
        self._advance(now_s)
        self._left_us.pop(index, None)
        self._share.set_wanted(index, threads)
        self._plan()

    def give_work(self, now_s: float, index: int, work_core_s: float, threads: float = 1.0) -> None:
        """Give a group a piece of work now, beside what it has left of others.

        Args:
            now_s: When.
            index: Of a group without children.
            work_core_s: CPU seconds.
            threads: On how many threads all it has left runs.
        """
        self._advance(now_s)
        self._left_us[index] = self._left_us.get(index, 0.0) + 1e6 * work_core_s
        self._share.set_wanted(index, threads)
        self._plan()

    def take_ended(self, now_s: float) -> list[int]:
        """Let time go on to now, and return the groups whose work has ended by now, lowest index first."""
        self._advance(now_s)
        ended = sorted(index for index, left_us in self._left_us.items() if left_us <= _DONE_US)
        for index in ended:
            del self._left_us[index]
            self._share.set_wanted(index, 0.0)
        self._plan()
        return ended

    def used_core_s(self, now_s: float) -> list[float]:
        """Return the CPU seconds that each group has used by now."""
        self._advance(now_s)
        self._plan()
        return [self._used_us[node] / 1e6 for node in self._node_of]

    def throttled(self, index: int) -> tuple[int, float]:
        """Return in how many periods a quota ran out and how many seconds that held its group, as of the last call."""
        return self._throttled[index], self._held_us[index] / 1e6

    def _plan(self) -> None:
        """Look at the rest of this period and at a whole one, and find the next end."""
        horizon_us = self._periods.horizon_us
        self._from_us = self._now_us
        offset_us = math.fmod(self._now_us, horizon_us) if horizon_us < math.inf else 0.0
        self._rest = self._periods.segments(offset_us, self._quota_us)
        self._rest_us = horizon_us - offset_us
        self._whole = self._rest if horizon_us == math.inf else self._periods.segments()
        ends = (self._end_us(self._node_of[index], left_us) for index, left_us in self._left_us.items())
        self.next_end_s = min(ends, default=math.inf) / 1e6

    def _end_us(self, node: int, left_us: float) -> float:
        """When a node has used so much from the plan's beginning on."""
        found, left_us = _reached(self._rest, node, left_us)
        if found is not None:
            return self._from_us + found
        a_period_us = _total(self._whole, node)
        if a_period_us <= 0.0:
            return math.inf
        periods = max(0, math.ceil(left_us / a_period_us - 1e-9) - 1)
        found, left_us = _reached(self._whole, node, left_us - periods * a_period_us)
        last_us = self._periods.horizon_us if found is None else found
        return self._from_us + self._rest_us + periods * self._periods.horizon_us + last_us

    def _advance(self, now_s: float) -> None:
        """Let time go on to now along the plan."""
        now_us = 1e6 * now_s
        assert now_us >= self._now_us - _DONE_US, (
            f"a clock asked about {now_s} s is at {self._now_us / 1e6} s already"
        )
        passed_us = now_us - self._from_us
        if now_us <= self._now_us:
            return
        horizon_us = self._periods.horizon_us
        if passed_us < self._rest_us:
            self._spend(self._rest, passed_us, 1)
        else:
            self._spend(self._rest, self._rest_us, 1)
            periods, last_us = divmod(passed_us - self._rest_us, horizon_us)
            if periods:
                self._spend(self._whole, horizon_us, int(periods))
            self._spend(self._whole, last_us, 1)
        self._now_us = self._from_us = now_us

    def _spend(self, segments: Sequence[Segment], length_us: float, times: int) -> None:
        """Count what is used in the first so many microseconds of some segments, several times over."""
        start_us = segments[0].start_us
        for each in segments:
            step_us = min(each.end_us, start_us + length_us) - each.start_us
            if step_us <= 0.0:
                break
            last, last_us = each, step_us
            self._count(each, step_us, times)
        if length_us > 0.0:
            self._look_at_quotas(last, last_us)
        else:
            self._quota_us = {index: float(quota.quota_us) for index, quota in self._periods.quotas.items()}

    def _count(self, segment: Segment, step_us: float, times: int) -> None:
        total_us = times * step_us
        self._used_us = [
            used + rate * total_us for used, rate in zip(self._used_us, segment.rates, strict=True)
        ]
        for index in self._left_us:
            self._left_us[index] -= segment.rates[self._node_of[index]] * total_us
        for index in segment.held:
            self._held_us[index] += total_us
        if step_us >= segment.end_us - segment.start_us:
            for index in segment.ran_out:
                self._throttled[index] += times

    def _look_at_quotas(self, segment: Segment, step_us: float) -> None:
        """Note what is left of each quota some microseconds into a segment."""
        at_us = segment.start_us + step_us
        for index, quota in self._periods.quotas.items():
            left_us, since_us = float(quota.quota_us), at_us % quota.period_us
            if since_us >= step_us:
                # Not refilled since the segment began.
                left_us, since_us = segment.left_us.get(index, left_us), step_us
            self._quota_us[index] = max(0.0, left_us - segment.rates[self._node_of[index]] * since_us)


def _total(segments: Sequence[Segment], node: int) -> float:
    return math.fsum((each.end_us - each.start_us) * each.rates[node] for each in segments)


def _reached(segments: Sequence[Segment], node: int, left_us: float) -> tuple[float | None, float]:
    """Return after how long a node has used so much, None if it has not by the end, and what is left then."""
    for each in segments:
        rate = each.rates[node]
        if rate > 0.0 and left_us <= rate * (each.end_us - each.start_us) + 1e-9:
            return each.start_us - segments[0].start_us + left_us / rate, 0.0
        # An end that never comes counts nothing: 0 times infinity is no number.
        left_us -= rate * (each.end_us - each.start_us) if rate > 0.0 else 0.0
    return None, left_us
