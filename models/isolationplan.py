"""From what a scenario says of isolation to rules for pods, and what becomes of those that need what is taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from models.api.behaviour import Behaviour
from models.api.containers import ContainerSpec, PodContainers
from models.api.specs import Scenario
from models.api.specs_isolation import Isolation
from models.api.specs_problems import FieldProblem
from models.api.specs_workloads import PodSpec
from models.isolation.reading import read_catalogue
from models.isolation.rulechecks import compromise_problems, rule_problems
from models.isolation.rules import IsolationRules
from sim.distributions import Constant

__all__ = ["attacked_rules", "isolation_problems", "rules_of", "without_its_needs"]

REFUSED_AFTER_S: Final = 0.1
"""How long an application runs that is refused what it needs: it ends as soon as it asks. *Unverified*."""


def rules_of(scenario: Scenario) -> IsolationRules:
    """Return a scenario's rules.

    Raises:
        ScenarioError: Its catalogue is wrong.
    """
    asked = scenario.isolation or Isolation()
    return IsolationRules.of(read_catalogue(asked.file), asked)


def attacked_rules(scenario: Scenario) -> IsolationRules | None:
    """Return a scenario's rules where pods are compromised in it; nothing else asks for them while it runs."""
    attacked = any(fault.enabled and fault.compromise is not None for fault in scenario.faults)
    return rules_of(scenario) if attacked else None


def isolation_problems(scenario: Scenario) -> Sequence[FieldProblem]:
    """Return what is wrong with the names of isolation, at paths from the scenario's root.

    Raises:
        ScenarioError: Its catalogue is wrong.
    """
    attacks = [(i, fault.compromise) for i, fault in enumerate(scenario.faults)]
    if scenario.isolation is None and not any(attack for _, attack in attacks):
        return ()  # the catalogue takes a while to read
    asked = scenario.isolation or Isolation()
    catalogue = read_catalogue(asked.file)
    problems = [replace(each, path=("isolation", *each.path)) for each in rule_problems(catalogue, asked)]
    for index, attack in attacks:
        if attack is not None:
            problems += [
                replace(each, path=("faults", index, "compromise", *each.path))
                for each in compromise_problems(catalogue, attack)
            ]
    return problems


def without_its_needs(rules: IsolationRules, pod: PodSpec, names: tuple[str, ...]) -> PodSpec:
    """Return a pod as it is under its profile: one that is denied what it needs ends as soon as it starts.

    Args:
        rules: Of the scenario.
        pod: With its containers' behaviour settled.
        names: What it answers to.
    """
    if not rules.denied(pod.labels, names):
        return pod
    containers = pod.containers or PodContainers((ContainerSpec("app", requests=_requests(pod)),))
    ends = tuple(replace(each, behaviour=_refused(each.behaviour)) for each in containers.containers)
    return pod.with_containers(replace(containers, containers=ends))


def _refused(behaviour: Behaviour) -> Behaviour:
    return replace(behaviour, runs=Constant(REFUSED_AFTER_S), exit_code=1, uses=None)


def _requests(pod: PodSpec) -> tuple[tuple[str, int], ...]:
    laws: Mapping[str, object] = {"cpu": pod.cpu_millicores, "memory": pod.memory_bytes}
    return tuple(
        (resource, round(law.value))
        for resource, law in sorted(laws.items())
        if isinstance(law, Constant) and law.value
    )
