"""The scenario schema: what was asked, frozen, in the simulator's own units.

YAML keys are those of the aliases (``until``), Python names carry units (``until_s``). Scenarios are read
with models.api.loading, which gives every problem its place; :meth:`Scenario.to_plain` writes one back so
that it reads as the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import Field, ValidationInfo, field_validator, model_validator

from models.api.constants import (
    CONSTANT_NAMES,
    DEFAULT_KUBERNETES_VERSION,
    KUBERNETES_VERSIONS,
    constants_for,
)
from models.api.specs_cluster import (
    DEFAULT_EPHEMERAL_BYTES,
    MAX_MINIONS,
    Cluster,
    MinionPool,
    MinionTrace,
    Reserved,
)
from models.api.specs_faults import Crash, Fault
from models.api.specs_fields import DnsName, PositiveDurationS, Spec, Text, choice, whole
from models.api.specs_problems import FieldError, FieldProblem, FieldType, fail, one_of, parse_mapping, quoted
from models.api.specs_sources import PodTrace, Surroundings, TraceFile, Vocabulary
from models.api.specs_workloads import (
    Arrivals,
    Batch,
    GeneratedWorkload,
    PodSpec,
    Poisson,
    TraceWorkload,
    Workload,
)
from models.api.types import GpuDevices, GpuRequest
from sim.diagnostics import nearest_word
from sim.units import UnitError, parse_number

__all__ = [
    "API_VERSION",
    "DEFAULT_EPHEMERAL_BYTES",
    "MAX_MINIONS",
    "Arrivals",
    "Batch",
    "Cluster",
    "Crash",
    "Fault",
    "GeneratedWorkload",
    "GpuDevices",
    "GpuRequest",
    "MinionPool",
    "MinionTrace",
    "PluginRef",
    "PodSpec",
    "PodTrace",
    "Poisson",
    "Policy",
    "Reserved",
    "Scenario",
    "TraceFile",
    "TraceWorkload",
    "Vocabulary",
    "scenario_hash",
]

API_VERSION: Final = "wavetank/v1"
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


class Policy(Spec):
    """Which plug-ins decide."""

    scheduler: PluginField = Field(
        PluginRef(_DEFAULT_SCHEDULER), description="a scheduling policy, as best-fit"
    )

    @field_validator("scheduler")
    @classmethod
    def _is_known(cls, value: PluginRef, info: ValidationInfo) -> PluginRef:
        if not isinstance(info.context, Surroundings) or value.is_users_own:
            return value
        known = info.context.vocabulary.policies
        if value.name not in known:
            listed = ", ".join((*known, "package.module:name"))
            sentence = f"there is no scheduling policy '{value.name}': expected one of {listed}"
            raise fail(FieldProblem(sentence, hint=nearest_word(value.name, known), code="unknown-plugin"))
        return value


class Journal(Spec):
    """Reserved for what is written; has no keys yet."""


def _constants(value: object) -> dict[str, float]:
    constants: dict[str, float] = {}
    problems: list[FieldProblem] = []
    for name, given in parse_mapping(value, "a mapping as {node_monitor_grace_s: 40}").items():
        if name not in CONSTANT_NAMES:
            near = nearest_word(str(name), CONSTANT_NAMES)
            problems.append(
                FieldProblem(f"there is no constant {quoted(name)}", (name,), near, True, "unknown-key")
            )
            continue
        try:
            constants[name] = parse_number(given, "a number, in the unit of the constant's name,", 0.0, 1e12)
        except UnitError as error:
            problems.append(FieldProblem(error.sentence, (name,), error.suggestion))
    if problems:
        raise FieldError(*problems)
    return constants


_CONSTANTS_SCHEMA: Final = {
    "type": "object",
    "properties": {name: {"type": "number"} for name in CONSTANT_NAMES},
    "additionalProperties": False,
}


def _version(value: object) -> str:
    if isinstance(value, float | int) and not isinstance(value, bool):
        hint = next((f'"{known}"' for known in KUBERNETES_VERSIONS if float(known) == value), None)
        sentence = f'expected a version in quotes, as "1.20", not the number {value:g}'
        raise FieldError(FieldProblem(sentence, hint=hint))
    return one_of(value, KUBERNETES_VERSIONS)


class Scenario(Spec):
    """One simulation: a cluster, its work, its failures, and what is expected.

    Attributes:
        until_s: Simulated seconds; None: until nothing can happen any more.
        expect: Expectations as written; experiments parse them.
    """

    api_version: Annotated[str, choice(API_VERSION)] = Field(alias="apiVersion", description=API_VERSION)
    name: DnsName = Field(description="a name for the runs, as one-minion-dies")
    kubernetes: Annotated[str, FieldType(_version, None, {"enum": list(KUBERNETES_VERSIONS)})] = Field(
        DEFAULT_KUBERNETES_VERSION, description='the version whose constants hold, as "1.20"'
    )
    constants: Annotated[dict[str, float], FieldType(_constants, None, _CONSTANTS_SCHEMA)] = Field(
        default_factory=dict, description="single constants, as {node_monitor_grace_s: 40}"
    )
    seed: Annotated[int, whole("a seed", 0, 2**63 - 1)] = Field(1, description="a whole number")
    until_s: PositiveDurationS | None = Field(None, alias="until", description="a time, as 24h")
    checks: Annotated[str, choice("off", "cheap", "full")] = Field("cheap", description="off, cheap or full")
    cluster: Cluster = Field(description="the machines, as {minions: [...]}")
    workloads: tuple[Workload, ...] = Field((), description="a list of workloads")
    policy: Policy = Field(
        default_factory=Policy, description="which plug-ins decide, as {scheduler: best-fit}"
    )
    faults: tuple[Fault, ...] = Field((), description="a list of faults")
    expect: tuple[Text, ...] = Field((), description="a list of expectations")
    journal: Journal = Field(default_factory=Journal, description="an empty mapping")

    @model_validator(mode="before")
    @classmethod
    def _named_faults(cls, data: Any) -> Any:
        """Faults without a name are fault-1, fault-2, ... by position."""
        faults = data.get("faults") if isinstance(data, Mapping) else None
        if not isinstance(faults, list):
            return data
        named = [
            {"name": default_fault_name(i), **fault} if isinstance(fault, Mapping) else fault
            for i, fault in enumerate(faults)
        ]
        return {**data, "faults": named}

    @property
    def constant_values(self) -> dict[str, float]:
        """Every constant with its value, overrides applied."""
        return constants_for(self.kubernetes, self.constants)

    def to_plain(self) -> dict[str, Any]:
        """The scenario after defaults as JSON-serialisable data; reading that gives an equal scenario."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def default_fault_name(index: int) -> str:
    """The name of a fault that has none, by its place in the list, counted from 0."""
    return f"fault-{index + 1}"


def scenario_hash(scenario: Scenario) -> str:
    """A name for what was asked, after defaults: 32 hexadecimal digits of blake2b over canonical JSON."""
    plain = scenario.to_plain()
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()
