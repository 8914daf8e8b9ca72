"""A run's folder as frames: from its Parquet files, or from the chunks of a run that was killed.

``events.parquet`` and ``series.parquet`` are read where they exist. Where they do not, the folders
``events/`` and ``series/`` of numbered Arrow IPC chunks are, as far as they are whole: what follows a torn
or missing chunk is left out, and a note says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.ipc

from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError

__all__ = ["RunFiles", "open_run"]

_NO_SERIES = {"series": pl.Categorical, "object": pl.Categorical, "time_s": pl.Float64, "value": pl.Float64}


@dataclass(frozen=True)
class RunFiles:
    """One run as it lies on disk.

    Attributes:
        folder: The run's folder.
        manifest: ``manifest.json``, empty where the run did not live to write one.
        complete: The run reached its end and said so.
        notes: What is missing, one sentence each.
    """

    folder: Path
    manifest: Mapping[str, Any]
    complete: bool
    notes: tuple[str, ...]
    _events: tuple[Path, ...] = field(repr=False, default=())
    _series: tuple[Path, ...] = field(repr=False, default=())

    def events(self) -> pl.LazyFrame:
        """The records, in order of ``seq``; select the columns that are needed before collecting."""
        return _scan(self._events)

    def series(self) -> pl.LazyFrame:
        """The points of all series; those of one series are in order of time."""
        if not self._series:
            return pl.LazyFrame(schema=_NO_SERIES)
        return _scan(self._series)


def open_run(folder: Path) -> RunFiles:
    """Find the files of a run, whole or not.

    Raises:
        ScenarioError: There is no run there, or nothing of it can be read.
    """
    if not folder.is_dir():
        raise _bad_folder(folder, f"there is no run at '{folder}': no such folder")
    notes: list[str] = []
    manifest = _manifest(folder, notes)
    events = _find(folder, "events", notes)
    if not events:
        raise _bad_folder(
            folder, f"'{folder}' holds no run: no events.parquet, and no whole chunk in events/"
        )
    series = _find(folder, "series", notes)
    if not series:
        notes.append("No series were written yet, so what is averaged over time is unknown.")
    complete = bool(manifest.get("complete", False))
    if not complete:
        notes.insert(0, "The run is not complete: every figure is of the part that was written.")
    return RunFiles(folder, manifest, complete, tuple(notes), tuple(events), tuple(series))


def _bad_folder(folder: Path, message: str) -> ScenarioError:
    return ScenarioError([Diagnostic(message, source=str(folder), code="no-run")])


def _manifest(folder: Path, notes: list[str]) -> Mapping[str, Any]:
    path = folder / "manifest.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        notes.append("manifest.json was not written.")
        return {}
    except ValueError as error:
        notes.append(f"manifest.json cannot be read ({error}) and is left out.")
        return {}
    if not isinstance(found, dict):
        notes.append("manifest.json is not a mapping and is left out.")
        return {}
    return found


def _find(folder: Path, name: str, notes: list[str]) -> list[Path]:
    whole = folder / f"{name}.parquet"
    if whole.exists():
        try:
            pl.read_parquet_schema(whole)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _bad_folder(whole, f"this is not a Parquet file ({_first_line(error)})") from error
        return [whole]
    return _whole_chunks(folder / name, notes)


def _whole_chunks(folder: Path, notes: list[str]) -> list[Path]:
    """The longest prefix of whole chunks: nothing after a gap can be placed in the run's history."""
    chunks = sorted(folder.glob("*.arrow"))
    for number, path in enumerate(chunks):
        expected = f"{number:05d}.arrow"
        trouble = "is missing" if path.name != expected else _torn(path)
        if trouble:
            left_out = len(chunks) - number
            notes.append(
                f"Chunk {folder.name}/{expected} {trouble}: the {left_out} from there on are left out."
            )
            return chunks[:number]
    return chunks


def _torn(path: Path) -> str:
    """Say what is wrong with a chunk, empty where nothing is. Reads it, as a footer may outlive its body."""
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            for number in range(reader.num_record_batches):
                reader.get_batch(number).validate()
    except (pa.ArrowException, OSError, ValueError) as error:
        return f"is torn ({_first_line(error)})"
    return ""


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _scan(paths: tuple[Path, ...]) -> pl.LazyFrame:
    if paths[0].suffix == ".parquet":
        return pl.scan_parquet(paths[0])
    return pl.scan_ipc(list(paths))
