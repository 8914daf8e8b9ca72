"""A tree of YAML values that remembers where each one stands, walked without recursion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sim.diagnostics import Diagnostic

__all__ = ["Document", "Entry", "Mark", "Node", "Path", "Places", "path_text"]

Scalar = str | int | float | bool | None
"""A value that is neither a list nor a mapping."""

Path = tuple[str | int, ...]
"""Keys and list indices from the root to a value."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a source; line and column count from 1."""

    source: str
    line: int
    column: int


@dataclass(slots=True)
class Entry:
    """One key of a mapping with its value."""

    key_mark: Mark
    node: Node


@dataclass(slots=True)
class Node:
    """One value: a scalar, a list of nodes, or a mapping from text to entries.

    ``size`` counts the nodes below and itself with aliases written out; ``height`` the levels below.
    ``inset`` is how far after the mark the letters of a scalar begin (1 after a quote), or None where they do
    not stand there as they are: an alias, a block, a text over several lines.
    """

    kind: Literal["scalar", "list", "map"]
    mark: Mark
    scalar: Scalar = None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1
    height: int = 0
    inset: int | None = None

    def moved(self, mark: Mark) -> Node:
        """The same value seen from another place (an alias)."""
        return replace(self, mark=mark, inset=None)

    def copied(self) -> Node:
        """A node whose own children can be exchanged without changing this one."""
        return replace(
            self,
            items=list(self.items),
            entries={key: Entry(entry.key_mark, entry.node) for key, entry in self.entries.items()},
        )

    def child(self, step: str | int) -> Node | None:
        """The value under a key or an index, or None."""
        if self.kind == "map" and isinstance(step, str):
            entry = self.entries.get(step)
            return None if entry is None else entry.node
        if self.kind == "list" and isinstance(step, int) and 0 <= step < len(self.items):
            return self.items[step]
        return None

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        root: list[Any] = [None]
        todo: list[tuple[Node, Any, Any]] = [(self, root, 0)]
        while todo:
            node, holder, slot = todo.pop()
            if node.kind == "scalar":
                holder[slot] = node.scalar
            elif node.kind == "list":
                values: list[Any] = [None] * len(node.items)
                holder[slot] = values
                todo.extend((item, values, i) for i, item in enumerate(node.items))
            else:
                # Keys are laid down first so that their order is the order of the text.
                mapping: dict[str, Any] = dict.fromkeys(node.entries)
                holder[slot] = mapping
                todo.extend((entry.node, mapping, key) for key, entry in node.entries.items())
        return root[0]


class Places(ABC):
    """A value that was read from a text, with the place of everything in it.

    Attributes:
        value: Dicts, lists and scalars.
        source: Name of the file.
    """

    value: Any
    source: str

    @abstractmethod
    def mark(self, path: Path) -> Mark:
        """The place of the value at ``path``, or of its nearest ancestor that exists."""

    @abstractmethod
    def key_mark(self, path: Path) -> Mark:
        """The place of the key that leads to ``path``; where it is in a list, of the value."""

    def diagnostic(
        self,
        path: Path,
        message: str,
        *,
        hint: str | None = None,
        code: str = "invalid",
        on_key: bool = False,
    ) -> Diagnostic:
        """A problem at ``path``: at its key where ``on_key`` or where it has no value, else at its value."""
        mark = self.key_mark(path) if on_key else self.mark(path)
        return Diagnostic(message, mark.source, mark.line, mark.column, hint, code)


class Document(Places):
    """One YAML document: the plain value, and the place of everything in it.

    Args:
        root: The tree.
        source: Name of the file.
        text: The whole text, for showing lines.
    """

    def __init__(self, root: Node, source: str, text: str) -> None:
        self.root = root
        self.source = source
        self.text = text
        self.value = root.plain()

    def mark(self, path: Path) -> Mark:
        """The place of the value at ``path``, or of its nearest ancestor that exists."""
        node = self.root
        for step in path:
            below = node.child(step)
            if below is None:
                break
            node = below
        return node.mark

    def mark_within(self, path: Path, offset: int) -> Mark:
        """The place of a letter of the text at ``path``, counted from 0, or of the text if it is not in one line."""
        node, mark = self.node(path), self.mark(path)
        if node is None or node.inset is None:
            return mark
        return replace(mark, column=mark.column + node.inset + offset)

    def key_mark(self, path: Path) -> Mark:
        """The place of the key that leads to ``path``; where it is in a list, of the value."""
        parent = self.node(path[:-1])
        if parent is not None and path and isinstance(path[-1], str):
            entry = parent.entries.get(path[-1])
            if entry is not None:
                return entry.key_mark
        return self.mark(path)

    def node(self, path: Path) -> Node | None:
        """The node at ``path``, or None."""
        node: Node | None = self.root
        for step in path:
            if node is None:
                return None
            node = node.child(step)
        return node

    def walk(self) -> Iterator[tuple[Path, Node]]:
        """Every path with its node, parents before children, in the order of the text."""
        todo: list[tuple[Path, Node]] = [((), self.root)]
        while todo:
            path, node = todo.pop()
            yield path, node
            todo.extend(((*path, i), node.items[i]) for i in reversed(range(len(node.items))))
            todo.extend(((*path, key), entry.node) for key, entry in reversed(node.entries.items()))


def path_text(path: Path) -> str:
    """A path as ``--set`` takes it: ``cluster.minions.0.cpu``; names with dots are quoted."""
    return ".".join(f'"{step}"' if "." in str(step) else str(step) for step in path)
