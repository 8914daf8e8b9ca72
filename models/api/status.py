"""What the master's record has of a pod's containers, in the words of v1's status."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["EVICTED", "OOM_KILLED", "ContainerStatus", "PodStatus"]

EVICTED: Final = "Evicted"
"""The reason of a pod that its kubelet has driven away, or turned away, as its minion is low on something."""

OOM_KILLED: Final = "OOMKilled"
"""The reason of a container that has ended, of which the kernel had killed a process for want of memory."""


class ContainerStatus(NamedTuple):
    """One container, as its kubelet last told.

    Attributes:
        state: waiting, running or terminated.
        reason: Of waiting and terminated: ContainerCreating, CrashLoopBackOff, Completed, Error, OOMKilled ...
        exit_code: Of its last end; None before.
        restarts: How often it was started again.
        ready, started: As its probes have it; of an init container ``ready`` is that it has succeeded.
    """

    state: str
    reason: str
    exit_code: int | None
    restarts: int
    ready: bool
    started: bool


class PodStatus(NamedTuple):
    """A pod's containers.

    Attributes:
        phase: Pending, Running, Succeeded or Failed.
        conditions: Initialized, ContainersReady and Ready; PodScheduled is true of what a kubelet tells of.
        init_containers, containers: In the order of the spec.
        reason: Of the pod: Evicted; empty for none.
    """

    phase: str
    initialized: bool
    containers_ready: bool
    ready: bool
    init_containers: tuple[ContainerStatus, ...]
    containers: tuple[ContainerStatus, ...]
    reason: str = ""

    @property
    def conditions(self) -> tuple[tuple[str, bool], ...]:
        """Its conditions, in v1's order."""
        return (
            ("Initialized", self.initialized),
            ("Ready", self.ready),
            ("ContainersReady", self.containers_ready),
            ("PodScheduled", True),
        )

    @property
    def restarts(self) -> int:
        """Restarts of the container that was restarted most: what controllers rank by (maxContainerRestarts())."""
        return max((each.restarts for each in self.containers), default=0)
