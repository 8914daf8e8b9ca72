"""The scores of one pod class on every minion, cached: computed again only where a minion changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.api.protocols import Scorer
from models.cluster.changes import ChangeLog

__all__ = ["NUMBERS", "ClassRow", "ScorerRow", "WrongAnswerError", "first_best"]

Ints = NDArray[np.int64]

_FALSE = b"\0"
NUMBERS = "fiub"
"""Kinds of numpy types that are numbers."""


class WrongAnswerError(ValueError):
    """A policy answered what is no answer: the sentence goes on after its name."""


class ClassRow(Protocol):
    """What the scheduler asks of a class."""

    @property
    def scores(self) -> NDArray[np.float64] | NDArray[np.int64]:
        """(N,), lowest where the class does not fit; as of the last ``catch_up``."""
        ...

    def catch_up(self) -> None:
        """Score again what changed since the last call."""
        ...

    def best(self) -> int:
        """Return the first minion of the highest score, or -1 if the class fits nowhere."""
        ...


def first_best(scores: NDArray[np.float64], names: Sequence[str]) -> int:
    """Return the first index of the highest score, or -1 if all are -inf.

    Raises:
        WrongAnswerError: The highest is no number.
    """
    if not scores.size:
        return -1
    index = int(scores.argmax())
    score = scores.item(index)
    if score == -math.inf:
        return -1
    if not math.isfinite(score):
        # argmax stops at the first nan, so that none goes unseen.
        raise WrongAnswerError(f"gave score {score} for minion '{names[index]}'")
    return index


class ScorerRow:
    """A class whose scores are a function of the policy's own.

    Args:
        fit: What is free, as :class:`models.cluster.belief.Belief` has it: int64 (N, C).
        log: Which minions changed.
        names: Of the minions, for errors.
        need: What the class needs of each column: int64 (C,).
        scorer: The policy's function.
        eligible: Where the class may run at all: bool (N,).
    """

    __slots__ = ("_cursor", "_eligible", "_fit", "_log", "_names", "_need", "_scorer", "scores")

    def __init__(
        self,
        fit: Ints,
        log: ChangeLog,
        names: Sequence[str],
        need: Ints,
        scorer: Scorer,
        eligible: NDArray[np.bool_],
    ) -> None:
        self._fit = fit
        self._log = log
        self._names = names
        self._cursor = -1
        self._eligible = None if eligible.all() else eligible
        self._need = need
        self._scorer = scorer
        self.scores = np.full(len(fit), -np.inf)

    def catch_up(self) -> None:
        """Score again what changed since the last call."""
        changed = self._log.since(self._cursor) if self._cursor >= 0 else None
        self._cursor = self._log.cursor
        if changed is None or len(changed) > len(self._fit):
            rows = np.arange(len(self._fit))
        elif changed:
            rows = np.array(changed)
        else:
            return
        enough = self._fit.take(rows, axis=0) >= self._need
        # HOT: looking for a zero byte costs a tenth of a reduction, and mostly there is none.
        if _FALSE in enough.tobytes() or self._eligible is not None:
            fits = np.logical_and.reduce(enough, axis=1)
            if self._eligible is not None:
                fits &= self._eligible[rows]
            self.scores[rows] = -np.inf
            rows = rows[fits]
            if not rows.size:
                return
        scores = self._scorer(rows)
        if getattr(scores, "shape", None) != rows.shape:
            raise WrongAnswerError(f"gave scores of shape {np.shape(scores)} for {rows.size} minions")
        if scores.dtype.kind not in NUMBERS:
            raise WrongAnswerError(f"gave scores of type {scores.dtype}; numbers were expected")
        self.scores[rows] = scores

    def best(self) -> int:
        """Return the first minion of the highest score, or -1 if the class fits nowhere."""
        return first_best(self.scores, self._names)
