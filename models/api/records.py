"""Every kind of record that the models write, in one table.

Layers: *truth* is what machines do, *record* what the master's store holds, *belief* what a client thinks.
"""

from __future__ import annotations

from sim.journal import Kind, number_kinds

__all__ = [
    "BIND_REFUSED",
    "FAULT_BEGAN",
    "FAULT_ENDED",
    "KINDS",
    "MINION_CRASHED",
    "MINION_REGISTERED",
    "MINION_REPAIRED",
    "POD_BOUND",
    "POD_CREATED",
    "POD_FAILED",
    "POD_GIVEN_UP",
    "POD_LOST",
    "POD_STARTED",
    "POD_SUCCEEDED",
    "POD_UNSCHEDULABLE",
    "POD_WITHDRAWN",
    "POLICY_NOTE",
    "RUN_ENDED",
    "RUN_STARTED",
    "WORKLOAD_OFFERED",
]

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
) = KINDS
