"""Gives containers the behaviour that a scenario's rules say of them, whatever describes the pods."""

from __future__ import annotations

from collections.abc import Sequence

from models.api.specs_containers import BehaviourOf, behaving
from models.api.specs_workloads import PodSpec

__all__ = ["Behaviours"]


class Behaviours:
    """The rules of a scenario.

    Args:
        rules: In order; those that are switched off do nothing.
    """

    def __init__(self, rules: Sequence[BehaviourOf]) -> None:
        self._rules = [rule for rule in rules if rule.enabled]

    def of(self, pod: PodSpec, *names: str) -> PodSpec:
        """Return a pod with its containers behaving as the rules say.

        Args:
            pod: As asked.
            names: What it answers to, as in other selectors of pods.
        """
        if not self._rules or pod.containers is None:
            return pod
        return pod.with_containers(behaving(pod.containers, self._rules, pod.labels, names))
