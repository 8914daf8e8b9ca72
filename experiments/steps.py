"""Series as step functions: a value holds from its point to the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.journalfiles import RunFiles

__all__ = ["NOTHING", "Steps", "read_cluster_steps"]

Floats = NDArray[np.float64]
_PIECE_ROWS = 262_144


@dataclass(frozen=True)
class Steps:
    """One quantity over time, 0 before its first point.

    Attributes:
        times_s: When it changed, not falling.
        values: What it was from then on.
    """

    times_s: Floats
    values: Floats

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def last(self) -> float:
        """The value after the last change."""
        return float(self.values[-1]) if len(self.values) else 0.0

    def at(self, times_s: Floats) -> Floats:
        """Values at these times; of several changes at one instant the last one counts."""
        if not len(self):
            return np.zeros(len(times_s))
        place = np.searchsorted(self.times_s, times_s, side="right") - 1
        return np.where(place >= 0, self.values[np.maximum(place, 0)], 0.0)

    def integral(self, end_s: float) -> float:
        """Integral from 0 to ``end_s``, in the value's unit times seconds."""
        times_s = np.minimum(self.times_s, end_s)
        return float(np.sum(self.values * np.diff(times_s, append=end_s)))

    def thinned(self, end_s: float, bins: int) -> Steps:
        """Return what a picture ``bins`` dots wide can show: in each bin first, least, greatest and last."""
        if len(self) <= 4 * bins:
            return self
        if end_s <= 0:
            return Steps(self.times_s[-1:], self.values[-1:])
        place = np.minimum((self.times_s * (bins / end_s)).astype(np.int64), bins - 1)
        first = np.flatnonzero(np.diff(place, prepend=-1))
        last = np.append(first[1:], len(self)) - 1
        order = np.lexsort((self.values, place))
        kept = np.unique(np.concatenate([first, last, order[first], order[last]]))
        return Steps(self.times_s[kept], self.values[kept])


NOTHING = Steps(np.empty(0), np.empty(0))
"""What was never written: 0 at all times."""


def read_cluster_steps(run: RunFiles, names: Callable[[str], bool] = lambda name: True) -> dict[str, Steps]:
    """Return the series of the whole cluster by name, in order of name.

    Args:
        run: Where to read.
        names: Which ones; all if not given.
    """
    found: dict[str, list[tuple[Floats, Floats]]] = {}
    for name, times_s, values in _pieces(run):
        if names(name):
            found.setdefault(name, []).append((times_s, values))
    return {
        name: Steps(np.concatenate([t for t, _ in found[name]]), np.concatenate([v for _, v in found[name]]))
        for name in sorted(found)
    }


def _pieces(run: RunFiles) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield (series, times, values) piece by piece: a whole column at once is most of a run's memory."""
    whole = run.series().select("series", "object", "time_s", "value")
    count = whole.select(pl.len()).collect().item()
    for start in range(0, count, _PIECE_ROWS):
        piece = whole.slice(start, _PIECE_ROWS).filter(pl.col("object").is_null()).collect()
        names = piece["series"].unique()
        codes = piece["series"].to_physical().to_numpy()
        times_s, values = piece["time_s"].to_numpy(), piece["value"].to_numpy()
        for name, code in zip(names.cast(pl.String), names.to_physical(), strict=True):
            rows = np.flatnonzero(codes == code)
            yield name, times_s[rows], values[rows]
