"""Reads fields of a manifest: each wrong one is a problem at its own place, in the words of the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from models.api.quantities import QuantityError
from models.api.specs_names import label_key_problem, label_value_problem
from models.api.specs_problems import FieldError
from sim.diagnostics import Diagnostic, nearest_word, one_line
from sim.yamlnodes import Path as YamlPath
from sim.yamlnodes import Places

__all__ = ["Fields"]

Value = TypeVar("Value")
Word = TypeVar("Word", bound=str)
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}


class Fields:
    """A mapping of a document.

    A field that is absent or null is as if it were not there, as in the API.

    Args:
        document: Where it stands.
        problems: Every problem is appended here.
        path: From the document's root to the mapping.
        value: The mapping.
        names: The path from the object itself, for sentences.
    """

    def __init__(
        self,
        document: Places,
        problems: list[Diagnostic],
        path: YamlPath,
        value: dict[str, Any],
        names: str,
    ) -> None:
        self.document = document
        self.problems = problems
        self.path = path
        self.value = value
        self.names = names

    def name(self, key: str) -> str:
        """The path of a field from the object, as the API writes it."""
        return f"{self.names}.{key}" if self.names else key

    def problem(self, key: str, says: str, *, hint: str | None = None, on_key: bool = False) -> None:
        """Note a problem with a field; at this mapping where the field is not there."""
        self.tell((*self.path, key), f"{self.name(key)}: {says}", hint, on_key=on_key)

    def tell(self, path: YamlPath, sentence: str, hint: str | None = None, *, on_key: bool = False) -> None:
        """Note a problem at a path of the document."""
        self.problems.append(
            self.document.diagnostic(path, one_line(sentence), hint=hint, code="manifest", on_key=on_key)
        )

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self.value.get(key) is not None

    def mapping(self, key: str) -> Fields:
        """The fields of a mapping; empty where it is absent or wrong."""
        given = self._typed(key, dict, {})
        return Fields(self.document, self.problems, (*self.path, key), given, self.name(key))

    def elements(self, key: str) -> Iterator[Fields]:
        """The mappings of a list."""
        for i, item in enumerate(self._typed(key, list, [])):
            path, name = (*self.path, key, i), f"{self.name(key)}[{i}]"
            if isinstance(item, dict):
                yield Fields(self.document, self.problems, path, item, name)
            else:
                self.tell(path, f'{name}: Invalid type: got "{_type(item)}", expected "object"')

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        return self._typed(key, str, default)

    def flag(self, key: str) -> bool:
        """True or false; false by default."""
        return self._typed(key, bool, False)

    def integer(self, key: str, default: int, minimum: int, maximum: int) -> int:
        """A whole number."""
        number = self._typed(key, int, default)
        if number < minimum:
            self.problem(key, f"Invalid value: {number}: must be greater than or equal to {minimum}")
        elif number > maximum:
            self.problem(key, f"Invalid value: {number}: must be less than or equal to {maximum}")
        else:
            return number
        return default

    def one_of(self, key: str, words: tuple[Word, ...], default: Word) -> Word:
        """One of some words."""
        word = self.text(key, default)
        for known in (default, *words):
            if word == known:
                return known
        supported = ", ".join(f'"{each}"' for each in words)
        says = f"Unsupported value: {_shown(word)}: supported values: {supported}"
        self.problem(key, says, hint=nearest_word(word, words))
        return default

    def named(self, key: str, parse: Callable[[object], str], default: str = "") -> str:
        """A name that ``parse`` takes."""
        if not self.has(key):
            return default
        given = self.text(key, default)
        try:
            return parse(given)
        except FieldError as error:
            first = error.problems[0]
            self.problem(key, f"Invalid value: {_shown(given)}: {first.sentence}", hint=first.hint)
            return default

    def quantity(self, key: str, read: Callable[[object], int], default: int = 0) -> int:
        """An amount of a resource."""
        if not self.has(key):
            return default
        try:
            return read(self.value[key])
        except QuantityError as error:
            self.tell(
                (*self.path, key), f"{self.names}[{key}]: Invalid value: {_shown(self.value[key])}: {error}"
            )
            return default

    def labels(self, key: str) -> dict[str, str]:
        """Labels: those that are right."""
        found: dict[str, str] = {}
        given = self._typed(key, dict, {})
        for label, text in given.items():
            path = (*self.path, key, label)
            if not isinstance(text, str):
                says = f'{self.name(key)}[{label}]: Invalid type: got "{_type(text)}", expected "string"'
                hint = f'"{str(text).lower()}"' if isinstance(text, bool | int | float) else None
                self.tell(path, says, hint)
                continue
            problem = label_key_problem(label) or label_value_problem(text, ())
            if problem is not None:
                says = f"{self.name(key)}: Invalid value: {_shown(label if problem.on_key else text)}"
                self.tell(path, f"{says}: {problem.sentence}", on_key=problem.on_key)
                continue
            found[label] = text
        return found

    def names_of(self, key: str) -> list[str]:
        """The texts of a list."""
        given = self._typed(key, list, [])
        for i, text in enumerate(given):
            if not isinstance(text, str):
                says = f'{self.name(key)}[{i}]: Invalid type: got "{_type(text)}", expected "string"'
                self.tell((*self.path, key, i), says)
        return [text for text in given if isinstance(text, str)]

    def texts(self, key: str) -> dict[str, str]:
        """Texts by name, as annotations."""
        given = self._typed(key, dict, {})
        for name, text in given.items():
            if not isinstance(text, str):
                says = f'{self.name(key)}[{name}]: Invalid type: got "{_type(text)}", expected "string"'
                self.tell((*self.path, key, name), says)
        return {name: text for name, text in given.items() if isinstance(text, str)}

    def _typed(self, key: str, wanted: type[Value], default: Value) -> Value:
        given = self.value.get(key)
        if given is None:
            return default
        if isinstance(given, wanted) and (wanted is bool or not isinstance(given, bool)):
            return given
        says = f'Invalid type: got "{_type(given)}", expected "{_TYPES[wanted]}"'
        self.problem(key, says)
        return default


def _type(value: object) -> str:
    return "null" if value is None else _TYPES.get(type(value), "string")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
