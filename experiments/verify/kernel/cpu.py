"""Cases of kind ``cpu``: busy containers side by side under one parent, and what each got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.verify.kernel.fields import CaseFields, Setting
from experiments.verify.kernel.kind import (
    Comparison,
    Kind,
    Limit,
    mean_error,
    ninetieth_error,
    worst_error,
)
from models.kernel.cgroups import Cgroup, cpu_groups, quota_of_millicores
from models.kernel.cgrouptrees import docker_tree
from models.kernel.constants import FittedConstants
from models.kernel.cpuperiod import resolve

__all__ = ["CpuCase", "CpuKind", "Got"]

_LEAST_CPUS = 0.01


@dataclass(frozen=True, slots=True)
class Got:
    """What a container got.

    Attributes:
        cores: CPU seconds a second.
        throttled: Periods in which its quota ran out.
        throttled_s: Seconds throttled, summed over CPUs.
    """

    cores: float
    throttled: float
    throttled_s: float


@dataclass(frozen=True, slots=True)
class CpuCase:
    """Containers side by side.

    Attributes:
        name: What the case is about.
        cores: Of the machine.
        containers: Cgroup and busy threads of each, from the beginning to the end.
        measured: Of each.
    """

    name: str
    cores: int
    containers: tuple[tuple[Cgroup, int], ...]
    measured: tuple[Got, ...]


class CpuKind(Kind):
    """Cores a container, within the limits of the models' claim; throttling is shown."""

    name: ClassVar[str] = "cpu"
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("cores", "mean absolute error", mean_error, 0.012, "cores"),
        Limit("cores", "90th percentile", ninetieth_error, 0.035, "cores"),
        Limit("cores", "greatest error", worst_error, 0.16, "cores"),
    )

    def read(self, fields: CaseFields, setting: Setting) -> CpuCase:
        """Return the containers and what they got."""
        given = fields.value
        name = fields.text("case") if "case" in given else ""
        cores = fields.whole("cores", least=1, most=8192) if "cores" in given else setting.cores
        containers = tuple(
            _container(each, place) for place, each in enumerate(fields.elements("containers"))
        )
        measured = tuple(
            Got(each.number("cores"), each.number("throttled"), each.number("throttled_s"))
            for each in fields.elements("measured")
        )
        if isinstance(given.get("containers"), list) and isinstance(given.get("measured"), list):
            if not given["containers"]:
                fields.tell("containers", "expected at least one container")
            elif len(given["containers"]) != len(given["measured"]):
                fields.tell(
                    "measured",
                    f"there are {len(given['containers'])} containers, and {len(given['measured'])} measured",
                )
        return CpuCase(name, cores, containers, measured)

    def compare(self, inputs: CpuCase, setting: Setting, constants: FittedConstants) -> list[Comparison]:
        """Predict the cores and throttling of each container."""
        tree = docker_tree(group for group, _ in inputs.containers)
        threads = {f"root/docker/{group.name}": float(count) for group, count in inputs.containers}
        _, _, *uses = resolve(cpu_groups(tree, threads, setting.cgroup), inputs.cores)
        found = []
        for (group, _), use, got in zip(inputs.containers, uses, inputs.measured, strict=True):
            figures = [("cores", use.cores, got.cores)]
            if group.quota is not None:
                periods = setting.window_s * 1e6 / group.quota.period_us
                figures.append(("throttled periods", use.throttled_ratio * periods, got.throttled))
                held_s = use.throttled_cpus_s * setting.window_s
                figures.append(("throttled seconds of CPUs", held_s, got.throttled_s))
            for aspect, predicted, measured in figures:
                who = f"{inputs.name} {group.name}".strip()
                found.append(Comparison(aspect, who, predicted, measured, abs(predicted - measured)))
        return found


def _container(fields: CaseFields, place: int) -> tuple[Cgroup, int]:
    threads = fields.whole("threads", least=1, most=2**22)
    shares = fields.whole("shares", least=2, most=262_144)
    cpus = fields.optional_number("cpus", least=_LEAST_CPUS, most=8192.0)
    quota = None if cpus is None else quota_of_millicores(round(1000 * cpus))
    return Cgroup(f"#{place}", shares, quota, is_container=True), threads
