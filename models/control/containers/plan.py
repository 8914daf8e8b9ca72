"""A pod's containers as its kubelet runs them: every default filled in, laws where something is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from models.api.behaviour import Health
from models.api.containers import ContainerSpec, PodContainers, ProbeSpec, PullPolicy
from models.api.usage import Usage
from models.control.backoff import BackoffCurve
from models.control.containers.probes import ProbePlan, Spell
from models.machines.cputasks import TaskKind
from sim.distributions import Constant

if TYPE_CHECKING:
    from models.control.client import Law

__all__ = [
    "LIVENESS",
    "PROBES",
    "READINESS",
    "STARTUP",
    "ContainerPlan",
    "Draw",
    "PodPlan",
    "ProbedPlan",
    "needs_runs",
]

READINESS, LIVENESS, STARTUP = range(3)
"""Places of a container's probes."""
PROBES = ("Readiness", "Liveness", "Startup")
"""Their names, by place."""

Draw = Literal["start", "runs", "ready", "stops", "healthy_from", "healthy_until", "slow_from"]
"""What is drawn for each start of a container."""

_INF = math.inf
_NOTHING = Constant(0.0)


@dataclass(frozen=True, slots=True)
class ProbedPlan:
    """A probe, and how it is answered.

    Attributes:
        fixed: The spells from the container's start on, where nothing of them is drawn.
        always: The only one of these, at all times.
        by_exec: It asks by running a process in the container.
    """

    probe: ProbePlan
    health: Health
    fixed: tuple[Spell, ...] | None
    always: tuple[Spell, ...] = ()
    by_exec: bool = False

    def spells(self, drawn_s: Callable[[Law, Draw], float]) -> tuple[Spell, ...]:
        """Return the spells from a container's start on, of times that are drawn."""
        laws = (self.health.healthy_from, self.health.healthy_until, self.health.slow_from)
        whats: tuple[Draw, Draw, Draw] = ("healthy_from", "healthy_until", "slow_from")
        times_s = [
            default_s if law is None else drawn_s(law, what)
            for law, what, default_s in zip(laws, whats, (0.0, _INF, _INF), strict=True)
        ]
        return _spells(self.health, self.probe.timeout_s, (times_s[0], times_s[1], times_s[2]))


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """One container; the attributes are those of its behaviour and of v1.

    Attributes:
        runs: None: for ever.
        probes: Of readiness, liveness and start-up.
        uses: What it does to its minion's kernel; None: nothing that anybody feels.
    """

    name: str
    image: str
    pull_policy: PullPolicy
    start: Law
    runs: Law | None
    exit_code: int
    stops: Law
    pre_stop_s: float
    probes: tuple[ProbedPlan | None, ProbedPlan | None, ProbedPlan | None]
    uses: Usage | None = None


@dataclass(frozen=True, slots=True)
class PodPlan:
    """All containers of a pod.

    Attributes:
        containers: Init containers first.
        init_count: How many those are.
        policy: Always, OnFailure or Never.
        grace_s: From the order to end to the kill.
        ready: Law of seconds from running to ready where nothing probes that.
        crash, pull: How restarts and pulls are held back.
        draws: Whether anything of it is drawn.
        tasks: What the kernel is told of each container.
    """

    containers: tuple[ContainerPlan, ...]
    init_count: int
    policy: str
    grace_s: float
    ready: Law
    crash: BackoffCurve
    pull: BackoffCurve
    draws: bool
    tasks: tuple[TaskKind, ...]

    @classmethod
    def of(
        cls,
        pod: PodContainers,
        constants: Mapping[str, float],
        *,
        ready: Law = _NOTHING,
        stops: Law = _NOTHING,
    ) -> PodPlan:
        """Return the plan of a pod's containers.

        Args:
            pod: As asked.
            constants: The run's.
            ready: The kubelet's own law of seconds from running to ready.
            stops: Its law of seconds from SIGTERM to the end.
        """
        first = Constant(constants["init_container_run_s"])
        containers = (
            *(_container(each, first, stops) for each in pod.init_containers),
            *(_container(each, None, stops) for each in pod.containers),
        )
        return cls(
            containers,
            len(pod.init_containers),
            pod.restart_policy,
            constants["termination_grace_s"] if pod.grace_s is None else pod.grace_s,
            ready,
            BackoffCurve.of(constants, "crash_backoff"),
            BackoffCurve.of(constants, "image_backoff"),
            not isinstance(ready, Constant) or any(map(_is_drawn, containers)),
            _tasks(pod),
        )


def needs_runs(pod: PodContainers, *, images: bool = False) -> bool:
    """Whether a pod's containers are followed one by one: all but one that runs for ever, unprobed, always restarted.

    Args:
        pod: Its containers.
        images: Whether images have to be there first.
    """
    if pod.init_containers or len(pod.containers) != 1 or pod.restart_policy != "Always":
        return True
    only = pod.containers[0]
    if images and only.image:
        return True
    plain = ContainerSpec(
        only.name, only.image, only.image_pull_policy, requests=only.requests, limits=only.limits
    )
    return only != plain


def _tasks(pod: PodContainers) -> tuple[TaskKind, ...]:
    """Return what the kernel is told of a pod's containers, init containers first."""
    count = len(pod.init_containers) + len(pod.containers)
    return tuple(TaskKind(pod, place) for place in range(count))


def _is_drawn(plan: ContainerPlan) -> bool:
    laws = (plan.start, plan.runs, plan.stops)
    return any(law is not None and not isinstance(law, Constant) for law in laws) or any(
        probed is not None and probed.fixed is None for probed in plan.probes
    )


def _container(spec: ContainerSpec, runs: Law | None, stops: Law) -> ContainerPlan:
    own = spec.behaviour
    pre_stop_s = own.pre_stop_s
    if pre_stop_s is None:
        pre_stop_s = 0.0 if spec.pre_stop is None else spec.pre_stop.takes_s
    return ContainerPlan(
        spec.name,
        spec.image,
        spec.image_pull_policy,
        own.start or _NOTHING,
        own.runs or runs,
        own.exit_code,
        own.stops or stops,
        pre_stop_s,
        (
            _probed(spec.readiness, own.health),
            _probed(spec.liveness, own.health),
            _probed(spec.startup, own.health),
        ),
        own.uses,
    )


def _probed(spec: ProbeSpec | None, health: Health) -> ProbedPlan | None:
    if spec is None:
        return None
    probe = ProbePlan(
        spec.period_s, spec.timeout_s, spec.initial_delay_s, spec.success_count, spec.failure_count
    )
    health = spec.health or health
    laws = (health.healthy_from, health.healthy_until, health.slow_from)
    by_exec = spec.handler.kind == "exec"
    drawn = ProbedPlan(probe, health, None, by_exec=by_exec)
    if any(law is not None and not isinstance(law, Constant) for law in laws):
        return drawn
    fixed = drawn.spells(lambda law, what: float(law.quantile(0.5)))
    return ProbedPlan(probe, health, fixed, ((-_INF, *fixed[0][1:]),), by_exec)


def _spells(health: Health, timeout_s: float, times_s: tuple[float, float, float]) -> tuple[Spell, ...]:
    """Return what a probe meets over time: a refusal is known at once, a late answer at the timeout."""
    healthy_from_s, healthy_until_s, slow_from_s = times_s
    refuses: tuple[bool, float] = (False, 0.0)
    slow = (True, health.takes_s) if health.takes_s < timeout_s else (False, timeout_s)
    found: list[Spell] = []
    for from_s in sorted({0.0, *times_s}):
        if from_s == _INF:
            break
        if health.never or from_s < healthy_from_s or from_s >= healthy_until_s:
            answer = refuses
        else:
            answer = slow if from_s >= slow_from_s else (True, 0.0)
        if not found or found[-1][1:] != answer:
            found.append((from_s, *answer))
    return tuple(found)
