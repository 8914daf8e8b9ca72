"""What the containers of one minion get of its CPUs: their cgroups, as its kubelet makes them, held against the kernel.

The tree is made anew when containers come or go; when one only wants another amount the same tree is shared again.
Who is told nothing of (cap ``none``) has no cgroup: its threads stand beside the pods' group, one by one.

Simplified: pods that do not say what they use count for nothing, in the weight of their class neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from models.api.kernels import CgroupVersion
from models.kernel.cgroups import Cgroup, cpu_groups
from models.kernel.cgrouptrees import PodOnMinion, kubelet_tree
from models.kernel.cpugroups import THREAD_WEIGHT, CpuGroup, CpuQuota
from models.kernel.cpuperiod import CpuPeriods
from models.kernel.cpushare import CpuShare
from models.kernel.cputree import CpuTree
from models.machines.cputasks import CpuTask

__all__ = ["CpuSharing"]

Share = tuple[float, float]
"""(cores, share of the time throttled)"""


class _Cgroups:
    """The cgroups of a minion, for these tasks."""

    __slots__ = ("_nodes", "_peaks", "_periods", "_places", "_share", "loose", "tasks")

    def __init__(self, tasks: list[CpuTask], root: CpuGroup, cores: float) -> None:
        tree = CpuTree(root, math.ceil(cores))
        self.tasks = tasks
        self.loose = _loose_threads(tasks)
        self._share = CpuShare(tree)
        self._periods = CpuPeriods(self._share)
        self._places = _places(root, tasks)
        self._nodes = [tree.node_of[places[0]] for places in self._places]
        self._peaks = [-1.0] * len(tasks)

    def shares(self, cores: float) -> list[Share]:
        """Return what each task gets."""
        peaks = self._peaks
        for number, task in enumerate(self.tasks):
            peak = task.peak(cores)
            if peak != peaks[number]:
                peaks[number] = peak
                self._share.set_wanted(self._places[number][0], peak)
        segments = self._periods.segments()
        if len(segments) == 1:
            rates = segments[0].rates
            return [(rates[node], 0.0) for node in self._nodes]
        whole = self._periods.horizon_us
        got = [0.0] * len(peaks)
        held: dict[int, float] = {}
        for segment in segments:
            part, rates = (segment.end_us - segment.start_us) / whole, segment.rates
            for number, node in enumerate(self._nodes):
                got[number] += rates[node] * part
            for index in segment.held:
                held[index] = held.get(index, 0.0) + part
        return [
            (rate, max([held.get(place, 0.0) for place in places]))
            for rate, places in zip(got, self._places, strict=True)
        ]


class CpuSharing:
    """The CPUs of all minions.

    Args:
        cores: Of each minion.
        allocatable_millicores: Of each minion, which is the weight of its pods against its own daemons.
        versions: Of each minion's cgroups.
    """

    def __init__(
        self,
        cores: Sequence[float],
        allocatable_millicores: Sequence[int],
        versions: Sequence[CgroupVersion],
    ) -> None:
        self._cores = cores
        self._versions = versions
        self._allocatable_millicores = allocatable_millicores
        self._cgroups: dict[int, _Cgroups] = {}

    def shares(self, minion: int, tasks: list[CpuTask]) -> list[Share]:
        """Return what each task gets: (cores, share of the time for which a quota holds it)."""
        cgroups = self._cgroups.get(minion)
        if cgroups is None or cgroups.tasks != tasks or cgroups.loose != _loose_threads(tasks):
            cgroups = self._cgroups[minion] = self._make(minion, tasks)
        return cgroups.shares(self._cores[minion])

    def _make(self, minion: int, tasks: list[CpuTask]) -> _Cgroups:
        cores = self._cores[minion]
        pods: dict[int, CpuTask] = {}
        for task in tasks:
            if task.kind.cap != "none":
                pods.setdefault(task.asker.pod, task)
        cgroups = kubelet_tree(
            [PodOnMinion(str(pod), task.kind.containers, task.kind.init_index) for pod, task in pods.items()],
            allocatable_millicores=self._allocatable_millicores[minion],
        )
        by_shares = {f"pod-{pod}" for pod, task in pods.items() if task.kind.cap == "shares"}
        root = cpu_groups(_without_quota(cgroups, by_shares, within=False), {}, self._versions[minion])
        loose = tuple(
            CpuGroup(f"{task.asker.pod}/{task.kind.place}", THREAD_WEIGHT * task.threads)
            for task in tasks
            if task.kind.cap == "none"
        )
        # A minion with a part of a core has the whole core, a part of the time.
        quota = None if cores == int(cores) else CpuQuota(max(1_000, round(cores * 100_000)))
        return _Cgroups(tasks, replace(root, children=(*root.children, *loose), quota=quota), cores)


def _loose_threads(tasks: Sequence[CpuTask]) -> list[int]:
    """Return the threads of those that have no cgroup: each of them weighs."""
    return [task.threads for task in tasks if task.kind.cap == "none"]


def _without_quota(cgroup: Cgroup, names: set[str], *, within: bool) -> Cgroup:
    """Return a tree in which these groups, and all in them, have no quota."""
    within = within or cgroup.name in names
    children = tuple(_without_quota(child, names, within=within) for child in cgroup.children)
    return replace(cgroup, quota=None if within else cgroup.quota, children=children)


def _places(root: CpuGroup, tasks: Sequence[CpuTask]) -> list[tuple[int, ...]]:
    """Return of each task its own group and its pod's, by their place in the tree."""
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    todo = [(root, -1, "")]
    number = 0
    while todo:  # in the order of walk()
        group, parent, above = todo.pop()
        found[above, group.name] = (number, parent) if parent >= 0 else (number,)
        todo.extend((child, number, group.name) for child in reversed(group.children))
        number += 1
    return [
        found["root", f"{task.asker.pod}/{task.kind.place}"][:1]
        if task.kind.cap == "none"
        else found[f"pod-{task.asker.pod}", task.kind.name]
        for task in tasks
    ]
