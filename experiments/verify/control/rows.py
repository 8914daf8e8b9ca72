"""The kinds of rows in a log of a control plane, and the fields of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["INPUTS", "KINDS", "LABELS", "NUMBER", "TEXT", "Check", "is_count"]

Check = tuple[str, Callable[[Any], bool]]


_MOST = 1e6  # far beyond a recording; keeps a slip of the pen from asking for an endless replay


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST


def is_count(value: Any) -> bool:
    """Whether a value from JSON is a whole number of things."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_labels(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


NUMBER: Check = (f"a number from 0 to {_MOST:,.0f}", _is_number)
TEXT: Check = ("text", _is_text)
LABELS: Check = ("a table of texts", _is_labels)
_COUNT: Check = ("a whole number, not negative", is_count)
_TEXTS: Check = ("a list of texts", _is_texts)
_TEXT_OR_NOTHING: Check = ("text or null", lambda value: value is None or isinstance(value, str))
_TRUTH: Check = ("true or false", lambda value: isinstance(value, bool))
_READINESS: Check = ('"True", "False" or "Unknown"', lambda value: value in ("True", "False", "Unknown"))
_POLICY: Check = (
    "Background, Foreground or Orphan",
    lambda value: value in ("Background", "Foreground", "Orphan"),
)

#: What was done from outside: the rows that a replay repeats.
INPUTS: Mapping[str, Mapping[str, Check]] = {
    "do_create_rc": {"rc": TEXT, "replicas": _COUNT},
    "do_scale": {"rc": TEXT, "replicas": _COUNT},
    "do_delete": {"kind_": TEXT, "name": TEXT, "policy": _POLICY},
    "do_create_pod": {"pod": TEXT, "labels": LABELS, "cpu": TEXT},
    "do_delete_pod": {"pod": TEXT},
    "do_label": {"pod": TEXT, "labels": LABELS},
    "do_cordon": {"minion": TEXT},
    "do_taint": {"minion": TEXT, "taint": TEXT},
    "do_add_minion": {"minion": TEXT},
    "probe_fails": {"pod": TEXT},
    "minion_dies": {"minion": TEXT},
    "minion_back": {"minion": TEXT},
}

#: What was then seen by watches.
_SEEN: Mapping[str, Mapping[str, Check]] = {
    "pod_created": {"pod": TEXT, "owner": _TEXT_OR_NOTHING, "labels": LABELS},
    "pod_node": {"pod": TEXT, "value": _TEXT_OR_NOTHING},
    "pod_phase": {"pod": TEXT, "value": TEXT},
    "pod_ready": {"pod": TEXT, "value": _TRUTH},
    "pod_unschedulable": {"pod": TEXT, "value": _TRUTH},
    "pod_nominated": {"pod": TEXT, "value": _TEXT_OR_NOTHING},
    "pod_owner": {"pod": TEXT, "value": _TEXT_OR_NOTHING},
    "pod_terminating": {"pod": TEXT, "value": _TRUTH},
    "pod_gone": {"pod": TEXT},
    "minion_ready": {"minion": TEXT, "value": _READINESS},
    "minion_taints": {"minion": TEXT, "value": _TEXTS},
    "endpoints": {"service": TEXT, "ready": _COUNT, "added": _TEXTS, "removed": _TEXTS},
    "rc_status": {"rc": TEXT, "gone": _TRUTH, "spec": _COUNT, "replicas": _COUNT, "ready": _COUNT},
}

KINDS: Mapping[str, Mapping[str, Check]] = {**INPUTS, **_SEEN}
