"""Checks across a scenario: names that must be different, references that must lead somewhere, bounds on all.

They look at the plain data and pass over whatever is not of the expected form, so that a wrong unit in one
place does not hide a dangling reference in another: the schema speaks of forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from models.api.specs import MAX_MINIONS, Scenario, default_fault_name
from models.api.specs_images_checks import image_problems
from models.api.specs_kernel_checks import kernel_problems
from models.api.specs_manifests import ManifestFile, default_name
from models.api.specs_references import (
    CrossProblem,
    MinionNames,
    dangling_choices,
    dangling_domains,
    dangling_limits,
    dangling_minions,
    dangling_pods,
    is_misspelt,
    mappings,
    pool_size,
)
from models.api.types import DEFAULT_SCHEDULER
from sim.diagnostics import nearest_word

__all__ = ["CrossProblem", "cross_problems"]

_NUMBERED: Final = re.compile(r"(.+)-(0|[1-9][0-9]{0,8})")


def cross_problems(
    data: object, manifests: Mapping[str, ManifestFile] | None = None
) -> Iterator[CrossProblem]:
    """Yield every problem between parts of a scenario.

    Args:
        data: The scenario as plain data.
        manifests: The files of manifests by their paths as written; None where one of them has problems of its
            own, so that not all names are known.
    """
    if not isinstance(data, Mapping):
        return
    cluster = data.get("cluster")
    pools = list(mappings(cluster.get("minions") if isinstance(cluster, Mapping) else None))
    workloads, controllers = list(mappings(data.get("workloads"))), list(mappings(data.get("controllers")))
    faults = list(mappings(data.get("faults")))
    yield from _same_names(("cluster", "minions"), [(i, p.get("name")) for i, p in pools])
    named = [(i, _workload_name(w)) for i, w in workloads]
    yield from _same_names(("workloads",), named)
    manifest = [(i, w.get("manifest")) for i, w in workloads]
    yield from _same_names(("workloads",), manifest, "manifest")
    yield from _same_names(("controllers",), [(i, _in_namespace(c)) for i, c in controllers])
    services = [(i, _in_namespace(s)) for i, s in mappings(data.get("services"))]
    yield from _same_names(("services",), services)
    yield from _served_twice(list(mappings(data.get("schedulers"))))
    yield from _taken(controllers, named)
    yield from _same_names(("faults",), [(i, f.get("name", default_fault_name(i))) for i, f in faults])
    yield from image_problems(data, pools)
    yield from kernel_problems(data, pools)
    yield from _too_many(pools)
    yield from _overlapping(pools)
    all_named = all(isinstance(pool.get("name"), str) for _, pool in pools)
    if manifests is not None and pools and all_named and not any("trace" in pool for _, pool in pools):
        # The names of recorded minions are known when the trace is read.
        names = MinionNames([pool for _, pool in pools], manifests)
        yield from dangling_minions(faults, names)
        yield from dangling_choices(data, names)
        if not any(each.kind == "Node" for file in manifests.values() for each in file.objects):
            yield from dangling_domains(faults, [pool for _, pool in pools])
    if manifests is not None:
        yield from dangling_pods(data, faults, manifests)
        yield from dangling_limits(data, faults, manifests)
    yield from _endless(data, workloads, faults)
    if manifests is not None and not any(
        each.kind == "Node" for file in manifests.values() for each in file.objects
    ):
        yield from _empty(data, cluster)


def _workload_name(workload: Mapping[str, Any]) -> object:
    """A workload's name, the default one too; None where a misspelt key may have been meant for it."""
    if "name" in workload or not {"trace", "manifest"} & set(workload):
        return workload.get("name")
    misspelt = any(nearest_word(str(key), ["name"]) for key in workload)
    return None if misspelt else default_name(workload)


def _in_namespace(named: Mapping[str, Any]) -> object:
    """A name as it must be unique: with its namespace, where that is not the default one."""
    name, namespace = named.get("name"), named.get("namespace", "default")
    if not isinstance(name, str) or not isinstance(namespace, str):
        return None
    return name if namespace == "default" else f"{namespace}/{name}"


def _taken(
    controllers: list[tuple[int, Mapping[str, Any]]], workloads: list[tuple[int, object]]
) -> Iterator[CrossProblem]:
    """A controller and a workload of one name: a selector could mean either."""
    places = {name: i for i, name in workloads if isinstance(name, str)}
    for index, controller in controllers:
        name = controller.get("name")
        if isinstance(name, str) and name in places:
            sentence = f"the name '{name}' is taken: element {places[name]} of workloads has it"
            yield CrossProblem(("controllers", index, "name"), sentence, code="duplicate-name")


def _same_names(
    where: tuple[str, ...], named: list[tuple[int, object]], key: str = "name"
) -> Iterator[CrossProblem]:
    first: dict[str, int] = {}
    for index, name in named:
        if not isinstance(name, str):
            continue
        if name in first:
            sentence = f"the {key} '{name}' is given twice: element {first[name]} of {where[-1]} has it too"
            yield CrossProblem((*where, index, key), sentence, code="duplicate-name")
        else:
            first[name] = index


def _served_twice(schedulers: list[tuple[int, Mapping[str, Any]]]) -> Iterator[CrossProblem]:
    """Two schedulers of one name, or that would both take the pods that ask for a name."""
    # What is misspelt may have been meant for the key that is missing.
    names = [
        (i, each.get("name", None if is_misspelt(each, "name") else DEFAULT_SCHEDULER))
        for i, each in schedulers
    ]
    yield from _same_names(("schedulers",), names)
    taken: dict[str, tuple[int, object]] = {}
    for (index, scheduler), (_, name) in zip(schedulers, names, strict=True):
        serves = scheduler.get("serves")
        if "serves" not in scheduler and is_misspelt(scheduler, "serves"):
            continue
        listed = serves if isinstance(serves, list) else []
        for place, served in enumerate(listed or [name]):
            if not isinstance(served, str):
                continue
            other, called = taken.setdefault(served, (index, name))
            # Two of one name are told so above.
            if other != index and called != name:
                at = ("schedulers", index, *(("serves", place) if listed else ("name",)))
                sentence = f"pods that ask for '{served}' are taken by the scheduler '{called}' already"
                yield CrossProblem(at, sentence, code="exclusive")


def _too_many(pools: list[tuple[int, Mapping[str, Any]]]) -> Iterator[CrossProblem]:
    total = 0
    for index, pool in pools:
        size = pool_size(pool)
        total += size
        # A single pool beyond the limit is told so by its own count.
        if total > MAX_MINIONS >= size:
            sentence = f"expected at most {MAX_MINIONS} minions in all, but with these there are {total}"
            yield CrossProblem(("cluster", "minions", index, "count"), sentence, code="range")
            return


def _overlapping(pools: list[tuple[int, Mapping[str, Any]]]) -> Iterator[CrossProblem]:
    """A single minion ``web-3`` beside a pool ``web`` of more than three."""
    sizes = {
        pool["name"]: pool_size(pool)
        for _, pool in pools
        if isinstance(pool.get("name"), str) and "count" in pool
    }
    for index, pool in pools:
        name = pool.get("name")
        numbered = _NUMBERED.fullmatch(name) if isinstance(name, str) and "count" not in pool else None
        if numbered and int(numbered[2]) < sizes.get(numbered[1], 0):
            sentence = f"the name '{name}' is taken: the minions '{numbered[1]}' have one of this name"
            yield CrossProblem(("cluster", "minions", index, "name"), sentence, code="duplicate-name")


def _empty(data: Mapping[str, Any], cluster: object) -> Iterator[CrossProblem]:
    """A scenario without machines: neither its own, nor Nodes of manifests."""
    if "cluster" not in data:
        expected = Scenario.model_fields["cluster"].description
        sentence = f"'cluster' is missing: expected {expected}"
        yield CrossProblem((), sentence, on_key=True, code="no-minions")
    elif isinstance(cluster, Mapping) and cluster.get("minions") == []:
        yield CrossProblem(("cluster", "minions"), "expected at least one element", code="no-minions")


def _endless(
    data: Mapping[str, Any],
    workloads: list[tuple[int, Mapping[str, Any]]],
    faults: list[tuple[int, Mapping[str, Any]]],
) -> Iterator[CrossProblem]:
    if "until" in data:
        return
    for index, workload in workloads:
        arrivals = workload.get("arrivals")
        if (
            isinstance(arrivals, Mapping)
            and "count" not in workload
            and ("poisson" in arrivals or "batch" in arrivals)
        ):
            sentence = f"'until' is missing: expected a time, as 24h, for workload {index} has no 'count'"
            yield CrossProblem((), sentence, on_key=True, code="missing-key")
            return
    for _, fault in faults:
        if "timeToFailure" in fault and fault.get("enabled", True) is not False:
            sentence = "'until' is missing: expected a time, as 24h, for drawn faults go on for ever"
            yield CrossProblem((), sentence, on_key=True, code="missing-key")
            return
