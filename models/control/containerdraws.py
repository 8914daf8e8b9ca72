"""Identities of containers, and their draws: by their pod's owner, the pod's number there and their own name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from models.api.types import Pod
from models.control.containers.container import Draws
from models.control.containers.plan import Draw, PodPlan
from sim.identities import Identities
from sim.streams import Streams

__all__ = ["ContainerDraws"]


def _nothing_drawn(index: int, what: Draw, n: int) -> float:
    raise AssertionError("a plan of constants draws nothing")


class ContainerDraws:
    """Of all containers of a run."""

    def __init__(self, identities: Identities, streams: Streams) -> None:
        self._identities = identities
        self._streams = streams
        self._phases = streams.stream("probe.phase")
        self._names: dict[str, int] = {}
        self._groups: dict[tuple[int, int, int], str] = {}

    def name(self, name: str) -> int:
        """Return the identity of containers of a name."""
        found = self._names.get(name)
        if found is None:
            found = self._names[name] = self._identities.add("container", name)
        return found

    def group(self, pod: Pod, plan: PodPlan, index: int) -> str:
        """Return what a container's draws are counted in: its owner's and its own name."""
        key = (pod.owner, pod.template.index, index)
        group = self._groups.get(key)
        if group is None:
            owner = self._identities.text(pod.owner) if pod.owner >= 0 else "orphan"
            group = self._groups[key] = f"{owner}/{plan.containers[index].name}"
        return group

    def of(self, pod: Pod, plan: PodPlan) -> Draws:
        """Return the draws of a pod's containers."""
        return partial(self._draw, pod, plan) if plan.draws else _nothing_drawn

    def bases(self, pod: Pod, plan: PodPlan, seen_s: float) -> Callable[[int, int], float]:
        """Return when the probes' workers may ask first: after a random part of a period (worker.go, run())."""
        return partial(self._base_s, pod, plan, seen_s)

    def _draw(self, pod: Pod, plan: PodPlan, index: int, what: Draw, n: int) -> float:
        return self._streams.stream(f"container.{what}").at(self.group(pod, plan, index), pod.ask.index, n)

    def _base_s(self, pod: Pod, plan: PodPlan, seen_s: float, index: int, place: int) -> float:
        probed = plan.containers[index].probes[place]
        assert probed is not None, "what is not probed has no worker"
        part = self._phases.at(self.group(pod, plan, index), pod.ask.index, 0, place)
        return seen_s + part * probed.probe.period_s
