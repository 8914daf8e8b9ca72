"""What pydantic finds, in our words: one sentence and one place for each mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from models.api.specs import Scenario
from models.api.specs_problems import FIELD_ERROR, quoted
from sim.diagnostics import nearest_word

__all__ = ["Found", "schema_problems"]

YamlPath = tuple[str | int, ...]
_MARKS = ("trace", "manifest")
"""Keys that only one of several forms has."""


@dataclass(frozen=True, slots=True)
class Found:
    """A problem at a path of the document; at the path's key where ``on_key``."""

    path: YamlPath
    sentence: str
    hint: str | None = None
    on_key: bool = False
    code: str = "value"


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in document and schema: ``own`` is the mapping's schema, ``kin`` those of the other forms."""

    path: YamlPath
    own: Mapping[str, Any]
    kin: tuple[Mapping[str, Any], ...]
    root: type[BaseModel]


def schema_problems(error: ValidationError, data: object, root: type[BaseModel] = Scenario) -> list[Found]:
    """Return one problem for each mistake that a validation found.

    A key that is missing because it is misspelt is told once, as misspelt.

    Args:
        error: What pydantic says.
        data: The whole document, plain.
        root: The schema that it was held against.
    """
    found: list[Found] = []
    missing: list[tuple[Found, str]] = []
    wanted: dict[YamlPath, list[str | None]] = {}
    for raw in error.errors(include_url=False):
        kind, loc = raw["type"], raw["loc"]
        at_parent = kind in {"missing", "extra_forbidden"}
        place = _place(loc[:-1] if at_parent else loc, data, root)
        if kind == FIELD_ERROR:
            for problem in raw["ctx"]["problems"]:
                path = (*place.path, *problem.path)
                found.append(Found(path, problem.sentence, problem.hint, problem.on_key, problem.code))
        elif kind == "extra_forbidden":
            unknown = _unknown_key(place, str(loc[-1]), data)
            found.append(unknown)
            wanted.setdefault(place.path, []).append(unknown.hint)
        elif kind == "missing":
            key = str(loc[-1])
            expected = place.own.get("properties", {}).get(key, {}).get("description")
            sentence = f"'{key}' is missing: expected {expected}" if expected else f"'{key}' is missing"
            missing.append((Found(place.path, sentence, None, True, "missing-key"), key))
        elif kind != "too_short" or not _value(place.path, data):  # else elements were told one by one
            found.append(_wrong_form(place, kind, data))
    for each, key in missing:
        hints = wanted.get(each.path, [])
        if key not in hints:
            found.append(each)
    return found


@cache
def _json_schema(root: type[BaseModel]) -> dict[str, Any]:
    return root.model_json_schema(by_alias=True)


def _resolved(schema: Mapping[str, Any], root: type[BaseModel]) -> Mapping[str, Any]:
    """Follow a ``$ref``, and the one form of an optional value."""
    while True:
        if "$ref" in schema:
            schema = _json_schema(root)["$defs"][schema["$ref"].rsplit("/", 1)[1]]
            continue
        forms = [form for form in schema.get("anyOf", ()) if form.get("type") != "null"]
        if len(forms) != 1:
            return schema
        schema = forms[0]


def _place(loc: tuple[int | str, ...], data: object, root: type[BaseModel]) -> _Place:
    """Walk document and schema along pydantic's location, which names forms of unions between keys."""
    path: YamlPath = ()
    schema: Mapping[str, Any] = _json_schema(root)
    kin: tuple[Mapping[str, Any], ...] = ()
    for step in loc:
        schema = _resolved(schema, root)
        if "oneOf" in schema and isinstance(step, str):
            forms = {form["$ref"].rsplit("/", 1)[1]: form for form in schema["oneOf"]}
            kin = tuple(_resolved(form, root) for name, form in forms.items() if name != step)
            schema = forms[step]
            continue
        kin = ()
        path = (*path, step)
        if isinstance(step, int):
            schema = schema.get("items", {})
            data = data[step] if isinstance(data, list) and step < len(data) else None
        else:
            # Of a mapping by names of the user's own all values have one schema.
            named = schema.get("additionalProperties")
            other = named if isinstance(named, dict) else {}
            schema = schema.get("properties", {}).get(step, other)
            data = data.get(step) if isinstance(data, Mapping) else None
    return _Place(path, _resolved(schema, root), kin, root)


def _unknown_key(place: _Place, key: str, data: object) -> Found:
    own = list(place.own.get("properties", {}))
    others = [word for form in place.kin for word in form.get("properties", {}) if word not in own]
    path = (*place.path, key)
    where = f" of '{_name(place.path)}'" if place.path else f" of a {place.root.__name__.lower()}"
    if key in others:
        mark = next((f"with '{word}'" for word in _MARKS if word in own), "")
        wanted = [form.get("properties", {}) for form in place.kin if key in form.get("properties", {})]
        mark = mark or next(f"without '{word}'" for word in _MARKS for form in wanted if word in form)
        return Found(path, f"the key '{key}' does not go {mark} here", None, True, "unknown-key")
    given = _value(place.path, data)
    free = [word for word in own if not isinstance(given, Mapping) or word not in given]
    hint = nearest_word(key, free)
    listed = ", ".join(own)
    sentence = f"'{key}' is not a key{where}"
    return Found(
        path, sentence if hint else f"{sentence}: expected {listed or 'none'}", hint, True, "unknown-key"
    )


def _name(path: YamlPath) -> str:
    """The key that a path ends in, past indices."""
    return next((str(step) for step in reversed(path) if isinstance(step, str)), "scenario")


def _value(path: YamlPath, data: Any) -> object:
    for step in path:
        if isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int):
            data = data[step]
        else:
            return None
    return data


def _wrong_form(place: _Place, kind: str, data: object) -> Found:
    """A list, a mapping or one of the two was expected."""
    given = quoted(_value(place.path, data))
    expected = place.own.get("description")
    keys = list(place.own.get("properties", {}))
    if kind == "too_short":
        return Found(place.path, "expected at least one element", code="range")
    if kind in {"tuple_type", "list_type"}:
        return Found(place.path, f"expected {expected or 'a list'}, not {given}", code="type")
    listed = f" with the keys {', '.join(keys)}" if keys else ""
    return Found(place.path, f"expected a mapping{listed}, not {given}", code="type")
