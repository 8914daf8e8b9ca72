"""What a scenario's reader should know of it: what its manifests hold that is not modelled, what selects nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from models.api.scheduling import PodAsScheduled
from models.api.selectors import Selector
from models.api.specs import Scenario
from models.api.specs_faults import PodTarget
from models.api.specs_images import tagged
from models.api.specs_isolation import Isolation
from models.api.specs_manifests import ManifestPod, ManifestWorkload
from models.api.specs_workloads import GeneratedWorkload, PodSpec, TraceWorkload
from models.api.types import DEFAULT_SCHEDULER
from sim.diagnostics import nearest_word
from sim.units import format_bytes

__all__ = ["scenario_notes"]

_READS_ALL: Final = "kubernetes"
_LISTED: Final = 10
"""So many images are named in one sentence."""


def scenario_notes(scenario: Scenario) -> tuple[str, ...]:
    """Return one sentence for each thing that is no mistake, but perhaps not what was meant."""
    notes = [note for work in scenario.workloads if isinstance(work, ManifestWorkload) for note in work.notes]
    notes += _asks_for_nobody(scenario)
    if any(isinstance(workload, TraceWorkload) for workload in scenario.workloads):
        return tuple(notes)  # the labels of recorded pods are known when the trace is read
    pods = list(_pods(scenario))
    relabelled = [dict(fault.relabel.labels) for fault in scenario.faults if fault.relabel is not None]
    notes += _made_up_images(scenario, [pod for pod, _ in pods])
    notes += _not_looked_at(scenario, [pod for pod, _ in pods])
    notes += _idle_objects(scenario, [pod for pod, _ in pods], relabelled)
    for fault in scenario.faults:
        action = fault.action
        if isinstance(action, PodTarget) and not _selects(action.pods, pods, relabelled):
            notes.append(f"The fault {fault.name} selects nothing: no pod has {action.pods}.")
    notes += _idle_isolation(scenario, pods, relabelled)
    followed = [pair for pair in pods if pair[0].containers is not None]
    for i, rule in enumerate(scenario.behaviour):
        if not _selects(rule.pods, followed, []):
            notes.append(f"Rule {i} of behaviour selects nothing: no pod with containers has {rule.pods}.")
    return tuple(notes)


def _idle_objects(scenario: Scenario, pods: list[PodSpec], relabelled: list[dict[str, str]]) -> Iterator[str]:
    """Say which services and disruption budgets have no pod."""
    labels = {(pod.namespace, tuple(pod.labels.items())): None for pod in pods}

    def selects(namespace: str, selector: Selector) -> bool:
        return any(
            other == namespace and selector.matches({**dict(own), **more})
            for other, own in labels
            for more in ({}, *relabelled)
        )

    for service in scenario.all_services:
        if service.selector is None:
            yield f"The service {service.key} has no selector: its endpoints are not kept."
        elif not selects(service.namespace, service.selector):
            yield f"The service {service.key} selects nothing: no pod has {service.selector}."
    for budget in scenario.budgets:
        if budget.selector is None:
            yield f"The disruption budget {budget.key} has no selector: it protects no pod."
        elif not selects(budget.namespace, budget.selector):
            yield f"The disruption budget {budget.key} selects nothing: no pod has {budget.selector}."


def _idle_isolation(
    scenario: Scenario, pods: list[tuple[PodSpec, tuple[str, ...]]], relabelled: list[dict[str, str]]
) -> Iterator[str]:
    """Say which words about isolation and attackers are about nobody, or are not looked at."""
    asked = scenario.isolation or Isolation()
    rules = [(f"Rule {i} of isolation.pods", rule.pods) for i, rule in enumerate(asked.pods)]
    rules += [(f"Rule {i} of isolation.needs", rule.pods) for i, rule in enumerate(asked.needs)]
    for what, selector in rules:
        if not _selects(selector, pods, relabelled):
            yield f"{what} selects nothing: no pod has {selector}."
    for fault in scenario.faults:
        attack = fault.compromise
        if attack is None:
            continue
        if not _selects(attack.pods, pods, relabelled):
            yield f"The fault {fault.name} selects nothing: no pod has {attack.pods}."
        if attack.goals and attack.attacker == "racing":
            yield f"The goals of the fault {fault.name} are not looked at: a racing attacker tries everything."


def _asks_for_nobody(scenario: Scenario) -> Iterator[str]:
    """Say which pods ask for a scheduler that is not there: as in a real cluster they stay pending."""
    given = scenario.schedulers
    served = {name for each in given for name in each.names} if given else {DEFAULT_SCHEDULER}
    asking: dict[str, dict[str, None]] = {}
    if any(isinstance(workload, TraceWorkload) for workload in scenario.workloads):
        asking[DEFAULT_SCHEDULER] = {w.name: None for w in scenario.workloads if isinstance(w, TraceWorkload)}
    for pod, (name, *_) in _pods(scenario):
        asking.setdefault(pod.scheduler_name or DEFAULT_SCHEDULER, {})[name] = None
    for wanted, owners in asking.items():
        if wanted not in served:
            listed = ", ".join([*owners][:_LISTED]) + (" and others" if len(owners) > _LISTED else "")
            near = nearest_word(wanted, sorted(served))
            meant = f" Was {near} meant?" if near else ""
            yield f"No scheduler takes pods that ask for {wanted}: those of {listed} stay pending.{meant}"


def _not_looked_at(scenario: Scenario, pods: list[PodSpec]) -> Iterator[str]:
    """Say what of pods' wishes the scheduler does not read, where it is not the one that does.

    What the user's own code reads is known when it is there: the run's notes say so then.
    """
    used = scenario.policy.scheduler
    schedulers = scenario.schedulers or ()
    names = dict.fromkeys((each.policy or used).name for each in schedulers) or {used.name: None}
    names = {name: None for name in names if name != _READS_ALL and ":" not in name}
    if not names:
        return
    name = ", ".join(names)
    wishes: dict[str, Callable[[PodAsScheduled], object]] = {
        "affinity to minions": lambda wish: wish.required_nodes is not None or wish.preferred_nodes,
        "affinity to pods": lambda wish: wish.affinity or wish.anti_affinity or wish.preferred_pods,
        "spread constraints": lambda wish: wish.spread,
        "host ports": lambda wish: wish.ports,
    }  # fmt: skip
    asked = list(dict.fromkeys(pod.scheduling for pod in pods if pod.scheduling is not None))
    found = [word for word, has in wishes.items() if any(has(each) for each in asked)]
    if found:
        yield f"The scheduler {name} does not look at {', '.join(found)} of pods; {_READS_ALL} does."


def _made_up_images(scenario: Scenario, pods: list[PodSpec]) -> Iterator[str]:
    """Say which images are not described, where any is."""
    if not scenario.has_images:
        return
    described = {tagged(image.name): None for image in scenario.images}
    named: dict[str, None] = {}
    for pod in pods:
        asked = pod.containers
        if asked is not None:
            named |= {each.image: None for each in (*asked.init_containers, *asked.containers) if each.image}
    made_up = sorted(name for name in named if tagged(name) not in described)
    if made_up:
        size = format_bytes(scenario.constant_values["image_default_bytes"])
        listed = ", ".join(made_up[:_LISTED]) + (" and others" if len(made_up) > _LISTED else "")
        yield f"Images that are not described are one layer of {size}: {listed}."


def _selects(
    selector: Selector, pods: list[tuple[PodSpec, tuple[str, ...]]], relabelled: list[dict[str, str]]
) -> bool:
    names = dict.fromkeys(selector.names)
    return any(
        selector.matches({**pod.labels, **more}, (*owners, *_numbered(names, owners)))
        for pod, owners in pods
        for more in ({}, *relabelled)
    )


def _numbered(names: Mapping[str, None], owners: tuple[str, ...]) -> Iterator[str]:
    """Names asked for that are of a single pod of an owner."""
    yield from (name for name in names if name.rpartition("-")[0] in owners)


def _pods(scenario: Scenario) -> Iterator[tuple[PodSpec, tuple[str, ...]]]:
    """Every kind of pod that the scenario makes, with the names that it answers to."""
    for controller, names in scenario.named_controllers:
        yield controller.pod, names
    for workload in scenario.workloads:
        if isinstance(workload, GeneratedWorkload):
            yield workload.pod, (workload.name,)
        elif isinstance(workload, ManifestWorkload):
            for each in workload.objects:
                if isinstance(each.spec, ManifestPod):
                    yield each.spec.pod, (each.name, each.key, workload.name)
