"""Pods from a table of one's own: CSV or Parquet.

Columns: ``name`` and ``arrive`` (required), ``duration`` (empty: for ever), ``cpu``, ``memory``, ``gpu``, ``labels``
(``key=value`` pairs with ``;`` between). Times are seconds or carry a unit; cpu is in cores or with ``m``; memory in
bytes or with a unit; gpu is whole devices or a fraction of one.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from models.api.types import GpuRequest
from models.workloads.tracing import TraceError, TraceRow
from sim.units import parse_bytes, parse_duration_s, parse_millicores

__all__ = ["read_rows"]

_COLUMNS = ("name", "arrive", "duration", "cpu", "memory", "gpu", "labels")


def read_rows(path: Path) -> tuple[list[TraceRow], float]:
    """Return the pods in file order, and the time of the last arrival or end.

    Raises:
        TraceError: With every bad cell.
    """
    problems: list[tuple[str, int, str]] = []
    rows = []
    for line, cells in _lines(path, problems):
        row = _row(str(path), line, cells, problems)
        if row is not None:
            rows.append(row)
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row.name in seen:
            problems.append((str(path), number + 2, f"the name '{row.name}' stands twice"))
        seen[row.name] = number
    if problems:
        raise TraceError(problems)
    ends = [row.arrive_s + (row.life_s if row.life_s < math.inf else 0.0) for row in rows]
    return rows, max(ends, default=0.0)


def _lines(path: Path, problems: list[tuple[str, int, str]]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the lines that have a cell for each column; the others are problems."""
    try:
        if path.suffix == ".parquet":
            table = pa.parquet.read_table(path)
            _check(path, table.column_names)
            for number, row in enumerate(table.to_pylist()):
                yield number + 1, {key: "" if cell is None else str(cell) for key, cell in row.items()}
            return
        with path.open(newline="", encoding="utf-8") as source:
            reader = csv.DictReader(source)
            _check(path, list(reader.fieldnames or ()))
            columns = len(reader.fieldnames or ())
            for cells in reader:
                found = columns - sum(cell is None for cell in cells.values()) + len(cells.get(None, ()))
                if found != columns:
                    sentence = f"the row has {found} cells; {columns} were expected, one a column"
                    problems.append((str(path), reader.line_num, sentence))
                else:
                    yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowInvalid) as error:
        raise TraceError([(str(path), 0, f"the table cannot be read: {error}")]) from error


def _check(path: Path, columns: list[str]) -> None:
    problems = [f"there is no column '{name}'" for name in ("name", "arrive") if name not in columns]
    problems += [
        f"column '{name}' is not one of {', '.join(_COLUMNS)}" for name in columns if name not in _COLUMNS
    ]
    if problems:
        raise TraceError([(str(path), 1, problem) for problem in problems])


def _row(
    path: str, line: int, cells: Mapping[str, str], problems: list[tuple[str, int, str]]
) -> TraceRow | None:
    before = len(problems)

    def read(column: str, parse: Callable[[str], float], absent: float) -> float:
        text = cells.get(column, "").strip()
        if not text:
            return absent
        try:
            return parse(text)
        except ValueError as error:
            problems.append((path, line, f"column {column} is '{text}': {error}"))
            return absent

    arrive_s = read("arrive", _seconds, math.nan)
    if math.isnan(arrive_s) and len(problems) == before:
        problems.append((path, line, "column arrive is empty; a time was expected"))
    life_s = read("duration", _seconds, math.inf)
    cpu = read("cpu", parse_millicores, 0)
    memory = read("memory", _bytes, 0)
    gpu = read("gpu", _gpu, 0.0)
    labels = dict(pair.split("=", 1) for pair in cells.get("labels", "").split(";") if "=" in pair)
    if not cells.get("name"):
        problems.append((path, line, "column name is empty; a name was expected"))
    if len(problems) > before:
        return None
    request = None if not gpu else GpuRequest(1, round(gpu * 1000)) if gpu < 1 else GpuRequest(int(gpu))
    recorded = life_s if life_s < math.inf else 0.0
    return TraceRow(cells["name"], arrive_s, life_s, recorded, int(cpu), int(memory), request, labels)


def _seconds(text: str) -> float:
    """Read seconds, with or without a unit; not negative."""
    try:
        number = float(text)
    except ValueError:
        return parse_duration_s(text)
    if not 0 <= number <= 1e11:
        raise ValueError("a time from 0 to 1e11 seconds was expected")
    return number


def _bytes(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else parse_bytes(text)


def _gpu(text: str) -> float:
    number = float(text)
    if not (0 <= number <= 1024 and (number < 1 or number == int(number))):
        raise ValueError("whole devices, or a fraction of one, were expected")
    return number
