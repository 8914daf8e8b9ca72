"""YAML with positions: YAML 1.2 core schema, duplicate keys refused, bounded in every direction.

The tree is built from the parser's events by a loop with a stack of its own, so neither deep nesting nor
aliases can exhaust Python's stack or memory. libyaml's parser is used where PyYAML has it, else the one
written in Python; both give the same tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import yaml

from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError
from sim.yamlnodes import Document, Entry, Mark, Node
from sim.yamlscalars import ScalarProblem, resolve_plain, resolve_tagged
from sim.yamltext import DEFAULT_LIMITS, Limits, decode, given_twice, syntax_problem, too_deep

__all__ = ["DEFAULT_LIMITS", "Limits", "decode", "load_yaml", "parse_yaml", "parse_yaml_all"]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Stop(Exception):
    """Ends the parse of a source after a problem that makes the rest meaningless."""


class _At(NamedTuple):
    """A place as the parser counts: from 0."""

    line: int
    column: int


@dataclass(slots=True)
class _Frame:
    """A collection being filled; ``key`` is the key that waits for its value, ``at_key`` if there is one."""

    node: Node
    opened: Any
    anchor: str | None
    count_before: int
    key: str | None = None
    key_mark: Mark | None = None
    is_key: bool = False


def load_yaml(data: str | bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Return the one document of a source.

    Raises:
        ScenarioError: With every problem that was found.
    """
    document, problems = parse_yaml(data, source, limits)
    if problems or document is None:
        raise ScenarioError(problems)
    return document


def parse_yaml(
    data: str | bytes, source: str, limits: Limits = DEFAULT_LIMITS, *, column_offset: int = 0
) -> tuple[Document | None, list[Diagnostic]]:
    """Return the one document of a source and the problems found in it.

    The document is None where the text could not be read to its end; with duplicate keys or unknown tags
    there are both problems and a document (the first of two equal keys counts).

    Args:
        data: Text, or bytes in UTF-8.
        source: Name for diagnostics.
        limits: Bounds on size, depth and expansion.
        column_offset: Added to the columns of the first line (for a part of a longer text).
    """
    documents, problems = parse_yaml_all(data, source, limits, column_offset=column_offset)
    if len(documents) > 1:
        mark = documents[1].root.mark
        problems.append(
            Diagnostic("expected one document, but a second one begins here", source, mark.line, mark.column)
        )
    if not documents and not problems:
        problems.append(Diagnostic("expected a document, but the file is empty", source, 1, 1, code="empty"))
    return (documents[0] if documents else None), problems


def parse_yaml_all(
    data: str | bytes, source: str, limits: Limits = DEFAULT_LIMITS, *, column_offset: int = 0
) -> tuple[list[Document], list[Diagnostic]]:
    """Return all documents of a source and the problems found; no document where the text is broken."""
    text, unreadable = decode(data, source, limits)
    if unreadable is not None:
        return [], [unreadable]
    builder = _Builder(source, limits, column_offset)
    try:
        roots = builder.build(text)
    except _Stop:
        return [], builder.problems
    return [Document(root, source, text) for root in roots], builder.problems


def _inset(event: Any) -> int | None:
    """How far after the event's mark its text begins, None if it is not there letter by letter."""
    in_one_line = event.start_mark.line == event.end_mark.line and event.style not in {"|", ">"}
    if not in_one_line or event.anchor is not None or event.tag is not None:
        return None
    return 1 if event.style else 0


class _Builder:
    """Turns events into nodes."""

    def __init__(self, source: str, limits: Limits, column_offset: int) -> None:
        self.problems: list[Diagnostic] = []
        self._source = source
        self._limits = limits
        self._column_offset = column_offset
        self._stack: list[_Frame] = []
        self._roots: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._count = 0
        self._quoted: Any = None

    def build(self, text: str) -> list[Node]:
        for event in self._events(text):
            if isinstance(event, yaml.ScalarEvent):
                self._counted(1, event)
                self._scalar(event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._counted(1, event)
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
        return self._roots

    def _events(self, text: str) -> Iterator[Any]:
        try:
            yield from yaml.parse(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            # A pair in a flow sequence is a mapping without a bracket of its own.
            brackets = (
                frame.opened
                for frame in reversed(self._stack)
                if frame.opened.flow_style and text[frame.opened.start_mark.index] in "{["
            )
            flow = next(brackets, None)
            message, line, column = syntax_problem(error, text, self._quoted, flow)
            self._fail(message, _At(line, column))

    def _mark(self, mark: Any) -> Mark:
        offset = self._column_offset if mark.line == 0 else 0
        return Mark(self._source, mark.line + 1, mark.column + 1 + offset)

    def _problem(self, message: str, mark: Any, code: str) -> None:
        at = self._mark(mark)
        self.problems.append(Diagnostic(message, at.source, at.line, at.column, code=code))

    def _fail(self, message: str, mark: Any, code: str = "syntax") -> NoReturn:
        self._problem(message, mark, code)
        raise _Stop

    def _counted(self, nodes: int, event: Any) -> None:
        self._count += nodes
        if self._count > self._limits.max_nodes:
            what = "with its aliases written out, " if nodes > 1 else ""
            limit = f"{self._limits.max_nodes:,}"
            self._fail(
                f"{what}the file has more than {limit} values, expected at most that", event.start_mark
            )

    def _deep(self, levels: int, event: Any) -> None:
        if len(self._stack) + levels > self._limits.max_depth:
            self._fail(too_deep(self._limits), event.start_mark)

    def _scalar(self, event: Any) -> None:
        if event.style in {'"', "'"} and event.end_mark.line > event.start_mark.line:
            self._quoted = event
        frame = self._stack[-1] if self._stack else None
        mark = self._mark(event.start_mark)
        if frame is not None and frame.node.kind == "map" and frame.key_mark is None:
            self._key(frame, event.value, mark, event)
            return
        node = Node("scalar", mark, self._value(event), inset=_inset(event))
        if event.value == "" and event.implicit[0] and frame is not None and frame.key_mark is not None:
            node.mark = frame.key_mark  # nothing was written: the key is the only thing to point at
        self._finish(node, event.anchor)

    def _value(self, event: yaml.ScalarEvent) -> str | int | float | bool | None:
        try:
            if event.tag is not None:
                return resolve_tagged(event.tag, event.value)
            return resolve_plain(event.value) if event.implicit[0] else event.value
        except ScalarProblem as problem:
            self._problem(str(problem), event.start_mark, "scalar")
            return event.value

    def _key(self, frame: _Frame, key: str | None, mark: Mark, event: Any) -> None:
        frame.key_mark, frame.key = mark, key
        if event.anchor is not None and key is not None:
            self._anchors[event.anchor] = Node("scalar", mark, key)
        if key is None:
            message = "a key must be plain text, not a list, a mapping or an alias"
            self._problem(message, event.start_mark, "key")
        elif key in frame.node.entries:
            first = frame.node.entries[key].key_mark
            message = given_twice(key, first.line, first.column)
            self._problem(message, event.start_mark, "duplicate-key")
            frame.key = None

    def _open(self, event: Any) -> None:
        self._deep(1, event)
        mark = self._mark(event.start_mark)
        is_map = isinstance(event, yaml.MappingStartEvent)
        core = f"tag:yaml.org,2002:{'map' if is_map else 'seq'}"
        if event.tag not in {None, "!", core}:
            self._problem(
                f"the tag '{event.tag}' is not known here, expected plain YAML", event.start_mark, "tag"
            )
        parent = self._stack[-1] if self._stack else None
        is_key = parent is not None and parent.node.kind == "map" and parent.key_mark is None
        if parent is not None and is_key:
            self._key(parent, None, mark, event)
        node = Node("map" if is_map else "list", mark)
        self._stack.append(_Frame(node, event, event.anchor, self._count, is_key=is_key))

    def _close(self) -> None:
        frame = self._stack.pop()
        node = frame.node
        children = node.items if node.kind == "list" else [e.node for e in node.entries.values()]
        node.size = 1 + self._count - frame.count_before
        node.height = 1 + max((child.height for child in children), default=0)
        if not frame.is_key:
            self._finish(node, frame.anchor)

    def _alias(self, event: Any) -> None:
        node = self._anchors.get(event.anchor)
        is_open = any(frame.anchor == event.anchor for frame in self._stack)
        if node is None or is_open:
            why = "itself" if is_open else "nothing before it"
            self._fail(f"the alias '*{event.anchor}' refers to {why}", event.start_mark)
        self._counted(node.size, event)
        self._deep(node.height, event)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.node.kind == "map" and frame.key_mark is None:
            key = str(node.scalar) if node.kind == "scalar" and isinstance(node.scalar, str) else None
            frame.key_mark = self._mark(event.start_mark)
            frame.key = key
            if key is None or key in frame.node.entries:
                self._problem(
                    "a key must be plain text that is new here, not this alias", event.start_mark, "key"
                )
                frame.key = None
            return
        self._finish(node.moved(self._mark(event.start_mark)), None)

    def _finish(self, node: Node, anchor: str | None) -> None:
        """Put a complete node where it belongs."""
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._stack:
            self._roots.append(node)
            return
        frame = self._stack[-1]
        if frame.node.kind == "list":
            frame.node.items.append(node)
            return
        assert frame.key_mark is not None
        if frame.key is not None:
            frame.node.entries[frame.key] = Entry(frame.key_mark, node)
        frame.key, frame.key_mark = None, None
