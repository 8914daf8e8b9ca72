"""What plug-ins of the kube-scheduler's kind are, and what they are given to look at.

Each says what it depends on by what it is: a ``MinionFilter`` or ``MinionScore`` looks at a minion by itself (labels,
taints, images), so its answers are kept in a column until that minion changes; the others look at what pods are
where, through tallies that are kept pod by pod.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import MinionAsScheduled, PodAsScheduled
from models.api.schedulingview import PodClass, SchedulingView

__all__ = [
    "MAX_SCORE",
    "Columns",
    "Look",
    "MinionFilter",
    "MinionScore",
    "PodFilter",
    "PodScore",
    "Refused",
    "WholeScore",
    "normalised",
]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Kept = TypeVar("Kept")

MAX_SCORE: Final = 100
"""The best normalised score (k/k:pkg/scheduler/framework/interface.go, MaxNodeScore)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a filter turns a minion down.

    Attributes:
        reasons: As the real event says them.
        resolvable: Whether evicting pods could help (Unschedulable; else UnschedulableAndUnresolvable).
    """

    reasons: tuple[str, ...]
    resolvable: bool = True

    @property
    def code(self) -> str:
        """The status code of the real scheduler."""
        return "Unschedulable" if self.resolvable else "UnschedulableAndUnresolvable"


class Columns(Protocol):
    """What looks at minions by themselves, kept by minion."""

    def passes(self, plugin: MinionFilter, pod: PodAsScheduled) -> Bools | None:
        """Return where a filter lets a pod pass: bool (N,); None: everywhere."""
        ...

    def raw(self, plugin: MinionScore, pod: PodAsScheduled) -> Ints | None:
        """Return what a plug-in gives each minion: int64 (N,); None: its constant everywhere."""
        ...

    def kept(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Return what ``make`` gives, made once until a minion changes or an object that selects pods does."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """One pod, and the cluster as the scheduler believes it."""

    view: SchedulingView
    pod: PodClass
    columns: Columns


class MinionFilter(Protocol):
    """Lets a pod pass by what a minion is."""

    @property
    def name(self) -> str:
        """As the real scheduler calls it."""
        ...

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """Return all of the pod that the answer depends on; None: every minion passes."""
        ...

    def passes(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> bool:
        """Tell whether the pod may go there."""
        ...

    def refused(self, minion: MinionAsScheduled, pod: PodAsScheduled) -> Refused:
        """Say why it may not."""
        ...


class PodFilter(Protocol):
    """Lets a pod pass by what pods are where."""

    @property
    def name(self) -> str:
        """As the real scheduler calls it."""
        ...

    def concerns(self, look: Look) -> bool:
        """Tell whether it may ever turn the pod down, while minions, owners and the terms of pods are these."""
        ...

    def passes(self, look: Look) -> Bools | None:
        """Return where the pod may go: bool (N,); None: everywhere."""
        ...

    def refused(self, look: Look, minion: int) -> Refused:
        """Say why it may not go to a minion."""
        ...


class MinionScore(Protocol):
    """Scores by what a minion is."""

    @property
    def name(self) -> str:
        """As the real scheduler calls it."""
        ...

    @property
    def constant(self) -> int:
        """The raw score of all minions where the pod's key is None."""
        ...

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """Return all of the pod that the score depends on; None: all minions have ``constant``."""
        ...

    @property
    def stretched(self) -> bool:
        """Whether normalising depends on the other minions: each is an addend of its own else."""
        ...

    def beside(self, view: SchedulingView, pod: PodAsScheduled) -> Hashable | None:
        """Return all of the other minions that a minion's score depends on; None: nothing."""
        ...

    def raw(self, view: SchedulingView, minion: MinionAsScheduled, pod: PodAsScheduled) -> int:
        """Return the score before it is normalised."""
        ...

    def normal(self, raw: Ints) -> Ints:
        """Return the scores of all feasible minions from 0 to 100: int64 (k,)."""
        ...


@runtime_checkable
class WholeScore(Protocol):
    """A ``MinionScore`` that scores all minions at once quicker than one by one."""

    def whole(self, view: SchedulingView, pod: PodAsScheduled) -> Ints:
        """Return what ``raw`` says of each minion: int64 (N,)."""
        ...


@runtime_checkable
class PodScore(Protocol):
    """Scores by what pods are where."""

    @property
    def name(self) -> str:
        """As the real scheduler calls it."""
        ...

    def constant(self, look: Look) -> int | None:
        """Return what all minions get while minions, owners and the terms of pods are these; None: it depends."""
        ...

    def score(self, look: Look, rows: Ints) -> tuple[Ints, Ints]:
        """Return the scores of the feasible minions, raw and normalised: int64 (k,) each.

        Args:
            look: At what.
            rows: The feasible minions.
        """
        ...


def normalised(raw: Ints, *, reverse: bool = False) -> Ints:
    """Stretch scores so that the largest is 100 (k/k:pkg/scheduler/framework/plugins/helper/normalize_score.go).

    Args:
        raw: int64 (k,), none below 0.
        reverse: The largest becomes 0, and 0 becomes 100.
    """
    largest = int(raw.max(initial=0))
    if largest == 0:
        return np.full(raw.size, MAX_SCORE if reverse else 0, dtype=np.int64)
    scaled: Ints = MAX_SCORE * raw // largest
    return MAX_SCORE - scaled if reverse else scaled
