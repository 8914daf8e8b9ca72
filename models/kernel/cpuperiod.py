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
from dataclasses import dataclass
from typing import Final

from models.kernel.cpugroups import CpuGroup
from models.kernel.cpushare import CpuShare
from models.kernel.cputree import CpuTree

__all__ = ["CpuPeriods", "CpuUse", "resolve"]

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


class CpuPeriods:
    """Means over the periods of a tree's quotas.

    Args:
        share: Demands of the groups; caps are the periods' own while they are computed, and none before and after.
    """

    __slots__ = ("_held_us", "_left_us", "_limited", "_quotas", "_ran_out", "_refill_us", "_share", "_used_us",
                 "horizon_us")  # fmt: skip

    def __init__(self, share: CpuShare) -> None:
        self._share = share
        groups = share.tree.groups
        self._quotas = {index: group.quota for index, group in enumerate(groups) if group.quota is not None}
        # Index of each group with a quota and its node.
        self._limited = [(index, share.tree.node_of[index]) for index in self._quotas]
        periods = [quota.period_us for quota in self._quotas.values()]
        self.horizon_us = min(math.lcm(*periods), _LONGEST * max(periods)) if periods else 0

    def uses(self) -> tuple[CpuUse, ...]:
        """Return what each group gets, by its index."""
        rates = self._share.node_rates()
        if all(rates[node] <= self._quotas[index].cores for index, node in self._limited):
            return tuple(CpuUse(rates[node]) for node in self._share.tree.node_of)
        self._begin(len(rates))
        now_us = 0
        while now_us < self.horizon_us:
            refill_us = min(*self._refill_us.values(), self.horizon_us)
            self._until(float(now_us), float(refill_us))
            now_us = refill_us
            self._refill(now_us)
        for index in self._quotas:
            self._let_go(index)
        return tuple(map(self._use, range(len(self._share.tree.groups))))

    def _begin(self, count: int) -> None:
        self._used_us = [0.0] * count
        self._left_us = {index: float(quota.quota_us) for index, quota in self._quotas.items()}
        self._refill_us = {index: quota.period_us for index, quota in self._quotas.items()}
        self._held_us = dict.fromkeys(self._quotas, 0.0)
        self._ran_out = dict.fromkeys(self._quotas, 0)

    def _until(self, now_us: float, end_us: float) -> None:
        """Go on to the next time at which a quota is refilled."""
        left_us = self._left_us
        while now_us < end_us:
            rates, step_us = self._share.node_rates(), end_us - now_us
            for index, node in self._limited:
                if rates[node] * step_us > left_us[index]:
                    step_us = left_us[index] / rates[node]
            self._used_us = [used + rate * step_us for used, rate in zip(self._used_us, rates, strict=True)]
            now_us += step_us
            out = []
            for index, node in self._limited:
                if left_us[index] == 0.0:
                    self._held_us[index] += step_us
                    continue
                left_us[index] -= rates[node] * step_us
                if left_us[index] <= _USED_US:
                    left_us[index] = 0.0
                    out.append(index)
                    # One that runs out as it is refilled holds nobody.
                    self._ran_out[index] += self._refill_us[index] - now_us > _USED_US
            for index in out:
                self._share.set_cap(index, 0.0)

    def _refill(self, now_us: int) -> None:
        """Refill the quotas whose period begins."""
        for index, quota in self._quotas.items():
            if self._refill_us[index] == now_us:
                self._refill_us[index] += quota.period_us
                self._let_go(index)
                self._left_us[index] = float(quota.quota_us)

    def _let_go(self, index: int) -> None:
        if self._left_us[index] == 0.0:
            self._share.set_cap(index, math.inf)

    def _use(self, index: int) -> CpuUse:
        tree = self._share.tree
        cores = self._used_us[tree.node_of[index]] / self.horizon_us
        if index not in self._quotas:
            return CpuUse(cores)
        held_ratio = self._held_us[index] / self.horizon_us
        periods = self.horizon_us / self._quotas[index].period_us
        cpus = min(tree.cores, math.ceil(tree.wanted_within(tree.node_of[index])))
        return CpuUse(cores, self._ran_out[index] / periods, held_ratio, held_ratio * cpus)
