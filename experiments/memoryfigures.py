"""What containers held of their minions' memory, of those that say what they hold, and what became of them for want.

What a container holds is a line up to a most, and one record ``container_held`` says all of it for each time that it
ran: so what a minion's containers held together is known at every time, not only where something changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.journalfiles import RunFiles

__all__ = ["HeldMemory", "corners", "held_memory", "memory_figures"]

Floats = NDArray[np.float64]
_COUNTS: Final = ("evicted", "killed_by_limit", "killed_by_minion")


@dataclass(frozen=True)
class HeldMemory:
    """The memory of one minion.

    Attributes:
        minion: Its name, without the leading ``minion/``.
        free_bytes: What its system does not hold for itself.
        times_s, held_bytes: Corners of the line of what its containers hold; two at a time where it jumps.
        evicted_s, killed_s: When a pod was evicted, when a container was killed.
    """

    minion: str
    free_bytes: float
    times_s: Floats
    held_bytes: Floats
    evicted_s: Floats
    killed_s: Floats

    @property
    def most_ratio(self) -> float:
        """The most that was held, over what there is."""
        return float(self.held_bytes.max(initial=0.0)) / self.free_bytes if self.free_bytes else 0.0


def held_memory(run: RunFiles) -> list[HeldMemory]:
    """Return the memory of each minion on which containers said what they hold, in order of names."""
    kind = pl.col("kind").cast(pl.String)
    rows = _of_kind(run, "container_held", "time_s", "minion", "value", "container_held_since_s",
                    "container_held_first_bytes", "container_held_grows_per_s")  # fmt: skip
    free = dict(_of_kind(run, "minion_registered", "minion", "minion_registered_memory_bytes").iter_rows())
    marks = (
        run.events()
        .filter(kind.is_in(["pod_evicted", "container_out_of_memory"]))
        .select("time_s", kind, pl.col("minion").cast(pl.String))
        .collect()
    )
    marked = dict(
        marks.group_by("minion", "kind").agg(pl.col("time_s")).rows_by_key(("minion", "kind"), unique=True)
    )
    end_s, found = _end_s(run), []
    for (minion,), held in rows.sort("minion").group_by("minion", maintain_order=True):
        times_s, held_bytes = corners(held.drop("minion").to_numpy(), end_s)
        evicted_s, killed_s = (
            np.array(marked.get((minion, each), ()), dtype=np.float64).ravel()
            for each in ("pod_evicted", "container_out_of_memory")
        )
        name = str(minion)
        found.append(
            HeldMemory(
                name.removeprefix("minion/"), float(free[name]), times_s, held_bytes, evicted_s, killed_s
            )
        )
    return found


def _of_kind(run: RunFiles, kind: str, *columns: str) -> pl.DataFrame:
    of_it = run.events().filter(pl.col("kind").cast(pl.String) == kind)
    text = [pl.col(each).cast(pl.String) for each in columns if each in {"minion", "owner"}]
    there = of_it.collect_schema().names()
    if any(each not in there for each in columns):
        return pl.DataFrame({each: [] for each in columns})
    return of_it.select(columns).with_columns(text).collect()


def _end_s(run: RunFiles) -> float:
    ended = _of_kind(run, "run_ended", "time_s")
    return float(ended["time_s"][-1]) if ended.height else np.inf


def corners(rows: Floats, end_s: float) -> tuple[Floats, Floats]:
    """Return the corners of a sum of lines.

    Args:
        rows: (end, held at the end, begin, held at the begin, growth a second) of each.
        end_s: Lines that end then go on.
    """
    ends_s, last, since_s, first, grows = rows.T
    full_s = np.where(grows > 0, since_s + (last - first) / np.where(grows > 0, grows, 1.0), since_s)
    full_s = np.minimum(full_s, ends_s)
    goes = ends_s < end_s
    at_s = np.concatenate([since_s, full_s, ends_s[goes]])
    jumps = np.concatenate([first, np.zeros(len(rows)), -last[goes]])
    slopes = np.concatenate([grows, -grows, np.zeros(int(goes.sum()))])
    times_s, place = np.unique(np.concatenate([at_s, ends_s]), return_inverse=True)
    jump, slope = np.zeros(len(times_s)), np.zeros(len(times_s))
    np.add.at(jump, place[: len(at_s)], jumps)
    np.add.at(slope, place[: len(at_s)], slopes)
    risen = np.append(0.0, np.cumsum(slope)[:-1] * np.diff(times_s))
    after = np.cumsum(jump) + np.cumsum(risen)
    before = after - jump
    return np.repeat(times_s, 2), np.maximum(np.column_stack([before, after]).ravel(), 0.0)


def memory_figures(run: RunFiles) -> dict[str, Any] | None:
    """Return how many pods were evicted and containers killed, by owner and in all; None where nobody holds any.

    Of all together also ``most_ratio``, the most that was held of any minion's memory.
    """
    held = _of_kind(run, "container_held", "owner")
    if not held.height:
        return None
    owners = {
        str(owner): dict.fromkeys(_COUNTS, 0) for owner in held["owner"].fill_null("orphan").unique().sort()
    }
    for (owner,) in _of_kind(run, "pod_evicted", "owner").fill_null("orphan").iter_rows():
        owners.setdefault(owner, dict.fromkeys(_COUNTS, 0))["evicted"] += 1
    killed = _of_kind(run, "container_out_of_memory", "owner", "container_out_of_memory_by_limit")
    for owner, by_limit in killed.fill_null("orphan").iter_rows():
        owners[owner]["killed_by_limit" if by_limit else "killed_by_minion"] += 1
    total: dict[str, Any] = {word: sum(each[word] for each in owners.values()) for word in _COUNTS}
    total["most_ratio"] = max(each.most_ratio for each in held_memory(run))
    return {"owners": owners, "total": total}
