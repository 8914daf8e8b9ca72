"""Reads the fields of a measured case: each wrong one is a problem at its own place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sim.diagnostics import Diagnostic, nearest_word, one_line
from sim.yamlnodes import Path, Places

__all__ = ["CaseFields", "Setting"]


@dataclass(frozen=True, slots=True)
class Setting:
    """Where cases were measured.

    Attributes:
        kernel: Its release, as ``uname -r`` says it.
        cgroup: Version of the cgroup hierarchy.
        cores: Of the machine.
        window_s: For how long CPU was measured.
    """

    kernel: str
    cgroup: Literal["v1", "v2"]
    cores: int
    window_s: float


class CaseFields:
    """A mapping in a file of cases.

    Fields that nobody asks for are kept and not looked at. A field that is absent or wrong is told, and reads as its
    least value, so that reading goes on and finds the other problems.

    Args:
        document: Where it stands.
        problems: Every problem is appended here.
        path: From the root of the document to the mapping.
    """

    def __init__(
        self, document: Places, problems: list[Diagnostic], path: Path, value: dict[str, Any]
    ) -> None:
        self.document = document
        self.problems = problems
        self.path = path
        self.value = value

    def tell(self, key: str | None, sentence: str, hint: str | None = None) -> None:
        """Note a problem at a field, or at the mapping itself where ``key`` is None or not there."""
        path = self.path if key is None else (*self.path, key)
        self.problems.append(self.document.diagnostic(path, one_line(sentence), hint=hint, code="case"))

    def number(self, key: str, *, least: float = 0.0, most: float = math.inf) -> float:
        """A finite number in a range."""
        given = self.value.get(key)
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
            self.tell(key, f"'{key}' must be a number, {_not(self.value, key)}")
            return least
        if not least <= given <= most:
            bounds = f"at least {least:g}" if most == math.inf else f"{least:g} to {most:g}"
            self.tell(key, f"'{key}' must be {bounds}, not {given:g}")
            return least
        return float(given)

    def whole(self, key: str, *, least: int = 0, most: int = 2**53) -> int:
        """A whole number in a range."""
        given = self.value.get(key)
        if isinstance(given, bool) or not isinstance(given, int):
            self.tell(key, f"'{key}' must be a whole number, {_not(self.value, key)}")
            return least
        return int(self.number(key, least=least, most=most))

    def optional_number(self, key: str, *, least: float = 0.0, most: float = math.inf) -> float | None:
        """A number, or None where the field is null or absent."""
        return None if self.value.get(key) is None else self.number(key, least=least, most=most)

    def flag(self, key: str) -> bool:
        """True or false."""
        given = self.value.get(key)
        if not isinstance(given, bool):
            self.tell(key, f"'{key}' must be true or false, {_not(self.value, key)}")
            return False
        return given

    def text(self, key: str) -> str:
        """A text."""
        given = self.value.get(key)
        if not isinstance(given, str):
            self.tell(key, f"'{key}' must be a text, {_not(self.value, key)}")
            return ""
        return given

    def word(self, key: str, words: Sequence[str]) -> str:
        """One of some words; the first of them where it is none."""
        given = self.value.get(key)
        if given not in words:
            expected = ", ".join(f"'{each}'" for each in words)
            hint = nearest_word(given, words) if isinstance(given, str) else None
            self.tell(key, f"'{key}' must be one of {expected}, {_not(self.value, key)}", hint)
            return words[0]
        return str(given)

    def mapping(self, key: str) -> CaseFields:
        """The fields of a mapping; it reads as empty where it is absent or wrong."""
        given = self.value.get(key)
        if not isinstance(given, dict):
            self.tell(key, f"'{key}' must be an object, {_not(self.value, key)}")
            return CaseFields(self.document, [], (*self.path, key), {})
        return CaseFields(self.document, self.problems, (*self.path, key), given)

    def elements(self, key: str) -> Iterator[CaseFields]:
        """The mappings of a list."""
        for index, each in enumerate(self._list(key)):
            path = (*self.path, key, index)
            if isinstance(each, dict):
                yield CaseFields(self.document, self.problems, path, each)
            else:
                self.problems.append(
                    self.document.diagnostic(
                        path, f"each of '{key}' must be an object, not {_said(each)}", code="case"
                    )
                )

    def numbers(self, key: str, *, least: float = 0.0) -> list[float]:
        """The numbers of a list."""
        found: list[float] = []
        for index, each in enumerate(self._list(key)):
            if isinstance(each, bool) or not isinstance(each, int | float) or not least <= each < math.inf:
                sentence = f"each of '{key}' must be a number of at least {least:g}, not {_said(each)}"
                self.problems.append(
                    self.document.diagnostic((*self.path, key, index), sentence, code="case")
                )
            else:
                found.append(float(each))
        return found

    def _list(self, key: str) -> list[Any]:
        given = self.value.get(key)
        if not isinstance(given, list):
            self.tell(key, f"'{key}' must be a list, {_not(self.value, key)}")
            return []
        return given


def _not(value: dict[str, Any], key: str) -> str:
    return f"not {_said(value[key])}" if key in value else "and it is not there"


def _said(given: Any) -> str:
    if isinstance(given, dict | list):
        return "an object" if isinstance(given, dict) else "a list"
    if given is None or isinstance(given, bool):
        return {None: "null", True: "true", False: "false"}[given]
    return f"'{given}'" if isinstance(given, str) else f"{given}"
