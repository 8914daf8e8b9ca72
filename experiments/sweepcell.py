"""One cell of a sweep in a worker process: a run in its own folder, or the answer of one that is there."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import multiprocessing
import os
import shutil
import signal
import threading
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.checking import read_checked
from experiments.run import execute
from experiments.sweepmetrics import metrics_of
from models.api.specs import scenario_hash
from sim.errors import WavetankError

__all__ = ["Cell", "CellResult", "end_with_parent", "key_of", "run_cell"]


@dataclass(frozen=True)
class Cell:
    """One run to make.

    Attributes:
        axes: (path, value as JSON) in the order of the design.
        sets: All overrides, the seed's last.
    """

    scenario: str
    sets: tuple[str, ...]
    axes: tuple[tuple[str, str], ...]
    seed: int
    folder: str


@dataclass(frozen=True)
class CellResult:
    """What became of a cell."""

    key: str
    axes: tuple[tuple[str, str], ...]
    seed: int
    status: int
    digest: str
    metrics: Mapping[str, float | None]
    problem: str = ""
    reused: bool = False


@functools.cache
def _version() -> str:
    return importlib.metadata.version("wavetank")


def end_with_parent() -> None:
    """End this worker when the process that started it is gone, however it went: a kill tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(130)

    threading.Thread(target=watch, daemon=True).start()


def key_of(hash_of_scenario: str) -> str:
    """Return the key of a run: scenario after defaults (seed and constants in it) and version."""
    text = f"{hash_of_scenario}/{_version()}"
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def run_cell(cell: Cell) -> CellResult:
    """Make the run of a cell, or read it if it is there and complete. Never raises."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    try:
        loaded = read_checked(Path(cell.scenario), cell.sets)
        key = key_of(scenario_hash(loaded.spec))
        folder = Path(cell.folder) / key
        if folder.is_dir():
            whole = _read(folder)
            if whole is not None:
                manifest, summary = whole
                status = int(summary.get("status", 0))
                return CellResult(
                    key, cell.axes, cell.seed, status, manifest["digest"], metrics_of(summary), reused=True
                )
            shutil.rmtree(folder)  # cut short: it starts again
        folder.mkdir(parents=True)
        outcome = execute(loaded, folder, interruptible=False)
        return CellResult(
            key, cell.axes, cell.seed, outcome.status, outcome.digest, metrics_of(outcome.summary)
        )
    except WavetankError as error:
        return CellResult("", cell.axes, cell.seed, error.exit_status, "", {}, str(error))
    except Exception:  # noqa: BLE001 - a bug in one run must not end the others; its traceback is told
        return CellResult("", cell.axes, cell.seed, 70, "", {}, traceback.format_exc())


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        summary = json.loads((folder / "summary.json").read_text())
    except (OSError, ValueError):
        return None
    return (manifest, summary) if manifest.get("complete") else None
