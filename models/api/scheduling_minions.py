"""Reads of a v1 Node, and of the objects that select pods, what scheduling depends on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from models.api.manifests_fields import Fields
from models.api.quantities import MAX_AMOUNT, to_amount, to_bytes, to_millicores
from models.api.scheduling import NATIVE, MinionAsScheduled, Owner, is_scalar
from models.api.scheduling_terms import read_label_selector
from models.api.selectors import Requirement, Selector
from models.api.taints import EFFECTS, Taint

__all__ = ["AVOID_ANNOTATION", "OWNER_KINDS", "read_minion_scheduling", "read_owner"]

AVOID_ANNOTATION: Final = "scheduler.alpha.kubernetes.io/preferAvoidPods"
OWNER_KINDS: Final = ("Service", "ReplicationController", "ReplicaSet", "StatefulSet")
_BY_LABELS: Final = ("Service", "ReplicationController")
_MAX_IMAGE: Final = 2**63 - 1


def read_minion_scheduling(node: Fields, name: str) -> MinionAsScheduled:
    """Return a minion as it is scheduled on; what is wrong is told to ``node``.

    Source: k/k:pkg/scheduler/framework/types.go, SetNode(), v1.20.5: allocatable alone counts, not capacity.

    Args:
        node: The object.
        name: Its name.
    """
    metadata, spec, status = (node.mapping(key) for key in ("metadata", "spec", "status"))
    images = {}
    for image in status.elements("images"):
        size = image.integer("sizeBytes", 0, 0, _MAX_IMAGE)
        images.update(dict.fromkeys(image.names_of("names"), size))
    return MinionAsScheduled(
        name=name,
        labels=metadata.labels("labels"),
        allocatable=_allocatable(status.mapping("allocatable")),
        taints=tuple(_taints(spec)),
        unschedulable=spec.flag("unschedulable"),
        images=images,
        avoids=tuple(_avoids(metadata.texts("annotations").get(AVOID_ANNOTATION, ""))),
    )


def read_owner(fields: Fields, kind: str, namespace: str) -> Owner:
    """Return an object that selects pods.

    Args:
        fields: The object.
        kind: One of ``OWNER_KINDS``.
        namespace: Its namespace.
    """
    spec = fields.mapping("spec")
    if kind not in _BY_LABELS:
        return Owner(kind, namespace, read_label_selector(spec, "selector"))
    if not spec.has("selector"):
        return Owner(kind, namespace, None)
    labels = spec.labels("selector")
    wanted = tuple(Requirement("In", key, (text,)) for key, text in sorted(labels.items()))
    return Owner(kind, namespace, Selector(wanted))


def _allocatable(given: Fields) -> dict[str, int]:
    found = {}
    for key in given.value:
        if key == "cpu":
            found[key] = given.quantity(key, to_millicores)
        elif key in NATIVE or key.startswith("hugepages-"):
            found[key] = given.quantity(key, to_bytes)
        elif key == "pods" or is_scalar(key):
            found[key] = min(given.quantity(key, to_amount), MAX_AMOUNT)
    return found


def _taints(spec: Fields) -> Iterable[Taint]:
    for each in spec.elements("taints"):
        effect = each.one_of("effect", EFFECTS, "")
        if not each.value.get("effect"):
            each.problem("effect", "Required value")
        if effect:
            yield Taint(each.text("key"), effect, each.text("value"))  # type: ignore[arg-type]  # one of the words


def _avoids(annotation: str) -> Iterable[tuple[str, str]]:
    """Kind and uid of the controllers that an annotation names; one that cannot be read names none."""
    try:
        entries = json.loads(annotation)["preferAvoidPods"] if annotation else []
        for entry in entries:
            controller = entry["podSignature"].get("podController") or {}
            yield str(controller.get("kind", "")), str(controller.get("uid", ""))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return
