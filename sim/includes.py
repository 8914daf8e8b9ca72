"""``include: FILE``: the keys of another file, where a document does not say otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sim.diagnostics import Diagnostic
from sim.yamlnodes import Document, Entry, Node
from sim.yamlsource import parse_yaml

__all__ = ["INCLUDE", "with_includes"]

INCLUDE: Final = "include"
_CODE: Final = "include"


def with_includes(document: Document, folder: Path) -> tuple[Document, list[Diagnostic]]:
    """Return a document with the files that it includes put under it, and the problems of those that could not be.

    What the document says holds; a mapping takes from the file what it does not say, a list takes nothing. Of two files
    the first holds. Everything keeps its place: a problem in a file is told in that file.

    Args:
        document: Left as it is.
        folder: Where the names of files start.
    """
    entry = document.root.entries.get(INCLUDE)
    if document.root.kind != "map" or entry is None:
        return document, []
    root = document.root.copied()
    del root.entries[INCLUDE]
    problems: list[Diagnostic] = []
    listed = entry.node.items if entry.node.kind == "list" else [entry.node]
    for node in listed:
        found = _read(node, folder, problems)
        if found is not None:
            root = _under(root, found)
    return Document(root, document.source, document.text), problems


def _read(node: Node, folder: Path, problems: list[Diagnostic]) -> Node | None:
    mark = node.mark

    def tell(message: str, place: Node = node) -> None:
        problems.append(
            Diagnostic(message, place.mark.source, place.mark.line, place.mark.column, code=_CODE)
        )

    if node.kind != "scalar" or not isinstance(node.scalar, str):
        tell("expected the name of a file, as host.yaml")
        return None
    path = folder / node.scalar
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        problems.append(
            Diagnostic(
                f"the included file cannot be read: {reason}", mark.source, mark.line, mark.column, code=_CODE
            )
        )
        return None
    document, found = parse_yaml(data, str(path))
    problems.extend(found)
    if document is None:
        return None
    if document.root.kind != "map":
        tell("expected a mapping, of keys that a scenario has", document.root)
        return None
    if INCLUDE in document.root.entries:
        tell("an included file includes no other", document.root.entries[INCLUDE].node)
        return None
    return document.root


def _under(own: Node, other: Node) -> Node:
    """A mapping with the keys of another where it lacks them."""
    merged = own.copied()
    for key, entry in other.entries.items():
        mine = merged.entries.get(key)
        if mine is None:
            merged.entries[key] = entry
        elif mine.node.kind == entry.node.kind == "map":
            merged.entries[key] = Entry(mine.key_mark, _under(mine.node, entry.node))
    return merged
