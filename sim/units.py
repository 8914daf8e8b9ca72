"""Quantities with units: read from text, written back so that reading gives the same number.

Each ``parse_*`` takes a value as YAML gives it (text or number) and returns a number in the unit of its
name. All raise :class:`UnitError`, a ValueError whose text is one sentence and whose ``suggestion`` is the
nearest thing that would be accepted.

CPU and sizes follow Kubernetes' resource.Quantity: exact decimals, rounded *up* to whole millicores and
bytes (``MilliValue()`` and ``Value()``: ``0.3Gi`` is 322122548 bytes, ``1500u`` of CPU is 2 millicores).
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, localcontext
from typing import Final

__all__ = [
    "MAX_BYTES",
    "MAX_DURATION_S",
    "MAX_MILLICORES",
    "UnitError",
    "format_bytes",
    "format_duration_s",
    "format_millicores",
    "format_rate_per_s",
    "parse_bytes",
    "parse_bytes_exact",
    "parse_count",
    "parse_duration_s",
    "parse_millicores",
    "parse_millicores_exact",
    "parse_number",
    "parse_rate_per_s",
    "parse_ratio",
]

MAX_DURATION_S: Final = 1000 * 365.25 * 86400.0
MAX_MILLICORES: Final = 1_000_000_000
MAX_BYTES: Final = 2**60
_MAX_PER_S: Final = 1e9

_SECONDS: Final = {
    "us": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_TIME_WORDS: Final = {
    "usec": "us", "msec": "ms", "millis": "ms", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "min": "m", "mins": "m", "minute": "m", "minutes": "m", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "day": "d", "days": "d",
}  # fmt: skip
_CPU_UNITS: Final = {"": Decimal(1000), "m": Decimal(1), "u": Decimal("1e-3"), "n": Decimal("1e-6")}
_BYTE_UNITS: Final = {
    **{f"{letter}i": Decimal(1024 ** (i + 1)) for i, letter in enumerate("KMGTPE")},
    **{letter: Decimal(1000 ** (i + 1)) for i, letter in enumerate("kMGTPE")},
}
_NUMBER: Final = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_QUANTITY: Final = re.compile(rf"([+-]?)({_NUMBER})([eE][+-]?[0-9]{{1,4}})?\s*([A-Za-zµ%/]*)")
_TIME_PART: Final = re.compile(rf"({_NUMBER})([eE][+-]?[0-9]{{1,4}})?(us|ms|s|m|h|d)")
_MAX_TEXT: Final = 64


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


def _shown(value: object) -> str:
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
    text = text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 3] + "..."
    return f"'{text}'" if isinstance(value, str) else text


def int_or_none(value: float) -> int | None:
    """The whole number equal to ``value``, if there is one."""
    return int(value) if math.isfinite(value) and value == int(value) else None


def _finite(value: object, expected: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        name = "not a number (NaN)" if math.isnan(value) else "infinite"
        raise UnitError(f"expected {expected}, but the value is {name}")


def _split(text: str, expected: str, largest: str) -> tuple[Decimal, str, bool]:
    """Split ``1.5Gi`` into number, unit, and whether the number has an exponent."""
    match = _QUANTITY.fullmatch(text.strip()) if len(text) <= _MAX_TEXT else None
    if match is None:
        raise UnitError(f"expected {expected}, not {_shown(text)}")
    sign, digits, exponent, unit = match.groups()
    number = Decimal(digits + (exponent or ""))
    if sign == "-" and number != 0:
        raise UnitError(f"expected {expected}, not less than 0, but the value is {_shown(text)}")
    if number.adjusted() > 30:
        raise UnitError(f"expected {expected}, at most {largest}, but the value is {_shown(text)}")
    return number, unit, exponent is not None


def _in_range(number: Decimal, maximum: float, value: object, expected: str, largest: str) -> None:
    if number < 0:
        raise UnitError(f"expected {expected}, not less than 0, but the value is {_shown(value)}")
    if number > Decimal(maximum):
        raise UnitError(f"expected {expected}, at most {largest}, but the value is {_shown(value)}")


def parse_duration_s(value: object) -> float:
    """Return seconds from ``250ms``, ``30s``, ``15m``, ``1.5h``, ``300d`` or ``1h30m``.

    Raises:
        UnitError: No unit, an unknown one, a negative or unbounded time, or more than 1,000 years.
    """
    expected, largest = "a time with a unit, as 30s, 15m, 2h or 300d", "365250d (1,000 years)"
    _finite(value, expected)
    if isinstance(value, int | float) and not isinstance(value, bool):
        suggestion = f"{_plain(value)}s" if 0 <= value <= MAX_DURATION_S else None
        raise UnitError(f"expected {expected}, not the bare number {_shown(value)}", suggestion)
    if not isinstance(value, str):
        raise UnitError(f"expected {expected}, not {_shown(value)}")
    total = _compound_s(value.strip())
    if total is None:
        number, unit, _ = _split(value, expected, largest)
        suggested = _TIME_WORDS.get(unit.lower(), unit.lower() if unit.lower() in _SECONDS else None)
        if unit == "":
            raise UnitError(f"expected {expected}, not the bare number {_shown(value)}", f"{value.strip()}s")
        hint = f"{_plain(number)}{suggested}" if suggested else None
        raise UnitError(
            f"'{unit}' is not a unit of time in {_shown(value)}: expected us, ms, s, m, h or d", hint
        )
    _in_range(total, MAX_DURATION_S, value, expected, largest)
    return float(total)


def _compound_s(text: str) -> Decimal | None:
    """The seconds of ``1h30m``: each unit at most once, the larger first; None if the text is not that."""
    if not text or len(text) > _MAX_TEXT:
        return None
    total, position, last = Decimal(0), 0, Decimal("Infinity")
    with localcontext() as context:
        context.prec = 60
        while position < len(text):
            match = _TIME_PART.match(text, position)
            if match is None:
                return None
            unit_s = _SECONDS[match[3]]
            if unit_s >= last:
                return None
            last, position = unit_s, match.end()
            number = Decimal(match[1] + (match[2] or ""))
            total += min(number, Decimal("1e40")) * unit_s
    return total


def _plain(number: float | Decimal) -> str:
    """A number as short as it can be without losing anything."""
    if isinstance(number, Decimal):
        return format(number.normalize(), "f") if abs(number.adjusted()) < 20 else str(number)
    whole = int_or_none(number)
    return str(whole) if whole is not None else repr(number)


def format_duration_s(seconds: float) -> str:
    """Return the shortest text that :func:`parse_duration_s` reads as exactly ``seconds``."""
    for unit, unit_s in reversed(_SECONDS.items()):
        count = seconds / float(unit_s)
        whole = int_or_none(count)
        if whole is not None and float(whole * unit_s) == seconds and (whole != 0 or unit == "s"):
            return f"{whole}{unit}"
    return f"{seconds!r}s"


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
    _finite(value, expected)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnitError(f"expected {expected}, not {_shown(value)}")
    if isinstance(value, str):
        number, unit, _ = _split(value, expected, largest)
        if unit not in _CPU_UNITS:
            hint = f"{_plain(number)}m" if unit.lower() in {"m", "mcpu", "millicores", "mi"} else None
            hint = _plain(number) if unit.lower() in {"c", "cpu", "cpus", "core", "cores", "vcpu"} else hint
            raise UnitError(f"'{unit}' is not a unit of CPU in {_shown(value)}: expected {expected}", hint)
        millicores = number * _CPU_UNITS[unit]
    else:
        millicores = Decimal(repr(value)) * 1000
    _in_range(millicores, MAX_MILLICORES, value, expected, largest)
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


def _bytes(value: object) -> Decimal:
    expected, largest = "a size with a unit, as 32Gi, 512Mi or 100M", "1 EiB"
    _finite(value, expected)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnitError(f"expected {expected}, not {_shown(value)}")
    if isinstance(value, str):
        number, unit, has_exponent = _split(value, expected, largest)
        if unit == "" and not has_exponent:
            raise UnitError(
                f"expected {expected}, not the bare number {_shown(value)}", _suggest_bytes(number)
            )
    else:
        number, unit = Decimal(repr(value)), ""
        _in_range(number, MAX_BYTES, value, expected, largest)
        # YAML reads 1e9 as a float and 1000000000 as an int: an exponent says that bytes are meant.
        if not (isinstance(value, float) and value >= 1000 and value == int(value)):
            raise UnitError(
                f"expected {expected}, not the bare number {_shown(value)}", _suggest_bytes(number)
            )
    if unit and unit not in _BYTE_UNITS:
        raise UnitError(
            f"'{unit}' is not a unit of size in {_shown(value)}: expected Ki, Mi, Gi, Ti or k, M, G, T",
            _suggest_unit(number, unit),
        )
    size = number * _BYTE_UNITS[unit] if unit else number
    _in_range(size, MAX_BYTES, value, expected, largest)
    return size


def _suggest_bytes(number: Decimal) -> str | None:
    """A size for a bare number: itself with a unit if small, else the same bytes in the largest unit."""
    if number < 4096:
        return f"{_plain(number)}{'Gi' if number <= 1024 else 'Mi'}"
    return format_bytes(float(number)) if number <= MAX_BYTES else None


def _suggest_unit(number: Decimal, unit: str) -> str | None:
    letter = unit[:1].upper()
    if letter not in set("KMGTPE"):
        return None
    binary = f"{letter}i"
    decimal = "k" if letter == "K" else letter
    return f"{_plain(number)}{binary if 'i' in unit.lower() or unit == 'm' else decimal}"


def format_bytes(size_bytes: float) -> str:
    """Return the shortest text with a unit that is read as exactly ``size_bytes``."""
    whole = int_or_none(size_bytes)
    if whole is not None:
        for unit in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki", "E", "P", "T", "G", "M", "k"):
            if whole and whole % int(_BYTE_UNITS[unit]) == 0:
                return f"{whole // int(_BYTE_UNITS[unit])}{unit}"
    if size_bytes == 0:
        return "0Mi"
    return f"{Decimal(repr(size_bytes)).scaleb(-3):f}k"


def parse_rate_per_s(value: object) -> float:
    """Return events per second from ``10/h`` or ``0.5/s``.

    Raises:
        UnitError: No ``/unit``, an unknown unit, or not between 0 and 1e9 per second.
    """
    expected, largest = "a rate, as 10/h or 0.5/s", "1e9/s"
    _finite(value, expected)
    if isinstance(value, int | float) and not isinstance(value, bool):
        suggestion = f"{_plain(value)}/s" if 0 <= value <= _MAX_PER_S else None
        raise UnitError(f"expected {expected}, not the bare number {_shown(value)}", suggestion)
    if not isinstance(value, str):
        raise UnitError(f"expected {expected}, not {_shown(value)}")
    number, unit, _ = _split(value, expected, largest)
    per = unit.removeprefix("/")
    if not unit.startswith("/") or per not in _SECONDS:
        word = per.lower().removeprefix("per")
        near = word if word in _SECONDS else _TIME_WORDS.get(word, "s" if per == "" else None)
        hint = f"{_plain(number)}/{near}" if near else None
        raise UnitError(f"expected {expected}, not {_shown(value)}", hint)
    with localcontext() as context:
        context.prec = 40
        rate = number / _SECONDS[per]
    _in_range(rate, _MAX_PER_S, value, expected, largest)
    return float(rate)


def format_rate_per_s(rate_per_s: float) -> str:
    """Return the rate per second as text."""
    return f"{_plain(rate_per_s)}/s"


def parse_ratio(value: object) -> float:
    """Return a share between 0 and 1.

    Raises:
        UnitError: Not a number between 0 and 1; a percentage is told its ratio.
    """
    if (
        isinstance(value, str)
        and re.fullmatch(rf"(?:{_NUMBER})\s*%", value.strip())
        and len(value) <= _MAX_TEXT
    ):
        share = Decimal(value.strip().rstrip("% ")) / 100
        hint = _plain(share) if share <= 1 else None
        raise UnitError(f"expected a ratio between 0 and 1, not the percentage {_shown(value)}", hint)
    return parse_number(value, "a ratio between 0 and 1", 0.0, 1.0)


def parse_number(value: object, expected: str, minimum: float, maximum: float) -> float:
    """Return a number without unit between ``minimum`` and ``maximum``, both allowed.

    Raises:
        UnitError: Not a number, or out of range; ``expected`` says in words what was asked for.
    """
    _finite(value, expected)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnitError(f"expected {expected}, not {_shown(value)}")
    if not minimum <= value <= maximum:
        limits = f"between {_plain(minimum)} and {_plain(maximum)}"
        said = expected if "between" in expected else f"{expected} {limits}"
        raise UnitError(f"expected {said}, but the value is {_shown(value)}")
    return float(value)


def parse_count(value: object, expected: str, minimum: int, maximum: int) -> int:
    """Return a whole number between ``minimum`` and ``maximum``, both allowed.

    A float that is whole (``1e3``) is taken.

    Raises:
        UnitError: Not a whole number, or out of range; ``expected`` says in words what was asked for.
    """
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value) and minimum <= int(value) <= maximum:
        raise UnitError(f"expected {expected}, not the text {_shown(value)}", str(int(value)))
    _finite(value, expected)
    whole = value if isinstance(value, int) else int_or_none(value) if isinstance(value, float) else None
    if isinstance(value, bool) or whole is None:
        hint = str(round(value)) if isinstance(value, float) and minimum <= round(value) <= maximum else None
        raise UnitError(f"expected {expected}, not {_shown(value)}", hint)
    if not minimum <= whole <= maximum:
        raise UnitError(
            f"expected {expected} between {minimum} and {maximum}, but the value is {_shown(value)}"
        )
    return whole
