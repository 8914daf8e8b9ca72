"""Checks across a scenario: names that must be different, references that must lead somewhere, bounds on all.

They look at the plain data and pass over whatever is not of the expected form, so that a wrong unit in one
place does not hide a dangling reference in another: the schema speaks of forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from models.api.specs import MAX_MINIONS, default_fault_name
from models.api.specs_manifests import default_name
from sim.diagnostics import nearest_word

__all__ = ["CrossProblem", "cross_problems"]

_NUMBERED: Final = re.compile(r"(.+)-(0|[1-9][0-9]{0,8})")
_LISTED: Final = 500
"""How many minions of a pool are looked at for the nearest name."""


@dataclass(frozen=True, slots=True)
class CrossProblem:
    """A problem at a path of the document."""

    path: tuple[str | int, ...]
    sentence: str
    hint: str | None = None
    on_key: bool = False
    code: str = "reference"


def cross_problems(data: object) -> Iterator[CrossProblem]:
    """Yield every problem between parts of a scenario."""
    if not isinstance(data, Mapping):
        return
    cluster = data.get("cluster")
    pools = list(_mappings(cluster.get("minions") if isinstance(cluster, Mapping) else None))
    workloads = list(_mappings(data.get("workloads")))
    faults = list(_mappings(data.get("faults")))
    yield from _same_names("minions", ("cluster", "minions"), [(i, p.get("name")) for i, p in pools])
    named = [(i, w.get("name", default_name(w) if "trace" in w else None)) for i, w in workloads]
    yield from _same_names("workload", ("workloads",), named)
    yield from _same_names(
        "fault", ("faults",), [(i, f.get("name", default_fault_name(i))) for i, f in faults]
    )
    yield from _too_many(pools)
    yield from _overlapping(pools)
    yield from _dangling(faults, pools)
    yield from _endless(data, workloads, faults)


def _mappings(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if isinstance(value, list):
        yield from ((i, item) for i, item in enumerate(value) if isinstance(item, Mapping))


def _same_names(kind: str, where: tuple[str, ...], named: list[tuple[int, object]]) -> Iterator[CrossProblem]:
    first: dict[str, int] = {}
    for index, name in named:
        if not isinstance(name, str):
            continue
        if name in first:
            sentence = f"the name '{name}' is given twice: element {first[name]} of {where[-1]} has it too"
            yield CrossProblem((*where, index, "name"), sentence, code="duplicate-name")
        else:
            first[name] = index


def _size(pool: Mapping[str, Any]) -> int:
    count = pool.get("count", 1)
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else 0


def _too_many(pools: list[tuple[int, Mapping[str, Any]]]) -> Iterator[CrossProblem]:
    total = 0
    for index, pool in pools:
        size = _size(pool)
        total += size
        # A single pool beyond the limit is told so by its own count.
        if total > MAX_MINIONS >= size:
            sentence = f"expected at most {MAX_MINIONS} minions in all, but with these there are {total}"
            yield CrossProblem(("cluster", "minions", index, "count"), sentence, code="range")
            return


def _overlapping(pools: list[tuple[int, Mapping[str, Any]]]) -> Iterator[CrossProblem]:
    """A single minion ``web-3`` beside a pool ``web`` of more than three."""
    sizes = {
        pool["name"]: _size(pool)
        for _, pool in pools
        if isinstance(pool.get("name"), str) and "count" in pool
    }
    for index, pool in pools:
        name = pool.get("name")
        numbered = _NUMBERED.fullmatch(name) if isinstance(name, str) and "count" not in pool else None
        if numbered and int(numbered[2]) < sizes.get(numbered[1], 0):
            sentence = f"the name '{name}' is taken: the minions '{numbered[1]}' have one of this name"
            yield CrossProblem(("cluster", "minions", index, "name"), sentence, code="duplicate-name")


def _dangling(
    faults: list[tuple[int, Mapping[str, Any]]], pools: list[tuple[int, Mapping[str, Any]]]
) -> Iterator[CrossProblem]:
    if any("trace" in pool for _, pool in pools):
        return  # the names of recorded minions are known when the trace is read
    if not pools or not all(isinstance(pool.get("name"), str) for _, pool in pools):
        return
    single = {pool["name"]: None for _, pool in pools if "count" not in pool}
    sizes = {pool["name"]: _size(pool) for _, pool in pools if "count" in pool}
    for index, fault in faults:
        crash = fault.get("crash")
        minion = crash.get("minion") if isinstance(crash, Mapping) else None
        if not isinstance(minion, str) or minion in single:
            continue
        numbered = _NUMBERED.fullmatch(minion)
        if numbered and int(numbered[2]) < sizes.get(numbered[1], 0):
            continue
        near = _nearest_minion(minion, single, sizes)
        sentence = f"there is no minion '{minion}' in this cluster"
        if minion in sizes:
            near, sentence = (
                f"{minion}-0",
                f"'{minion}' is the name of many minions: expected one, or 'minions: {minion}'",
            )
        yield CrossProblem(("faults", index, "crash", "minion"), sentence, near, code="dangling-reference")


def _nearest_minion(name: str, single: Mapping[str, None], sizes: Mapping[str, int]) -> str | None:
    """The nearest name: of the pool first, then the number, which may be too high."""
    numbered = _NUMBERED.fullmatch(name)
    if numbered and sizes:
        pool = nearest_word(numbered[1], [pool for pool, size in sizes.items() if size])
        if pool is not None:
            return f"{pool}-{min(int(numbered[2]), sizes[pool] - 1)}"
    made = [f"{pool}-{i}" for pool, size in sizes.items() for i in range(min(size, _LISTED))]
    return nearest_word(name, [*single, *made])


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
