"""What can be wrong with a recording."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from experiments.verify.control.rows import INPUTS, KINDS, LABELS, NUMBER, TEXT, Check, is_count
from models.api.constants import KUBERNETES_VERSIONS
from sim.diagnostics import nearest_word

__all__ = ["name_of", "problems_of"]

_OBJECTS = ("ReplicationController", "Service", "PriorityClass")


def problems_of(data: Any) -> Iterator[str]:
    """Return what is wrong with the JSON of a recording, one sentence each without a full stop."""
    if not isinstance(data, dict):
        yield "a recording is a JSON object"
        return
    parts = {"kubelet": dict, "minions": list, "objects": list, "log": list}
    yield from _lacking(data, "the recording", {"scenario": TEXT, "kubernetes": TEXT, "toleration_s": NUMBER})
    for name, form in parts.items():
        if not isinstance(data.get(name), form):
            yield f"'{name}' must be {'an object' if form is dict else 'a list'}"
    if any(not isinstance(data.get(name), form) for name, form in parts.items()):
        return
    fields = dict.fromkeys(("start_s", "ready_s", "lease_renew_s"), NUMBER)
    yield from _lacking(data["kubelet"], "'kubelet'", fields)
    if isinstance(data.get("kubernetes"), str) and data["kubernetes"] not in KUBERNETES_VERSIONS:
        yield f"there are no constants of Kubernetes '{data['kubernetes']}'"
    if not data["log"]:
        yield "the log has no rows"
    yield from _of_minions(data["minions"])
    yield from _of_objects(data["objects"])
    yield from _of_log(data["log"])
    yield from _strangers(data)


def _lacking(item: Mapping[str, Any], who: str, fields: Mapping[str, Check]) -> Iterator[str]:
    for name, (what, holds) in fields.items():
        if name not in item:
            yield f"{who} lacks '{name}'"
        elif not holds(item[name]):
            yield f"'{name}' of {who} must be {what}, not {json.dumps(item[name])[:60]}"


def _of_minions(minions: list[Any]) -> Iterator[str]:
    fields = {"name": TEXT, "cpu": TEXT, "memory": TEXT, "pods": NUMBER}
    for place, minion in enumerate(minions):
        who = f"minions[{place}]"
        if not isinstance(minion, dict):
            yield f"{who} must be an object"
            continue
        yield from _lacking(minion, who, fields)
        if minion.get("labels"):
            yield from _lacking(minion, who, {"labels": LABELS})
        if minion.get("t") is not None:
            yield from _lacking(minion, who, {"t": NUMBER})
    names = [minion.get("name") for minion in minions if isinstance(minion, dict)]
    for name in sorted({name for name in names if isinstance(name, str) and names.count(name) > 1}):
        yield f"there are two minions '{name}'"


def _of_objects(objects: list[Any]) -> Iterator[str]:
    for place, item in enumerate(objects):
        who = f"objects[{place}]"
        if not isinstance(item, dict) or not isinstance(item.get("kind"), str):
            yield f"{who} must be an object with a 'kind'"
        elif item["kind"] not in _OBJECTS:
            yield f"{who} has the unknown kind '{item['kind']}'{_like(item['kind'], _OBJECTS)}"
        elif not isinstance(name_of(item), str):
            yield f"{who} lacks a name"
        elif item["kind"] == "ReplicationController":
            yield from _of_controller(item, who)
        elif item["kind"] == "Service":
            selector = item.get("selector", (item.get("spec") or {}).get("selector"))
            yield from _lacking({"selector": selector}, who, {"selector": LABELS})


def name_of(item: Mapping[str, Any]) -> Any:
    """The name of an object, which the recorder writes short for what it does not copy whole."""
    metadata = item.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else item.get("name")


def _of_controller(item: Mapping[str, Any], who: str) -> Iterator[str]:
    spec, metadata = item.get("spec"), item.get("metadata")
    if not isinstance(spec, dict) or not isinstance(metadata, dict):
        yield f"{who} must have 'metadata' and 'spec'"
        return
    if not is_count(spec.get("replicas")):
        yield f"{who} must have spec.replicas, a whole number"
    if not isinstance(spec.get("template"), dict):
        yield f"{who} must have spec.template"
    yield from _lacking({"spec.selector": spec.get("selector")}, who, {"spec.selector": LABELS})


def _of_log(log: list[Any]) -> Iterator[str]:
    for place, row in enumerate(log):
        who = f"log[{place}]"
        if not isinstance(row, dict) or not isinstance(row.get("kind"), str):
            yield f"{who} must be an object with a 'kind'"
        elif row["kind"] not in KINDS:
            yield f"{who} has the unknown kind '{row['kind']}'{_like(row['kind'], KINDS)}"
        else:
            yield from _lacking(row, f"{who} ({row['kind']})", {"t": NUMBER, **KINDS[row["kind"]]})


def _like(word: str, words: Mapping[str, Any] | tuple[str, ...]) -> str:
    near = nearest_word(word, words)
    return f"; nearest: '{near}'" if near else ""


def _strangers(data: Mapping[str, Any]) -> Iterator[str]:
    """Rows that speak of minions, controllers or pods which are nowhere, or not yet."""
    minions = [m.get("name") for m in data["minions"] if isinstance(m, dict)]
    objects = [name_of(o) for o in data["objects"] if isinstance(o, dict)]
    rows = [(place, row) for place, row in enumerate(data["log"]) if _is_row(row)]
    made = {row["pod"] for _, row in rows if row["kind"] in {"pod_created", "do_create_pod"}}
    seen: set[str] = set()
    for place, row in sorted(rows, key=lambda item: float(item[1]["t"])):
        who, kind = f"log[{place}] ({row['kind']}) speaks of", row["kind"]
        asked = row.get("rc", "") if kind != "do_delete" else row["name"]
        if kind in INPUTS and "minion" in row and row["minion"] not in minions:
            yield f"{who} minion '{row['minion']}', which is not in 'minions'"
        if kind in INPUTS and asked and asked not in objects:
            yield f"{who} '{asked}', which is not in 'objects'"
        if kind == "pod_created":
            seen.add(row["pod"])
        elif kind.startswith("pod_") and row["pod"] not in seen:
            yield f"{who} pod '{row['pod']}', which was not created before"
        elif kind in INPUTS and "pod" in row and row["pod"] not in made:
            yield f"{who} pod '{row['pod']}', which is never created"


def _is_row(row: Any) -> bool:
    """Whether nothing was said against a row by itself."""
    return (
        isinstance(row, dict)
        and isinstance(row.get("kind"), str)
        and row["kind"] in KINDS
        and not list(_lacking(row, "", {"t": NUMBER, **KINDS[row["kind"]]}))
    )
