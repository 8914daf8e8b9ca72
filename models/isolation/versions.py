"""Versions of kernels and programs, and ranges of them: ``5.9-rc4`` is before ``5.9``, which is before ``5.9.1``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Final

from models.api.specs_problems import FieldError, FieldProblem, FieldType, quoted

__all__ = ["Version", "VersionField", "parse_version"]

_FORM: Final = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)(?:-rc\.?([0-9]+))?")
_FINAL: Final = 1 << 30
"""Sorts after any release candidate."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version that can be compared.

    Attributes:
        numbers: Between the dots, without zeros at the end.
        candidate: Of a release candidate its number, else more than any.
        text: As it was written; equal versions may be written in several ways.
    """

    numbers: tuple[int, ...]
    candidate: int
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.text


def parse_version(value: object) -> Version:
    """Return a version from ``5.10``, ``1.0-rc6`` or ``1.4.0-rc.3``.

    Raises:
        FieldError: Anything else; a number is told to stand in quotes, as 5.10 would be read as 5.1.
    """
    found = _FORM.fullmatch(value) if isinstance(value, str) and len(value) <= 60 else None
    if found is None:
        hint = f'"{value}"' if isinstance(value, int | float) and not isinstance(value, bool) else None
        sentence = f'expected a version in quotes, as "5.10" or "1.0-rc6", not {quoted(value)}'
        raise FieldError(FieldProblem(sentence, hint=hint, code="version"))
    numbers = [int(part) for part in found[1].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    candidate = _FINAL if found[2] is None else int(found[2])
    return Version(tuple(numbers), candidate, found[0])


VersionField = Annotated[Version, FieldType(parse_version, str, {"type": "string", "examples": ["5.10"]})]
"""A field that holds one."""
