"""What of a scenario is done again for real: who comes when, what it asks and is limited to. Not what happens then."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from experiments.replay.work import START_TASKS, Work
from models.api.containers import ContainerSpec, PodContainers
from models.api.usage import Usage
from models.kernel.cgrouptrees import quota_of
from sim.distributions import Constant, Distribution

__all__ = ["LEAST_BYTES", "Arrival", "Part", "parts_of", "work_of"]

_MIB = 2**20
LEAST_BYTES = 6 * _MIB
"""With less than that an engine cannot start a container (runc and the program of the work image)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A pod that comes to the minion.

    Attributes:
        pod: As namespace/name.
        at_s: When it was bound, since the run began.
        until_s: When it was removed, inf if not.
        owner: Whose it is, as controller/namespace/name or workload/name.
    """

    pod: str
    at_s: float
    until_s: float
    owner: str


@dataclass(frozen=True, slots=True)
class Part:
    """A pod to be run for real.

    Attributes:
        arrival: Who and when.
        containers: As the plan has them.
        work: What each of its containers does, without a deadline yet.
    """

    arrival: Arrival
    containers: PodContainers
    work: Mapping[str, Work]


def parts_of(
    arrivals: list[Arrival], containers_of: Mapping[str, PodContainers], own_bytes: int
) -> tuple[list[Part], list[str]]:
    """Return the pods that can be run for real, and a sentence for each that is left out.

    Args:
        arrivals: On one minion.
        containers_of: The pods of each owner that says its containers.
        own_bytes: Memory of the work program itself, which is part of what a container holds.
    """
    parts, left_out = [], []
    for arrival in arrivals:
        containers = containers_of.get(arrival.owner)
        problem = _problem(containers)
        if problem is None:
            assert containers is not None
            work = {each.name: work_of(each, own_bytes) for each in containers.containers}
            parts.append(Part(arrival, containers, work))
        else:
            left_out.append(f"pod {arrival.pod} is left out: {problem}")
    return parts, left_out


def work_of(spec: ContainerSpec, own_bytes: int) -> Work:
    """Return what a container does, for a program that holds so much memory by itself."""
    uses, behaviour = spec.behaviour.uses or Usage(), spec.behaviour
    wanted = _wanted_cores(uses, spec)
    threads = uses.threads or (max(1, math.ceil(wanted)) if uses.takes_cpu else 0)
    memory = round(_value(uses.memory) or 0)
    most = min(uses.most_bytes or 2**62, 2 * (spec.limit("memory") or 2**62))
    return Work(
        deadline_s=0.0,
        threads=threads,
        duty_permille=round(1000 * min(1.0, wanted / threads)) if threads else 1000,
        work_s=_value(uses.work) or 0.0,
        hold_bytes=max(1, memory - own_bytes) if memory else 0,
        leak_bytes_per_s=round(uses.leak_bytes_per_s),
        most_bytes=most if uses.leak_bytes_per_s else 0,
        after_s=_value(behaviour.runs) or 0.0,
        code=behaviour.exit_code,
    )


def _wanted_cores(uses: Usage, spec: ContainerSpec) -> float:
    if uses.cpu is not None:
        return (_value(uses.cpu) or 0.0) / 1000
    if uses.of_request is not None:
        return (_value(uses.of_request) or 0.0) * spec.request("cpu") / 1000
    return float(uses.threads or 1)


def _value(law: Distribution | None) -> float | None:
    return float(law.quantile(0.5)) if law is not None else None


def _problem(containers: PodContainers | None) -> str | None:
    """Why a pod cannot be run for real."""
    if containers is None:
        return "nobody says its containers"
    if containers.init_containers:
        return "it has init containers"
    for each in containers.containers:
        for problem in _container_problems(each):
            return f"container {each.name} {problem}"
    return None


def _container_problems(spec: ContainerSpec) -> Iterator[str]:
    behaviour, uses = spec.behaviour, spec.behaviour.uses or Usage()
    drawn = (uses.cpu, uses.of_request, uses.work, uses.memory, behaviour.runs)
    if any(law is not None and not isinstance(law, Constant) for law in drawn):
        yield "draws what it does, and only what is the same each time is done again"
    memory, limit = uses.memory is not None, spec.limit("memory")
    if memory and not limit:
        yield "takes memory, and has no limit of memory: give it one"
    if limit and limit < LEAST_BYTES:
        yield f"has a memory limit of {limit / _MIB:g} MiB, and an engine needs {LEAST_BYTES // _MIB} MiB to start one"
    if spec.raw.pids and spec.raw.pids < START_TASKS:
        yield f"has a limit of {spec.raw.pids} processes, and an engine needs {START_TASKS} to start one"
    quota = quota_of(spec)
    if quota is not None and quota.period_us != 100_000:
        yield "has a period of CPU that is not 100 ms"
    if spec.raw.cpus is not None:
        yield "is bound to single CPUs"
    if any((spec.readiness, spec.liveness, spec.startup)):
        yield "has probes, which nothing answers"
