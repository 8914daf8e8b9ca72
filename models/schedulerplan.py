"""From what a scenario says of its schedulers to plans of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from models.api.protocols import PlacingPolicy, Policy, ScoringPolicy
from models.api.selectors import EVERYTHING
from models.api.specs import Scenario
from models.api.specs_manifests import ManifestPod
from models.api.specs_policy import PluginRef
from models.api.specs_schedulers import CHECKED, NamedScheduler
from models.api.specs_workloads import GeneratedWorkload, PodSpec
from models.api.types import DEFAULT_SCHEDULER, MinionAsk
from models.control.deliberation import SchedulerPlan

__all__ = ["scheduler_plans"]

Maker = Callable[[PluginRef], ScoringPolicy | PlacingPolicy | Policy]


def scheduler_plans(
    scenario: Scenario, minions: Sequence[MinionAsk], make_policy: Maker
) -> tuple[SchedulerPlan, ...]:
    """Return the schedulers by name; none where one takes all pods and decides in no time.

    Pods that ask for a name where there is but the default scheduler are not its own: there is one then that knows.

    Args:
        scenario: What was asked.
        minions: Those of the cluster.
        make_policy: Makes a policy of a scenario's words.

    Raises:
        UnknownPluginError, PluginParameterError: A policy cannot be made.
    """
    given = scenario.schedulers or ()
    if not given and any(pod.scheduler_name not in {None, DEFAULT_SCHEDULER} for pod in _pods(scenario)):
        given = (NamedScheduler(),)
    return tuple(_plan(each, scenario, minions, make_policy) for each in given)


def _plan(
    given: NamedScheduler, scenario: Scenario, minions: Sequence[MinionAsk], make_policy: Maker
) -> SchedulerPlan:
    plugin = given.policy or scenario.policy.scheduler
    outside = (
        ()
        if given.minions == EVERYTHING
        else tuple(
            index
            for index, ask in enumerate(minions)
            if not given.minions.matches(ask.labels, (ask.name, ask.pool))
        )
    )
    return SchedulerPlan(
        name=given.name,
        policy=make_policy(plugin),
        policy_name=plugin.name,
        serves=frozenset(given.names),
        per_job=given.decision.per_job,
        per_pod=given.decision.per_pod,
        checked=given.commit == CHECKED,
        coarse=given.conflicts == "coarse",
        gang=given.jobs == "gang",
        outside=outside,
    )


def _pods(scenario: Scenario) -> Iterator[PodSpec]:
    """Every kind of pod that may ask for a scheduler by name."""
    yield from (controller.pod for controller in scenario.all_controllers)
    yield from (each.pod for each in scenario.workloads if isinstance(each, GeneratedWorkload))
    yield from (each.spec.pod for each in scenario.manifests if isinstance(each.spec, ManifestPod))
