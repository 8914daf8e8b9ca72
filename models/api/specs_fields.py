"""Building blocks of the scenario schema: the base of all specs, and fields that explain themselves.

A field's parser raises FieldError, which carries problems with paths of their own (a distribution's
``mean``, one label of many); models.api.loading gives them their positions. Nothing that pydantic says itself
reaches a user.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict

from models.api.selectors import Selector, SelectorError, parse_selector
from models.api.specs_names import (
    parse_amounts,
    parse_dns_name,
    parse_dns_subdomain,
    parse_label_key,
    parse_label_value,
    parse_labels,
)
from models.api.specs_problems import FieldError, FieldProblem, FieldType, one_of, quoted
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
    "Amounts",
    "CpuMillicores",
    "DnsName",
    "DnsSubdomain",
    "DurationS",
    "Flag",
    "LabelKey",
    "LabelSelectorField",
    "LabelValue",
    "Labels",
    "PositiveDurationS",
    "RatePerS",
    "SelectorField",
    "SizeBytes",
    "Spec",
    "Text",
    "choice",
    "number",
    "whole",
]

_MAX_TEXT: Final = 4096


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


def whole(expected: str, minimum: int, maximum: int) -> FieldType:
    """Annotation of an int in a range; ``expected`` names it in words."""
    schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return FieldType(lambda value: parse_count(value, expected, minimum, maximum), None, schema)


def number(expected: str, minimum: float, maximum: float) -> FieldType:
    """Annotation of a float without unit in a range; ``expected`` names it in words."""
    schema = {"type": "number", "minimum": minimum, "maximum": maximum}
    return FieldType(lambda value: parse_number(value, expected, minimum, maximum), None, schema)


def choice(*words: str) -> FieldType:
    """Annotation of a text that is one of the words."""
    return FieldType(lambda value: one_of(value, words), None, {"enum": list(words)})


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


def parse_label_selector(value: object) -> Selector:
    """Return a selector of labels alone, as that of a controller or a service.

    Raises:
        SelectorError: Not a selector, or one that asks for a name.
    """
    selector = parse_selector(value)
    if selector.names:
        name = selector.names[0]
        raise SelectorError(f"expected labels, as app=web, not the name '{name}'", (), f"app={name}")
    return selector


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
DnsSubdomain = Annotated[
    str, FieldType(parse_dns_subdomain, None, _string(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"))
]
Flag = Annotated[bool, FieldType(parse_flag, None, {"type": "boolean"})]
Text = Annotated[str, FieldType(parse_text, None, {"type": "string", "minLength": 1})]
Labels = Annotated[
    dict[str, str],
    FieldType(parse_labels, None, {"type": "object", "additionalProperties": {"type": "string"}}),
]
LabelKey = Annotated[str, FieldType(parse_label_key, None, {"type": "string"})]
LabelValue = Annotated[str, FieldType(parse_label_value, None, {"type": "string"})]
Amounts = Annotated[
    dict[str, int],
    FieldType(parse_amounts, None, {"type": "object", "additionalProperties": {"type": "integer"}}),
]
SelectorField = Annotated[
    Selector, FieldType(parse_selector, str, {"anyOf": [{"type": "string"}, {"type": "object"}]})
]
LabelSelectorField = Annotated[
    Selector, FieldType(parse_label_selector, str, {"anyOf": [{"type": "string"}, {"type": "object"}]})
]
