"""Figures of a catalogue: a number, a law of times, or the name of a parameter that nobody has measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from models.api.specs_distributions import parse_duration_law
from models.api.specs_problems import FieldError, FieldProblem, FieldType, parse_mapping, quoted
from sim.diagnostics import nearest_word
from sim.distributions import Constant, Distribution, Exponential, Lognormal, Uniform, Weibull
from sim.units import UnitError, parse_duration_s, parse_number

__all__ = ["Amount", "Ref", "Spread", "TimeLaw", "parse_amount"]

_POINTS: Final = ("low", "middle", "high")


@dataclass(frozen=True, slots=True)
class Ref:
    """The name of a parameter, where a figure would stand."""

    parameter: str


TimeLaw = Constant | Exponential | Lognormal | Uniform | Weibull | Ref
"""A law of seconds, or the parameter that is the mean of an exponential one."""


def _time(value: object) -> float:
    seconds = parse_duration_s(value)
    if seconds <= 0:
        raise UnitError("expected a time above 0, as 4h")
    return seconds


def _factor(value: object) -> float:
    return parse_number(value, "a factor", 1.0, 1e6)


def _chance(value: object) -> float:
    chance = parse_number(value, "a chance between 0 and 1", 0.0, 1.0)
    if chance == 0:
        raise UnitError("expected a chance above 0: what never succeeds is no technique")
    return chance


_KINDS: Final[Mapping[str, Callable[[object], float]]] = {"time": _time, "factor": _factor, "chance": _chance}


def parse_amount(kind: str, value: object) -> float:
    """Return a figure: seconds, a factor of at least 1, or a chance above 0.

    Raises:
        UnitError: It is not one.
    """
    return _KINDS[kind](value)


@dataclass(frozen=True, slots=True)
class Spread:
    """The range of a parameter.

    Attributes:
        low: The least, in the unit of its kind (seconds for a time).
        middle: What is taken where one value is wanted.
        high: The greatest.
    """

    low: float
    middle: float
    high: float

    @staticmethod
    def field(kind: str) -> FieldType:
        """Annotation of a field that holds a range of a kind: time, factor or chance."""
        example = {"time": "{low: 10m, middle: 4h, high: 7d}", "factor": "{low: 1, middle: 4, high: 20}"}
        expected = example.get(kind, "{low: 0.1, middle: 0.3, high: 0.9}")
        return FieldType(
            lambda value: _spread(value, kind, expected),
            None,
            {"type": "object", "required": list(_POINTS), "additionalProperties": False},
        )


def _spread(value: object, kind: str, expected: str) -> Spread:
    given = parse_mapping(value, expected)
    problems = [
        FieldProblem(
            f"{quoted(key)} is not a key of a range: expected {expected}",
            (key,),
            nearest_word(str(key), [point for point in _POINTS if point not in given]),
            True,
            "unknown-key",
        )
        for key in given
        if key not in _POINTS
    ]
    found: dict[str, float] = {}
    for point in _POINTS:
        if point not in given:
            if not problems:
                problems.append(FieldProblem(f"'{point}' is missing: expected {expected}", (), None, True))
            continue
        try:
            found[point] = parse_amount(kind, given[point])
        except UnitError as error:
            problems.append(FieldProblem(error.sentence, (point,), error.suggestion))
    if not problems and not found["low"] <= found["middle"] <= found["high"]:
        problems.append(FieldProblem("expected low <= middle <= high", (), code="range"))
    if problems:
        raise FieldError(*problems)
    return Spread(**found)


class Amount:
    """Fields that hold a figure or the name of a parameter."""

    @staticmethod
    def field(kind: str) -> FieldType:
        """Annotation of a field that holds a figure of a kind, or ``{parameter: NAME}``."""
        return FieldType(lambda value: _amount(value, kind), None, {"examples": [{"parameter": "name"}]})


def _amount(value: object, kind: str) -> float | Distribution | Ref:
    if isinstance(value, Mapping) and "parameter" in value:
        extra = next((key for key in value if key != "parameter"), None)
        if extra is not None:
            raise FieldError(FieldProblem("a parameter stands alone", (extra,), None, True, "exclusive"))
        name = value["parameter"]
        if not isinstance(name, str):
            raise FieldError(
                FieldProblem(f"expected the name of a parameter, not {quoted(name)}", ("parameter",))
            )
        return Ref(name)
    return parse_duration_law(value) if kind == "time" else parse_amount(kind, value)
