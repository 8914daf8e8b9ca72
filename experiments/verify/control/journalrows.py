"""From a run's journal to rows of the recordings' form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["rows_of"]

Event = Mapping[str, Any]
Rows = list[dict[str, Any]]


def _name(text: str | None) -> str | None:
    """Return the name at the end of an identity's text."""
    return None if text is None else text.rpartition("/")[2]


def _controller(text: str | None) -> str | None:
    return _name(text) if text is not None and text.startswith("controller/") else None


def _taints(event: Event) -> list[str]:
    texts = (event["reason"] or "").split()
    return sorted(text.removeprefix("node.kubernetes.io/") for text in texts)


def _status(event: Event) -> dict[str, Any]:
    return {
        "rc": _name(event["object"]),
        "gone": False,
        "spec": event["controller_status_desired"],
        "replicas": event["controller_status_replicas"],
        "ready": event["controller_status_ready"],
    }


def _bound(event: Event) -> dict[str, Any]:
    minion = _name(event["minion"])
    return {"pod": _name(event["object"]), "value": minion, "node": minion}


_KINDS: Mapping[str, tuple[str, Callable[[Event], dict[str, Any]]]] = {
    "pod_created": (
        "pod_created",
        lambda e: {"pod": _name(e["object"]), "owner": _controller(e["owner"]), "labels": {}},
    ),
    "pod_bound": ("pod_node", _bound),
    "pod_started": ("pod_phase", lambda e: _bound(e) | {"value": "Running"}),
    "pod_ready": ("pod_ready", lambda e: _bound(e) | {"value": True}),
    "pod_unready": ("pod_ready", lambda e: _bound(e) | {"value": False}),
    "pod_unschedulable": ("pod_unschedulable", lambda e: {"pod": _name(e["object"]), "value": True}),
    "pod_nominated": (
        "pod_nominated",
        lambda e: {"pod": _name(e["object"]), "value": _name(e["minion"])},
    ),
    "pod_owned": ("pod_owner", lambda e: {"pod": _name(e["object"]), "value": _controller(e["owner"])}),
    "pod_terminating": ("pod_terminating", lambda e: _bound(e) | {"value": True}),
    "pod_removed": ("pod_gone", lambda e: {"pod": _name(e["object"])}),
    "minion_condition": ("minion_ready", lambda e: {"minion": _name(e["object"]), "value": e["reason"]}),
    "minion_tainted": ("minion_taints", lambda e: {"minion": _name(e["object"]), "value": _taints(e)}),
    "controller_status": ("rc_status", _status),
}


def rows_of(events: Sequence[Event]) -> Rows:
    """Return what a watch would have seen, in order of the journal."""
    rows: Rows = []
    last: dict[str, dict[str, Any]] = {}
    for event in events:
        kind = str(event["kind"])
        row: dict[str, Any] | None = None
        if kind in _KINDS:
            seen, fields = _KINDS[kind]
            row = {"t": event["time_s"], "kind": seen, **fields(event)}
        elif kind in {"controller_created", "controller_scaled", "controller_removed"}:
            name = str(_name(event["object"]))
            row = {"t": event["time_s"], "kind": "rc_status", "rc": name}
            row |= {"gone": kind == "controller_removed", "spec": 0, "replicas": 0, "ready": 0}
            row |= {key: last[name][key] for key in ("spec", "replicas", "ready") if name in last}
            if kind != "controller_removed":
                row["spec"] = int(event["value"])
        if row is not None:
            if row["kind"] == "rc_status":
                last[str(row["rc"])] = row
            rows.append(row)
    return rows
