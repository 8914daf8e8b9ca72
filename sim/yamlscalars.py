"""Plain scalars by the YAML 1.2 core schema: what a word without quotes means."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["ScalarProblem", "resolve_plain", "resolve_tagged"]

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NAN: Final = frozenset({".nan", ".NaN", ".NAN"})
_MAX_DIGITS: Final = 100
_CORE: Final = "tag:yaml.org,2002:"


class ScalarProblem(ValueError):
    """A scalar that has no value: an unknown tag, or a number of thousands of digits."""


def resolve_plain(text: str) -> str | int | float | bool | None:
    """Return the value of a plain scalar.

    ``1e3`` is a float, ``010`` is 10, ``0o10`` is 8; ``on``, ``yes`` and ``12:30:00`` are text.

    Raises:
        ScalarProblem: A number with more than 100 digits.
    """
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if text[0] not in "+-.0123456789":
        return text
    if len(text) > _MAX_DIGITS and (_FLOAT.fullmatch(text) or _HEX.fullmatch(text) or _OCTAL.fullmatch(text)):
        raise ScalarProblem(f"a number of {len(text)} characters is too long, expected at most {_MAX_DIGITS}")
    for pattern, base in ((_INT, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            return int(text[2:] if base != 10 else text, base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if infinite := _INFINITE.fullmatch(text):
        return float(f"{infinite[1]}inf")
    return float("nan") if text in _NAN else text


def resolve_tagged(tag: str, text: str) -> str | int | float | bool | None:
    """Return the value of a scalar with an explicit tag of the core schema.

    Raises:
        ScalarProblem: An unknown tag, or a text that is not of the tag's type.
    """
    if tag in {"!", f"{_CORE}str"}:
        return text
    wanted: dict[str, tuple[type, ...]] = {
        f"{_CORE}int": (int,),
        f"{_CORE}float": (float, int),
        f"{_CORE}bool": (bool,),
        f"{_CORE}null": (type(None),),
    }
    if tag not in wanted:
        raise ScalarProblem(f"the tag '{tag}' is not known here, expected plain YAML")
    value = resolve_plain(text)
    if not isinstance(value, wanted[tag]) or (isinstance(value, bool) and bool not in wanted[tag]):
        raise ScalarProblem(f"'{text}' is not of the type that its tag '{tag.removeprefix(_CORE)}' says")
    return float(value) if tag == f"{_CORE}float" and value is not None else value
