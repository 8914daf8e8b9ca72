"""Catalogues from YAML: the one that is shipped, a user's own, or a user's over the shipped one.

All problems are told at once, each in one sentence with its place.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from models.api.loading_messages import schema_problems
from models.isolation.checks import cross_problems
from models.isolation.specs import Catalogue
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError
from sim.yamlnodes import Document, Node
from sim.yamlsource import parse_yaml

__all__ = ["read_catalogue", "read_catalogue_text", "shipped_catalogue"]

_SHIPPED: Final = ("surfaces.yaml", "mechanisms.yaml", "profiles.yaml", "techniques.yaml")


@cache
def shipped_catalogue() -> Catalogue:
    """Return the catalogue that comes with wavetank.

    Raises:
        ScenarioError: With every problem that was found.
    """
    return _validated(_shipped_document())


def read_catalogue(path: Path | str | None) -> Catalogue:
    """Return the catalogue of a file, or the shipped one where there is none.

    Raises:
        ScenarioError: With every problem that was found.
    """
    if path is None:
        return shipped_catalogue()
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ScenarioError(
            [Diagnostic(f"the catalogue cannot be read: {reason}", str(path), code="absent")]
        ) from None
    return read_catalogue_text(data, str(path))


def read_catalogue_text(text: str | bytes, source: str = "catalogue.yaml") -> Catalogue:
    """Return the catalogue of a text.

    Raises:
        ScenarioError: With every problem that was found.
    """
    document, problems = parse_yaml(text, source)
    if document is None or problems:
        raise ScenarioError(problems)
    if isinstance(document.value, dict) and document.value.get("extends") == "shipped":
        document = merged(_shipped_document(), document)
    return _validated(document)


def merged(base: Document, over: Document) -> Document:
    """Return a catalogue with another's rows: those of the same name are exchanged, others come behind.

    Every value keeps the place where it was written.
    """
    root = base.root.copied()
    for section, entry in over.root.entries.items():
        have = root.entries.get(section)
        if have is None or have.node.kind != "list" or entry.node.kind != "list":
            root.entries[section] = entry
            continue
        rows = have.node.copied()
        theirs = {_name(row): index for index, row in enumerate(rows.items)}
        for row in entry.node.items:
            # Twice in one file is a mistake, which stays to be found.
            index = theirs.get(_name(row)) if _name(row) is not None else None
            if index is None:
                rows.items.append(row)
            else:
                rows.items[index] = row
        root.entries[section].node = rows
    root.mark = over.root.mark
    return Document(root, over.source, over.text)


def _name(row: Node) -> str | None:
    name = row.child("name")
    return name.scalar if name is not None and isinstance(name.scalar, str) else None


@cache
def _shipped_document() -> Document:
    found: Document | None = None
    for file in _SHIPPED:
        text = resources.files("models.isolation").joinpath("shipped", file).read_bytes()
        document, problems = parse_yaml(text, f"models/isolation/shipped/{file}")
        if document is None or problems:
            raise ScenarioError(problems)
        found = document if found is None else merged(found, document)
    assert found is not None
    return found


def _validated(document: Document) -> Catalogue:
    if not isinstance(document.value, dict):
        message = "expected a mapping that begins with apiVersion: wavetank/v1"
        raise ScenarioError([document.diagnostic((), message, code="type")])
    empty = [path for path, node in document.walk() if node.kind == "scalar" and node.scalar is None]
    problems = [
        document.diagnostic(path, "expected a value, but there is nothing here", on_key=True, code="empty")
        for path in empty
    ]
    try:
        catalogue = Catalogue.model_validate(document.value, by_alias=True, by_name=False)
    except ValidationError as error:
        found = schema_problems(error, document.value, Catalogue)
        found = [each for each in found if each.path not in empty]
    else:
        found = cross_problems(catalogue)
        if not problems and not found:
            return catalogue
    problems += [
        document.diagnostic(each.path, each.sentence, hint=each.hint, code=each.code, on_key=each.on_key)
        for each in found
    ]
    raise ScenarioError(list(dict.fromkeys(problems)))
