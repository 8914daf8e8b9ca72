"""Types that every part of the model shares: resources, templates, pods, what a source asks for."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from models.api.kernels import MinionKernel

if TYPE_CHECKING:
    from models.api.containers import PodContainers
    from models.api.scheduling import PodAsScheduled
    from models.api.selectors import Selector
    from models.api.specs_taints import Toleration
    from models.api.status import PodStatus
    from models.api.usage import PodUsage

__all__ = [
    "CPU",
    "DEFAULT_SCHEDULER",
    "EPHEMERAL",
    "JOB_LABEL",
    "MEMORY",
    "PHASE_MASK",
    "PODS",
    "READY",
    "TERMINATING",
    "Arrival",
    "BatchAsk",
    "GpuDevices",
    "GpuRequest",
    "MinionAsk",
    "Phase",
    "Pod",
    "PodAsk",
    "PodTemplate",
    "ResourceTable",
]

JOB_LABEL = "wavetank/job"
"""Pods of one namespace with the same value of this label are one job; of a workload of batches, those of one batch."""
DEFAULT_SCHEDULER = "default-scheduler"
"""The ``schedulerName`` of pods that say none: SetDefaults_PodSpec() of k/k:pkg/apis/core/v1/defaults.go, v1.20.2."""

CPU, MEMORY, PODS, EPHEMERAL = range(4)
"""The first columns of the resource matrix; extended resources follow by name, then the sum over GPU devices."""


class ResourceTable:
    """The columns of the minion x resource matrix of one run.

    Args:
        extended: Names of extended resources, any order.
    """

    def __init__(self, extended: Iterable[str] = ()) -> None:
        self.extended = tuple(sorted(dict.fromkeys(extended)))
        self.names = (
            "cpu_millicores",
            "memory_bytes",
            "pods",
            "ephemeral_bytes",
            *self.extended,
            "gpu_milli",
        )
        self._index = {name: 4 + i for i, name in enumerate(self.extended)}

    def __len__(self) -> int:
        return len(self.names)

    def amounts(
        self,
        cpu_millicores: int,
        memory_bytes: int,
        pods: int,
        ephemeral_bytes: int,
        extended: Mapping[str, int],
        gpu_milli: int,
    ) -> tuple[int, ...]:
        """Return a row of the matrix: int per column, 0 where nothing is said."""
        row = [cpu_millicores, memory_bytes, pods, ephemeral_bytes, *(0 for _ in self.extended), gpu_milli]
        for name, amount in extended.items():
            row[self._index[name]] = amount
        return tuple(row)


@dataclass(frozen=True)
class GpuDevices:
    """The GPUs of a minion: all of one model."""

    count: int
    model: str = ""


@dataclass(frozen=True)
class GpuRequest:
    """GPUs that a pod asks for: ``count`` whole ones (milli 1000), or ``milli`` thousandths of one device.

    Attributes:
        count: Devices, at least 1.
        milli: Thousandths of each device; below 1000 only with count 1.
        models: Allowed models; empty for any.
    """

    count: int
    milli: int = 1000
    models: tuple[str, ...] = ()

    @property
    def total_milli(self) -> int:
        """Thousandths over all devices."""
        return self.count * self.milli


@dataclass(frozen=True)
class PodTemplate:
    """What pods of one class have in common; everything that a cached score may depend on.

    Attributes:
        index: Its place in the run's table of templates.
        need: Requests, one int per resource column (pods is 1, the last GPU thousandths in all).
        gpu: GPUs asked for, or nothing.
        labels: Sorted (key, value) pairs.
        namespace: Kubernetes namespace.
        priority: Higher goes first.
        minions: Selector of allowed minions, or nothing.
        tolerations: Of taints, those that every pod is given too; empty where nothing taints.
        grace_s: Seconds that its containers may take to end when it is deleted.
        containers: One by one; nothing where only their sum is known.
        scheduling: What v1 says of its scheduling; nothing where no more than the above is known.
        preempts: It may have pods of lower priority go when it finds no room.
        uses: What it asks of its minion's CPUs; nothing where that is its containers' to say, or nobody does.
        scheduler: The name of the scheduler that it asks for.
    """

    index: int
    need: tuple[int, ...]
    gpu: GpuRequest | None = None
    labels: tuple[tuple[str, str], ...] = ()
    namespace: str = "default"
    priority: int = 0
    minions: Selector | None = None
    tolerations: tuple[Toleration, ...] = ()
    grace_s: float = math.inf
    containers: PodContainers | None = None
    scheduling: PodAsScheduled | None = None
    preempts: bool = True
    uses: PodUsage | None = None
    scheduler: str = DEFAULT_SCHEDULER

    @property
    def gpu_milli(self) -> int:
        """GPU thousandths asked for in all."""
        return 0 if self.gpu is None else self.gpu.total_milli


class Phase(enum.IntEnum):
    """Where a pod is in its life; LOST, WITHDRAWN, GIVEN_UP and DELETED are told apart from v1's Failed on purpose."""

    PENDING = 0
    BOUND = 1
    RUNNING = 2
    SUCCEEDED = 3
    FAILED = 4
    LOST = 5
    WITHDRAWN = 6
    GIVEN_UP = 7
    DELETED = 8


READY = 16
"""Bit of a pod's state word: its Ready condition is true."""
TERMINATING = 32
"""Bit of a pod's state word: it has a deletion timestamp."""
PHASE_MASK = 15
"""Bits of a pod's state word that hold its phase."""


class Pod:
    """A pod of this run. Slotted: 150,000 of these are alive at a time.

    Attributes:
        identity: Its integer in the identity table.
        arrival: Its number in order of creation, which breaks ties of priority.
        generation: Counts changes of plan; guards of its events compare it.
        minion: Index of its minion, or -1.
        devices: Indices of its GPU devices.
        life_s: How long it runs; ``inf`` for ever.
        cause: Seq of the last record about it.
        word: Its state in the store as bits: phase, READY, TERMINATING. What clients are told is the word before
            and after, so that they need not remember each pod.
        labels: Its labels now: those of its template until somebody changes them.
        ready_since_s: When its Ready condition last became true.
        restarts: How often its containers were restarted.
        nominated: The minion on which room is being made for it, in the record; or -1.
        status: What the record has of its containers, where they are followed one by one.
    """

    __slots__ = (
        "arrival",
        "ask",
        "cause",
        "created_s",
        "devices",
        "generation",
        "identity",
        "labels",
        "minion",
        "nominated",
        "owner",
        "phase",
        "ready_since_s",
        "restarts",
        "status",
        "template",
        "unschedulable",
        "word",
    )

    def __init__(self, identity: int, arrival: int, owner: int, ask: PodAsk, created_s: float) -> None:
        self.identity = identity
        self.arrival = arrival
        self.owner = owner
        self.ask = ask
        self.template = ask.template
        self.created_s = created_s
        self.generation = 0
        self.phase = Phase.PENDING
        self.minion = -1
        self.devices: tuple[int, ...] = ()
        self.cause = -1
        self.unschedulable = False
        self.word = 0
        self.labels = ask.template.labels
        self.ready_since_s = math.inf
        self.restarts = 0
        self.nominated = -1
        self.status: PodStatus | None = None

    @property
    def terminating(self) -> bool:
        """Whether it has a deletion timestamp."""
        return self.word & TERMINATING != 0

    @property
    def ready(self) -> bool:
        """Whether its Ready condition is true in the store."""
        return self.word & READY != 0

    @property
    def life_s(self) -> float:
        """How long it runs once started, in seconds; ``inf`` for ever."""
        return self.ask.life_s


class PodAsk:
    """What a workload source asks for: one pod.

    Attributes:
        name: Unique in its namespace.
        index: The pod's number within its source: the entity of its draws.
        life_s: Run time from its start; ``inf`` for ever.
        fails: It ends as Failed, not Succeeded.
        withdraw_after_s: Pending longer than this it is withdrawn; ``inf`` never.
        give_up_after_s: Pending longer than this it is given up; 0 at the first failed attempt.
        recorded_wait_s: What a trace says it waited; nan where unknown.
        adoptable: A controller whose selector takes it may adopt it; not what something else looks after.
    """

    __slots__ = (
        "adoptable",
        "fails",
        "give_up_after_s",
        "index",
        "life_s",
        "name",
        "recorded_wait_s",
        "template",
        "withdraw_after_s",
    )

    def __init__(  # noqa: PLR0917 - by place, as names cost as much as the rest
        self,
        name: str,
        index: int,
        template: PodTemplate,
        life_s: float = math.inf,
        fails: bool = False,
        withdraw_after_s: float = math.inf,
        give_up_after_s: float = math.inf,
        recorded_wait_s: float = math.nan,
        adoptable: bool = True,
    ) -> None:
        self.name = name
        self.index = index
        self.template = template
        self.life_s = life_s
        self.fails = fails
        self.withdraw_after_s = withdraw_after_s
        self.give_up_after_s = give_up_after_s
        self.recorded_wait_s = recorded_wait_s
        self.adoptable = adoptable


class BatchAsk(PodAsk):
    """One pod of a batch that is a job of its own.

    Attributes:
        batch: Number of the batch within its source.
    """

    __slots__ = ("batch",)
    batch: int


Arrival = tuple[float, Iterable[PodAsk]]
"""(time in seconds, the pods that are created then, taken once)"""

Arrivals = Iterator[Arrival]


@dataclass(frozen=True)
class MinionAsk:
    """One minion to make.

    Attributes:
        name: Unique in the cluster.
        pool: The pool that it belongs to; ``index`` is its number there: the entity of its draws.
        capacity: What the machine has, as (cpu, memory, pods, ephemeral, extended).
        reserved: What the system keeps; allocatable is the difference.
        registered: The master has heard of it when the run begins; one that it has not is not ready either.
        kernel: What its containers share.
        disk_bytes_per_s: What its block device moves; ``inf`` where nobody waits for it.
    """

    name: str
    pool: str
    index: int
    cpu_millicores: int
    memory_bytes: int
    pods: int
    ephemeral_bytes: int
    extended: Mapping[str, int] = field(default_factory=dict)
    gpu: GpuDevices = field(default_factory=lambda: GpuDevices(0))
    reserved_cpu_millicores: int = 0
    reserved_memory_bytes: int = 0
    reserved_ephemeral_bytes: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    ready: bool = True
    taints: tuple[str, ...] = ()
    registered: bool = True
    kernel: MinionKernel = field(default_factory=MinionKernel)
    disk_bytes_per_s: float = math.inf
