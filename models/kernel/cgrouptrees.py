"""The cgroups that container engines make: nested by QoS class and pod as the kubelet does, or flat as Docker does.

Source: k/k v1.20.2: pkg/kubelet/cm/helpers_linux.go (ResourceConfigForPod), qos_container_manager_linux.go,
node_container_manager_linux.go, pkg/kubelet/kuberuntime/kuberuntime_container_linux.go, pkg/apis/core/v1/helper/qos.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.api.containers import ContainerSpec, PodContainers
from models.api.kernels import pids_limit
from models.api.qos import QosClass, qos_class
from models.kernel.cgroups import (
    DEFAULT_SHARES,
    MIN_SHARES,
    Cgroup,
    quota_of_millicores,
    shares_of_millicores,
)
from models.kernel.cpugroups import CpuQuota

__all__ = [
    "DAEMONS",
    "PodOnMinion",
    "burstable_millicores",
    "docker_tree",
    "kubelet_tree",
    "quota_notes",
    "quota_of",
]

_COMPUTE = ("cpu", "memory")
_LEAST_MILLICORES = 10

DAEMONS = (
    Cgroup("system.slice", DEFAULT_SHARES, is_container=True),
    Cgroup("kube", DEFAULT_SHARES, is_container=True),
)
"""What runs beside the pods: the system's daemons, the kubelet and the container engine; default shares, no limit."""


@dataclass(frozen=True, slots=True)
class PodOnMinion:
    """A pod as the kubelet runs it.

    Attributes:
        name: Unique on the minion.
        containers: What it is made of.
        init_index: Which of its init containers runs; None once they are done.
        overhead_millicores: Of its runtime class.
        overhead_bytes: The same, memory.
    """

    name: str
    containers: PodContainers
    init_index: int | None = None
    overhead_millicores: int = 0
    overhead_bytes: int = 0

    @property
    def running(self) -> tuple[ContainerSpec, ...]:
        """The containers that have a cgroup now."""
        if self.init_index is None:
            return self.containers.containers
        return (self.containers.init_containers[self.init_index],)


def kubelet_tree(
    pods: Sequence[PodOnMinion],
    *,
    allocatable_millicores: int,
    burstable_millicores: int = 0,
    allocatable_bytes: int | None = None,
    pod_pids: int | None = None,
    oom_group: bool = False,
    cfs_quota: bool = True,
    daemons: tuple[Cgroup, ...] = DAEMONS,
) -> Cgroup:
    """Return the tree of a minion's kubelet.

    Args:
        pods: On the minion.
        allocatable_millicores: Of the minion: the shares of all pods together.
        burstable_millicores: What all pods of class Burstable request, those too that are not told here.
        allocatable_bytes: The limit of all pods together, where the kubelet enforces it.
        pod_pids: ``podPidsLimit``; None for no limit.
        oom_group: Containers are killed as a whole where memory runs out (kubelets since 1.28 on v2).
        cfs_quota: ``cpuCFSQuota``: whether CPU limits become quotas.
        daemons: What runs beside the pods.
    """
    by_class: dict[QosClass, list[PodOnMinion]] = {"Guaranteed": [], "Burstable": [], "BestEffort": []}
    for pod in pods:
        by_class[qos_class(pod.containers)].append(pod)

    def groups(name: QosClass) -> tuple[Cgroup, ...]:
        return tuple(
            _pod(pod, name, pod_pids, oom_group=oom_group, cfs_quota=cfs_quota) for pod in by_class[name]
        )

    asked = sum(_asked(pod)["cpu"] for pod in by_class["Burstable"])
    shares = shares_of_millicores(max(asked, burstable_millicores))
    burstable = Cgroup("burstable", shares, children=groups("Burstable"))
    besteffort = Cgroup("besteffort", MIN_SHARES, children=groups("BestEffort"))
    kubepods = Cgroup(
        "kubepods",
        shares_of_millicores(allocatable_millicores),
        memory_limit_bytes=allocatable_bytes,
        children=(*groups("Guaranteed"), burstable, besteffort),
    )
    return Cgroup("root", children=(kubepods, *daemons))


def burstable_millicores(containers: PodContainers) -> int:
    """Return what a pod adds to the weight of the class Burstable: its CPU request, nothing of another class."""
    if qos_class(containers) != "Burstable":
        return 0
    return _asked(PodOnMinion("", containers))["cpu"]


def quota_of(spec: ContainerSpec) -> CpuQuota | None:
    """Return a container's quota: as it is given, or as its CPU limit makes it; None for none."""
    raw = spec.raw
    if raw.quota_us is not None:
        return CpuQuota(raw.quota_us) if raw.period_us is None else CpuQuota(raw.quota_us, raw.period_us)
    return quota_of_millicores(spec.limit("cpu") or 0)


def docker_tree(containers: Iterable[Cgroup]) -> Cgroup:
    """Return containers side by side under one parent, as Docker makes them."""
    return Cgroup("root", children=(Cgroup("docker", children=tuple(containers)),))


def quota_notes(pods: Iterable[PodOnMinion]) -> list[str]:
    """Return a sentence for each container whose CPU limit is less than the least quota that a kernel has."""
    return [
        f"pod {pod.name}, container {each.name}: its CPU limit of {limit}m is under 10m and becomes 1 ms of quota, 10m"
        for pod in pods
        for each in (*pod.containers.init_containers, *pod.containers.containers)
        if (limit := each.limit("cpu")) is not None and limit < _LEAST_MILLICORES
    ]


def _pod(pod: PodOnMinion, qos: QosClass, pids: int | None, *, oom_group: bool, cfs_quota: bool) -> Cgroup:
    asked, most = _asked(pod), _most(pod)
    main = pod.containers.containers
    limited = {name: all(each.limit(name) for each in main) for name in _COMPUTE}
    quota = quota_of_millicores(most["cpu"]) if limited["cpu"] and cfs_quota else None
    return Cgroup(
        f"pod-{pod.name}",
        MIN_SHARES if qos == "BestEffort" else shares_of_millicores(asked["cpu"]),
        quota,
        most["memory"] if limited["memory"] else None,
        pids,
        children=tuple(_container(each, oom_group=oom_group, cfs_quota=cfs_quota) for each in pod.running),
    )


def _container(spec: ContainerSpec, *, oom_group: bool, cfs_quota: bool) -> Cgroup:
    asked, most = spec.request("cpu"), spec.limit("cpu") or 0
    return Cgroup(
        spec.name,
        shares_of_millicores(asked or most),
        quota_of(spec) if cfs_quota else None,
        spec.limit("memory"),
        pids_limit(spec.raw.pids),
        spec.raw.cpus,
        oom_group=oom_group,
        is_container=True,
    )


def _asked(pod: PodOnMinion) -> Counter[str]:
    """What a pod requests: containers summed, at least each init container, and its overhead."""
    return _total(
        pod,
        [(dict(each.requests)) for each in pod.containers.containers],
        [dict(each.requests) for each in pod.containers.init_containers],
    )


def _most(pod: PodOnMinion) -> Counter[str]:
    """What a pod is limited to, by the same sums; it counts only where every container has a limit."""
    return _total(
        pod,
        [dict(each.limits) for each in pod.containers.containers],
        [dict(each.limits) for each in pod.containers.init_containers],
    )


def _total(pod: PodOnMinion, main: Sequence[dict[str, int]], first: Sequence[dict[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in main:
        total += Counter(each)
    for each in first:
        total |= Counter(each)
    return total + Counter({"cpu": pod.overhead_millicores, "memory": pod.overhead_bytes})
