"""What is modelled of each kind of object: its fields as the spec that a scenario would have given."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from models.api.constants import constants_for
from models.api.manifests_budgets import read_budget
from models.api.manifests_fields import Fields
from models.api.manifests_pods import PREEMPTION_POLICIES, Seen, read_node_name, read_pod, read_taints
from models.api.manifests_status import read_record, read_taint_times
from models.api.quantities import to_amount, to_bytes, to_millicores
from models.api.selectors import EVERYTHING, Requirement, Selector, SelectorError, parse_selector
from models.api.specs_cluster import DEFAULT_EPHEMERAL_BYTES, Reserved
from models.api.specs_controllers import REPLICA_SET, REPLICATION_CONTROLLER, Controller, Service, ServicePort
from models.api.specs_images import is_image_name
from models.api.specs_manifests import (
    ManifestAtRest,
    ManifestMinion,
    ManifestPod,
    ManifestPriorityClass,
    ObjectSpec,
)
from models.api.specs_names import label_key_problem
from models.api.specs_taints import NOT_READY, UNREACHABLE, UNSCHEDULABLE
from models.api.specs_workloads import MAX_PODS, MAX_PRIORITY
from sim.units import MAX_BYTES

__all__ = ["READERS", "SYSTEM_CLASSES"]

TEMPLATE_HASH: Final = "pod-template-hash"
"""The label by which the ReplicaSets of one Deployment tell their pods apart."""
SYSTEM_CLASSES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
"""Priority classes that every cluster has (k/k:pkg/apis/scheduling/types.go, v1.20.2)."""
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
"""Of generated names (apimachinery util/rand)."""
_MODELLED_SERVICE: Final = {"selector", "ports"}
_NODE_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage", "pods")


def _pod(fields: Fields, name: str, namespace: str, seen: Seen) -> ObjectSpec:
    spec = fields.mapping("spec")
    pod = read_pod(fields.mapping("metadata"), spec, namespace, seen, owned=False)
    record = read_record(fields.mapping("status"))
    return ManifestPod.model_construct(name=name, pod=pod, minion=read_node_name(spec), record=record)


def _controller(fields: Fields, name: str, namespace: str, seen: Seen) -> ObjectSpec:
    kind, spec = fields.text("kind"), fields.mapping("spec")
    template, status = spec.mapping("template"), fields.mapping("status")
    for key in ("replicas", "fullyLabeledReplicas", "readyReplicas"):
        status.integer(key, 0, 0, MAX_PODS)
    if not spec.has("template"):
        spec.problem("template", "Required value")
        pod = read_pod(
            template, Fields(fields.document, [], template.path, {}, ""), namespace, Seen(), owned=True
        )
    else:
        seen.unmodelled |= dict.fromkeys(
            f"spec.{key}" for key in spec.value if key not in {"replicas", "selector", "template"}
        )
        metadata = template.mapping("metadata")
        pod = read_pod(metadata, template.mapping("spec"), namespace, seen, owned=True)
        uid = fields.mapping("metadata").text("uid")
        if uid and pod.scheduling is not None:
            pod = pod.with_scheduling(replace(pod.scheduling, controller=(kind, uid)))
        if kind == REPLICATION_CONTROLLER:
            labels = spec.labels("selector") if spec.has("selector") else pod.labels
            selector = Selector(tuple(Requirement("In", key, (label,)) for key, label in labels.items()))
        else:
            selector = _label_selector(spec)
        known = len(fields.problems)
        if selector == EVERYTHING and not spec.has("selector"):
            spec.problem("selector", "Required value")
        if known == len(fields.problems) and not selector.matches(pod.labels):
            shown = json.dumps(pod.labels, separators=(",", ":"))
            at = metadata if metadata.has("labels") else template
            says = f"Invalid value: {shown}: `selector` does not match template `labels`"
            at.tell((*at.path, "labels"), f"{template.name('metadata.labels')}: {says}")
        return _made(kind, name, namespace, spec, pod, selector)
    return _made(kind, name, namespace, spec, pod, EVERYTHING)


def _deployment(fields: Fields, name: str, namespace: str, seen: Seen) -> ObjectSpec:
    """The ReplicaSet of its last revision, as if every roll-out were over."""
    made = _controller(fields, name, namespace, seen)
    assert isinstance(made, Controller), "a deployment is read as a controller"
    text = json.dumps(fields.mapping("spec").value.get("template"), sort_keys=True)
    revision = _revision(text)
    labels = {**made.pod.labels, TEMPLATE_HASH: revision}
    pod = made.pod.model_copy(update={"labels": labels})
    if pod.scheduling is not None:
        pod = pod.with_scheduling(replace(pod.scheduling, labels=tuple(sorted(labels.items()))))
    return made.model_copy(
        update={
            "name": f"{name}-{revision}",
            "kind": REPLICA_SET,
            "pod": pod,
            "selector": Selector(
                (*made.selector.requirements, Requirement("In", TEMPLATE_HASH, (revision,)))
            ),
        }
    )


def _revision(template: str) -> str:
    """Ten letters that tell templates apart. Not those of Kubernetes, which hashes Go's print of the structure."""
    number = int.from_bytes(hashlib.blake2b(template.encode(), digest_size=8).digest(), "big")
    return "".join(_LETTERS[number // len(_LETTERS) ** place % len(_LETTERS)] for place in range(10))


def _priority_class(fields: Fields, name: str, namespace: str, seen: Seen) -> ObjectSpec:
    if not fields.has("value"):
        fields.problem("value", "Required value")
    most = MAX_PRIORITY if name not in SYSTEM_CLASSES else max(SYSTEM_CLASSES.values())
    value = fields.integer("value", 0, -(2**31), 2**31 - 1)
    if value > most:
        says = f"Forbidden: maximum allowed value of a user defined priority is {MAX_PRIORITY}"
        fields.problem("value", says)
    policy = fields.one_of("preemptionPolicy", PREEMPTION_POLICIES, "PreemptLowerPriority")
    is_default = fields.flag("globalDefault")
    return ManifestPriorityClass.model_construct(
        name=name, value=min(value, most), is_default=is_default, preempts=policy != "Never"
    )


def _budget(fields: Fields, name: str, namespace: str, seen: Seen) -> ObjectSpec:
    budget, unmodelled = read_budget(fields, name, namespace, _label_selector)
    seen.unmodelled |= dict.fromkeys(unmodelled)
    return budget


def _namespace(fields: Fields, name: str, namespace: str, seen: Seen) -> ObjectSpec:
    return ManifestAtRest.model_construct(name=name)


def _made(kind: str, name: str, namespace: str, spec: Fields, pod: Any, selector: Selector) -> Controller:
    return Controller.model_construct(
        name=name,
        kind=kind,
        namespace=namespace,
        replicas=spec.integer("replicas", 1, 0, MAX_PODS),
        pod=pod,
        selector=selector,
        start_s=0.0,
        scale=(),
        delete=None,
    )


def _label_selector(spec: Fields) -> Selector:
    given = spec.mapping("selector")
    form = {key: value for key, value in given.value.items() if value is not None}
    try:
        if form and not set(form) & {"matchLabels", "matchExpressions"}:
            raise SelectorError("expected matchLabels or matchExpressions", (next(iter(form)),), on_key=True)
        return parse_selector(form)
    except SelectorError as error:
        at = (*given.path, *error.path)
        given.tell(
            at, f"{given.names}: Invalid value: {error.sentence}", error.suggestion, on_key=error.on_key
        )
        return EVERYTHING


def _service(fields: Fields, name: str, namespace: str, seen: Seen) -> ObjectSpec:
    spec = fields.mapping("spec")
    seen.unmodelled |= dict.fromkeys(f"spec.{key}" for key in spec.value if key not in _MODELLED_SERVICE)
    labels = spec.labels("selector")
    selector = Selector(tuple(Requirement("In", key, (label,)) for key, label in labels.items()))
    ports = []
    several = isinstance(spec.value.get("ports"), list) and len(spec.value["ports"]) > 1
    for each in spec.elements("ports"):
        if not each.has("port"):
            each.problem("port", "Required value")
        if several and not each.has("name"):
            each.problem("name", "Required value")
        target = each.value.get("targetPort")
        if target is not None and not isinstance(target, str):
            target = each.integer("targetPort", 1, 1, 65535)
        ports.append(
            ServicePort.model_construct(
                port=each.integer("port", 1, 1, 65535),
                target=target,
                name=each.text("name") or None,
                protocol=each.one_of("protocol", ("TCP", "UDP", "SCTP"), "TCP"),
            )
        )
    return Service.model_construct(
        name=name, namespace=namespace, selector=selector if labels else None, ports=tuple(ports)
    )


def _node(fields: Fields, name: str, namespace: str, seen: Seen) -> ObjectSpec:
    spec, status, metadata = fields.mapping("spec"), fields.mapping("status"), fields.mapping("metadata")
    capacity = status.mapping("capacity")
    allocatable = status.mapping("allocatable") if status.has("allocatable") else capacity
    for key in ("cpu", "memory"):
        if not capacity.has(key):
            capacity.problem(key, "Required value")
    ready = next(
        (c.text("status") == "True" for c in status.elements("conditions") if c.text("type") == "Ready"), True
    )
    cordoned = spec.flag("unschedulable")
    # These are the control plane's own and follow from what it finds.
    own = {NOT_READY, UNREACHABLE} if not ready else set()
    own |= {UNSCHEDULABLE} if cordoned else set()
    cpu, cpu_left = _both(capacity, allocatable, "cpu", to_millicores)
    memory, memory_left = _both(capacity, allocatable, "memory", to_bytes)
    disk, disk_left = _both(capacity, allocatable, "ephemeral-storage", to_bytes, DEFAULT_EPHEMERAL_BYTES)
    extended = {
        key: allocatable.quantity(key, to_bytes if key.startswith("hugepages-") else to_amount)
        for key in allocatable.value
        if key not in _NODE_RESOURCES and label_key_problem(key) is None
    }
    images = tuple(_images(status))
    return ManifestMinion.model_construct(
        name=name,
        count=None,
        cpu_millicores=cpu,
        memory_bytes=memory,
        ephemeral_storage_bytes=disk,
        pods=allocatable.quantity("pods", to_amount, int(constants_for("1.20", {})["max_pods_count"])),
        extended=extended,
        gpu=None,
        ready=ready,
        reserved=Reserved.model_construct(
            cpu_millicores=cpu - cpu_left,
            memory_bytes=memory - memory_left,
            ephemeral_storage_bytes=disk - disk_left,
        ),
        labels=metadata.labels("labels"),
        domains={},
        taints=tuple(taint for taint in read_taints(spec) if taint.key not in own),
        cordoned=cordoned,
        kubelet=None,
        preloaded=tuple(name for name, _ in images),
        image_bytes=images,
        taint_times=tuple(read_taint_times(spec)),
    )


def _images(status: Fields) -> Iterator[tuple[str, int]]:
    """The images that a node says it has (50 at most, as kubelets tell), by their names with tags: bytes on disk."""
    for image in status.elements("images"):
        size_bytes = image.integer("sizeBytes", 0, 0, MAX_BYTES)
        for name in image.names_of("names"):
            if "@" not in name and is_image_name(name):
                yield name, size_bytes
                short = name.removeprefix("docker.io/").removeprefix("library/")
                if short != name:  # as containers mostly name it
                    yield short, size_bytes


def _both(
    capacity: Fields, allocatable: Fields, key: str, read: Callable[[object], int], default: int = 0
) -> tuple[int, int]:
    whole = capacity.quantity(key, read, default)
    left = allocatable.quantity(key, read, whole) if allocatable is not capacity else whole
    if left > whole:
        says = f'{allocatable.names}[{key}]: Invalid value: "{allocatable.value[key]}": must be at most the capacity'
        allocatable.tell((*allocatable.path, key), says)
    return whole, min(left, whole)


READERS: Final[dict[str, Callable[[Fields, str, str, Seen], ObjectSpec]]] = {
    "Pod": _pod,
    "ReplicationController": _controller,
    "ReplicaSet": _controller,
    "Deployment": _deployment,
    "Namespace": _namespace,
    "PriorityClass": _priority_class,
    "PodDisruptionBudget": _budget,
    "Service": _service,
    "Node": _node,
}
