"""Quantities as the API takes them: ``100m``, ``64Mi``, ``1e3``, ``129M``, ``128974848``.

Form and rounding: apimachinery pkg/api/resource/quantity.go, v0.20.2; ``MilliValue()`` and ``Value()`` round up.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, localcontext
from typing import Final

from sim.quantities import MAX_BYTES, MAX_MILLICORES

__all__ = [
    "MAX_AMOUNT",
    "QuantityError",
    "binary_quantity",
    "parse_quantity",
    "to_amount",
    "to_bytes",
    "to_millicores",
    "to_whole",
]

MAX_AMOUNT: Final = 10**9
_FORM: Final = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([eE][+-]?[0-9]{1,3}|[KMGTPE]i|[numkMGTPE]?)")
_LONGEST: Final = 60
_SUFFIXES: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{f"{letter}i": Decimal(1024 ** (i + 1)) for i, letter in enumerate("KMGTPE")},
    **{letter: Decimal(1000 ** (i + 1)) for i, letter in enumerate("kMGTPE")},
}
_RULE: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


class QuantityError(ValueError):
    """Not a quantity; the text is what the API answers."""


def parse_quantity(value: object) -> Decimal:
    """Return the exact number of a quantity.

    Raises:
        QuantityError: Not of the form, or below 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise QuantityError(_RULE)
    text = str(value)
    match = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise QuantityError(_RULE)
    number, suffix = Decimal(match[1]), match[2]
    with localcontext() as context:
        context.prec = 120
        scale = _SUFFIXES.get(suffix)
        amount = number * (Decimal(f"1{suffix}") if scale is None else scale)
    if amount < 0:
        raise QuantityError("must be greater than or equal to 0")
    return amount


def to_millicores(value: object) -> int:
    """Return CPU in whole millicores, rounded up.

    Raises:
        QuantityError: Not a quantity, or more than 1,000,000 cores.
    """
    return _whole(parse_quantity(value) * 1000, MAX_MILLICORES, "1000000 cores")


def to_bytes(value: object) -> int:
    """Return a size in whole bytes, rounded up.

    Raises:
        QuantityError: Not a quantity, or more than 1 Ei.
    """
    return _whole(parse_quantity(value), MAX_BYTES, "1Ei")


def to_whole(value: object) -> int:
    """Return the number in whole units of the quantity itself, rounded up: of ``250m`` 1.

    Raises:
        QuantityError: Not a quantity, or more than 1 Ei.
    """
    return to_bytes(value)


def to_amount(value: object) -> int:
    """Return a whole number of an extended resource.

    Raises:
        QuantityError: Not a quantity, not whole, or more than 1e9.
    """
    amount = parse_quantity(value)
    if amount != amount.to_integral_value():
        raise QuantityError("must be an integer")
    return _whole(amount, MAX_AMOUNT, "1000000000")


def _whole(amount: Decimal, maximum: int, words: str) -> int:
    if amount > maximum:
        raise QuantityError(f"must be at most {words}")
    return math.ceil(amount)


def binary_quantity(size: int) -> str:
    """Return a whole number as the API prints one of binary form: with the largest suffix that leaves it whole."""
    found = 0
    while size and size % 1024 == 0 and found < len("KMGTPE"):
        size //= 1024
        found += 1
    return f"{size}{'KMGTPE'[found - 1]}i" if found else str(size)
