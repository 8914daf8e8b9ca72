"""The block device of every minion, shared by containers that read and write and by pulls of images, which write too.

What each gets is weighted max-min on the device (models/kernel/blockio.py) and holds until somebody comes or goes, or
what comes from the registry changes. Pulls are one flow of the container engine's. What the device would give that flow
if it took all it could bounds the minion's link to the registry; what then comes is what the flow moves, and containers
share the rest. Where a minion has no device of a finite bandwidth, or nobody says what it moves, nothing is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from models.api.kernels import CgroupVersion
from models.api.usage import DiskUsage
from models.kernel.blockio import IoFlow, bfq_weight, share_device
from models.kernel.fairshare import Port
from models.machines.askers import Asker
from models.machines.cputasks import TaskKind
from models.machines.registry import Registry
from models.machines.useseries import UseSeries
from sim.engine import TRUTH, Engine

__all__ = ["DiskTask", "Disks"]

_INF = math.inf
_DEFAULT_V1 = 500
_DEFAULT_V2 = 100.0
"""Weights where nothing is said: blkio.weight (block/blk-cgroup.h, CFQ_WEIGHT_LEGACY_DFL), io.weight (FACTS L46)."""


class DiskTask:
    """A container's reads and writes on one minion's device, from its start to its end.

    Args:
        asker: Whose it is.
        kind: What its kernel is told.
        usage: What it moves if nothing is in its way.
        on_rates: Called when what it gets has changed, a moment later.

    Attributes:
        wanted, most: Bytes a second that it wants, and that its own ceiling leaves of them.
        rate: Bytes a second that it moves.
        since_s: Since when.
        moved_bytes, wanted_bytes: Up to then.
        shown: What the series have of it: wanted and got.
    """

    __slots__ = (
        "asker",
        "kind",
        "most",
        "moved_bytes",
        "on_rates",
        "rate",
        "shown",
        "since_s",
        "wanted",
        "wanted_bytes",
    )

    def __init__(
        self, asker: Asker, kind: TaskKind, usage: DiskUsage, on_rates: Callable[[], None] | None
    ) -> None:
        self.asker = asker
        self.kind = kind
        self.on_rates = on_rates
        ceiling = kind.disk_bytes_per_s
        self.wanted = usage.reads_bytes_per_s + usage.writes_bytes_per_s
        self.most = min(usage.reads_bytes_per_s, ceiling) + min(usage.writes_bytes_per_s, ceiling)
        self.rate = self.since_s = self.moved_bytes = self.wanted_bytes = 0.0
        self.shown = (0, 0)

    def settle(self, now_s: float) -> None:
        """Account for the time since the last change."""
        self.moved_bytes += self.rate * (now_s - self.since_s)
        self.wanted_bytes += self.wanted * (now_s - self.since_s)
        self.since_s = now_s


class _Disk:
    """The device of one minion; ``pulled`` is what came from the registry when its containers last got their shares."""

    __slots__ = ("bandwidth", "default_weight", "link", "port", "pulled", "tasks", "version")

    def __init__(self, bandwidth: float, version: CgroupVersion) -> None:
        self.bandwidth = bandwidth
        self.version = version
        self.default_weight = float(_DEFAULT_V1) if version == "v1" else _DEFAULT_V2
        self.tasks: dict[DiskTask, None] = {}
        self.port: Port | None = None
        self.link = _INF
        self.pulled = 0.0

    def flow(self, task: DiskTask) -> IoFlow:
        """Return what a task is to the device."""
        weight, told = self.default_weight, task.kind.io_weight
        if told is not None:
            weight = float(told) if self.version == "v1" else bfq_weight(told)
        return IoFlow(weight, demand_bytes_per_s=task.most)


class Disks:
    """The devices of all minions.

    Args:
        engine: Where they run.
        bandwidths: Of each minion, in bytes a second; ``inf`` where nobody waits for it.
        versions: Of each minion's cgroups.
        series: Where what is wanted and got is told.
    """

    def __init__(
        self,
        engine: Engine,
        bandwidths: Sequence[float],
        versions: Sequence[CgroupVersion],
        series: UseSeries,
    ) -> None:
        self._engine = engine
        self._bandwidths = bandwidths
        self._versions = versions
        self._series = series
        self._disks: dict[int, _Disk] = {}
        self._registry: Registry | None = None
        self.pulls_by: Callable[[int], int | None] | None = None
        """Seq of the record by which a minion pulls now."""

    def watch(self, registry: Registry, pulls_by: Callable[[int], int | None]) -> None:
        """Follow what comes from the registry, and by which record."""
        self._registry, self.pulls_by = registry, pulls_by
        registry.on_rates = self._came

    def pulls_through(self, minion: int, port: Port) -> None:
        """Let a minion's pulls write to its device; the port has no connection yet."""
        if self._bandwidths[minion] < _INF:
            disk = self._disk(minion)
            disk.port, disk.link = port, port.link_bytes_per_s
            self._bound(disk)

    def tasks(self, minion: int) -> list[DiskTask]:
        """Return what moves bytes on a minion, in order of start."""
        found = self._disks.get(minion)
        return [] if found is None else list(found.tasks)

    def pulled_bytes_per_s(self, minion: int) -> float:
        """Return what the pulls of a minion write, as things are."""
        found = self._disks.get(minion)
        return 0.0 if found is None else self._comes(found)

    def begin(self, task: DiskTask) -> None:
        """Let a container move what it wants from now on."""
        disk = self._disk(task.asker.minion)
        task.since_s = self._engine.now_s
        disk.tasks[task] = None
        self._series.tell(task, task.wanted, 0.0)
        self._bound(disk)

    def end(self, task: DiskTask) -> None:
        """Let a container move nothing any more."""
        disk = self._disk(task.asker.minion)
        task.settle(self._engine.now_s)
        del disk.tasks[task]
        task.rate = 0.0
        self._series.tell(task, 0.0, 0.0)
        self._bound(disk)

    def _disk(self, minion: int) -> _Disk:
        found = self._disks.get(minion)
        if found is None:
            found = self._disks[minion] = _Disk(self._bandwidths[minion], self._versions[minion])
        return found

    def _bound(self, disk: _Disk) -> None:
        """Bound the minion's pulls by what the device would give them, now that others are there."""
        if disk.port is None or self._registry is None:
            self._share(disk)
            return
        flows = [*map(disk.flow, disk.tasks), IoFlow(disk.default_weight)]
        most = share_device(flows, disk.bandwidth)[-1]
        self._registry.set_link(disk.port, min(disk.link, most))
        self._share(disk)
        self._came()

    def _came(self) -> None:
        """Look whether other amounts come to minions where somebody reads or writes."""
        for disk in self._disks.values():
            if disk.tasks and self._comes(disk) != disk.pulled:
                self._share(disk)

    def _comes(self, disk: _Disk) -> float:
        """Return what comes from the registry to a minion, as things are."""
        if disk.port is None or self._registry is None:
            return 0.0
        return self._registry.rate_bytes_per_s(disk.port)

    def _share(self, disk: _Disk) -> None:
        """Work out what each container of a minion gets."""
        disk.pulled = self._comes(disk)
        tasks, now_s = list(disk.tasks), self._engine.now_s
        if disk.bandwidth == _INF:
            rates = [task.most for task in tasks]
        else:
            pulls = IoFlow(disk.default_weight, demand_bytes_per_s=disk.pulled)
            rates = share_device([*map(disk.flow, tasks), pulls], disk.bandwidth)[:-1]
        moved = []
        for task, rate in zip(tasks, rates, strict=True):
            if rate != task.rate:
                task.settle(now_s)
                task.rate = rate
                moved.append(task)
        self._series.tell_rates(moved)
        if any(task.on_rates is not None for task in moved):
            self._engine.at(now_s, TRUTH, lambda: self._feel(disk, moved))

    def _feel(self, disk: _Disk, moved: Sequence[DiskTask]) -> None:
        """Let containers feel what they get, once all that changed at this moment has."""
        for task in moved:
            if task in disk.tasks and task.on_rates is not None:
                task.on_rates()
