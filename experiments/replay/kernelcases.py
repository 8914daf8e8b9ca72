"""Draws cases for the kernel: what containers side by side are to do, of the kinds that ``verify kernel`` checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from experiments.replay.work import START_TASKS
from sim.streams import Stream, Streams

__all__ = [
    "BurstCase",
    "Case",
    "CpuCase",
    "CpuContainer",
    "MemoryCase",
    "PageCacheCase",
    "PidsCase",
    "draw_cases",
]

_T = TypeVar("_T")

_PARTS: Final = {"cpu": 30, "memory": 10, "pids": 7, "burst": 5, "page_cache": 2}
"""How many of each kind in 54; the first of each kind comes before the second of any."""
_SETS: Final = ("mixed", "mixed", "mixed", "shares", "quota")
_SHARES: Final = (2, 102, 256, 512, 1024, 2048, 4096)
_UNLIMITED: Final = 0.4


@dataclass(frozen=True, slots=True)
class CpuContainer:
    """Busy threads, shares, and a quota in cores."""

    threads: int
    shares: int
    cpus: float | None


@dataclass(frozen=True, slots=True)
class CpuCase:
    """Busy containers side by side; ``name`` says what differs between them."""

    name: str
    containers: tuple[CpuContainer, ...]


@dataclass(frozen=True, slots=True)
class MemoryCase:
    """Memory that a child takes under a limit, in MiB."""

    limit_mib: int
    alloc_mib: int


@dataclass(frozen=True, slots=True)
class PidsCase:
    """Children under pids.max."""

    limit: int
    forks: int


@dataclass(frozen=True, slots=True)
class BurstCase:
    """One piece of CPU work of about ``seconds``, under a quota in cores."""

    cpus: float
    seconds: float


@dataclass(frozen=True, slots=True)
class PageCacheCase:
    """Containers that read one file, one after the other."""

    readers: int
    file_mib: int


Case = CpuCase | MemoryCase | PidsCase | BurstCase | PageCacheCase


class _Draws:
    """The draws of one case, each the next of its own."""

    def __init__(self, stream: Stream, kind: str, place: int) -> None:
        self._stream, self._kind, self._place, self._n = stream, kind, place, 0

    def uniform(self, low: float, high: float) -> float:
        self._n += 1
        return low + (high - low) * self._stream.at(self._kind, self._place, self._n)

    def log_uniform(self, low: float, high: float) -> float:
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def whole(self, low: int, high: int) -> int:
        return min(high, int(self.uniform(low, high + 1)))

    def one_of(self, of: Sequence[_T]) -> _T:
        return of[self.whole(0, len(of) - 1)]


def draw_cases(count: int, seed: int, cores: int, kinds: Sequence[str] = tuple(_PARTS)) -> list[Case]:
    """Draw cases, those of one kind together.

    Args:
        count: How many.
        seed: Of the draws; case n of a kind is the same whatever the others are.
        cores: That the containers share.
        kinds: Which there may be.
    """
    stream = Streams(seed).stream("kernel cases")
    drawn: dict[str, Callable[[_Draws, int], Case]] = {
        "cpu": _cpu,
        "memory": _memory,
        "pids": _pids,
        "burst": _burst,
        "page_cache": _page_cache,
    }
    counts = dict.fromkeys(kinds, 0)
    for _ in range(count):
        counts[min(kinds, key=lambda kind: (counts[kind] > 0, counts[kind] / _PARTS[kind]))] += 1
    return [
        drawn[kind](_Draws(stream, kind, place), cores) for kind in kinds for place in range(counts[kind])
    ]


def _cpu(draws: _Draws, cores: int) -> CpuCase:
    name = draws.one_of(_SETS)
    most = math.log2(cores) + 5 if cores > 1 else 4
    containers = []
    for _ in range(draws.whole(2, round(most))):
        threads = draws.whole(1, 2 * cores)
        shares = 1024 if name == "quota" else draws.one_of(_SHARES)
        free = draws.uniform(0.0, 1.0) < _UNLIMITED or name == "shares"
        cpus = None if free else round(draws.log_uniform(0.05, cores), 2)
        containers.append(CpuContainer(threads, shares, cpus))
    return CpuCase(name, tuple(containers))


def _memory(draws: _Draws, cores: int) -> MemoryCase:
    limit = round(draws.log_uniform(16, 192))
    return MemoryCase(limit, max(1, round(limit * draws.uniform(0.2, 1.5))))


def _pids(draws: _Draws, cores: int) -> PidsCase:
    limit = round(draws.log_uniform(START_TASKS, 200))
    wide = draws.uniform(0.0, 1.0) < 0.5
    return PidsCase(
        limit, max(1, round(limit * draws.log_uniform(0.3, 3.0)) if wide else limit + draws.whole(-3, 3))
    )


def _burst(draws: _Draws, cores: int) -> BurstCase:
    return BurstCase(round(draws.uniform(0.08, 0.9), 2), draws.log_uniform(0.05, 0.7))


def _page_cache(draws: _Draws, cores: int) -> PageCacheCase:
    return PageCacheCase(draws.whole(2, 4), draws.whole(8, 48))
