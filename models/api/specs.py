"""The scenario schema: what was asked, frozen, in the simulator's own units.

YAML keys are those of the aliases (``until``), Python names carry units (``until_s``). Scenarios are read
with models.api.loading, which gives every problem its place; :meth:`Scenario.to_plain` writes one back so
that it reads as the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from models.api.constants import (
    CONSTANT_NAMES,
    DEFAULT_KUBERNETES_VERSION,
    KUBERNETES_VERSIONS,
    constants_for,
)
from models.api.specs_budgets import ManifestBudget
from models.api.specs_cluster import (
    DEFAULT_EPHEMERAL_BYTES,
    MAX_MINIONS,
    Cluster,
    MinionPool,
    MinionTrace,
    Reserved,
)
from models.api.specs_containers import BehaviourOf
from models.api.specs_control import INSTANT, KUBERNETES, KubeletDelays, Master
from models.api.specs_controllers import Controller, Service
from models.api.specs_faults import ACTIONS, Crash, Fault
from models.api.specs_fields import DnsName, PositiveDurationS, Spec, Text, choice, whole
from models.api.specs_images import Image, Registry
from models.api.specs_isolation import Isolation
from models.api.specs_manifests import ManifestObject, ManifestPod, ManifestWorkload, Workload
from models.api.specs_policy import PluginRef, Policy
from models.api.specs_problems import FieldError, FieldProblem, FieldType, fail, one_of, parse_mapping, quoted
from models.api.specs_schedulers import NamedScheduler
from models.api.specs_sources import PodTrace, TraceFile, Vocabulary
from models.api.specs_taints import Taint, Toleration
from models.api.specs_usage import Caps, Shorthand
from models.api.specs_workloads import Arrivals, Batch, GeneratedWorkload, PodSpec, Poisson, TraceWorkload
from models.api.types import GpuDevices, GpuRequest
from models.api.usage import CAPS
from sim.diagnostics import nearest_word
from sim.units import UnitError, parse_number

__all__ = [
    "API_VERSION",
    "DEFAULT_EPHEMERAL_BYTES",
    "MAX_MINIONS",
    "Arrivals",
    "Batch",
    "Cluster",
    "Controller",
    "Crash",
    "Fault",
    "GeneratedWorkload",
    "GpuDevices",
    "GpuRequest",
    "KubeletDelays",
    "ManifestObject",
    "ManifestPod",
    "ManifestWorkload",
    "Master",
    "MinionPool",
    "MinionTrace",
    "NamedScheduler",
    "PluginRef",
    "PodSpec",
    "PodTrace",
    "Poisson",
    "Policy",
    "Reserved",
    "Scenario",
    "Service",
    "Taint",
    "Toleration",
    "TraceFile",
    "TraceWorkload",
    "Vocabulary",
    "scenario_hash",
]

API_VERSION: Final = "wavetank/v1"


class Journal(Spec):
    """What is written beyond the usual."""

    scheduling: Annotated[str, choice("brief", "full")] = Field(
        "brief", description="brief, or full: of every decision the five best minions with their scores"
    )


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
        include: Put under the scenario while it is read, and gone by then: always None.
        until_s: Simulated seconds; None: until nothing can happen any more.
        behaviour: How containers behave, those of manifests too.
        expect: What the run is held against, in the words of expectations.
    """

    api_version: Annotated[str, choice(API_VERSION)] = Field(alias="apiVersion", description=API_VERSION)
    name: DnsName = Field(description="a name for the runs, as one-minion-dies")
    include: tuple[Text, ...] | Text | None = Field(
        None, description="files whose keys hold where this one does not say, as host.yaml"
    )
    kubernetes: Annotated[str, FieldType(_version, None, {"enum": list(KUBERNETES_VERSIONS)})] = Field(
        DEFAULT_KUBERNETES_VERSION, description='the version whose constants hold, as "1.20"'
    )
    constants: Annotated[dict[str, float], FieldType(_constants, None, _CONSTANTS_SCHEMA)] = Field(
        default_factory=dict, description="single constants, as {node_monitor_grace_s: 40}"
    )
    seed: Annotated[int, whole("a seed", 0, 2**63 - 1)] = Field(1, description="a whole number")
    until_s: PositiveDurationS | None = Field(None, alias="until", description="a time, as 24h")
    checks: Annotated[str, choice("off", "cheap", "full")] = Field("cheap", description="off, cheap or full")
    cluster: Cluster = Field(
        default_factory=lambda: Cluster(minions=()), description="the machines, as {minions: [...]}"
    )
    master: Master = Field(
        default_factory=Master, description="how the control plane behaves, as {timing: kubernetes}"
    )
    kubelet: KubeletDelays = Field(
        default_factory=KubeletDelays, description="delays of all kubelets, as {start: 0.2s, ready: 0.3s}"
    )
    images: tuple[Image, ...] = Field(
        (), description="a list of images, as [{name: shop/web:1.4, size: 100Mi}]"
    )
    registry: Registry | None = Field(None, description="where images come from, as {bandwidth: 1.25G/s}")
    controllers: tuple[Controller, ...] = Field((), description="a list of controllers")
    services: tuple[Service, ...] = Field((), description="a list of services")
    workloads: tuple[Workload, ...] = Field((), description="a list of workloads")
    behaviour: tuple[BehaviourOf, ...] = Field(
        (), description="a list of rules, as [{pods: app=web, container: app, runs: 10s, exitCode: 1}]"
    )
    caps: Annotated[Caps, Shorthand(CAPS)] = Field(
        default_factory=Caps, description="what kernels are told of requests and limits, as shares"
    )
    isolation: Isolation | None = Field(
        None, description="how containers are kept apart, as {default: hardened}"
    )
    policy: Policy = Field(
        default_factory=Policy, description="which plug-ins decide, as {scheduler: best-fit}"
    )
    schedulers: tuple[NamedScheduler, ...] | None = Field(
        None, description="a list of schedulers, as [{name: batch, commit: checked}]"
    )
    faults: tuple[Fault, ...] = Field((), description="a list of faults")
    expect: tuple[Text, ...] = Field((), description="a list of expectations")
    journal: Journal = Field(default_factory=Journal, description="what is written, as {scheduling: full}")

    @model_validator(mode="before")
    @classmethod
    def _settle(cls, data: Any) -> Any:
        """Faults without a name are fault-1, fault-2, ... by position; the timing is settled."""
        if not isinstance(data, Mapping):
            return data
        data = {**data}
        faults, master = data.get("faults"), data.get("master", {})
        if isinstance(faults, list):
            data["faults"] = [
                {"name": default_fault_name(i), **fault} if isinstance(fault, Mapping) else fault
                for i, fault in enumerate(faults)
            ]
        if isinstance(master, Mapping) and "timing" not in master:
            needed = _needs_control_plane(data)
            timing = KUBERNETES if master or data.get("kubelet") or needed else INSTANT
            data["master"] = {**master, "timing": timing}
        return data

    @model_validator(mode="after")
    def _has_a_control_plane(self) -> Scenario:
        if self.master.timing == INSTANT:
            needed = _needs_control_plane(dict(self)) or self._beyond_defaults()
            if needed:
                why = _WHY.get(needed, "which needs timing kubernetes")
                sentence = f"timing instant does not go with {needed}, {why}"
                raise fail(FieldProblem(sentence, ("master", "timing"), KUBERNETES, code="exclusive"))
        return self

    def _beyond_defaults(self) -> str:
        """A part of the master or the kubelets that is given, in words; empty for none."""
        given = Master(timing=self.master.timing)
        for attribute, spec in Master.model_fields.items():
            if getattr(self.master, attribute) != getattr(given, attribute):
                return f"'{spec.alias or attribute}'"
        return "'kubelet'" if self.kubelet != KubeletDelays() else ""

    @property
    def has_images(self) -> bool:
        """Whether images are followed: else all are there, and nothing is pulled."""
        return _says_of_images(dict(self)) != ""

    @property
    def all_controllers(self) -> tuple[Controller, ...]:
        """The controllers, those of manifests last."""
        return (*self.controllers, *(o.spec for o in self.manifests if isinstance(o.spec, Controller)))

    @property
    def named_controllers(self) -> tuple[tuple[Controller, tuple[str, ...]], ...]:
        """The controllers in the order of all_controllers, each with the names that it and its pods answer to.

        These are its own, the one with its namespace, and of a manifest the workload's.
        """
        own = [(each, (each.name, each.key)) for each in self.controllers]
        read = [
            (each.spec, (*each.names, work.name))
            for work in self.workloads
            if isinstance(work, ManifestWorkload)
            for each in work.objects
            if isinstance(each.spec, Controller)
        ]
        return (*own, *read)

    @property
    def all_services(self) -> tuple[Service, ...]:
        """The services, those of manifests last."""
        return (*self.services, *(o.spec for o in self.manifests if isinstance(o.spec, Service)))

    @property
    def budgets(self) -> tuple[ManifestBudget, ...]:
        """The disruption budgets of manifests."""
        return tuple(o.spec for o in self.manifests if isinstance(o.spec, ManifestBudget))

    @property
    def all_minions(self) -> tuple[MinionPool | MinionTrace, ...]:
        """Pools and traces of minions, and the Nodes of manifests last."""
        return (*self.cluster.minions, *(o.spec for o in self.manifests if isinstance(o.spec, MinionPool)))

    @property
    def manifests(self) -> tuple[ManifestObject, ...]:
        """All objects of the manifests, in the order of workloads and files."""
        return tuple(o for work in self.workloads if isinstance(work, ManifestWorkload) for o in work.objects)

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


_WHY: Final = dict.fromkeys(
    ("'schedulers'", "'schedulerName'"),
    "which needs timing kubernetes: where a decision is a bind at once, no scheduler meets another's",
)
_CONTROLLED: Final = ("controllers", "services", "schedulers")


def _needs_control_plane(data: Mapping[str, Any]) -> str:
    """What of a scenario happens only where the control plane is simulated, in words; empty for nothing.

    Disabled faults count, so that the same scenario without its fault runs on the same control plane.
    """
    for key in _CONTROLLED:
        if data.get(key):
            return f"'{key}'"
    if found := _says_of_containers(data):
        return found
    minions = data.get("cluster")
    minions = minions.get("minions") if isinstance(minions, Mapping) else getattr(minions, "minions", ())
    for pool in _listed(minions):
        if "kubelet" in pool if isinstance(pool, Mapping) else getattr(pool, "kubelet", None) is not None:
            return "'kubelet'"
    for workload in _listed(data.get("workloads")):
        if isinstance(workload, ManifestWorkload) or (
            isinstance(workload, Mapping) and "manifest" in workload
        ):
            return "manifests"
        if found := _says_of_pod(workload):
            return found
    for fault in _listed(data.get("faults")):
        kinds = [fault.kind] if isinstance(fault, Fault) else fault if isinstance(fault, Mapping) else ()
        for kind in ACTIONS:
            if kind in kinds and kind != "crash":
                return f"a fault of the kind {kind}"
    return ""


def _says_of_needs(data: Mapping[str, Any]) -> str:
    """What may be refused to applications, so that they crash and are started again, in words; empty for nothing."""
    given = data.get("isolation")
    needs = given.get("needs") if isinstance(given, Mapping) else getattr(given, "needs", ())
    return "'needs' of isolation" if needs else ""


def _says_of_containers(data: Mapping[str, Any]) -> str:
    """What of images and of isolation needs a control plane, in words; empty for nothing."""
    return _says_of_images(data) or _says_of_needs(data)


def _says_of_pod(workload: object) -> str:
    """What of a workload's pods needs a control plane, in words; empty for nothing."""
    pod = workload.get("pod") if isinstance(workload, Mapping) else getattr(workload, "pod", None)
    for key, attribute in (("containers", "main"), ("schedulerName", "scheduler_name")):
        if key in pod if isinstance(pod, Mapping) else getattr(pod, attribute, None):
            return f"'{key}'"
    return ""


def _says_of_images(data: Mapping[str, Any]) -> str:
    """What of a scenario has to do with images, in words; empty for nothing. Disabled faults count."""
    if data.get("images"):
        return "'images'"
    if data.get("registry") is not None:
        return "'registry'"
    minions = data.get("cluster")
    minions = minions.get("minions") if isinstance(minions, Mapping) else getattr(minions, "minions", ())
    for pool in _listed(minions):
        for key, attribute in (("imageDisk", "image_disk_bytes"), ("preloaded", "preloaded")):
            if pool.get(key) if isinstance(pool, Mapping) else getattr(pool, attribute, None):
                return f"'{key}'"
    for fault in _listed(data.get("faults")):
        outage = fault.get("outage") if isinstance(fault, Mapping) else getattr(fault, "outage", None)
        if (outage.get("of") if isinstance(outage, Mapping) else getattr(outage, "of", "")) == "registry":
            return "an outage of the registry"
    return ""


def _listed(value: object) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def scenario_hash(scenario: Scenario) -> str:
    """A name for what was asked, after defaults: 32 hexadecimal digits of blake2b over canonical JSON.

    What stands in manifests counts, to the letter, not only their paths.
    """
    plain = scenario.to_plain()
    manifests = [work.digest for work in scenario.workloads if isinstance(work, ManifestWorkload)]
    if any(manifests):
        plain["manifests"] = manifests
    if scenario.isolation is not None and scenario.isolation.file is not None:
        read = scenario.isolation.file.read_bytes()
        plain["catalogue"] = hashlib.blake2b(read, digest_size=16).hexdigest()
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.blake2b(text.encode("ascii"), digest_size=16).hexdigest()
