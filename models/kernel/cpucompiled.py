"""The CPU's sharing and its periods over flat arrays, compiled by numba (extra ``fast``): what ``cpufastclock`` asks.

The same model as ``cpushare``, ``cpuperiod`` and ``cpuclock``, for trees without cpusets and with quotas of one period.
Rates are made from scratch for each moment at which a quota runs out. Nothing is kept between two changes but sums:
where time goes on within a period that piece is computed again. This is the only module that knows numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

__all__ = [
    "CORES", "COUNT", "FIRST", "FLOAT_ROWS", "HELD", "LEFT", "NEXT", "NOW", "OUT", "PARENT",
    "PERIOD", "PLANNED", "QUOTA", "SCALARS", "USED", "WANTED", "WEIGHT", "WORK", "advance", "means", "plan",
]  # fmt: skip

_Made = TypeVar("_Made", bound=Callable[..., object])


def _compiled(function: _Made) -> _Made:
    """Compile a function at its first call; what comes of it is kept on disk for later processes."""
    return cast("_Made", numba.njit(cache=True, error_model="numpy")(function))


Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Rows of the integers of each node: its parent, where its children begin in their list, how many they are.
PARENT: Final = 0
FIRST: Final = 1
COUNT: Final = 2

# Rows of the floats of each node.
WEIGHT: Final = 0
WANTED: Final = 1
QUOTA: Final = 2  # CPU microseconds in a period; inf for none
LEFT: Final = 3  # of the quota, now
WORK: Final = 4  # core-microseconds until its work is done; inf for never
USED: Final = 5  # core-microseconds so far
HELD: Final = 6  # microseconds so far that its quota held it
OUT: Final = 7  # periods so far in which its quota ran out
_USABLE: Final = 8
_SUM: Final = 9  # what its children can use
_RATE: Final = 10
_STOPPED: Final = 11
_REST: Final = 12  # three rows: used, held and run out in the rest of this period
_WHOLE: Final = 15  # the same of a whole period
_PIECE: Final = 18  # the same of the last piece that was walked through
_QUOTA_LEFT: Final = 21  # while a piece is walked through
_AIM: Final = 22  # core-microseconds until its end, while a piece is walked through
_END: Final = 23  # after how many microseconds of the piece that is reached
_PERIODS: Final = 24
_HEAVIER: Final = 25
FLOAT_ROWS: Final = 26

# Scalars of a kernel.
NOW: Final = 0
PERIOD: Final = 1
CORES: Final = 2
NEXT: Final = 3
PLANNED: Final = 4
SCALARS: Final = 5

_USED_UP: Final = 1e-6
_ROUNDED: Final = 1e-9
_FOR_EVER: Final = 1e12  # periods after which one more or less does not count


@_compiled
def _fill(floats: Floats, row: int, value: float) -> None:
    for node in range(floats.shape[1]):
        floats[row, node] = value


@_compiled
def _copy(floats: Floats, row: int, from_row: int) -> None:
    for node in range(floats.shape[1]):
        floats[row, node] = floats[from_row, node]


@_compiled
def _settle(ints: Ints, order: Ints, floats: Floats, cores: float) -> None:
    """Work out the rate of each node."""
    count = ints.shape[1]
    _fill(floats, _SUM, 0.0)
    for node in range(count - 1, -1, -1):
        can = floats[_SUM, node] if ints[COUNT, node] > 0 else floats[WANTED, node]
        if floats[_STOPPED, node] > 0.0:
            can = 0.0
        floats[_USABLE, node] = can
        if node > 0:
            floats[_SUM, ints[PARENT, node]] += can
    floats[_RATE, 0] = min(floats[_USABLE, 0], cores)
    for node in range(count):
        first, last = ints[FIRST, node], ints[FIRST, node] + ints[COUNT, node]
        if last == first:
            continue
        left = floats[_RATE, node]
        if floats[_SUM, node] <= left:
            for place in range(first, last):
                floats[_RATE, order[place]] = floats[_USABLE, order[place]]
        else:
            _divide(order, floats, first, last, left)


@_compiled
def _divide(order: Ints, floats: Floats, first: int, last: int, left: float) -> None:
    """Divide what a node gets among its children, which can use more; they stay in order for the next time."""
    for place in range(first + 1, last):
        node = order[place]
        part = floats[_USABLE, node] / floats[WEIGHT, node]
        to = place - 1
        while to >= first and floats[_USABLE, order[to]] / floats[WEIGHT, order[to]] > part:
            order[to + 1] = order[to]
            to -= 1
        order[to + 1] = node
    heavier = 0.0
    for place in range(last - 1, first - 1, -1):
        heavier += floats[WEIGHT, order[place]]
        floats[_HEAVIER, order[place]] = heavier
    level = -1.0
    for place in range(first, last):
        node = order[place]
        can = floats[_USABLE, node]
        if level < 0.0 and can * floats[_HEAVIER, node] > left * floats[WEIGHT, node]:
            level = left / floats[_HEAVIER, node]
        if level >= 0.0:
            floats[_RATE, node] = level * floats[WEIGHT, node]
        else:
            floats[_RATE, node] = can
            left -= can


@_compiled
def _walk(ints: Ints, order: Ints, floats: Floats, scalars: Floats, from_us: float, to_us: float) -> None:
    """Walk through a piece of a period, from what is left of the quotas; note what is used, and when aims are met."""
    count, period_us = ints.shape[1], scalars[PERIOD]
    for row in range(_PIECE, _PIECE + 3):
        _fill(floats, row, 0.0)
    _fill(floats, _END, np.inf)
    for node in range(count):
        is_used_up = floats[QUOTA, node] < np.inf and floats[_QUOTA_LEFT, node] <= _USED_UP
        floats[_STOPPED, node] = 1.0 if is_used_up else 0.0
    now_us = from_us
    while now_us < to_us:
        _settle(ints, order, floats, scalars[CORES])
        step_us, end_us = to_us - now_us, to_us
        for node in range(count):
            if floats[_STOPPED, node] == 0.0 and floats[_RATE, node] * step_us > floats[_QUOTA_LEFT, node]:
                step_us = floats[_QUOTA_LEFT, node] / floats[_RATE, node]
                end_us = now_us + step_us
        for node in range(count):
            used_us = floats[_RATE, node] * step_us
            aim_us = floats[_AIM, node]
            if aim_us < np.inf and floats[_END, node] == np.inf:
                if used_us > 0.0 and aim_us <= used_us + _ROUNDED:
                    floats[_END, node] = now_us - from_us + aim_us / floats[_RATE, node]
                floats[_AIM, node] = aim_us - used_us
            floats[_PIECE, node] += used_us
            if floats[_STOPPED, node] > 0.0:
                floats[_PIECE + 1, node] += step_us
            elif floats[QUOTA, node] < np.inf:
                left_us = floats[_QUOTA_LEFT, node] - used_us
                if left_us <= _USED_UP and end_us < period_us:
                    left_us = 0.0
                    floats[_STOPPED, node] = 1.0
                    floats[_PIECE + 2, node] += 1.0
                floats[_QUOTA_LEFT, node] = left_us
        now_us = end_us


@_compiled
def plan(ints: Ints, order: Ints, floats: Floats, scalars: Floats) -> float:
    """Look at the rest of this period and at a whole one; return when the next work ends, in microseconds."""
    if scalars[PLANNED] == 0.0:
        scalars[PLANNED] = 1.0
        if scalars[PERIOD] == np.inf:
            scalars[NEXT] = _plan_for_ever(ints, order, floats, scalars)
        else:
            scalars[NEXT] = _plan_periods(ints, order, floats, scalars)
    return float(scalars[NEXT])


@_compiled
def _plan_for_ever(ints: Ints, order: Ints, floats: Floats, scalars: Floats) -> float:
    """Return the next end where there are no quotas."""
    _fill(floats, _STOPPED, 0.0)
    _settle(ints, order, floats, scalars[CORES])
    next_us = np.inf
    for node in range(ints.shape[1]):
        if floats[WORK, node] < np.inf and floats[_RATE, node] > 0.0:
            next_us = min(next_us, scalars[NOW] + max(0.0, floats[WORK, node]) / floats[_RATE, node])
    return next_us


@_compiled
def _plan_periods(ints: Ints, order: Ints, floats: Floats, scalars: Floats) -> float:
    """Return the next end where there are quotas."""
    now_us, period_us = scalars[NOW], scalars[PERIOD]
    offset_us = now_us % period_us
    _copy(floats, _QUOTA_LEFT, QUOTA)
    _fill(floats, _AIM, np.inf)
    _walk(ints, order, floats, scalars, 0.0, period_us)
    for row in range(3):
        _copy(floats, _WHOLE + row, _PIECE + row)
    _copy(floats, _QUOTA_LEFT, LEFT)
    _copy(floats, _AIM, WORK)
    _walk(ints, order, floats, scalars, offset_us, period_us)
    for row in range(3):
        _copy(floats, _REST + row, _PIECE + row)
    next_us, rest_us, later = np.inf, period_us - offset_us, False
    for node in range(ints.shape[1]):
        aim_us = np.inf
        if floats[WORK, node] < np.inf:
            a_period_us = floats[_WHOLE, node]
            if floats[_END, node] < np.inf:
                next_us = min(next_us, now_us + floats[_END, node])
            elif a_period_us > 0.0:
                left_us = floats[WORK, node] - floats[_REST, node]
                ratio = left_us / a_period_us
                if ratio > _FOR_EVER:
                    next_us = min(next_us, now_us + rest_us + ratio * period_us)
                else:
                    floats[_PERIODS, node] = max(0.0, np.ceil(ratio - _ROUNDED) - 1.0)
                    aim_us = left_us - floats[_PERIODS, node] * a_period_us
                    later = True
        floats[_AIM, node] = aim_us
    if later and next_us > now_us + rest_us:
        next_us = min(next_us, now_us + rest_us + _later(ints, order, floats, scalars))
    return next_us


@_compiled
def _later(ints: Ints, order: Ints, floats: Floats, scalars: Floats) -> float:
    """Return how long after the end of this period the first aim is met, each in the period that is told of it."""
    period_us, found_us = scalars[PERIOD], np.inf
    _copy(floats, _QUOTA_LEFT, QUOTA)
    _walk(ints, order, floats, scalars, 0.0, period_us)
    for node in range(ints.shape[1]):
        if floats[_AIM, node] < np.inf:
            found_us = min(found_us, floats[_PERIODS, node] * period_us + min(floats[_END, node], period_us))
    return found_us


@_compiled
def _count_piece(floats: Floats, row: int, times: float) -> None:
    """Count a piece that was walked through, several times over."""
    for node in range(floats.shape[1]):
        floats[USED, node] += times * floats[row, node]
        floats[HELD, node] += times * floats[row + 1, node]
        floats[OUT, node] += times * floats[row + 2, node]
        floats[WORK, node] -= times * floats[row, node]


@_compiled
def advance(ints: Ints, order: Ints, floats: Floats, scalars: Floats, now_us: float) -> float:
    """Let time go on to now, and return what it is: the same, or later if that is past."""
    passed_us, period_us = now_us - scalars[NOW], scalars[PERIOD]
    if passed_us <= 0.0:
        return float(scalars[NOW])
    plan(ints, order, floats, scalars)
    if period_us == np.inf:
        for node in range(ints.shape[1]):
            used_us = floats[_RATE, node] * passed_us
            floats[USED, node] += used_us
            floats[WORK, node] -= used_us
        scalars[NOW] = now_us
        return now_us
    offset_us = scalars[NOW] % period_us
    _fill(floats, _AIM, np.inf)
    if passed_us < period_us - offset_us:
        _copy(floats, _QUOTA_LEFT, LEFT)
        _walk(ints, order, floats, scalars, offset_us, offset_us + passed_us)
    else:
        _count_piece(floats, _REST, 1.0)
        passed_us -= period_us - offset_us
        periods = np.floor(passed_us / period_us)
        if periods > 0.0:
            _count_piece(floats, _WHOLE, periods)
        _copy(floats, _QUOTA_LEFT, QUOTA)
        _walk(ints, order, floats, scalars, 0.0, passed_us - periods * period_us)
    _count_piece(floats, _PIECE, 1.0)
    for node in range(ints.shape[1]):
        floats[LEFT, node] = max(0.0, floats[_QUOTA_LEFT, node])
    scalars[NOW], scalars[PLANNED] = now_us, 0.0
    return now_us


@_compiled
def means(ints: Ints, order: Ints, floats: Floats, scalars: Floats, nodes: Ints, found: Floats) -> None:
    """Tell of some nodes the cores and the share of time held, if nothing changes, into two rows of a result."""
    plan(ints, order, floats, scalars)
    period_us = scalars[PERIOD]
    for place in range(len(nodes)):
        node = nodes[place]
        if period_us == np.inf:
            found[0, place], found[1, place] = floats[_RATE, node], 0.0
        else:
            found[0, place] = floats[_WHOLE, node] / period_us
            found[1, place] = floats[_WHOLE + 1, node] / period_us
