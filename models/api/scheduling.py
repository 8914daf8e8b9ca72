"""Pods and minions as the kube-scheduler looks at them: all that its plug-ins read, and nothing else.

Two pods that are equal here are of one class: wherever one may go and whatever it scores, so may and does the other.
Amounts are whole: millicores of cpu, bytes of memory and ephemeral storage, units of anything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from models.api.selectors import Selector
from models.api.taints import Taint, Toleration

__all__ = [
    "HOSTNAME",
    "NATIVE",
    "NODE_NAME_FIELD",
    "ZONE",
    "HostPort",
    "MinionAsScheduled",
    "NodeRequirement",
    "NodeTerm",
    "Owner",
    "PodAsScheduled",
    "PodTerm",
    "Spread",
    "is_scalar",
]

HOSTNAME: Final = "kubernetes.io/hostname"
ZONE: Final = "topology.kubernetes.io/zone"
NODE_NAME_FIELD: Final = "metadata.name"
"""The one field that matchFields may speak of."""
NATIVE: Final = ("cpu", "memory", "ephemeral-storage")
"""Resources that every minion has; ``pods`` is counted, not asked for."""

Pairs = tuple[tuple[str, str], ...]
Amounts = tuple[tuple[str, int], ...]


def is_scalar(resource: str) -> bool:
    """Whether a resource is counted by its name: an extended one, or huge pages (IsScalarResourceName, v1.20)."""
    return "/" in resource or resource.startswith(("hugepages-", "attachable-volumes-"))


@dataclass(frozen=True, slots=True)
class NodeRequirement:
    """One condition on a label of a minion.

    Attributes:
        operator: ``Gt`` and ``Lt`` compare whole numbers, and hold for no label that is none.
    """

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a minion with these labels fulfils the condition."""
        has = self.key in labels
        if self.operator == "In":
            return has and labels[self.key] in self.values
        if self.operator == "NotIn":
            return not has or labels[self.key] not in self.values
        if self.operator in {"Gt", "Lt"}:
            if not has:
                return False
            here, wanted = _int64(labels[self.key]), _int64(self.values[0])
            if here is None or wanted is None:
                return False
            return here > wanted if self.operator == "Gt" else here < wanted
        return has == (self.operator == "Exists")


def _int64(text: str) -> int | None:
    """The number that Go's ParseInt(text, 10, 64) reads."""
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not digits.isascii() or not digits.isdigit() or len(digits) > 4000:
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


@dataclass(frozen=True, slots=True)
class NodeTerm:
    """Conditions on a minion, all of which must hold; with none at all it matches no minion.

    Attributes:
        labels: On its labels.
        fields: On its fields; they know no name but ``metadata.name``, and others are empty.
    """

    labels: tuple[NodeRequirement, ...] = ()
    fields: tuple[NodeRequirement, ...] = ()

    def matches(self, labels: Mapping[str, str], name: str) -> bool:
        """Tell whether a minion fulfils the term."""
        if not self.labels and not self.fields:
            return False
        return all(each.holds(labels) for each in self.labels) and all(
            (each.operator == "In") == ((name if each.key == NODE_NAME_FIELD else "") in each.values)
            for each in self.fields
        )


@dataclass(frozen=True, slots=True)
class PodTerm:
    """Pods near which, or away from which, a pod wants to be.

    Attributes:
        namespaces: Theirs, sorted.
        selector: Of their labels; None matches nothing.
        topology_key: What makes two minions one place: the label with this key is equal on both.
    """

    namespaces: tuple[str, ...]
    selector: Selector | None
    topology_key: str

    def matches(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Tell whether it speaks of a pod."""
        return self.selector is not None and namespace in self.namespaces and self.selector.matches(labels)


@dataclass(frozen=True, slots=True)
class Spread:
    """A topology spread constraint.

    Attributes:
        hard: DoNotSchedule; else ScheduleAnyway.
        selector: Of pods in the pod's own namespace; None matches nothing.
    """

    topology_key: str
    max_skew: int
    hard: bool
    selector: Selector | None


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the minion; the address 0.0.0.0 is every address."""

    port: int
    protocol: str = "TCP"
    address: str = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Owner:
    """Something that selects pods: what the default spread constraints count.

    Attributes:
        kind: Service, ReplicationController, ReplicaSet or StatefulSet.
        namespace: Of the pods too.
        selector: Of their labels; None matches nothing.
    """

    kind: str
    namespace: str
    selector: Selector | None


@dataclass(frozen=True, slots=True)
class PodAsScheduled:
    """A pod class.

    Attributes:
        namespace: Its namespace.
        labels: Sorted.
        requests: What it takes from a minion: per resource the sum of the containers, or the largest init container if
            that is more, and the overhead. Extended resources that it names stand here even where it asks for 0.
        nonzero: Millicores and bytes that scores count once it is bound: where a container names no cpu (memory),
            a default stands for it.
        scored: The same for the pod that is being placed, with every resource: v1.20 adds the overhead's cpu in
            whole cores there, as if they were millicores.
        ports: Of the host, each once.
        images: Of its containers, with a tag.
        node_name: The minion that it asks for by name.
        node_selector: Labels that its minion must have, sorted.
        required_nodes: One of these must match; None asks for nothing, an empty list for what is not there.
        preferred_nodes: Weight and term.
        affinity: Required.
        anti_affinity: Required.
        preferred_pods: Weight and term; of anti-affinity the weight is negative.
        tolerations: In order.
        spread: Topology spread constraints in order.
        controller: Kind and uid of the controller that made it.
    """

    namespace: str = "default"
    labels: Pairs = ()
    requests: Amounts = ()
    nonzero: tuple[int, int] = (0, 0)
    scored: Amounts = ()
    ports: tuple[HostPort, ...] = ()
    images: tuple[str, ...] = ()
    node_name: str = ""
    node_selector: Pairs = ()
    required_nodes: tuple[NodeTerm, ...] | None = None
    preferred_nodes: tuple[tuple[int, NodeTerm], ...] = ()
    affinity: tuple[PodTerm, ...] = ()
    anti_affinity: tuple[PodTerm, ...] = ()
    preferred_pods: tuple[tuple[int, PodTerm], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    spread: tuple[Spread, ...] = ()
    controller: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class MinionAsScheduled:
    """A minion, but for the pods on it.

    Attributes:
        name: Unique.
        labels: Its labels.
        allocatable: Per resource; ``pods`` too. What is not named is not there.
        taints: In order; v1 has at most one of a key and effect, and more count each.
        unschedulable: Cordoned.
        images: Bytes by name.
        avoids: Kind and uid of controllers whose pods it asks to be spared.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    allocatable: Mapping[str, int] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    images: Mapping[str, int] = field(default_factory=dict)
    avoids: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in ("labels", "allocatable", "images"):
            found = getattr(self, name)
            if not isinstance(found, MappingProxyType):
                object.__setattr__(self, name, MappingProxyType(dict(found)))
