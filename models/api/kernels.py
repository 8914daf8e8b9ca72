"""The kernel of a minion: what it is told of limits, and which of them it knows.

Kernels came to know one after the other: memory.kmem.limit_in_bytes 3.8 (gone with 5.16: 5.4 deprecates it, commit
0158115f702b), pids.max 4.3 (FACTS L38), memory.max and io.max of cgroup v2 4.5, cpu.max of v2 4.15, a pid_max of each
PID namespace 6.14 (L42). pid_max is the greater of 32,768 and 1,024 a CPU, at most 4,194,304 (L40); threads-max is RAM
/ (8 x 16 KiB) (kernel/fork.c ``set_max_threads``: thread structures take an eighth of RAM at most; stack of 16 KiB,
L26). Of what a container is asked to be limited to Docker and the kubelet read 0, -1 and nothing as no limit (D13,
K36).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "DEFAULT_KERNEL",
    "KERNEL_STACK_BYTES",
    "LEAST_PID_MAX",
    "LEAST_THREADS",
    "MOST_PIDS",
    "MOST_THREADS",
    "CgroupVersion",
    "MinionKernel",
    "RawLimits",
    "cgroup_refused",
    "counts_kernel_memory",
    "default_pid_max",
    "default_threads_max",
    "kernel_version",
    "kmem_limit_refused",
    "pid_max_refused",
    "pids_limit",
    "pids_limit_refused",
]

CgroupVersion = Literal["v1", "v2"]
DEFAULT_KERNEL: Final = "5.4"
"""The release that minions have which do not say: of Ubuntu 20.04, current when Kubernetes 1.20 was."""
KERNEL_STACK_BYTES: Final = 16 * 1024
"""Of a thread, x86-64 (FACTS L26)."""
MOST_PIDS: Final = 4_194_304
LEAST_PID_MAX: Final = 301
"""kernel/pid.c ``pid_max_min``: one more than the numbers that are kept for the system."""
LEAST_THREADS: Final = 20
MOST_THREADS: Final = 0x3FFFFFFF
"""kernel/fork.c ``MIN_THREADS`` and ``MAX_THREADS``."""


@dataclass(frozen=True, slots=True)
class MinionKernel:
    """What a minion's containers share.

    Attributes:
        release: As ``uname -r`` says it.
        cgroup: The version of its cgroups.
        pid_max, threads_max: kernel.pid_max and kernel.threads-max; None: as it sets them at boot.
        pod_pids: Processes of a pod at most, as its kubelet's podPidsLimit; 0: no limit.
    """

    release: str = DEFAULT_KERNEL
    cgroup: CgroupVersion = "v1"
    pid_max: int | None = None
    threads_max: int | None = None
    pod_pids: int = 0

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor number."""
        return kernel_version(self.release)


@dataclass(frozen=True, slots=True)
class RawLimits:
    """What Docker can limit a container to and v1 cannot say; None of each: no limit of its own.

    Attributes:
        pids: Processes; 0: no limit.
        kernel_memory_bytes: Kernel memory alone.
        pid_max: kernel.pid_max of its PID namespace.
        quota_us, period_us: CPU time in each period.
        cpus: Numbers of the CPUs that it may use.
        io_weight: At block devices, 10 to 1,000 as v1 counts.
        disk_bytes_per_s: That it reads at most, and writes.
    """

    pids: int | None = None
    kernel_memory_bytes: int | None = None
    quota_us: int | None = None
    period_us: int | None = None
    cpus: frozenset[int] | None = None
    io_weight: int | None = None
    disk_bytes_per_s: int | None = None
    pid_max: int | None = None


def kernel_version(release: str) -> tuple[int, int]:
    """Return major and minor number of a release as ``uname -r`` says it.

    Raises:
        ValueError: It begins with no two numbers.
    """
    found = re.match(r"(\d+)\.(\d+)", release)
    if found is None:
        raise ValueError(f"expected a kernel release such as '6.18.4', not '{release}'")
    return int(found[1]), int(found[2])


def default_pid_max(cpus: int) -> int:
    """Return pid_max as the kernel sets it at boot."""
    return min(MOST_PIDS, max(32768, 1024 * cpus))


def default_threads_max(memory_bytes: int) -> int:
    """Return threads-max as the kernel sets it at boot."""
    return min(MOST_THREADS, max(LEAST_THREADS, memory_bytes // (8 * KERNEL_STACK_BYTES)))


def pids_limit(asked: int | None) -> int | None:
    """Return pids.max as Docker and the kubelet read what was asked: 0, -1 and nothing are no limit."""
    return asked if asked is not None and asked > 0 else None


def counts_kernel_memory(cgroup: CgroupVersion, version: tuple[int, int]) -> bool:
    """Tell whether kernel memory counts in the memory limit of a group: on v2, and on v1 from 4.5."""
    return cgroup == "v2" or version >= (4, 5)


def cgroup_refused(cgroup: CgroupVersion, release: str) -> str | None:
    """Return why a kernel has no cgroups of a version that containers can be limited by, in one sentence."""
    if cgroup == "v2" and kernel_version(release) < (4, 15):
        return f"kernel {release} has no cpu controller of cgroup v2: it came with 4.15"
    return None


def pids_limit_refused(release: str) -> str | None:
    """Return why a kernel takes no limit on processes, in one sentence; None if it does."""
    if kernel_version(release) < (4, 3):
        return f"kernel {release} has no pids controller: it came with 4.3"
    return None


def pid_max_refused(release: str) -> str | None:
    """Return why a kernel has no pid_max of a PID namespace, in one sentence; None if it has."""
    if kernel_version(release) < (6, 14):
        return f"kernel {release} has one kernel.pid_max for all: PID namespaces have their own from 6.14"
    return None


def kmem_limit_refused(cgroup: CgroupVersion, release: str) -> str | None:
    """Return why a kernel takes no limit on kernel memory alone, in one sentence; None if it does."""
    if cgroup == "v2":
        return "cgroup v2 has no limit on kernel memory alone: it counts in memory.max"
    version = kernel_version(release)
    if version < (3, 8):
        return f"kernel {release} has no memory.kmem.limit_in_bytes: it came with 3.8"
    if version >= (5, 16):
        return f"kernel {release} has no memory.kmem.limit_in_bytes any more: it went with 5.16"
    return None
