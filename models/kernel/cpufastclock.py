"""The twin of ``cpuclock`` on compiled arrays: the same times, CPU seconds and means to 1e-9, some ten times as fast.

It needs the extra ``fast`` (numba), and knows neither cpusets nor quotas of several periods; ``cpuclocks`` chooses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.kernel import cpucompiled as compiled
from models.kernel.cputree import CpuTree

__all__ = ["FastCpuClock", "is_for"]

_DONE_US = 1e-3
_INF = math.inf


def is_for(tree: CpuTree) -> bool:
    """Whether a tree is one of those that are compiled."""
    return not tree.is_narrow and len({quota.period_us for quota in tree.quotas.values()}) <= 1


class FastCpuClock:
    """As :class:`~models.kernel.cpuclock.CpuClock`, whose words hold here too.

    Args:
        tree: The groups; their threads run from time 0 without an end.
    """

    __slots__ = ("_chosen", "_floats", "_found", "_ints", "_nodes", "_order", "_scalars", "tree")

    def __init__(self, tree: CpuTree) -> None:
        self.tree = tree
        count = len(tree.parents)
        self._ints = np.zeros((3, count), dtype=np.int64)
        self._ints[compiled.PARENT] = tree.parents
        self._ints[compiled.FIRST] = np.cumsum([0, *(len(children) for children in tree.children[:-1])])
        self._ints[compiled.COUNT] = [len(children) for children in tree.children]
        self._order = np.array([each for children in tree.children for each in children], dtype=np.int64)
        self._floats = np.zeros((compiled.FLOAT_ROWS, count))
        self._floats[compiled.WEIGHT] = tree.weights
        self._floats[compiled.WANTED] = tree.wanted
        self._floats[compiled.QUOTA] = _INF
        for node, quota in tree.quotas.items():
            self._floats[compiled.QUOTA, node] = quota.quota_us
        self._floats[compiled.LEFT] = self._floats[compiled.QUOTA]
        self._floats[compiled.WORK] = _INF
        period_us = min((float(quota.period_us) for quota in tree.quotas.values()), default=_INF)
        self._scalars = np.zeros(compiled.SCALARS)
        self._scalars[compiled.PERIOD] = period_us
        self._scalars[compiled.CORES] = tree.cores
        self._chosen: Sequence[int] = ()
        self._nodes = np.zeros(0, dtype=np.int64)
        self._found = np.zeros((2, 0))

    @property
    def _state(self) -> tuple[Any, Any, Any, Any]:
        return self._ints, self._order, self._floats, self._scalars

    @property
    def next_end_s(self) -> float:
        """When the next piece of work ends if nothing changes; ``inf`` for never."""
        return float(compiled.plan(*self._state)) / 1e6

    def restart(self, now_s: float, spent_core_s: Mapping[int, float]) -> None:
        """Forget what was, and begin at a time with no threads and no work."""
        floats = self._floats
        for row in (compiled.WANTED, compiled.USED, compiled.HELD, compiled.OUT):
            floats[row] = 0.0
        floats[compiled.WORK] = _INF
        floats[compiled.LEFT] = floats[compiled.QUOTA]
        for index, each_core_s in spent_core_s.items():
            node = self.tree.node_of[index]
            left_us = floats[compiled.QUOTA, node] - 1e6 * each_core_s
            floats[compiled.LEFT, node] = max(0.0, min(floats[compiled.LEFT, node], left_us))
        self._scalars[compiled.NOW], self._scalars[compiled.PLANNED] = 1e6 * now_s, 0.0

    def set_threads(self, now_s: float, index: int, threads: float) -> None:
        """Let a group run so many threads from now on, without an end but that of the work that it has left."""
        node = self.tree.node_of[index]
        wanted = min(threads, float(self.tree.width[node]))
        self._advance(1e6 * now_s)
        self._floats[compiled.WANTED, node] = wanted
        self._scalars[compiled.PLANNED] = 0.0

    def give_work(self, now_s: float, index: int, work_core_s: float, threads: float = 1.0) -> None:
        """Give a group a piece of work now, beside what it has left of others."""
        self.set_threads(now_s, index, threads)
        work, node = self._floats[compiled.WORK], self.tree.node_of[index]
        work[node] = (0.0 if work[node] == _INF else work[node]) + 1e6 * work_core_s

    def take_ended(self, now_s: float) -> list[int]:
        """Let time go on to now, and return the groups whose work has ended by now, lowest index first."""
        is_due = self._scalars[compiled.PLANNED] and 1e6 * now_s >= self._scalars[compiled.NEXT] * (
            1.0 - 1e-15
        )
        self._advance(1e6 * now_s)
        work = self._floats[compiled.WORK]
        finite = np.flatnonzero(work < _INF)
        if not len(finite):
            return []
        # The time was rounded on its way; that the first ends at it is not in doubt.
        most_us = max(_DONE_US, float(work[finite].min()) + 1e-9) if is_due else _DONE_US
        ended = [int(node) for node in finite if work[node] <= most_us]
        for node in ended:
            work[node] = _INF
            self._floats[compiled.WANTED, node] = 0.0
        if ended:
            self._scalars[compiled.PLANNED] = 0.0
        return [self.tree.chains[node][-1] for node in ended]

    def used_core_s(self, now_s: float) -> list[float]:
        """Return the CPU seconds that each group has used by now."""
        self._advance(1e6 * now_s)
        used = (self._floats[compiled.USED] / 1e6).tolist()
        return [used[node] for node in self.tree.node_of]

    def account(self, now_s: float, indices: Sequence[int]) -> list[tuple[float, float, float]]:
        """Return of some groups: CPU seconds used, seconds held by their quota, CPU seconds of work left, by now."""
        self._advance(1e6 * now_s)
        floats, node_of = self._floats, self.tree.node_of
        rows = (compiled.USED, compiled.HELD, compiled.WORK)
        if len(indices) <= 4:
            return [tuple(float(floats[row, node_of[index]]) / 1e6 for row in rows) for index in indices]  # type: ignore[misc]
        nodes = [node_of[index] for index in indices]
        used, held, left = ((floats[row][nodes] / 1e6).tolist() for row in rows)
        return list(zip(used, held, left, strict=True))

    def spent_core_s(self, now_s: float, index: int) -> float:
        """Return what a group has used of its quota in the present period, in CPU seconds; 0 without a quota."""
        self._advance(1e6 * now_s)
        node = self.tree.node_of[index]
        quota_us = float(self._floats[compiled.QUOTA, node])
        return (quota_us - float(self._floats[compiled.LEFT, node])) / 1e6 if quota_us < _INF else 0.0

    def means(self, indices: Sequence[int]) -> list[tuple[float, float]]:
        """Return of some groups what they get as things are: cores, and share of time that their quota holds."""
        if indices is not self._chosen:  # HOT: the same are asked for again and again
            self._chosen = indices
            self._nodes = np.array([self.tree.node_of[index] for index in indices], dtype=np.int64)
            self._found = np.zeros((2, len(indices)))
        found = self._found
        compiled.means(self._ints, self._order, self._floats, self._scalars, self._nodes, found)
        rates, held = found.tolist()
        return list(zip(rates, held, strict=True))

    def throttled(self, index: int) -> tuple[int, float]:
        """Return in how many periods a quota ran out and how many seconds that held its group, as of the last call."""
        node = self.tree.node_of[index]
        if index not in self.tree.holders.get(node, ()):
            return 0, 0.0
        return round(self._floats[compiled.OUT, node]), float(self._floats[compiled.HELD, node]) / 1e6

    def _advance(self, now_us: float) -> None:
        at_us = compiled.advance(self._ints, self._order, self._floats, self._scalars, now_us)
        assert now_us >= at_us - _DONE_US or now_us >= at_us * (1.0 - 1e-15), (
            f"a clock asked about {now_us / 1e6} s is at {at_us / 1e6} s already"
        )
