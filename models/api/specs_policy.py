"""What a scenario says of plug-ins: which ones decide, and with which parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import Field, ValidationInfo, field_validator

from models.api.specs_fields import Spec
from models.api.specs_problems import FieldError, FieldProblem, FieldType, fail, parse_mapping, quoted
from models.api.specs_sources import Surroundings
from sim.diagnostics import nearest_word

__all__ = ["PluginField", "PluginRef", "Policy", "known_plugin"]

_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_DEFAULT_SCHEDULER: Final = "best-fit"


@dataclass(frozen=True, slots=True)
class PluginRef:
    """A plug-in by name, with the parameters it is given.

    Attributes:
        name: A name of the catalog, or ``package.module:name`` of the user's own.
        parameters: As written in YAML; the plug-in knows what they mean.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_users_own(self) -> bool:
        """Whether the name is ``package.module:name``, to be imported when the scenario is run."""
        return ":" in self.name


def _plugin(value: object) -> PluginRef:
    parameters: Mapping[str, Any] = {}
    if isinstance(value, Mapping):
        if len(value) != 1:
            sentence = f"expected one name, as best-fit or {{best-fit: {{...}}}}, not {len(value)}"
            raise FieldError(FieldProblem(sentence))
        name, given = next(iter(value.items()))
        if given is not None:
            try:
                parameters = parse_mapping(given, "a mapping of parameters")
            except FieldError as error:
                raise FieldError(
                    FieldProblem(error.problems[0].sentence, (str(name),), code="type")
                ) from None
    else:
        name = value
    if not isinstance(name, str) or not name or len(name) > 200:
        raise FieldError(FieldProblem(f"expected the name of a policy, as best-fit, not {quoted(name)}"))
    if ":" in name and not _DOTTED.fullmatch(name):
        raise FieldError(FieldProblem(f"expected package.module:name, not {quoted(name)}", code="plugin"))
    return PluginRef(name, dict(parameters))


def _plugin_written(plugin: PluginRef) -> Any:
    return {plugin.name: dict(plugin.parameters)} if plugin.parameters else plugin.name


PluginField = Annotated[
    PluginRef, FieldType(_plugin, _plugin_written, {"anyOf": [{"type": "string"}, {"type": "object"}]})
]


def known_plugin(value: PluginRef, info: ValidationInfo) -> PluginRef:
    """Return a scheduling policy that there is, or that is the user's own."""
    if not isinstance(info.context, Surroundings) or value.is_users_own:
        return value
    known = info.context.vocabulary.policies
    if value.name not in known:
        listed = ", ".join((*known, "package.module:name"))
        sentence = f"there is no scheduling policy '{value.name}': expected one of {listed}"
        raise fail(FieldProblem(sentence, hint=nearest_word(value.name, known), code="unknown-plugin"))
    return value


class Policy(Spec):
    """Which plug-ins decide."""

    scheduler: PluginField = Field(
        PluginRef(_DEFAULT_SCHEDULER), description="a scheduling policy, as best-fit"
    )

    @field_validator("scheduler")
    @classmethod
    def _is_known(cls, value: PluginRef, info: ValidationInfo) -> PluginRef:
        return known_plugin(value, info)
