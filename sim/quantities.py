"""CPU and sizes as Kubernetes' resource.Quantity: exact decimals, rounded *up* to whole millicores and bytes.

``MilliValue()`` and ``Value()``: ``0.3Gi`` is 322122548 bytes, ``1500u`` of CPU is 2 millicores.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from sim.unit_text import UnitError, accepted, in_range, int_or_none, plain, refuse_infinite, shown, split

__all__ = [
    "MAX_BYTES",
    "MAX_MILLICORES",
    "format_bytes",
    "format_millicores",
    "parse_bytes",
    "parse_bytes_exact",
    "parse_bytes_per_s",
    "parse_millicores",
    "parse_millicores_exact",
]

MAX_MILLICORES: Final = 1_000_000_000
MAX_BYTES: Final = 2**60
_CPU_UNITS: Final = {"": Decimal(1000), "m": Decimal(1), "u": Decimal("1e-3"), "n": Decimal("1e-6")}
_BITS: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([kMGT])(?:bps|bits?/s|b/s)")
_BYTE_UNITS: Final = {
    **{f"{letter}i": Decimal(1024 ** (i + 1)) for i, letter in enumerate("KMGTPE")},
    **{letter: Decimal(1000 ** (i + 1)) for i, letter in enumerate("kMGTPE")},
}


def parse_millicores_exact(value: object) -> float:
    """Return millicores, not rounded, from ``8``, ``0.5`` or ``500m``.

    Raises:
        UnitError: Not a quantity of CPU between 0 and 1,000,000 cores.
    """
    return float(_millicores(value))


def parse_millicores(value: object) -> int:
    """Return whole millicores, rounded up as Kubernetes does, from ``8``, ``0.5`` or ``500m``.

    Raises:
        UnitError: Not a quantity of CPU between 0 and 1,000,000 cores.
    """
    return math.ceil(_millicores(value))


def _millicores(value: object) -> Decimal:
    expected, largest = "an amount of CPU in cores, as 8, 0.5 or 500m", "1000000 cores"
    refuse_infinite(value, expected)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnitError(f"expected {expected}, not {shown(value)}")
    if isinstance(value, str):
        number, unit, _ = split(value, expected, largest)
        if unit not in _CPU_UNITS:
            hint = f"{plain(number)}m" if unit.lower() in {"m", "mcpu", "millicores", "mi"} else None
            hint = plain(number) if unit.lower() in {"c", "cpu", "cpus", "core", "cores", "vcpu"} else hint
            raise UnitError(
                f"'{unit}' is not a unit of CPU in {shown(value)}: expected {expected}",
                accepted(parse_millicores, hint),
            )
        millicores = number * _CPU_UNITS[unit]
    else:
        millicores = Decimal(repr(value)) * 1000
    in_range(millicores, MAX_MILLICORES, value, expected, largest)
    return millicores


def format_millicores(millicores: float) -> str:
    """Return cores where they are whole (``8``), else millicores (``500m``)."""
    whole = int_or_none(millicores)
    if whole is not None:
        return str(whole // 1000) if whole % 1000 == 0 else f"{whole}m"
    return f"{millicores!r}m"


def parse_bytes_exact(value: object) -> float:
    """Return bytes, not rounded, from ``32Gi``, ``512Mi``, ``100M`` or ``1e9``.

    Raises:
        UnitError: No unit, an unknown one, or not between 0 and 1 EiB.
    """
    return float(_bytes(value))


def parse_bytes(value: object) -> int:
    """Return whole bytes, rounded up as Kubernetes does, from ``32Gi``, ``512Mi``, ``100M`` or ``1e9``.

    Raises:
        UnitError: No unit, an unknown one, or not between 0 and 1 EiB.
    """
    return math.ceil(_bytes(value))


def parse_bytes_per_s(value: object) -> int:
    """Return whole bytes a second, more than 0, from ``100Mi/s`` or ``1.25G/s``.

    Raises:
        UnitError: No size with ``/s``; bits a second are told in bytes.
    """
    expected = "bytes a second, as 100Mi/s or 1.25G/s"
    text = value.strip() if isinstance(value, str) and len(value) <= 64 else ""
    bits = _BITS.fullmatch(text)
    if bits is not None:
        hint = accepted(parse_bytes_per_s, f"{plain(Decimal(bits[1]) / 8)}{bits[2]}/s")
        raise UnitError(f"expected {expected}, not bits: {shown(value)}", hint)
    size, per = text[:-2].rstrip(), text[-2:]
    if per == "/s":
        try:
            found = parse_bytes(size)
        except UnitError as error:
            hint = error.suggestion and accepted(parse_bytes_per_s, f"{error.suggestion}/s")
            raise UnitError(f"expected {expected}, not {shown(value)}", hint) from None
        if found > 0:
            return found
        raise UnitError(f"expected {expected}, more than 0, not {shown(value)}")
    raise UnitError(f"expected {expected}, not {shown(value)}", accepted(parse_bytes_per_s, f"{value}/s"))


def _bytes(value: object) -> Decimal:
    expected, largest = "a size with a unit, as 32Gi, 512Mi or 100M", "1 EiB"
    refuse_infinite(value, expected)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnitError(f"expected {expected}, not {shown(value)}")
    if isinstance(value, str):
        number, unit, has_exponent = split(value, expected, largest)
        if unit == "" and not has_exponent:
            raise UnitError(
                f"expected {expected}, not the bare number {shown(value)}", _suggest_bytes(number)
            )
    else:
        number, unit = Decimal(repr(value)), ""
        in_range(number, MAX_BYTES, value, expected, largest)
        # YAML reads 1e9 as a float and 1000000000 as an int: an exponent says that bytes are meant.
        if not (isinstance(value, float) and value >= 1000 and value == int(value)):
            raise UnitError(
                f"expected {expected}, not the bare number {shown(value)}", _suggest_bytes(number)
            )
    if unit and unit not in _BYTE_UNITS:
        raise UnitError(
            f"'{unit}' is not a unit of size in {shown(value)}: expected Ki, Mi, Gi, Ti or k, M, G, T",
            accepted(parse_bytes, _suggest_unit(number, unit)),
        )
    size = number * _BYTE_UNITS[unit] if unit else number
    in_range(size, MAX_BYTES, value, expected, largest)
    return size


def _suggest_bytes(number: Decimal) -> str | None:
    """A size for a bare number: itself with a unit if small, else the same bytes in the largest unit."""
    if number < 4096:
        return f"{plain(number)}{'Gi' if number <= 1024 else 'Mi'}"
    return format_bytes(float(number)) if number <= MAX_BYTES else None


def _suggest_unit(number: Decimal, unit: str) -> str | None:
    letter = unit[:1].upper()
    if letter not in set("KMGTPE"):
        return None
    binary = f"{letter}i"
    decimal = "k" if letter == "K" else letter
    return f"{plain(number)}{binary if 'i' in unit.lower() or unit == 'm' else decimal}"


def format_bytes(size_bytes: float) -> str:
    """Return the shortest text with a unit that is read as exactly ``size_bytes``."""
    whole = int_or_none(size_bytes)
    if whole is not None:
        for unit in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki", "E", "P", "T", "G", "M", "k"):
            if whole and whole % int(_BYTE_UNITS[unit]) == 0:
                return f"{whole // int(_BYTE_UNITS[unit])}{unit}"
    if size_bytes == 0:
        return "0Mi"
    return f"{plain(Decimal(repr(size_bytes)).scaleb(-3))}k"
