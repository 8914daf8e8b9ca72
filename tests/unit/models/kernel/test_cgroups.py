"""Cgroups as the kubelet and Docker make them, in the words of v1 and v2."""

from __future__ import annotations

import pytest

from models.api.containers import ContainerSpec, PodContainers
from models.api.qos import qos_class
from models.kernel.cgroups import (
    Cgroup,
    cpu_groups,
    quota_of_millicores,
    shares_of_millicores,
    weight_map,
    weight_of_shares,
    words,
)
from models.kernel.cgrouptrees import PodOnMinion, docker_tree, kubelet_tree, quota_notes
from models.kernel.cpugroups import CpuQuota, without_cgroups
from models.kernel.cpushare import max_min

_MIB = 2**20


def container(
    name: str, requests: dict[str, int] | None = None, limits: dict[str, int] | None = None
) -> ContainerSpec:
    """A container; requests default to limits, as the API does."""
    asked = {**(limits or {}), **(requests or {})}
    return ContainerSpec(
        name, requests=tuple(sorted(asked.items())), limits=tuple(sorted((limits or {}).items()))
    )


def pod(name: str, *main: ContainerSpec, first: tuple[ContainerSpec, ...] = (), **known: int) -> PodOnMinion:
    return PodOnMinion(name, PodContainers(main, first), **known)


BOTH = {"cpu": 500, "memory": 64 * _MIB}
SURE = pod("sure", container("a", limits=BOTH), container("b", limits={"cpu": 250, "memory": 32 * _MIB}))
HALF = pod("half", container("a", {"cpu": 300}, {"cpu": 600}), container("b", {"cpu": 100, "memory": _MIB}))
CAPPED = pod("capped", container("a", {"cpu": 100, "memory": _MIB}, {"cpu": 200, "memory": 2 * _MIB}))
BEST = pod("best", container("a"))


def by_path(*pods: PodOnMinion, **options: object) -> dict[str, Cgroup]:
    tree = kubelet_tree(pods, allocatable_millicores=3800, **options)  # type: ignore[arg-type]
    return {path.removeprefix("root/"): each for path, each in tree.walk()}


# FACTS, table under L8.
@pytest.mark.parametrize(
    ("millicores", "shares", "linear", "curved"),
    [
        (0, 2, 1, 1), (50, 51, 2, 11), (100, 102, 4, 17), (250, 256, 10, 35), (500, 512, 20, 59),
        (1000, 1024, 39, 100), (2000, 2048, 79, 174), (4000, 4096, 157, 303), (8000, 8192, 313, 532),
        (300_000, 262_144, 10_000, 10_000),
    ],
)  # fmt: skip
def test_shares_and_weights(millicores: int, shares: int, linear: int, curved: int) -> None:
    assert shares_of_millicores(millicores) == shares
    assert weight_of_shares(shares, "linear") == linear
    assert weight_of_shares(shares, "curved") == curved


def test_the_map_of_weights_is_the_runtimes() -> None:
    assert weight_map("runc", (1, 3, 1)) == "linear"
    assert weight_map("runc", (1, 3, 2)) == "curved"
    assert weight_map("runc", (1, 10, 0)) == "curved"
    assert weight_map("crun", (1, 20, 0)) == "curved"
    with pytest.raises(ValueError, match="runc or crun, not 'runsc'"):
        weight_map("runsc", (1, 0, 0))


def test_classes() -> None:
    assert [qos_class(each.containers) for each in (SURE, HALF, CAPPED, BEST)] == [
        "Guaranteed", "Burstable", "Burstable", "BestEffort",
    ]  # fmt: skip
    init = pod("init", container("a", limits=BOTH), first=(container("i"),))
    assert qos_class(init.containers) == "Burstable"


def test_the_tree_of_a_kubelet() -> None:
    found = by_path(SURE, HALF, CAPPED, BEST, allocatable_bytes=_MIB * 4096, pod_pids=100)
    assert list(found) == [
        "root", "kubepods", "kubepods/pod-sure", "kubepods/pod-sure/a", "kubepods/pod-sure/b", "kubepods/burstable",
        "kubepods/burstable/pod-half", "kubepods/burstable/pod-half/a", "kubepods/burstable/pod-half/b",
        "kubepods/burstable/pod-capped", "kubepods/burstable/pod-capped/a", "kubepods/besteffort",
        "kubepods/besteffort/pod-best", "kubepods/besteffort/pod-best/a", "system.slice", "kube",
    ]  # fmt: skip
    assert found["kubepods"].cpu_shares == 3891
    assert found["kubepods"].memory_limit_bytes == _MIB * 4096
    assert found["kubepods/burstable"].cpu_shares == 512  # 500m of two pods
    assert found["kubepods/besteffort"].cpu_shares == found["kubepods/besteffort/pod-best"].cpu_shares == 2
    sure, half, capped = (
        found[f"kubepods/{each}"] for each in ("pod-sure", "burstable/pod-half", "burstable/pod-capped")
    )
    assert (sure.cpu_shares, sure.quota, sure.memory_limit_bytes) == (768, CpuQuota(75_000), 96 * _MIB)
    # One container of two has a limit: the pod has none.
    assert (half.cpu_shares, half.quota, half.memory_limit_bytes) == (409, None, None)
    assert (capped.quota, capped.memory_limit_bytes) == (CpuQuota(20_000), 2 * _MIB)
    assert {found[path].pids_max for path in found if "/pod-" in path and path.count("/") < 3} == {100, None}
    assert found["kubepods/burstable/pod-half/a"].quota == CpuQuota(60_000)
    assert found["kubepods/burstable/pod-half/a"].pids_max is None


def test_init_containers_count_by_the_greatest_and_run_alone() -> None:
    big = container("i", {"cpu": 900, "memory": _MIB}, {"cpu": 1000, "memory": _MIB})
    small = container("a", {"cpu": 100}, {"cpu": 200, "memory": _MIB})
    found = by_path(pod("p", small, first=(big,), init_index=0, overhead_millicores=100))
    assert [path for path in found if path.startswith("kubepods/burstable/pod-p/")] == [
        "kubepods/burstable/pod-p/i"
    ]
    assert found["kubepods/burstable/pod-p"].cpu_shares == 1024
    assert found["kubepods/burstable/pod-p"].quota == CpuQuota(110_000)
    later = by_path(pod("p", small, first=(big,)))
    assert list(later)[3:5] == ["kubepods/burstable/pod-p", "kubepods/burstable/pod-p/a"]
    assert later["kubepods/burstable/pod-p"].cpu_shares == 921


def test_a_tiny_limit_is_raised_and_told() -> None:
    tiny = pod("p", container("a", {"cpu": 5}, {"cpu": 9}), container("b", {"cpu": 5}, {"cpu": 10}))
    assert quota_of_millicores(9) == quota_of_millicores(10) == CpuQuota(1_000)
    assert quota_of_millicores(0) is None
    assert quota_notes([tiny, SURE]) == [
        "pod p, container a: its CPU limit of 9m is under 10m and becomes 1 ms of quota, 10m"
    ]
    assert by_path(tiny)["kubepods/burstable/pod-p/a"].quota == CpuQuota(1_000)
    assert by_path(tiny, cfs_quota=False)["kubepods/burstable/pod-p/a"].quota is None


def test_a_container_with_a_limit_alone_has_its_shares() -> None:
    bare = ContainerSpec("a", limits=(("cpu", 500),))
    assert by_path(pod("p", bare))["kubepods/burstable/pod-p/a"].cpu_shares == 512


def test_words_of_both_versions() -> None:
    group = Cgroup("a", 512, CpuQuota(20_000), _MIB, 10, frozenset({3, 1}), oom_group=True)
    assert words(group, "v1") == {
        "cpu.shares": "512", "cpu.cfs_quota_us": "20000", "cpu.cfs_period_us": "100000",
        "memory.limit_in_bytes": str(_MIB), "pids.max": "10", "cpuset.cpus": "1,3",
    }  # fmt: skip
    assert words(group, "v2", "linear") == {
        "cpu.weight": "20", "cpu.max": "20000 100000", "memory.max": str(_MIB), "memory.oom.group": "1",
        "pids.max": "10", "cpuset.cpus": "1,3",
    }  # fmt: skip
    assert words(Cgroup("b"), "v2") == {"cpu.weight": "100"}


def test_what_the_version_and_the_runtime_do_to_sharing() -> None:
    tree = docker_tree([Cgroup("big", 8192, is_container=True), Cgroup("small", 1024, is_container=True)])
    threads = {"root/docker/big": 4.0, "root/docker/small": 4.0}
    ratios = []
    for version, by in (("v1", "linear"), ("v2", "linear"), ("v2", "curved")):
        _, _, big, small = max_min(cpu_groups(tree, threads, version, by), 1)  # type: ignore[arg-type]
        ratios.append(big / small)
    assert ratios == pytest.approx([8.0, 313 / 39, 5.32])


def test_without_cgroups_who_has_more_threads_takes_more() -> None:
    tree = docker_tree([Cgroup("many", 2, CpuQuota(10_000)), Cgroup("one", 262_144)])
    root = cpu_groups(tree, {"root/docker/many": 9.0, "root/docker/one": 1.0}, "v1")
    assert max_min(root, 1)[2:] == pytest.approx((2 / 262_146, 262_144 / 262_146))
    assert max_min(without_cgroups(root), 1)[1:] == pytest.approx((0.9, 0.1))


def test_what_no_cgroup_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'a': cpu\.shares are 2 to 262144, not 1"):
        Cgroup("a", 1)
    with pytest.raises(ValueError, match="'r' has two children of one name"):
        Cgroup("r", children=(Cgroup("a"), Cgroup("a")))
