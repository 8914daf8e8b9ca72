"""What is free on each minion, and the sums over all that the series show, from a log of moves.

Nobody asks for these sums while the run goes on, so a move is only noted: the columns are worked out for many moves at
a time, when a chunk of series is written or an invariant asks. A minion that is down counts with nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import le

import numpy as np
from numpy.typing import NDArray

from models.api.types import PodTemplate, ResourceTable
from sim.engine import Engine
from sim.series import SeriesBook

__all__ = ["Ledger", "minimal"]

Ints = NDArray[np.int64]
_DOWN, _UP = -1, -2
_ENOUGH = 8192
"""Moves that are worked out at a time."""


class Ledger:
    """Moves of pods and minions, and what they come to.

    Args:
        allocatable: Of every minion, one int per resource column.
        up: Which are up at the start.
        templates: The run's templates by index; may grow while the run goes on.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        series: SeriesBook,
        resources: ResourceTable,
        allocatable: Sequence[Sequence[int]],
        up: Sequence[bool],
        templates: Sequence[PodTemplate],
    ) -> None:
        words = resources.names
        self._env = engine.env
        self._width = len(words)
        self._requested = series.gauges([f"requested_{word}" for word in words])
        self._allocated = series.gauges([f"allocatable_{word}" for word in words])
        self._stranded = series.gauges([f"stranded_{word}" for word in words])
        self._ready = series.gauges(["minions_ready"])
        series.before_spill(self.work_out)
        self._templates = templates
        self._seen = 0
        self._smallest: list[tuple[int, ...]] = []
        self._moves: list[tuple[float, int, int]] = []
        self._allocatable = np.array(allocatable, dtype=np.int64).reshape(len(allocatable), self._width)
        # A column more: whether the minion is up.
        self._state = np.hstack([self._allocatable, np.zeros((len(allocatable), 1), dtype=np.int64)])
        self._is_stranded = np.zeros_like(self._allocatable)
        for index in np.flatnonzero(up).tolist():
            self.rises(index)
        self._grow()

    def comes(self, minion: int, template: PodTemplate) -> None:
        """Note that a pod takes its room on a minion. HOT."""
        if len(self._templates) != self._seen:
            self._grow()
        self._moves.append((self._env._now, minion, 2 * template.index))
        if len(self._moves) >= _ENOUGH:
            self.work_out()

    def goes(self, minion: int, template: PodTemplate) -> None:
        """Note that a pod gives its room back. HOT."""
        self._moves.append((self._env._now, minion, 2 * template.index + 1))

    def rises(self, minion: int) -> None:
        """Note that a minion is up from now on."""
        self._moves.append((self._env._now, minion, _UP))

    def falls(self, minion: int) -> None:
        """Note that a minion is down from now on."""
        self._moves.append((self._env._now, minion, _DOWN))

    def free(self) -> Ints:
        """Return what is free now on each minion, up or down: int64 (N, R)."""
        self.work_out()
        return self._state[:, :-1]

    def _grow(self) -> None:
        """Ask from now on whether the new templates fit too."""
        news = [template.need for template in self._templates[self._seen :]]
        self._seen = len(self._templates)
        smallest = minimal([*self._smallest, *news])
        if smallest != self._smallest:
            self.work_out()
            self._smallest = smallest
            count = len(self._allocatable)
            self._account(np.full(count, self._env._now), np.arange(count), self._state)

    def work_out(self) -> None:
        """Bring the columns and the series up to the last move."""
        if not self._moves:
            return
        moves = np.array(self._moves, dtype=[("time_s", "<f8"), ("minion", "<i8"), ("what", "<i8")])
        self._moves.clear()
        # Of each minion's moves one after the other, the running sums.
        order = np.argsort(moves["minion"], kind="stable")
        minions, what = moves["minion"][order], moves["what"][order]
        sums = np.cumsum(self._differences(what), axis=0)
        firsts = np.flatnonzero(np.append(True, minions[1:] != minions[:-1]))
        lengths = np.diff(np.append(firsts, len(minions)))
        start = self._state[minions[firsts]]
        start[1:] -= sums[firsts[1:] - 1]
        self._account(moves["time_s"][order], minions, sums + np.repeat(start, lengths, axis=0))

    def _differences(self, what: Ints) -> Ints:
        """Return what moves change of the state: int64 (k, R + 1)."""
        numbers, places = np.unique(what, return_inverse=True)
        table = np.zeros((len(numbers), self._width + 1), dtype=np.int64)
        for row, number in zip(table, numbers.tolist(), strict=True):
            if number < 0:
                row[-1] = 1 if number == _UP else -1
            else:
                need = np.array(self._templates[number // 2].need, dtype=np.int64)
                row[:-1] = need if number % 2 else -need
        return table[places]

    def _account(self, times: NDArray[np.float64], minions: Ints, after: Ints) -> None:
        """Enter states of minions, those of one minion together and in order, and tell the series what they change."""
        firsts = np.append(True, minions[1:] != minions[:-1])
        before = np.vstack((after[:1], after[:-1]))
        before[firsts] = self._state[minions[firsts]]
        stranded = self._stranded_of(after)
        stranded_before = np.vstack((stranded[:1], stranded[:-1]))
        stranded_before[firsts] = self._is_stranded[minions[firsts]]
        allocatable = self._allocatable[minions]
        up, up_before = after[:, -1:], before[:, -1:]
        by_time = np.argsort(times, kind="stable")
        times = times[by_time]
        requested = (allocatable - after[:, :-1]) * up - (allocatable - before[:, :-1]) * up_before
        self._requested.add_many(times, requested[by_time])
        self._allocated.add_many(times, (allocatable * (up - up_before))[by_time])
        self._stranded.add_many(times, (stranded - stranded_before)[by_time])
        self._ready.add_many(times, (up - up_before)[by_time])
        lasts = np.append(firsts[1:], True)
        self._state[minions[lasts]] = after[lasts]
        self._is_stranded[minions[lasts]] = stranded[lasts]

    def _stranded_of(self, states: Ints) -> Ints:
        """Return what is free where no template fits. Simplified: GPU devices count as a total."""
        free = states[:, :-1]
        unfit = states[:, -1] == 1 if self._smallest else np.zeros(len(states), dtype=bool)
        for need in self._smallest:
            where = np.flatnonzero(unfit)
            unfit[where] = (free[where] < need).any(axis=1)
        return np.where(unfit[:, None], free, 0)


def minimal(needs: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Keep the needs that no other is below in every resource, in order."""
    kept: list[tuple[int, ...]] = []
    for need in sorted(set(needs)):
        if not any(all(map(le, other, need)) for other in kept):
            kept.append(need)
    return kept
