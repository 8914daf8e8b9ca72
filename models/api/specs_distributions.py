"""Distributions of times, sizes and numbers in a scenario.

A quantity alone is a constant; else a mapping of one key: ``constant``, ``exponential``, ``lognormal``,
``weibull``, ``uniform``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from models.api.specs_problems import FieldError, FieldProblem, FieldType, quoted
from sim.diagnostics import nearest_word
from sim.distributions import Constant, Distribution, Exponential, Lognormal, Uniform, Weibull
from sim.units import (
    MAX_BYTES,
    MAX_DURATION_S,
    MAX_MILLICORES,
    UnitError,
    format_bytes,
    format_duration_s,
    format_millicores,
    parse_bytes,
    parse_bytes_exact,
    parse_duration_s,
    parse_millicores,
    parse_millicores_exact,
    parse_number,
)

__all__ = [
    "CountLaw",
    "CpuLaw",
    "DurationLaw",
    "PositiveDurationLaw",
    "RatioLaw",
    "SizeLaw",
    "parse_distribution",
    "parse_duration_law",
]

MAX_SIGMA: Final = 10.0
MIN_SHAPE: Final = 0.1
MAX_SHAPE: Final = 100.0


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What a law is about: how a constant and a parameter are read, and how both are written."""

    word: str
    example: str
    constant: Callable[[object], float]
    parameter: Callable[[object], float]
    write: Callable[[float], Any]
    maximum: float
    positive: bool = False


def _number(value: object) -> float:
    return parse_number(value, "a number of pods", 0.0, 1e7)


def _share(value: object) -> float:
    return parse_number(value, "a share, as 0.5 for a half,", 0.0, 1e4)


def _plain_number(value: float) -> float | int:
    return int(value) if value == int(value) else value


_TIME: Final = _Quantity("time", "10m", parse_duration_s, parse_duration_s, format_duration_s, MAX_DURATION_S)
_POSITIVE_TIME: Final = _Quantity(
    "time", "10m", parse_duration_s, parse_duration_s, format_duration_s, MAX_DURATION_S, positive=True
)
_CPU: Final = _Quantity(
    "amount of CPU", "500m", parse_millicores, parse_millicores_exact, format_millicores, MAX_MILLICORES
)
_SIZE: Final = _Quantity("size", "2Gi", parse_bytes, parse_bytes_exact, format_bytes, MAX_BYTES)
_RATIO: Final = _Quantity("share", "0.5", _share, _share, _plain_number, 1e4)
_COUNT: Final = _Quantity("number", "10", _number, _number, _plain_number, 1e7, positive=True)

# Law -> (parameters that are always needed, parameters of which exactly one is needed)
_PARAMETERS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "exponential": (("mean",), ()),
    "lognormal": (("sigma",), ("median", "mean")),
    "weibull": (("shape",), ("mean", "scale")),
    "uniform": (("low", "high"), ()),
}
_LAWS: Final = ("constant", *_PARAMETERS)


def parse_distribution(value: object, quantity: _Quantity) -> Distribution:
    """Return the law that a scenario asks for.

    Raises:
        FieldError: With every problem, at its own place.
    """
    if not isinstance(value, Mapping):
        return Constant(_read(value, quantity, (), constant=True))
    if len(value) != 1:
        listed = ", ".join(_LAWS)
        raise FieldError(
            FieldProblem(f"expected a {quantity.word} or one of {listed}, not {len(value)} keys")
        )
    name, inner = next(iter(value.items()))
    if name not in _LAWS:
        listed = ", ".join(_LAWS)
        sentence = f"{quoted(name)} is not a distribution: expected {listed}"
        raise FieldError(FieldProblem(sentence, (name,), nearest_word(str(name), _LAWS), True, "unknown-key"))
    if name == "constant":
        return Constant(_read(inner, quantity, ("constant",), constant=True))
    parameters = _parameters(name, inner, quantity)
    law = _law(name, parameters)
    try:
        too_wide = not law.mean <= quantity.maximum
    except OverflowError:
        too_wide = True
    if too_wide:
        limit = quantity.write(quantity.maximum)
        sentence = f"expected a mean of at most {limit} of this distribution"
        raise FieldError(FieldProblem(sentence, (name,), code="range"))
    return law


def parse_duration_law(value: object) -> Distribution:
    """Return a law of seconds, for fields that may hold something else as well.

    Raises:
        FieldError: With every problem, at its own place.
    """
    return parse_distribution(value, _TIME)


def _law(name: str, parameters: dict[str, float]) -> Distribution:
    if name == "exponential":
        return Exponential(parameters["mean"])
    if name == "uniform":
        return Uniform(parameters["low"], parameters["high"])
    if name == "lognormal":
        if "median" in parameters:
            return Lognormal(parameters["median"], parameters["sigma"])
        return Lognormal.of_mean(parameters["mean"], parameters["sigma"])
    if "scale" in parameters:
        return Weibull(parameters["shape"], parameters["scale"])
    return Weibull.of_mean(parameters["mean"], parameters["shape"])


def _read(value: object, quantity: _Quantity, path: tuple[str | int, ...], *, constant: bool) -> float:
    try:
        found = float((quantity.constant if constant else quantity.parameter)(value))
    except UnitError as error:
        raise FieldError(FieldProblem(error.sentence, path, error.suggestion)) from None
    if quantity.positive and found <= 0 and constant:
        raise FieldError(
            FieldProblem(f"expected a {quantity.word} above 0, as {quantity.example}", path, code="range")
        )
    return found


def _parameters(name: str, inner: object, quantity: _Quantity) -> dict[str, float]:
    needed, either = _PARAMETERS[name]
    allowed = (*either, *needed)
    example = ", ".join(f"{p}: {_example(p, quantity)}" for p in (*either[:1], *needed))
    if not isinstance(inner, Mapping):
        raise FieldError(FieldProblem(f"expected {{{example}}}, not {quoted(inner)}", (name,), code="type"))
    problems: list[FieldProblem] = []
    for key in inner:
        if key not in allowed:
            sentence = f"{quoted(key)} is not a parameter of {name}: expected {', '.join(allowed)}"
            near = nearest_word(str(key), [word for word in allowed if word not in inner])
            problems.append(FieldProblem(sentence, (name, key), near, True, "unknown-key"))
    misspelt = bool(problems)
    given = [word for word in either if word in inner]
    if len(given) > 1:
        sentence = f"{name} takes either {given[0]} or {given[1]}, not both"
        problems.append(FieldProblem(sentence, (name, given[1]), on_key=True, code="exclusive"))
    missing = [word for word in needed if word not in inner]
    missing += [" or ".join(either)] if either and not given else []
    if missing and not misspelt:
        problems.extend(
            FieldProblem(f"{name} needs {word}, as {{{example}}}", (name,), on_key=True, code="missing-key")
            for word in missing
        )
    found: dict[str, float] = {}
    for key in (word for word in allowed if word in inner):
        try:
            found[key] = _parameter(key, inner[key], quantity, (name, key))
        except FieldError as error:
            problems.extend(error.problems)
    if not problems and name == "uniform" and found["low"] > found["high"]:
        problems.append(FieldProblem("expected low to be at most high", (name, "low"), code="range"))
    if problems:
        raise FieldError(*problems)
    return found


def _example(parameter: str, quantity: _Quantity) -> str:
    return {"sigma": "1.4", "shape": "0.75"}.get(parameter, quantity.example)


def _parameter(key: str, value: object, quantity: _Quantity, path: tuple[str | int, ...]) -> float:
    try:
        if key == "sigma":
            return parse_number(value, "a sigma (of the logarithm)", 0.0, MAX_SIGMA)
        if key == "shape":
            return parse_number(value, "a Weibull shape", MIN_SHAPE, MAX_SHAPE)
    except UnitError as error:
        raise FieldError(FieldProblem(error.sentence, path, error.suggestion)) from None
    found = _read(value, quantity, path, constant=False)
    if found <= 0 and key != "low":
        sentence = f"expected a {quantity.word} above 0, as {quantity.example}"
        raise FieldError(FieldProblem(sentence, path, code="range"))
    return found


def _written(quantity: _Quantity) -> Callable[[Distribution], Any]:
    write = quantity.write

    def written(law: Distribution) -> Any:
        if isinstance(law, Constant):
            return write(law.value)
        if isinstance(law, Exponential):
            return {"exponential": {"mean": write(law.mean)}}
        if isinstance(law, Lognormal):
            return {"lognormal": {"median": write(law.median), "sigma": law.sigma}}
        if isinstance(law, Weibull):
            return {"weibull": {"scale": write(law.scale), "shape": law.shape}}
        return {"uniform": {"low": write(law.low), "high": write(law.high)}}

    return written


def _schema(quantity: _Quantity) -> dict[str, Any]:
    """A JSON schema for editors: the forms, and examples of the quantity."""
    single = {"type": ["string", "number"], "examples": [quantity.example]}
    numbers = {"sigma", "shape"}
    laws: dict[str, Any] = {"constant": single}
    for name, (needed, either) in _PARAMETERS.items():
        words = (*either, *needed)
        laws[name] = {
            "type": "object",
            "properties": {word: {"type": "number"} if word in numbers else single for word in words},
            "required": list(needed),
            "additionalProperties": False,
        }
    mapping = {"type": "object", "properties": laws, "minProperties": 1, "maxProperties": 1}
    return {"anyOf": [single, {**mapping, "additionalProperties": False}]}


def _annotated(quantity: _Quantity) -> FieldType:
    return FieldType(lambda value: parse_distribution(value, quantity), _written(quantity), _schema(quantity))


DurationLaw = Annotated[Distribution, _annotated(_TIME)]
"""Seconds."""
PositiveDurationLaw = Annotated[Distribution, _annotated(_POSITIVE_TIME)]
"""Seconds, never constantly 0."""
CpuLaw = Annotated[Distribution, _annotated(_CPU)]
"""Millicores, not rounded where drawn."""
SizeLaw = Annotated[Distribution, _annotated(_SIZE)]
"""Bytes, not rounded where drawn."""
RatioLaw = Annotated[Distribution, _annotated(_RATIO)]
"""A share: 1 is the whole."""
CountLaw = Annotated[Distribution, _annotated(_COUNT)]
"""A number of pods, not rounded where drawn."""
