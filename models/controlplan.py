"""From what a scenario says of its control plane to a plan of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from types import MappingProxyType

from models.api.specs import Scenario
from models.api.specs_cluster import MinionPool
from models.api.specs_control import INSTANT, KubeletDelays
from models.api.specs_controllers import Controller
from models.api.specs_faults import Action, Fault, Kill, Outage, PodTarget, Relabel, Restart, Slow, Watch
from models.api.specs_isolation import Compromise
from models.api.specs_operators import Drain, Limit, MinionTarget, Rolling, TaintMinions
from models.api.specs_taints import parse_taint
from models.api.types import MinionAsk, PodTemplate
from models.control import kubeletdelays
from models.control.client import Timing
from models.control.disruption import BudgetRules
from models.control.operations import OperationPlan
from models.control.plane import ControlPlan
from models.control.readiness import LimitPlan
from models.control.rollouts import RolloutPlan
from models.imageplan import image_plan
from models.worldplan import BudgetPlan, ControllerPlan, ServicePlan
from sim.distributions import Constant, Uniform

__all__ = [
    "budget_plans",
    "chosen_minions",
    "control_plan",
    "controller_plan",
    "operation_plan",
    "service_plans",
    "tolerates_s",
]

_CLIENTS = ("scheduler", "replication", "endpoints", "lifecycle", "kubelet")


def control_plan(scenario: Scenario, minions: Sequence[MinionAsk]) -> ControlPlan | None:
    """Return the plan of the control plane; nothing where the scenario needs none."""
    constants = scenario.constant_values
    if scenario.master.timing == INSTANT:
        return None
    master = scenario.master
    lag = master.watch_lag or Uniform(constants["watch_lag_low_s"], constants["watch_lag_high_s"])
    latency = master.api_latency or Uniform(constants["api_latency_low_s"], constants["api_latency_high_s"])
    limits: dict[str, tuple[float, float]] = {
        name: master.clients.limits(name, constants) for name in _CLIENTS
    }
    limits["operator"] = (constants["operator_client_rate_per_s"], constants["operator_client_burst_count"])
    # These are clients of the controller manager's, as the others.
    limits["disruption"] = master.clients.limits("endpoints", {**constants})
    limits["garbage"] = master.clients.limits("endpoints", {**constants})
    pools = {pool.name: pool.kubelet for pool in scenario.all_minions if isinstance(pool, MinionPool)}
    asks = list(minions)
    whole = scenario.kubelet

    @cache
    def of_pool(pool: str) -> kubeletdelays.KubeletDelays:
        own = pools.get(pool)
        given = own.over(whole) if own is not None else whole
        return _delays(given, lag, constants)

    return ControlPlan(
        constants=constants,
        timing=Timing(latency, lag, constants["api_write_s"], constants["api_cached_read_s"]),
        limits=limits,
        delays=lambda index: of_pool(asks[index].pool),
        tolerates_s=tolerates_s(),
        expectations=master.expectations,
        outages=any(
            fault.enabled and fault.outage is not None and fault.outage.of == "master"
            for fault in scenario.faults
        ),
        images=image_plan(scenario, minions),
    )


def _delays(given: KubeletDelays, lag: object, constants: Mapping[str, float]) -> kubeletdelays.KubeletDelays:
    return kubeletdelays.KubeletDelays(
        lag=lag,  # type: ignore[arg-type]
        start=given.start or Constant(constants["kubelet_start_s"]),
        ready=given.ready or Constant(constants["kubelet_ready_s"]),
        terminate=given.terminate or Constant(constants["kubelet_terminate_s"]),
    )


def tolerates_s() -> Callable[[PodTemplate, Sequence[str]], float]:
    """Return how long pods of a template bear NoExecute taints: 0 not at all, ``inf`` for ever.

    As in 1.20 (taint_manager.go, getMinTolerationTime): the least of the tolerations that are used.
    """

    @lru_cache(maxsize=4096)
    def borne_s(tolerations: tuple[object, ...], taints: tuple[str, ...]) -> float:
        least_s = math.inf
        for text in taints:
            taint = parse_taint(text)
            used = [each for each in tolerations if each.tolerates(taint)]  # type: ignore[attr-defined]
            if not used:
                return 0.0
            for each in used:
                seconds = each.toleration_s  # type: ignore[attr-defined]
                if seconds is not None:
                    least_s = min(least_s, seconds)
        return least_s

    return lambda template, taints: borne_s(template.tolerations, tuple(taints))


def controller_plan(controller: Controller, template: PodTemplate) -> ControllerPlan:
    """Return the plan of one controller."""
    deletion = controller.delete
    return ControllerPlan(
        name=controller.name,
        namespace=controller.namespace,
        template=template,
        selector=controller.selector,
        replicas=controller.replicas,
        start_s=controller.start_s,
        steps=tuple((step.at_s, step.replicas) for step in controller.scale),
        deletion=None if deletion is None else (deletion.at_s, deletion.policy),
    )


def service_plans(scenario: Scenario) -> list[ServicePlan]:
    """Return the services whose endpoints are kept: those with a selector."""
    return [
        ServicePlan(each.name, each.namespace, each.selector)
        for each in scenario.all_services
        if each.selector is not None
    ]


def budget_plans(scenario: Scenario) -> list[BudgetPlan]:
    """Return the disruption budgets of manifests."""
    return [
        BudgetPlan(
            each.name,
            each.namespace,
            each.selector,
            BudgetRules(each.minimum, each.maximum, None if each.status is None else each.status.expected),
            each.status,
        )
        for each in scenario.budgets
    ]


def chosen_minions(target: MinionTarget, minions: Sequence[MinionAsk]) -> tuple[int, ...]:
    """Return the indices of the minions that are meant."""
    if target.minion is not None:
        return tuple(i for i, ask in enumerate(minions) if ask.name == target.minion)
    assert target.minions is not None, "the schema demands a minion or a selector"
    return tuple(
        i for i, ask in enumerate(minions) if target.minions.matches(ask.labels, (ask.name, ask.pool))
    )


def operation_plan(
    fault: Fault,
    minions: Sequence[MinionAsk],
    controllers: Mapping[str, str] = MappingProxyType({}),
    answers: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> OperationPlan:
    """Return the plan of a fault that is not a crash.

    Args:
        fault: What was asked.
        minions: Those of the cluster.
        controllers: Where a controller is not called as it was written, as that of a Deployment: its key.
        answers: By an owner's text in the journal, the names that its pods answer to.
    """
    action = fault.action
    words: dict[str, object] = {}
    if isinstance(action, TaintMinions):
        words["taint"] = str(action.taint)
    elif isinstance(action, Relabel):
        words["labels"] = dict(action.labels)
    elif isinstance(action, Watch):
        words = {"client": action.client, "lag": action.lag, "loss": action.loss}
    elif isinstance(action, Outage):
        words["of"] = action.of
    elif isinstance(action, Kill):
        words["mode"] = action.mode
    elif isinstance(action, Slow):
        words["takes_s"] = math.inf if action.takes_s is None else action.takes_s
    elif isinstance(action, Restart):
        words["client"] = action.client
    elif isinstance(action, Compromise):
        words["asked"] = action
    return OperationPlan(
        name=fault.name,
        kind=fault.kind,
        at_s=fault.at_s,
        failure=fault.time_to_failure,
        lasts=fault.lasts,
        minions=chosen_minions(action, minions) if isinstance(action, MinionTarget) else (),
        pods=action.pods if isinstance(action, PodTarget | Compromise) else None,
        count=action.count if isinstance(action, PodTarget | Compromise) else None,
        answers=answers,
        rollout=_rollout(action, minions, controllers),
        words=words,
    )


def _rollout(
    action: Action, minions: Sequence[MinionAsk], controllers: Mapping[str, str]
) -> RolloutPlan | None:
    if isinstance(action, Drain):
        return RolloutPlan(
            chosen_minions(action, minions),
            drains=True,
            force=action.force,
            limit=_limit(action.limit, controllers),
        )
    if isinstance(action, Rolling):
        drains = "drain" in action.action
        return RolloutPlan(
            chosen_minions(action, minions),
            drains=drains,
            reboots="reboot" in action.action,
            frees=drains,
            down=action.down,
            at_once=action.at_once,
            pause_s=action.pause_s,
            force=action.force,
            limit=_limit(action.limit, controllers),
        )
    return None


def _limit(limit: Limit | None, controllers: Mapping[str, str]) -> LimitPlan | None:
    if limit is None:
        return None
    if limit.controller is None:
        return LimitPlan("service", f"{limit.namespace}/{limit.service}", limit.ready)
    key = f"{limit.namespace}/{limit.controller}"
    return LimitPlan("controller", controllers.get(key, key), limit.ready)
