"""References of a scenario that must lead somewhere: faults to minions, and to pods by the name of what owns them.

They look at the plain data and pass over what is not of the expected form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from models.api.selectors import SelectorError, parse_selector
from models.api.specs_controllers import Controller, Service
from models.api.specs_hosts import HOST_LABEL
from models.api.specs_manifests import ManifestFile, ManifestMinion, ManifestPod, default_name
from sim.diagnostics import nearest_word

__all__ = [
    "CrossProblem",
    "MinionNames",
    "dangling_choices",
    "dangling_domains",
    "dangling_limits",
    "dangling_minions",
    "dangling_pods",
    "is_misspelt",
    "mappings",
    "pool_size",
]

_NUMBERED: Final = re.compile(r"(.+)-(0|[1-9][0-9]{0,8})")
_LISTED: Final = 500
"""How many minions of a pool are looked at for the nearest name."""
_OF_MINIONS: Final = ("crash", "cutOff", "cordon", "uncordon", "taint", "drain", "reboot", "rolling")
_WITH_LIMIT: Final = ("drain", "rolling")
_OF_PODS: Final = ("kill", "unready", "slow", "relabel", "compromise")


@dataclass(frozen=True, slots=True)
class CrossProblem:
    """A problem at a path of the document."""

    path: tuple[str | int, ...]
    sentence: str
    hint: str | None = None
    on_key: bool = False
    code: str = "reference"


def mappings(value: object) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the mappings of a list with their places."""
    if isinstance(value, list):
        yield from ((i, item) for i, item in enumerate(value) if isinstance(item, Mapping))


def is_misspelt(spec: Mapping[str, Any], key: str) -> bool:
    """Whether what is meant for a key may stand under another one."""
    return key not in spec and any(nearest_word(str(each), [key]) for each in spec)


def pool_size(pool: Mapping[str, Any]) -> int:
    """The number of minions of a pool; 0 where it is wrong."""
    count = pool.get("count", 1)
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else 0


class MinionNames:
    """The names of minions that a scenario makes.

    Args:
        pools: ``cluster.minions``, all with a name.
        manifests: The files of manifests, whose Nodes count too.
    """

    def __init__(self, pools: list[Mapping[str, Any]], manifests: Mapping[str, ManifestFile]) -> None:
        objects = [each for file in manifests.values() for each in file.objects]
        nodes = [each.name for each in objects if isinstance(each.spec, ManifestMinion)]
        self._single = dict.fromkeys([*(p["name"] for p in pools if "count" not in p), *nodes])
        self.sizes = {pool["name"]: pool_size(pool) for pool in pools if "count" in pool}

    def has(self, name: str) -> bool:
        """Whether one minion is called so."""
        numbered = _NUMBERED.fullmatch(name)
        in_pool = numbered is not None and int(numbered[2]) < self.sizes.get(numbered[1], 0)
        return name in self._single or in_pool

    def nearest(self, name: str) -> str | None:
        """The nearest name: of the pool first, then the number, which may be too high."""
        numbered = _NUMBERED.fullmatch(name)
        if numbered and self.sizes:
            pool = nearest_word(numbered[1], [pool for pool, size in self.sizes.items() if size])
            if pool is not None:
                return f"{pool}-{min(int(numbered[2]), self.sizes[pool] - 1)}"
        made = [f"{pool}-{i}" for pool, size in self.sizes.items() for i in range(min(size, _LISTED))]
        return nearest_word(name, [*self._single, *made])

    def nearest_of_all(self, name: str) -> str | None:
        """The nearest name of a pool or a minion."""
        return nearest_word(name, [*self.sizes, *self._single]) or self.nearest(name)


def dangling_minions(
    faults: list[tuple[int, Mapping[str, Any]]], names: MinionNames
) -> Iterator[CrossProblem]:
    """Yield the faults of minions that there are not."""
    for index, kind, action in _actions(faults, _OF_MINIONS):
        minion = action.get("minion")
        if isinstance(minion, str) and not names.has(minion):
            near, sentence = names.nearest(minion), f"there is no minion '{minion}' in this cluster"
            if minion in names.sizes:
                near = f"{minion}-0"
                sentence = f"'{minion}' is the name of many minions: expected one, or 'minions: {minion}'"
            path = ("faults", index, kind, "minion")
            yield CrossProblem(path, sentence, near, code="dangling-reference")
        yield from _dangling(("faults", index, kind, "minions"), action.get("minions"), names)


def dangling_choices(data: Mapping[str, Any], names: MinionNames) -> Iterator[CrossProblem]:
    """Yield what schedulers and pods say of minions that there are not."""
    for index, scheduler in mappings(data.get("schedulers")):
        yield from _dangling(("schedulers", index, "minions"), scheduler.get("minions"), names)
    for key in ("workloads", "controllers"):
        for index, owner in mappings(data.get(key)):
            pod = owner.get("pod")
            if isinstance(pod, Mapping):
                yield from _dangling((key, index, "pod", "minions"), pod.get("minions"), names)


def _dangling(path: tuple[str | int, ...], selector: object, names: MinionNames) -> Iterator[CrossProblem]:
    for name in _selected_names(selector):
        if name not in names.sizes and not names.has(name):
            sentence = f"there are no minions '{name}' in this cluster"
            yield CrossProblem(path, sentence, names.nearest_of_all(name), code="dangling-reference")


def dangling_domains(
    faults: list[tuple[int, Mapping[str, Any]]], pools: list[Mapping[str, Any]]
) -> Iterator[CrossProblem]:
    """Yield the crashes together by a label that no minion has; pools are all that there are."""
    known: dict[str, None] = {}
    for pool in pools:
        for key in ("domains", "labels"):
            given = pool.get(key)
            known.update(dict.fromkeys(map(str, given)) if isinstance(given, Mapping) else {})
        known.update({HOST_LABEL: None} if "vm" in pool else {})
    zones = [f"topology.kubernetes.io/{key}" for key in ("zone", "region") if key in known]
    for index, _, crash in _actions(faults, ("crash",)):
        label = crash.get("together")
        if isinstance(label, str) and label not in {*known, *zones}:
            sentence = f"no minion has a label '{label}'"
            path = ("faults", index, "crash", "together")
            near = nearest_word(label, [*known, *zones])
            yield CrossProblem(path, sentence, near, code="dangling-reference")


def dangling_pods(
    data: Mapping[str, Any],
    faults: list[tuple[int, Mapping[str, Any]]],
    manifests: Mapping[str, ManifestFile],
) -> Iterator[CrossProblem]:
    """Yield the faults of pods whose owner there is not."""
    controllers = [controller for _, controller in mappings(data.get("controllers"))]
    workloads = [workload for _, workload in mappings(data.get("workloads"))]
    if any("trace" in workload for workload in workloads):
        return  # the names of recorded pods are known when the trace is read
    known = dict.fromkeys([*map(_owner_name, controllers), *map(_owner_name, workloads)])
    for controller in controllers:
        known[f"{controller.get('namespace', 'default')}/{controller.get('name')}"] = None
    objects = [each for file in manifests.values() for each in file.objects]
    single = {n: None for o in objects if isinstance(o.spec, ManifestPod) for n in (o.name, o.key)}
    known |= {name: None for each in objects for name in each.names}
    generated = {_owner_name(workload) for workload in workloads if "arrivals" in workload}
    for index, kind, action in _actions(faults, _OF_PODS):
        for name in _selected_names(action.get("pods")):
            numbered = _NUMBERED.fullmatch(name)
            if name in known or name in single or (numbered and numbered[1] in generated):
                continue
            sentence = f"nothing is named '{name}' that pods belong to"
            near = nearest_word(name, [word for word in known if word])
            yield CrossProblem(("faults", index, kind, "pods"), sentence, near, code="dangling-reference")


def dangling_limits(
    data: Mapping[str, Any],
    faults: list[tuple[int, Mapping[str, Any]]],
    manifests: Mapping[str, ManifestFile],
) -> Iterator[CrossProblem]:
    """Yield the limits of controllers and services that there are not."""
    read = [each for file in manifests.values() for each in file.objects]
    for word, spec in (("controller", Controller), ("service", Service)):
        made = [_key(each) for _, each in mappings(data.get(f"{word}s"))]
        known = [*made, *(each.key for each in read if isinstance(each.spec, spec))]
        for index, kind, action in _actions(faults, _WITH_LIMIT):
            limit = action.get("limit")
            if not isinstance(limit, Mapping) or not isinstance(limit.get(word), str):
                continue
            name, namespace = limit[word], limit.get("namespace", "default")
            if f"{namespace}/{name}" in known or not isinstance(namespace, str):
                continue
            if is_misspelt(limit, "namespace"):
                continue
            there = {key.partition("/")[2]: key.partition("/")[0] for key in known}
            near = nearest_word(name, list(there))
            sentence = f"there is no {word} '{name}' in this scenario"
            if name in there:
                near = f"namespace: {there[name]}"
                sentence = f"there is no {word} '{name}' in the namespace '{namespace}'"
            path = ("faults", index, kind, "limit", word)
            yield CrossProblem(path, sentence, near, code="dangling-reference")


def _key(named: Mapping[str, Any]) -> str:
    return f"{named.get('namespace', 'default')}/{named.get('name')}"


def _owner_name(owner: Mapping[str, Any]) -> str:
    name = owner.get("name", default_name(owner) if "manifest" in owner else "")
    return name if isinstance(name, str) else ""


def _actions(
    faults: list[tuple[int, Mapping[str, Any]]], kinds: tuple[str, ...]
) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    for index, fault in faults:
        for kind in kinds:
            action = fault.get(kind)
            if isinstance(action, Mapping):
                yield index, kind, action


def _selected_names(value: object) -> tuple[str, ...]:
    try:
        return parse_selector(value).names
    except SelectorError:
        return ()
