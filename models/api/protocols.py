"""The powers that plug-ins are given, and what they must offer. Plug-ins import this and ``sim`` only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.api.expected import ExpectedPod
from models.api.schedulingview import PodClass, SchedulingView
from models.api.types import Arrivals, Phase, Pod, PodTemplate

__all__ = [
    "ClusterView",
    "Context",
    "Decided",
    "Decides",
    "DeviceChooser",
    "Master",
    "PlacingPolicy",
    "PodView",
    "Policy",
    "Refusal",
    "ScoredBy",
    "Scorer",
    "ScoringPolicy",
    "WorkloadSource",
    "counts_reasons",
    "said_refusal",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Scorer = Callable[[Ints], Floats]
ScoredBy = tuple[str, int, Floats | Ints]
"""(plug-in, its weight, scores of some minions: (k,))"""


class ClusterView(Protocol):
    """The scheduler's belief, read-only. Arrays share memory with it and cannot be written.

    Shapes: N minions, R resource columns, D the most GPU devices of a minion.
    """

    @property
    def names(self) -> Sequence[str]:
        """Names of the minions, by index."""
        ...

    @property
    def resources(self) -> Sequence[str]:
        """The columns: cpu_millicores, memory_bytes, pods, ephemeral_bytes, extended ones, gpu_milli (all devices)."""
        ...

    @property
    def allocatable(self) -> Ints:
        """(N, R): capacity less what is reserved."""
        ...

    @property
    def free(self) -> Ints:
        """(N, R): allocatable less the requests of bound pods."""
        ...

    @property
    def gpu_left_milli(self) -> Ints:
        """(N, D): thousandths left of each device; absent devices are 0."""
        ...

    @property
    def ready(self) -> Bools:
        """(N,): believed ready."""
        ...

    @property
    def gpu_models(self) -> Sequence[str]:
        """GPU model of each minion; empty where it has none."""
        ...

    @property
    def expected(self) -> Sequence[ExpectedPod]:
        """Kinds of pods that the scenario's workloads are known to bring, with how many of each."""
        ...

    def labels(self, index: int) -> Mapping[str, str]:
        """Labels of one minion."""
        ...

    def fits(self, template: PodTemplate) -> Bools:
        """(N,): where a pod of this template could be bound now."""
        ...


class PodView(Protocol):
    """A pod as a policy sees it."""

    @property
    def template(self) -> PodTemplate:
        """Requests, labels, priority: shared by all pods of its class."""
        ...

    @property
    def created_s(self) -> float:
        """When it was created."""
        ...


class Context(Protocol):
    """What a policy may ask of the world while it decides."""

    @property
    def now_s(self) -> float:
        """Simulated time."""
        ...

    def draw(self, n: int) -> float:
        """The n-th uniform draw in (0, 1) of this attempt; the same for the same pod, attempt and seed."""
        ...

    def note(self, text: str, value: float = float("nan")) -> None:
        """Write a record of the policy's own."""
        ...


@dataclass(frozen=True)
class Refusal:
    """A policy's 'none', with counts by reason."""

    reasons: Mapping[str, int] = field(default_factory=dict)


def counts_reasons(reasons: object) -> bool:
    """Tell whether reasons are what a :class:`Refusal` may have: texts, each with a number of minions."""
    return isinstance(reasons, Mapping) and all(
        isinstance(text, str)
        and isinstance(count, int | np.integer)
        and not isinstance(count, bool)
        and count >= 0
        for text, count in reasons.items()
    )


def said_refusal(reasons: Mapping[str, int], minions: int) -> str:
    """Return in one line why a pod fits on none of so many minions, as the real scheduler's event does."""
    listed = ", ".join(f"{reason} x {count}" for reason, count in sorted(reasons.items()))
    return f"0 of {minions} minions: {listed}"


@runtime_checkable
class ScoringPolicy(Protocol):
    """Scores minions; the scheduler filters, caches scores by pod class and takes the best.

    Attributes:
        ties: ``first`` (lowest index) or ``random`` among the best.
        device: Which GPU device a fraction goes to: ``least`` (least left that fits), ``random``, or ``own`` where
            the policy is a :class:`DeviceChooser`.
    """

    ties: str
    device: str

    def scorer(self, view: ClusterView, template: PodTemplate) -> Scorer:
        """Return the scores of one pod class as a function of rows: called once a class.

        The function gets indices of minions, int64 (k,), and returns float64 (k,): higher is better. It may
        depend only on the template and on those rows of the view, as the view is when it is called.
        """
        ...


@runtime_checkable
class DeviceChooser(Protocol):
    """A policy that chooses GPU devices by itself."""

    def device_for(self, view: ClusterView, template: PodTemplate, minion: int) -> int:
        """Return the device of a minion that a fraction of a GPU goes to; it has that much left."""
        ...


class Decided(Protocol):
    """What came of one pod; good until the view changes."""

    @property
    def first(self) -> int:
        """The first minion of the largest total; -1 where the pod may go nowhere."""
        ...

    @property
    def ranks(self) -> Ints:
        """int64 (N,): the totals but for what all have alike; below 0 where the pod may not go. Not to be kept."""
        ...


class Decides(Protocol):
    """Decides about pods on a view that changes between decisions."""

    def decide(self, pod: PodClass, among: Bools | None = None) -> Decided:
        """Return what comes of a pod; ``among``: where it may go at all, for reasons that no plug-in knows."""
        ...

    def could_fit(self, pod: PodClass, minion: int) -> bool:
        """Tell whether the change of one minion may have made room for a pod that had none."""
        ...

    def fits(self, pod: PodClass, minion: int) -> bool:
        """Tell whether a pod may go to a minion now."""
        ...

    def evictions_may_help(self, pod: PodClass) -> Bools:
        """Return where it is not for something else than pods that a pod may not go: bool (N,)."""
        ...

    def helped_by(self, pod: PodClass, other: PodClass) -> bool:
        """Tell whether a pod that had no room may have some now that another was bound."""
        ...

    def parts(self, pod: PodClass, rows: Ints) -> Sequence[ScoredBy]:
        """Return what each plug-in gives the minions that a pod may go to, all of them; weighted they add up."""
        ...

    def reasons(self, pod: PodClass) -> Mapping[str, int]:
        """Count the minions that a pod may not go to, by reason."""
        ...


@runtime_checkable
class PlacingPolicy(Protocol):
    """Looks at minions and at the pods on them, as the kube-scheduler does.

    Attributes:
        ties: ``first`` (lowest index) or ``random`` among the best.
        device: Which GPU device a fraction goes to: ``least`` (least left that fits) or ``random``.
    """

    ties: str
    device: str

    def decider(self, view: SchedulingView) -> Decides:
        """Return what decides about pods on a view."""
        ...


class Policy(Protocol):
    """Decides by itself: any callable of this form."""

    def __call__(self, view: ClusterView, pod: PodView, context: Context) -> int | Refusal | None:
        """Return an index into the view, or none, with reasons if it has them."""
        ...


class Master(Protocol):
    """What a machine may tell the master: the verbs of its store."""

    def bind_running(
        self, pod: Pod, minion: int, devices: tuple[int, ...], actor: int, cause: int
    ) -> str | None:
        """Bind a pod that runs at once; nothing, or why that is refused."""
        ...

    def end(self, pod: Pod, phase: Phase, *, cause: int, reason: str | None = None) -> None:
        """Move a pod to a phase that it does not leave."""
        ...

    def minion_gone(self, minion: int, *, ready: bool, seq: int) -> None:
        """Take from the record ``seq`` that a minion is up or down."""
        ...


class WorkloadSource(Protocol):
    """Yields pods in order of time."""

    def arrivals(self) -> Arrivals:
        """Return an iterator of (time in seconds, pods), times not decreasing."""
        ...

    def offered(self, capacity: Mapping[str, float]) -> Mapping[str, float]:
        """Return the offered load by resource, as a ratio of capacity, where it is known beforehand."""
        ...

    def expected(self, until_s: float) -> Sequence[ExpectedPod]:
        """Return which pods are to be expected in the mean, if the run ends at ``until_s``."""
        ...
