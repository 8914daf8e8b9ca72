"""What is modelled of a v1 pod's spec, and the names of the fields that are not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from models.api.containers import RESTART_POLICIES, ContainerSpec, PodContainers
from models.api.manifests_behaviour import behaving_as_annotated
from models.api.manifests_containers import NATIVE, read_amounts, read_containers
from models.api.manifests_fields import Fields
from models.api.scheduling_pods import read_scheduling
from models.api.selectors import EVERYTHING, Requirement, Selector, SelectorError, parse_selector
from models.api.specs_names import label_key_problem, parse_dns_subdomain
from models.api.specs_taints import EFFECTS, Taint, Toleration
from models.api.specs_workloads import PodSpec
from models.api.types import GpuRequest
from sim.distributions import Constant

__all__ = ["GPU_ANNOTATION", "MINIONS_ANNOTATION", "Seen", "read_pod", "read_taints"]

ANNOTATIONS: Final = "wavetank/"
"""Annotations that begin so are ours."""
MINIONS_ANNOTATION: Final = "wavetank/minions"
"""Holds a selector of minions that v1 cannot say."""
GPU_ANNOTATION: Final = "wavetank/gpu"
"""Holds a share of a GPU or the models allowed, which v1 cannot say."""
_MAX_SECONDS: Final = 2**31 - 1
_MAX_PRIORITY: Final = 2_000_001_000  # system-node-critical
PREEMPTION_POLICIES: Final = ("PreemptLowerPriority", "Never")
_MODELLED_POD: Final = {
    "containers", "initContainers", "overhead", "nodeName", "nodeSelector", "tolerations",
    "terminationGracePeriodSeconds", "priority", "priorityClassName", "preemptionPolicy",
    "restartPolicy", "schedulerName",
    "affinity", "topologySpreadConstraints",
}  # fmt: skip

Amounts = Counter[str]


@dataclass
class Seen:
    """What has been seen of a file so far.

    Attributes:
        unmodelled: Names of fields that are passed over.
        pods: By all that they say: the pods of one controller say the same, and are read once.
    """

    unmodelled: dict[str, None] = field(default_factory=dict)
    pods: dict[str, PodSpec] = field(default_factory=dict)


def read_pod(metadata: Fields, spec: Fields, namespace: str, seen: Seen, *, owned: bool) -> PodSpec:
    """Return what is modelled of a pod or a template.

    Args:
        metadata: Of the pod or the template.
        spec: The pod's.
        namespace: Of the object that it stands in.
        seen: What was seen before in the same file; added to.
        owned: It is a controller's template, whose restart policy must be Always.
    """
    key = _said(metadata, spec, namespace, owned=owned)
    found = seen.pods.get(key)
    if found is None:
        known = len(spec.problems)
        found = _read_pod(metadata, spec, namespace, seen.unmodelled, owned=owned)
        if len(spec.problems) == known:  # else it is told anew at each place
            seen.pods[key] = found
    return found


def _said(metadata: Fields, spec: Fields, namespace: str, *, owned: bool) -> str:
    """All that a pod's reading depends on, as a text: not its volumes, nor where it is bound."""
    fields = {key: None if key in {"volumes", "nodeName"} else value for key, value in spec.value.items()}
    ours = {key: metadata.value.get(key) for key in ("labels", "ownerReferences")}
    annotations = metadata.value.get("annotations")
    if isinstance(annotations, dict):
        wrong = [key for key, text in annotations.items() if not isinstance(text, str)]
        ours["annotations"] = [wrong, *((k, v) for k, v in annotations.items() if k.startswith(ANNOTATIONS))]
    elif annotations is not None:
        ours["annotations"] = annotations
    return repr((namespace, owned, ours, fields))


def _read_pod(
    metadata: Fields, spec: Fields, namespace: str, unmodelled: dict[str, None], *, owned: bool
) -> PodSpec:
    unmodelled |= dict.fromkeys(f"spec.{key}" for key in spec.value if key not in _MODELLED_POD)
    if not spec.value.get("containers"):
        spec.problem("containers", "Required value")
    policies = RESTART_POLICIES[:1] if owned else RESTART_POLICIES
    restart_policy = spec.one_of("restartPolicy", policies, "Always")
    containers, first = read_containers(spec, unmodelled)
    total = _requests(containers, first, spec.mapping("overhead"))
    annotations = metadata.texts("annotations")
    containers, first = behaving_as_annotated(metadata, annotations, containers, first)
    extended = {key: amount for key, amount in total.items() if key not in NATIVE and amount}
    grace_s = None
    if spec.has("terminationGracePeriodSeconds"):
        grace_s = float(spec.integer("terminationGracePeriodSeconds", 30, 0, _MAX_SECONDS))
    pod = PodSpec.model_construct(
        cpu_millicores=Constant(float(total["cpu"])),
        memory_bytes=Constant(float(total["memory"])),
        ephemeral_storage_bytes=Constant(float(total["ephemeral-storage"])),
        gpu=_gpu(metadata, annotations),
        extended=extended,
        labels=metadata.labels("labels"),
        priority=spec.integer("priority", 0, -(2**31), _MAX_PRIORITY),
        preempts=spec.one_of("preemptionPolicy", PREEMPTION_POLICIES, "PreemptLowerPriority") != "Never",
        minions=_minions(metadata, spec, annotations),
        namespace=namespace,
        tolerations=tuple(_tolerations(spec)),
        toleration_s=None,
        grace_s=grace_s,
        scheduler_name=spec.named("schedulerName", parse_dns_subdomain) or None,
    )
    said = tuple(sorted(each for each in annotations.items() if each[0].startswith(ANNOTATIONS)))
    pod = pod.with_containers(PodContainers(containers, first, restart_policy, grace_s, said))
    return pod.with_scheduling(read_scheduling(metadata, spec, namespace, admitted=False))


def _requests(
    containers: Iterable[ContainerSpec], first: Iterable[ContainerSpec], overhead: Fields
) -> Amounts:
    """Sum of the containers, or the largest init container if that is more, and the overhead.

    Source: k/k:pkg/scheduler/framework/types.go, calculateResource(), v1.20.2.
    """
    total: Amounts = Counter()
    for container in containers:
        total += Counter(dict(container.requests))
    for container in first:
        total |= Counter(dict(container.requests))
    return total + Counter(read_amounts(overhead))


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
