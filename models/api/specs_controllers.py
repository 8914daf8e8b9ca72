"""What a scenario says of controllers and services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from models.api.selectors import EVERYTHING, Selector
from models.api.specs_fields import DnsName, DnsSubdomain, DurationS, LabelSelectorField, Spec, choice, whole
from models.api.specs_names import parse_label_value, parse_labels
from models.api.specs_problems import FieldError, FieldProblem, fail
from models.api.specs_workloads import MAX_PODS, PodSpec
from sim.distributions import Constant

__all__ = ["Controller", "Deletion", "Scale", "Service", "ServicePort", "labels_text"]

REPLICATION_CONTROLLER: Final = "ReplicationController"
REPLICA_SET: Final = "ReplicaSet"
Replicas = Annotated[int, whole("a number of replicas", 0, MAX_PODS)]
Port = Annotated[int, whole("a port", 1, 65535)]


class Scale(Spec):
    """A controller's replicas are changed by an operator."""

    at_s: DurationS = Field(alias="at", description="a time, as 10m")
    replicas: Replicas = Field(description="a number of replicas, as 70")


class Deletion(Spec):
    """A controller is deleted by an operator.

    Attributes:
        policy: ``background``: it goes at once, its pods after it; ``foreground``: it goes after its pods;
            ``orphan``: its pods stay, without an owner.
    """

    at_s: DurationS = Field(alias="at", description="a time, as 1h")
    policy: Annotated[str, choice("background", "foreground", "orphan")] = Field(
        "background", description="background, foreground or orphan"
    )


class Controller(Spec):
    """Keeps a number of equal pods alive.

    Attributes:
        namespace: Its own and its pods'.
        selector: By default the pods' labels, which by default are ``app: NAME``.
        start_s: When it is created.
    """

    name: DnsSubdomain = Field(description="the name of this controller")
    kind: Annotated[str, choice(REPLICATION_CONTROLLER, REPLICA_SET)] = Field(
        REPLICATION_CONTROLLER, description=f"{REPLICATION_CONTROLLER} or {REPLICA_SET}"
    )
    namespace: DnsName = Field("default", description="a namespace")
    replicas: Replicas = Field(1, description="a number of replicas, as 40")
    pod: PodSpec = Field(description="what a pod asks for, as {cpu: 100m, memory: 64Mi}")
    selector: LabelSelectorField = Field(EVERYTHING, description="labels of its pods, as {app: web}")
    start_s: DurationS = Field(0.0, alias="start", description="a time, as 10m")
    scale: tuple[Scale, ...] = Field((), description="a list of changes, as [{at: 10m, replicas: 70}]")
    delete: Deletion | None = Field(None, description="when it is deleted, as {at: 1h}")

    @property
    def key(self) -> str:
        """The name with its namespace, as in the journal: ``default/web``."""
        return f"{self.namespace}/{self.name}"

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        """Pods without labels get ``app: NAME``; the selector is by default the pods' labels."""
        if not isinstance(data, Mapping):
            return data
        data, pod = dict(data), data.get("pod")
        if isinstance(pod, Mapping):
            pod = dict(pod)
            if isinstance(data.get("namespace"), str):
                pod.setdefault("namespace", data["namespace"])
            if "labels" not in pod and _is_label(data.get("name")):
                pod["labels"] = {"app": data["name"]}
            data["pod"] = pod
        labels = pod.get("labels") if isinstance(pod, Mapping) else getattr(pod, "labels", None)
        if "selector" not in data and isinstance(labels, Mapping) and _are_labels(labels):
            data["selector"] = dict(labels)
        return data

    @model_validator(mode="after")
    def _goes_together(self) -> Controller:
        problems = [*self._selection(), *_unequal(self.pod), *self._times()]
        if self.pod.restart_policy != "Always":
            sentence = "expected Always: a controller's pods are restarted"
            problems.append(FieldProblem(sentence, ("pod", "restartPolicy"), "Always", code="exclusive"))
        if self.pod.namespace != self.namespace:
            sentence = f"expected the controller's own namespace '{self.namespace}' for its pods"
            problems.append(FieldProblem(sentence, ("pod", "namespace"), self.namespace, code="reference"))
        if problems:
            raise fail(*problems)
        return self

    def _selection(self) -> list[FieldProblem]:
        labels = labels_text(self.pod.labels)
        if self.selector == EVERYTHING:
            sentence = "spec.selector: Required value: expected labels, as {app: web}"
            return [FieldProblem(sentence, ("selector",), on_key=True, code="selector")]
        if self.kind == REPLICATION_CONTROLLER and not _is_plain(self.selector):
            sentence = f"a {REPLICATION_CONTROLLER} selects by equal labels, as {{app: web}}: expected these"
            sentence += f", or kind: {REPLICA_SET}"
            return [FieldProblem(sentence, ("selector",), code="selector")]
        if not self.selector.matches(self.pod.labels):
            sentence = f"`selector` does not match template `labels`: {self.selector} selects no pod with"
            return [FieldProblem(f"{sentence} {labels or 'no labels'}", ("selector",), code="selector")]
        return []

    def _times(self) -> list[FieldProblem]:
        problems: list[FieldProblem] = []
        seen: dict[float, int] = {}
        for i, step in enumerate(self.scale):
            if step.at_s in seen:
                sentence = f"element {seen[step.at_s]} of scale is at the same time"
                problems.append(FieldProblem(sentence, ("scale", i, "at"), code="exclusive"))
            seen.setdefault(step.at_s, i)
            if step.at_s < self.start_s:
                sentence = "expected a time after the controller's 'start'"
                problems.append(FieldProblem(sentence, ("scale", i, "at"), code="range"))
            if self.delete is not None and step.at_s >= self.delete.at_s:
                sentence = "expected a time before the controller is deleted"
                problems.append(FieldProblem(sentence, ("scale", i, "at"), code="range"))
        if self.delete is not None and self.delete.at_s < self.start_s:
            sentence = "expected a time after the controller's 'start'"
            problems.append(FieldProblem(sentence, ("delete", "at"), code="range"))
        return problems


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as in a selector's text: ``app=web, tier=front``."""
    return ", ".join(f"{key}={value}" for key, value in labels.items())


def _is_label(value: object) -> bool:
    try:
        return bool(parse_label_value(value))
    except FieldError:
        return False


def _are_labels(value: object) -> bool:
    try:
        return bool(parse_labels(value))
    except FieldError:
        return False


def _is_plain(selector: Selector) -> bool:
    return all(part.operator == "In" and len(part.values) == 1 for part in selector.requirements)


def _unequal(pod: PodSpec) -> list[FieldProblem]:
    laws = (
        ("cpu", pod.cpu_millicores),
        ("memory", pod.memory_bytes),
        ("ephemeral-storage", pod.ephemeral_storage_bytes),
    )
    sentence = "expected one amount, as all pods of a controller are alike"
    return [
        FieldProblem(sentence, ("pod", key), code="exclusive")
        for key, law in laws
        if not isinstance(law, Constant)
    ]


class ServicePort(Spec):
    """A port of a service, and of its pods.

    Attributes:
        target: None: the same number; a text, from manifests alone, names a port of the containers.
    """

    port: Port = Field(description="a port, as 80")
    target: Annotated[int | str, whole("a port", 1, 65535)] | None = Field(
        None, alias="targetPort", description="a port of the pods, as 8080"
    )
    name: DnsName | None = Field(None, description="the name of this port")
    protocol: Annotated[str, choice("TCP", "UDP", "SCTP")] = Field("TCP", description="TCP, UDP or SCTP")

    @property
    def target_port(self) -> int | str:
        """The port on the pods, or its name there."""
        return self.port if self.target is None else self.target


class Service(Spec):
    """A name for the ready pods that its selector selects.

    Attributes:
        namespace: Where it selects pods.
        selector: None only in manifests: its endpoints are then nobody's business.
    """

    name: DnsName = Field(description="the name of this service")
    namespace: DnsName = Field("default", description="a namespace")
    selector: LabelSelectorField | None = Field(description="labels of pods, as {app: web}")
    ports: tuple[ServicePort, ...] = Field(
        (ServicePort(port=80),), description="a list of ports, as [{port: 80, targetPort: 8080}]"
    )

    @property
    def key(self) -> str:
        """The name with its namespace, as in the journal: ``default/web``."""
        return f"{self.namespace}/{self.name}"

    @model_validator(mode="after")
    def _goes_together(self) -> Service:
        problems: list[FieldProblem] = []
        if self.selector is None or self.selector == EVERYTHING or not _is_plain(self.selector):
            sentence = "a service selects by equal labels: expected labels, as {app: web}"
            problems.append(FieldProblem(sentence, ("selector",), code="selector"))
        numbers: dict[tuple[int, str], int] = {}
        names: dict[str, int] = {}
        for i, port in enumerate(self.ports):
            first = numbers.setdefault((port.port, port.protocol), i)
            if first != i:
                sentence = f"the port {port.port} is given twice: element {first} of ports has it too"
                problems.append(FieldProblem(sentence, ("ports", i, "port"), code="duplicate-name"))
            if len(self.ports) > 1 and port.name is None:
                sentence = "'name' is missing: expected a name for each of several ports"
                problems.append(FieldProblem(sentence, ("ports", i), None, True, "missing-key"))
            elif port.name is not None and names.setdefault(port.name, i) != i:
                sentence = (
                    f"the name '{port.name}' is given twice: element {names[port.name]} of ports has it too"
                )
                problems.append(FieldProblem(sentence, ("ports", i, "name"), code="duplicate-name"))
        if problems:
            raise fail(*problems)
        return self
