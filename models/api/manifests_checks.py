"""The manifests of a scenario: which files it names, and what in them does not go with the rest of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic_core import PydanticCustomError

from models.api.manifests import read_manifest
from models.api.manifests_settling import settle
from models.api.specs_manifests import ManifestFile, ManifestPod
from models.api.specs_references import MinionNames, mappings
from models.api.specs_sources import Surroundings, expand_path
from sim.diagnostics import Diagnostic
from sim.jsonsource import looks_like_json
from sim.yamltext import DEFAULT_LIMITS

__all__ = ["check_manifests", "is_manifest", "manifest_problems", "read_manifests"]

_SCENARIO: Final = re.compile(
    r"""^[ \t]*[{,]?[ \t]*["']?apiVersion["']?\s*:\s*["']?wavetank/""", re.MULTILINE
)
_KIND: Final = re.compile(r"^kind[ \t]*:", re.MULTILINE)


def read_manifests(
    data: object, surroundings: Surroundings
) -> tuple[dict[str, ManifestFile], list[Diagnostic]]:
    """Return what the files of a scenario's workloads hold, by their paths as written, and every problem in them.

    A file that is not there is left out: the schema tells it where the scenario names it.

    Args:
        data: The scenario as plain data; what is not of the expected form is passed over.
        surroundings: Where paths start.
    """
    files: dict[str, ManifestFile] = {}
    problems: list[Diagnostic] = []
    if not isinstance(data, Mapping):
        return files, problems
    for _, workload in mappings(data.get("workloads")):
        path = workload.get("manifest")
        if not isinstance(path, str) or not path.strip() or path in files:
            continue
        try:
            file = expand_path(path, surroundings)
            is_there = file.is_file()
        except (PydanticCustomError, OSError, ValueError):
            continue
        if is_there:
            files[path], found = read_manifest(file)
            problems += found
    settled, found = settle(files)
    return settled, problems or found  # what does not go together may only follow from what is wrong


def check_manifests(paths: Sequence[Path]) -> tuple[dict[str, ManifestFile], list[Diagnostic]]:
    """Return what files of manifests hold by their paths, and every problem in them and between them.

    Where a pod is bound is asked only if there are Nodes in one of them.
    """
    files: dict[str, ManifestFile] = {}
    problems: list[Diagnostic] = []
    for path in paths:
        files[str(path)], found = read_manifest(path)
        problems += found
    settled, found = settle(files)
    across = [*found, *manifest_problems({}, settled, sure_of_minions=True)]
    return settled, problems or across


def is_manifest(text: str) -> bool:
    """Tell whether a text is a manifest, not a scenario: it has a kind, which scenarios have not."""
    if len(text) > DEFAULT_LIMITS.max_bytes:  # too long for a scenario, and to be searched
        return True
    return _SCENARIO.search(text) is None and (looks_like_json(text) or _KIND.search(text) is not None)


def manifest_problems(
    data: object, files: Mapping[str, ManifestFile], *, sure_of_minions: bool
) -> Iterator[Diagnostic]:
    """Yield what in manifests does not go with the scenario, or with another file.

    Args:
        data: The scenario as plain data.
        files: What :func:`read_manifests` returned.
        sure_of_minions: Whether the scenario's own minions are right, so that others are missing.
    """
    if not isinstance(data, Mapping):
        return
    taken = {
        ("Controller", *_place(each)): f"element {i} of controllers"
        for i, each in mappings(data.get("controllers"))
    }
    taken |= {
        ("Service", *_place(each)): f"element {i} of services" for i, each in mappings(data.get("services"))
    }
    cluster = data.get("cluster")
    pools = [pool for _, pool in mappings(cluster.get("minions") if isinstance(cluster, Mapping) else None)]
    nodes = any(each.kind == "Node" for file in files.values() for each in file.objects)
    is_known = sure_of_minions and (bool(pools) or nodes)
    is_known = is_known and all(isinstance(pool.get("name"), str) and "trace" not in pool for pool in pools)
    own = MinionNames(pools, {}) if is_known else None
    everywhere = MinionNames(pools, files) if is_known else None
    for path, file in files.items():
        for each in file.objects:
            kind = "Controller" if each.kind.startswith("Repli") else each.kind
            holder = taken.setdefault((kind, each.namespace, each.name), path)
            if kind == "Node" and own is not None and own.has(each.name):
                holder = "the scenario's cluster"
            if holder != path:
                says = f'metadata.name: {each.kind} "{each.name}" already exists: {holder} has it too'
                yield each.diagnostic(("metadata", "name"), says, "duplicate-name")
            bound = None
            if isinstance(each.spec, ManifestPod) and not each.spec.has_ended:
                bound = each.spec.minion
            if bound is not None and everywhere is not None and not everywhere.has(bound):
                says = f"spec.nodeName: there is no minion '{bound}' in this cluster"
                hint = everywhere.nearest(bound)
                yield each.diagnostic(("spec", "nodeName"), says, "dangling-reference", hint)


def _place(named: Mapping[str, Any]) -> tuple[object, object]:
    namespace, name = named.get("namespace", "default"), named.get("name")
    return (namespace, name) if isinstance(namespace, str) and isinstance(name, str) else (None, None)
