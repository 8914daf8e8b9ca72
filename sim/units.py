"""Quantities with units: read from text, written back so that reading gives the same number.

Each ``parse_*`` takes a value as YAML gives it (text or number) and returns a number in the unit of its
name. All raise :class:`UnitError`, a ValueError whose text is one sentence and whose ``suggestion`` is the
nearest thing that would be accepted.

CPU and sizes are in sim.quantities and can be had from here too.
"""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from typing import Final

from sim.quantities import (
    MAX_BYTES,
    MAX_MILLICORES,
    format_bytes,
    format_millicores,
    parse_bytes,
    parse_bytes_exact,
    parse_bytes_per_s,
    parse_millicores,
    parse_millicores_exact,
)
from sim.unit_text import (
    MAX_TEXT,
    NUMBER,
    UnitError,
    accepted,
    in_range,
    int_or_none,
    plain,
    refuse_infinite,
    shown,
    split,
)

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
    "parse_bytes_per_s",
    "parse_count",
    "parse_duration_s",
    "parse_millicores",
    "parse_millicores_exact",
    "parse_number",
    "parse_rate_per_s",
    "parse_ratio",
]

MAX_DURATION_S: Final = 1000 * 365.25 * 86400.0
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
_TIME_PART: Final = re.compile(rf"({NUMBER})([eE][+-]?[0-9]{{1,4}})?(us|ms|s|m|h|d)")


def parse_duration_s(value: object) -> float:
    """Return seconds from ``250ms``, ``30s``, ``15m``, ``1.5h``, ``300d`` or ``1h30m``.

    Raises:
        UnitError: No unit, an unknown one, a negative or unbounded time, or more than 1,000 years.
    """
    expected, largest = "a time with a unit, as 30s, 15m, 2h or 300d", "365250d (1,000 years)"
    refuse_infinite(value, expected)
    if isinstance(value, int | float) and not isinstance(value, bool):
        suggestion = f"{plain(value)}s" if 0 <= value <= MAX_DURATION_S else None
        raise UnitError(f"expected {expected}, not the bare number {shown(value)}", suggestion)
    if not isinstance(value, str):
        raise UnitError(f"expected {expected}, not {shown(value)}")
    total = _compound_s(value.strip())
    if total is None:
        number, unit, _ = split(value, expected, largest)
        suggested = _TIME_WORDS.get(unit.lower(), unit.lower() if unit.lower() in _SECONDS else None)
        if unit == "":
            hint = accepted(parse_duration_s, f"{value.strip()}s")
            raise UnitError(f"expected {expected}, not the bare number {shown(value)}", hint)
        hint = f"{plain(number)}{suggested}" if suggested else None
        raise UnitError(
            f"'{unit}' is not a unit of time in {shown(value)}: expected us, ms, s, m, h or d",
            accepted(parse_duration_s, hint),
        )
    in_range(total, MAX_DURATION_S, value, expected, largest)
    return float(total)


def _compound_s(text: str) -> Decimal | None:
    """The seconds of ``1h30m``: each unit at most once, the larger first; None if the text is not that."""
    if not text or len(text) > MAX_TEXT:
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


def format_duration_s(seconds: float) -> str:
    """Return the shortest text that :func:`parse_duration_s` reads as exactly ``seconds``."""
    for unit, unit_s in reversed(_SECONDS.items()):
        count = seconds / float(unit_s)
        whole = int_or_none(count)
        if whole is not None and float(whole * unit_s) == seconds and (whole != 0 or unit == "s"):
            return f"{whole}{unit}"
    return f"{seconds!r}s"


def parse_rate_per_s(value: object) -> float:
    """Return events per second from ``10/h`` or ``0.5/s``.

    Raises:
        UnitError: No ``/unit``, an unknown unit, or not between 0 and 1e9 per second.
    """
    expected, largest = "a rate, as 10/h or 0.5/s", "1e9/s"
    refuse_infinite(value, expected)
    if isinstance(value, int | float) and not isinstance(value, bool):
        suggestion = f"{plain(value)}/s" if 0 <= value <= _MAX_PER_S else None
        raise UnitError(f"expected {expected}, not the bare number {shown(value)}", suggestion)
    if not isinstance(value, str):
        raise UnitError(f"expected {expected}, not {shown(value)}")
    number, unit, _ = split(value, expected, largest)
    per = unit.removeprefix("/")
    if not unit.startswith("/") or per not in _SECONDS:
        word = per.lower().removeprefix("per")
        near = word if word in _SECONDS else _TIME_WORDS.get(word, "s" if per == "" else None)
        hint = f"{plain(number)}/{near}" if near else None
        raise UnitError(f"expected {expected}, not {shown(value)}", accepted(parse_rate_per_s, hint))
    with localcontext() as context:
        context.prec = 40
        rate = number / _SECONDS[per]
    in_range(rate, _MAX_PER_S, value, expected, largest)
    return float(rate)


def format_rate_per_s(rate_per_s: float) -> str:
    """Return the rate per second as text."""
    return f"{plain(rate_per_s)}/s"


def parse_ratio(value: object) -> float:
    """Return a share between 0 and 1.

    Raises:
        UnitError: Not a number between 0 and 1; a percentage is told its ratio.
    """
    if (
        isinstance(value, str)
        and re.fullmatch(rf"(?:{NUMBER})\s*%", value.strip())
        and len(value) <= MAX_TEXT
    ):
        share = Decimal(value.strip().rstrip("% ")) / 100
        hint = plain(share) if share <= 1 else None
        raise UnitError(f"expected a ratio between 0 and 1, not the percentage {shown(value)}", hint)
    return parse_number(value, "a ratio between 0 and 1", 0.0, 1.0)


def parse_number(value: object, expected: str, minimum: float, maximum: float) -> float:
    """Return a number without unit between ``minimum`` and ``maximum``, both allowed.

    Raises:
        UnitError: Not a number, or out of range; ``expected`` says in words what was asked for.
    """
    refuse_infinite(value, expected)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnitError(f"expected {expected}, not {shown(value)}")
    if not minimum <= value <= maximum:
        limits = f"between {plain(minimum)} and {plain(maximum)}"
        said = expected if "between" in expected else f"{expected} {limits}"
        raise UnitError(f"expected {said}, but the value is {shown(value)}")
    return float(value)


def parse_count(value: object, expected: str, minimum: int, maximum: int) -> int:
    """Return a whole number between ``minimum`` and ``maximum``, both allowed.

    A float that is whole (``1e3``) is taken.

    Raises:
        UnitError: Not a whole number, or out of range; ``expected`` says in words what was asked for.
    """
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value) and minimum <= int(value) <= maximum:
        raise UnitError(f"expected {expected}, not the text {shown(value)}", str(int(value)))
    refuse_infinite(value, expected)
    whole = value if isinstance(value, int) else int_or_none(value) if isinstance(value, float) else None
    if isinstance(value, bool) or whole is None:
        hint = str(round(value)) if isinstance(value, float) and minimum <= round(value) <= maximum else None
        raise UnitError(f"expected {expected}, not {shown(value)}", hint)
    if not minimum <= whole <= maximum:
        raise UnitError(
            f"expected {expected} between {minimum} and {maximum}, but the value is {shown(value)}"
        )
    return whole
