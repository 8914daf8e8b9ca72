"""What a pod's containers are, as v1 has them after defaults: images, requests, probes, hooks, order, restarts.

All of it is frozen and hashable, so that pods that are alike share one of it. Form and defaults: k8s.io/api core/v1
types.go and k/k:pkg/apis/core/v1/defaults.go, v1.20.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from models.api.behaviour import Behaviour, Health
from models.api.kernels import RawLimits
from models.api.usage import Cap

__all__ = [
    "PULL_POLICIES",
    "RESTART_POLICIES",
    "ContainerSpec",
    "HandlerSpec",
    "PodContainers",
    "ProbeSpec",
    "PullPolicy",
    "RestartPolicy",
    "default_pull_policy",
]

RestartPolicy = Literal["Always", "OnFailure", "Never"]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]
HandlerKind = Literal["exec", "httpGet", "tcpSocket", "grpc", "sleep"]
RESTART_POLICIES: Final[tuple[RestartPolicy, ...]] = ("Always", "OnFailure", "Never")
PULL_POLICIES: Final[tuple[PullPolicy, ...]] = ("Always", "IfNotPresent", "Never")

_SLEEP: Final = re.compile(r"\s*(?:exec\s+)?(?:/usr)?(?:/bin/)?sleep\s+([0-9]+(?:\.[0-9]+)?)s?\s*(?:;|&&|$)")
_PLAIN: Final = Behaviour()
_NO_LIMITS: Final = RawLimits()


@dataclass(frozen=True, slots=True)
class HandlerSpec:
    """How a probe asks, or what a hook does.

    Attributes:
        kind: One of v1's ways.
        command: Of exec, else empty.
        port: Of httpGet, tcpSocket and grpc: a number, or the name of a port of the container; else None.
        path: Of httpGet, else empty.
        seconds: Of sleep, else None.
    """

    kind: HandlerKind
    command: tuple[str, ...] = ()
    port: int | str | None = None
    path: str = ""
    seconds: float | None = None

    @property
    def takes_s(self) -> float:
        """Seconds that it says it takes: of sleep, or of a command that sleeps; 0 where nothing is said."""
        if self.seconds is not None:
            return self.seconds
        found = _SLEEP.match(" ".join(self.command[-1:] if len(self.command) == 3 else self.command))
        return float(found[1]) if found is not None else 0.0


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """When a container is asked how it is, and how often it may fail.

    Attributes:
        initial_delay_s: Seconds from its start to the first time.
        period_s: Seconds between times.
        timeout_s: An answer that takes longer is a failure.
        success_count: Passes in a row that end a failing.
        failure_count: Failures in a row that count.
        health: How this probe is answered; None: as the container's behaviour has it.
    """

    handler: HandlerSpec
    initial_delay_s: float = 0.0
    period_s: float = 10.0
    timeout_s: float = 1.0
    success_count: int = 1
    failure_count: int = 3
    health: Health | None = None


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container.

    Attributes:
        image: Empty where none is named: there is nothing to pull.
        requests: Sorted (resource, amount): cpu in millicores, sizes in bytes, others whole; a limit is the request
            where none is given.
        limits: The same, as given.
        readiness, liveness, startup: Probes; None: it is as if it always passed.
        pre_stop: What is done before its end is asked for.
        behaviour: What v1 does not say.
        raw: What it is limited to that v1 does not say.
    """

    name: str
    image: str = ""
    image_pull_policy: PullPolicy = "IfNotPresent"
    requests: tuple[tuple[str, int], ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    readiness: ProbeSpec | None = None
    liveness: ProbeSpec | None = None
    startup: ProbeSpec | None = None
    pre_stop: HandlerSpec | None = None
    behaviour: Behaviour = _PLAIN
    raw: RawLimits = _NO_LIMITS

    def request(self, resource: str) -> int:
        """What it asks for of a resource; 0 for nothing."""
        return _amount(self.requests, resource)

    def limit(self, resource: str) -> int | None:
        """What it may have of a resource at most; None: no limit."""
        return _amount(self.limits, resource) or None


@dataclass(frozen=True, slots=True)
class PodContainers:
    """The containers of a pod, and what becomes of them.

    Attributes:
        containers: Started together once the others are done.
        init_containers: Run one after the other, each to success.
        restart_policy: Of all of them; init containers are never restarted after a success.
        grace_s: Seconds from the order to end to the kill, preStop among them; None: the constant
            ``termination_grace_s``.
        annotations: The pod's, sorted (key, value), as far as they are about containers (``wavetank/``).
        cap: What of requests and limits the kernel is told.
        pids: Processes of the pod at most, whatever its cap; 0: no limit; None: as its minion's kubelet has it.
    """

    containers: tuple[ContainerSpec, ...]
    init_containers: tuple[ContainerSpec, ...] = ()
    restart_policy: RestartPolicy = "Always"
    grace_s: float | None = None
    annotations: tuple[tuple[str, str], ...] = ()
    cap: Cap = "quota-and-memory"
    pids: int | None = None

    @property
    def said(self) -> Mapping[str, str]:
        """The annotations by key."""
        return dict(self.annotations)


def default_pull_policy(image: str) -> PullPolicy:
    """Return when an image is pulled that does not say: always where its tag is ``latest``, as also without tag.

    Source: k/k:pkg/apis/core/v1/defaults.go, SetDefaults_Container; parsers.ParseImageName, v1.20.2.
    """
    if not image or "@" in image:
        return "IfNotPresent"
    _, _, tag = image.rpartition("/")[2].partition(":")
    return "Always" if tag in {"", "latest"} else "IfNotPresent"


def _amount(amounts: tuple[tuple[str, int], ...], resource: str) -> int:
    return next((amount for name, amount in amounts if name == resource), 0)
