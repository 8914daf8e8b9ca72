"""Gives containers the behaviour that a scenario's rules say of them, whatever describes the pods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from models.api.specs_containers import BehaviourOf, behaving
from models.api.specs_usage import Caps, Uses
from models.api.specs_workloads import PodSpec
from models.api.usage import PodUsage

__all__ = ["Behaviours"]


class Behaviours:
    """The rules of a scenario.

    Args:
        rules: In order; those that are switched off do nothing.
        caps: What kernels are told of the containers.
        suffers: What a pod with its names is under its profile of isolation; nothing: as it would be.
    """

    def __init__(
        self,
        rules: Sequence[BehaviourOf],
        caps: Caps,
        suffers: Callable[[PodSpec, tuple[str, ...]], PodSpec] | None = None,
    ) -> None:
        self._caps = caps
        self._suffers = suffers
        self._rules = [rule for rule in rules if rule.enabled]

    def of(self, pod: PodSpec, *names: str) -> PodSpec:
        """Return a pod with its containers behaving as the rules say.

        Args:
            pod: As asked.
            names: What it answers to, as in other selectors of pods.
        """
        settled = self._settled(pod, names)
        return settled if self._suffers is None else self._suffers(settled, names)

    def _settled(self, pod: PodSpec, names: tuple[str, ...]) -> PodSpec:
        if pod.containers is None:
            return pod.under(self._caps.of(pod.labels, names))
        behaves = behaving(pod.containers, self._rules, pod.labels, names)
        cap, pids = self._caps.of(pod.labels, names), self._caps.pids_of(pod.labels, names)
        if (behaves.cap, behaves.pids) != (cap, pids):
            behaves = replace(behaves, cap=cap, pids=pids)
        return pod if behaves is pod.containers else pod.with_containers(behaves)

    def usage(self, uses: Uses, labels: Mapping[str, str], name: str) -> PodUsage:
        """Return what a pod that a trace records uses, and what its kernel is told.

        Args:
            uses: Of all of the workload's pods.
            labels: Its own.
            name: The workload's.
        """
        return PodUsage(uses.usage, self._caps.of(labels, (name,)))
