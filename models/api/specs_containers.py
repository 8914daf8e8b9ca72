"""What a scenario says of a pod's containers, in its own words, and how containers behave.

The words of v1 (name, image, probes with their periods and thresholds) become models.api.containers, as those of a
manifest do; what v1 cannot say (how long a container runs, until when it is healthy) becomes its behaviour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from models.api.behaviour import Behaviour, Health
from models.api.containers import (
    PULL_POLICIES,
    RESTART_POLICIES,
    ContainerSpec,
    HandlerSpec,
    PodContainers,
    ProbeSpec,
    RestartPolicy,
    default_pull_policy,
)
from models.api.selectors import Selector
from models.api.specs_distributions import DurationLaw
from models.api.specs_fields import (
    Amounts,
    CpuMillicores,
    DnsName,
    DurationS,
    Flag,
    PositiveDurationS,
    SelectorField,
    SizeBytes,
    Spec,
    Text,
    choice,
    whole,
)
from models.api.specs_problems import FieldProblem, fail
from models.api.specs_usage import Limits, Uses, limit_problems
from sim.distributions import Constant, Distribution

__all__ = [
    "BehaviourOf",
    "Container",
    "ContainerBehaviour",
    "Probe",
    "Probes",
    "behaving",
    "container_problems",
    "pod_containers",
    "sums",
]

_TIME: Final = "a time or distribution, as 10m"
Threshold = Annotated[int, whole("a number of times", 1, 10_000)]


class Healthy(Spec):
    """How probes are answered; times count from the container's start, each time that it starts.

    Attributes:
        healthy_from: Until then every probe fails at once.
        healthy_until: From then on every probe fails at once.
        slow_from: From then on an answer takes ``takes_s``, or never comes where that is not given.
        never: Every probe fails at once.
    """

    healthy_from: DurationLaw | None = Field(None, alias="healthyFrom", description=_TIME)
    healthy_until: DurationLaw | None = Field(None, alias="healthyUntil", description=_TIME)
    slow_from: DurationLaw | None = Field(None, alias="slowFrom", description=_TIME)
    takes_s: DurationS | None = Field(None, alias="takes", description="a time, as 3s")
    never: Flag = Field(False, description="true or false: whether it is never healthy")

    @model_validator(mode="after")
    def _is_one_story(self) -> Healthy:
        problems = []
        if self.takes_s is not None and self.slow_from is None:
            sentence = "'slowFrom' is missing: expected a time or distribution, as 10m, with 'takes'"
            problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
        for key, law in (
            ("healthyFrom", self.healthy_from), ("healthyUntil", self.healthy_until), ("slowFrom", self.slow_from),
        ):  # fmt: skip
            if self.never and law is not None:
                sentence = f"'{key}' does not go with 'never': it is never healthy"
                problems.append(FieldProblem(sentence, (key,), None, True, "exclusive"))
        if _after(self.healthy_from, self.healthy_until):
            sentence = "expected a time after 'healthyFrom'"
            problems.append(FieldProblem(sentence, ("healthyUntil",), code="range"))
        if problems:
            raise fail(*problems)
        return self

    @property
    def health(self) -> Health:
        """How the probes are answered."""
        words: dict[str, Any] = {} if self.takes_s is None else {"takes_s": self.takes_s}
        return Health(self.healthy_from, self.healthy_until, self.slow_from, never=self.never, **words)


def _after(first: Distribution | None, second: Distribution | None) -> bool:
    """Whether the first is not before the second, both being constant."""
    return isinstance(first, Constant) and isinstance(second, Constant) and first.value >= second.value


class Probe(Healthy):
    """A probe, as in v1; the defaults are v1's (FACTS K39).

    What it says of health is of this probe alone, instead of the container's.
    """

    period_s: PositiveDurationS = Field(10.0, alias="period", description="a time, as 10s")
    timeout_s: PositiveDurationS = Field(1.0, alias="timeout", description="a time, as 1s")
    initial_delay_s: DurationS = Field(0.0, alias="initialDelay", description="a time, as 30s")
    success_count: Threshold = Field(1, alias="successThreshold", description="a number of passes, as 1")
    failure_count: Threshold = Field(3, alias="failureThreshold", description="a number of failures, as 3")

    @property
    def spec(self) -> ProbeSpec:
        """The probe as of a container."""
        return ProbeSpec(
            HandlerSpec("exec", ("probe",)),
            self.initial_delay_s,
            self.period_s,
            self.timeout_s,
            self.success_count,
            self.failure_count,
            None if self.health == Health() else self.health,
        )


class Probes(Spec):
    """The probes of a container."""

    readiness: Probe | None = Field(None, description="a probe, as {period: 10s}")
    liveness: Probe | None = Field(None, description="a probe, as {period: 10s, failureThreshold: 3}")
    startup: Probe | None = Field(None, description="a probe, as {period: 10s, failureThreshold: 30}")

    @model_validator(mode="after")
    def _kills_pass_once(self) -> Probes:
        problems = [
            FieldProblem("expected 1: only readiness may ask for more passes", (key, "successThreshold"), "1")
            for key, probe in (("liveness", self.liveness), ("startup", self.startup))
            if probe is not None and probe.success_count != 1
        ]
        if problems:
            raise fail(*problems)
        return self


class ContainerBehaviour(Healthy):
    """What a container does; times count from its start, each time that it starts.

    Attributes:
        start: From being created to running; None: no time.
        runs: How long it runs; None: for ever (an init container: the constant ``init_container_run_s``).
        exit_code: With which it ends by itself.
        stops: From SIGTERM to its end; None: as its kubelet's pods terminate.
        pre_stop_s: What its preStop hook takes; None: what the hook says.
        uses: What it asks of its minion's CPUs; None: nothing that anybody feels.
    """

    start: DurationLaw | None = Field(None, description="a time or distribution, as 0.5s")
    runs: DurationLaw | None = Field(None, description=_TIME)
    exit_code: Annotated[int, whole("an exit code", 0, 255)] | None = Field(
        None, alias="exitCode", description="an exit code, as 1"
    )
    stops: DurationLaw | None = Field(None, description="a time or distribution, as 2s")
    pre_stop_s: DurationS | None = Field(None, alias="preStop", description="a time, as 5s")
    uses: Uses | None = Field(None, description="what it asks of the CPUs, as {cpu: 500m} or {threads: 4}")

    @model_validator(mode="after")
    def _ends_once(self) -> ContainerBehaviour:
        if self.runs is not None and self.uses is not None and self.uses.work is not None:
            sentence = "'runs' does not go with the 'work' of 'uses': it ends when that is done"
            raise fail(FieldProblem(sentence, ("runs",), None, True, "exclusive"))
        return self

    @property
    def behaviour(self) -> Behaviour:
        """What it does, as of a container."""
        uses = None if self.uses is None else self.uses.usage
        return Behaviour(
            self.start, self.runs, self.exit_code or 0, self.stops, self.pre_stop_s, self.health, uses
        )


class Container(ContainerBehaviour):
    """One container of a pod."""

    name: DnsName = Field(description="the name of this container")
    image: Text | None = Field(None, description="an image, as shop/web:1.2")
    pull_policy: Annotated[str, choice(*PULL_POLICIES)] | None = Field(
        None, alias="imagePullPolicy", description="Always, IfNotPresent or Never"
    )
    cpu_millicores: CpuMillicores = Field(0, alias="cpu", description="an amount of CPU, as 500m")
    memory_bytes: SizeBytes = Field(0, alias="memory", description="a size, as 2Gi")
    ephemeral_storage_bytes: SizeBytes = Field(0, alias="ephemeral-storage", description="a size, as 1Gi")
    extended: Amounts = Field(
        default_factory=dict, description="extended resources, as {example.com/fpga: 2}"
    )
    limits: Limits = Field(default_factory=Limits, description="limits, as {cpu: 1, memory: 2Gi}")
    probes: Probes = Field(default_factory=Probes, description="probes, as {readiness: {period: 10s}}")

    @model_validator(mode="after")
    def _has_room_in_its_limits(self) -> Container:
        if problems := list(limit_problems(self.amounts, self.limits)):
            raise fail(*problems)
        return self

    @property
    def amounts(self) -> dict[str, int]:
        """What it asks for, by resource: its limit where nothing else is said."""
        return {**self.limits.amounts, **self._asked}

    @property
    def _asked(self) -> dict[str, int]:
        found = {
            "cpu": self.cpu_millicores,
            "memory": self.memory_bytes,
            "ephemeral-storage": self.ephemeral_storage_bytes,
            **self.extended,
        }
        return {key: amount for key, amount in found.items() if amount}

    @property
    def spec(self) -> ContainerSpec:
        """The container, as v1 has it and as it behaves."""
        image = self.image or ""
        policy = next(
            (each for each in PULL_POLICIES if each == self.pull_policy), default_pull_policy(image)
        )
        probes = self.probes
        return ContainerSpec(
            self.name,
            image,
            policy,
            tuple(sorted(self.amounts.items())),
            tuple(sorted(self.limits.amounts.items())),
            readiness=None if probes.readiness is None else probes.readiness.spec,
            liveness=None if probes.liveness is None else probes.liveness.spec,
            startup=None if probes.startup is None else probes.startup.spec,
            behaviour=self.behaviour,
            raw=self.limits.raw,
        )


def container_problems(first: Iterable[Container], main: Iterable[Container]) -> list[FieldProblem]:
    """Return what is wrong between the containers of one pod."""
    problems: list[FieldProblem] = []
    seen: dict[str, None] = {}
    for key, containers in (("containers", main), ("initContainers", first)):
        for i, each in enumerate(containers):
            if each.name in seen:
                sentence = f"the name '{each.name}' is given twice"
                problems.append(FieldProblem(sentence, (key, i, "name"), code="duplicate-name"))
            seen[each.name] = None
            if key == "initContainers" and each.probes != Probes():
                sentence = "an init container has no probes: it is done when it ends"
                problems.append(FieldProblem(sentence, (key, i, "probes"), None, True, "exclusive"))
    return problems


def sums(first: Iterable[ContainerSpec], main: Iterable[ContainerSpec]) -> Counter[str]:
    """Return what a pod asks for: the sum of its containers, or the largest init container if that is more.

    Source: k/k:pkg/scheduler/framework/types.go, calculateResource(), v1.20.2.
    """
    total: Counter[str] = Counter()
    for each in main:
        total += Counter(dict(each.requests))
    for each in first:
        total |= Counter(dict(each.requests))
    return total


def pod_containers(
    first: Iterable[Container], main: Iterable[Container], policy: str, grace_s: float | None
) -> PodContainers:
    """Return the containers of a pod as its kubelet is told of them."""
    known: RestartPolicy = next(each for each in RESTART_POLICIES if each == policy)
    return PodContainers(
        tuple(each.spec for each in main), tuple(each.spec for each in first), known, grace_s
    )


class BehaviourOf(ContainerBehaviour):
    """How containers of some pods behave, whatever describes them: instead of what else is said of that.

    Attributes:
        enabled: Whether the rule holds.
        pods: By labels, or the name of a workload, a controller or a manifest's pod.
        container: None: all of them but init containers.
    """

    enabled: Flag = Field(True, description="true or false")
    pods: SelectorField = Field(description="a selector of pods, as app=web")
    container: DnsName | None = Field(None, description="the name of a container")


def behaving(
    pod: PodContainers,
    rules: Iterable[BehaviourOf],
    labels: Mapping[str, str],
    names: tuple[str, ...],
) -> PodContainers:
    """Return a pod's containers with the behaviour that rules give them; of two rules the later holds."""
    for rule in rules:
        selector: Selector = rule.pods
        if selector.matches(labels, names):
            pod = replace(
                pod,
                containers=tuple(_with(rule, each, is_init=False) for each in pod.containers),
                init_containers=tuple(_with(rule, each, is_init=True) for each in pod.init_containers),
            )
    return pod


def _with(rule: BehaviourOf, each: ContainerSpec, *, is_init: bool) -> ContainerSpec:
    meant = each.name == rule.container if rule.container is not None else not is_init
    return replace(each, behaviour=rule.behaviour) if meant else each
