"""Series on change: what a quantity was, from when.

Quantities that move together are one :class:`Gauges`. A change that comes again and again is made once
(:meth:`SeriesBook.change`), over as many gauges as it moves, and then told by its number; a change that is new each
time is a tuple of differences. Both are summed when a chunk is written. Of several changes at one instant the
last counts; a quantity that did not change gets no point, and a quiet month costs nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

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
_CHUNK_CHANGES = 32_768
Floats = NDArray[np.float64]


class Gauges:
    """Quantities that move together; made by :meth:`SeriesBook.gauges`."""

    __slots__ = ("_base", "_book", "_differences", "_times", "_written", "first", "width")

    def __init__(self, book: SeriesBook, first: int, width: int) -> None:
        self.first = first
        self.width = width
        self._book = book
        self._times = array("d")
        self._differences = array("q")
        self._base = np.zeros(width, dtype=np.int64)
        self._written: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self._times)

    def add(self, differences: Sequence[int]) -> None:
        """Change each quantity by its difference (one int each), from now on."""
        self._times.append(self._book.env._now)
        self._differences.extend(differences)

    def add_many(self, times: Floats, differences: NDArray[np.int64]) -> None:
        """Change the quantities at several times, in order, by differences of int64 (k, width); zeros are left out."""
        moving = differences.any(axis=1)
        if moving.any():
            self._times.frombytes(times[moving].tobytes())
            self._differences.frombytes(np.ascontiguousarray(differences[moving]).tobytes())

    @property
    def values(self) -> NDArray[np.int64]:
        """What the quantities are now: int64 (width,)."""
        now: NDArray[np.int64] = self._base + self._changes()[1].sum(axis=0)
        return now

    def _changes(self) -> tuple[Floats, NDArray[np.int64]]:
        """Return times, float64 (k,), and differences, int64 (k, width), in order of time."""
        own_times = np.array(self._times, dtype=np.float64)
        own = np.array(self._differences, dtype=np.int64).reshape(-1, self.width)
        times, differences = self._book.told(self)
        if not times.size or not own_times.size:
            return (times, differences) if times.size else (own_times, own)
        # Within an instant the order is of no account: only its last sum counts.
        times = np.concatenate((own_times, times))
        order = np.argsort(times, kind="stable")
        return times[order], np.concatenate((own, differences))[order]

    def take(self) -> tuple[NDArray[np.int32], Floats, NDArray[np.int64]]:
        """Return (number of the series, time, value) of the points since the last call."""
        times, differences = self._changes()
        del self._times[:], self._differences[:]
        if not times.size:
            return np.empty(0, np.int32), times, np.empty(0, np.int64)
        values = self._base + np.cumsum(differences, axis=0)
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

    Attributes:
        add: ``add(number)``: make the change of this number, from now on.
    """

    def __init__(self, engine: Engine, sink: ChunkSink) -> None:
        self.env = engine.env
        self._sink = sink
        self._names: list[str] = []
        self._objects: list[str | None] = []
        self._gauges: list[Gauges] = []
        self._numbers: dict[tuple[tuple[int, tuple[int, ...]], ...], int] = {}
        self._parts: list[tuple[tuple[int, tuple[int, ...]], ...]] = []
        # By first series of the gauges: the numbers that move them, and by how much.
        self._movers: dict[int, dict[int, tuple[int, ...]]] = {}
        self._sorted_for = (0, 0)
        self._order = np.empty(0, dtype=np.int64)
        self._starts: list[int] = []
        self._latecomers: list[Callable[[], None]] = []
        self._times = array("d", bytes(8 * _CHUNK_CHANGES))
        self._told = array("i", bytes(4 * _CHUNK_CHANGES))
        self.add, self._count, self._restart = self._make_add()
        engine.watch(self._spill_if_full)

    def _make_add(self) -> tuple[Callable[[int], None], Callable[[], int], Callable[[], None]]:
        # HOT: several a pod. Two stores in arrays, whatever the number of quantities.
        env, times, told = self.env, self._times, self._told
        filled = 0

        def add(number: int) -> None:
            nonlocal filled
            try:
                told[filled] = number
            except IndexError:  # one event may make any number of changes
                self.spill()
                told[0] = number
            times[filled] = env._now
            filled += 1

        def count() -> int:
            return filled

        def restart() -> None:
            nonlocal filled
            filled = 0

        return add, count, restart

    def gauges(self, series: Sequence[str], object_text: str | None = None) -> Gauges:
        """Make the gauges of these series (for one object, or for the whole), all at 0 from the start."""
        made = Gauges(self, len(self._names), len(series))
        self._names.extend(series)
        self._objects.extend([object_text] * len(series))
        self._gauges.append(made)
        made.add([0] * len(series))
        return made

    def before_spill(self, callback: Callable[[], None]) -> None:
        """Call somebody who has still to tell changes before a chunk is written."""
        self._latecomers.append(callback)

    def change(self, *parts: tuple[Gauges, Sequence[int]]) -> int:
        """Return the number of a change that moves these gauges by these differences; the same for the same.

        Raises:
            ValueError: There is not one difference a quantity, or a gauge stands twice.
        """
        key = tuple((gauges.first, tuple(differences)) for gauges, differences in parts)
        found = self._numbers.get(key)
        if found is None:
            if any(len(differences) != gauges.width for gauges, differences in parts):
                raise ValueError("a change has one difference a quantity")
            if len(dict(key)) < len(key):
                raise ValueError("a change moves each gauge once")
            found = self._numbers[key] = len(self._parts)
            self._parts.append(key)
            for first, differences in key:
                self._movers.setdefault(first, {})[found] = differences
        return found

    def told(self, gauges: Gauges) -> tuple[Floats, NDArray[np.int64]]:
        """Return the changes by number that move some gauges: times, float64 (k,), differences, int64 (k, width)."""
        count = self._count()
        movers = self._movers.get(gauges.first)
        if movers is None or not count:
            return np.empty(0), np.empty((0, gauges.width), dtype=np.int64)
        if self._sorted_for != (count, len(self._parts)):
            self._sort(count)
        starts = self._starts
        slices = [(self._order[starts[n] : starts[n + 1]], difference) for n, difference in movers.items()]
        lengths = [places.size for places, _ in slices]
        places = np.concatenate([places for places, _ in slices])
        differences = np.repeat(np.array(list(movers.values()), dtype=np.int64), lengths, axis=0)
        in_time = np.argsort(places)
        return np.frombuffer(self._times, dtype=np.float64, count=count)[places[in_time]], differences[
            in_time
        ]

    def _sort(self, count: int) -> None:
        """Bring the places of each number together, for all gauges at once."""
        told = np.frombuffer(self._told, dtype=np.int32, count=count)
        self._order = np.argsort(told, kind="stable")
        numbers = np.arange(len(self._parts) + 1)
        self._starts = np.searchsorted(told[self._order], numbers).tolist()
        self._sorted_for = (count, len(self._parts))

    def _spill_if_full(self) -> None:
        if sum(map(len, self._gauges)) + self._count() >= _CHUNK_CHANGES:
            self.spill()

    def spill(self) -> None:
        """Write what is buffered as a chunk; nothing if nothing is."""
        for callback in self._latecomers:
            callback()
        taken = [gauges.take() for gauges in self._gauges]
        self._restart()
        self._sorted_for = (0, 0)  # of this chunk: the next may have as many changes
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
