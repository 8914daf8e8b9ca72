"""The gate: what a container found around itself, against what was asked for it.

Nothing works before all is as asked: an engine or kernel that cannot hold a limit says so in a warning, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from experiments.replay.work import PERIOD_US, Limits

__all__ = ["USER", "gate_problems"]

USER: Final = 65534
"""User and group of all work: nobody."""
_OOM_SCORE_ADJ: Final = "1000"
_FILTERED: Final = "2"
"""Seccomp's mode with a filter (proc(5))."""
_PAGE_BYTES: Final = 4096
_V1_NO_LIMIT: Final = 2**62
"""cgroup v1 shows no limit as the greatest number of whole pages."""


def gate_problems(found: Mapping[str, str], limits: Limits, cgroup: str, cpus: str) -> list[str]:
    """Return what is not as it was asked for, as sentences; none where work may begin.

    Args:
        found: What the container said of itself, by name.
        limits: What was asked.
        cgroup: ``v1`` or ``v2``.
        cpus: The cores it may run on, in the kernel's form.
    """
    wanted = _fences() | (_limits_v1(limits) if cgroup == "v1" else _limits_v2(limits))
    wanted[f"{cgroup}.cpuset.cpus"] = cpus
    problems = []
    for name, value in wanted.items():
        seen = found.get(name)
        if seen is None and name == "v1.memory.memsw.limit_in_bytes" and "v1.memory.limit_in_bytes" in found:
            continue  # a kernel without swap accounting; whether there is swap is looked at apart
        if seen is None or not _same(name, " ".join(seen.split()), value):
            problems.append(
                f"{name} is {'not there' if seen is None else seen.strip()}, and {value} was asked for"
            )
    return problems


def _fences() -> dict[str, str]:
    user = " ".join([str(USER)] * 4)
    capabilities = dict.fromkeys(("CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16)
    return {
        "Uid": user,
        "Gid": user,
        **capabilities,
        "NoNewPrivs": "1",
        "Seccomp": _FILTERED,
        "oom_score_adj": _OOM_SCORE_ADJ,
        "core": "0",
        "links": "0",
        "root": "read-only",
    }


def _limits_v1(limits: Limits) -> dict[str, str]:
    memory = _said(limits.memory_bytes, "none")
    return {
        "v1.pids.max": _said(limits.pids, "max"),
        "v1.memory.limit_in_bytes": memory,
        "v1.memory.memsw.limit_in_bytes": memory,
        "v1.cpu.cfs_quota_us": _said(limits.quota_us, "-1"),
        "v1.cpu.cfs_period_us": str(PERIOD_US),
        "v1.cpu.shares": str(limits.shares),
    }


def _limits_v2(limits: Limits) -> dict[str, str]:
    return {
        "v2.pids.max": _said(limits.pids, "max"),
        "v2.memory.max": _said(limits.memory_bytes, "max"),
        "v2.memory.swap.max": "0" if limits.memory_bytes is not None else "max",
        "v2.cpu.max": f"{_said(limits.quota_us, 'max')} {PERIOD_US}",
        "v2.cpu.weight": "any",  # which map from shares the runtime has depends on its version
    }


def _said(limit: int | None, without: str) -> str:
    return without if limit is None else str(limit)


def _same(name: str, seen: str, wanted: str) -> bool:
    if wanted == "any":
        return True
    if name.endswith("limit_in_bytes") and seen.isdecimal():
        return int(seen) >= _V1_NO_LIMIT if wanted == "none" else int(seen) == _whole_pages(wanted)
    if name == "v2.memory.max" and wanted != "max":
        return seen == str(_whole_pages(wanted))
    return seen == wanted


def _whole_pages(number: str) -> int:
    return int(number) // _PAGE_BYTES * _PAGE_BYTES
