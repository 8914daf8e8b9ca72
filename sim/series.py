"""Series on change: what a quantity was, from when.

A gauge writes a point only when simulated time has moved on and its value differs from the last one written,
so a thousand changes at one instant are one point, and a quiet month costs nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from sim.engine import Engine
from sim.journalchunks import ChunkSink

__all__ = ["SERIES_SCHEMA", "Gauge", "SeriesBook"]

_TEXT = pa.dictionary(pa.int32(), pa.string())
SERIES_SCHEMA = pa.schema(
    [("series", _TEXT), ("object", _TEXT), ("time_s", pa.float64()), ("value", pa.float64())]
)
_CHUNK_POINTS = 65_536


class Gauge:
    """One quantity over time; made by :meth:`SeriesBook.gauge`.

    Attributes:
        value: What it is now.
    """

    __slots__ = ("_append", "_env", "_index", "_time_s", "_written", "value")

    def __init__(self, index: int, env: Any, append: tuple[Callable[[Any], None], ...]) -> None:
        self._append = append
        self._index = index
        self._env = env
        self._time_s = 0.0
        self._written: float | None = None
        self.value: float = 0

    def add(self, difference: float) -> None:
        """Change the value by a difference, from now on."""
        now_s = self._env._now
        if now_s != self._time_s:
            if self.value != self._written:
                self.close()
            self._time_s = now_s
        self.value += difference

    def close(self) -> None:
        """Write the last change."""
        value = self.value
        if value != self._written:
            self._written = value
            append_index, append_time, append_value = self._append
            append_index(self._index)
            append_time(self._time_s)
            append_value(value)


class SeriesBook:
    """All series of one run.

    Args:
        engine: Gives the time.
        sink: Where chunks go.
    """

    def __init__(self, engine: Engine, sink: ChunkSink) -> None:
        self._engine = engine
        self._sink = sink
        self._names: list[tuple[str, str | None]] = []
        self._gauges: dict[tuple[str, str | None], Gauge] = {}
        self._indices, self._times, self._values = array("q"), array("d"), array("d")
        self._append = (self._indices.append, self._times.append, self._values.append)
        engine.watch(self._spill_if_full)

    def gauge(self, series: str, object_text: str | None = None) -> Gauge:
        """Return the gauge of a series (for one object, or for the whole); made at first use, at 0."""
        key = (series, object_text)
        found = self._gauges.get(key)
        if found is None:
            found = self._gauges[key] = Gauge(len(self._names), self._engine.env, self._append)
            self._names.append(key)
        return found

    def _spill_if_full(self) -> None:
        if len(self._times) >= _CHUNK_POINTS:
            self.spill()

    def spill(self) -> None:
        """Write what is buffered as a chunk; nothing if nothing is."""
        if not self._times:
            return
        indices = pa.array(np.frombuffer(self._indices, dtype=np.int64).astype(np.int32))
        objects = [entry[1] for entry in self._names]
        table = pa.table(
            {
                "series": pa.DictionaryArray.from_arrays(indices, pa.array([entry[0] for entry in self._names])),
                "object": pa.array(objects, pa.string()).take(indices).dictionary_encode().cast(_TEXT),
                "time_s": pa.array(np.frombuffer(self._times, dtype=np.float64).copy()),
                "value": pa.array(np.frombuffer(self._values, dtype=np.float64).copy()),
            },
            schema=SERIES_SCHEMA,
        )
        self._sink.write(table)
        for buffer in (self._indices, self._times, self._values):
            del buffer[:]

    def close(self) -> None:
        """Write the last change of every gauge and spill."""
        for gauge in self._gauges.values():
            gauge.close()
        self.spill()
