"""Problems found in input: where, what was expected, the nearest valid word."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Diagnostic", "nearest_word", "one_line", "render_diagnostics", "to_json"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem at one place of one source.

    Args:
        message: One sentence without a final full stop.
        source: File name, or ``--set 2`` for the second override on the command line.
        line: Counted from 1; 0 where the problem has no place in the source.
        column: Counted from 1 in characters; 0 where the problem has no place in the source.
        hint: The nearest valid word, if any.
        code: A short stable name of the kind of problem, for tools.
    """

    message: str
    source: str = "scenario"
    line: int = 0
    column: int = 0
    hint: str | None = None
    code: str = "invalid"

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Total order: by source, then position, then text."""
        return (self.source, self.line, self.column, self.code, self.message)

    @property
    def sentence(self) -> str:
        """The message with its hint, without the position."""
        return self.message if self.hint is None else f"{self.message}; did you mean '{self.hint}'?"

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        return f"{place}: {self.sentence}"


def one_line(text: str) -> str:
    """Return a text with whatever would break its line written as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def nearest_word(word: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that is most like ``word``, or None if none is much like it.

    Case, ``_`` and ``-`` do not count; of equally near candidates the first in the alphabet is taken.
    """
    asked = _folded(word)
    by_folded: dict[str, str] = {}
    for candidate in sorted(candidates, reverse=True):
        by_folded[_folded(candidate)] = candidate
    if asked in by_folded:
        return by_folded[asked]
    near = difflib.get_close_matches(asked, sorted(by_folded), n=1, cutoff=0.6)
    return by_folded[near[0]] if near else None


def _folded(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "")


def render_diagnostics(diagnostics: Sequence[Diagnostic], texts: Mapping[str, str]) -> str:
    """Return a plain text for terminals: each problem with its source line and a caret.

    Args:
        diagnostics: The problems, in the order to be shown.
        texts: The whole text of each source by name; a source that is not there is shown without its line.
    """
    blocks: list[str] = []
    lines_of: dict[str, list[str]] = {}
    for diagnostic in diagnostics:
        block = str(diagnostic)
        if diagnostic.source not in lines_of:
            lines_of[diagnostic.source] = texts.get(diagnostic.source, "").splitlines()
        lines = lines_of[diagnostic.source]
        if 0 < diagnostic.line <= len(lines):
            number = f"{diagnostic.line:>5}"
            shown, column = _window(lines[diagnostic.line - 1], diagnostic.column)
            block += f"\n{number} | {shown}\n{' ' * len(number)} | {' ' * (column - 1)}^"
        blocks.append(block)
    count = len(diagnostics)
    return "\n".join([*blocks, f"{count} problem{'' if count == 1 else 's'}"])


def _window(line: str, column: int, width: int = 110) -> tuple[str, int]:
    """Cut a long line around ``column``; tabs and control characters become blanks so that the caret fits."""
    clean = "".join(c if c.isprintable() else " " for c in line)
    column = max(column, 1)
    start = 0 if column <= width - 10 else column - width // 2
    return clean[start : start + width], column - start


def to_json(diagnostics: Sequence[Diagnostic]) -> str:
    """Return the problems as a JSON list, one object each, for tools."""
    rows = [
        {
            "source": d.source,
            "line": d.line,
            "column": d.column,
            "code": d.code,
            "message": d.message,
            "hint": d.hint,
        }
        for d in diagnostics
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2)
