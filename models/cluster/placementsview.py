"""What a policy that looks at pods is given of placements: to look at and not to write to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import MinionAsScheduled, Owner, PodTerm
from models.api.schedulingview import PodClass, SchedulingView, Tally, Topology
from models.api.selectors import Selector
from models.cluster.readonly import ReadOnly, frozen
from models.cluster.tallies import HostPorts

__all__ = ["PlacementsView"]

Ints = NDArray[np.int64]


class _SeenMinions(ReadOnly, Sequence[MinionAsScheduled]):
    """Minions by index, as they are now."""

    __slots__ = ("_minions",)

    _minions: Sequence[MinionAsScheduled]

    def __init__(self, minions: Sequence[MinionAsScheduled]) -> None:
        object.__setattr__(self, "_minions", minions)

    @overload
    def __getitem__(self, index: int) -> MinionAsScheduled: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[MinionAsScheduled]: ...
    def __getitem__(self, index: int | slice) -> MinionAsScheduled | Sequence[MinionAsScheduled]:
        return self._minions[index]

    def __len__(self) -> int:
        return len(self._minions)

    def __iter__(self) -> Iterator[MinionAsScheduled]:
        return iter(self._minions)


class _SeenPorts(ReadOnly):
    """Which host ports are taken: :class:`models.api.schedulingview.PortUse`."""

    __slots__ = ("_ports",)

    _ports: HostPorts

    def __init__(self, ports: HostPorts) -> None:
        object.__setattr__(self, "_ports", ports)

    def taken(self, protocol: str, port: int, address: str) -> NDArray[np.bool_] | None:
        """Return where a port cannot be had: bool (N,); None: nobody uses it."""
        return self._ports.taken(protocol, port, address)


class PlacementsView(ReadOnly):
    """Placements, read-only: :class:`models.api.schedulingview.SchedulingView`.

    Args:
        of: The placements.
        ports: Theirs.
    """

    __slots__ = ("_of", "allocatable", "left", "minions", "ports")

    _of: SchedulingView
    allocatable: Ints
    left: Ints
    minions: Sequence[MinionAsScheduled]
    ports: _SeenPorts

    def __init__(self, of: SchedulingView, ports: HostPorts) -> None:
        object.__setattr__(self, "_of", of)
        object.__setattr__(self, "minions", _SeenMinions(of.minions))
        object.__setattr__(self, "ports", _SeenPorts(ports))
        self.lay_out()

    def lay_out(self) -> None:
        """Show the columns that there are now."""
        object.__setattr__(self, "left", frozen(self._of.left))
        object.__setattr__(self, "allocatable", frozen(self._of.allocatable))

    def __len__(self) -> int:
        return len(self.minions)

    @property
    def statics(self) -> int:
        """Grows with each change of a minion itself: its labels, taints, images, resources."""
        return self._of.statics

    @property
    def carriers(self) -> int:
        """Grows with each new term that some pod carries."""
        return self._of.carriers

    @property
    def owners_version(self) -> int:
        """Grows with each change of the objects that select pods."""
        return self._of.owners_version

    @property
    def cursor(self) -> int:
        """Where ``changed_since`` begins to tell what is new."""
        return self._of.cursor

    def changed_since(self, cursor: int) -> list[int] | None:
        """Return the minions of which something is left, or not, since a cursor; None: too many to remember."""
        return self._of.changed_since(cursor)

    def minions_changed_since(self, statics: int) -> list[int] | None:
        """Return the minions that changed themselves since ``statics`` was so; None: too many to remember."""
        return self._of.minions_changed_since(statics)

    def column(self, resource: str) -> int:
        """Return the column of a resource."""
        return self._of.column(resource)

    def topology(self, key: str) -> Topology:
        """Return the places of a label."""
        return self._of.topology(key)

    def pods_that_match(
        self, namespaces: tuple[str, ...], selectors: tuple[Selector, ...], *, terminating: bool
    ) -> Tally:
        """Return how many pods in one of the namespaces match all selectors."""
        return self._of.pods_that_match(namespaces, selectors, terminating=terminating)

    def carried(self, kind: str, pod: PodClass) -> Sequence[tuple[PodTerm, Tally]]:
        """Return the terms of pods on minions that speak of a pod, and how much of each there is."""
        return self._of.carried(kind, pod)

    def owners(self, namespace: str) -> Sequence[Owner]:
        """Return the objects of a namespace that select pods."""
        return self._of.owners(namespace)

    def image_bytes(self, image: str) -> Ints:
        """Return how large an image is on each minion, 0 where it is not: int64 (N,)."""
        return self._of.image_bytes(image)

    def image_spread(self, image: str) -> int:
        """Return how many minions have an image."""
        return self._of.image_spread(image)
