"""The processes of every minion: how many each container has, and who may have how many more.

A pod's pids.max is that of its cap, else its kubelet's; a container may have one of its own; pid_max and threads-max
are the kernel's (models/kernel/processes.py). Changes are told by the verbs here; nothing is polled.

Simplified: containers that do not say how many processes they have count for none; the system has a number that stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from models.api.kernels import default_pid_max, default_threads_max, pids_limit
from models.api.types import MinionAsk
from models.kernel.processes import PidGroup, ProcessTable, Refusal
from models.machines.askers import Asker
from models.machines.cputasks import TaskKind

__all__ = ["SYSTEM_TASKS", "ProcessTask", "Processes"]

SYSTEM_TASKS: Final = 300
"""Tasks that a minion has of its own: kernel threads, daemons, the container engine. Assumed."""


class ProcessTask:
    """The processes of one container, from its start to its end.

    Attributes:
        asker: Whose they are.
        kind: What the kernel is told of it.
        group: Its cgroup.
        count: How many it has.
    """

    __slots__ = ("asker", "count", "group", "kind")

    def __init__(self, asker: Asker, kind: TaskKind, group: PidGroup) -> None:
        self.asker = asker
        self.kind = kind
        self.group = group
        self.count = 0


class _Minion:
    """The processes of one minion."""

    __slots__ = ("pods", "table")

    def __init__(self, table: ProcessTable) -> None:
        self.table = table
        self.pods: dict[int, tuple[PidGroup, int]] = {}  # and how many containers of it there are


class Processes:
    """The processes of all minions.

    Args:
        minions: By index.
        tell: Called with (whose they are, how many there are more) when there are more or fewer.
    """

    def __init__(self, minions: Sequence[MinionAsk], tell: Callable[[Asker, int], None]) -> None:
        self._asks = minions
        self._tell = tell
        self._minions: dict[int, _Minion] = {}

    def ask(self, minion: int) -> MinionAsk:
        """Return what a minion is."""
        return self._asks[minion]

    def table(self, minion: int) -> ProcessTable:
        """Return the table of a minion's kernel."""
        return self._of(minion).table

    def _of(self, minion: int) -> _Minion:
        found = self._minions.get(minion)
        if found is None:
            ask, kernel = self._asks[minion], self._asks[minion].kernel
            table = ProcessTable(
                pid_max=kernel.pid_max or default_pid_max(math.ceil(ask.cpu_millicores / 1000)),
                threads_max=kernel.threads_max or default_threads_max(ask.memory_bytes),
                system_tasks=SYSTEM_TASKS,
            )
            found = self._minions[minion] = _Minion(table)
        return found

    def begin(self, asker: Asker, kind: TaskKind) -> ProcessTask:
        """Let a container have processes from now on, none yet."""
        minion, containers = self._of(asker.minion), kind.containers
        pod, count = minion.pods.get(asker.pod, (None, 0))
        if pod is None:
            kubelets = self._asks[asker.minion].kernel.pod_pids
            pod = PidGroup("pod", limit=pids_limit(kubelets if containers.pids is None else containers.pids))
        minion.pods[asker.pod] = pod, count + 1
        raw = kind.spec.raw
        return ProcessTask(asker, kind, PidGroup(kind.name, pod, pids_limit(raw.pids), raw.pid_max))

    def end(self, task: ProcessTask) -> None:
        """Let a container's processes be gone: the first of its PID namespace is, and takes all with it."""
        minion = self._of(task.asker.minion)
        minion.table.end(task.group, task.count)
        self._tell(task.asker, -task.count)
        task.count = 0
        pod, count = minion.pods[task.asker.pod]
        if count > 1:
            minion.pods[task.asker.pod] = pod, count - 1
        else:
            del minion.pods[task.asker.pod]

    def fork(self, task: ProcessTask, count: int) -> Refusal | None:
        """Let a container have so many processes more, as far as it may; returns what refused it one of them."""
        started, refused = self._of(task.asker.minion).table.fork(task.group, count)
        task.count += started
        self._tell(task.asker, started)
        return refused

    def shrink(self, task: ProcessTask, count: int) -> None:
        """Let some of a container's processes be gone, not all."""
        assert count < task.count, "its first one stays"
        self._of(task.asker.minion).table.end(task.group, count)
        task.count -= count
        self._tell(task.asker, -count)

    def room(self, task: ProcessTask) -> tuple[int, Refusal, str]:
        """Return how many processes more a container may have, which limit ends that, and the limit in words."""
        table = self._of(task.asker.minion).table
        room, limit, group = table.room(task.group)
        if group is not None:
            whose = "pod" if group.parent is None else "container"
            return (
                room,
                limit,
                f"{limit} {group.limit if limit == 'pids.max' else group.pid_max} of its {whose}",
            )
        value = table.threads_max if limit == "threads-max" else table.pid_max
        return room, limit, f"{limit} {value} of its minion"
