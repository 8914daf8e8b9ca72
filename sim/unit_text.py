"""Numbers with units as text: how they are split, shown and refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

__all__ = [
    "MAX_TEXT",
    "NUMBER",
    "UnitError",
    "accepted",
    "in_range",
    "int_or_none",
    "plain",
    "refuse_infinite",
    "shown",
    "split",
]

MAX_TEXT: Final = 64
NUMBER: Final = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_QUANTITY: Final = re.compile(rf"([+-]?)({NUMBER})([eE][+-]?[0-9]{{1,4}})?\s*([A-Za-zµ%/]*)")


class UnitError(ValueError):
    """A quantity that cannot be taken.

    Args:
        sentence: What is wrong and what was expected, without a final full stop.
        suggestion: Something near that would be accepted.
    """

    def __init__(self, sentence: str, suggestion: str | None = None) -> None:
        super().__init__(sentence, suggestion)
        self.sentence = sentence
        self.suggestion = suggestion

    def __str__(self) -> str:
        hint = "" if self.suggestion is None else f"; did you mean '{self.suggestion}'?"
        return self.sentence + hint


def shown(value: object) -> str:
    """A value as a person would name it, cut where it is long."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = f"{value:g}" if isinstance(value, float) and value != int_or_none(value) else str(value)
    text = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."
    return f"'{text}'" if isinstance(value, str) else text


def accepted(parse: Callable[[str], object], suggestion: str | None) -> str | None:
    """Return the suggestion if it would itself be taken, else None."""
    if suggestion is None:
        return None
    try:
        parse(suggestion)
    except UnitError:
        return None
    return suggestion


def int_or_none(value: float) -> int | None:
    """The whole number equal to ``value``, if there is one."""
    return int(value) if math.isfinite(value) and value == int(value) else None


def refuse_infinite(value: object, expected: str) -> None:
    """Raise UnitError for NaN and infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        name = "not a number (NaN)" if math.isnan(value) else "infinite"
        raise UnitError(f"expected {expected}, but the value is {name}")


def split(text: str, expected: str, largest: str) -> tuple[Decimal, str, bool]:
    """Split ``1.5Gi`` into number, unit, and whether the number has an exponent."""
    match = _QUANTITY.fullmatch(text.strip()) if len(text) <= MAX_TEXT else None
    if match is None:
        raise UnitError(f"expected {expected}, not {shown(text)}")
    sign, digits, exponent, unit = match.groups()
    number = Decimal(digits + (exponent or ""))
    if sign == "-" and number != 0:
        raise UnitError(f"expected {expected}, not less than 0, but the value is {shown(text)}")
    if number.adjusted() > 30:
        raise UnitError(f"expected {expected}, at most {largest}, but the value is {shown(text)}")
    return number, unit, exponent is not None


def in_range(number: Decimal, maximum: float, value: object, expected: str, largest: str) -> None:
    """Raise UnitError where a number is below 0 or above the maximum."""
    if number < 0:
        raise UnitError(f"expected {expected}, not less than 0, but the value is {shown(value)}")
    if number > Decimal(maximum):
        raise UnitError(f"expected {expected}, at most {largest}, but the value is {shown(value)}")


def plain(number: float | Decimal) -> str:
    """A number as short as it can be without losing anything."""
    if isinstance(number, Decimal):
        return format(number.normalize(), "f") if abs(number.adjusted()) < 20 else str(number)
    whole = int_or_none(number)
    return str(whole) if whole is not None else repr(number)
