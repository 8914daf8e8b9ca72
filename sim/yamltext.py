"""Before and beside the tree: bytes to text within limits, and the parser's errors in our words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from sim.diagnostics import Diagnostic

__all__ = ["DEFAULT_LIMITS", "Limits", "decode", "given_twice", "syntax_problem", "too_deep"]

_LINE_END: Final = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_UNPRINTABLE: Final = re.compile("[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a source may be at most: bytes, levels of nesting, values with aliases written out."""

    max_bytes: int = 4 * 2**20
    max_depth: int = 64
    max_nodes: int = 200_000


DEFAULT_LIMITS: Final = Limits()


def decode(data: str | bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> tuple[str, Diagnostic | None]:
    """Return the text, and the problem with its size, coding or characters if there is one."""
    if len(data) > limits.max_bytes:
        return "", Diagnostic(
            f"the file has {len(data):,} bytes, expected at most {limits.max_bytes:,}", source
        )
    if isinstance(data, bytes):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = _position(data[: error.start].decode("utf-8"))
            message = f"the file is not UTF-8 text: byte 0x{data[error.start]:02x} cannot stand here"
            return "", Diagnostic(message, source, line, column, code="encoding")
    else:
        text = data
    text = text.removeprefix("\ufeff")
    bad = _UNPRINTABLE.search(text)
    if bad is not None:
        line, column = _position(text[: bad.start()])
        code_point = ord(bad[0])
        what = "a NUL character" if code_point == 0 else f"the control character U+{code_point:04X}"
        return "", Diagnostic(f"expected text, but {what} stands here", source, line, column, code="encoding")
    return text, None


def given_twice(key: str, line: int, column: int) -> str:
    """The sentence for a key that a mapping has already at this place."""
    return f"the key '{key}' is given twice, first at line {line}, column {column}"


def too_deep(limits: Limits) -> str:
    """The sentence for nesting beyond the limit."""
    return f"the nesting is deeper than {limits.max_depth} levels, expected at most that"


def _position(before: str) -> tuple[int, int]:
    lines = _LINE_END.split(before)
    return len(lines), len(lines[-1]) + 1


def syntax_problem(
    error: yaml.MarkedYAMLError, text: str, quoted: Any = None, flow: Any = None
) -> tuple[str, int, int]:
    """A parser's error in our words, with line and column, from 0, of what is most likely the mistake.

    Args:
        error: What the parser says.
        text: All of the text.
        quoted: The event of the last quoted text of several lines.
        flow: The event that opened the innermost bracket which is still open.
    """
    found = error.problem_mark or error.context_mark
    assert found is not None
    if quoted is not None and quoted.end_mark.line == found.line:
        # An opening quote without its twin takes in lines up to the next quote, and the rest makes no sense.
        message = "the quoted text that begins here is not closed on its line"
        return message, quoted.start_mark.line, quoted.start_mark.column
    above = _unfinished_line(error, text)
    if above is not None:
        return "expected 'key: value', but there is no ':' after this", *above
    message, at = _in_our_words(error, text)
    if flow is not None and at.line > flow.start_mark.line:
        bracket, close = ("{", "}") if isinstance(flow, yaml.MappingStartEvent) else ("[", "]")
        where = f"line {at.line + 1}, column {at.column + 1}"
        message, at = _not_closed(bracket, close, where), flow.start_mark
    return message, at.line, at.column


def _not_closed(bracket: str, close: str, where: str) -> str:
    return f"the '{bracket}' opened here is not closed: expected ',' or '{close}' before {where}"


def _unfinished_line(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int] | None:
    """The key without ':' above a ':' that cannot stand where it does, where that is the mistake.

    That key has taken in what stands under it: the line above, or the one above the list that was to be its value. In a
    line that has a ':' before this one, the mistake is there.
    """
    at = error.problem_mark
    if at is None or "mapping values are not allowed" not in (error.problem or ""):
        return None
    lines = _LINE_END.split(text)
    if ":" in lines[at.line][: at.column]:
        return None
    indent = _indent(lines[at.line])
    number = at.line - 1
    while number > 0 and (not lines[number].strip() or _is_item_below(lines[number], indent)):
        number -= 1
    if number < 0 or ":" in lines[number] or "#" in lines[number] or not lines[number].strip():
        return None
    return number, len(lines[number]) - len(lines[number].lstrip(" -"))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_item_below(line: str, indent: int) -> bool:
    """Whether a line is an item of a list that stands further in."""
    return _indent(line) > indent and line.lstrip(" ").startswith("- ") and ":" not in line


def _in_our_words(error: yaml.MarkedYAMLError, text: str) -> tuple[str, Any]:
    context, problem = error.context or "", error.problem or "the text is not YAML"
    at = error.problem_mark or error.context_mark
    assert at is not None
    is_end = at.index >= len(text.rstrip())
    where = "the end of the text" if is_end else f"line {at.line + 1}, column {at.column + 1}"
    opened = error.context_mark or at
    for words, bracket in (("flow mapping", "{"), ("flow sequence", "[")):
        if words in context:
            close = "}" if bracket == "{" else "]"
            return _not_closed(bracket, close, where), opened
    if "quoted scalar" in context:
        return f"the quoted text that begins here is broken or not closed: see {where}", opened
    if "simple key" in context:
        return "expected 'key: value', but there is no ':' after this", opened
    if "mapping values are not allowed" in problem:
        return "a ':' cannot stand here: quote the text, or begin the key on a line of its own", at
    if "cannot start any token" in problem:
        return "this character cannot begin a value: use blanks for indentation, and quote special signs", at
    if "block mapping" in context or "block collection" in context or "block sequence" in context:
        return "expected another 'key:' or '- item' at the same indentation here", at
    if "block sequence entries" in problem:
        return "a '- item' cannot stand here: begin the list on a line of its own", at
    if "tag" in context or "directive" in context or "tag handle" in problem:
        return "the tag or directive here is not complete or not known", at
    if "anchor" in context or "alias" in context:
        return "the anchor or alias here has no name", at
    return "the text here is not YAML: expected a value, a key or the end of the file", at
