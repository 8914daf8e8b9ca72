"""What a scenario says of the control plane: its timing, its clients' limits, its lags, the kubelets' delays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from models.api.specs_distributions import DurationLaw
from models.api.specs_fields import Flag, Spec, choice, number, whole

__all__ = [
    "CLIENTS",
    "CONTROLLERS",
    "INSTANT",
    "KUBERNETES",
    "ClientLimits",
    "Clients",
    "KubeletDelays",
    "Limits",
    "Master",
]

INSTANT: Final = "instant"
KUBERNETES: Final = "kubernetes"
CONTROLLERS: Final = ("scheduler", "replication", "endpoints", "lifecycle")
"""Clients of the master that are processes with a memory of their own."""
CLIENTS: Final = (*CONTROLLERS, "kubelet")

_CONSTANTS: Final = {"scheduler": "scheduler_client", "kubelet": "kubelet_client"}
"""Where the constants of a client's limits begin; those of the others with ``controller_client``."""


class Limits(NamedTuple):
    """A token bucket: calls a second in the long run, and at once."""

    rate_per_s: float
    burst_count: int


class ClientLimits(Spec):
    """What a client may ask of the master; None: as for all clients, or as the version has it."""

    rate_per_s: Annotated[float, number("a number of calls a second", 1e-3, 1e9)] | None = Field(
        None, alias="qps", description="calls a second, as 20"
    )
    burst_count: Annotated[int, whole("a number of calls", 1, 10**9)] | None = Field(
        None, alias="burst", description="calls at once, as 30"
    )


class Clients(Spec):
    """Limits of single clients, and of all that are not named."""

    scheduler: ClientLimits | None = Field(None, description="limits, as {qps: 50, burst: 100}")
    replication: ClientLimits | None = Field(None, description="limits, as {qps: 20, burst: 30}")
    endpoints: ClientLimits | None = Field(None, description="limits, as {qps: 20, burst: 30}")
    lifecycle: ClientLimits | None = Field(None, description="limits, as {qps: 20, burst: 30}")
    kubelet: ClientLimits | None = Field(None, description="limits, as {qps: 5, burst: 10}")
    all: ClientLimits | None = Field(None, description="limits of the others, as {qps: 100, burst: 200}")

    def limits(self, client: str, constants: Mapping[str, float]) -> Limits:
        """Return the limits of one of :data:`CLIENTS`: its own, else those of all, else the version's.

        Raises:
            KeyError: Not a client, or constants that lack its limits.
        """
        if client not in CLIENTS:
            raise KeyError(client)
        words = _CONSTANTS.get(client, "controller_client")
        rate_per_s, burst_count = constants[f"{words}_rate_per_s"], int(constants[f"{words}_burst_count"])
        for given in (self.all, getattr(self, client)):
            if given is not None:
                rate_per_s = rate_per_s if given.rate_per_s is None else given.rate_per_s
                burst_count = burst_count if given.burst_count is None else given.burst_count
        return Limits(rate_per_s, burst_count)


class Master(Spec):
    """How the control plane behaves.

    Attributes:
        timing: ``instant``: decisions and calls take no time, and a crash is known at once, its pods lost;
            ``kubernetes``: as the version does it. None: ``kubernetes`` where something needs it (controllers,
            services, manifests, a fault other than a crash, anything else said of the master or of kubelets).
        watch_lag: Seconds from a commit to its delivery, drawn per delivery; None: between the constants
            ``watch_lag_low_s`` and ``watch_lag_high_s``.
        api_latency: Seconds of one call; None: between ``api_latency_low_s`` and ``api_latency_high_s``.
        expectations: Whether controllers wait for their own creates and deletes to come back.
    """

    timing: Annotated[str, choice(KUBERNETES, INSTANT)] = Field(INSTANT, description="kubernetes or instant")
    clients: Clients = Field(
        default_factory=Clients, description="limits by client, as {all: {qps: 100, burst: 200}}"
    )
    watch_lag: DurationLaw | None = Field(
        None, alias="watchLag", description="a time or distribution, as {uniform: {low: 10ms, high: 50ms}}"
    )
    api_latency: DurationLaw | None = Field(
        None, alias="apiLatency", description="a time or distribution, as 2ms"
    )
    expectations: Flag = Field(True, description="true or false")


class KubeletDelays(Spec):
    """How long kubelets take.

    What a pool's kubelets do not say is as for all kubelets, and what these do not say is a constant
    (``kubelet_start_s`` and so on).

    Attributes:
        start: Seconds from seeing a pod bound to its containers running.
        ready: Seconds from running to ready.
        terminate: Seconds from seeing a pod to be ended to its containers gone, at most its grace.
    """

    start: DurationLaw | None = Field(None, description="a time or distribution, as 0.2s")
    ready: DurationLaw | None = Field(None, description="a time or distribution, as 0.3s")
    terminate: DurationLaw | None = Field(None, description="a time or distribution, as 0.1s")

    def over(self, others: KubeletDelays) -> KubeletDelays:
        """Return these delays, those of ``others`` where nothing is said here."""
        return KubeletDelays.model_construct(
            start=self.start if self.start is not None else others.start,
            ready=self.ready if self.ready is not None else others.ready,
            terminate=self.terminate if self.terminate is not None else others.terminate,
        )
