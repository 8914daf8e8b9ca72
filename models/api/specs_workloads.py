"""What a scenario says of its pods: generated, or recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, PrivateAttr, model_validator

from models.api.containers import RESTART_POLICIES, PodContainers
from models.api.scheduling import PodAsScheduled
from models.api.selectors import EVERYTHING
from models.api.specs_containers import Container, container_problems, pod_containers, sums
from models.api.specs_distributions import CountLaw, CpuLaw, DurationLaw, PositiveDurationLaw, SizeLaw
from models.api.specs_fields import (
    Amounts,
    DnsName,
    DnsSubdomain,
    DurationS,
    Labels,
    RatePerS,
    SelectorField,
    Spec,
    choice,
    whole,
)
from models.api.specs_names import label_value_problem
from models.api.specs_problems import FieldError, FieldProblem, FieldType, fail, quoted
from models.api.specs_sources import PodTrace
from models.api.specs_taints import Toleration, with_defaults
from models.api.specs_usage import Uses, whole_pod_problems
from models.api.types import GpuRequest
from models.api.usage import Cap, PodUsage
from sim.diagnostics import nearest_word
from sim.distributions import Constant
from sim.units import UnitError, parse_count, parse_number

__all__ = [
    "Arrivals",
    "Batch",
    "GeneratedWorkload",
    "PodSpec",
    "Poisson",
    "TraceWorkload",
    "trace_name",
]

MAX_PODS: Final = 10_000_000
MAX_PRIORITY: Final = 1_000_000_000
_MAX_GPUS: Final = 64


def _gpu_request(value: object) -> GpuRequest | None:
    if isinstance(value, Mapping):
        return _gpu_mapping(value)
    gpus = parse_number(value, "a number of GPUs, as 2, or a share of one, as 0.5", 0, _MAX_GPUS)
    if gpus == 0:
        return None
    if gpus >= 1:
        if gpus != int(gpus):
            raise UnitError(f"expected whole GPUs or a share of one, not {gpus:g}", str(math.ceil(gpus)))
        return GpuRequest(int(gpus))
    milli = round(gpus * 1000)
    if milli == 0 or abs(gpus * 1000 - milli) > 1e-9:
        raise UnitError(
            f"expected a share of a GPU in thousandths, not {gpus:g}", f"{math.ceil(gpus * 1000) / 1000:g}"
        )
    return GpuRequest(1, milli)


def _gpu_mapping(value: Mapping[str, Any]) -> GpuRequest | None:
    keys = ("count", "milli", "models")
    problems: list[FieldProblem] = []
    for key in value:
        if key not in keys:
            near = nearest_word(str(key), keys)
            sentence = f"{quoted(key)} is not a key of 'gpu': expected {', '.join(keys)}"
            problems.append(FieldProblem(sentence, (key,), near, True, "unknown-key"))
    found = {"count": 1, "milli": 1000}
    for key, words, low, high in (
        ("count", "a number of GPUs", 0, _MAX_GPUS),
        ("milli", "thousandths of a GPU", 1, 1000),
    ):
        if key in value:
            try:
                found[key] = parse_count(value[key], words, low, high)
            except UnitError as error:
                problems.append(FieldProblem(error.sentence, (key,), error.suggestion))
    models = value.get("models", [])
    if not isinstance(models, list | tuple):
        problems.append(
            FieldProblem("expected a list of GPU models, as [V100, T4]", ("models",), code="type")
        )
    else:
        texts = [label_value_problem(model, ("models", i)) for i, model in enumerate(models)]
        problems += [problem for problem in texts if problem is not None]
    if not problems and found["milli"] < 1000 and found["count"] != 1:
        problems.append(FieldProblem("expected count 1 with a share of a GPU", ("count",), "1", code="range"))
    if problems:
        raise FieldError(*problems)
    return GpuRequest(found["count"], found["milli"], tuple(models)) if found["count"] else None


def _gpu_written(gpu: GpuRequest | None) -> Any:
    if gpu is None:
        return None
    return {"count": gpu.count, "milli": gpu.milli, "models": list(gpu.models)}


_GPU_SCHEMA: Final = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {
            "type": "object",
            "properties": {
                "count": {"type": "integer"},
                "milli": {"type": "integer", "minimum": 1, "maximum": 1000},
                "models": {"type": "array", "items": {"type": "string"}},
            },
            "additionalProperties": False,
        },
    ]
}
GpuRequestField = Annotated[GpuRequest | None, FieldType(_gpu_request, _gpu_written, _GPU_SCHEMA)]


class Poisson(Spec):
    """Pods one by one, independently, at a mean rate."""

    rate_per_s: RatePerS = Field(alias="rate", description="a rate, as 10/h")


class Batch(Spec):
    """Some pods at once, again and again.

    Attributes:
        every: Seconds between batches.
        size: Pods in a batch, before rounding.
    """

    every: PositiveDurationLaw = Field(description="a time or distribution, as 10m")
    size: CountLaw = Field(description="a number of pods or a distribution, as 10")


class Arrivals(Spec):
    """When pods come: exactly one of the three."""

    poisson: Poisson | None = Field(None, description="{rate: 10/h}")
    batch: Batch | None = Field(None, description="{every: 10m, size: 10}")
    at_s: DurationS | None = Field(None, alias="at", description="a time, as 5m")

    @model_validator(mode="after")
    def _exactly_one(self) -> Arrivals:
        given = [
            name
            for name, value in (("poisson", self.poisson), ("batch", self.batch), ("at", self.at_s))
            if value is not None
        ]
        if len(given) != 1:
            which = f", not both {given[0]} and {given[1]}" if given else ""
            sentence = f"expected exactly one of poisson, batch and at{which}"
            raise fail(FieldProblem(sentence, (given[1],) if given else (), None, True, "exclusive"))
        return self


class PodSpec(Spec):
    """What each pod asks for; drawn for each where a distribution is given.

    Attributes:
        cpu_millicores, memory_bytes, ephemeral_storage_bytes: Laws; a constant for all alike.
        gpu: None for none.
        minions: Which minions it may run on.
        toleration_s: How long it stays where the minion is not ready or cannot be reached; None: the constant
            ``default_toleration_s``.
        grace_s: How long it may take to end; None: the constant ``termination_grace_s``.
        main, first: Containers and init containers; without any the pod is one that runs as long as it does. It
            asks for their sum, or for the largest init container if that is more.
        scheduler_name: None: the default scheduler.
        restart_policy: Of the containers.
        uses: What it asks of its minion's CPUs; of a pod with containers they say that.
    """

    cpu_millicores: CpuLaw = Field(Constant(0.0), alias="cpu", description="an amount of CPU, as 500m")
    memory_bytes: SizeLaw = Field(Constant(0.0), alias="memory", description="a size, as 2Gi")
    ephemeral_storage_bytes: SizeLaw = Field(
        Constant(0.0), alias="ephemeral-storage", description="a size, as 1Gi"
    )
    gpu: GpuRequestField = Field(None, description="GPUs, as 0.5, 2 or {count: 1, milli: 460}")
    extended: Amounts = Field(
        default_factory=dict, description="extended resources, as {example.com/fpga: 2}"
    )
    labels: Labels = Field(default_factory=dict, description="labels, as {app: shop}")
    priority: Annotated[int, whole("a priority", -MAX_PRIORITY, MAX_PRIORITY)] = Field(
        0, description="a number"
    )
    preempts: bool = Field(True, description="whether it may have pods of lower priority go: true or false")
    minions: SelectorField = Field(EVERYTHING, description="a selector of minions, as tier=web")
    namespace: DnsName = Field("default", description="a namespace")
    tolerations: tuple[Toleration, ...] = Field(
        (), description="a list of tolerations, as [{key: dedicated, operator: Exists}]"
    )
    toleration_s: DurationS | None = Field(None, alias="tolerationSeconds", description="a time, as 60s")
    grace_s: DurationS | None = Field(None, alias="grace", description="a time, as 30s")
    main: tuple[Container, ...] = Field(
        (), alias="containers", description="a list of containers, as [{name: app, cpu: 100m}]"
    )
    first: tuple[Container, ...] = Field(
        (), alias="initContainers", description="a list of containers, as [{name: migrate, runs: 20s}]"
    )
    scheduler_name: DnsSubdomain | None = Field(
        None, alias="schedulerName", description="the scheduler that it asks for, as batch"
    )
    restart_policy: Annotated[str, choice(*RESTART_POLICIES)] = Field(
        "Always", alias="restartPolicy", description="Always, OnFailure or Never"
    )
    uses: Uses | None = Field(None, description="what it asks of the CPUs, as {cpu: 500m} or {threads: 4}")

    _usage: PodUsage | None = PrivateAttr(None)
    _containers: PodContainers | None = PrivateAttr(None)
    _scheduling: PodAsScheduled | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _asks_for_its_containers(self) -> PodSpec:
        """The pod's requests are the sum of its containers'; written twice they must be the same."""
        if not self.main:
            needing = (
                ("initContainers", bool(self.first)),
                ("restartPolicy", self.restart_policy != "Always"),
            )
            lonely = [
                FieldProblem(f"'{key}' does not go without 'containers'", (key,), None, True, "exclusive")
                for key, given in needing
                if given
            ]
            lonely += whole_pod_problems(self.uses)
            if lonely:
                raise fail(*lonely)
            return self
        if self.uses is not None:
            sentence = "'uses' does not go with 'containers': each of them says what it uses"
            raise fail(FieldProblem(sentence, ("uses",), None, True, "exclusive"))
        asked = pod_containers(self.first, self.main, self.restart_policy, self.grace_s)
        total = sums(asked.init_containers, asked.containers)
        native = {
            "cpu_millicores": ("cpu", self.cpu_millicores),
            "memory_bytes": ("memory", self.memory_bytes),
            "ephemeral_storage_bytes": ("ephemeral-storage", self.ephemeral_storage_bytes),
        }
        problems = container_problems(self.first, self.main)
        update: dict[str, Any] = {}
        for attribute, (key, law) in native.items():
            update[attribute] = Constant(float(total.pop(key, 0)))
            if attribute in self.model_fields_set and law != update[attribute]:
                sentence = "expected what its containers ask for in all, or nothing: they say it"
                problems.append(FieldProblem(sentence, (key,), code="exclusive"))
        update["extended"] = dict(sorted(total.items()))
        if self.extended and self.extended != update["extended"]:
            sentence = "expected what its containers ask for in all, or nothing: they say it"
            problems.append(FieldProblem(sentence, ("extended",), code="exclusive"))
        if problems:
            raise fail(*problems)
        made = self.model_copy(update=update)
        made._containers = asked
        return made

    @property
    def containers(self) -> PodContainers | None:
        """Its containers one by one; None: one that runs as long as the pod and says nothing of itself."""
        return self._containers

    @property
    def scheduling(self) -> PodAsScheduled | None:
        """What the kube-scheduler's plug-ins read of it; None: no more than this spec itself says."""
        return self._scheduling

    def with_scheduling(self, scheduling: PodAsScheduled) -> PodSpec:
        """Return this pod with what is said of its scheduling in v1's own words."""
        made = self.model_copy()
        made._scheduling = scheduling
        return made

    def under(self, cap: Cap) -> PodSpec:
        """Return this pod, of which the kernel is told so much."""
        if self.uses is None:
            return self
        made = self.model_copy()
        made._usage = PodUsage(self.uses.usage, cap)
        return made

    @property
    def usage(self) -> PodUsage | None:
        """What it asks of the CPUs, once that is settled by :meth:`under`."""
        return self._usage

    def with_containers(self, containers: PodContainers) -> PodSpec:
        """Return this pod with containers, whose sum of requests it asks for."""
        made = self.model_copy()
        made._containers, made._usage = containers, None
        return made

    def admitted_tolerations(self, constants: Mapping[str, float]) -> tuple[Toleration, ...]:
        """Return the tolerations that a pod has once it is admitted, the default ones too."""
        own_s = self.toleration_s
        default_s = constants["default_toleration_s"] if own_s is None else own_s
        return with_defaults(self.tolerations, default_s)


class GeneratedWorkload(Spec):
    """Pods made by rule.

    Attributes:
        count: Pods in all; None without end.
        start_s: Arrivals begin here.
        duration: Seconds that a pod runs; None for ever.
        give_up_after_s, withdraw_after_s: Seconds pending; None never.
    """

    name: DnsName = Field(description="the name of this workload")
    arrivals: Arrivals = Field(description="when pods come, as {poisson: {rate: 10/h}}")
    count: Annotated[int, whole("a number of pods", 0, MAX_PODS)] | None = Field(
        None, description="a number of pods in all, as 1000"
    )
    start_s: DurationS = Field(0.0, alias="start", description="a time, as 10m")
    pod: PodSpec = Field(description="what a pod asks for, as {cpu: 500m, memory: 1Gi}")
    duration: DurationLaw | None = Field(None, description="a time or distribution, as 10m")
    ends: Annotated[str, choice("Succeeded", "Failed")] = Field(
        "Succeeded", description="Succeeded or Failed"
    )
    give_up_after_s: DurationS | None = Field(None, alias="giveUpAfter", description="a time, as 0s")
    withdraw_after_s: DurationS | None = Field(None, alias="withdrawAfter", description="a time, as 10m")

    @property
    def is_endless(self) -> bool:
        """Whether pods come for ever."""
        return self.count is None

    @model_validator(mode="after")
    def _goes_together(self) -> GeneratedWorkload:
        given = self.model_fields_set
        problems: list[FieldProblem] = []
        if self.arrivals.at_s is not None:
            if self.count is None:
                sentence = "'count' is missing: expected a number of pods with arrivals 'at' one time"
                problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
            if "start_s" in given and self.start_s > 0:
                sentence = "'start' does not go with arrivals 'at', which says when"
                problems.append(FieldProblem(sentence, ("start",), None, True, "exclusive"))
        for key, is_given in (("duration", self.duration is not None), ("ends", self.ends == "Failed")):
            if self.pod.main and is_given:
                sentence = f"'{key}' does not go with containers, of which each says how long it 'runs'"
                problems.append(FieldProblem(sentence, (key,), None, True, "exclusive"))
        if self.duration is None and self.ends == "Failed" and not self.pod.main:
            sentence = "'ends' does not go without 'duration': such pods never end"
            problems.append(FieldProblem(sentence, ("ends",), None, True, "exclusive"))
        if problems:
            raise fail(*problems)
        return self


class TraceWorkload(Spec):
    """Recorded pods.

    Attributes:
        name: By default the trace's format.
        uses: What each of them asks of its minion's CPUs while it runs.
        give_up_after_s: Seconds pending; None never.
    """

    name: DnsName = Field(description="the name of this workload")
    trace: PodTrace = Field(description="where they are recorded, as {format: openb, path: ...}")
    uses: Uses | None = Field(None, description="what they ask of the CPUs, as {ofRequest: 0.5}")
    give_up_after_s: DurationS | None = Field(None, alias="giveUpAfter", description="a time, as 0s")

    @model_validator(mode="after")
    def _uses_no_memory(self) -> TraceWorkload:
        if problems := list(whole_pod_problems(self.uses)):
            raise fail(*problems)
        return self

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "name" not in data:
            return {**data, "name": trace_name(data)}
        return data


def trace_name(workload: Mapping[str, Any]) -> str:
    """The name of a trace workload that has none: its format, or ``trace`` where that is no name."""
    trace = workload.get("trace")
    trace_format = trace.get("format") if isinstance(trace, Mapping) else None
    is_name = isinstance(trace_format, str) and trace_format.isalnum() and trace_format.islower()
    return str(trace_format) if is_name and len(str(trace_format)) <= 63 else "trace"
