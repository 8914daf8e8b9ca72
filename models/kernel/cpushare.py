"""Who gets how much of n cores: hierarchical weighted max-min, work-conserving, kept up to date change by change.

At each level what the parent gets is divided among its children by weight; who can use less than its part gets what it
can use, and the rest is divided among the others. What a group can use is bounded by its runnable threads (one thread
uses at most one core), its cap, and its CPUs (FACTS L2; the fluid limit of CFS and EEVDF, for which group scheduling
runs the same rule at each level: linux:kernel/sched/fair.c).

Claimed: the rates are the max-min ones exactly, up to rounding. Not modelled here: the time between two switches, and
threads that stay on one CPU while another is less loaded.

Cost of a change, with k children of a group: O(depth) where all get what they can use before and after; else the
groups whose own rate or members changed are divided again, O(k log k) each at worst and O(k) as a rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from models.kernel.cpugroups import CpuGroup
from models.kernel.cpusets import Cpusets
from models.kernel.cputree import CpuTree

__all__ = ["CpuShare", "max_min"]

_FRESH_EVERY: Final = 4096
Saved = tuple[list[float], list[float], list[float], list[float], list[float], list[bool]]


def max_min(root: CpuGroup, cores: int) -> tuple[float, ...]:
    """Return the cores of each group, parents before children as ``walk`` goes, with quotas as caps on the mean.

    Args:
        root: All that runs.
        cores: Of the machine, at least 1.

    Raises:
        ValueError: No core, or a cpuset that has none of its parent's CPUs or one that the machine has not.
    """
    share = CpuShare(CpuTree(root, cores))
    for index, group in enumerate(share.tree.groups):
        if group.quota is not None:
            share.set_cap(index, group.quota.cores)
    return tuple(share.rates())


class CpuShare:
    """Rates in a tree of groups whose demands and caps change. Groups are told by index, as ``CpuTree`` has them.

    Args:
        tree: The groups; no cap at first.
    """

    __slots__ = (
        "_caps",
        "_changes",
        "_cpusets",
        "_full",
        "_node_caps",
        "_order",
        "_own_caps",
        "_parts",
        "_rates",
        "_resorted",
        "_settled",
        "_stale",
        "_sums",
        "_touched",
        "_usable",
        "_valid",
        "tree",
    )

    def __init__(self, tree: CpuTree) -> None:
        self.tree = tree
        count = len(tree.parents)
        self._caps = [math.inf] * len(tree.groups)
        self._node_caps = [math.inf] * count
        self._own_caps = [math.inf] * count  # the same with nobody held
        self._resorted: list[int] = []
        self._parts = [0.0] * count  # what each group can use, over its weight
        self._usable = [0.0] * count
        self._sums = [0.0] * count
        self._rates = [0.0] * count
        self._settled = [-1.0] * count  # the rate that each group last divided
        self._full = [False] * count  # whether each child then got what it can use
        self._stale = [True] * count  # whether what a child can use changed since the order was made
        self._order = [list(children) for children in tree.children]
        self._touched: list[list[int]] = [[] for _ in range(count)]
        self._valid = False
        self._changes = 0
        self._cpusets = Cpusets(tree.cpus, tree.weights, tree.parents) if tree.is_narrow else None
        for node, wanted in enumerate(tree.wanted):
            self._usable[node] = wanted
        self._freshen()

    def set_wanted(self, index: int, cores: float) -> None:
        """Change what the threads of a group could use if nothing else ran; of a group without children."""
        node = self.tree.node_of[index]
        self.tree.wanted[node] = min(cores, self.tree.width[node])
        self._change(node)

    def set_cap(self, index: int, cores: float) -> None:
        """Change the most that all in a group may use; 0 stops it, ``inf`` is no cap."""
        node = self.tree.node_of[index]
        self._caps[index] = cores
        self._node_caps[node] = min([self._caps[each] for each in self.tree.chains[node]])
        self._own_caps[node] = self._node_caps[node]
        self._change(node)

    def save(self) -> Saved:
        """Return how things stand, so that :meth:`restore` can take back what is held and let go from now on."""
        self.node_rates()
        self._resorted.clear()
        return self._usable[:], self._sums[:], self._parts[:], self._rates[:], self._settled[:], self._full[:]

    def restore(self, saved: Saved) -> None:
        """Let things stand as they were saved, once; nothing but hold and let_go may have come between."""
        self._usable, self._sums, self._parts, self._rates, self._settled, self._full = saved
        for node in self._resorted:
            self._stale[node] = True
        for touched in self._touched:
            if touched:
                touched.clear()
        self._node_caps = self._own_caps[:]
        self._valid = True

    def hold(self, nodes: Sequence[int]) -> None:
        """Stop some nodes, all at once, until they are let go or things are restored."""
        # HOT: for each moment at which quotas run out.
        usable, sums, parents, caps = self._usable, self._sums, self.tree.parents, self._node_caps
        above: list[int] = []
        for node in nodes:
            caps[node] = 0.0
            before, usable[node] = usable[node], 0.0
            self._parts[node] = 0.0
            self._settled[node] = -1.0
            parent = parents[node]
            if parent >= 0:
                self._touched[parent].append(node)
                self._stale[parent] = True
                sums[parent] = max(0.0, sums[parent] - before)
                if parent not in above:
                    above.append(parent)
        self._valid = False
        self._carry_all(above)

    def let_go(self, nodes: Sequence[int]) -> None:
        """Let some nodes go that were held."""
        for node in nodes:
            self._node_caps[node] = self._own_caps[node]
        self._carry_all(list(nodes))

    def _carry_all(self, waiting: list[int]) -> None:
        """Carry changes up; children stand after their parents, so that each is done once if the last is done first."""
        while waiting:
            node = max(waiting)
            waiting.remove(node)
            parent = self._carry(node)
            if parent >= 0 and parent not in waiting:
                waiting.append(parent)

    def rates(self) -> list[float]:
        """Return the cores of each group."""
        rates = self.node_rates()
        return [rates[node] for node in self.tree.node_of]

    def node_rates(self) -> Sequence[float]:
        """Return the cores of each node of the tree; the list is the state's own and holds until the next change."""
        if not self._valid:
            if self._cpusets is None:
                self._settle()
            else:
                self._rates = self._cpusets.fill(self._usable, self._node_caps)
            self._valid = True
        return self._rates

    def _change(self, node: int) -> None:
        """Carry a change of a node's demand or cap up to the root."""
        self._changes += 1
        self._resorted.clear()
        if self._changes >= _FRESH_EVERY:
            self._freshen()
            return
        while node >= 0:
            node = self._carry(node)

    def _carry(self, node: int) -> int:
        """Let a node's parent know what it can use now; return the parent. HOT: what a change costs at each level."""
        tree = self.tree
        self._valid = False
        self._settled[node] = -1.0
        can, cap = (self._sums if tree.children[node] else tree.wanted)[node], self._node_caps[node]
        can = min(can, cap)
        before, self._usable[node] = self._usable[node], can
        parent = tree.parents[node]
        if parent >= 0:
            self._touched[parent].append(node)
            if can != before:
                self._parts[node] = can / tree.weights[node]
                self._stale[parent] = True
                self._sums[parent] = max(0.0, self._sums[parent] + (can - before))
        return parent

    def _freshen(self) -> None:
        """Make all sums anew: added and subtracted often they drift."""
        tree, usable = self.tree, self._usable
        self._valid, self._changes = False, 0
        for node in range(len(usable) - 1, -1, -1):
            children = tree.children[node]
            self._sums[node] = math.fsum(usable[child] for child in children)
            usable[node] = min(self._sums[node] if children else tree.wanted[node], self._node_caps[node])
            self._parts[node] = usable[node] / tree.weights[node]
            self._stale[node], self._full[node], self._settled[node] = True, False, -1.0
            self._touched[node] = list(children)

    def _settle(self) -> None:
        """Divide anew what is not divided as it should be. HOT: each group that is concerned, once."""
        usable, rates, settled, full = self._usable, self._rates, self._settled, self._full
        children, inner = self.tree.children, self.tree.inner
        rates[0] = min(usable[0], float(self.tree.cores))
        todo = [0] if children[0] else []
        while todo:
            node = todo.pop()
            rate, touched = rates[node], self._touched[node]
            settled[node] = rate
            if self._sums[node] <= rate:
                changed = touched if full[node] else children[node]
                full[node] = True
                for child in changed:
                    rates[child] = usable[child]
                if inner[node]:
                    todo += [child for child in changed if children[child]]
            else:
                full[node] = False
                self._divide(node, rate)
                if inner[node]:
                    for child in touched:
                        settled[child] = -1.0
                    todo += [child for child in inner[node] if rates[child] != settled[child]]
            if touched:
                touched.clear()

    def _divide(self, node: int, left: float) -> None:
        """Divide what a group gets among its children, which can use more."""
        usable, rates, weights, order = self._usable, self._rates, self.tree.weights, self._order[node]
        if len(order) == 2:  # HOT: most pods that are divided at all
            one, other = order
            part = left * weights[one] / (weights[one] + weights[other])
            if part > usable[one]:
                part = usable[one]
            elif left - part > usable[other]:
                part = left - usable[other]
            rates[one], rates[other] = part, left - part
            return
        if self._stale[node]:
            order.sort(key=self._parts.__getitem__)
            self._resorted.append(node)
            self._sums[node] = math.fsum(map(usable.__getitem__, order))
            self._stale[node] = False
        # What each and those after it weigh together.
        heavier = list(accumulate(map(weights.__getitem__, reversed(order))))
        heavier.reverse()
        for place, child in enumerate(order):
            can = usable[child]
            if can * heavier[place] > left * weights[child]:
                # This one and all after it can use more than their parts.
                level = left / heavier[place]
                for each in order[place:]:
                    rates[each] = level * weights[each]
                return
            rates[child] = can
            left -= can
