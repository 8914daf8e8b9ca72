"""Classes whose scores are linear, kept together: what one minion's change means for all of them is computed once.

Classes interleave, so a class by itself would catch up with every change again. A block of them has one cursor.
A few changed minions are done one by one: which classes fit is a bitmask, looked up by where each free amount
stands among the needs; many are done by columns. Both give the same bits, as the sums go in the same order.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.api.linear import LinearScore
from models.cluster.changes import ChangeLog
from models.cluster.classrows import first_best

__all__ = ["BLOCK_CLASSES", "LinearBlock", "LinearRow"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BLOCK_CLASSES = 64
"""Classes in a block: as many as there are bits in the words that say where they may run."""
_SINGLY = 8
_add = np.add
_CACHED_MASKS = 4096


class LinearRow:
    """One class of a block.

    Attributes:
        scores: float64 (N,), -inf where the class does not fit; as of the block's last ``catch_up``.
    """

    __slots__ = ("_argmax", "_item", "_names", "catch_up", "scores")

    def __init__(self, block: LinearBlock, place: int) -> None:
        self.scores = block.scores[place]
        self.catch_up = block.catch_up
        self._names = block.names
        self._argmax, self._item = self.scores.argmax, self.scores.item

    def best(self) -> int:
        """Return the first minion of the highest score, or -1 if the class fits nowhere. HOT."""
        if not self._names:
            return -1
        index = int(self._argmax())
        # What is finite when it is added can only overflow: whatever is not plain is looked at with care.
        return index if -math.inf < self._item(index) < math.inf else first_best(self.scores, self._names)


class LinearBlock:
    """Up to 64 classes.

    Args:
        fit: What is free, as :class:`models.cluster.belief.Belief` has it: int64 (N, C).
        fit_rows: Its rows as views, by index.
        log: Which minions changed.
        names: Of the minions, for errors.
        resources: How many of the columns are resources, which come first.
        truncated: Whether the scores of this block's classes are whole numbers.

    Attributes:
        scores: float64 (64, N).
        count: Classes so far.
    """

    def __init__(
        self,
        fit: Ints,
        fit_rows: Sequence[Ints],
        log: ChangeLog,
        names: Sequence[str],
        resources: int,
        *,
        truncated: bool,
    ) -> None:
        self._fit = fit
        self._rows = fit_rows
        self._log = log
        self._cursor = log.cursor
        self.names = names
        self.truncated = truncated
        self.count = 0
        self.scores = np.empty((BLOCK_CLASSES, len(fit)))
        self._needs = np.zeros((BLOCK_CLASSES, fit.shape[1]), dtype=np.int64)
        self._constants = np.zeros((BLOCK_CLASSES, 1))
        self._weights = np.zeros((BLOCK_CLASSES, resources))
        self._barred = np.zeros(len(fit), dtype=np.uint64)
        self._has_barred = False
        self._tables_of = 0

    @property
    def full(self) -> bool:
        """Whether no class can be added."""
        return self.count == BLOCK_CLASSES

    def add(self, need: Ints, score: LinearScore, eligible: NDArray[np.bool_]) -> LinearRow:
        """Add a class that needs so much, and is scored so where it may run."""
        assert score.truncated == self.truncated, "a block's classes are all truncated or none is"
        self.catch_up()
        place = self.count
        self.count = place + 1
        self._needs[place] = need
        self._constants[place] = score.constant
        self._weights[place] = score.weights
        if not eligible.all():
            self._barred[~eligible] |= np.uint64(1 << place)
            self._has_barred = True
        self._by_columns(slice(place, place + 1), np.arange(len(self._fit)))
        return LinearRow(self, place)

    def catch_up(self) -> None:
        """Score again what changed since the last call, for all classes."""
        log = self._log
        start, entries = self._cursor - log.forgotten, log.entries
        self._cursor = log.forgotten + len(entries)
        if start < 0 or len(entries) - start > len(self._fit):
            self._by_columns(slice(0, self.count), np.arange(len(self._fit)))
            return
        changed = entries[start:]
        if len(changed) > _SINGLY:
            self._by_columns(slice(0, self.count), np.array(changed))
        elif changed:
            if self._tables_of != self.count:
                self._make_tables()
            if len(changed) > 1:
                changed = list(dict.fromkeys(changed))
            for index in changed:
                self._singly(index)

    def _by_columns(self, classes: slice, rows: Ints) -> None:
        """Score some classes on some minions, column by column."""
        free = np.ascontiguousarray(self._fit.take(rows, axis=0).T)
        weights, needs = self._weights[classes], self._needs[classes]
        scores = np.zeros((len(weights), rows.size))
        for column in np.flatnonzero(weights.any(axis=0)).tolist():
            scores += free[column] * weights[:, column, None]
        scores += self._constants[classes]
        if self.truncated:
            np.trunc(scores, out=scores)
        for column in np.flatnonzero(needs.any(axis=0)).tolist():
            scores[free[column] < needs[:, column, None]] = -np.inf
        if self._has_barred:
            bits = np.arange(classes.start, classes.stop, dtype=np.uint64)[:, None]
            scores[(self._barred[rows] >> bits & np.uint64(1)).astype(bool)] = -np.inf
        self.scores[classes, rows] = scores

    def _make_tables(self) -> None:
        """Prepare what ``_singly`` looks up."""
        count = self._tables_of = self.count
        needs, weights = self._needs[:count], self._weights[:count]
        self._fitting: list[tuple[int, int, list[int], list[int]]] = []
        for column in np.flatnonzero(needs.any(axis=0)).tolist():
            asked: list[int] = needs[:, column].tolist()
            steps = sorted(dict.fromkeys(asked))
            # By how many of the steps are reached: the classes that have enough.
            masks = [sum(1 << k for k in range(count) if asked[k] <= step) for step in (-1, *steps)]
            self._fitting.append((column, steps[-1], steps, masks))
        columns: list[int] = np.flatnonzero(weights.any(axis=0)).tolist()
        alike = bool((weights == weights[0]).all())
        self._shared = [(column, float(weights[0, column])) for column in columns] if alike else None
        self._apart = [(column, np.ascontiguousarray(weights[:, column])) for column in columns]
        self._by_mask: dict[int, Floats] = {}
        self._sums, self._term = np.empty(count), np.empty(count)
        self._columns = list(self.scores[:count].T)

    def _singly(self, index: int) -> None:
        """Score all classes on one minion. HOT: two ufuncs of numpy where the weights are alike."""
        free = self._rows[index].tolist()
        mask = -1
        for column, most, steps, masks in self._fitting:
            if free[column] < most:
                mask &= masks[bisect_right(steps, free[column])]
        if self._has_barred:
            mask &= ~self._barred.item(index)
        constants = self._by_mask.get(mask)
        if constants is None:
            constants = self._constants_of(mask)
        if self._shared is not None:
            total = 0.0
            for column, weight in self._shared:
                total += free[column] * weight
            sums = _add(constants, total, self._columns[index])
        else:
            sums = self._sums
            sums[:] = 0.0
            for column, weights in self._apart:
                sums += np.multiply(weights, free[column], self._term)
            sums += constants
            self._columns[index][:] = sums
        if self.truncated:
            np.trunc(sums, self._columns[index])

    def _constants_of(self, mask: int) -> Floats:
        """Return the constants with -inf for the classes that are not in a mask: float64 (count,)."""
        if len(self._by_mask) >= _CACHED_MASKS:
            self._by_mask.clear()
        fits = np.array([mask >> k & 1 for k in range(self.count)], dtype=bool)
        found = self._by_mask[mask] = np.where(fits, self._constants[: self.count, 0], -np.inf)
        return found
