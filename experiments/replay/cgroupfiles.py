"""Reads what the kernel has counted of a cgroup, from the files of cgroup v1 and v2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["Counted", "cgroup_folders", "counted_of_stats", "read_counted"]

_CONTROLLERS: Final = ("cpu", "cpuacct", "memory", "pids")


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one cgroup, since it was made, or now.

    Attributes:
        cpu_s: CPU seconds used.
        periods: Of the quota in which something ran.
        throttled: Of these, in which the quota ran out.
        throttled_s: Seconds throttled, summed over CPUs (v1), or of the group (v2).
        memory_bytes: Charged now.
        peak_bytes: Charged at most; None where the kernel does not tell (v2 before 5.19).
        file_bytes: Page cache charged now.
        tasks: Now.
        oom_kills: By the limit.
    """

    cpu_s: float
    periods: int
    throttled: int
    throttled_s: float
    memory_bytes: int
    peak_bytes: int | None
    file_bytes: int
    tasks: int
    oom_kills: int


def cgroup_folders(pid: int | str, proc: Path = Path("/proc")) -> dict[str, Path]:
    """Return where a process's cgroups are, by controller; under ``""`` that of cgroup v2, where it is mounted.

    Args:
        pid: Of the process, or ``self``.
        proc: Where procfs is mounted.

    Raises:
        OSError: There is no such process.
    """
    mounts: dict[str, tuple[Path, str]] = {}
    for line in (proc / "self" / "mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        root, place = left.split()[3:5]
        kind, _, options = right.split()[:3]
        if kind == "cgroup2":
            mounts.setdefault("", (Path(place), root))
        elif kind == "cgroup":
            mounts.update((name, (Path(place), root)) for name in options.split(","))
    found = {}
    for line in (proc / str(pid) / "cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            if name in mounts:
                mount, inside = mounts[name]
                below = path.removeprefix(inside) if inside != "/" else path
                found[name] = mount / below.lstrip("/")
    return found


def read_counted(folders: Mapping[str, Path]) -> Counted:
    """Read a cgroup.

    Args:
        folders: As ``cgroup_folders`` returned them.

    Raises:
        OSError: The cgroup is gone.
        ValueError: A file is not of the form that the kernel documents.
    """
    return _read_v1(folders) if "memory" in folders else _read_v2(folders[""])


def counted_of_stats(stats: Mapping[str, Any]) -> Counted:
    """Return what an engine says that the kernel has counted (Engine API, ``GET /containers/{id}/stats``).

    Args:
        stats: As the engine answers; OOM kills are not in it.
    """
    cpu, memory = stats["cpu_stats"], stats["memory_stats"]
    throttling = cpu.get("throttling_data", {})
    pages = memory.get("stats", {})
    return Counted(
        cpu_s=cpu["cpu_usage"]["total_usage"] / 1e9,
        periods=throttling.get("periods", 0),
        throttled=throttling.get("throttled_periods", 0),
        throttled_s=throttling.get("throttled_time", 0) / 1e9,
        memory_bytes=memory.get("usage", 0),
        peak_bytes=memory.get("max_usage"),
        file_bytes=pages.get("cache", pages.get("file", 0)),
        tasks=stats.get("pids_stats", {}).get("current", 0),
        oom_kills=0,
    )


def _read_v1(folders: Mapping[str, Path]) -> Counted:
    cpu, accounting, memory, pids = (folders[name] for name in _CONTROLLERS)
    stat = _pairs(cpu / "cpu.stat")
    return Counted(
        cpu_s=int((accounting / "cpuacct.usage").read_text()) / 1e9,
        periods=stat["nr_periods"],
        throttled=stat["nr_throttled"],
        throttled_s=stat["throttled_time"] / 1e9,
        memory_bytes=int((memory / "memory.usage_in_bytes").read_text()),
        peak_bytes=int((memory / "memory.max_usage_in_bytes").read_text()),
        file_bytes=_pairs(memory / "memory.stat")["cache"],
        tasks=int((pids / "pids.current").read_text()),
        oom_kills=_pairs(memory / "memory.oom_control").get("oom_kill", 0),
    )


def _read_v2(folder: Path) -> Counted:
    stat = _pairs(folder / "cpu.stat")
    peak = folder / "memory.peak"
    return Counted(
        cpu_s=stat["usage_usec"] / 1e6,
        periods=stat.get("nr_periods", 0),
        throttled=stat.get("nr_throttled", 0),
        throttled_s=stat.get("throttled_usec", 0) / 1e6,
        memory_bytes=int((folder / "memory.current").read_text()),
        peak_bytes=int(peak.read_text()) if peak.is_file() else None,
        file_bytes=_pairs(folder / "memory.stat")["file"],
        tasks=int((folder / "pids.current").read_text()),
        oom_kills=_pairs(folder / "memory.events")["oom_kill"],
    )


def _pairs(file: Path) -> dict[str, int]:
    found = {}
    for line in file.read_text().splitlines():
        key, _, value = line.partition(" ")
        found[key] = int(value)
    return found
