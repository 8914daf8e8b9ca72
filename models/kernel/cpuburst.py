"""How long a piece of CPU work takes under a quota, alone on the machine: in closed form.

In each period the work runs until the quota is used and waits for the next. Units: seconds, and core-seconds of work.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from models.kernel.cpugroups import CpuQuota

__all__ = ["mean_wall_s", "wall_s"]

_PHASES: Final = 2_000
_ROUNDED: Final = 1e-9


def wall_s(
    work_core_s: float, quota: CpuQuota | None, *, cores: float = 1.0, refill_s: float = math.nan
) -> float:
    """Return from when work begins to when it ends, in seconds.

    Args:
        work_core_s: CPU seconds.
        quota: Full when the work begins; None for no quota.
        cores: What it runs on while it runs: 1 for one thread.
        refill_s: From when it begins to when the quota is refilled for the first time; a period where it is not given.

    Raises:
        ValueError: Negative work, no cores, or a refill that is not within a period.
    """
    if not (0.0 <= work_core_s < math.inf and cores > 0.0):
        raise ValueError(
            f"expected work of at least 0 core-seconds on more than 0 cores, not {work_core_s}, {cores}"
        )
    if quota is None:
        return work_core_s / cores
    period_s = quota.period_us / 1e6
    first_s = period_s if math.isnan(refill_s) else refill_s
    if not 0.0 < first_s <= period_s:
        raise ValueError(f"a quota is refilled within its period of {period_s:g} s, not in {refill_s} s")
    return float(_walls(np.array([first_s]), work_core_s, quota, cores)[0])


def mean_wall_s(work_core_s: float, quota: CpuQuota | None, *, cores: float = 1.0) -> float:
    """Return the mean of ``wall_s`` over when in the period of its quota the work begins.

    The kernel offsets the periods of each group by a random time (linux:kernel/sched/fair.c, init_cfs_bandwidth: "Add a
    random offset so that timers interleave"), so nothing that begins knows where in a period it is.
    """
    if quota is None:
        return wall_s(work_core_s, None, cores=cores)
    refills_s = (np.arange(_PHASES, dtype=np.float64) + 0.5) * (quota.period_us / 1e6 / _PHASES)
    return float(_walls(refills_s, work_core_s, quota, cores).mean())


def _walls(
    refills_s: npt.NDArray[np.float64], work_core_s: float, quota: CpuQuota, cores: float
) -> npt.NDArray[np.float64]:
    period_s, quota_core_s = quota.period_us / 1e6, quota.quota_us / 1e6
    before = np.minimum(quota_core_s, cores * refills_s)
    left = work_core_s - before
    # In a period no more can be done than the quota, nor than the cores can do; what uses it up ends there.
    a_period = min(quota_core_s, cores * period_s)
    periods = np.maximum(0.0, np.ceil(left / a_period - _ROUNDED) - 1.0)
    after = refills_s + periods * period_s + (left - periods * a_period) / cores
    return np.where(left <= 0.0, work_core_s / cores, after)
