"""Every kind of record that the models write, in one table.

Layers: *truth* is what machines do, *record* what the master's store holds, *belief* what a client thinks.
"""

from __future__ import annotations

from sim.journal import Kind, number_kinds

__all__ = [
    "BIND_REFUSED",
    "CONTROLLER_CREATED",
    "CONTROLLER_REMOVED",
    "CONTROLLER_SCALED",
    "CONTROLLER_STATUS",
    "ENDPOINTS_WRITTEN",
    "FAULT_BEGAN",
    "FAULT_ENDED",
    "IMAGE_FAILED",
    "IMAGE_PULLED",
    "IMAGE_PULLING",
    "IMAGE_REMOVED",
    "KINDS",
    "MINION_CONDITION",
    "MINION_CRASHED",
    "MINION_REGISTERED",
    "MINION_REPAIRED",
    "MINION_TAINTED",
    "POD_BOUND",
    "POD_CREATED",
    "POD_FAILED",
    "POD_GIVEN_UP",
    "POD_LABELLED",
    "POD_LOST",
    "POD_OWNED",
    "POD_READY",
    "POD_REMOVED",
    "POD_REPORTED",
    "POD_STARTED",
    "POD_STOPPED",
    "POD_SUCCEEDED",
    "POD_TERMINATING",
    "POD_UNREADY",
    "POD_UNSCHEDULABLE",
    "POD_WITHDRAWN",
    "POLICY_NOTE",
    "RUN_ENDED",
    "RUN_STARTED",
    "UNREPORTED",
    "WORKLOAD_OFFERED",
]

UNREPORTED = "unreported"
"""The reason of ``pod_started`` where nobody heard the kubelet: ``pod_reported`` follows once it is heard."""

_MINION_FIELDS = (
    ("cpu_millicores", "q"),
    ("memory_bytes", "q"),
    ("pods", "q"),
    ("ephemeral_bytes", "q"),
    ("gpu_milli", "q"),
)
_POD_FIELDS = (
    ("cpu_millicores", "q"),
    ("memory_bytes", "q"),
    ("ephemeral_bytes", "q"),
    ("gpu_milli", "q"),
    ("recorded_wait_s", "d"),
)

_STATUS_FIELDS = (("desired", "q"), ("replicas", "q"), ("ready", "q"))
_ENDPOINT_FIELDS = (("added", "q"), ("removed", "q"))
_PULLED_FIELDS = (("bytes", "q"), ("queued_s", "d"))

KINDS: tuple[Kind, ...] = number_kinds(
    (
        ("run_started", "record", ()),
        ("minion_registered", "record", _MINION_FIELDS),
        ("workload_offered", "record", ()),
        ("pod_created", "record", _POD_FIELDS),
        ("pod_unschedulable", "belief", ()),
        ("pod_bound", "record", ()),
        ("bind_refused", "record", ()),
        ("pod_started", "truth", ()),
        ("pod_succeeded", "truth", ()),
        ("pod_failed", "truth", ()),
        ("pod_lost", "record", ()),
        ("pod_withdrawn", "record", ()),
        ("pod_given_up", "record", ()),
        ("fault_began", "truth", ()),
        ("fault_ended", "truth", ()),
        ("minion_crashed", "truth", ()),
        ("minion_repaired", "truth", ()),
        ("policy_note", "belief", ()),
        ("run_ended", "record", ()),
        ("minion_condition", "record", ()),
        ("minion_tainted", "record", ()),
        ("pod_ready", "record", ()),
        ("pod_unready", "record", ()),
        ("pod_terminating", "record", ()),
        ("pod_removed", "record", ()),
        ("pod_labelled", "record", ()),
        ("pod_owned", "record", ()),
        ("pod_stopped", "truth", ()),
        ("pod_reported", "record", ()),
        ("controller_created", "record", ()),
        ("controller_scaled", "record", ()),
        ("controller_status", "record", _STATUS_FIELDS),
        ("controller_removed", "record", ()),
        ("endpoints_written", "record", _ENDPOINT_FIELDS),
        ("image_pulling", "truth", ()),
        ("image_pulled", "truth", _PULLED_FIELDS),
        ("image_failed", "truth", ()),
        ("image_removed", "truth", ()),
    )
)

(
    RUN_STARTED,
    MINION_REGISTERED,
    WORKLOAD_OFFERED,
    POD_CREATED,
    POD_UNSCHEDULABLE,
    POD_BOUND,
    BIND_REFUSED,
    POD_STARTED,
    POD_SUCCEEDED,
    POD_FAILED,
    POD_LOST,
    POD_WITHDRAWN,
    POD_GIVEN_UP,
    FAULT_BEGAN,
    FAULT_ENDED,
    MINION_CRASHED,
    MINION_REPAIRED,
    POLICY_NOTE,
    RUN_ENDED,
    MINION_CONDITION,
    MINION_TAINTED,
    POD_READY,
    POD_UNREADY,
    POD_TERMINATING,
    POD_REMOVED,
    POD_LABELLED,
    POD_OWNED,
    POD_STOPPED,
    POD_REPORTED,
    CONTROLLER_CREATED,
    CONTROLLER_SCALED,
    CONTROLLER_STATUS,
    CONTROLLER_REMOVED,
    ENDPOINTS_WRITTEN,
    IMAGE_PULLING,
    IMAGE_PULLED,
    IMAGE_FAILED,
    IMAGE_REMOVED,
) = KINDS
