"""What a scenario says of its minions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, Tag, model_validator

from models.api.specs_control import KubeletDelays
from models.api.specs_fields import Amounts, CpuMillicores, DnsName, Flag, Labels, SizeBytes, Spec, whole
from models.api.specs_hosts import HostPool, VirtualMachine, host_problems
from models.api.specs_images import BytesPerS, ImageName
from models.api.specs_kernel import Kernel, PidsLimit
from models.api.specs_names import label_key_problem, label_value_problem
from models.api.specs_problems import FieldError, FieldProblem, FieldType, fail, parse_mapping, quoted
from models.api.specs_sources import TraceFile, form_of
from models.api.specs_taints import Taint
from models.api.types import GpuDevices
from sim.diagnostics import nearest_word
from sim.units import UnitError, parse_count

__all__ = [
    "DEFAULT_EPHEMERAL_BYTES",
    "MAX_MINIONS",
    "Cluster",
    "MinionPool",
    "MinionTrace",
    "Reserved",
    "deal_domains",
]

MAX_MINIONS: Final = 100_000
DEFAULT_EPHEMERAL_BYTES: Final = 100 * 2**30
MAX_DOMAINS: Final = 10_000


def _gpu_devices(value: object) -> GpuDevices:
    given = parse_mapping(value, "a mapping as {count: 8, model: V100}")
    problems: list[FieldProblem] = []
    for key in given:
        if key not in {"count", "model"}:
            near = nearest_word(key, ["count", "model"])
            sentence = f"{quoted(key)} is not a key of 'gpu': expected count, model"
            problems.append(FieldProblem(sentence, (key,), near, True, "unknown-key"))
    count, model = 0, given.get("model", "")
    if "count" in given:
        try:
            count = parse_count(given["count"], "a number of GPUs", 0, 64)
        except UnitError as error:
            problems.append(FieldProblem(error.sentence, ("count",), error.suggestion))
    elif not problems:
        sentence = "'count' is missing: expected a number of GPUs, as {count: 8, model: V100}"
        problems.append(FieldProblem(sentence, on_key=True, code="missing-key"))
    found = label_value_problem(model, ("model",))
    problems += [] if found is None else [found]
    if problems:
        raise FieldError(*problems)
    return GpuDevices(count, model)


def _domains(value: object) -> dict[str, tuple[str, ...] | int]:
    domains: dict[str, tuple[str, ...] | int] = {}
    problems: list[FieldProblem] = []
    for key, given in parse_mapping(value, "a mapping as {zone: [a, b, c], rack: 8}").items():
        found = label_key_problem(key)
        if found is not None:
            problems.append(found)
        elif isinstance(given, list | tuple):
            values = [label_value_problem(name, (key, i)) for i, name in enumerate(given)]
            problems += [problem for problem in values if problem is not None]
            if not given or len(given) > MAX_DOMAINS:
                sentence = f"expected 1 to {MAX_DOMAINS} names, as [a, b, c], not {len(given)}"
                problems.append(FieldProblem(sentence, (key,), code="range"))
            domains[key] = tuple(given)
        else:
            try:
                domains[key] = parse_count(given, "names as [a, b, c] or a number of blocks", 1, MAX_DOMAINS)
            except UnitError as error:
                problems.append(FieldProblem(error.sentence, (key,), error.suggestion))
    if problems:
        raise FieldError(*problems)
    return domains


def deal_domains(domains: Mapping[str, tuple[str, ...] | int], place: int, count: int) -> dict[str, str]:
    """Deal a minion its domains: names in turn, or the number of its block of equal length.

    A zone and a region are written under the labels that Kubernetes reads too (the minion lifecycle controller does).
    """
    dealt = {
        key: f"{key}-{place * given // count}" if isinstance(given, int) else given[place % len(given)]
        for key, given in domains.items()
    }
    known = {f"topology.kubernetes.io/{key}": dealt[key] for key in ("zone", "region") if key in dealt}
    return {**known, **dealt}


GpuDevicesField = Annotated[
    GpuDevices,
    FieldType(
        _gpu_devices,
        lambda gpu: {"count": gpu.count, "model": gpu.model},
        {"type": "object", "properties": {"count": {"type": "integer"}, "model": {"type": "string"}}},
    ),
]
Domains = Annotated[
    dict[str, tuple[str, ...] | int],
    FieldType(
        _domains,
        lambda domains: {k: list(v) if isinstance(v, tuple) else v for k, v in domains.items()},
        {
            "type": "object",
            "additionalProperties": {
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "integer"}]
            },
        },
    ),
]


class Reserved(Spec):
    """What a minion keeps for itself: not allocatable to pods."""

    cpu_millicores: CpuMillicores = Field(0, alias="cpu", description="an amount of CPU, as 200m")
    memory_bytes: SizeBytes = Field(0, alias="memory", description="a size, as 500Mi")
    ephemeral_storage_bytes: SizeBytes = Field(0, alias="ephemeral-storage", description="a size, as 1Gi")


class Disk(Spec):
    """A minion's block device, which image pulls and containers share.

    Attributes:
        bandwidth_bytes_per_s: What is read and written together.
    """

    bandwidth_bytes_per_s: BytesPerS = Field(
        alias="bandwidth", description="bytes a second, read and written together, as 200M/s"
    )


class _Minions(Spec):
    """What pools and traces of minions have in common."""

    name: DnsName = Field(description="the name of these minions")
    pods: Annotated[int, whole("a number of pods", 0, 100_000)] = Field(
        110, description="pods on a minion at most"
    )
    pids: PidsLimit = Field(0, description="processes of a pod at most, as 1024; 0 or -1 for no limit")
    kernel: Kernel = Field(
        default_factory=Kernel, description='their kernel, as {version: "5.4", cgroup: v1}'
    )
    reserved: Reserved = Field(default_factory=Reserved, description="kept from pods, as {cpu: 200m}")
    labels: Labels = Field(default_factory=dict, description="labels, as {tier: web}")
    domains: Domains = Field(
        default_factory=dict, description="labels dealt out: names in turn, or a number of blocks"
    )
    taints: tuple[Taint, ...] = Field(
        (), description="a list of taints, as [{key: dedicated, value: gpu, effect: NoSchedule}]"
    )
    cordoned: Flag = Field(False, description="true where the minions begin cordoned")
    kubelet: KubeletDelays | None = Field(
        None, description="delays of these minions' kubelets, as {start: 2s}"
    )
    disk: Disk | None = Field(None, description="the device of images and containers, as {bandwidth: 200M/s}")
    image_disk_bytes: SizeBytes | None = Field(
        None, alias="imageDisk", description="a size with a unit, as 60Gi; by default all ephemeral storage"
    )
    preloaded: tuple[ImageName, ...] = Field(
        (), description="a list of images that are there from the start, as [shop/web:1.4]"
    )


class MinionPool(_Minions):
    """Minions of one size.

    Attributes:
        count: None for a single minion that has the pool's own name.
        cpu_millicores, memory_bytes, ephemeral_storage_bytes: Capacity of each.
        domains: Names dealt in turn, or a number of consecutive blocks.
    """

    count: Annotated[int, whole("a number of minions", 0, MAX_MINIONS)] | None = Field(
        None, description="a number of minions, as 40"
    )
    cpu_millicores: CpuMillicores = Field(alias="cpu", description="an amount of CPU in cores, as 8 or 500m")
    memory_bytes: SizeBytes = Field(alias="memory", description="a size with a unit, as 32Gi")
    ephemeral_storage_bytes: SizeBytes = Field(
        DEFAULT_EPHEMERAL_BYTES, alias="ephemeral-storage", description="a size with a unit, as 100Gi"
    )
    extended: Amounts = Field(
        default_factory=dict, description="extended resources, as {example.com/fpga: 2}"
    )
    gpu: GpuDevicesField | None = Field(None, description="GPU devices, as {count: 8, model: V100}")
    ready: Flag = Field(True, description="true, or false for minions that begin not ready")
    vm: VirtualMachine | None = Field(
        None, description="where they are virtual machines: on which hosts, as {host: metal}"
    )

    @property
    def size(self) -> int:
        """The number of minions."""
        return 1 if self.count is None else self.count

    def minion_names(self) -> Iterator[str]:
        """NAME alone where no count was given, else NAME-0, NAME-1, ..."""
        if self.count is None:
            yield self.name
        else:
            yield from (f"{self.name}-{i}" for i in range(self.count))

    @model_validator(mode="after")
    def _leaves_room(self) -> MinionPool:
        problems = []
        for attribute, key in (
            ("cpu_millicores", "cpu"),
            ("memory_bytes", "memory"),
            ("ephemeral_storage_bytes", "ephemeral-storage"),
        ):
            if getattr(self.reserved, attribute) > getattr(self, attribute):
                sentence = f"the {key} reserved is more than the minion's own {key}"
                problems.append(FieldProblem(sentence, ("reserved", key), code="reserved"))
        if self.vm is not None and self.vm.guest_bytes + self.reserved.memory_bytes > self.memory_bytes:
            sentence = "the memory of the guest's own kernel and what is reserved are more than the minion's"
            problems.append(FieldProblem(sentence, ("vm", "guestMemory"), code="reserved"))
        if problems:
            raise fail(*problems)
        return self


class MinionTrace(_Minions):
    """Minions of a recorded cluster; their sizes and names are the trace's."""

    trace: TraceFile = Field(description="where they are recorded, as {format: openb, path: ...}")


def _kind_of_minions(value: Any) -> str:
    if isinstance(value, Mapping):
        return form_of(value, {"": MinionPool, "trace": MinionTrace}).__name__
    return type(value).__name__ if isinstance(value, _Minions) else "MinionPool"


Minions = Annotated[
    Annotated[MinionPool, Tag("MinionPool")] | Annotated[MinionTrace, Tag("MinionTrace")],
    Discriminator(_kind_of_minions),
]


class Cluster(Spec):
    """The machines; none only where the Nodes of manifests are there."""

    minions: tuple[Minions, ...] = Field(description="a list of minions, as [{name: web, ...}]")
    hosts: tuple[HostPool, ...] = Field(
        (), description="a list of hosts of virtual machines, as [{name: metal, ...}]"
    )

    @model_validator(mode="after")
    def _hosts_have_room(self) -> Cluster:
        guests = [
            (place, pool.name, pool.size, pool.cpu_millicores, pool.memory_bytes, pool.vm)
            for place, pool in enumerate(self.minions)
            if isinstance(pool, MinionPool) and pool.vm is not None
        ]
        problems = host_problems(self.hosts, guests)
        if problems:
            raise fail(*problems)
        return self
