"""``wavetank record kernel``: fresh measured cases, in the form that ``wavetank verify kernel`` reads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.replay.kernelcases import (
    BurstCase,
    Case,
    CpuCase,
    MemoryCase,
    PageCacheCase,
    PidsCase,
    draw_cases,
)
from experiments.replay.measuring import Bench, unmeasurable
from experiments.replay.noise import settle
from experiments.replay.problems import HostError
from experiments.replay.session import Session

__all__ = ["KINDS", "LARGEST_FILE_BYTES", "Recorded", "record_kernel"]

KINDS = ("cpu", "burst", "pids", "memory", "page_cache")
LARGEST_FILE_BYTES = 48 * 2**20
"""Of the file that readers of a case of page cache read."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording came to.

    Attributes:
        count: Cases measured.
        inconclusive: Of those that say nothing: what they are, and why.
        skipped: Kinds that cannot be measured there, with the reason.
    """

    count: int
    inconclusive: tuple[str, ...]
    skipped: dict[str, str]


def record_kernel(
    session: Session,
    out: Path,
    *,
    count: int,
    seed: int,
    window_s: float,
    repeats: int,
    kinds: Sequence[str] = KINDS,
    told: Callable[[int, str], None] = lambda done, case: None,
) -> Recorded:
    """Draw cases, measure each, and write them; what was measured stays if something goes wrong on the way.

    Args:
        session: In which the containers run.
        out: The file.
        count: How many cases.
        seed: Of what is drawn.
        window_s: For how long CPU is measured.
        repeats: How often each case is measured.
        kinds: Of cases.
        told: Hears how many are done and what comes next.

    Raises:
        HostError: The engine or the host does not go on, or no kind that was asked for can be measured.
    """
    skipped = {kind: why for kind, why in unmeasurable(session).items() if kind in kinds}
    kept = [kind for kind in kinds if kind not in skipped]
    if not kept:
        raise HostError("; ".join(f"no cases of kind {kind}: {why}" for kind, why in skipped.items()))
    cores = session.caps.cores
    cases = draw_cases(count, seed, cores, kept)
    bench = Bench(session, window_s)
    rows: list[dict[str, Any]] = []
    inconclusive = []
    for place, case in enumerate(cases):
        told(place, type(case).__name__)
        try:
            found = [bench.measure(case) for _ in range(repeats)]
            extra = bench.extra(case)
        except HostError as error:
            kept_ones = f"; {place} of {len(cases)} cases are kept in {out}" if rows else ""
            raise HostError(f"{error.sentence}{kept_ones}") from error
        measured, floor = settle(case, found, cores)
        row = {**_inputs(case, cores), **extra, "measured": measured, "noise": floor.figures}
        if floor.problem:
            row["inconclusive"] = floor.problem
            inconclusive.append(f"case {place + 1}, {row['kind']}: {floor.problem}")
        rows.append(row)
        _write(out, {**_setting(session, seed, window_s, repeats), "cases": rows})
    told(len(cases), "")
    return Recorded(len(rows), tuple(inconclusive), skipped)


def _setting(session: Session, seed: int, window_s: float, repeats: int) -> dict[str, Any]:
    facts = session.facts
    return {
        "kernel": facts.kernel,
        "cgroup": facts.cgroup,
        "cores": session.caps.cores,
        "window_s": window_s,
        "engine": facts.version,
        "storage": facts.storage,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": os.getloadavg()[0] if session.local else None,
        "seed": seed,
        "repeats": repeats,
    }


def _inputs(case: Case, cores: int) -> dict[str, Any]:
    match case:
        case CpuCase():
            containers = [
                {"threads": each.threads, "shares": each.shares, "cpus": each.cpus}
                for each in case.containers
            ]
            return {"kind": "cpu", "case": case.name, "cores": cores, "containers": containers}
        case MemoryCase():
            return {"kind": "memory", "limit_mib": case.limit_mib, "alloc_mib": case.alloc_mib}
        case PidsCase():
            return {"kind": "pids", "limit": case.limit, "forks": case.forks}
        case BurstCase():
            return {"kind": "burst", "cpus": case.cpus}
        case PageCacheCase():
            return {"kind": "page_cache", "readers": case.readers, "file_mib": case.file_mib}


def _write(out: Path, value: dict[str, Any]) -> None:
    """Write a whole file in place of the one before, so that there is a whole one at any time."""
    beside = out.with_name(f".{out.name}.part")
    try:
        beside.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
        beside.replace(out)
    except OSError as error:
        raise HostError(f"cannot write {out}: {error.strerror or error}") from error
