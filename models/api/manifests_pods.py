"""What is modelled of a v1 pod's spec, and the names of the fields that are not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Final

from models.api.manifests_fields import Fields
from models.api.quantities import to_amount, to_bytes, to_millicores
from models.api.selectors import EVERYTHING, Requirement, Selector, SelectorError, parse_selector
from models.api.specs_names import label_key_problem, parse_dns_name, parse_dns_subdomain
from models.api.specs_taints import EFFECTS, Taint, Toleration
from models.api.specs_workloads import PodSpec
from models.api.types import GpuRequest
from sim.diagnostics import nearest_word
from sim.distributions import Constant

__all__ = ["GPU_ANNOTATION", "MINIONS_ANNOTATION", "read_pod", "read_taints"]

MINIONS_ANNOTATION: Final = "wavetank/minions"
"""Holds a selector of minions that v1 cannot say."""
GPU_ANNOTATION: Final = "wavetank/gpu"
"""Holds a share of a GPU or the models allowed, which v1 cannot say."""
_MAX_SECONDS: Final = 2**31 - 1
_MAX_PRIORITY: Final = 2_000_001_000  # system-node-critical
_NATIVE: Final = ("cpu", "memory", "ephemeral-storage")
_MODELLED_POD: Final = {
    "containers", "initContainers", "overhead", "nodeName", "nodeSelector", "tolerations",
    "terminationGracePeriodSeconds", "priority", "restartPolicy",
}  # fmt: skip
_MODELLED_CONTAINER: Final = {"name", "resources", "ports"}

Amounts = Counter[str]


def read_pod(
    metadata: Fields, spec: Fields, namespace: str, unmodelled: dict[str, None], *, owned: bool
) -> PodSpec:
    """Return what is modelled of a pod or a template.

    Args:
        metadata: Of the pod or the template.
        spec: The pod's.
        namespace: Of the object that it stands in.
        unmodelled: Names of fields that are passed over are added here.
        owned: It is a controller's template, whose restart policy must be Always.
    """
    unmodelled |= dict.fromkeys(f"spec.{key}" for key in spec.value if key not in _MODELLED_POD)
    if not spec.value.get("containers"):
        spec.problem("containers", "Required value")
    policies = ("Always",) if owned else ("Always", "OnFailure", "Never")
    spec.one_of("restartPolicy", policies, "Always")
    total = _requests(spec, unmodelled)
    annotations = metadata.texts("annotations")
    extended = {key: amount for key, amount in total.items() if key not in _NATIVE and amount}
    grace_s = None
    if spec.has("terminationGracePeriodSeconds"):
        grace_s = float(spec.integer("terminationGracePeriodSeconds", 30, 0, _MAX_SECONDS))
    return PodSpec.model_construct(
        cpu_millicores=Constant(float(total["cpu"])),
        memory_bytes=Constant(float(total["memory"])),
        ephemeral_storage_bytes=Constant(float(total["ephemeral-storage"])),
        gpu=_gpu(metadata, annotations),
        extended=extended,
        labels=metadata.labels("labels"),
        priority=spec.integer("priority", 0, -(2**31), _MAX_PRIORITY),
        minions=_minions(metadata, spec, annotations),
        namespace=namespace,
        tolerations=tuple(_tolerations(spec)),
        toleration_s=None,
        grace_s=grace_s,
    )


def _requests(spec: Fields, unmodelled: dict[str, None]) -> Amounts:
    """Sum of the containers, or the largest init container if that is more, and the overhead.

    Source: k/k:pkg/scheduler/framework/types.go, calculateResource(), v1.20.2.
    """
    total: Amounts = Counter()
    names: dict[str, None] = {}
    for container in spec.elements("containers"):
        total += _container(container, names, unmodelled)
    for container in spec.elements("initContainers"):
        total |= _container(container, names, unmodelled)
    overhead = spec.mapping("overhead")
    return total + Counter(_amounts(overhead))


def _container(container: Fields, names: dict[str, None], unmodelled: dict[str, None]) -> Amounts:
    unmodelled |= dict.fromkeys(
        f"containers.{key}" for key in container.value if key not in _MODELLED_CONTAINER
    )
    name = container.named("name", parse_dns_name)
    if not container.has("name"):
        container.problem("name", "Required value")
    elif name in names:
        container.problem("name", f'Duplicate value: "{name}"')
    names[name] = None
    resources = container.mapping("resources")
    limits, requests = _amounts(resources.mapping("limits")), _amounts(resources.mapping("requests"))
    given = resources.mapping("requests")
    for key, amount in requests.items():
        if key in limits and amount > limits[key]:
            says = f'requests: Invalid value: "{given.value[key]}": must be less than or equal to {key} limit'
            resources.tell((*given.path, key), resources.name(says))
    return Counter({**limits, **requests})  # a limit is the request where there is none


def _amounts(resources: Fields) -> dict[str, int]:
    found: dict[str, int] = {}
    for key in resources.value:
        readers = {"cpu": to_millicores, "memory": to_bytes, "ephemeral-storage": to_bytes}
        read = readers.get(key, to_bytes if key.startswith("hugepages-") else to_amount)
        if key not in _NATIVE and "/" not in key and not key.startswith("hugepages-"):
            says = (
                f'{resources.names}[{key}]: Invalid value: "{key}": must be a standard resource type or fully'
            )
            hint = nearest_word(key, _NATIVE)
            resources.tell((*resources.path, key), f"{says} qualified", hint, on_key=True)
        elif label_key_problem(key) is not None:
            says = f'{resources.names}[{key}]: Invalid value: "{key}": must be a qualified name'
            resources.tell((*resources.path, key), says, on_key=True)
        else:
            found[key] = resources.quantity(key, read)
    return found


def _minions(metadata: Fields, spec: Fields, annotations: dict[str, str]) -> Selector:
    """The node selector, with our own annotation's requirements after it."""
    labels = spec.labels("nodeSelector")
    wanted = [Requirement("In", key, (label,)) for key, label in labels.items()]
    if MINIONS_ANNOTATION in annotations:
        try:
            wanted += parse_selector(annotations[MINIONS_ANNOTATION]).requirements
        except SelectorError as error:
            at = (*metadata.path, "annotations", MINIONS_ANNOTATION)
            metadata.tell(at, f"{metadata.name('annotations')}[{MINIONS_ANNOTATION}]: {error.sentence}")
    return Selector(tuple(wanted)) if wanted else EVERYTHING


def _gpu(metadata: Fields, annotations: dict[str, str]) -> GpuRequest | None:
    if GPU_ANNOTATION not in annotations:
        return None
    try:
        given = json.loads(annotations[GPU_ANNOTATION])
        count, milli, models = int(given["count"]), int(given.get("milli", 1000)), given.get("models", [])
        if not 1 <= count <= 64 or not 1 <= milli <= 1000 or (milli < 1000 and count > 1):
            raise ValueError
        return GpuRequest(count, milli, tuple(str(model) for model in models))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        at = (*metadata.path, "annotations", GPU_ANNOTATION)
        says = f'{metadata.name("annotations")}[{GPU_ANNOTATION}]: expected {{"count": 1, "milli": 500}}'
        metadata.tell(at, says)
        return None


def _tolerations(spec: Fields) -> Iterable[Toleration]:
    for each in spec.elements("tolerations"):
        operator = each.one_of("operator", ("Equal", "Exists"), "Equal")
        effect = each.one_of("effect", EFFECTS, "")
        key, value = each.text("key"), each.text("value")
        if not key and operator == "Equal":
            each.problem("operator", "Invalid value: must be Exists when `key` is empty", hint="Exists")
        if operator == "Exists" and value:
            each.problem("value", "Invalid value: must be empty when `operator` is 'Exists'")
        toleration_s = None
        if each.has("tolerationSeconds"):
            # Below 0 is as 0: evicted at once (core/v1 types.go).
            toleration_s = float(max(0, each.integer("tolerationSeconds", 0, -(2**63), 2**63 - 1)))
            if effect != "NoExecute":
                says = "Invalid value: must be 'NoExecute' when `tolerationSeconds` is set"
                each.problem("effect", says, hint="NoExecute")
        yield Toleration.model_construct(
            key=key or None, operator=operator, value=value, effect=effect or None, toleration_s=toleration_s
        )


def read_taints(spec: Fields) -> Iterable[Taint]:
    """Yield the taints of a Node's spec."""
    for each in spec.elements("taints"):
        key, effect = each.text("key"), each.one_of("effect", EFFECTS, "")
        if not key or label_key_problem(key) is not None:
            each.problem("key", f'Invalid value: "{key}": must be a qualified name')
        elif not effect:
            if not each.value.get("effect"):
                each.problem("effect", "Required value")
        else:
            yield Taint.model_construct(key=key, value=each.text("value"), effect=effect)


def read_node_name(spec: Fields) -> str | None:
    """Where a pod is bound already."""
    return spec.named("nodeName", parse_dns_subdomain) or None
