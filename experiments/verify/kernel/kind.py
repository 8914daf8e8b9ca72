"""What a kind of measured cases is: how a case is read, what the model predicts of it, how far off that may be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from experiments.verify.kernel.fields import CaseFields, Setting
from models.kernel.constants import FittedConstants

__all__ = [
    "Case",
    "Comparison",
    "Kind",
    "Limit",
    "count_wrong",
    "mean_error",
    "ninetieth_error",
    "worst_error",
    "worst_ratio",
]

Value = float | bool | str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of one case, predicted and measured.

    Attributes:
        aspect: What it is; figures of one aspect have one unit and are judged together.
        who: Which of several in the case; empty where there is one.
        predicted: By the model.
        measured: By the live kernel.
        error: How far apart, at least 0, in the aspect's unit; of outcomes 0 or 1.
        allowed: How far apart they may be, where that depends on the figure.
    """

    aspect: str
    who: str
    predicted: Value
    measured: Value
    error: float
    allowed: float | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """How far off an aspect of a kind may be.

    Attributes:
        aspect: Whose comparisons count.
        says: What the statistic is, in words.
        statistic: Over the comparisons, of which there is at least one.
        most: Its greatest value that is still right.
        unit: Of the statistic.
    """

    aspect: str
    says: str
    statistic: Callable[[Sequence[Comparison]], float]
    most: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One measured case.

    Attributes:
        place: File and line.
        kind: Its kind's name.
        setting: Where it was measured.
        inputs: What was asked and what was measured, as the kind read it; None where the kind has no checker.
        inconclusive: Why it says nothing, as who measured it found; empty where it does.
    """

    place: str
    kind: str
    setting: Setting
    inputs: Any
    inconclusive: str = ""


class Kind(ABC):
    """A kind of cases that is checked: one row of the table in ``kinds``."""

    name: ClassVar[str]
    limits: ClassVar[tuple[Limit, ...]]

    @abstractmethod
    def read(self, fields: CaseFields, setting: Setting) -> Any:
        """Return the inputs and measurements of a case, telling every problem through ``fields``."""

    @abstractmethod
    def compare(self, inputs: Any, setting: Setting, constants: FittedConstants) -> list[Comparison]:
        """Predict what was measured and hold the two side by side.

        Args:
            inputs: As ``read`` returned them.
            setting: Where the case was measured.
            constants: What the model was fitted to.
        """


def mean_error(comparisons: Sequence[Comparison]) -> float:
    """Return the mean absolute error."""
    return float(np.mean([each.error for each in comparisons]))


def ninetieth_error(comparisons: Sequence[Comparison]) -> float:
    """Return the error at rank ceil(0.9 n): nine in ten are off by no more."""
    ranked = sorted(each.error for each in comparisons)
    return ranked[-(-9 * len(ranked) // 10) - 1]


def worst_error(comparisons: Sequence[Comparison]) -> float:
    """Return the greatest error."""
    return max(each.error for each in comparisons)


def worst_ratio(comparisons: Sequence[Comparison]) -> float:
    """Return the greatest error as a multiple of what is allowed of that figure."""
    return max(each.error / each.allowed for each in comparisons if each.allowed)


def count_wrong(comparisons: Sequence[Comparison]) -> float:
    """Return how many are off at all: of outcomes."""
    return float(sum(each.error > 0.0 for each in comparisons))
