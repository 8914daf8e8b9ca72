"""The CPUs of every minion, shared by the containers that say what they use: rates between changes, one timer a minion.

What a container gets changes only when some container of its minion comes, goes or wants another amount. Where all
together never use more cores than there are, each gets what it can use and its neighbours are not looked at; else, and
where some may use certain CPUs only, the minion's shares are worked out anew (models.kernel). Containers that say
nothing of what they use take nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from models.machines.cpusharing import CpuSharing, Share, SharedCpus
from models.machines.cputasks import CpuTask
from models.machines.useseries import UseSeries
from sim.engine import TRUTH, Deadline, Engine

__all__ = ["Kernels"]

_INF = math.inf
_ROUNDING = 1e-10
"""Cores by which a sum may be off: it is no contention."""
_DOUBT = 1e-6
"""Cores by which a sum that was added to and taken from for long may be off: it is made anew."""


def _nobody(minion: int) -> None:
    """Tell nobody."""


class _Cpus:
    """The CPUs of one minion; ``shared`` where not all can have what they want."""

    __slots__ = ("burstable_millicores", "cores", "deadline", "finite", "peak", "pinned", "shared", "tasks")

    def __init__(self, cores: float, deadline: Deadline) -> None:
        self.cores = cores
        self.deadline = deadline
        self.tasks: dict[CpuTask, None] = {}
        self.peak = 0.0
        self.burstable_millicores = 0
        self.finite = 0
        self.pinned = 0
        self.shared: SharedCpus | None = None

    def is_contended(self) -> bool:
        """Whether some may not get what they want, or may use certain CPUs only."""
        if abs(self.peak - self.cores) < _DOUBT:
            self.peak = sum([task.peak(self.cores) for task in self.tasks])
        return self.pinned > 0 or self.peak > self.cores + _ROUNDING


class Kernels:
    """What runs on the CPUs of all minions.

    Args:
        cores: Of each minion.
        sharing: Shares the CPUs of a minion among its tasks.
        series: Where what they get is told.
    """

    def __init__(
        self, engine: Engine, cores: Sequence[float], sharing: CpuSharing, series: UseSeries
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._cores = list(cores)
        self._sharing = sharing
        self._series = series
        self._minions: dict[int, _Cpus] = {}
        self.on_change: Callable[[int], None] = _nobody
        """Called with a minion after what its containers can use has changed."""
        self.solved = 0
        """How often the shares of a minion were worked out."""

    def cores(self, minion: int) -> float:
        """Return how many cores a minion has."""
        return self._cores[minion]

    def tasks(self, minion: int) -> list[CpuTask]:
        """Return what uses the CPUs of a minion, in order of start."""
        found = self._minions.get(minion)
        return [] if found is None else list(found.tasks)

    def wanted(self, minion: int, cores: float) -> float:
        """Return what all on a minion could use together if it had so many cores."""
        cpus = self._minions.get(minion)
        tasks = () if cpus is None else cpus.tasks
        return min(cores, sum([min(task.peak(cores), task.kind.quota_cores) for task in tasks]))

    def set_cores(self, minion: int, cores: float) -> None:
        """Let a minion have so many cores from now on."""
        self._sharing.set_cores(minion, cores)
        self._cores[minion] = cores
        cpus = self._minions.get(minion)
        if cpus is not None:
            cpus.cores = cores
            cpus.peak = sum([task.peak(cores) for task in cpus.tasks])
            self._share(cpus, None, anew=True)

    def begin(self, task: CpuTask) -> None:
        """Let a container run from now on."""
        cpus = self._cpus(task.asker.minion)
        task.since_s = self._env._now
        cpus.tasks[task] = None
        cpus.finite += task.left_s < _INF
        cpus.pinned += task.kind.cpus is not None
        self._changed(cpus, task, 0.0, anew=True)
        self.on_change(task.asker.minion)

    def weigh(self, minion: int, more_millicores: int, *, quiet: bool = False) -> None:
        """Let a minion's pods of class Burstable weigh so much more together, or less.

        Args:
            minion: Its index.
            more_millicores: What the pod requests that came; negative of one that goes.
            quiet: Something else of the minion changes at this moment that shares its CPUs anew.
        """
        cpus = self._cpus(minion)
        cpus.burstable_millicores += more_millicores
        if cpus.shared is not None and not quiet:
            self._share(cpus, None, anew=True)

    def _cpus(self, minion: int) -> _Cpus:
        found = self._minions.get(minion)
        if found is None:
            deadline = Deadline(self._engine, TRUTH, lambda: self._due(minion))
            found = self._minions[minion] = _Cpus(self._cores[minion], deadline)
        return found

    def want(self, task: CpuTask, wanted: float, threads: int) -> None:
        """Let a container that runs want another number of cores from now on, with so many threads."""
        cpus = self._minions[task.asker.minion]
        before = task.peak(cpus.cores)
        task.settle_wanted(self._env._now)
        # Threads without a cgroup weigh one by one: other weights are another tree.
        anew = task.kind.cap == "none" and task.threads != threads
        task.wanted, task.threads = wanted, threads
        self._changed(cpus, task, before, anew=anew)
        self.on_change(task.asker.minion)

    def end(self, task: CpuTask) -> None:
        """Let a container run no more."""
        cpus = self._minions[task.asker.minion]
        task.settle(self._env._now)
        del cpus.tasks[task]
        cpus.finite -= task.left_s < _INF
        cpus.pinned -= task.kind.cpus is not None
        cpus.peak = cpus.peak - task.peak(cpus.cores) if cpus.tasks else 0.0
        task.run_alone(cpus.cores)
        task.rate = task.throttled = 0.0
        self._series.tell(task, 0.0, 0.0)
        if cpus.shared is not None:
            self._share(cpus, None, anew=True)
        elif task.left_s < _INF:
            self._arm(cpus)
        self.on_change(task.asker.minion)

    def _changed(self, cpus: _Cpus, task: CpuTask, before: float, *, anew: bool) -> None:
        """Take into account what one task can use now; ``anew``: who runs, or how threads weigh, has changed."""
        cpus.peak += task.peak(cpus.cores) - before
        if cpus.shared is not None or cpus.is_contended():
            self._share(cpus, task, anew=anew)
        else:  # HOT: nobody is short, so nobody else is concerned
            was = task.rate, task.throttled
            task.run_alone(cpus.cores)
            self._series.tell(task, min(task.wanted, task.threads), task.rate)
            if task.on_rates is not None and was != (task.rate, task.throttled):
                task.on_rates()
            if task.left_s < _INF:  # when the others are done has not changed
                self._arm(cpus)

    def _share(self, cpus: _Cpus, changed: CpuTask | None, *, anew: bool) -> None:
        """Work out what each task gets after one has changed; ``anew``: others run, or weigh, than before."""
        tasks, now_s = list(cpus.tasks), self._env._now
        if not cpus.is_contended():
            for task in tasks:
                task.settle(now_s)
                task.run_among(None)
            cpus.shared = None
            self._give(cpus, tasks, [task.share_alone(cpus.cores) for task in tasks], changed)
            return
        self.solved += 1
        shared = cpus.shared
        if shared is None or changed is None or anew:
            for task in tasks:
                task.settle(now_s)
            shared = cpus.shared = self._sharing.of(tasks[0].asker.minion, tasks, cpus.burstable_millicores)
            shared.begin(now_s)
        else:
            shared.want(now_s, changed)
        self._give(cpus, tasks, shared.shares(), changed)

    def _give(
        self, cpus: _Cpus, tasks: Sequence[CpuTask], shares: Sequence[Share], changed: CpuTask | None
    ) -> None:
        """Let each task get its share from now on."""
        moved: list[CpuTask] = []
        for task, (rate, throttled) in zip(tasks, shares, strict=True):  # HOT: all that run, at each change
            if rate != task.rate or throttled != task.throttled:
                task.rate, task.throttled = rate, throttled
                moved.append(task)
        if changed is not None:
            self._series.tell(changed, min(changed.wanted, changed.threads), changed.rate)
        self._series.tell_rates(moved)
        self._arm(cpus)
        for task in moved:  # last: what it does may change the shares again, or end another
            if task.on_rates is not None and task in cpus.tasks:
                task.on_rates()

    def _arm(self, cpus: _Cpus) -> None:
        """Wait for the next task whose work is done."""
        if not cpus.finite:
            cpus.deadline.clear()
        elif cpus.shared is not None:
            cpus.deadline.set(max(self._env._now, cpus.shared.next_end_s))
        else:
            cpus.deadline.set(min([task.due_s for task in cpus.tasks]))

    def _due(self, minion: int) -> None:
        cpus, now_s = self._minions[minion], self._env._now
        if cpus.shared is not None:
            done = cpus.shared.take_ended(now_s)
        else:
            done = [task for task in cpus.tasks if task.due_s <= now_s]
        for task in done:
            task.settle(now_s)
            task.left_s = _INF  # should it go on for a while, as one that heeds SIGTERM, it is not done again
            cpus.finite -= 1
        for task in done:
            if task in cpus.tasks:  # the end of one may have ended another
                task.on_done()
        going_on = [task for task in done if task in cpus.tasks]
        if going_on and cpus.shared is not None:
            for task in going_on:
                cpus.shared.want(now_s, task)
            self._give(cpus, list(cpus.tasks), cpus.shared.shares(), None)
        self._arm(cpus)
