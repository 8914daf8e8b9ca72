"""A tree of groups laid flat, with chains of only children made one: what sharing walks through.

A group with one child gets what its child gets, so it is no node of its own: the weight is the topmost's, the cap the
least, and so the quota, as long as all in the chain are refilled at the same moments.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.kernel.cpugroups import CpuGroup, CpuQuota

__all__ = ["CpuTree"]


class CpuTree:
    """Nodes, parents before children.

    Args:
        root: All that runs.
        cores: Of the machine.

    Attributes:
        groups: In the order of ``walk``.
        node_of: The node that each group belongs to, by the group's index.
        chains: The groups of each node, topmost first.
        parents: Each node's; -1 of the root.
        children: Each node's, in order.
        inner: Those of the children that have children.
        weights: Each node's, against its siblings.
        wanted: What the threads of each node could use if nothing else ran, in cores.
        cpus: CPUs that each node without children may use.
        width: How many those are; of other nodes all.
        quotas: The quota of each node that has one.
        holders: Of each of these the groups whose quota that is: of a chain those with the least.
        is_narrow: Whether some may not use all.

    Raises:
        ValueError: No core, or a cpuset that has none of its parent's CPUs or one that the machine has not.
    """

    __slots__ = ("chains", "children", "cores", "cpus", "groups", "holders", "inner", "is_narrow", "node_of", "parents",
                 "quotas", "wanted", "weights", "width")  # fmt: skip

    def __init__(self, root: CpuGroup, cores: int) -> None:
        if cores < 1:
            raise ValueError(f"expected at least 1 core, not {cores}")
        self.cores = cores
        self.groups = tuple(root.walk())
        higher = _parents(root)
        within = _effective_cpus(self.groups, higher, cores)
        self.node_of: list[int] = []
        self.chains: list[list[int]] = []
        self.parents: list[int] = []
        self.quotas: dict[int, CpuQuota] = {}
        self.holders: dict[int, list[int]] = {}
        for index, parent in enumerate(higher):
            if parent >= 0 and self._is_one(index, parent):
                node = self.node_of[parent]
                self.chains[node].append(index)
            else:
                node = len(self.chains)
                self.chains.append([index])
                self.parents.append(self.node_of[parent] if parent >= 0 else -1)
            self.node_of.append(node)
            self._limit(node, index)
        self.children: list[list[int]] = [[] for _ in self.chains]
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                self.children[parent].append(node)
        self.inner = [[child for child in children if self.children[child]] for children in self.children]
        self.weights = [self.groups[chain[0]].weight for chain in self.chains]
        last = [chain[-1] for chain in self.chains]
        self.cpus = {node: within[last[node]] for node, below in enumerate(self.children) if not below}
        self.width = [len(self.cpus[node]) if node in self.cpus else cores for node in range(len(last))]
        self.wanted = [
            min(self.groups[each].threads, width) for each, width in zip(last, self.width, strict=True)
        ]
        self.is_narrow = any(len(mine) < cores for mine in self.cpus.values())

    def _is_one(self, index: int, parent: int) -> bool:
        """Whether a group is one node with its parent: its only child, with no quota of another period."""
        above, quota = self.quotas.get(self.node_of[parent]), self.groups[index].quota
        one_period = above is None or quota is None or above.period_us == quota.period_us
        return one_period and len(self.groups[parent].children) == 1

    def _limit(self, node: int, index: int) -> None:
        """Let the quota of a group hold for its node, where it is the least of the chain."""
        quota, least = self.groups[index].quota, self.quotas.get(node)
        if quota is None:
            return
        if least is None or quota.quota_us < least.quota_us:
            self.quotas[node], self.holders[node] = quota, [index]
        elif quota.quota_us == least.quota_us:
            self.holders[node].append(index)

    def wanted_within(self, node: int) -> float:
        """Return what all threads in a node could use if nothing else ran, in cores; more than there are, maybe."""
        total, todo = 0.0, [node]
        while todo:
            each = todo.pop()
            total += self.wanted[each]
            todo.extend(self.children[each])
        return total


def _parents(root: CpuGroup) -> list[int]:
    """The index of each group's parent, in the order of ``walk``."""
    found: list[int] = []
    todo = [(root, -1)]
    while todo:
        group, parent = todo.pop()
        todo.extend((child, len(found)) for child in reversed(group.children))
        found.append(parent)
    return found


def _effective_cpus(groups: Sequence[CpuGroup], parents: Sequence[int], cores: int) -> list[frozenset[int]]:
    every = frozenset(range(cores))
    found: list[frozenset[int]] = []
    for group, parent in zip(groups, parents, strict=True):
        above = every if parent < 0 else found[parent]
        if group.cpus is not None and not group.cpus <= every:
            stranger = min(group.cpus - every)
            raise ValueError(f"'{group.name}': the machine has CPUs 0 to {cores - 1}, not {stranger}")
        cpus = above if group.cpus is None else above & group.cpus
        if not cpus:
            raise ValueError(f"'{group.name}': its cpuset has none of its parent's CPUs")
        found.append(cpus)
    return found
