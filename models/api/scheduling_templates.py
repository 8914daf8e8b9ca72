"""A pod class of the scheduler's from a template: of what a manifest says, or of no more than requests and labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from itertools import product

from models.api.containers import ContainerSpec
from models.api.scheduling import NODE_NAME_FIELD, NodeRequirement, NodeTerm, PodAsScheduled
from models.api.scheduling_pods import DEFAULT_MEMORY_BYTES, DEFAULT_MILLICORES, normal_image
from models.api.selectors import Requirement, Selector
from models.api.specs_taints import Toleration as GivenToleration
from models.api.taints import Toleration
from models.api.types import CPU, EPHEMERAL, MEMORY, PODS, PodTemplate

__all__ = ["POOL_LABEL", "as_scheduled", "relabelled", "tolerations_as_scheduled"]

POOL_LABEL = "(pool)"
"""Selectors may name a pool; the scheduler finds it as a label, of a key that no manifest can ask for."""
_DEFAULTS = {"cpu": DEFAULT_MILLICORES, "memory": DEFAULT_MEMORY_BYTES}
_NAMES = {CPU: "cpu", MEMORY: "memory", EPHEMERAL: "ephemeral-storage"}


def as_scheduled(template: PodTemplate, resources: Sequence[str]) -> PodAsScheduled:
    """Return the class that pods of a template are of.

    One that is not from a manifest, and lists no containers, has one, which names a resource where it asks for more
    than 0 of it.

    Args:
        template: Of the pods.
        resources: Names of the columns of ``need``.
    """
    made = template.scheduling or _plain(template, resources)
    tolerations = tuple(tolerations_as_scheduled(template.tolerations)) or made.tolerations
    made = dataclasses.replace(made, tolerations=tolerations)
    said = {Requirement("In", key, (value,)) for key, value in made.node_selector}
    rest = () if template.minions is None else template.minions.requirements
    rest = tuple(each for each in rest if each not in said)
    return _selecting(made, Selector(rest)) if rest else made


def relabelled(template: PodTemplate, labels: tuple[tuple[str, str], ...], index: int) -> PodTemplate:
    """Return the template of pods that are like those of another but for their labels.

    Args:
        template: The other.
        labels: Sorted (key, value) pairs.
        index: What tells the template from all others.
    """
    said = template.scheduling
    said = None if said is None else dataclasses.replace(said, labels=labels)
    return dataclasses.replace(template, index=index, labels=labels, scheduling=said)


def _plain(template: PodTemplate, resources: Sequence[str]) -> PodAsScheduled:
    amounts = {
        _NAMES.get(column, resources[column]): amount
        for column, amount in enumerate(template.need[:-1])
        if amount and column != PODS
    }
    containers = template.containers
    if containers is None:
        cpu = amounts.get("cpu", DEFAULT_MILLICORES)
        memory = amounts.get("memory", DEFAULT_MEMORY_BYTES)
    else:
        cpu, memory = (
            max(
                sum(_counted(each, name) for each in containers.containers),
                *(_counted(each, name) for each in containers.init_containers),
                0,
            )
            for name in _DEFAULTS
        )
    return PodAsScheduled(
        namespace=template.namespace,
        labels=template.labels,
        requests=tuple(sorted(amounts.items())),
        nonzero=(cpu, memory),
        scored=tuple(sorted({**amounts, "cpu": cpu, "memory": memory}.items())),
        images=tuple(normal_image(each.image) for each in containers.containers if each.image)
        if containers is not None
        else (),
    )


def _counted(container: ContainerSpec, resource: str) -> int:
    """Return what a container counts in scores: a default where it does not name the resource."""
    return dict(container.requests).get(resource, _DEFAULTS[resource])


def tolerations_as_scheduled(given: Iterable[GivenToleration]) -> Iterable[Toleration]:
    """Return tolerations as the scheduler has them."""
    for each in given:
        operator = "Exists" if each.operator == "Exists" else "Equal"
        yield Toleration(each.key or "", operator, each.value, each.effect or "")  # type: ignore[arg-type]


def _selecting(pod: PodAsScheduled, selector: Selector) -> PodAsScheduled:
    """Return the class with a selector of minions in its required node affinity: a name is of a minion or a pool."""
    labels = tuple(
        NodeRequirement(each.key, each.operator, each.values)
        for each in selector.requirements
        if each.operator != "Name"
    )
    asked: list[tuple[NodeTerm, ...]] = [(NodeTerm(labels),)] if labels else []
    for name in selector.names:
        minion = NodeRequirement(NODE_NAME_FIELD, "In", (name,))
        asked.append((NodeTerm((), (minion,)), NodeTerm((NodeRequirement(POOL_LABEL, "In", (name,)),))))
    if pod.required_nodes is not None:
        # A term without conditions matches nothing, and would match all when it is joined with others.
        asked.append(tuple(term for term in pod.required_nodes if term.labels or term.fields))
    terms = tuple(
        NodeTerm(
            tuple(r for term in both for r in term.labels), tuple(r for term in both for r in term.fields)
        )
        for both in product(*asked)
    )
    return dataclasses.replace(pod, required_nodes=terms)
