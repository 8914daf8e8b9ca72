"""Sharing cores where groups may use some CPUs only: progressive filling within what the CPUs can carry.

Rates can be carried by the CPUs if for every set U of CPUs the groups that may use no CPU outside U ask for no more
than |U| (Hall's condition for a fluid; a thread on no two CPUs at once: McNaughton, Management Science 6(1), 1959).
Of those sets only unions of cpusets that hang together matter. All rates grow from 0, divided at each level by weight
among those that can still grow; who meets its cap, or a set that is full, stops. With all CPUs for all this is what
``cpushare`` finds at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["Cpusets"]

_MOST_UNIONS: Final = 4096
_FULL: Final = 1e-12


class Cpusets:
    """The CPUs that each group with threads may use.

    Args:
        cpus: By the group's index.
        weights: Of each group against its siblings; groups stand after their parents.
        parents: Index of each group's parent; -1 of the root.

    Raises:
        ValueError: So many cpusets overlap that there are more than 4,096 unions of them.
    """

    __slots__ = ("_below", "_bounds", "_leaves", "_parents", "_weights")

    def __init__(
        self, cpus: Mapping[int, frozenset[int]], weights: Sequence[float], parents: Sequence[int]
    ) -> None:
        self._leaves = tuple(cpus)
        self._weights, self._parents = weights, parents
        self._below = _leaves_below(self._leaves, parents)
        unions = _connected_unions(sorted(dict.fromkeys(cpus.values()), key=sorted))
        self._bounds = [
            (float(len(union)), [leaf for leaf, mine in cpus.items() if mine <= union]) for union in unions
        ]

    def fill(self, usable: Sequence[float], caps: Sequence[float]) -> list[float]:
        """Return the cores that each group gets.

        Args:
            usable: What each could use without the others, in cores.
            caps: The most that all in a group may use.
        """
        parents = self._parents
        rates = [0.0] * len(usable)
        growing = {leaf for leaf in self._leaves if usable[leaf] > 0.0}
        bounds = [(most, members) for most, members in self._bounds if members]
        bounds += [(cap, members) for cap, members in zip(caps, self._below, strict=True) if cap < math.inf]
        bounds += [(usable[leaf], [leaf]) for leaf in self._leaves]
        while growing:
            speeds = _speeds(growing, self._weights, parents)
            step = math.inf
            for most, members in bounds:
                speed = sum(speeds[member] for member in members)
                if speed > 0.0:
                    step = min(step, (most - sum(rates[member] for member in members)) / speed)
            for leaf in self._leaves:
                rates[leaf] += max(0.0, step) * speeds[leaf]
            for most, members in bounds:
                if sum(rates[member] for member in members) >= most - _FULL * max(1.0, most):
                    growing.difference_update(members)
        for index in range(len(rates) - 1, 0, -1):
            rates[parents[index]] += rates[index]
        return rates


def _speeds(growing: set[int], weights: Sequence[float], parents: Sequence[int]) -> list[float]:
    """By group, how fast it grows: 1 in all, divided at each level by weight among those in which something grows."""
    alive = [False] * len(parents)
    for leaf in sorted(growing):
        index = leaf
        while index >= 0 and not alive[index]:
            alive[index] = True
            index = parents[index]
    sums = [0.0] * len(parents)
    for index, parent in enumerate(parents):
        if parent >= 0 and alive[index]:
            sums[parent] += weights[index]
    speeds = [0.0] * len(parents)
    speeds[0] = 1.0
    for index, parent in enumerate(parents):
        if parent >= 0 and alive[index]:
            speeds[index] = speeds[parent] * weights[index] / sums[parent]
    return speeds


def _leaves_below(leaves: Sequence[int], parents: Sequence[int]) -> list[list[int]]:
    below: list[list[int]] = [[] for _ in parents]
    for leaf in leaves:
        index = leaf
        while index >= 0:
            below[index].append(leaf)
            index = parents[index]
    return below


def _connected_unions(sets: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Return every union of some of the sets that hang together by common members; the sets among them."""
    unions = list(sets)
    known = set(unions)
    for union in unions:  # grows while it is walked
        for each in sets:
            wider = union | each
            if each & union and wider not in known:
                if len(unions) >= _MOST_UNIONS:
                    raise ValueError(f"more than {_MOST_UNIONS:,} unions of overlapping cpusets")
                known.add(wider)
                unions.append(wider)
    return unions
