"""What resources make of pod classes, kept for many classes and caught up with the minions that changed.

Classes interleave, and one by one each would catch up with every change again. A block of them has one cursor. A
minion that changed is scored for all classes of the block at once: by the plug-ins' own functions where many changed,
and where few did and the plug-ins are the default ones, by the same arithmetic in as few steps of numpy as can be.
Both give the same numbers (tests/property/test_kubernetes_scores.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.api.schedulingview import NONZERO_CPU, NONZERO_MEMORY, PRESENT, PodClass, SchedulingView
from models.policies.kubernetes.plugin import MAX_SCORE
from models.policies.kubernetes.resource_scores import BalancedAllocation, LeastAllocated, column_of
from models.policies.kubernetes.resources_fit import measured

__all__ = ["BLOCK_CLASSES", "NOWHERE", "ResourceBlock", "ResourceScore"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BLOCK_CLASSES: Final = 64
NOWHERE: Final = -1
"""The score where a class does not fit."""
_SINGLY: Final = 6
_UNMEASURED: Final = -(2**62)
_DEFAULT: Final = ((BalancedAllocation(), 1), (LeastAllocated(), 1))


class ResourceScore(Protocol):
    """Scores by what is allocatable and what is requested."""

    @property
    def name(self) -> str:
        """As the real scheduler calls it."""
        ...

    @property
    def resources(self) -> tuple[tuple[str, int], ...]:
        """Resource and weight."""
        ...

    def of(self, allocatable: Sequence[Ints], requested: Sequence[Ints]) -> Ints:
        """Return the scores, element by element, of what is allocatable and requested of each resource."""
        ...


class ResourceBlock:
    """Up to 64 classes.

    Args:
        view: The minions.
        scores: Plug-in and weight.
        fits: Whether what does not fit scores ``NOWHERE``.

    Attributes:
        scores: int64 (64, N): weighted sums; ``NOWHERE`` where a class does not fit.
        count: Classes so far.
    """

    def __init__(
        self, view: SchedulingView, scores: tuple[tuple[ResourceScore, int], ...], *, fits: bool
    ) -> None:
        self._view = view
        self._scores = scores
        self._fits = fits
        self._cursor = view.cursor
        self._names = tuple(dict.fromkeys(name for score, _ in scores for name, _ in score.resources))
        self._columns = [column_of(view, name) for name in self._names]
        self._classes: list[PodClass] = []
        self.count = 0
        self.scores = np.full((BLOCK_CLASSES, len(view.minions)), NOWHERE, dtype=np.int64)
        self._lay_out()

    def _lay_out(self) -> None:
        """Prepare for the columns that the view has now."""
        view = self._view
        self._left, self._allocatable = view.left, view.allocatable
        self._needs = np.full((BLOCK_CLASSES, view.left.shape[1]), _UNMEASURED, dtype=np.int64)
        self._scored = np.zeros((len(self._names), BLOCK_CLASSES), dtype=np.int64)
        for place, pod in enumerate(self._classes):
            self._enter(place, pod)
        self._quick: _Quick | None = None

    def _enter(self, place: int, pod: PodClass) -> None:
        scored = dict(pod.pod.scored)
        self._scored[:, place] = [scored.get(name, 0) for name in self._names]
        self._needs[place, PRESENT] = 1
        if self._fits:
            columns = measured(self._view, pod.pod)
            self._needs[place, columns] = pod.need[columns]

    @property
    def full(self) -> bool:
        """Whether no class can be added."""
        return self.count == BLOCK_CLASSES

    def add(self, pod: PodClass) -> Ints:
        """Add a class and return its scores, which are right after each ``catch_up``: int64 (N,)."""
        self.catch_up()
        place = self.count
        self._classes.append(pod)
        self._enter(place, pod)
        self.count = place + 1
        self._quick = None
        self._by_rows(slice(place, place + 1), np.arange(self.scores.shape[1]))
        found: Ints = self.scores[place]
        return found

    def catch_up(self) -> None:
        """Score again what changed since the last call, for all classes. HOT."""
        view = self._view
        if self._left is not view.left:
            self._lay_out()
        changed = view.changed_since(self._cursor)
        if changed is not None and not changed:
            return
        self._cursor = view.cursor
        if changed is None or len(changed) > self.scores.shape[1]:
            self._by_rows(slice(0, self.count), np.arange(self.scores.shape[1]))
        elif len(changed) <= _SINGLY and self._scores == _DEFAULT:
            quick = self._quick
            if quick is None:
                quick = self._quick = _Quick(self, self._needs, self._scored)
            for index in dict.fromkeys(changed) if len(changed) > 1 else changed:
                quick.score(index)
        else:
            self._by_rows(slice(0, self.count), np.array(list(dict.fromkeys(changed)), dtype=np.int64))

    def _by_rows(self, classes: slice, rows: Ints) -> None:
        """Score some classes on some minions by the plug-ins' own functions."""
        left = np.ascontiguousarray(self._left.take(rows, axis=0).T)
        whole = np.ascontiguousarray(self._allocatable.take(rows, axis=0).T)
        allocatable = {name: whole[column] for name, column in zip(self._names, self._columns, strict=True)}
        requested = {
            name: (whole[column] - left[column]) + scored[classes, None]
            for name, column, scored in zip(self._names, self._columns, self._scored, strict=True)
        }
        needs = self._needs[classes]
        total = np.zeros((len(needs), rows.size), dtype=np.int64)
        for plugin, weight in self._scores:
            names = [name for name, _ in plugin.resources]
            total += weight * plugin.of([allocatable[n] for n in names], [requested[n] for n in names])
        for column in np.flatnonzero((needs != _UNMEASURED).any(axis=0)).tolist():
            total[left[column] < needs[:, column, None]] = NOWHERE
        self.scores[classes, rows] = total


class _Quick:
    """One minion for all classes by the default plug-ins, in as few steps as there can be.

    ``left`` and ``allocatable`` begin with the two columns that scores count, so that both resources are one array.
    """

    def __init__(self, block: ResourceBlock, needs: Ints, scored: Ints) -> None:
        count = block.count
        view = block._view
        self._left, self._allocatable = view.left, view.allocatable
        measured_columns = np.flatnonzero((needs[:count] != _UNMEASURED).any(axis=0))
        self._measured = measured_columns
        self._needs = np.ascontiguousarray(needs[:count, measured_columns].T)
        self._asked = np.ascontiguousarray(scored[:, :count])
        self._columns = block.scores[:count].T
        self._two = slice(NONZERO_CPU, NONZERO_MEMORY + 1)
        self._after = np.empty((2, count), dtype=np.int64)
        self._share = np.empty((2, count), dtype=np.int64)
        self._sum = np.empty(count, dtype=np.int64)
        self._part = np.empty((2, count))
        self._far = np.empty(count)
        self._balanced = np.empty(count, dtype=np.int64)
        self._hundred = np.array(float(MAX_SCORE))

    def score(self, index: int) -> None:
        """Score all classes on a minion. HOT."""
        row = self._left[index]
        whole = self._allocatable[index, self._two, None]
        after, share, total, part, far = self._after, self._share, self._sum, self._part, self._far
        cpu, memory = whole.ravel().tolist()
        np.subtract(row[self._two, None], self._asked, after)
        if cpu <= 0 or memory <= 0:
            # Nothing is there of one of them: its share is 0, and nothing is balanced.
            np.multiply(after, MAX_SCORE, share)
            np.floor_divide(share, np.maximum(whole, 1), share)
            share[whole.ravel() <= 0] = 0
            np.maximum(share, 0, out=share)
            np.add(share[0], share[1], total)
            np.right_shift(total, 1, total)
        else:
            np.multiply(after, MAX_SCORE, share)
            np.floor_divide(share, whole, share)
            np.maximum(share, 0, out=share)
            np.add(share[0], share[1], total)
            np.right_shift(total, 1, total)
            np.subtract(whole, after, after)
            np.true_divide(after, whole, part)
            np.subtract(part[0], part[1], far)
            np.absolute(far, far)
            np.subtract(1.0, far, far)
            np.multiply(far, self._hundred, far)
            self._balanced[:] = far
            balanced = self._balanced
            if part.max() >= 1.0:
                balanced[(part >= 1.0).any(axis=0)] = 0
            np.add(total, balanced, total)
        enough = row.take(self._measured)[:, None] >= self._needs
        if b"\0" in enough.tobytes():
            total[~enough.all(axis=0)] = NOWHERE
        self._columns[index] = total
