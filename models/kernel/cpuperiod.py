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
from models.kernel.cpushare import FlatGroups

__all__ = ["CpuUse", "resolve", "resolve_flat"]

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
    """
    return resolve_flat(FlatGroups(root, cores))


def resolve_flat(flat: FlatGroups) -> tuple[CpuUse, ...]:
    """Return what each group gets, of a tree that is flat already."""
    free = [math.inf] * len(flat.groups)
    limited = {index: group.quota for index, group in enumerate(flat.groups) if group.quota}
    rates = flat.share(flat.wanted, free)
    if all(rates[index] <= quota.cores for index, quota in limited.items()):
        return tuple(CpuUse(rate) for rate in rates)
    return _Periods(flat, rates).run()


class _Periods:
    """All periods until they begin together again, or 64 of the longest where they hardly ever do."""

    def __init__(self, flat: FlatGroups, rates: list[float]) -> None:
        self.flat = flat
        self.caps = [math.inf] * len(flat.groups)
        self.quotas = {index: group.quota for index, group in enumerate(flat.groups) if group.quota}
        self.left_us = {index: float(quota.quota_us) for index, quota in self.quotas.items()}
        self.free = rates
        self.used_us = [0.0] * len(rates)
        self.held_us = dict.fromkeys(self.quotas, 0.0)
        self.ran_out = dict.fromkeys(self.quotas, 0)
        self.refill_us = {index: quota.period_us for index, quota in self.quotas.items()}
        periods = [quota.period_us for quota in self.quotas.values()]
        self.horizon_us = min(math.lcm(*periods), _LONGEST * max(periods))

    def run(self) -> tuple[CpuUse, ...]:
        """Go through them."""
        now_us, rates = 0, self.free
        while now_us < self.horizon_us:
            refill_us = min(*self.refill_us.values(), self.horizon_us)
            rates = self._until(float(now_us), float(refill_us), rates)
            now_us = refill_us
            rates = self._refilled(now_us, rates)
        return tuple(map(self._use, range(len(self.used_us))))

    def _until(self, now_us: float, end_us: float, rates: list[float]) -> list[float]:
        """Go on to the next time at which a quota is refilled; return the rates that hold then."""
        while True:
            step_us = end_us - now_us
            for index, left_us in self.left_us.items():
                if rates[index] * step_us > left_us:
                    step_us = left_us / rates[index]
            self.used_us = [used + rate * step_us for used, rate in zip(self.used_us, rates, strict=True)]
            out = False
            for index in self.left_us:
                if self.caps[index] == 0.0:
                    self.held_us[index] += step_us
                    continue
                self.left_us[index] -= rates[index] * step_us
                if self.left_us[index] <= _USED_US and rates[index] > 0.0:
                    self.left_us[index], self.caps[index], out = 0.0, 0.0, True
                    # One that runs out as it is refilled holds nobody.
                    self.ran_out[index] += self.refill_us[index] - now_us - step_us > _USED_US
            now_us += step_us
            if not out or now_us >= end_us:
                return rates
            rates = self.flat.share(self.flat.wanted, self.caps)

    def _refilled(self, now_us: int, rates: list[float]) -> list[float]:
        """Refill the quotas whose period begins; return the rates that hold from now on."""
        changed = False
        for index, quota in self.quotas.items():
            if self.refill_us[index] == now_us:
                self.refill_us[index] += quota.period_us
                self.left_us[index] = float(quota.quota_us)
                changed = changed or self.caps[index] == 0.0
                self.caps[index] = math.inf
        return self.flat.share(self.flat.wanted, self.caps) if changed else rates

    def _use(self, index: int) -> CpuUse:
        cores = self.used_us[index] / self.horizon_us
        if index not in self.quotas:
            return CpuUse(cores)
        held_ratio = self.held_us[index] / self.horizon_us
        periods = self.horizon_us / self.quotas[index].period_us
        cpus = min(self.flat.cores, math.ceil(self.flat.wanted_within(index)))
        return CpuUse(cores, self.ran_out[index] / periods, held_ratio, held_ratio * cpus)
