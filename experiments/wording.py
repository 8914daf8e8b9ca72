"""Numbers as people read them: times, shares, amounts, quantiles that were not reached."""

from __future__ import annotations

import math

from experiments.statistics import Estimate, Quantile

__all__ = ["say_bytes", "say_count", "say_estimate", "say_number", "say_quantile_s", "say_share", "say_time"]

NOTHING = "-"
"""Said where there is no number."""


def say_number(number: float | None, digits: int = 4) -> str:
    """Return a number with so many significant digits and no more zeros than it needs."""
    if number is None or math.isnan(number):
        return NOTHING
    if math.isinf(number):
        return "infinite" if number > 0 else "-infinite"
    if number == int(number) and abs(number) < 10 ** (digits + 2):
        return f"{int(number):,}"
    size = math.floor(math.log10(abs(number)))
    text = f"{number:,.{max(0, digits - 1 - size)}f}" if -4 <= size < 15 else f"{number:.{digits - 1}e}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def say_count(number: float) -> str:
    """Return a whole number with separators."""
    return f"{int(number):,}"


def say_bytes(size_bytes: float) -> str:
    """Return a size in the binary unit in which it is easiest to read."""
    for unit_bytes, unit in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if abs(size_bytes) >= unit_bytes:
            return f"{say_number(size_bytes / unit_bytes, 3)} {unit}"
    return f"{say_number(size_bytes)} B"


def say_time(seconds: float | None) -> str:
    """Return a time in the unit in which it is easiest to read: s, min, h or d."""
    if seconds is None or not math.isfinite(seconds):
        return say_number(seconds)
    if abs(seconds) < 120:
        return f"{say_number(seconds, 3)} s"
    for limit_s, unit_s, unit in ((7200, 60, "min"), (172_800, 3600, "h")):
        if abs(seconds) < limit_s:
            return f"{say_number(seconds / unit_s, 3)} {unit}"
    return f"{say_number(seconds / 86_400, 3)} d"


def say_quantile_s(found: Quantile) -> str:
    """Return the time, or ``> x`` where the quantile was not reached."""
    if found.value is not None:
        return say_time(found.value)
    return NOTHING if found.at_least is None else f"> {say_time(found.at_least)}"


def say_share(ratio: float | None) -> str:
    """Return a ratio as percent."""
    return NOTHING if ratio is None or math.isnan(ratio) else f"{100 * ratio:.1f}%"


def say_estimate(found: Estimate, digits: int = 4) -> str:
    """Return mean and interval, or why there is none."""
    if found.mean is None:
        return found.words
    if found.low is None or found.high is None:
        return f"{say_number(found.mean, digits)} ({found.words})"
    ends = f"{say_number(found.low, digits)} to {say_number(found.high, digits)}"
    return f"{say_number(found.mean, digits)} ({ends})"
