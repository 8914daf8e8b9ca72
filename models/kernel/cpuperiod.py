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
from typing import Final, NamedTuple

from models.kernel.cpugroups import CpuGroup
from models.kernel.cpushare import CpuShare
from models.kernel.cputree import CpuTree

__all__ = ["USED_US", "CpuPeriods", "CpuUse", "Segment", "resolve"]

_LONGEST: Final = 64
USED_US: Final = 1e-6
"""CPU microseconds of a quota that are none."""


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
        held: Nodes whose quota is used up.
        ran_out: Nodes whose quota runs out at its end, before it is refilled.
    """

    start_us: float
    end_us: float
    rates: Sequence[float]
    held: tuple[int, ...] = ()
    ran_out: tuple[int, ...] = ()


class CpuPeriods:
    """Rates over the periods of a tree's quotas, until these begin together again.

    Args:
        share: Demands of the groups; caps are the periods' own while they are computed, and none before and after.

    Attributes:
        horizon_us: After how long all periods begin together again; 64 of the longest where they hardly ever do, and
            they are refilled together then; infinite where there are no quotas.
        quotas: What each node that has a quota may use in a period, in CPU microseconds.
        periods: How long each of these is, in microseconds.
    """

    __slots__ = ("_share", "horizon_us", "periods", "quotas")

    def __init__(self, share: CpuShare) -> None:
        self._share = share
        quotas = share.tree.quotas
        self.quotas = {node: float(quota.quota_us) for node, quota in quotas.items()}
        self.periods = {node: quota.period_us for node, quota in quotas.items()}
        lengths = self.periods.values()
        self.horizon_us = float(min(math.lcm(*lengths), _LONGEST * max(lengths))) if lengths else math.inf

    def segments(self, from_us: float = 0.0, left_us: Mapping[int, float] | None = None) -> list[Segment]:
        """Return what happens up to the horizon.

        Args:
            from_us: Since all were refilled.
            left_us: What of each node's quota is left then; all of each where it is not given.
        """
        if not self.quotas or (left_us is None and self._is_free()):
            return [Segment(from_us, self.horizon_us, list(self._share.node_rates()))]
        left = dict(self.quotas if left_us is None else left_us)
        held = [node for node, each_us in left.items() if each_us <= USED_US]
        running = [node for node in left if node not in held] if held else list(left)
        saved = self._share.save()
        if held:
            self._share.hold(held)
        found: list[Segment] = []
        while from_us < self.horizon_us:
            refills = {
                node: (from_us // period_us + 1) * period_us for node, period_us in self.periods.items()
            }
            refill_us = min(*refills.values(), self.horizon_us)
            from_us = self._up_to(refill_us, from_us, left, running, held, found)
            if from_us >= self.horizon_us:
                break
            full = [node for node, at_us in refills.items() if at_us == refill_us]
            for node in full:
                left[node] = self.quotas[node]
            freed = [node for node in full if node in held]
            if freed:
                self._share.let_go(freed)
                running += freed
                held = [node for node in held if node not in freed]
        self._share.restore(saved)
        return found

    def _is_free(self) -> bool:
        """Whether nobody, at full speed, uses more than its quota."""
        rates = self._share.node_rates()
        return all(rates[node] * self.periods[node] <= most_us for node, most_us in self.quotas.items())

    def _up_to(
        self,
        refill_us: float,
        now_us: float,
        left: dict[int, float],
        running: list[int],
        held: list[int],
        found: list[Segment],
    ) -> float:
        """Go on to the next refill, from one moment at which quotas run out to the next."""
        share = self._share
        while now_us < refill_us:
            rates = list(share.node_rates())
            step_us = refill_us - now_us
            # HOT: once for each quota that runs out, over all that run.
            short = [node for node in running if rates[node] * step_us > left[node]]
            if short:
                step_us = min([left[node] / rates[node] for node in short])
                end_us = now_us + step_us
            else:
                end_us = refill_us
            out = []
            for node in running:
                rest_us = left[node] - rates[node] * step_us
                # One that runs out as quotas are refilled holds nobody, unless it is not its own that is.
                if rest_us <= USED_US and (end_us < refill_us or refill_us % self.periods[node]):
                    rest_us = 0.0
                    out.append(node)
                left[node] = rest_us
            found.append(Segment(now_us, end_us, rates, tuple(held), tuple(out)))
            now_us = end_us
            if out:
                share.hold(out)
                held += out
                for node in out:
                    running.remove(node)
        return now_us

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
            for node in each.held:
                held_us[node] += length_us
            for node in each.ran_out:
                ran_out[node] += 1
        found = [CpuUse(used_us[node] / self.horizon_us) for node in tree.node_of]
        for node, holders in tree.holders.items():
            held_ratio, periods = held_us[node] / self.horizon_us, self.horizon_us / self.periods[node]
            cpus = min(tree.cores, math.ceil(tree.wanted_within(node)))
            for index in holders:
                found[index] = CpuUse(
                    found[index].cores, ran_out[node] / periods, held_ratio, held_ratio * cpus
                )
        return tuple(found)
