"""What a scenario says of a minion's kernel, and of limits that Docker knows and v1 does not."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import Field, model_validator

from models.api.kernels import (
    DEFAULT_KERNEL,
    LEAST_PID_MAX,
    LEAST_THREADS,
    MOST_PIDS,
    MOST_THREADS,
    CgroupVersion,
    MinionKernel,
    cgroup_refused,
    kernel_version,
)
from models.api.specs_fields import Spec, choice, whole
from models.api.specs_problems import FieldError, FieldProblem, FieldType, fail, quoted
from sim.units import UnitError, format_duration_s, parse_duration_s

__all__ = ["CpuPeriodUs", "CpuQuotaUs", "Cpuset", "Kernel", "PidMax", "PidsLimit"]

_MOST_CPUS: Final = 8192
"""CONFIG_NR_CPUS at most, x86-64."""
_LEAST_US, _MOST_US = 1_000, 1_000_000
"""FACTS L9: a period is 1 ms to 1 s, a quota at least 1 ms."""

PidMax = Annotated[int, whole("kernel.pid_max", LEAST_PID_MAX, MOST_PIDS)]
PidsLimit = Annotated[int, whole("a number of processes (0 or -1: no limit)", -1, MOST_PIDS)]


def _release(value: object) -> str:
    if isinstance(value, float | int) and not isinstance(value, bool):
        sentence = f'expected a kernel release in quotes, as "5.4", not the number {value:g}'
        raise FieldError(FieldProblem(sentence, hint=f'"{value}"'))
    try:
        kernel_version(value if isinstance(value, str) else "")
    except ValueError:
        sentence = f'expected a kernel release, as "5.4" or "6.1.0-13-amd64", not {quoted(value)}'
        raise FieldError(FieldProblem(sentence)) from None
    return str(value)


def _microseconds(value: object, what: str) -> int:
    try:
        seconds = parse_duration_s(value)
    except UnitError as error:
        raise UnitError(f"expected {what}", error.suggestion) from None
    return round(seconds * 1e6)


def _period_us(value: object) -> int:
    us = _microseconds(value, "a CPU period of 1 ms to 1 s, as 100ms")
    if not _LEAST_US <= us <= _MOST_US:
        raise UnitError(f"a CPU period must be 1 ms to 1 s, not {us / 1000:g} ms")
    return us


def _quota_us(value: object) -> int:
    us = _microseconds(value, "a CPU quota of at least 1 ms in each period, as 50ms")
    if us < _LEAST_US:
        raise UnitError(f"a CPU quota must be at least 1 ms, not {us / 1000:g} ms")
    return us


def _cpuset(value: object) -> frozenset[int]:
    """Return the CPUs of a list as the kernel reads it: lib/bitmap.c, bitmap_parselist()."""
    found: set[int] = set()
    for part in str(value).split(",") if isinstance(value, str | int) and value is not True else [""]:
        read = re.fullmatch(r"\s*(\d{1,5})(?:-(\d{1,5}))?\s*", part)
        if read is None or int(read[2] or read[1]) < int(read[1]):
            raise FieldError(FieldProblem(f'expected numbers of CPUs, as "0-3,6", not {quoted(value)}'))
        found.update(range(int(read[1]), int(read[2] or read[1]) + 1))
    if max(found) >= _MOST_CPUS:
        raise FieldError(FieldProblem(f"expected CPUs below {_MOST_CPUS}, not {max(found)}", code="range"))
    return frozenset(found)


def _listed(cpus: frozenset[int]) -> str:
    return ",".join(map(str, sorted(cpus)))


_TIME: Final = {"type": "string", "pattern": "^([0-9.]+(us|ms|s))+$", "examples": ["50ms"]}


def _written_us(us: int) -> str:
    return format_duration_s(us / 1e6)


CpuPeriodUs = Annotated[int, FieldType(_period_us, _written_us, _TIME)]
CpuQuotaUs = Annotated[int, FieldType(_quota_us, _written_us, _TIME)]
Cpuset = Annotated[
    frozenset[int],
    FieldType(
        _cpuset, _listed, {"anyOf": [{"type": "string", "pattern": "^[0-9,-]+$"}, {"type": "integer"}]}
    ),
]


class Kernel(Spec):
    """The kernel that a minion's containers share.

    Attributes:
        pid_max, threads_max: None: as it sets them at boot, by CPUs and memory.
    """

    release: Annotated[str, FieldType(_release, None, {"type": "string", "examples": ["5.4"]})] = Field(
        DEFAULT_KERNEL, alias="version", description='a kernel release in quotes, as "5.4"'
    )
    cgroup: Annotated[CgroupVersion, choice("v1", "v2")] = Field("v1", description="v1 or v2")
    pid_max: PidMax | None = Field(None, alias="pidMax", description="kernel.pid_max, as 32768")
    threads_max: Annotated[int, whole("kernel.threads-max", LEAST_THREADS, MOST_THREADS)] | None = Field(
        None, alias="threadsMax", description="kernel.threads-max, as 126000"
    )

    @model_validator(mode="after")
    def _has_what_it_is_said_to_have(self) -> Kernel:
        refused = cgroup_refused(self.cgroup, self.release)
        if refused is not None:
            raise fail(FieldProblem(refused, ("cgroup",), "v1", code="kernel"))
        return self

    def of_minions(self, pod_pids: int) -> MinionKernel:
        """Return it as minions have it, with what their kubelet lets a pod have."""
        return MinionKernel(self.release, self.cgroup, self.pid_max, self.threads_max, max(0, pod_pids))
