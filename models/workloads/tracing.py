"""Recorded pods: one pipeline for every trace format, from rows to arrivals.

Rows are cut to a window and thinned (``from``, ``first``, ``every``), times compressed, and, for replications
that differ, blocks of the window are drawn with replacement (a moving-block bootstrap without overlap; Künsch,
Annals of Statistics 1989), by draws that no policy can influence.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.api.expected import ExpectedPod
from models.api.types import Arrival, GpuRequest, PodAsk, PodTemplate
from sim.streams import Streams

__all__ = ["Trace", "TraceError", "TraceOptions", "TraceRow"]


class TraceError(ValueError):
    """A trace cannot be used.

    Args:
        problems: (file, line from 1, sentence) of each problem; line 0 where it is the whole file.
    """

    def __init__(self, problems: Sequence[tuple[str, int, str]]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One recorded pod; times in seconds from the trace's start.

    Attributes:
        life_s: Run time once started; ``inf`` for ever.
        recorded_life_s: What the trace shows of it, cut at its end: for the offered load.
        recorded_wait_s: Created to scheduled; nan where it never was or is unknown.
    """

    name: str
    arrive_s: float
    life_s: float
    recorded_life_s: float
    cpu_millicores: int
    memory_bytes: int
    gpu: GpuRequest | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    fails: bool = False
    withdraw_after_s: float = math.inf
    recorded_wait_s: float = math.nan


@dataclass(frozen=True)
class TraceOptions:
    """What to take of a trace.

    Attributes:
        from_s: Rows that arrive before are left out; becomes time 0.
        end_s: End of the trace.
        every, first: Every so many rows from the first.
        compress: Arrival times are divided by this; lives stay.
        blocks_s: Length of drawn blocks, in the trace's time; nothing: as recorded.
        by_file: Arrive in file order, a second apart, whatever their times.
        leave: Pods end; else none leaves.
    """

    from_s: float = 0.0
    end_s: float = 0.0
    every: int = 1
    first: int = 0
    compress: float = 1.0
    blocks_s: float | None = None
    by_file: bool = False
    leave: bool = True


class Trace:
    """A recorded workload.

    Args:
        name: The workload's name: the group of its draws.
        rows: All rows of the trace, in file order.
        template: Makes the template of a row.
    """

    def __init__(
        self,
        name: str,
        streams: Streams,
        rows: Sequence[TraceRow],
        options: TraceOptions,
        template: Callable[[TraceRow], PodTemplate],
        *,
        give_up_after_s: float = math.inf,
    ) -> None:
        self._name = name
        self._streams = streams
        self._options = options
        self._give_up_after_s = give_up_after_s
        self._recorded = rows
        thinned = rows[options.first :: options.every]
        self.rows = [row for row in thinned if options.by_file or row.arrive_s >= options.from_s]
        # Every template is known before the run: stranded capacity is asked of all of them.
        self._templates = [template(row) for row in self.rows]

    def offered(self, capacity: Mapping[str, float]) -> Mapping[str, float]:
        """Return recorded demand x recorded life over window x capacity, by resource."""
        options = self._options
        window_s = (options.end_s - options.from_s) / options.compress
        if options.by_file or not options.leave or window_s <= 0:
            return {}
        sums = {"cpu": 0.0, "memory": 0.0, "gpu": 0.0}
        for row in self.rows:
            sums["cpu"] += row.cpu_millicores * row.recorded_life_s
            sums["memory"] += row.memory_bytes * row.recorded_life_s
            sums["gpu"] += (row.gpu.total_milli if row.gpu else 0) * row.recorded_life_s
        return {
            name: total / (window_s * capacity[name]) for name, total in sums.items() if capacity.get(name)
        }

    def expected(self, until_s: float) -> Sequence[ExpectedPod]:
        """Return the whole trace's distribution, of which the rows that come are a sample, for as many as come.

        How many come before ``until_s`` is not asked: of what kind they are matters.
        """
        if not self._recorded:
            return []
        each = len(self.rows) / len(self._recorded)
        counts = Counter((row.cpu_millicores, row.gpu) for row in self._recorded)
        return [ExpectedPod(*kind, count * each) for kind, count in counts.items()]

    def arrivals(self) -> Iterator[Arrival]:
        """Yield (time in seconds, pods)."""
        time_s, batch = -1.0, list[PodAsk]()
        for moment, number, suffix in self._moments():
            if moment != time_s and batch:
                yield time_s, batch
                batch = []
            time_s = moment
            batch.append(self._ask(number, suffix))
        if batch:
            yield time_s, batch

    def _ask(self, number: int, suffix: tuple[int, str]) -> PodAsk:
        row = self.rows[number]
        index, text = suffix
        return PodAsk(
            row.name + text,
            index,
            self._templates[number],
            row.life_s if self._options.leave else math.inf,
            fails=row.fails,
            withdraw_after_s=row.withdraw_after_s if self._options.leave else math.inf,
            give_up_after_s=self._give_up_after_s,
            recorded_wait_s=row.recorded_wait_s,
        )

    def _moments(self) -> Iterator[tuple[float, int, tuple[int, str]]]:
        """Yield (simulated time, number of the row, (index of the pod, suffix of its name))."""
        options = self._options
        if options.by_file:
            for number in range(len(self.rows)):
                yield float(number), number, (number, "")
            return
        times = np.array([row.arrive_s - options.from_s for row in self.rows])
        order = np.argsort(times, kind="stable")
        if options.blocks_s is None:
            for number in order.tolist():
                yield float(times[number]) / options.compress, number, (number, "")
            return
        yield from self._drawn(times, order)

    def _drawn(
        self,
        times: np.ndarray[tuple[int], np.dtype[np.float64]],
        order: np.ndarray[tuple[int], np.dtype[np.intp]],
    ) -> Iterator[tuple[float, int, tuple[int, str]]]:
        options = self._options
        assert options.blocks_s is not None
        window_s, length_s = options.end_s - options.from_s, options.blocks_s
        whole = max(1, int(window_s // length_s))
        places = math.ceil(window_s / length_s)
        drawn = self._streams.stream("workload.blocks").block(self._name, 0, places)
        ordered = times[order]
        index = 0
        for place, block in enumerate((drawn * whole).astype(np.int64).tolist()):
            low, high = np.searchsorted(ordered, (block * length_s, (block + 1) * length_s))
            for number in order[low:high].tolist():
                moment = place * length_s + float(times[number]) - block * length_s
                if moment < window_s:
                    yield moment / options.compress, number, (index, f"-{place}")
                    index += 1
