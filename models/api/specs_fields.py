"""Building blocks of the scenario schema: the base of all specs, and fields that explain themselves.

A field's parser raises :class:`FieldError`, which carries problems with paths of their own (a distribution's
``mean``, one label of many); models.api.loading gives them their positions. Nothing that pydantic says itself
reaches a user.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from models.api.selectors import Selector, SelectorError, parse_selector
from sim.diagnostics import nearest_word
from sim.units import (
    UnitError,
    format_bytes,
    format_duration_s,
    format_millicores,
    format_rate_per_s,
    parse_bytes,
    parse_count,
    parse_duration_s,
    parse_millicores,
    parse_number,
    parse_rate_per_s,
)

__all__ = [
    "FIELD_ERROR",
    "Amounts",
    "CpuMillicores",
    "DnsName",
    "DurationS",
    "FieldError",
    "FieldProblem",
    "FieldType",
    "Flag",
    "Labels",
    "PositiveDurationS",
    "RatePerS",
    "SelectorField",
    "SizeBytes",
    "Spec",
    "Text",
    "choice",
    "fail",
    "number",
    "one_of",
    "whole",
]

FIELD_ERROR: Final = "wavetank"
_DNS_LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_KEY: Final = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_MAX_TEXT: Final = 4096
_MAX_KEYS: Final = 1000


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One problem inside a field; ``path`` is relative to the field."""

    sentence: str
    path: tuple[str | int, ...] = ()
    hint: str | None = None
    on_key: bool = False
    code: str = "value"


class FieldError(ValueError):
    """Problems of one field, raised by parsers and turned into one pydantic error."""

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__(*problems)
        self.problems = problems


class Spec(BaseModel):
    """What was asked for: frozen, closed, read by YAML key or by Python name."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
    )


def fail(*problems: FieldProblem) -> PydanticCustomError:
    """The exception that carries these problems through pydantic."""
    return PydanticCustomError(FIELD_ERROR, "see the problems", {"problems": problems})


@dataclass(frozen=True, eq=False)
class FieldType:
    """Annotation of a field: read by ``parse``, written by ``write``, described by a JSON schema."""

    parse: Callable[[Any], Any]
    write: Callable[[Any], Any] | None
    schema: Mapping[str, Any]

    def _validated(self, value: Any) -> Any:
        try:
            return self.parse(value)
        except UnitError as error:
            raise fail(FieldProblem(error.sentence, hint=error.suggestion)) from None
        except SelectorError as error:
            problem = FieldProblem(error.sentence, error.path, error.suggestion, error.on_key)
            raise fail(problem) from None
        except FieldError as error:
            raise fail(*error.problems) from None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if self.write is None:
            return core_schema.no_info_plain_validator_function(self._validated)
        written = core_schema.plain_serializer_function_ser_schema(self.write)
        return core_schema.no_info_plain_validator_function(self._validated, serialization=written)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


def quoted(value: object) -> str:
    """A value as it is shown in a sentence."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def whole(expected: str, minimum: int, maximum: int) -> FieldType:
    """Annotation of an int in a range; ``expected`` names it in words."""
    schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return FieldType(lambda value: parse_count(value, expected, minimum, maximum), None, schema)


def number(expected: str, minimum: float, maximum: float) -> FieldType:
    """Annotation of a float without unit in a range; ``expected`` names it in words."""
    schema = {"type": "number", "minimum": minimum, "maximum": maximum}
    return FieldType(lambda value: parse_number(value, expected, minimum, maximum), None, schema)


def one_of(value: object, words: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of the words.

    Raises:
        FieldError: With the nearest word.
    """
    if isinstance(value, str) and value in words:
        return value
    listed = ", ".join(words[:-1]) + f" or {words[-1]}" if len(words) > 1 else words[0]
    hint = nearest_word(str(value), words) if isinstance(value, str | int | float) else None
    raise FieldError(FieldProblem(f"expected {listed}, not {quoted(value)}", hint=hint, code="choice"))


def choice(*words: str) -> FieldType:
    """Annotation of a text that is one of the words."""
    return FieldType(lambda value: one_of(value, words), None, {"enum": list(words)})


def parse_dns_name(value: object) -> str:
    """Return a DNS-1123 label.

    Raises:
        FieldError: Anything else.
    """
    if isinstance(value, str) and _DNS_LABEL.fullmatch(value):
        return value
    folded = re.sub(r"[^a-z0-9]+", "-", str(value).lower())[:63].strip("-")
    hint = folded if isinstance(value, str | int | float) and _DNS_LABEL.fullmatch(folded) else None
    if not isinstance(value, str) and hint == str(value):
        hint = f'"{hint}"'
    raise FieldError(
        FieldProblem(f"expected a name of a-z, 0-9 and '-', at most 63 long, not {quoted(value)}", hint=hint)
    )


def parse_flag(value: object) -> bool:
    """Return true or false.

    Raises:
        FieldError: Anything else; ``yes`` and ``on`` are told the right word.
    """
    if isinstance(value, bool):
        return value
    words = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
    text = str(value).lower()
    hint = words.get(text) or nearest_word(text, ["false", "true"])
    raise FieldError(FieldProblem(f"expected true or false, not {quoted(value)}", hint=hint))


def parse_text(value: object) -> str:
    """Return a text that is not empty.

    Raises:
        FieldError: Anything else, or longer than 4,096 characters.
    """
    if isinstance(value, str) and len(value.strip()) > 0 and len(value) <= _MAX_TEXT:
        return value
    hint = f'"{value}"' if isinstance(value, int | float) else None
    what = "an empty or too long one" if isinstance(value, str) else quoted(value)
    raise FieldError(FieldProblem(f"expected a text of 1 to {_MAX_TEXT} characters, not {what}", hint=hint))


def parse_mapping(value: object, expected: str) -> Mapping[str, Any]:
    """Return a mapping of at most 1,000 keys.

    Raises:
        FieldError: Anything else.
    """
    if not isinstance(value, Mapping):
        raise FieldError(FieldProblem(f"expected {expected}, not {quoted(value)}", code="type"))
    if len(value) > _MAX_KEYS:
        raise FieldError(FieldProblem(f"expected at most {_MAX_KEYS} keys, not {len(value)}", code="range"))
    return value


def label_key_problem(key: str) -> FieldProblem | None:
    """The problem with the name of a label or an extended resource, if there is one."""
    if _LABEL_KEY.fullmatch(key):
        return None
    return FieldProblem(f"{quoted(key)} is not a name as tier or example.com/team", (key,), on_key=True)


def label_value_problem(value: object, path: tuple[str | int, ...]) -> FieldProblem | None:
    """The problem with the value of a label, if there is one."""
    if isinstance(value, str) and _LABEL_VALUE.fullmatch(value):
        return None
    hint = f'"{str(value).lower() if isinstance(value, bool) else value}"'
    return FieldProblem(
        f"expected a label of letters, digits, '-', '_' and '.', at most 63 long, not {quoted(value)}",
        path,
        hint if isinstance(value, int | float) else None,
    )


def parse_labels(value: object) -> dict[str, str]:
    """Return labels.

    Raises:
        FieldError: Not a mapping of names to texts.
    """
    problems: list[FieldProblem] = []
    labels = parse_mapping(value, "a mapping of labels, as {tier: web}")
    for key, label in labels.items():
        found = label_key_problem(key) or label_value_problem(label, (key,))
        if found is not None:
            problems.append(found)
    if problems:
        raise FieldError(*problems)
    return dict(labels)


_OWN_KEYS: Final = ("cpu", "memory", "pods", "ephemeral-storage", "gpu")


def parse_amounts(value: object) -> dict[str, int]:
    """Return extended resources: whole numbers by name.

    Raises:
        FieldError: Not a mapping of names to whole numbers from 0 to 1e9.
    """
    amounts: dict[str, int] = {}
    problems: list[FieldProblem] = []
    for key, amount in parse_mapping(value, "a mapping as {example.com/fpga: 2}").items():
        found = label_key_problem(key)
        if found is None and key in _OWN_KEYS:
            found = FieldProblem(f"'{key}' is a key of its own, beside 'extended'", (key,), on_key=True)
        if found is not None:
            problems.append(found)
            continue
        try:
            amounts[key] = parse_count(amount, f"a whole number of {key}", 0, 10**9)
        except UnitError as error:
            problems.append(FieldProblem(error.sentence, (key,), error.suggestion))
    if problems:
        raise FieldError(*problems)
    return amounts


def parse_positive_duration_s(value: object) -> float:
    """Return seconds above 0.

    Raises:
        UnitError: Not a time, or 0.
    """
    seconds = parse_duration_s(value)
    if seconds <= 0:
        raise UnitError("expected a time longer than 0, as 30s, 15m, 2h or 300d")
    return seconds


def parse_positive_rate_per_s(value: object) -> float:
    """Return a rate above 0 per second.

    Raises:
        UnitError: Not a rate, or 0.
    """
    rate = parse_rate_per_s(value)
    if rate <= 0:
        raise UnitError("expected a rate above 0, as 10/h or 0.5/s")
    return rate


def _string(pattern: str, *examples: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern, "examples": list(examples)}


_TIME_SCHEMA: Final = _string(r"^([0-9.]+(us|ms|s|m|h|d))+$", "30s", "15m", "300d")
_CPU_SCHEMA: Final = {"anyOf": [{"type": "number", "minimum": 0}, _string(r"^[0-9.]+m?$", "500m")]}
_SIZE_SCHEMA: Final = _string(r"^[0-9.]+([KMGTPE]i|[kMGTPE])$", "32Gi", "512Mi")

DurationS = Annotated[float, FieldType(parse_duration_s, format_duration_s, _TIME_SCHEMA)]
PositiveDurationS = Annotated[float, FieldType(parse_positive_duration_s, format_duration_s, _TIME_SCHEMA)]
RatePerS = Annotated[
    float, FieldType(parse_positive_rate_per_s, format_rate_per_s, _string(r"^[0-9.]+/(ms|s|m|h|d)$", "10/h"))
]
CpuMillicores = Annotated[int, FieldType(parse_millicores, format_millicores, _CPU_SCHEMA)]
SizeBytes = Annotated[int, FieldType(parse_bytes, format_bytes, _SIZE_SCHEMA)]
DnsName = Annotated[str, FieldType(parse_dns_name, None, _string(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"))]
Flag = Annotated[bool, FieldType(parse_flag, None, {"type": "boolean"})]
Text = Annotated[str, FieldType(parse_text, None, {"type": "string", "minLength": 1})]
Labels = Annotated[
    dict[str, str],
    FieldType(parse_labels, None, {"type": "object", "additionalProperties": {"type": "string"}}),
]
Amounts = Annotated[
    dict[str, int],
    FieldType(parse_amounts, None, {"type": "object", "additionalProperties": {"type": "integer"}}),
]
SelectorField = Annotated[
    Selector, FieldType(parse_selector, str, {"anyOf": [{"type": "string"}, {"type": "object"}]})
]
