"""Constants of the kernel models that no source gives: fitted to what a live kernel did.

There are at most six. All else in models/kernel is a rule or a number of the kernel's own, named where it is used.
``wavetank verify kernel`` fits them again and tells the error of each kind of cases with that kind left out of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

__all__ = ["FITTED", "FittedConstants", "FittedField", "fitted_fields"]


@dataclass(frozen=True, slots=True)
class FittedField:
    """What is known of a fitted constant.

    Attributes:
        name: Of the field.
        kinds: The kinds of cases that say something of it.
        prior: Its value where no case says anything.
        least: Where the fitting looks, from here,
        most: to here.
        source: Why it is about what it is.
    """

    name: str
    kinds: tuple[str, ...]
    prior: float
    least: float
    most: float
    source: str


def _fitted(
    value: float, *, kinds: tuple[str, ...], prior: float, bounds: tuple[float, float], source: str
) -> Any:
    known = {"kinds": kinds, "prior": prior, "least": bounds[0], "most": bounds[1], "source": source}
    return field(default=value, metadata=known)


@dataclass(frozen=True, slots=True)
class FittedConstants:
    """The fitted constants, at most six; units in the names."""

    process_bytes: float = _fitted(
        468 * 1024.0,
        kinds=("memory",),
        prior=200 * 1024.0,
        bounds=(50 * 1024.0, 1024 * 1024.0),
        source="memory of a small static process: FACTS L27 (100 to 300 KiB with page tables), and its own data",
    )


def fitted_fields() -> list[FittedField]:
    """Return what is known of each fitted constant."""
    return [FittedField(each.name, **each.metadata) for each in fields(FittedConstants)]


FITTED: Final = FittedConstants()
"""As fitted to the cases that are given."""
