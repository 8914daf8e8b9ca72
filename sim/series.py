"""Series on change: what a quantity was, from when.

Quantities that change together are one :class:`Gauges`: a change is a tuple of differences, kept as it is and
summed when a chunk is written. Of several changes at one instant the last counts; a quantity that did not change
gets no point, and a quiet month costs nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.engine import Engine
from sim.journalchunks import ChunkSink

__all__ = ["SERIES_SCHEMA", "Gauges", "SeriesBook"]

_TEXT = pa.dictionary(pa.int32(), pa.string())
SERIES_SCHEMA = pa.schema(
    [("series", _TEXT), ("object", _TEXT), ("time_s", pa.float64()), ("value", pa.float64())]
)
_CHUNK_CHANGES = 16_384


class Gauges:
    """Quantities that change together; made by :meth:`SeriesBook.gauges`."""

    __slots__ = ("_base", "_differences", "_env", "_extend", "_time", "_times", "_width", "_written", "first")

    def __init__(self, first: int, width: int, env: Any) -> None:
        self.first = first
        self._width = width
        self._env = env
        self._times = array("d")
        self._differences = array("q")
        self._time = self._times.append
        self._extend: Callable[[Sequence[int]], None] = self._differences.extend
        self._base = np.zeros(width, dtype=np.int64)
        self._written: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self._times)

    def add(self, differences: Sequence[int]) -> None:
        """Change each quantity by its difference (one int each), from now on."""
        self._time(self._env._now)
        self._extend(differences)

    @property
    def values(self) -> NDArray[np.int64]:
        """What the quantities are now: int64 (width,)."""
        changes = np.frombuffer(self._differences, dtype=np.int64).reshape(-1, self._width)
        now: NDArray[np.int64] = self._base + changes.sum(axis=0)
        return now

    def take(self) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
        """Return (number of the series, time, value) of the points since the last call."""
        times = np.array(self._times, dtype=np.float64)
        changes = np.array(self._differences, dtype=np.int64).reshape(-1, self._width)
        values = self._base + np.cumsum(changes, axis=0)
        del self._times[:], self._differences[:]
        if not times.size:
            return np.empty(0, np.int32), times, np.empty(0, np.int64)
        last = np.append(times[1:] != times[:-1], True)
        times, values = times[last], values[last]
        before = np.vstack((self._base if self._written is None else self._written, values[:-1]))
        moved = values != before
        if self._written is None:
            moved[0] = True
        self._base = self._written = values[-1].copy()
        where, which = np.nonzero(moved)
        return (which + self.first).astype(np.int32), times[where], values[where, which]


class SeriesBook:
    """All series of one run.

    Args:
        engine: Gives the time.
        sink: Where chunks go.
    """

    def __init__(self, engine: Engine, sink: ChunkSink) -> None:
        self._env = engine.env
        self._sink = sink
        self._names: list[str] = []
        self._objects: list[str | None] = []
        self._gauges: list[Gauges] = []
        engine.watch(self._spill_if_full)

    def gauges(self, series: Sequence[str], object_text: str | None = None) -> Gauges:
        """Make the gauges of these series (for one object, or for the whole), all at 0 from the start."""
        made = Gauges(len(self._names), len(series), self._env)
        self._names.extend(series)
        self._objects.extend([object_text] * len(series))
        self._gauges.append(made)
        made.add([0] * len(series))
        return made

    def _spill_if_full(self) -> None:
        if sum(map(len, self._gauges)) >= _CHUNK_CHANGES:
            self.spill()

    def spill(self) -> None:
        """Write what is buffered as a chunk; nothing if nothing is."""
        taken = [gauges.take() for gauges in self._gauges]
        which = (
            pa.array(np.concatenate([points[0] for points in taken])) if taken else pa.array([], pa.int32())
        )
        if not len(which):
            return
        objects = pa.array(self._objects, pa.string()).take(which)
        columns = {
            "series": pa.DictionaryArray.from_arrays(which, pa.array(self._names, pa.string())),
            "object": objects.dictionary_encode().cast(_TEXT),
            "time_s": pa.array(np.concatenate([points[1] for points in taken])),
            "value": pa.array(np.concatenate([points[2] for points in taken]).astype(np.float64)),
        }
        self._sink.write(pa.table(columns, schema=SERIES_SCHEMA))
