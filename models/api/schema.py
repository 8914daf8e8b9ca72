"""The scenario schema for editors: JSON Schema, with what a user may leave out and without what a user cannot write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

from pydantic.fields import FieldInfo

from models.api.specs import Fault, Scenario, TraceWorkload
from models.api.specs_control import Master
from models.api.specs_controllers import Controller
from models.api.specs_fields import Spec
from models.api.specs_manifests import ManifestWorkload
from models.api.specs_problems import FieldType

__all__ = ["is_required", "nested", "plain_default", "scenario_json_schema"]

_NAMED_BY_DEFAULT: Final[tuple[type[Spec], ...]] = (Fault, TraceWorkload, ManifestWorkload)
"""These have a name of their own accord where none is given."""

_SETTLED: Final[tuple[tuple[type[Spec], str], ...]] = ((Master, "timing"), (Controller, "selector"))
"""What follows from the rest of the scenario where it is not given."""


def scenario_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario as it is written in YAML."""
    schema = Scenario.model_json_schema(by_alias=True)
    for model in nested(Scenario):
        made = schema if model is Scenario else schema["$defs"][model.__name__]
        made["description"] = _first_paragraph(model)
        made["required"] = [
            spec.alias or name for name, spec in model.model_fields.items() if is_required(model, name)
        ]
        for name, spec in model.model_fields.items():
            _tidy(made["properties"][spec.alias or name], plain_default(model, name))
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wavetank scenario",
    }
    return {**head, **{key: value for key, value in schema.items() if key not in head}}


def _first_paragraph(model: type[Spec]) -> str:
    return " ".join((model.__doc__ or "").split("\n\n", 1)[0].split())


def _tidy(made: dict[str, Any], default: Any) -> None:
    """Leave out null, which cannot be written, and give defaults as they are written."""
    forms = [form for form in made.get("anyOf", ()) if form != {"type": "null"}]
    if len(forms) == 1 and len(made["anyOf"]) > 1:
        del made["anyOf"]
        made |= {key: value for key, value in forms[0].items() if key not in made}
    elif forms:
        made["anyOf"] = forms
    made.pop("title", None)
    made.pop("default", None)
    if default is not None:
        made["default"] = default


def is_required(model: type[Spec], name: str) -> bool:
    """Whether a field must be written."""
    if name == "name" and model in _NAMED_BY_DEFAULT:
        return False
    return model.model_fields[name].is_required()


def plain_default(model: type[Spec], name: str) -> Any:
    """Return a default as a user would write it; None where a key left out means something of its own."""
    spec = model.model_fields[name]
    if (model, name) in _SETTLED:
        return None
    default = spec.get_default(call_default_factory=True) if spec.default_factory is None else None
    if spec.is_required() or default is None:
        return None
    written = next((each.write for each in _field_types(spec) if each.write is not None), None)
    if written is not None:
        return written(default)
    if isinstance(default, tuple):
        return [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in default] or None
    return default


def _field_types(spec: FieldInfo) -> Iterator[FieldType]:
    todo: list[Any] = [*spec.metadata, spec.annotation]
    while todo:
        found = todo.pop()
        if isinstance(found, FieldType):
            yield found
        todo += [*getattr(found, "__metadata__", ()), *get_args(found)]


def nested(model: type[Spec]) -> list[type[Spec]]:
    """Return a model and all that stand in it, in the order in which they are written."""
    found: dict[type[Spec], None] = {}

    def visit(each: Any) -> None:
        if isinstance(each, type) and issubclass(each, Spec):
            if each not in found:
                found[each] = None
                for spec in each.model_fields.values():
                    visit(spec.annotation)
        else:
            for part in get_args(each):
                visit(part)

    visit(model)
    return list(found)
