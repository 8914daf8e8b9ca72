"""What a scheduling policy with plug-ins may look at: minions and the pods on them, in columns. Read-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import MinionAsScheduled, Owner, PodAsScheduled, PodTerm
from models.api.selectors import Selector

__all__ = [
    "CPU",
    "EPHEMERAL",
    "MEMORY",
    "NONZERO_CPU",
    "NONZERO_MEMORY",
    "PODS",
    "PRESENT",
    "SCALARS",
    "PodClass",
    "PortUse",
    "SchedulingView",
    "Tally",
    "Topology",
]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NONZERO_CPU, NONZERO_MEMORY, CPU, MEMORY, EPHEMERAL, PODS, PRESENT = range(7)
"""Columns of ``left`` and ``allocatable``.

The first two count defaults where a container names nothing. ``PRESENT`` is 1 where pods may be put at all: a minion
that is known to be down has 0, and no pod takes any of it.
"""
SCALARS: Final = 7
"""The first column of a resource that is counted by its name."""


class PodClass(Protocol):
    """A class of pods that the view knows."""

    @property
    def number(self) -> int:
        """Counted from 0, in the order in which classes came."""
        ...

    @property
    def pod(self) -> PodAsScheduled:
        """What it is."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """Those of ``pod``, as a mapping."""
        ...

    @property
    def label_class(self) -> int:
        """The number of its namespace and labels."""
        ...

    @property
    def need(self) -> Ints:
        """What one pod takes of ``left``: int64 (C,); shorter where resources became known later."""
        ...


class Topology(Protocol):
    """The places that a label makes of the minions."""

    @property
    def codes(self) -> Ints:
        """int64 (N,): the number of the place of each minion; of one without the label, the number of places."""
        ...

    @property
    def count(self) -> int:
        """How many places."""
        ...

    @property
    def empty(self) -> int:
        """The place whose value is the empty text, or -1."""
        ...


class Tally(Protocol):
    """How much of something there is, pod by pod, on each minion."""

    @property
    def amounts(self) -> Ints:
        """int64 (N,)."""
        ...

    def by_place(self, key: str) -> Ints:
        """Sums by place of a topology: int64 (places + 1,), last those on minions without the label."""
        ...


class PortUse(Protocol):
    """Which host ports are taken."""

    def taken(self, protocol: str, port: int, address: str) -> Bools | None:
        """Return where a port cannot be had: bool (N,); None: nobody uses it."""
        ...


class SchedulingView(Protocol):
    """Minions and pods as the scheduler believes them. N minions, C columns."""

    @property
    def minions(self) -> Sequence[MinionAsScheduled]:
        """In order of index."""
        ...

    @property
    def allocatable(self) -> Ints:
        """int64 (N, C)."""
        ...

    @property
    def left(self) -> Ints:
        """int64 (N, C): allocatable less what bound pods take."""
        ...

    @property
    def statics(self) -> int:
        """Grows with each change of a minion itself: its labels, taints, images, resources."""
        ...

    @property
    def carriers(self) -> int:
        """Grows with each new term that some pod carries."""
        ...

    @property
    def owners_version(self) -> int:
        """Grows with each change of the objects that select pods."""
        ...

    @property
    def ports(self) -> PortUse:
        """Host ports."""
        ...

    @property
    def cursor(self) -> int:
        """Where ``changed_since`` begins to tell what is new."""
        ...

    def changed_since(self, cursor: int) -> list[int] | None:
        """Return the minions of which something is left, or not, since a cursor; None: too many to remember."""
        ...

    def minions_changed_since(self, statics: int) -> list[int] | None:
        """Return the minions that changed themselves since ``statics`` was so; None: too many to remember."""
        ...

    def column(self, resource: str) -> int:
        """Return the column of a resource."""
        ...

    def topology(self, key: str) -> Topology:
        """Return the places of a label."""
        ...

    def pods_that_match(
        self, namespaces: tuple[str, ...], selectors: tuple[Selector, ...], *, terminating: bool
    ) -> Tally:
        """Return how many pods in one of the namespaces match all selectors.

        Args:
            namespaces: Sorted.
            selectors: Without any, all pods match.
            terminating: Whether pods that are being deleted count.
        """
        ...

    def carried(self, kind: str, pod: PodClass) -> Sequence[tuple[PodTerm, Tally]]:
        """Return the terms of pods on minions that speak of a pod, and how much of each there is.

        Args:
            kind: ``affinity`` and ``anti-affinity`` (both required; the pods) or ``preferred`` (the weights).
            pod: Of whom the terms speak.
        """
        ...

    def owners(self, namespace: str) -> Sequence[Owner]:
        """Return the objects of a namespace that select pods."""
        ...

    def image_bytes(self, image: str) -> Ints:
        """Return how large an image is on each minion, 0 where it is not: int64 (N,)."""
        ...

    def image_spread(self, image: str) -> int:
        """Return how many minions have an image."""
        ...
