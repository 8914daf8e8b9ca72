"""Objects of the store besides pods: minions, controllers, services, disruption budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from models.api.selectors import Selector
from models.api.specs_budgets import BudgetStatus
from models.api.types import Pod, PodTemplate
from models.control.disruption import BudgetRules
from models.control.replication import ReplicaStatus

__all__ = ["NOT_DISRUPTED", "BudgetObject", "BudgetSeen", "ControllerObject", "MinionObject", "ServiceObject"]

NOT_DISRUPTED: Mapping[int, float] = MappingProxyType({})
"""No pod at all."""

NEVER_WRITTEN = ReplicaStatus(0, 0, 0, 0)
"""The status of a controller that has not written one."""


class MinionObject:
    """A minion as the master has it.

    Attributes:
        identity: In the identity table.
        ready: Its Ready condition is True.
        taints: As KEY=VALUE:EFFECT or KEY:EFFECT, sorted.
        tainted: The record that set them, -1 before the first.
        pressed: Its MemoryPressure condition is True.
        images: Those that its status has, bytes by name; kept up only where a scheduler looks at them.
        broken: Its Ready condition is False: it says so itself. Else, where it is not ready, it is Unknown.
    """

    __slots__ = ("broken", "identity", "images", "pressed", "ready", "tainted", "taints")

    def __init__(self, identity: int) -> None:
        self.identity = identity
        self.ready = True
        self.taints: tuple[str, ...] = ()
        self.tainted = -1
        self.pressed = False
        self.images: Mapping[str, int] = {}
        self.broken = False


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


@dataclass(eq=False)
class BudgetObject:
    """A budget in the store.

    Attributes:
        identity: In the identity table.
        selector: None selects no pod.
        status: What was last written of it.
        observed: Whether anybody has written of it as it is now: before that no eviction is let through.
        disrupted: Pods of which the controller has not read yet that they go, by arrival: when their eviction was let
            through, in seconds.
        version: Counts what is written: who writes what was worked out from an older one is refused.
    """

    identity: int
    name: str
    namespace: str
    selector: Selector | None
    rules: BudgetRules
    status: BudgetStatus = BudgetStatus()  # noqa: RUF009 it is frozen
    observed: bool = False
    disrupted: Mapping[int, float] = field(default_factory=lambda: NOT_DISRUPTED)
    version: int = 0

    def seen(self) -> BudgetSeen:
        """Return what a reader gets of it now."""
        return BudgetSeen(self, self.version, self.status, self.observed, self.disrupted)


@dataclass(frozen=True, slots=True)
class BudgetSeen:
    """A budget as of a version: what the log carries."""

    budget: BudgetObject
    version: int
    status: BudgetStatus
    observed: bool
    disrupted: Mapping[int, float]
