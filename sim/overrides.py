"""``--set path=YAML``: values put over those of a file, with positions of their own.

A path is ``a.b.0.c``: keys of mappings, and indices or ``name`` of list elements
(``cluster.minions.web.count``). Names with dots are quoted: ``labels."example.com/team"``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sim.diagnostics import Diagnostic, nearest_word
from sim.errors import ScenarioError
from sim.yamlnodes import Document, Entry, Mark, Node
from sim.yamlsource import parse_yaml

__all__ = ["apply_overrides", "split_assignment", "split_axis"]

_STEP: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."=]+)')


class _Problem(Exception):
    """One problem at a column of the override's text."""

    def __init__(self, message: str, column: int, hint: str | None = None, code: str = "override") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.hint = hint
        self.code = code


def split_assignment(text: str) -> tuple[str, str]:
    """Split ``path=value`` at the first ``=`` outside quotes.

    Raises:
        ValueError: No ``=``, or nothing before it.
    """
    quoted = False
    for i, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == "=" and not quoted:
            if not text[:i].strip():
                raise ValueError("expected path=value, but there is no path before '='")
            return text[:i], text[i + 1 :]
    raise ValueError(f"expected path=value, as seed=2, but there is no '=' in '{text}'")


def split_axis(text: str, source: str = "--set") -> list[Any]:
    """Return the values of a sweep's axis: ``a,b,{c: 1}`` are three YAML values.

    Raises:
        ScenarioError: Not a list of YAML values, or none, or one of them empty.
    """
    document, problems = parse_yaml(f"[{text}]", source, column_offset=-1)
    if document is None or problems:
        message = f"expected values with ',' between them, but '{text}' cannot be read"
        raise ScenarioError([Diagnostic(message, source, 1, 1, code="override")])
    if document.root.kind != "list" or not document.root.items:
        raise ScenarioError([Diagnostic("expected at least one value", source, 1, 1, code="override")])
    values = document.value
    assert isinstance(values, list)
    for value, node in zip(values, document.root.items, strict=True):
        if value is None:
            found = Diagnostic(
                "expected a value between the commas", source, 1, node.mark.column, code="override"
            )
            raise ScenarioError([found])
    return values


def apply_overrides(document: Document, sets: Sequence[str]) -> tuple[Document, list[Diagnostic]]:
    """Return a document with all overrides applied in order, and the problems of those that could not be.

    Args:
        document: Left as it is.
        sets: Texts ``path=YAML``; the second one's positions are in the source ``--set 2``.
    """
    root, problems = document.root, []
    for number, text in enumerate(sets, start=1):
        source = f"--set {number}"
        try:
            path_part, value_text = split_assignment(text)
            steps = _steps(path_part)
        except ValueError as error:
            problems.append(Diagnostic(str(error), source, 1, 1, code="override"))
            continue
        except _Problem as error:
            problems.append(Diagnostic(error.message, source, 1, error.column, error.hint, error.code))
            continue
        offset = len(path_part) + 1
        parsed, found = parse_yaml(value_text, source, column_offset=offset)
        problems.extend(found if value_text.strip() else [_no_value(path_part, source, offset)])
        if parsed is None or found:
            continue
        try:
            root = _put(root, steps, parsed.root, source)
        except _Problem as error:
            problems.append(Diagnostic(error.message, source, 1, error.column, error.hint, error.code))
    return Document(root, document.source, document.text), problems


def _no_value(path: str, source: str, offset: int) -> Diagnostic:
    return Diagnostic(f"expected a value after '{path}='", source, 1, offset + 1, code="override")


def _steps(path: str) -> list[tuple[str, int]]:
    """Split a path into steps with their columns."""
    steps: list[tuple[str, int]] = []
    position = 0
    while True:
        match = _STEP.match(path, position)
        if match is None:
            raise _Problem(f"expected a path as a.b.0.c, not '{path}'", position + 1)
        quoted = match[1]
        step = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match[2].strip()
        steps.append((step, position + 1))
        position = match.end()
        if position == len(path):
            return steps
        if path[position] != ".":
            raise _Problem(f"expected '.' between the steps of the path '{path}'", position + 1)
        position += 1


def _put(root: Node, steps: list[tuple[str, int]], value: Node, source: str) -> Node:
    """A tree in which the value at the path is exchanged; shared parts are copied along the path only."""
    root = root.copied()
    node = root
    if root.kind == "scalar" and root.scalar is None:
        root.kind = "map"
    for depth, (step, column) in enumerate(steps):
        is_last = depth == len(steps) - 1
        key_mark = Mark(source, 1, column)
        if node.kind == "map":
            entry = node.entries.get(step)
            if is_last:
                node.entries[step] = Entry(key_mark, value)
                break
            below = Node("map", key_mark) if entry is None or _is_null(entry.node) else entry.node.copied()
            node.entries[step] = Entry(key_mark if entry is None else entry.key_mark, below)
        elif node.kind == "list":
            index = _index(node, step, column)
            if is_last:
                node.items[index] = value
                break
            below = node.items[index].copied()
            node.items[index] = below
        else:
            above = ".".join(name for name, _ in steps[:depth])
            raise _Problem(
                f"'{above}' is a single value: expected a mapping or a list to set '{step}' in", column
            )
        node = below
    return root


def _is_null(node: Node) -> bool:
    return node.kind == "scalar" and node.scalar is None


def _index(node: Node, step: str, column: int) -> int:
    """The index that a step means in a list: a number, or the ``name`` of an element."""
    names: dict[str, int] = {}
    for i, item in enumerate(node.items):
        named = item.child("name")
        if named is not None and isinstance(named.scalar, str):
            names.setdefault(named.scalar, i)
    if re.fullmatch(r"[0-9]{1,9}", step):
        if int(step) < len(node.items):
            return int(step)
        if step not in names:
            raise _Problem(
                f"there is no element {step} in a list of {len(node.items)}, counted from 0", column
            )
    if step not in names:
        raise _Problem(
            f"no element of this list has the name '{step}'",
            column,
            nearest_word(step, names),
            "dangling-reference",
        )
    return names[step]
