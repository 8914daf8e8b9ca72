"""Checks of limits against the kernels of the minions: what a kernel does not know, it refuses.

A limit is held against all pools of minions on which its pod may run, by names, labels and domains. Like all
checks across a scenario these pass over what is not of the expected form: the schema speaks of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from models.api.kernels import kmem_limit_refused, pid_max_refused, pids_limit_refused
from models.api.selectors import Selector, SelectorError, parse_selector
from models.api.specs_cluster import Domains, deal_domains
from models.api.specs_fields import CpuMillicores
from models.api.specs_kernel import Cpuset, Kernel
from models.api.specs_references import CrossProblem, is_misspelt, mappings, pool_size

__all__ = ["kernel_problems"]

_CPUSET: TypeAdapter[frozenset[int]] = TypeAdapter(Cpuset)
_LOOKED_AT = 4096
"""Minions of a pool that are looked at for a selector: labels are dealt in turn or in blocks."""
_DOMAINS: TypeAdapter[dict[str, tuple[str, ...] | int]] = TypeAdapter(Domains)
_CPUS: TypeAdapter[int] = TypeAdapter(CpuMillicores)
_Pool = tuple[Mapping[str, Any], Kernel]
_Path = tuple[str | int, ...]


def kernel_problems(
    data: Mapping[str, Any], pools: list[tuple[int, Mapping[str, Any]]]
) -> Iterator[CrossProblem]:
    """Yield the limits that some minion's kernel refuses.

    Args:
        data: The scenario as plain data.
        pools: Of minions, with their places.
    """
    known = [(index, pool, _kernel(pool)) for index, pool in pools]
    for index, pool, kernel in known:
        if kernel is not None and _is_limit(pool.get("pids")):
            refused = pids_limit_refused(kernel.release)
            if refused is not None:
                yield CrossProblem(("cluster", "minions", index, "pids"), refused, code="kernel")
    asked = [(pool, kernel) for _, pool, kernel in known if kernel is not None]
    yield from _capped(data.get("caps"), asked)
    for key in ("controllers", "workloads"):
        for index, owner in mappings(data.get(key)):
            pod = owner.get("pod")
            if isinstance(pod, Mapping):
                yield from _limited((key, index, "pod"), pod, asked)


def _capped(caps: object, pools: list[_Pool]) -> Iterator[CrossProblem]:
    """Limits on processes by cap: of pods anywhere, so each kernel has to know them."""
    if not isinstance(caps, Mapping):
        return
    refused = _first(pools, lambda _, kernel: pids_limit_refused(kernel.release))
    if refused is not None:
        if _is_limit(caps.get("pids")):
            yield CrossProblem(("caps", "pids"), refused, code="kernel")
        for index, each in mappings(caps.get("pods")):
            if _is_limit(each.get("pids")):
                yield CrossProblem(("caps", "pods", index, "pids"), refused, code="kernel")


def _limited(path: _Path, pod: Mapping[str, Any], pools: list[_Pool]) -> Iterator[CrossProblem]:
    """The limits of a pod's containers that a kernel of minions refuses on which it may run."""
    if is_misspelt(pod, "minions"):
        return
    here = [(pool, kernel) for pool, kernel in pools if _may_run(pod.get("minions"), pool)]
    for key in ("initContainers", "containers"):
        for index, each in mappings(pod.get(key)):
            limits = each.get("limits")
            if not isinstance(limits, Mapping):
                continue
            at = (*path, key, index, "limits")
            refusals = {
                "pids": _first(here, lambda _, kernel: pids_limit_refused(kernel.release))
                if _is_limit(limits.get("pids"))
                else None,
                "pidMax": _first(here, lambda _, kernel: pid_max_refused(kernel.release))
                if _is_limit(limits.get("pidMax"))
                else None,
                "kernelMemory": _first(
                    here, lambda _, kernel: kmem_limit_refused(kernel.cgroup, kernel.release)
                )
                if limits.get("kernelMemory", 0) not in (None, 0)
                else None,
                "cpuset": _cpuset_refused(limits.get("cpuset"), here),
            }
            for word, refused in refusals.items():
                if refused is not None:
                    yield CrossProblem((*at, word), refused, code="kernel")


def _cpuset_refused(value: object, pools: list[_Pool]) -> str | None:
    """Return why CPUs are not to be had, as Docker says it (daemon_unix.go, verifyPlatformContainerResources())."""
    if value is None:
        return None
    try:
        cpus = _CPUSET.validate_python(value)
    except ValidationError:
        return None

    def lacks(pool: Mapping[str, Any], kernel: Kernel) -> str | None:
        try:
            there = -(-_CPUS.validate_python(pool.get("cpu")) // 1000)
        except ValidationError:
            return None
        if max(cpus) < there:
            return None
        available = "0" if there == 1 else f"0-{there - 1}"
        return f"Requested CPUs are not available - requested {value}, available: {available}"

    return _first(pools, lacks)


def _first(pools: list[_Pool], refused: Any) -> str | None:
    """Return the first refusal, and whose it is where there are several pools."""
    for pool, kernel in pools:
        found = refused(pool, kernel)
        if found is not None:
            return f"{found} (minions '{pool.get('name')}')" if len(pools) > 1 else str(found)
    return None


def _kernel(pool: Mapping[str, Any]) -> Kernel | None:
    if is_misspelt(pool, "kernel"):
        return None
    try:
        return Kernel.model_validate(pool.get("kernel", {}))
    except ValidationError:
        return None


def _is_limit(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _may_run(minions: object, pool: Mapping[str, Any]) -> bool:
    """Whether a pod's selector of minions may choose one of a pool."""
    if minions is None:
        return True
    name, size = str(pool.get("name")), pool_size(pool)
    try:
        selector: Selector = parse_selector(minions)
        labels, domains = {**pool.get("labels", {})}, _DOMAINS.validate_python(pool.get("domains", {}))
        return any(
            selector.matches({**labels, **deal_domains(domains, place, size)}, (name, f"{name}-{place}"))
            for place in range(min(size, _LOOKED_AT))
        )
    except (SelectorError, TypeError, ValueError):
        return False
