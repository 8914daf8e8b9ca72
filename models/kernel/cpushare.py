"""Who gets how much of n cores: hierarchical weighted max-min, work-conserving.

At each level what the parent gets is divided among its children by weight; who can use less than its part gets what it
can use, and the rest is divided among the others. What a group can use is bounded by its runnable threads (one thread
uses at most one core), its cap, and its CPUs (FACTS L2; the fluid limit of CFS and EEVDF, for which group scheduling
runs the same rule at each level: linux:kernel/sched/fair.c).

Claimed: the rates are the max-min ones exactly, up to rounding. Not modelled here: the time between two switches, and
threads that stay on one CPU while another is less loaded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.kernel.cpugroups import CpuGroup
from models.kernel.cpusets import Cpusets

__all__ = ["FlatGroups", "max_min"]


def max_min(root: CpuGroup, cores: int) -> tuple[float, ...]:
    """Return the cores of each group, parents before children as ``walk`` goes, with quotas as caps on the mean.

    Args:
        root: All that runs.
        cores: Of the machine, at least 1.
    """
    flat = FlatGroups(root, cores)
    caps = [group.quota.cores if group.quota else math.inf for group in flat.groups]
    return tuple(flat.share(flat.wanted, caps))


class FlatGroups:
    """A tree of groups as lists, parents before children, for sharing again and again with other demands.

    Args:
        root: All that runs.
        cores: Of the machine.

    Attributes:
        groups: In order of ``walk``.
        wanted: What the threads of each could use if nothing else ran, in cores.
        parents: Index of each group's parent; -1 of the root.

    Raises:
        ValueError: No core, or a cpuset that has none of its parent's CPUs or one that the machine has not.
    """

    __slots__ = ("_children", "_cpusets", "_inner", "cores", "groups", "parents", "wanted", "weights")

    def __init__(self, root: CpuGroup, cores: int) -> None:
        if cores < 1:
            raise ValueError(f"expected at least 1 core, not {cores}")
        self.cores = cores
        self.groups = tuple(root.walk())
        self.weights = [group.weight for group in self.groups]
        self.parents: list[int] = [-1] * len(self.groups)
        self._children: list[list[int]] = [[] for _ in self.groups]
        self._link()
        self._inner = [index for index, below in enumerate(self._children) if below]
        within = _effective_cpus(self.groups, self.parents, cores)
        self.wanted = [min(group.threads, len(cpus)) for group, cpus in zip(self.groups, within, strict=True)]
        leaves = [index for index, below in enumerate(self._children) if not below]
        narrow = any(len(within[leaf]) < cores for leaf in leaves)
        self._cpusets = Cpusets({leaf: within[leaf] for leaf in leaves}) if narrow else None

    def _link(self) -> None:
        index, todo = 0, [(self.groups[0], -1)]
        while todo:
            group, parent = todo.pop()
            self.parents[index] = parent
            if parent >= 0:
                self._children[parent].append(index)
            todo.extend((child, index) for child in reversed(group.children))
            index += 1

    def share(self, wanted: Sequence[float], caps: Sequence[float]) -> list[float]:
        """Return the cores that each group gets.

        Args:
            wanted: By group, what its own threads could use, in cores.
            caps: By group, the most that all in it may use, in cores.
        """
        usable, parents = list(map(min, wanted, caps)), self.parents
        sums = [0.0] * len(usable)
        for index in range(len(usable) - 1, 0, -1):
            if self._children[index]:
                usable[index] = min(sums[index], caps[index])
            sums[parents[index]] += usable[index]
        if self._children[0]:
            usable[0] = min(sums[0], caps[0])
        if self._cpusets is not None:
            return self._cpusets.fill(usable, caps, self.weights, self.parents)
        rates = usable
        rates[0] = min(usable[0], float(self.cores))
        for index in self._inner:
            if sums[index] > rates[index]:
                self._divide(rates, index)
        return rates

    def wanted_within(self, index: int) -> float:
        """Return what all threads in a group could use if nothing else ran, in cores; more than there are, maybe."""
        total, todo = 0.0, [index]
        while todo:
            each = todo.pop()
            total += self.wanted[each]
            todo.extend(self._children[each])
        return total

    def _divide(self, rates: list[float], parent: int) -> None:
        """Divide what a group gets among its children, whose ``rates`` are what they can use, and which want more."""
        weights, left = self.weights, rates[parent]
        children = [child for child in self._children[parent] if rates[child] > 0.0]
        children.sort(key=lambda child: rates[child] / weights[child])
        weight = math.fsum(weights[child] for child in children)
        for place, child in enumerate(children):
            mine = weights[child]
            if rates[child] * weight > left * mine:
                # This one and all after it can use more than their parts.
                level = left / weight
                for each in children[place:]:
                    rates[each] = min(rates[each], level * weights[each])
                return
            left -= rates[child]
            weight -= mine


def _effective_cpus(groups: Sequence[CpuGroup], parents: Sequence[int], cores: int) -> list[frozenset[int]]:
    found: list[frozenset[int]] = []
    for group, parent in zip(groups, parents, strict=True):
        above = frozenset(range(cores)) if parent < 0 else found[parent]
        if group.cpus is not None and not group.cpus <= frozenset(range(cores)):
            stranger = min(group.cpus - frozenset(range(cores)))
            raise ValueError(f"'{group.name}': the machine has CPUs 0 to {cores - 1}, not {stranger}")
        cpus = above if group.cpus is None else above & group.cpus
        if not cpus:
            raise ValueError(f"'{group.name}': its cpuset has none of its parent's CPUs")
        found.append(cpus)
    return found
