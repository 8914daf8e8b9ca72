"""One container that uses its minion's CPUs: what it wants, what it gets, and what came of that so far."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from models.api.containers import ContainerSpec, PodContainers
from models.api.qos import QosClass, qos_class
from models.api.usage import Cap
from models.kernel.cgrouptrees import quota_of
from models.kernel.cpualone import end_alone_us, use_alone
from models.kernel.cpugroups import CpuQuota
from models.machines.askers import Asker

__all__ = ["Account", "CpuTask", "TaskKind"]

_INF = math.inf
Account = Callable[[float], tuple[float, float, float, float]]
"""What a task has had from a clock by some time: CPU seconds, seconds throttled, CPU seconds of work that are left, and
CPU seconds of its quota that are spent."""


@dataclass(frozen=True)
class TaskKind:
    """What containers of one template have in common for the kernel.

    Attributes:
        containers: All of their pod.
        place: Which of them it is, init containers first.
    """

    containers: PodContainers
    place: int

    @cached_property
    def spec(self) -> ContainerSpec:
        """The container."""
        return (*self.containers.init_containers, *self.containers.containers)[self.place]

    @property
    def name(self) -> str:
        """The container's name, unique in its pod."""
        return self.spec.name

    @property
    def init_index(self) -> int | None:
        """Which init container it is; None for one of the others."""
        return self.place if self.place < len(self.containers.init_containers) else None

    @property
    def cap(self) -> Cap:
        """What of its requests and limits the kernel is told."""
        return self.containers.cap

    @cached_property
    def qos(self) -> QosClass:
        """The class of its pod."""
        return qos_class(self.containers)

    @cached_property
    def request_millicores(self) -> int:
        """What it asks for; 0 for nothing."""
        return self.spec.request("cpu")

    @cached_property
    def quota(self) -> CpuQuota | None:
        """What the kernel lets it use in each period; None without a quota.

        Where all its pod's containers have limits their sum holds for the pod too, which is never less than this.
        """
        return quota_of(self.spec) if self.cap in {"quota", "quota-and-memory"} else None

    @cached_property
    def quota_cores(self) -> float:
        """The same as cores in the mean; ``inf`` without a quota."""
        return _INF if self.quota is None else self.quota.cores

    @cached_property
    def cpus(self) -> frozenset[int] | None:
        """The CPUs that it may use; None for all."""
        return None if self.cap == "none" else self.spec.raw.cpus

    @cached_property
    def cpu_count(self) -> float:
        """How many those are; ``inf`` for all."""
        return _INF if self.cpus is None else float(len(self.cpus))

    @cached_property
    def io_weight(self) -> int | None:
        """Its weight at block devices, as v1 counts; None for the default."""
        return None if self.cap == "none" else self.spec.raw.io_weight

    @cached_property
    def disk_bytes_per_s(self) -> float:
        """What the kernel lets it read, and write, of a device in a second; ``inf`` without a limit."""
        limit = self.spec.raw.disk_bytes_per_s
        return float(limit) if limit and self.cap in {"quota", "quota-and-memory"} else _INF

    @cached_property
    def memory_request_bytes(self) -> int:
        """What memory it asks for; 0 for nothing."""
        return self.spec.request("memory")

    @cached_property
    def memory_limit_bytes(self) -> float:
        """What memory the kernel lets it hold at most; ``inf`` without a limit."""
        limit = self.spec.limit("memory")
        return float(limit) if limit and self.cap == "quota-and-memory" else _INF


class CpuTask:
    """A container's threads on one minion's CPUs, from its start to its end.

    Args:
        asker: Whose it is; containers of one pod share a cgroup.
        kind: What its kernel is told.
        wanted: Cores that it wants.
        threads: How many of its threads can run at a time.
        work_s: CPU seconds after which it is done; ``inf`` never.
        on_done: Called when they are used up.
        on_rates: Called when what it gets has changed.

    Attributes:
        rate: Cores that it gets, in the mean over the periods of its quota.
        throttled: Share of the time that it is held back by a quota.
        since_s: Since when.
        used_s, wanted_s, throttled_s: CPU seconds got and wanted, and seconds throttled, up to ``since_s``.
        spent_s: CPU seconds of them that count against its quota in the period that goes on at ``since_s``.
        shown: What the series have of it: millicores wanted and got.
        bomb: Seq of the record of its fork bomb; -1: it has none.
    """

    __slots__ = (
        "_account", "_taken", "asker", "bomb", "kind", "left_s", "on_done", "on_rates", "rate", "shown", "since_s",
        "spent_s", "threads", "throttled", "throttled_s", "used_s", "wanted", "wanted_s",
    )  # fmt: skip

    def __init__(
        self,
        asker: Asker,
        kind: TaskKind,
        *,
        wanted: float,
        threads: int,
        work_s: float,
        on_done: Callable[[], None],
        on_rates: Callable[[], None] | None = None,
    ) -> None:
        self.asker = asker
        self.kind = kind
        self.shown = (0, 0)
        self.bomb = -1
        self.wanted = wanted
        self.threads = threads
        self.left_s = work_s
        self.on_done = on_done
        self.on_rates = on_rates
        self.rate = self.throttled = 0.0
        self.since_s = self.used_s = self.wanted_s = self.throttled_s = self.spent_s = 0.0
        self._account: Account | None = None
        self._taken = (0.0, 0.0)

    def peak(self, cores: float) -> float:
        """Return the cores that it uses at most at any moment, until its quota has run out, of so many."""
        return min(self.wanted, self.threads, cores, self.kind.cpu_count)

    @property
    def due_s(self) -> float:
        """When its work is done, as things are, while nobody is in its way."""
        if self.left_s == _INF or self.rate <= 0.0:
            return _INF
        quota = self.kind.quota
        if quota is None:
            return self.since_s + self.left_s / self.rate
        running = self.rate / (1.0 - self.throttled)
        return end_alone_us(running, quota, 1e6 * self.spent_s, 1e6 * self.since_s, 1e6 * self.left_s) / 1e6

    def share_alone(self, cores: float) -> tuple[float, float]:
        """Return what it gets where nobody is in its way but its own quota: cores, and share of time throttled."""
        peak, quota = self.peak(cores), self.kind.quota_cores
        return (quota, 1.0 - quota / peak) if quota < peak else (peak, 0.0)

    def run_alone(self, cores: float) -> None:
        """Get that from now on; its threads use up the quota together."""
        self._account = None
        self.rate, self.throttled = self.share_alone(cores)

    def run_among(self, account: Account | None) -> None:
        """Let a clock of all that run on the minion keep its account from now on; None: nobody but itself."""
        self._account = account
        self._taken = (0.0, 0.0)

    def settle(self, now_s: float) -> None:
        """Account for the time since the last change."""
        seconds = now_s - self.since_s
        self.wanted_s += min(self.wanted, self.threads) * seconds
        if self._account is not None:
            self._settle_by_clock(self._account, now_s)
        elif seconds > 0.0:
            if self.kind.quota is None:
                self.used_s += self.rate * seconds
                self.left_s -= self.rate * seconds
            else:
                self._settle_by_quota(self.kind.quota, now_s)
        self.since_s = now_s

    def settle_wanted(self, now_s: float) -> None:
        """Account for the time since the last change, as far as a change of what it wants needs that. HOT."""
        if self._account is None:
            self.settle(now_s)
        else:  # what it got is in the clock's account
            self.wanted_s += min(self.wanted, self.threads) * (now_s - self.since_s)
            self.since_s = now_s

    def _settle_by_clock(self, account: Account, now_s: float) -> None:
        used_s, throttled_s, left_s, self.spent_s = account(now_s)
        self.used_s += used_s - self._taken[0]
        self.throttled_s += throttled_s - self._taken[1]
        self._taken = used_s, throttled_s
        if self.left_s < _INF:
            self.left_s = left_s

    def _settle_by_quota(self, quota: CpuQuota, now_s: float) -> None:
        running = self.rate / (1.0 - self.throttled)
        used_us, held_us, spent_us = use_alone(
            running, quota, 1e6 * self.spent_s, 1e6 * self.since_s, 1e6 * now_s
        )
        self.used_s += used_us / 1e6
        self.left_s -= used_us / 1e6
        self.throttled_s += held_us / 1e6
        self.spent_s = spent_us / 1e6
