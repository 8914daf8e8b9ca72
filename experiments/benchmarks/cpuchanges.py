"""Changes of demand on one minion: 110 containers nested by QoS class and pod, as its kubelet has them.

A third of the pods is Guaranteed, Burstable, BestEffort each; requests are drawn, demands change one container at a
time. On 16 cores most want more than there is and each change moves what binds; on 400 all get what they want.
"""

from __future__ import annotations

import statistics
import time
from typing import Final

from models.api.containers import ContainerSpec, PodContainers
from models.kernel.cgroups import cpu_groups
from models.kernel.cgrouptrees import PodOnMinion, kubelet_tree
from models.kernel.cpuclocks import make_clock
from models.kernel.cpugroups import CpuGroup
from models.kernel.cpushare import CpuShare, max_min
from models.kernel.cputree import CpuTree
from sim.streams import Streams

__all__ = ["KINDS", "measure_changes"]

KINDS: Final = ("contended", "limited", "uncontended")
"""More wanted than there is; the same with CPU limits, some used up in each period; less wanted than there is."""

_CONTAINERS: Final = 110
_CORES: Final = {"contended": 16, "limited": 16, "uncontended": 400}
_WANTED: Final = 0.4
"""Demands are uniform from 0 to this, in cores: on 16 cores 1.4 times what there is, half of it beyond a fair part."""
_CHECKED: Final = 200
_MOVED: Final = 1e-9
_OTHERS: Final = 10


def minion(containers_a_pod: int, *, limited: bool) -> CpuGroup:
    """Return the tree of a minion, each container with a fifth of a core to do.

    Args:
        containers_a_pod: In each pod.
        limited: Whether every second pod has CPU limits.
    """
    draw = Streams(1).stream("benchmark of CPU changes")
    pods, threads = [], {}
    for number in range(_CONTAINERS // containers_a_pod):
        kind = ("Guaranteed", "Burstable", "BestEffort")[number % 3]
        specs = []
        asked: tuple[tuple[str, int], ...]
        most: tuple[tuple[str, int], ...]
        for place in range(containers_a_pod):
            millicores = 100 + int(400 * draw.at(f"request-{place}", number))
            asked = (("cpu", millicores), ("memory", 2**27)) if kind != "BestEffort" else ()
            most = asked if kind == "Guaranteed" else ()
            if limited and kind == "Burstable" and number % 2:
                most = (("cpu", 2 * millicores),)
            specs.append(ContainerSpec(f"c{place}", requests=asked, limits=most))
        pods.append(PodOnMinion(f"p{number}", PodContainers(tuple(specs))))
    tree = kubelet_tree(pods, allocatable_millicores=15_800, cfs_quota=limited)
    for path, group in tree.walk():
        threads[path] = _WANTED / 2 if group.is_container and "/pod-" in path else 0.1 * group.is_container
    return cpu_groups(tree, threads, "v1")


def measure_changes(kind: str, containers_a_pod: int, count: int) -> dict[str, float]:
    """Return the median microseconds of a change: to the new rates, and by a clock to these and the next end of work.

    Where there is contention only the changes count that give ten other groups other rates. The clock is the compiled
    one where numba is installed.

    Args:
        kind: One of ``KINDS``.
        containers_a_pod: In each pod.
        count: How many changes; every two-hundredth is compared with sharing from scratch, outside the timing.
    """
    root, cores = minion(containers_a_pod, limited=kind == "limited"), _CORES[kind]
    share, clock = CpuShare(CpuTree(root, cores)), make_clock(root, cores)
    groups = share.tree.groups
    leaves = [index for index, group in enumerate(groups) if not group.children]
    draw = Streams(1).stream("benchmark of CPU changes")
    rates_us: list[float] = []
    clock_us: list[float] = []
    now_s, worst = 0.0, 0.0
    before = list(share.node_rates())
    for change in range(count):
        index = leaves[int(len(leaves) * draw.at("who", change))]
        threads = _WANTED * draw.at("threads", change)
        begun_s = time.perf_counter()
        share.set_wanted(index, threads)
        rates = share.node_rates()
        took_us = 1e6 * (time.perf_counter() - begun_s)
        others = sum(abs(rate - old) > _MOVED for rate, old in zip(rates, before, strict=True))
        before = list(rates)
        now_s += 0.37
        begun_s = time.perf_counter()
        clock.set_threads(now_s, index, threads)
        means = clock.means(leaves)
        clock.next_end_s  # noqa: B018
        clock_took_us = 1e6 * (time.perf_counter() - begun_s)
        if kind == "uncontended" or others >= _OTHERS:
            rates_us.append(took_us)
            clock_us.append(clock_took_us)
        if change % _CHECKED == 0:
            worst = max(worst, _off(share, root, cores))
            if kind != "limited":
                got = share.rates()
                worst = max(
                    worst, *(abs(got[leaf] - mean) for leaf, (mean, _) in zip(leaves, means, strict=True))
                )
    return {
        "us": statistics.median(rates_us),
        "clock_us": statistics.median(clock_us),
        "moved": len(rates_us) / count,
        "worst": worst,
    }


def _off(share: CpuShare, root: CpuGroup, cores: int) -> float:
    """How far the rates that were kept up to date are from those from scratch, quotas left aside."""
    wanted = share.tree.wanted
    ids = iter(range(len(share.tree.groups)))

    def now(group: CpuGroup) -> CpuGroup:
        index = next(ids)
        children = tuple(map(now, group.children))
        threads = 0.0 if children else wanted[share.tree.node_of[index]]
        return CpuGroup(group.name, group.weight, threads, children=children)

    fresh = max_min(now(root), cores)
    return max(abs(one - other) for one, other in zip(share.rates(), fresh, strict=True))
