"""The CPUs of every minion, shared by the containers that say what they use: rates between changes, one timer a minion.

What a container gets changes only when some container of its minion comes, goes or wants another amount. Where all
together never use more cores than there are, each gets what it can use and its neighbours are not looked at; else, and
where some may use certain CPUs only, the minion's shares are worked out anew (models.kernel). Containers that say
nothing of what they use take nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from models.machines.cpuseries import CpuSeries
from models.machines.cputasks import CpuTask
from sim.engine import TRUTH, Deadline, Engine

__all__ = ["Kernels", "Share", "Sharing"]

_INF = math.inf
_ROUNDING = 1e-10
"""Cores by which a sum may be off: it is no contention."""
Share = tuple[float, float]
"""(cores, share of the time throttled)"""
Sharing = Callable[[int, list[CpuTask]], Sequence[Share]]
"""What each of a minion's tasks gets: (the minion's index, its tasks) -> a share each."""


class _Cpus:
    """The CPUs of one minion."""

    __slots__ = ("contended", "cores", "deadline", "finite", "peak", "pinned", "tasks")

    def __init__(self, cores: float, deadline: Deadline) -> None:
        self.cores = cores
        self.deadline = deadline
        self.tasks: dict[CpuTask, None] = {}
        self.peak = 0.0
        self.finite = 0
        self.pinned = 0
        self.contended = False


class Kernels:
    """What runs on the CPUs of all minions.

    Args:
        cores: Of each minion.
        sharing: Works out what the tasks of a minion get.
        series: Where that is told.
    """

    def __init__(self, engine: Engine, cores: Sequence[float], sharing: Sharing, series: CpuSeries) -> None:
        self._engine = engine
        self._env = engine.env
        self._cores = cores
        self._sharing = sharing
        self._tell = series.tell
        self._minions: dict[int, _Cpus] = {}
        self.solved = 0
        """How often the shares of a minion were worked out."""

    def tasks(self, minion: int) -> list[CpuTask]:
        """Return what uses the CPUs of a minion, in order of start."""
        found = self._minions.get(minion)
        return [] if found is None else list(found.tasks)

    def begin(self, task: CpuTask) -> None:
        """Let a container run from now on."""
        minion = task.asker.minion
        cpus = self._minions.get(minion)
        if cpus is None:
            deadline = Deadline(self._engine, TRUTH, lambda: self._due(minion))
            cpus = self._minions[minion] = _Cpus(self._cores[minion], deadline)
        task.since_s = self._env._now
        cpus.tasks[task] = None
        cpus.finite += task.left_s < _INF
        cpus.pinned += task.kind.cpus is not None
        self._changed(cpus, task, 0.0)

    def want(self, task: CpuTask, wanted: float, threads: int) -> None:
        """Let a container that runs want another number of cores from now on, with so many threads."""
        cpus = self._minions[task.asker.minion]
        before = task.peak(cpus.cores)
        task.settle(self._env._now)
        task.wanted, task.threads = wanted, threads
        self._changed(cpus, task, before)

    def end(self, task: CpuTask) -> None:
        """Let a container run no more."""
        cpus = self._minions[task.asker.minion]
        task.settle(self._env._now)
        del cpus.tasks[task]
        cpus.finite -= task.left_s < _INF
        cpus.pinned -= task.kind.cpus is not None
        cpus.peak = cpus.peak - task.peak(cpus.cores) if cpus.tasks else 0.0
        task.rate = task.throttled = 0.0
        self._tell(task, 0.0, 0.0)
        if cpus.contended:
            self._share(cpus)
        elif task.left_s < _INF:
            self._arm(cpus)

    def _changed(self, cpus: _Cpus, task: CpuTask, before: float) -> None:
        """Take into account what one task can use now."""
        cpus.peak += task.peak(cpus.cores) - before
        if cpus.contended or cpus.pinned or cpus.peak > cpus.cores + _ROUNDING:
            self._share(cpus)
        else:  # HOT: nobody is short, so nobody else is concerned
            was = task.rate, task.throttled
            task.run_alone(cpus.cores)
            self._tell(task, min(task.wanted, task.threads), task.rate)
            if task.on_rates is not None and was != (task.rate, task.throttled):
                task.on_rates()
            if task.left_s < _INF:  # when the others are done has not changed
                self._arm(cpus)

    def _share(self, cpus: _Cpus) -> None:
        """Work out what each task gets."""
        tasks, now_s = list(cpus.tasks), self._env._now
        if not tasks:
            cpus.contended = False
            self._arm(cpus)
            return
        # Anew each time: what is added and taken away again leaves roundings behind.
        cpus.peak = sum([task.peak(cpus.cores) for task in tasks])
        cpus.contended = cpus.pinned > 0 or cpus.peak > cpus.cores + _ROUNDING
        self.solved += 1
        shares = self._sharing(tasks[0].asker.minion, tasks)
        told: list[CpuTask] = []
        for task, (rate, throttled) in zip(tasks, shares, strict=True):
            if rate != task.rate or throttled != task.throttled:
                task.settle(now_s)
                task.rate, task.throttled = rate, throttled
                self._tell(task, min(task.wanted, task.threads), rate)
                if task.on_rates is not None:
                    told.append(task)
        self._arm(cpus)
        for task in told:  # last: what it does may change the shares again, or end another
            if task.on_rates is not None and task in cpus.tasks:
                task.on_rates()

    def _arm(self, cpus: _Cpus) -> None:
        """Wait for the next task whose work is done."""
        if cpus.finite:
            cpus.deadline.set(min([task.due_s for task in cpus.tasks]))
        else:
            cpus.deadline.clear()

    def _due(self, minion: int) -> None:
        cpus, now_s = self._minions[minion], self._env._now
        done = [task for task in cpus.tasks if task.due_s <= now_s]
        for task in done:
            if task in cpus.tasks:  # the end of one may have ended another
                task.settle(now_s)
                task.left_s = (
                    _INF  # should it go on for a while, as one that heeds SIGTERM, it is not done again
                )
                cpus.finite -= 1
                task.on_done()
        self._arm(cpus)
