"""What threads get that nobody else is in the way of but their own quota: in closed form, however many periods pass.

In each period they run until the quota is used and stand still for the rest of it. Units: microseconds of time, and
core-microseconds of CPU; periods begin at whole multiples of themselves since time 0.
"""

from __future__ import annotations

import math

from models.kernel.cpugroups import CpuQuota

__all__ = ["end_alone_us", "use_alone"]

_ROUNDED = 1e-9
_FOR_EVER = 1e12
"""Periods after which one more or less does not count."""


def use_alone(
    cores: float, quota: CpuQuota, spent_us: float, from_us: float, to_us: float
) -> tuple[float, float, float]:
    """Return what is used of the CPU, for how long the quota holds, and what of the quota is spent at the end.

    Args:
        cores: That the threads use while they run.
        quota: Of all of them.
        spent_us: Of the quota, in the period that goes on at the beginning.
        from_us: The beginning.
        to_us: The end.
    """
    period_us, passed_us = quota.period_us, to_us - from_us
    rest_us = period_us - from_us % period_us
    if passed_us < rest_us:
        used_us, held_us = _piece(cores, quota.quota_us - spent_us, passed_us)
        return used_us, held_us, spent_us + used_us
    first_us, held_us = _piece(cores, quota.quota_us - spent_us, rest_us)
    periods, last_us = divmod(passed_us - rest_us, period_us)
    whole_us, whole_held_us = _piece(cores, quota.quota_us, period_us)
    used_us, last_held_us = _piece(cores, quota.quota_us, last_us)
    return first_us + periods * whole_us + used_us, held_us + periods * whole_held_us + last_held_us, used_us


def end_alone_us(cores: float, quota: CpuQuota, spent_us: float, from_us: float, work_us: float) -> float:
    """Return when so much CPU is used, as things are; the other words as in :func:`use_alone`."""
    rest_us = quota.period_us - from_us % quota.period_us
    before_us = min(max(0.0, quota.quota_us - spent_us), cores * rest_us)
    if work_us <= before_us:
        return from_us + work_us / cores
    a_period_us = min(float(quota.quota_us), cores * quota.period_us)
    ratio = (work_us - before_us) / a_period_us
    if ratio > _FOR_EVER:
        return from_us + rest_us + ratio * quota.period_us
    periods = max(0, math.ceil(ratio - _ROUNDED) - 1)
    last_us = (work_us - before_us - periods * a_period_us) / cores
    return from_us + rest_us + periods * quota.period_us + last_us


def _piece(cores: float, left_us: float, length_us: float) -> tuple[float, float]:
    """Return what is used and for how long it is held, within one period, with so much quota left."""
    most_us = cores * length_us
    if most_us <= left_us:
        return most_us, 0.0
    used_us = max(0.0, left_us)
    return used_us, length_us - used_us / cores
