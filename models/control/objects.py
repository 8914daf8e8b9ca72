"""Objects of the store besides pods: minions, controllers, services."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.api.selectors import Selector
from models.api.types import Pod, PodTemplate
from models.control.replication import ReplicaStatus

__all__ = ["ControllerObject", "MinionObject", "ServiceObject"]

NEVER_WRITTEN = ReplicaStatus(0, 0, 0, 0)
"""The status of a controller that has not written one."""


class MinionObject:
    """A minion as the master has it.

    Attributes:
        identity: In the identity table.
        ready: Its Ready condition is True.
        taints: As KEY=VALUE:EFFECT or KEY:EFFECT, sorted.
        tainted: The record that set them, -1 before the first.
    """

    __slots__ = ("identity", "ready", "tainted", "taints")

    def __init__(self, identity: int) -> None:
        self.identity = identity
        self.ready = True
        self.taints: tuple[str, ...] = ()
        self.tainted = -1


@dataclass(eq=False)
class ControllerObject:
    """A replication controller (or replica set) in the store.

    Attributes:
        identity: In the identity table; the owner of its pods.
        desired: spec.replicas.
        generation: Counts changes of the spec.
        pods: Its pods by arrival, those being deleted too.
        status: What it last wrote about itself.
        made: Pods it has made so far: numbers their names.
        deletion: Nothing, or the policy with which it is being deleted.
        gone: It has left the store.
    """

    identity: int
    name: str
    namespace: str
    template: PodTemplate
    selector: Selector
    desired: int
    generation: int = 1
    status: ReplicaStatus = NEVER_WRITTEN
    pods: dict[int, Pod] = field(default_factory=dict)
    made: int = 0
    deletion: str | None = None
    gone: bool = False


@dataclass(eq=False)
class ServiceObject:
    """A service in the store, with its endpoints.

    Attributes:
        endpoints: Ready pods of the last write, by arrival.
        unready: Pods of the last write that have an address and are not ready.
        written: Writes so far.
    """

    identity: int
    name: str
    namespace: str
    selector: Selector
    endpoints: dict[int, Pod] = field(default_factory=dict)
    unready: dict[int, Pod] = field(default_factory=dict)
    written: int = 0
