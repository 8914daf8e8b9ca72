"""Reads of a v1 Pod what its scheduling depends on.

Requests and defaults: k/k:pkg/scheduler/framework/types.go, calculateResource(), and util/non_zero.go, v1.20.5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from models.api.manifests_fields import Fields
from models.api.quantities import to_amount, to_bytes, to_millicores, to_whole
from models.api.scheduling import HostPort, PodAsScheduled, is_scalar
from models.api.scheduling_terms import read_affinity, read_spread
from models.api.taints import EFFECTS, Toleration

__all__ = ["DEFAULT_MEMORY_BYTES", "DEFAULT_MILLICORES", "controller_of", "normal_image", "read_scheduling"]

DEFAULT_MILLICORES: Final = 100
"""What a container that names no cpu counts in scores (k/k:pkg/scheduler/util/non_zero.go, v1.20.5)."""
DEFAULT_MEMORY_BYTES: Final = 200 * 2**20
"""What a container that names no memory counts in scores (the same)."""
_PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_ANY_ADDRESS: Final = "0.0.0.0"

Amounts = dict[str, int]


@dataclass
class _Sums:
    """What a pod asks for, as it adds up.

    Attributes:
        exact: Per resource.
        nonzero: With defaults for cpu and memory where a container names none.
    """

    exact: Amounts = field(default_factory=dict)
    nonzero: Counter[str] = field(default_factory=Counter)

    def add(self, requests: Amounts) -> None:
        """Add a container."""
        for name, amount in requests.items():
            self.exact[name] = self.exact.get(name, 0) + amount
        self.nonzero.update(_with_defaults(requests))

    def at_least(self, requests: Amounts) -> None:
        """Have room for an init container, which runs before the others."""
        for name, amount in requests.items():
            if amount > self.exact.get(name, 0):
                self.exact[name] = amount
        self.nonzero |= Counter(_with_defaults(requests))


def read_scheduling(metadata: Fields, spec: Fields, namespace: str, *, admitted: bool) -> PodAsScheduled:
    """Return the class of a pod; what is wrong with it is told to ``spec``.

    Args:
        metadata: Of the pod, or of a template.
        spec: The pod's.
        namespace: Of the object that it stands in.
        admitted: The API has filled in its defaults already; else a container's limit is its request where it
            names none.
    """
    containers = list(spec.elements("containers"))
    sums = _Sums()
    for container in containers:
        sums.add(_requests(container, admitted=admitted))
    for container in spec.elements("initContainers"):
        sums.at_least(_requests(container, admitted=admitted))
    scored = dict(sums.exact) | {name: sums.nonzero[name] for name in ("cpu", "memory")}
    overhead = spec.mapping("overhead")
    over = _amounts(overhead)
    nonzero = [sums.nonzero[name] + over.get(name, 0) for name in ("cpu", "memory")]
    for name, amount in over.items():
        sums.exact[name] = sums.exact.get(name, 0) + amount
        # The scorers of v1.20 take Quantity.Value() of the overhead, for cpu too: 250m is 1.
        added = overhead.quantity("cpu", to_whole) if name == "cpu" else amount
        scored[name] = scored.get(name, 0) + added
    node_selector = tuple(sorted(spec.labels("nodeSelector").items()))
    return PodAsScheduled(
        namespace=namespace,
        labels=tuple(sorted(metadata.labels("labels").items())),
        requests=tuple(sorted(sums.exact.items())),
        nonzero=(nonzero[0], nonzero[1]),
        scored=tuple(sorted(scored.items())),
        ports=tuple(dict.fromkeys(_ports(containers))),
        images=tuple(normal_image(container.text("image")) for container in containers),
        node_selector=node_selector,
        tolerations=tuple(_tolerations(spec)),
        spread=tuple(read_spread(spec)),
        controller=controller_of(metadata),
        **read_affinity(spec.mapping("affinity"), namespace),
    )


def controller_of(metadata: Fields) -> tuple[str, str] | None:
    """Return kind and uid of the controller that an object belongs to."""
    for owner in metadata.elements("ownerReferences"):
        if owner.flag("controller"):
            return owner.text("kind"), owner.text("uid")
    return None


def normal_image(name: str) -> str:
    """Return an image's name with a tag: latest where it has none (ImageLocality, normalizedImageName())."""
    return name if name.rfind(":") > name.rfind("/") else f"{name}:latest"


def _with_defaults(requests: Amounts) -> Amounts:
    return {
        "cpu": requests.get("cpu", DEFAULT_MILLICORES),
        "memory": requests.get("memory", DEFAULT_MEMORY_BYTES),
    }


def _requests(container: Fields, *, admitted: bool) -> Amounts:
    resources = container.mapping("resources")
    requests = _amounts(resources.mapping("requests"))
    return requests if admitted else {**_amounts(resources.mapping("limits")), **requests}


def _amounts(resources: Fields) -> Amounts:
    found = {}
    for key in resources.value:
        readers: dict[str, Callable[[object], int]] = {
            "cpu": to_millicores,
            "memory": to_bytes,
            "ephemeral-storage": to_bytes,
        }
        if key in readers:
            found[key] = resources.quantity(key, readers[key])
        elif is_scalar(key):
            found[key] = resources.quantity(key, to_bytes if key.startswith("hugepages-") else to_amount)
    return found


def _ports(containers: Iterable[Fields]) -> Iterable[HostPort]:
    for container in containers:
        for port in container.elements("ports"):
            number = port.integer("hostPort", 0, 0, 65535)
            if number:
                protocol = port.one_of("protocol", _PROTOCOLS, "TCP") or "TCP"
                yield HostPort(number, protocol, port.text("hostIP") or _ANY_ADDRESS)


def _tolerations(spec: Fields) -> Iterable[Toleration]:
    for each in spec.elements("tolerations"):
        operator = each.one_of("operator", ("Equal", "Exists"), "Equal")
        effect = each.one_of("effect", EFFECTS, "")
        yield Toleration(
            each.text("key"),
            "Exists" if operator == "Exists" else "Equal",
            each.text("value"),
            effect,  # type: ignore[arg-type]  # one of the words or empty
        )
