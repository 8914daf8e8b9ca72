"""JSON with positions, for files of tens of megabytes: the C scanner reads, a place is looked up when asked for.

What is wrong is told with line and column as of YAML, but only the first mistake of a text: nothing of it counts then.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NoReturn

from sim.diagnostics import Diagnostic
from sim.yamlnodes import Mark, Path, Places
from sim.yamltext import DEFAULT_LIMITS, Limits, given_twice, too_deep

__all__ = ["JsonDocument", "looks_like_json", "parse_json_all"]

_BLANK: Final = re.compile(r"[ \t\r\n]*")
_LINE_END: Final = re.compile(r"\r\n?|\n")
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\]]', re.DOTALL)
_HALF: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_MAX_DIGITS: Final = 100
_MARKS: Final = ("{", "[")
_WORDS: Final = {
    "Expecting property name enclosed in double quotes": "expected a key in double quotes here",
    "Illegal trailing comma before end of object": "expected a key in double quotes after this ','",
    "Illegal trailing comma before end of array": "expected a value after this ','",
    "Expecting value": "expected a value here: text in double quotes, a number, true, false, null, a list or a mapping",
    "Unterminated string starting at": "the quoted text that begins here is not closed",
    "Invalid control character at": "a line break or tab cannot stand in quoted text: write \\n or \\t",
}


class _Wrong(Exception):
    """Ends the reading: what is wrong, and where in the text."""

    def __init__(self, sentence: str, offset: int, code: str = "syntax") -> None:
        super().__init__(sentence)
        self.sentence, self.offset, self.code = sentence, offset, code


class _BadNumber(ValueError):
    """A number that JSON or this reader does not have, as it was written."""


def looks_like_json(text: str) -> bool:
    """Tell whether a text begins as a JSON object or list does; flow YAML may, too."""
    start = _skip(text, 0)
    return text[start : start + 1] in _MARKS


class JsonDocument(Places):
    """One JSON value with the place of everything in it.

    Args:
        value: Dicts, lists and scalars.
        source: Name of the file.
        text: The whole text.
        start: Where in it the value begins.
        lines: Offsets at which lines begin, shared by the documents of a text and filled on the first question.
    """

    def __init__(self, value: Any, source: str, text: str, start: int, lines: list[int]) -> None:
        self.value = value
        self.source = source
        self.text = text
        self._start = start
        self._lines = lines
        self._children: dict[int, dict[str | int, tuple[int, int]]] = {}

    def mark(self, path: Path) -> Mark:
        """The place of the value at ``path``, or of its nearest ancestor that exists."""
        return self._mark_of(path, key=False)

    def key_mark(self, path: Path) -> Mark:
        """The place of the key that leads to ``path``; where it is in a list, of the value."""
        return self._mark_of(path, key=True)

    def _mark_of(self, path: Path, *, key: bool) -> Mark:
        at = self._start
        for place, step in enumerate(path, 1):
            found = self._below(at).get(step)
            if found is None:
                break
            at = found[0] if key and place == len(path) else found[1]
        return _mark(self.source, self.text, at, self._lines)

    def _below(self, at: int) -> dict[str | int, tuple[int, int]]:
        """By key or index, where key and value begin, of the mapping or list at an offset; empty for scalars."""
        found = self._children.get(at)
        if found is None:
            found = self._children[at] = dict(_children(self.text, at))
        return found


def parse_json_all(
    text: str, source: str, limits: Limits = DEFAULT_LIMITS
) -> tuple[list[JsonDocument], list[Diagnostic]]:
    """Return all values of a text, one after the other, and the problems found; none of them where it is broken.

    Args:
        text: JSON.
        source: Name for diagnostics.
        limits: Its depth of nesting counts; the number of values is bounded by the size of the text.
    """
    documents: list[JsonDocument] = []
    lines: list[int] = []
    try:
        _whole_characters(text)
        at = _skip(text, 0)
        while at < len(text):
            value, end = _Reader(text, limits).read(at)
            documents.append(JsonDocument(value, source, text, at, lines))
            at = _skip(text, end)
    except _Wrong as wrong:
        place = _mark(source, text, wrong.offset, lines)
        return [], [Diagnostic(wrong.sentence, source, place.line, place.column, code=wrong.code)]
    return documents, []


class _Reader:
    """Reads one value; counts objects as they close, so that one with two equal keys can be found again."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._text = text
        self._limits = limits
        self._closed = 0
        self._twice = -1

    def read(self, at: int) -> tuple[Any, int]:
        """Return the value that begins at an offset, and the offset after it.

        Raises:
            _Wrong: It cannot be read.
        """
        decoder = json.JSONDecoder(
            object_pairs_hook=self._pairs, parse_int=_integer, parse_float=_number, parse_constant=_constant
        )
        try:
            value, end = decoder.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            raise _syntax(self._text, error, at) from None
        except _BadNumber as error:
            self._bad_number(str(error), at)
        except RecursionError:
            self._too_deep(at)
        if self._twice >= 0:
            raise self._given_twice(at)
        if _is_deeper(value, self._limits.max_depth):
            self._too_deep(at)
        return value, end

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs) and self._twice < 0:
            self._twice = self._closed
        self._closed += 1
        return found

    def _given_twice(self, at: int) -> _Wrong:
        closings = (opened for opened, bracket in _closings(self._text, at) if bracket == "}")
        opened = next(islice(closings, self._twice, None))
        seen: dict[str | int, int] = {}
        for key, (place, _) in _children(self._text, opened):
            if key in seen:
                first = _mark("", self._text, seen[key], [])
                return _Wrong(given_twice(str(key), first.line, first.column), place, "duplicate-key")
            seen[key] = place
        raise AssertionError("the object that was found again has no two equal keys")

    def _bad_number(self, written: str, at: int) -> NoReturn:
        what = f"a number of {len(written)} characters" if len(written) > _MAX_DIGITS else f"'{written}'"
        sentence = (
            f"{what} is no number here, expected one of at most {_MAX_DIGITS} characters that is finite"
        )
        raise _Wrong(sentence, self._text.index(written, at), "scalar")

    def _too_deep(self, at: int) -> NoReturn:
        depth = 0
        for token in _TOKEN.finditer(self._text, at):
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
            if depth > self._limits.max_depth:
                raise _Wrong(too_deep(self._limits), token.start())
        raise AssertionError("a text that is too deep has a bracket too many")


def _integer(written: str) -> int:
    if len(written) > _MAX_DIGITS:
        raise _BadNumber(written)
    return int(written)


def _number(written: str) -> float:
    number = float(written)
    if len(written) > _MAX_DIGITS or number in {float("inf"), float("-inf")}:
        raise _BadNumber(written)
    return number


def _constant(written: str) -> NoReturn:
    raise _BadNumber(written)


def _is_deeper(value: object, levels: int) -> bool:
    """Whether lists and mappings are nested deeper than so many levels; by level, without recursion."""
    level = [value] if isinstance(value, dict | list) else []
    depth = 0
    while level:
        depth += 1
        if depth > levels:
            return True
        level = [
            below
            for each in level
            for below in (each.values() if isinstance(each, dict) else each)
            if type(below) is dict or type(below) is list
        ]
    return False


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found is not None, "the pattern matches nothing as well"
    return found.end()


def _children(text: str, at: int) -> Iterator[tuple[str | int, tuple[int, int]]]:
    """Yield each key or index with the offsets of key and value, of what begins at an offset of a right text."""
    bracket = text[at : at + 1]
    if bracket not in _MARKS:
        return
    decoder = json.JSONDecoder()
    at, index = _skip(text, at + 1), 0
    while text[at] not in "}]":
        key: str | int = index
        key_at = at
        if bracket == "{":
            key, at = decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)  # over the ':'
        yield key, (key_at, at)
        at = _skip(text, decoder.raw_decode(text, at)[1])
        at = _skip(text, at + 1) if text[at] == "," else at
        index += 1


def _closings(text: str, at: int) -> Iterator[tuple[int, str]]:
    """Yield, for each bracket that closes, where its twin opened, and which it is."""
    stack: list[int] = []
    for token in _TOKEN.finditer(text, at):
        if token[0] in _MARKS:
            stack.append(token.start())
        elif token[0] in "}]":
            yield stack.pop(), token[0]


def _syntax(text: str, error: json.JSONDecodeError, start: int) -> _Wrong:
    """What the scanner says, in our words; a text that ends too early is told at what it leaves open."""
    opened: list[int] = []
    last = start
    for token in _TOKEN.finditer(text, start, error.pos + (error.msg.startswith("Unterminated"))):
        if token[0] in _MARKS:
            opened.append(token.start())
        elif token[0] in {"}", "]"} and opened:
            opened.pop()
        last = token.start()
    unfinished = error.msg.startswith("Unterminated") and "\n" not in text[error.pos :].rstrip()
    if opened and (unfinished or not text[error.pos :].strip()):
        end = len(text.rstrip())
        bracket = text[opened[-1]]
        place = _mark("", text, max(end - 1, last), [])
        ends = f"the text ends at line {place.line}, column {place.column}"
        return _Wrong(f"the '{bracket}' opened here is not closed: {ends}", opened[-1])
    after = len(text[: error.pos].rstrip())  # where the last value or key ends, perhaps a line above
    if error.msg == "Expecting ',' delimiter" and opened:
        close = "}" if text[opened[-1]] == "{" else "]"
        return _Wrong(f"expected ',' or '{close}' here", after)
    if error.msg == "Expecting ':' delimiter":
        return _Wrong("expected ':' after the key", after)
    known = next((words for said, words in _WORDS.items() if error.msg.startswith(said)), None)
    return _Wrong(known or "the escape here is not one of JSON", error.pos)


def _whole_characters(text: str) -> None:
    """Refuse escapes of half a character (a surrogate without its twin), which no other text can hold."""
    if "\\ud" not in text and "\\uD" not in text:
        return
    for found in _HALF.finditer(text):
        if found[1] is not None:
            raise _Wrong(f"the escape '\\{found[1]}' is half a character", found.start())


def _mark(source: str, text: str, offset: int, lines: list[int]) -> Mark:
    """The place of an offset; ``lines`` is filled where it is empty."""
    if not lines:
        lines.extend([0, *(found.end() for found in _LINE_END.finditer(text))])
    line = bisect_right(lines, offset)
    return Mark(source, line, offset - lines[line - 1] + 1)
