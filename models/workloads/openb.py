"""The openb trace: a production GPU cluster of Alibaba (cluster-trace-gpu-v2023 of github.com/alibaba/clusterdata).

Two tables: minions (``sn, cpu_milli, memory_mib, gpu, model``) and pods (``name, cpu_milli, memory_mib, num_gpu,
gpu_milli, gpu_spec, qos, pod_phase, creation_time, deletion_time, scheduled_time``; seconds from the trace's start).
Paper: Weng et al., "Beware of Fragmentation", USENIX ATC 2023.

A pod that ran lives ``deletion - scheduled`` from its simulated start; one whose deletion is the trace's last
second runs for ever; one that never ran is withdrawn ``deletion - creation`` after its creation if it is still
pending, and if it finds room it lives as long as that (the trace does not say how long it would have run).
Pods recorded as Failed end as Failed; those recorded as Running when they were deleted end as Succeeded.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from models.api.types import GpuDevices, GpuRequest, MinionAsk
from models.workloads.tracing import TraceError, TraceRow

__all__ = ["MINIONS_FILE", "PODS_FILE", "read_minions", "read_rows"]

MINIONS_FILE = "openb_node_list_all_node.csv"
PODS_FILE = "openb_pod_list_default.csv"
_MIB = 1 << 20
_MOST = 10**12


class _Table:
    """Rows of a CSV file as dicts, with every bad cell remembered."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.problems: list[tuple[str, int, str]] = []
        self.rows: list[tuple[int, dict[str, str]]] = []
        try:
            with path.open(newline="", encoding="utf-8") as source:
                reader = csv.DictReader(source)
                missing = [name for name in columns if name not in (reader.fieldnames or ())]
                if missing:
                    listed = ", ".join(missing)
                    raise TraceError(
                        [(str(path), 1, f"the table has no column {listed}; expected {', '.join(columns)}")]
                    )
                for row in reader:
                    if any(row[name] is None for name in columns):
                        self.problems.append((str(path), reader.line_num, "the row is cut short"))
                    else:
                        self.rows.append((reader.line_num, row))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise TraceError([(str(path), 0, f"the table cannot be read: {error}")]) from error

    def whole(self, line: int, row: dict[str, str], column: str) -> int:
        """Return a whole number from 0 to 10**12; a bad one is remembered and read as 0."""
        text = row[column]
        if text.isascii() and text.isdigit() and int(text) <= _MOST:
            return int(text)
        self.problems.append(
            (str(self.path), line, f"column {column} is '{text}'; a whole number was expected")
        )
        return 0

    def finish(self) -> None:
        """Raise all problems at once."""
        if self.problems:
            raise TraceError(self.problems)


def read_minions(folder: Path, pool: str, file: str = MINIONS_FILE) -> list[MinionAsk]:
    """Return the trace's minions, all, in file order.

    Raises:
        TraceError: With every bad row.
    """
    table = _Table(folder / file, ("sn", "cpu_milli", "memory_mib", "gpu", "model"))
    minions = []
    for index, (line, row) in enumerate(table.rows):
        count = table.whole(line, row, "gpu")
        model = row["model"]
        minions.append(
            MinionAsk(
                name=row["sn"],
                pool=pool,
                index=index,
                cpu_millicores=table.whole(line, row, "cpu_milli"),
                memory_bytes=table.whole(line, row, "memory_mib") * _MIB,
                pods=110,
                ephemeral_bytes=100 << 30,
                gpu=GpuDevices(count, model),
                labels={"gpu-model": model} if model else {},
            )
        )
    table.finish()
    return minions


def read_rows(folder: Path, file: str = PODS_FILE) -> tuple[list[TraceRow], float]:
    """Return the trace's pods in file order, and its last second.

    Raises:
        TraceError: With every bad row.
    """
    columns = (
        *("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec", "qos", "pod_phase"),
        *("creation_time", "deletion_time", "scheduled_time"),
    )
    table = _Table(folder / file, columns)
    end = max((table.whole(line, row, "deletion_time") for line, row in table.rows), default=0)
    rows = [_row(table, line, row, end) for line, row in table.rows]
    table.problems = list(dict.fromkeys(table.problems))
    table.finish()
    return rows, float(end)


def _row(table: _Table, line: int, row: dict[str, str], end: int) -> TraceRow:
    cpu, memory, gpus, milli, created, deleted = (
        table.whole(line, row, name)
        for name in ("cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "creation_time", "deletion_time")
    )
    scheduled = table.whole(line, row, "scheduled_time") if row["scheduled_time"] else None
    models = tuple(sorted(row["gpu_spec"].split("|"))) if row["gpu_spec"] else ()
    stay = float(deleted - created)
    ran = stay if scheduled is None else float(deleted - scheduled)
    if not 1 <= milli <= 1000 and gpus == 1:
        table.problems.append((str(table.path), line, f"column gpu_milli is {milli}; 1 to 1000 was expected"))
    if stay < 0 or ran < 0:
        table.problems.append((str(table.path), line, "the pod is deleted before it is created or scheduled"))
    return TraceRow(
        name=row["name"],
        arrive_s=float(created),
        life_s=math.inf if deleted == end and scheduled is not None else ran,
        recorded_life_s=0.0 if scheduled is None else ran,
        cpu_millicores=cpu,
        memory_bytes=memory * _MIB,
        gpu=GpuRequest(gpus, milli if gpus == 1 else 1000, models) if gpus else None,
        labels={"qos": row["qos"]} if row["qos"] else {},
        fails=row["pod_phase"] == "Failed",
        withdraw_after_s=stay if scheduled is None else math.inf,
        recorded_wait_s=float(scheduled - created) if scheduled is not None else math.nan,
    )
