"""The cgroup of a container, a pod or a class of pods: what the kernel is told of it, in the words of v1 and of v2.

Nothing here changes: another limit is another tree. CPU shares are kept as v1 has them (2 to 262,144, FACTS L4),
since that is what the kubelet and Docker compute; on v2 the container runtime writes them as a weight (1 to 10,000,
FACTS L5) by one of two maps, L7 until runc 1.3.1 and L8 from 1.3.2 and in crun from the release that has the same
text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from models.api.kernels import CgroupVersion
from models.kernel.cpugroups import CpuGroup, CpuQuota

__all__ = [
    "DEFAULT_SHARES",
    "MAX_SHARES",
    "MIN_SHARES",
    "Cgroup",
    "WeightMap",
    "cpu_groups",
    "quota_of_millicores",
    "shares_of_millicores",
    "weight_map",
    "weight_of_shares",
    "words",
]

WeightMap = Literal["linear", "curved"]

MIN_SHARES: Final = 2
MAX_SHARES: Final = 262_144
DEFAULT_SHARES: Final = 1024
_MIN_WEIGHT: Final = 1
_MAX_WEIGHT: Final = 10_000
_MIN_QUOTA_US: Final = 1_000
_CURVED_SINCE: Final = (1, 3, 2)


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One cgroup and those in it.

    Attributes:
        name: As its directory; unique among its siblings.
        cpu_shares: Its weight against its siblings, 2 to 262,144.
        quota: CPU time in each period of all in it; None for no quota.
        memory_limit_bytes: Of all in it; None for no limit.
        pids_max: Processes and threads of all in it; None for no limit.
        cpus: CPUs that all in it may use; None for its parent's.
        oom_group: v2: all its processes are killed together where memory runs out.
        is_container: Whether processes run in it.
        children: Those in it.
    """

    name: str
    cpu_shares: int = DEFAULT_SHARES
    quota: CpuQuota | None = None
    memory_limit_bytes: int | None = None
    pids_max: int | None = None
    cpus: frozenset[int] | None = None
    oom_group: bool = False
    is_container: bool = False
    children: tuple[Cgroup, ...] = ()

    def __post_init__(self) -> None:
        if not MIN_SHARES <= self.cpu_shares <= MAX_SHARES:
            raise ValueError(f"'{self.name}': cpu.shares are 2 to 262144, not {self.cpu_shares}")
        names = [child.name for child in self.children]
        if len({*names}) < len(names):
            raise ValueError(f"'{self.name}' has two children of one name")

    def walk(self, above: str = "") -> Iterator[tuple[str, Cgroup]]:
        """Path and cgroup of itself and all in it, parents before children."""
        path = f"{above}/{self.name}" if above else self.name
        yield path, self
        for child in self.children:
            yield from child.walk(path)


def shares_of_millicores(millicores: int) -> int:
    """Return the shares of a CPU request: 1,024 a core, whole, within the kernel's range.

    Source: FACTS L6, k/k:pkg/kubelet/cm/helpers_linux.go, MilliCPUToShares, v1.20.2.
    """
    return max(MIN_SHARES, min(MAX_SHARES, millicores * 1024 // 1000))


def quota_of_millicores(millicores: int, period_us: int = 100_000) -> CpuQuota | None:
    """Return the quota of a CPU limit, raised to 1 ms where it is less; None for no limit (0).

    Source: k/k:pkg/kubelet/cm/helpers_linux.go, MilliCPUToQuota, v1.20.2.
    """
    if millicores <= 0:
        return None
    return CpuQuota(max(_MIN_QUOTA_US, millicores * period_us // 1000), period_us)


def weight_map(runtime: str, version: tuple[int, int, int]) -> WeightMap:
    """Return by which map a container runtime turns shares into a weight.

    Args:
        runtime: ``runc`` or ``crun``; of crun only that recent ones have the curved map is known: it is taken for all.
        version: Of the runtime.

    Raises:
        ValueError: Another runtime.
    """
    if runtime == "runc":
        return "curved" if version >= _CURVED_SINCE else "linear"
    if runtime == "crun":
        return "curved"
    raise ValueError(f"expected the runtime runc or crun, not '{runtime}'")


def weight_of_shares(shares: int, by: WeightMap) -> int:
    """Return ``cpu.weight`` for ``cpu.shares``.

    Source: linear: FACTS L7, k/e:keps/sig-node/2254-cgroup-v2; curved: FACTS L8, opencontainers/cgroups utils.go:
    through (2, 1), (1024, 100) and (262144, 10000).
    """
    if by == "linear":
        return _MIN_WEIGHT + (shares - MIN_SHARES) * (_MAX_WEIGHT - 1) // (MAX_SHARES - MIN_SHARES)
    if shares <= MIN_SHARES:
        return _MIN_WEIGHT
    if shares >= MAX_SHARES:
        return _MAX_WEIGHT
    log = math.log2(shares)
    return math.ceil(math.pow(10.0, (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0))


def words(cgroup: Cgroup, version: CgroupVersion, by: WeightMap = "curved") -> dict[str, str]:
    """Return what is written in the files of a cgroup, by the file's name; a file for each limit that is set."""
    v1, written = version == "v1", {}
    if v1:
        written["cpu.shares"] = str(cgroup.cpu_shares)
    else:
        written["cpu.weight"] = str(weight_of_shares(cgroup.cpu_shares, by))
    if cgroup.quota is not None:
        quota_us, period_us = str(cgroup.quota.quota_us), str(cgroup.quota.period_us)
        if v1:
            written |= {"cpu.cfs_quota_us": quota_us, "cpu.cfs_period_us": period_us}
        else:
            written["cpu.max"] = f"{quota_us} {period_us}"
    if cgroup.memory_limit_bytes is not None:
        written["memory.limit_in_bytes" if v1 else "memory.max"] = str(cgroup.memory_limit_bytes)
    if cgroup.oom_group and not v1:
        written["memory.oom.group"] = "1"
    if cgroup.pids_max is not None:
        written["pids.max"] = str(cgroup.pids_max)
    if cgroup.cpus is not None:
        written["cpuset.cpus"] = ",".join(map(str, sorted(cgroup.cpus)))
    return written


def cpu_groups(
    root: Cgroup, threads: Mapping[str, float], version: CgroupVersion, by: WeightMap = "curved"
) -> CpuGroup:
    """Return what a tree of cgroups is to the CPU's scheduler.

    Args:
        root: The tree.
        threads: Runnable threads by path; 0 where nothing is said.
        version: Whether shares count as they are, or as a weight.
        by: How shares become a weight.
    """

    def of(cgroup: Cgroup, path: str) -> CpuGroup:
        children = tuple(of(child, f"{path}/{child.name}") for child in cgroup.children)
        weight = cgroup.cpu_shares if version == "v1" else weight_of_shares(cgroup.cpu_shares, by)
        runnable = threads.get(path, 0.0)
        return CpuGroup(cgroup.name, float(weight), runnable, cgroup.quota, cgroup.cpus, children)

    return of(root, root.name)
