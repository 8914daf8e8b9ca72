"""The check of policies passes those that behave, and catches each way of not behaving with a clear sentence."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from models.api.loading import load_scenario_text
from models.api.protocols import Refusal
from models.catalog import POLICIES, PluginParameterError, vocabulary
from models.testing.policies import PolicyBrokenError, check_policy


@pytest.mark.parametrize("name", list(POLICIES))
def test_every_built_in_policy_behaves(name: str) -> None:
    assert check_policy(name, examples=25) > 25


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("best-fit", {"ties": "random", "device": "random", "levels": 0}), ("kubernetes", {"ties": "first"})],
)
def test_they_do_with_other_parameters(name: str, parameters: dict[str, Any]) -> None:
    assert check_policy(name, parameters, examples=20)


def behaves(view: Any, pod: Any, context: Any) -> Any:
    fits = np.flatnonzero(view.fits(pod.template))
    if not fits.size:
        return Refusal({"no room": len(view.names)})
    return int(fits[int(context.draw(0) * fits.size)])


def test_a_function_that_draws_from_its_context_behaves() -> None:
    assert check_policy(behaves, examples=25) > 25


def raises(view: Any, pod: Any, context: Any) -> Any:
    return np.flatnonzero(view.fits(pod.template))[0]


def writes(view: Any, pod: Any, context: Any) -> Any:
    view.free[:] = 0
    return None


def writes_behind_the_back(view: Any, pod: Any, context: Any) -> Any:
    free = view.free
    free.flags.writeable = True
    if free.size:
        free[0, 0] += 1
    free.flags.writeable = False
    return behaves(view, pod, context)


def goes_anywhere(view: Any, pod: Any, context: Any) -> Any:
    return 0 if len(view.names) else None


def ignores_cordons(view: Any, pod: Any, context: Any) -> Any:
    enough = (view.free[:, :2] >= np.array(pod.template.need[:2])).all(axis=1)
    return int(enough.argmax()) if enough.any() else None


def says_nan(view: Any, pod: Any, context: Any) -> Any:
    return float("nan") if len(view.names) else None


def draws_from_the_world(view: Any, pod: Any, context: Any) -> Any:
    fits = np.flatnonzero(view.fits(pod.template)).tolist()
    return random.choice(fits) if fits else None


_SEEN = [0]


def remembers_runs(view: Any, pod: Any, context: Any) -> Any:
    _SEEN[0] += 1
    fits = np.flatnonzero(view.fits(pod.template))
    return int(fits[_SEEN[0] % fits.size]) if fits.size else None


def answers_for_nobody(view: Any, pod: Any, context: Any) -> Any:
    return None if len(view.names) else 0


class Scores:
    ties, device = "first", "least"

    def scorer(self, view: Any, template: Any) -> Any:
        return lambda rows: self.score(view, template, rows)

    def score(self, view: Any, template: Any, rows: Any) -> Any:
        return -view.free[rows, 0].astype(float)


class Nan(Scores):
    def score(self, view: Any, template: Any, rows: Any) -> Any:
        return np.where(view.free[rows, 0] > 2000, np.nan, 1.0)


class Shape(Scores):
    def score(self, view: Any, template: Any, rows: Any) -> Any:
        return view.free[:, 0].astype(float)


class Normalised(Scores):
    def score(self, view: Any, template: Any, rows: Any) -> Any:
        free = view.free[rows, 0].astype(float)
        return free / free.max(initial=1.0)


class Elsewhere(Scores):
    def score(self, view: Any, template: Any, rows: Any) -> Any:
        return view.free[rows, 0] - view.free[:, 0].sum()


class Counts(Scores):
    def __init__(self) -> None:
        self._asked = 0

    def scorer(self, view: Any, template: Any) -> Any:
        self._asked += 1
        turn = 1.0 if self._asked % 2 else -1.0
        return lambda rows: turn * rows


class Devices(Scores):
    device = "own"

    def device_for(self, view: Any, template: Any, minion: int) -> Any:
        return 0


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (raises, "raised IndexError: index 0 is out of bounds"),
        (writes, "raised ValueError: assignment destination is read-only"),
        (writes_behind_the_back, "it wrote to the view's 'free'"),
        (goes_anywhere, "chose minion 'p0-0', where the pod does not fit"),
        (ignores_cordons, "where the pod does not fit"),
        (says_nan, "answered nan; an index into the view"),
        (draws_from_the_world, "in a second run with the same seed"),
        (remembers_runs, "in a second run with the same seed"),
        (answers_for_nobody, "where there is no minion it answered 0"),
        (Nan, "score nan for minion"),
        (Shape, r"raised ValueError: scores of shape \(\d+,\) for \d+ minions"),
        (Normalised, "alone: scores may depend on a minion's own row only"),
        (Elsewhere, "though nothing changed there"),
        (Counts, "where pods that may not go to its minions come before it"),
        (Devices, "chose device 0 of minion"),
    ],
)
def test_a_policy_that_does_not_behave_is_caught(policy: Any, words: str) -> None:
    with pytest.raises(PolicyBrokenError, match=words) as caught:
        check_policy(policy)
    assert getattr(policy, "__name__", "") in str(caught.value)
    if policy in {raises, goes_anywhere, Devices}:
        assert (caught.value.__cause__ is not None) == (policy is raises)
    if caught.value.scenario:
        # The scenario is one that a user can run again, and small.
        load_scenario_text(caught.value.scenario, "told.yaml", vocabulary=vocabulary())
        assert caught.value.scenario.count('"name"') <= 9


def test_parameters_are_held_against_the_policy() -> None:
    with pytest.raises(PluginParameterError, match="no parameter 'depth'"):
        check_policy("best-fit", {"depth": 1})
    with pytest.raises(TypeError, match="takes no parameters"):
        check_policy(behaves, {"depth": 1})
