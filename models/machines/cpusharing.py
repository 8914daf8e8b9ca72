"""What the containers of one minion get of its CPUs: their cgroups, as its kubelet makes them, held against the kernel.

The tree is made anew when containers come or go, with what is spent of their quotas in the period that goes on; when
one only wants another amount the same tree is shared again.
Who is told nothing of (cap ``none``) has no cgroup: its threads stand beside the pods' group, one by one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from models.api.kernels import CgroupVersion
from models.kernel.cgroups import Cgroup, cpu_groups
from models.kernel.cgrouptrees import PodOnMinion, kubelet_tree
from models.kernel.cpuclocks import make_clock
from models.kernel.cpugroups import THREAD_WEIGHT, CpuGroup, CpuQuota
from models.machines.cputasks import CpuTask

__all__ = ["CpuSharing", "Share", "SharedCpus", "places_of"]

_INF = math.inf
Share = tuple[float, float]
"""(cores, share of the time throttled)"""


class SharedCpus:
    """The CPUs of a minion that are shared by these tasks.

    Args:
        tasks: In order of start.
        root: Their groups.
        cpus: How many the minion has, each the whole of the time or a part of it, as the root's quota says.
        burstable_millicores: By which they were made.
    """

    __slots__ = (
        "_burstable_millicores",
        "_clock",
        "_cpus",
        "_loose",
        "_own",
        "_place_of",
        "_places",
        "_pods",
        "_task_at",
        "tasks",
    )

    def __init__(self, tasks: list[CpuTask], root: CpuGroup, cpus: int, burstable_millicores: int) -> None:
        self.tasks = tasks
        self._burstable_millicores = burstable_millicores
        self._loose = _loose_threads(tasks)
        self._cpus = float(cpus)
        self._clock = make_clock(root, cpus)
        places = places_of(root, tasks)
        self._own = [own for own, _ in places]
        self._pods = [
            (number, pod)
            for number, (_, pod) in enumerate(places)
            if pod is not None and self._is_limited(pod)
        ]
        self._places = [*self._own, *(pod for _, pod in self._pods)]
        self._task_at = dict(zip(self._own, tasks, strict=True))
        self._place_of = dict(zip(tasks, self._own, strict=True))

    def _is_limited(self, index: int) -> bool:
        """Whether a pod has a quota that may hold its containers before their own do."""
        tree = self._clock.tree
        return tree.node_of[index] in tree.quotas and not any(
            tree.node_of[own] == tree.node_of[index] for own in self._own
        )

    def is_of(self, tasks: Sequence[CpuTask], burstable_millicores: int) -> bool:
        """Whether it is made for such tasks."""
        is_same = self.tasks == tasks and self._burstable_millicores == burstable_millicores
        return is_same and self._loose == _loose_threads(tasks)

    def begin(self, now_s: float) -> None:
        """Begin to share; the tasks have been settled, and this keeps their accounts from now on."""
        clock = self._clock
        spent_s: dict[int, float] = {}
        for place, task in zip(self._own, self.tasks, strict=True):
            spent_s[place] = task.spent_s
        for number, pod in self._pods:
            spent_s[pod] = spent_s.get(pod, 0.0) + self.tasks[number].spent_s
        clock.restart(now_s, spent_s)
        pod_of: dict[int, int] = dict(self._pods)
        for number, (place, task) in enumerate(zip(self._own, self.tasks, strict=True)):
            if task.left_s < _INF:
                clock.give_work(now_s, place, task.left_s, task.peak(self._cpus))
            else:
                clock.set_threads(now_s, place, task.peak(self._cpus))
            above = pod_of.get(number)
            task.run_among(partial(self._account, (place,) if above is None else (place, above)))

    def want(self, now_s: float, task: CpuTask) -> None:
        """Let a task want what it wants now. HOT."""
        self._clock.set_threads(now_s, self._place_of[task], task.peak(self._cpus))

    def take_ended(self, now_s: float) -> list[CpuTask]:
        """Return whose work has ended by now."""
        return [self._task_at[place] for place in self._clock.take_ended(now_s)]

    @property
    def next_end_s(self) -> float:
        """When the next work ends, as things are."""
        return self._clock.next_end_s

    def shares(self) -> list[Share]:
        """Return what each task gets."""
        found = self._clock.means(self._places)
        count = len(self._own)
        for (number, _), (_, held) in zip(self._pods, found[count:], strict=True):
            found[number] = found[number][0], max(found[number][1], held)
        return found[:count]

    def _account(self, places: tuple[int, ...], now_s: float) -> tuple[float, float, float, float]:
        """What a task has had since the beginning, and of its quota in this period."""
        rows = self._clock.account(now_s, places)
        used_s, _, left_s = rows[0]
        return (
            used_s,
            max([held_s for _, held_s, _ in rows]),
            left_s,
            self._clock.spent_core_s(now_s, places[0]),
        )


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
        self._cores = list(cores)
        self._cpus = [math.ceil(each) for each in cores]
        self._versions = versions
        self._allocatable_millicores = allocatable_millicores
        self._made: dict[int, SharedCpus] = {}

    def set_cores(self, minion: int, cores: float) -> None:
        """Let a minion have so many cores from now on, of as many CPUs: what was made for it is not of use any more."""
        self._cores[minion] = cores
        self._made.pop(minion, None)

    def of(self, minion: int, tasks: list[CpuTask], burstable_millicores: int) -> SharedCpus:
        """Return the CPUs of a minion for the tasks that run there, to begin anew; what was made last is kept.

        Args:
            minion: Its index.
            tasks: In order of start.
            burstable_millicores: What all its pods of class Burstable request, those too of which no task is known.
        """
        found = self._made.get(minion)
        if found is None or not found.is_of(tasks, burstable_millicores):
            root = self.groups(minion, tasks, burstable_millicores)
            found = self._made[minion] = SharedCpus(tasks, root, self._cpus[minion], burstable_millicores)
        return found

    def groups(self, minion: int, tasks: Sequence[CpuTask], burstable_millicores: int = 0) -> CpuGroup:
        """Return the groups that tasks make on a minion, without their threads; arguments as of :meth:`of`."""
        cores = self._cores[minion]
        pods: dict[int, CpuTask] = {}
        for task in tasks:
            if task.kind.cap != "none":
                pods.setdefault(task.asker.pod, task)
        cgroups = kubelet_tree(
            [PodOnMinion(str(pod), task.kind.containers, task.kind.init_index) for pod, task in pods.items()],
            allocatable_millicores=self._allocatable_millicores[minion],
            burstable_millicores=burstable_millicores,
        )
        by_shares = {f"pod-{pod}" for pod, task in pods.items() if task.kind.cap == "shares"}
        if by_shares:
            cgroups = _without_quota(cgroups, by_shares, within=False)
        there = self._cpus[minion]
        if any(task.kind.cpus is not None and max(task.kind.cpus) >= there for task in tasks):
            cgroups = _within_machine(cgroups, frozenset(range(there)))
        root = cpu_groups(cgroups, {}, self._versions[minion])
        loose = tuple(
            CpuGroup(f"{task.asker.pod}/{task.kind.place}", THREAD_WEIGHT * task.threads)
            for task in tasks
            if task.kind.cap == "none"
        )
        # Who has a part of a CPU has the whole of it a part of the time.
        quota = None if cores == self._cpus[minion] else CpuQuota(max(1_000, round(cores * 100_000)))
        return replace(root, children=(*root.children, *loose), quota=quota)


def _loose_threads(tasks: Sequence[CpuTask]) -> list[int]:
    """Return the threads of those that have no cgroup: each of them weighs."""
    return [task.threads for task in tasks if task.kind.cap == "none"]


def _within_machine(cgroup: Cgroup, there: frozenset[int]) -> Cgroup:
    """Return a tree with the CPUs that groups have in effect: of those asked for that there are, else all."""
    cpus = None if cgroup.cpus is None else (cgroup.cpus & there) or None
    return replace(
        cgroup, cpus=cpus, children=tuple(_within_machine(each, there) for each in cgroup.children)
    )


def _without_quota(cgroup: Cgroup, names: set[str], *, within: bool) -> Cgroup:
    """Return a tree in which these groups, and all in them, have no quota."""
    within = within or cgroup.name in names
    children = tuple(_without_quota(child, names, within=within) for child in cgroup.children)
    return replace(cgroup, quota=None if within else cgroup.quota, children=children)


def places_of(root: CpuGroup, tasks: Sequence[CpuTask]) -> list[tuple[int, int | None]]:
    """Return of each task its own group and its pod's, by their place in the tree; None where it has no cgroup."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    todo = [(root, -1, "")]
    number = 0
    while todo:  # in the order of walk()
        group, parent, above = todo.pop()
        found[above, group.name] = number, parent
        todo.extend((child, number, group.name) for child in reversed(group.children))
        number += 1
    return [
        (found["root", f"{task.asker.pod}/{task.kind.place}"][0], None)
        if task.kind.cap == "none"
        else found[f"pod-{task.asker.pod}", task.kind.name]
        for task in tasks
    ]
