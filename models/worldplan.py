"""What a world is made from: minions, workloads, the policy, faults, controllers, services and budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.api.expected import ExpectedPod
from models.api.protocols import PlacingPolicy, Policy, ScoringPolicy, WorkloadSource
from models.api.selectors import Selector
from models.api.specs_budgets import BudgetStatus
from models.api.types import CPU, MinionAsk, PodTemplate, ResourceTable
from models.cluster.placedbelief import Placing
from models.control.deliberation import SchedulerPlan
from models.control.disruption import BudgetRules
from models.control.operations import OperationPlan
from models.control.plane import ControlPlan
from models.control.snapshot import Snapshot
from models.failures.crash import FaultPlan
from models.isolation.rules import IsolationRules
from models.machines.guests import Guest
from sim.streams import Streams

__all__ = ["BudgetPlan", "ControllerPlan", "Plan", "ServicePlan"]


@dataclass(frozen=True)
class ControllerPlan:
    """A controller: when it comes, changes and goes.

    Attributes:
        steps: (time, replicas) after the first.
        deletion: (time, policy), or nothing.
    """

    name: str
    namespace: str
    template: PodTemplate
    selector: Selector
    replicas: int
    start_s: float = 0.0
    steps: tuple[tuple[float, int], ...] = ()
    deletion: tuple[float, str] | None = None


@dataclass(frozen=True)
class ServicePlan:
    """A service, there from the start."""

    name: str
    namespace: str
    selector: Selector


@dataclass(frozen=True)
class BudgetPlan:
    """A disruption budget, there from the start.

    Attributes:
        status: As a dump has it; None: it is new, and nobody has looked at it yet.
    """

    name: str
    namespace: str
    selector: Selector | None
    rules: BudgetRules
    status: BudgetStatus | None = None


@dataclass(frozen=True)
class Plan:
    """All that a world is made from.

    Attributes:
        sources: (workload's name, source), in order; they share ``streams`` and ``templates``.
        templates: The run's templates; sources may add to it.
        placing: What a policy that looks at pods too knows besides; empty for others.
        snapshot: What is there when the run begins; with pods or controllers only where there is a control plane.
        schedulers: Several by name; none: one that takes all pods and decides in no time.
        decisions: Every decision of the scheduler is written, with scores.
        guests: Minions that are virtual machines, by index.
        uses_cpu: Pods or containers may say what they use of CPUs.
        isolation: Whose is what; nothing where nobody is compromised.
        control: The control plane; nothing where there are neither controllers nor services nor timing.
    """

    seed: int
    until_s: float
    resources: ResourceTable
    minions: Sequence[MinionAsk]
    templates: Sequence[PodTemplate]
    sources: Sequence[tuple[str, WorkloadSource]]
    policy: ScoringPolicy | PlacingPolicy | Policy
    policy_name: str
    streams: Streams
    faults: Sequence[FaultPlan] = ()
    control: ControlPlan | None = None
    controllers: Sequence[ControllerPlan] = ()
    services: Sequence[ServicePlan] = ()
    budgets: Sequence[BudgetPlan] = ()
    operations: Sequence[OperationPlan] = ()
    schedulers: Sequence[SchedulerPlan] = ()
    isolation: IsolationRules | None = None
    snapshot: Snapshot = field(default_factory=Snapshot)
    placing: Placing = field(default_factory=Placing)
    checks: str = "cheap"
    decisions: bool = False
    guests: Mapping[int, Guest] = field(default_factory=dict)
    uses_cpu: bool = False
    max_events: int | None = None

    def expected(self) -> Sequence[ExpectedPod]:
        """Return which pods are to be expected: of workloads, of controllers, and those that are there already."""
        return [
            *(pod for _, source in self.sources for pod in source.expected(self.until_s)),
            *(
                ExpectedPod(each.template.need[CPU], each.template.gpu, each.replicas)
                for each in self.controllers
            ),
            *(ExpectedPod.like(found.ask) for found in self.snapshot.pods if found.controller is None),
        ]
