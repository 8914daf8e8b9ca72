"""A policy that is watched while it decides: what it did to the view, whether its scores are what they claim to be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.api.linear import LinearScore
from models.api.protocols import (
    ClusterView,
    Context,
    DeviceChooser,
    PlacingPolicy,
    PodView,
    Policy,
    Refusal,
    Scorer,
    ScoringPolicy,
)
from models.api.types import PodTemplate

__all__ = ["Watch", "watched"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
AnyPolicy = ScoringPolicy | PlacingPolicy | Policy


class Watch:
    """What was seen of a policy.

    Attributes:
        broken: Sentences about what it did wrong, in order.
        asked: How often it was asked for a decision, or for scores of some minions.
    """

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.asked = 0

    def say(self, sentence: str) -> None:
        """Note what is wrong."""
        self.broken.append(sentence)

    def call(self, view: Any, function: Callable[[], Any]) -> Any:
        """Call a policy, and hold the view after against the view before."""
        before = _arrays(view)
        try:
            return function()
        finally:
            for name, then in before.items():
                if not np.array_equal(then, getattr(view, name)):
                    self.say(f"it wrote to the view's '{name}'")


def _arrays(view: Any) -> dict[str, Ints]:
    names = ("free", "allocatable", "gpu_left_milli", "ready", "left")
    return {name: np.array(getattr(view, name)) for name in names if hasattr(view, name)}


def watched(policy: AnyPolicy, watch: Watch) -> AnyPolicy:
    """Return a policy that decides as the given one does, and is watched."""
    if isinstance(policy, PlacingPolicy):
        return _Placing(policy, watch)
    if isinstance(policy, ScoringPolicy):
        chooses = isinstance(policy, DeviceChooser)
        return _ChoosingDevices(policy, watch) if chooses else _Scoring(policy, watch)

    def decide(view: ClusterView, pod: PodView, context: Context) -> int | Refusal | None:
        watch.asked += 1
        answer: int | Refusal | None = watch.call(view, lambda: policy(view, pod, context))
        return answer

    return decide


class _Scoring:
    def __init__(self, policy: ScoringPolicy, watch: Watch) -> None:
        self._policy = policy
        self._watch = watch
        self.ties = policy.ties
        self.device = policy.device

    def scorer(self, view: ClusterView, template: PodTemplate) -> Scorer:
        """Return a scorer of which each answer is looked at; one that is linear can do nothing wrong."""
        self._watch.asked += 1
        scorer: Scorer = self._watch.call(view, lambda: self._policy.scorer(view, template))
        return scorer if isinstance(scorer, LinearScore) else _Scorer(scorer, view, self._watch)


class _ChoosingDevices(_Scoring):
    def device_for(self, view: ClusterView, template: PodTemplate, minion: int) -> int:
        """Return the device that the policy chooses."""
        assert isinstance(self._policy, DeviceChooser), "only who chooses devices is asked"
        chooser = self._policy
        chosen: int = self._watch.call(view, lambda: chooser.device_for(view, template, minion))
        return chosen


class _Scorer:
    """Looks whether scores depend on the template and on a minion's own row, and on nothing else.

    The scheduler keeps a score until its minion changes. So a score asked for alone must be the one that was given
    among others, and that of a minion that has not changed must still be what it was. Equal means up to rounding: sums
    of floats may depend on how many are added at a time.
    """

    def __init__(self, scorer: Scorer, view: ClusterView, watch: Watch) -> None:
        self._scorer = scorer
        self._view = view
        self._watch = watch
        self._kept: dict[int, tuple[bytes, float]] = {}

    def __call__(self, rows: Ints) -> Floats:
        self._watch.asked += 1
        given: Floats = self._watch.call(self._view, lambda: self._scorer(rows.copy()))
        if getattr(given, "shape", None) != rows.shape or given.dtype.kind not in "fiub":
            return given  # which the scheduler turns down
        if not np.isfinite(given).all():
            return given
        self._ask_alone(rows, given)
        self._ask_again(rows)
        for row, score in zip(rows.tolist(), given.tolist(), strict=True):
            self._kept[row] = (self._state(row), score)
        return given

    def _state(self, row: int) -> bytes:
        return bytes(self._view.free[row].tobytes() + self._view.gpu_left_milli[row].tobytes())

    def _ask_alone(self, rows: Ints, given: Floats) -> None:
        for place in range(rows.size if rows.size > 1 else 0):
            alone = self._alone(int(rows[place]))
            if not _same(alone, float(given[place])):
                self._watch.say(
                    f"the score of minion '{self._view.names[rows[place]]}' is {given[place]:g} when asked for with "
                    f"{rows.size - 1} more, and {alone:g} alone: scores may depend on a minion's own row only, as "
                    "they are asked for again only where a minion changed"
                )
                return

    def _ask_again(self, rows: Ints) -> None:
        others = [row for row, (state, _) in self._kept.items() if state == self._state(row)]
        others = sorted(set(others) - set(rows.tolist()))
        for row in others:
            now, before = self._alone(row), self._kept[row][1]
            if not _same(now, before):
                self._watch.say(
                    f"the score of minion '{self._view.names[row]}' was {before:g} and is {now:g}, though nothing "
                    "changed there: it is kept until its minion changes, so it may depend on nothing else"
                )
                return

    def _alone(self, row: int) -> float:
        scores = self._scorer(np.array([row]))
        if np.shape(scores) != (1,):
            raise ValueError(f"scores of shape {np.shape(scores)} for 1 minions")
        return float(scores[0])


def _same(first: float, second: float) -> bool:
    return first == second or math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-9)


class _Placing:
    def __init__(self, policy: PlacingPolicy, watch: Watch) -> None:
        self._policy = policy
        self._watch = watch
        self.ties = policy.ties
        self.device = policy.device

    def decider(self, view: Any) -> Any:
        """Return a decider of which each decision is looked at."""
        return _Decider(self._policy.decider(view), view, self._watch)


class _Decider:
    def __init__(self, decider: Any, view: Any, watch: Watch) -> None:
        self._decider = decider
        self._view = view
        self._watch = watch

    def decide(self, *words: Any, **more: Any) -> Any:
        """Decide as the policy does."""
        self._watch.asked += 1
        return self._watch.call(self._view, lambda: self._decider.decide(*words, **more))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decider, name)
