"""What a scenario says of a container's hunger, and of the caps on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from models.api.kernels import RawLimits
from models.api.specs_distributions import CpuLaw, DurationLaw, PositiveDurationLaw, RatioLaw, SizeLaw
from models.api.specs_fields import (
    CpuMillicores,
    DurationS,
    PositiveDurationS,
    SelectorField,
    SizeBytes,
    Spec,
    choice,
    number,
    whole,
)
from models.api.specs_images import BytesPerS
from models.api.specs_kernel import CpuPeriodUs, CpuQuotaUs, Cpuset, PidMax, PidsLimit
from models.api.specs_problems import FieldProblem, fail
from models.api.usage import CAPS, Cap, DiskUsage, Forks, Usage

__all__ = ["Bomb", "Caps", "Limits", "Shorthand", "Uses", "limit_problems", "whole_pod_problems"]

_WANTS: Final = ("cpu", "ofRequest", "threads", "work", "memory", "processes", "forks", "reads", "disk")


class Bomb(Spec):
    """A fork bomb: each process of it forks, as fast as it gets CPU."""

    per_cpu_s: Annotated[float, number("a number of forks above 0", 1e-6, 1e9)] = Field(
        1000.0, alias="perCpuSecond", description="children of a process for each second of CPU, as 1000"
    )
    at_s: DurationS | None = Field(None, alias="at", description="a time of the run, as 10m")
    after: DurationLaw | None = Field(None, description="a time from the container's start, as 5m")
    process_bytes: SizeBytes = Field(
        100 * 1024, alias="memory", description="what each process holds for itself, as 100Ki"
    )

    @model_validator(mode="after")
    def _starts_once(self) -> Bomb:
        if self.at_s is not None and self.after is not None:
            raise fail(
                FieldProblem("expected 'at' or 'after', not both", ("after",), None, True, "exclusive")
            )
        return self

    @property
    def forks(self) -> Forks:
        """The same, as of a container."""
        return Forks(self.per_cpu_s, self.at_s, self.after, self.process_bytes)


class DiskUse(Spec):
    """What a container moves to and from its minion's disk while it runs, if nothing is in its way."""

    reads_bytes_per_s: BytesPerS | None = Field(None, alias="reads", description="bytes a second, as 40M/s")
    writes_bytes_per_s: BytesPerS | None = Field(None, alias="writes", description="bytes a second, as 10M/s")

    @model_validator(mode="after")
    def _moves_something(self) -> DiskUse:
        if not self.reads_bytes_per_s and not self.writes_bytes_per_s:
            sentence = "expected 'reads' or 'writes', as {reads: 40M/s}"
            raise fail(FieldProblem(sentence, (), None, True, "missing-key"))
        return self

    @property
    def usage(self) -> DiskUsage:
        """The same, as of a container."""
        return DiskUsage(float(self.reads_bytes_per_s or 0), float(self.writes_bytes_per_s or 0))


class Uses(Spec):
    """What a container asks of its minion's CPUs, memory and processes while it runs.

    Attributes:
        work: CPU time; the container ends when it is done.
    """

    cpu: CpuLaw | None = Field(None, description="what it wants, as 500m or {uniform: {low: 100m, high: 1}}")
    of_request: RatioLaw | None = Field(
        None, alias="ofRequest", description="what it wants as a share of its request, as 0.5"
    )
    threads: Annotated[int, whole("a number of threads", 1, 1_000_000)] | None = Field(
        None, description="a number of threads, as 4; without 'cpu' each keeps a core busy"
    )
    redraw_s: PositiveDurationS | None = Field(
        None, alias="redraw", description="what it wants is drawn again after that time, as 1h"
    )
    work: PositiveDurationLaw | None = Field(None, description="CPU time after which it ends, as 30s")
    memory: SizeLaw | None = Field(None, description="what it holds from its start, as 200Mi")
    leak_bytes_per_s: BytesPerS | None = Field(
        None, alias="leak", description="what it takes more and never gives back, as 5Mi/s"
    )
    most_bytes: SizeBytes | None = Field(
        None, alias="most", description="a size at which its leak ends, as 2Gi"
    )

    process: Annotated[Literal["first", "child"] | None, choice("first", "child")] = Field(
        None,
        description="whose that memory is: first, its PID 1 (default), or child, without which it goes on",
    )
    processes: Annotated[int, whole("a number of processes", 1, 4_194_304)] | None = Field(
        None, description="processes and threads that it has from its start, as 20"
    )
    forks: Bomb | None = Field(None, description="its fork bomb, as {perCpuSecond: 1000, after: 5m}")

    disk: DiskUse | None = Field(
        None, description="what it moves to and from its minion's disk, as {reads: 40M/s}"
    )
    reads_bytes: SizeBytes | None = Field(
        None, alias="reads", description="what it reads of its image's files at its start, as 150Mi"
    )

    @model_validator(mode="after")
    def _is_one_story(self) -> Uses:
        problems = []
        if self.cpu is not None and self.of_request is not None:
            problems.append(
                FieldProblem(
                    "expected 'cpu' or 'ofRequest', not both", ("ofRequest",), None, True, "exclusive"
                )
            )
        if self.redraw_s is not None and self.cpu is None and self.of_request is None:
            sentence = "'redraw' needs 'cpu' or 'ofRequest': there is nothing to draw"
            problems.append(FieldProblem(sentence, ("redraw",), None, True, "missing-key"))
        held = {"leak": self.leak_bytes_per_s, "most": self.most_bytes, "process": self.process}
        for key, alone in held.items():
            if alone is not None and self.memory is None:
                sentence = f"'{key}' needs 'memory': what it holds at its start, as 100Mi"
                problems.append(FieldProblem(sentence, (key,), None, True, "missing-key"))
        if self.most_bytes is not None and self.leak_bytes_per_s is None:
            sentence = "'most' needs 'leak': without it nothing is taken"
            problems.append(FieldProblem(sentence, ("most",), None, True, "missing-key"))
        given = (self.cpu, self.of_request, self.threads, self.work, self.redraw_s, self.memory)
        counted = (self.processes, self.forks, self.reads_bytes, self.disk)
        if all(each is None for each in (*given, *counted)) and not problems:
            sentence = f"expected one of {', '.join(_WANTS)}, as {{cpu: 500m}}"
            problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
        if problems:
            raise fail(*problems)
        return self

    @property
    def usage(self) -> Usage:
        """The same, as of a container."""
        return Usage(
            self.cpu,
            self.of_request,
            self.threads,
            self.redraw_s,
            self.work,
            self.memory,
            float(self.leak_bytes_per_s or 0),
            self.most_bytes,
            processes=self.processes,
            forks=None if self.forks is None else self.forks.forks,
            in_child=self.process == "child",
            reads_bytes=self.reads_bytes or 0,
            disk=None if self.disk is None else self.disk.usage,
        )


def whole_pod_problems(uses: Uses | None) -> Iterator[FieldProblem]:
    """Yield what a pod cannot use that is not described container by container."""
    if uses is not None and uses.disk is not None:
        sentence = "'disk' of 'uses' needs 'containers': each has a cgroup of its own"
        yield FieldProblem(sentence, ("uses", "disk"), None, True, "exclusive")
    for key in ("memory", "processes", "forks"):
        if uses is not None and getattr(uses, key) is not None:
            sentence = f"'{key}' of 'uses' needs 'containers': only they are killed one by one"
            yield FieldProblem(sentence, ("uses", key), None, True, "exclusive")
    if uses is not None and uses.reads_bytes is not None:
        sentence = "'reads' of 'uses' needs 'containers': it is their images' files that are read"
        yield FieldProblem(sentence, ("uses", "reads"), None, True, "exclusive")


class Limits(Spec):
    """What a container may have at most: as v1's limits, and what Docker can limit besides.

    Attributes:
        pid_max: In kernels in which a PID namespace has its own.
        kernel_memory_bytes: In kernels that have memory.kmem.limit_in_bytes.
        quota_us, period_us: As ``--cpu-quota`` and ``--cpu-period``, instead of what ``cpu`` makes of them.
        cpus: As ``--cpuset-cpus``.
        io_weight: As ``--blkio-weight``.
        disk_bytes_per_s: As ``--device-read-bps`` and ``--device-write-bps``.
    """

    cpu_millicores: CpuMillicores | None = Field(
        None, alias="cpu", description="an amount of CPU, as 1 or 500m"
    )
    memory_bytes: SizeBytes | None = Field(None, alias="memory", description="a size, as 2Gi")
    pids: PidsLimit | None = Field(None, description="processes at most, as 100; 0 or -1 for no limit")
    pid_max: PidMax | None = Field(
        None, alias="pidMax", description="kernel.pid_max of its PID namespace, as 1000"
    )
    kernel_memory_bytes: SizeBytes | None = Field(
        None, alias="kernelMemory", description="a size, as 64Mi: of the kernel's memory alone"
    )
    quota_us: CpuQuotaUs | None = Field(
        None, alias="cpuQuota", description="CPU time in each period, as 50ms"
    )
    period_us: CpuPeriodUs | None = Field(
        None, alias="cpuPeriod", description="a time of 1 ms to 1 s, as 100ms"
    )
    io_weight: Annotated[int, whole("a weight", 10, 1000)] | None = Field(
        None, alias="blkioWeight", description="its weight at the disk, as 100"
    )
    disk_bytes_per_s: BytesPerS | None = Field(
        None, alias="deviceBps", description="bytes a second that it reads at most, and writes, as 20M/s"
    )
    cpus: Cpuset | None = Field(None, alias="cpuset", description='CPUs that it may use, as "0-3"')

    @model_validator(mode="after")
    def _is_one_quota(self) -> Limits:
        problems = []
        if self.quota_us is not None and self.cpu_millicores is not None:
            sentence = "'cpuQuota' does not go with 'cpu', which is a quota too"
            problems.append(FieldProblem(sentence, ("cpuQuota",), None, True, "exclusive"))
        if self.period_us is not None and self.quota_us is None:
            sentence = "'cpuPeriod' needs 'cpuQuota': CPU time in each period, as 50ms"
            problems.append(FieldProblem(sentence, ("cpuPeriod",), None, True, "missing-key"))
        if problems:
            raise fail(*problems)
        return self

    @property
    def raw(self) -> RawLimits:
        """What v1 cannot say of it."""
        pids = None if self.pids is None else max(0, self.pids)
        return RawLimits(
            pids, self.kernel_memory_bytes or None, self.quota_us, self.period_us, self.cpus,
            self.io_weight, self.disk_bytes_per_s, self.pid_max,
        )  # fmt: skip

    @property
    def amounts(self) -> dict[str, int]:
        """By resource; a limit of 0 is none, as in v1."""
        found = {"cpu": self.cpu_millicores, "memory": self.memory_bytes}
        return {key: amount for key, amount in found.items() if amount}


def limit_problems(requests: Mapping[str, int], limits: Limits) -> Iterator[FieldProblem]:
    """Yield what the API refuses: limits below requests (k/k:pkg/apis/core/validation, v1.20)."""
    for key, limit in limits.amounts.items():
        if requests.get(key, 0) > limit:
            sentence = f"the {key} limit is below the request: expected at least as much as '{key}'"
            yield FieldProblem(sentence, ("limits", key), code="limit-below-request")


@dataclass(frozen=True)
class Shorthand:
    """Annotation of a mapping for which one word may stand alone.

    Attributes:
        words: These.
    """

    words: tuple[str, ...]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.words)}, handler(core)]}


class CapOf(Spec):
    """The cap of some pods."""

    pods: SelectorField = Field(description="a selector of pods, as app=batch")
    cap: Annotated[Cap, choice(*CAPS)] | None = Field(None, description=", ".join(CAPS))
    pids: PidsLimit | None = Field(
        None, description="processes of each of these pods, as 100; 0 or -1: no limit"
    )

    @model_validator(mode="after")
    def _says_something(self) -> CapOf:
        if self.cap is None and self.pids is None:
            raise fail(
                FieldProblem("expected 'cap' or 'pids', as {cap: shares}", (), None, True, "missing-key")
            )
        return self


class Caps(Spec):
    """Which of requests and limits minions' kernels are told.

    Attributes:
        pids: None: as the kubelet of each minion has it.
        pods: By selector; of two that match a pod the later holds, of each word by itself.
    """

    default: Annotated[Cap, choice(*CAPS)] = Field("quota-and-memory", description=", ".join(CAPS))
    pids: PidsLimit | None = Field(
        None, description="processes of each pod at most, as 1024; 0 or -1: no limit"
    )
    pods: tuple[CapOf, ...] = Field(
        (), description="a list of exceptions, as [{pods: app=batch, cap: shares}]"
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        """A word alone is the default."""
        return {"default": data} if isinstance(data, str) else data

    def of(self, labels: Mapping[str, str], names: tuple[str, ...]) -> Cap:
        """Return the cap of a pod by its labels and the names that it answers to."""
        found = self.default
        for each in self.pods:
            if each.cap is not None and each.pods.matches(labels, names):
                found = each.cap
        return found

    def pids_of(self, labels: Mapping[str, str], names: tuple[str, ...]) -> int | None:
        """Return how many processes a pod may have; 0: no limit; None: as its minion's kubelet has it."""
        found = self.pids
        for each in self.pods:
            if each.pids is not None and each.pods.matches(labels, names):
                found = each.pids
        return None if found is None else max(0, found)
