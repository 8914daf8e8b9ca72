"""Writes objects as v1 JSON: what was read with what is modelled over it, or made whole from a scenario's spec."""

from __future__ import annotations

import copy
import json
from typing import Any

from models.api.manifests_pods import GPU_ANNOTATION, MINIONS_ANNOTATION
from models.api.manifests_render_containers import render_containers
from models.api.selectors import EVERYTHING, Requirement, Selector
from models.api.specs_cluster import MinionPool
from models.api.specs_controllers import REPLICATION_CONTROLLER, Controller, Service
from models.api.specs_manifests import ManifestObject, ManifestPod
from models.api.specs_taints import NOT_READY, UNREACHABLE, UNSCHEDULABLE, Taint, Toleration
from models.api.specs_workloads import PodSpec
from sim.distributions import Constant
from sim.units import format_millicores

__all__ = ["make_object", "render", "render_pod_template"]


def render(each: ManifestObject) -> dict[str, Any]:
    """Return an object as v1 JSON: all that was written, with the replicas, labels and marks that now hold.

    Amounts of single containers stand as they were written: only their sum is modelled.
    """
    made: dict[str, Any] = copy.deepcopy(dict(each.raw))
    metadata = made.setdefault("metadata", {})
    metadata["name"] = each.name
    if each.namespace:
        metadata["namespace"] = each.namespace
    for key, texts in (("labels", each.labels), ("annotations", each.annotations)):
        if texts or metadata.get(key) is not None:
            metadata[key] = dict(texts)
    spec = made.setdefault("spec", {})
    if isinstance(each.spec, Controller):
        spec["replicas"] = each.spec.replicas
    elif isinstance(each.spec, ManifestPod) and each.spec.minion is not None:
        spec["nodeName"] = each.spec.minion
    elif isinstance(each.spec, MinionPool):
        spec |= _flag("unschedulable", each.spec.cordoned, spec)
        kept = {NOT_READY, UNREACHABLE, *([UNSCHEDULABLE] if each.spec.cordoned else [])}
        own = [taint for taint in spec.get("taints") or [] if taint.get("key") in kept]
        taints = [_taint(taint) for taint in each.spec.taints]
        if taints or spec.get("taints"):
            spec["taints"] = [*taints, *(taint for taint in own if taint not in taints)]
    return made


def make_object(spec: Controller | Service | ManifestPod | MinionPool) -> ManifestObject:
    """Return the object of a controller, a service, a pod or a minion that a scenario describes in its own words."""
    if isinstance(spec, Controller):
        kind, raw = spec.kind, _controller(spec)
    elif isinstance(spec, Service):
        kind, raw = "Service", _service(spec)
    elif isinstance(spec, ManifestPod):
        kind, raw = "Pod", _pod(spec)
    else:
        kind, raw = "Node", _node(spec)
    metadata = raw["metadata"]
    namespace = metadata.get("namespace", "")
    texts = dict(metadata.get("labels", {})), dict(metadata.get("annotations", {}))
    return ManifestObject(kind, namespace, spec.name, *texts, spec, raw)


def render_pod_template(pod: PodSpec) -> dict[str, Any]:
    """Return ``metadata`` and ``spec`` of pods; where containers are not told apart, one asks for all of it."""
    metadata: dict[str, Any] = {"labels": dict(pod.labels)} if pod.labels else {}
    spec: dict[str, Any] = {"containers": [{"name": "main", "resources": {"requests": _requests(pod)}}]}
    if pod.containers is not None:
        spec = render_containers(pod.containers)
    annotations: dict[str, str] = {}
    if pod.minions != EVERYTHING:
        if _is_equality(pod.minions):
            spec["nodeSelector"] = {part.key: part.values[0] for part in pod.minions.requirements}
        else:
            annotations[MINIONS_ANNOTATION] = str(pod.minions)
    if pod.gpu is not None:
        gpu = {"count": pod.gpu.count, "milli": pod.gpu.milli, "models": list(pod.gpu.models)}
        annotations[GPU_ANNOTATION] = json.dumps(gpu)
    if annotations:
        metadata["annotations"] = annotations
    tolerations = list(pod.tolerations)
    if pod.toleration_s is not None:
        tolerations = list(pod.admitted_tolerations({}))
    if tolerations:
        spec["tolerations"] = [_toleration(each) for each in tolerations]
    if pod.grace_s is not None:
        spec["terminationGracePeriodSeconds"] = round(pod.grace_s)
    if pod.priority:
        spec["priority"] = pod.priority
    if not pod.preempts:
        spec["preemptionPolicy"] = "Never"
    if pod.scheduler_name is not None:
        spec["schedulerName"] = pod.scheduler_name
    return {"metadata": metadata, "spec": spec}


def _requests(pod: PodSpec) -> dict[str, str]:
    amounts = {
        "cpu": format_millicores(_amount(pod.cpu_millicores)),
        "memory": str(_amount(pod.memory_bytes)),
        "ephemeral-storage": str(_amount(pod.ephemeral_storage_bytes)),
    }
    asked = {key: text for key, text in amounts.items() if text != "0"}
    return asked | {key: str(amount) for key, amount in pod.extended.items() if amount}


def _amount(law: object) -> int:
    assert isinstance(law, Constant), "pods of one object are alike"
    return round(law.value)


def _is_equality(selector: Selector) -> bool:
    parts = selector.requirements
    alike = all(part.operator == "In" and len(part.values) == 1 for part in parts)
    return alike and len({part.key for part in parts}) == len(parts)


def _toleration(each: Toleration) -> dict[str, Any]:
    found: dict[str, Any] = {
        "key": each.key,
        "operator": each.operator,
        "value": each.value or None,
        "effect": each.effect,
    }
    if each.toleration_s is not None:
        found["tolerationSeconds"] = round(each.toleration_s)
    return {key: value for key, value in found.items() if value is not None}


def _taint(taint: Taint) -> dict[str, str]:
    return {"key": taint.key, **({"value": taint.value} if taint.value else {}), "effect": taint.effect}


def _flag(key: str, wanted: bool, given: dict[str, Any]) -> dict[str, bool]:
    return {key: wanted} if wanted or given.get(key) else {}


def _controller(spec: Controller) -> dict[str, Any]:
    if spec.kind == REPLICATION_CONTROLLER:
        version = "v1"
        selector: dict[str, Any] = {part.key: part.values[0] for part in spec.selector.requirements}
    else:
        version = "apps/v1"
        selector = {"matchExpressions": [_expression(part) for part in spec.selector.requirements]}
    return {
        "apiVersion": version,
        "kind": spec.kind,
        "metadata": {"name": spec.name, "namespace": spec.namespace},
        "spec": {
            "replicas": spec.replicas,
            "selector": selector,
            "template": render_pod_template(spec.pod),
        },
    }


def _expression(part: Requirement) -> dict[str, Any]:
    found: dict[str, Any] = {"key": part.key, "operator": part.operator}
    return found | ({"values": list(part.values)} if part.values else {})


def _service(spec: Service) -> dict[str, Any]:
    ports = []
    for port in spec.ports:
        written = {"name": port.name, "port": port.port, "targetPort": port.target, "protocol": port.protocol}
        ports.append({key: value for key, value in written.items() if value is not None})
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": spec.name, "namespace": spec.namespace},
        "spec": {"ports": ports},
    }
    if spec.selector is not None:
        made["spec"]["selector"] = {part.key: part.values[0] for part in spec.selector.requirements}
    return made


def _pod(spec: ManifestPod) -> dict[str, Any]:
    made = render_pod_template(spec.pod)
    metadata = {"name": spec.name, "namespace": spec.namespace, **made["metadata"]}
    bound = {} if spec.minion is None else {"nodeName": spec.minion}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**made["spec"], **bound}}


def _node(spec: MinionPool) -> dict[str, Any]:
    whole = {
        "cpu": format_millicores(spec.cpu_millicores),
        "memory": str(spec.memory_bytes),
        "ephemeral-storage": str(spec.ephemeral_storage_bytes),
        "pods": str(spec.pods),
        **{key: str(amount) for key, amount in spec.extended.items()},
    }
    left = {
        **whole,
        "cpu": format_millicores(spec.cpu_millicores - spec.reserved.cpu_millicores),
        "memory": str(spec.memory_bytes - spec.reserved.memory_bytes),
        "ephemeral-storage": str(spec.ephemeral_storage_bytes - spec.reserved.ephemeral_storage_bytes),
    }
    wanted: dict[str, Any] = {"taints": [_taint(taint) for taint in spec.taints]} if spec.taints else {}
    wanted |= {"unschedulable": True} if spec.cordoned else {}
    metadata = {"name": spec.name, **({"labels": dict(spec.labels)} if spec.labels else {})}
    ready = {"type": "Ready", "status": "True" if spec.ready else "Unknown"}
    status = {"capacity": whole, "allocatable": left, "conditions": [ready]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": wanted, "status": status}
