"""Fits the constants that no source gives to measured cases, with all kinds and with each left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar

from experiments.verify.kernel.kind import Case, Comparison, Kind
from models.kernel.constants import FITTED, FittedConstants, FittedField, fitted_fields

__all__ = ["compare_kind", "fit", "loss"]

_SWEEPS: Final = 3
_COARSE: Final = 25
_STEPS: Final = 20


def compare_kind(kind: Kind, cases: Sequence[Case], constants: FittedConstants) -> list[list[Comparison]]:
    """Return the comparisons of each case of a kind."""
    return [kind.compare(each.inputs, each.setting, constants) for each in cases if each.kind == kind.name]


def loss(kind: Kind, cases: Sequence[Case], constants: FittedConstants) -> float:
    """Return how far off a kind is: the sum of its statistics, each as a multiple of what is allowed.

    Of outcomes, where nothing is allowed, it is the number that are wrong.
    """
    comparisons = [each for row in compare_kind(kind, cases, constants) for each in row]
    total = 0.0
    for limit in kind.limits:
        judged = [each for each in comparisons if each.aspect == limit.aspect]
        if judged:
            total += limit.statistic(judged) / (limit.most or 1.0)
    return total


def fit(cases: Sequence[Case], kinds: Mapping[str, Kind]) -> FittedConstants:
    """Return the constants with the least loss over some kinds, one coordinate at a time, from their priors.

    Args:
        cases: As measured; those of other kinds are not looked at.
        kinds: Which may be used, by name. A constant of which none of them says anything stays at its prior.
    """
    known = fitted_fields()
    constants = replace(FITTED, **{each.name: each.prior for each in known})
    for _ in range(_SWEEPS):
        for each in known:
            told = [kind for kind in kinds.values() if kind.name in each.kinds]
            if any(case.kind == kind.name for kind in told for case in cases):
                constants = _fit_one(each, constants, told, cases)
    return constants


def _fit_one(
    known: FittedField, constants: FittedConstants, kinds: Sequence[Kind], cases: Sequence[Case]
) -> FittedConstants:
    def of(value: float) -> float:
        tried = replace(constants, **{known.name: float(value)})
        return sum(loss(kind, cases, tried) for kind in kinds)

    # The loss has steps, where a model counts whole pages or an outcome turns: a look at all of the range comes first.
    coarse = [float(value) for value in np.linspace(known.least, known.most, _COARSE)]
    near = coarse.index(min(coarse, key=of))
    bounds = (coarse[max(0, near - 1)], coarse[min(_COARSE - 1, near + 1)])
    found = minimize_scalar(of, bounds=bounds, method="bounded", options={"maxiter": _STEPS})
    # A flat or ragged loss may end the search higher than where it began.
    best = min((getattr(constants, known.name), coarse[near], float(found.x)), key=of)
    return replace(constants, **{known.name: best})
