"""CPU quotas at the grain of their period, computed from one moment at which a quota runs out to the next.

A period begins with every quota full. Who has a quota is not held back by it until it is used: all run at their max-min
rates as if there were no quotas, until the first group has used its own. That group is throttled, with all in it, the
others share what it leaves, and so on to the end of the period (linux:Documentation/scheduler/sched-bwc.rst; FACTS
L9, L15). So means differ from a max-min with quotas as caps: who is throttled early ran early, beside others, and a
container of one thread cannot win back what it lost to them by running later at more than one core.

Claimed: exact for fluid rates, quotas that are refilled at the same moments where their periods are equal, and
demands that do not change. Not modelled: slices of 5 ms that CPUs take from the quota, of which up to 1 ms a CPU may
be used in a later period (FACTS L10, L11), and phases of periods that differ between groups.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from models.kernel.cpugroups import CpuGroup
from models.kernel.cpushare import CpuShare
from models.kernel.cputree import CpuTree

__all__ = ["CpuPeriods", "CpuUse", "Segment", "resolve"]

_LONGEST: Final = 64
_USED_US: Final = 1e-6


@dataclass(frozen=True, slots=True)
class CpuUse:
    """What a group gets in the mean, while demands do not change.

    Attributes:
        cores: CPU seconds a second.
        throttled_ratio: Of its own periods, those in which its quota ran out; 0 without a quota.
        throttled_ratio_s: Seconds a second for which its own quota holds it, of the wall.
        throttled_cpus_s: The same summed over the CPUs on which it has threads that could run, as the kernel counts it.
    """

    cores: float
    throttled_ratio: float = 0.0
    throttled_ratio_s: float = 0.0
    throttled_cpus_s: float = 0.0


def resolve(root: CpuGroup, cores: int) -> tuple[CpuUse, ...]:
    """Return what each group gets, parents before children as ``walk`` goes.

    Args:
        root: All that runs.
        cores: Of the machine, at least 1.

    Raises:
        ValueError: No core, or a cpuset that has none of its parent's CPUs or one that the machine has not.
    """
    periods = CpuPeriods(CpuShare(CpuTree(root, cores)))
    return periods.uses()


class Segment(NamedTuple):
    """A time in which rates hold.

    Attributes:
        start_us: From when, since the quotas were last refilled all at once.
        end_us: To when.
        rates: Cores of each node of the tree.
        held: Indices of the groups whose quota is used up.
        ran_out: Indices of those whose quota runs out at its end, before it is refilled.
        left_us: What is left of each quota at its beginning, by the index of the group.
    """

    start_us: float
    end_us: float
    rates: Sequence[float]
    held: tuple[int, ...] = ()
    ran_out: tuple[int, ...] = ()
    left_us: Mapping[int, float] = MappingProxyType({})


class CpuPeriods:
    """Rates over the periods of a tree's quotas, until these begin together again.

    Args:
        share: Demands of the groups; caps are the periods' own while they are computed, and none before and after.

    Attributes:
        horizon_us: After how long all periods begin together again; 64 of the longest where they hardly ever do, and
            they are refilled together then; infinite where there are no quotas.
        quotas: By the index of the group.
    """

    __slots__ = ("_limited", "_share", "horizon_us", "quotas")

    def __init__(self, share: CpuShare) -> None:
        self._share = share
        groups = share.tree.groups
        self.quotas = {index: group.quota for index, group in enumerate(groups) if group.quota is not None}
        self._limited = [(index, share.tree.node_of[index]) for index in self.quotas]
        periods = [quota.period_us for quota in self.quotas.values()]
        self.horizon_us = float(min(math.lcm(*periods), _LONGEST * max(periods))) if periods else math.inf

    def segments(self, from_us: float = 0.0, left_us: Mapping[int, float] | None = None) -> list[Segment]:
        """Return what happens up to the horizon.

        Args:
            from_us: Since all were refilled.
            left_us: What of each quota is left then, by the index of the group; all of it where it is not given.
        """
        if not self.quotas or (left_us is None and self._is_free()):
            return [Segment(from_us, self.horizon_us, tuple(self._share.node_rates()))]
        left = {index: float(quota.quota_us) for index, quota in self.quotas.items()} | dict(left_us or {})
        refills = {
            index: (from_us // quota.period_us + 1) * quota.period_us for index, quota in self.quotas.items()
        }
        held = [index for index, each_us in left.items() if each_us <= _USED_US]
        for index in held:
            self._share.set_cap(index, 0.0)
        running = [each for each in self._limited if each[0] not in held]
        found: list[Segment] = []
        while from_us < self.horizon_us:
            refill_us = min(*refills.values(), self.horizon_us)
            while from_us < refill_us:
                segment = self._next(from_us, refill_us, left, running, tuple(held))
                found.append(segment)
                from_us = segment.end_us
                for index in segment.ran_out:
                    self._share.set_cap(index, 0.0)
                    running.remove((index, self._share.tree.node_of[index]))
                    held.append(index)
            for index in [each for each, at_us in refills.items() if at_us == refill_us]:
                refills[index] += self.quotas[index].period_us
                left[index] = float(self.quotas[index].quota_us)
                if index in held:
                    self._share.set_cap(index, math.inf)
                    running.append((index, self._share.tree.node_of[index]))
                    held.remove(index)
        for index in held:
            self._share.set_cap(index, math.inf)
        return found

    def _is_free(self) -> bool:
        """Whether nobody, at full speed, uses more than its quota."""
        rates = self._share.node_rates()
        return all(rates[node] <= self.quotas[index].cores for index, node in self._limited)

    def _next(
        self,
        now_us: float,
        refill_us: float,
        left: dict[int, float],
        running: Sequence[tuple[int, int]],
        held: tuple[int, ...],
    ) -> Segment:
        """Go on to when a quota runs out, or to the next refill."""
        rates = tuple(self._share.node_rates())
        before = dict(left)
        end_us, step_us = refill_us, refill_us - now_us
        # HOT: once for each quota that runs out, over all that run.
        for index, node in running:
            if rates[node] * step_us > left[index]:
                step_us = left[index] / rates[node]
                end_us = now_us + step_us
        out = []
        for index, node in running:
            left[index] -= rates[node] * step_us
            # One that runs out as quotas are refilled holds nobody, unless it is not its own that is.
            if left[index] <= _USED_US and (end_us < refill_us or refill_us % self.quotas[index].period_us):
                left[index] = 0.0
                out.append(index)
        return Segment(now_us, end_us, rates, held, tuple(out), before)

    def uses(self) -> tuple[CpuUse, ...]:
        """Return what each group gets in the mean, by its index."""
        tree, segments = self._share.tree, self.segments()
        if len(segments) == 1:
            return tuple(CpuUse(segments[0].rates[node]) for node in tree.node_of)
        used_us = [0.0] * len(tree.parents)
        held_us, ran_out = dict.fromkeys(self.quotas, 0.0), dict.fromkeys(self.quotas, 0)
        for each in segments:
            length_us = each.end_us - each.start_us
            used_us = [used + rate * length_us for used, rate in zip(used_us, each.rates, strict=True)]
            for index in each.held:
                held_us[index] += length_us
            for index in each.ran_out:
                ran_out[index] += 1
        found = [CpuUse(used_us[node] / self.horizon_us) for node in tree.node_of]
        for index, quota in self.quotas.items():
            held_ratio, periods = held_us[index] / self.horizon_us, self.horizon_us / quota.period_us
            cpus = min(tree.cores, math.ceil(tree.wanted_within(tree.node_of[index])))
            found[index] = CpuUse(found[index].cores, ran_out[index] / periods, held_ratio, held_ratio * cpus)
        return tuple(found)
