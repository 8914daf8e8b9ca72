"""Generated pods: Poisson or batch arrivals, drawn durations and sizes, each an independent draw.

Every draw is named by (what it is for, the workload, the number of the pod or batch), so two policies meet the
same pods and changing one workload moves no other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.api.types import Arrival, PodAsk, PodTemplate
from sim.streams import Streams

__all__ = ["Batches", "Generator", "Law", "Poisson", "Together"]

_BLOCK = 1024
_MIB = 1 << 20


class Law(Protocol):
    """A distribution: see ``sim.distributions``."""

    @property
    def mean(self) -> float:
        """Its mean."""
        ...

    def quantile(self, u: Any) -> Any:
        """Return the values below which shares ``u`` lie."""
        ...


@dataclass(frozen=True)
class Poisson:
    """Single pods at a rate per second."""

    rate_per_s: float


@dataclass(frozen=True)
class Batches:
    """Batches at intervals (seconds), of a size (pods, rounded, at least 1)."""

    every: Law
    size: Law


@dataclass(frozen=True)
class Together:
    """All pods at once, at a time."""

    at_s: float


@dataclass(frozen=True)
class Generator:
    """A generated workload.

    Attributes:
        name: The group of its draws; pods are NAME-0, NAME-1, ...
        arrivals: When they come.
        count: Pods in all; nothing for no end.
        start_s: When arrivals begin.
        duration: Law of life in seconds; nothing for ever.
        template: Template of one pod, from drawn sizes (cpu_millicores, memory_bytes).
        cpu: Law of requests in millicores.
        memory: Law of requests in bytes; drawn values are rounded to MiB.
    """

    name: str
    streams: Streams
    arrivals_law: Poisson | Batches | Together
    count: int | None
    start_s: float
    duration: Law | None
    template: Callable[[int, int], PodTemplate]
    cpu: Law
    memory: Law
    fails: bool = False
    give_up_after_s: float = math.inf
    withdraw_after_s: float = math.inf

    def arrivals(self) -> Iterator[Arrival]:
        """Yield (time in seconds, pods)."""
        pods = self._pods()
        if isinstance(self.arrivals_law, Together):
            yield self.arrivals_law.at_s, list(pods)
            return
        for time_s, size in self._moments():
            batch = list(islice(pods, size))
            if batch:
                yield time_s, batch
            if len(batch) < size:
                return

    def offered(self, capacity: Mapping[str, float]) -> Mapping[str, float]:
        """Return the offered load by resource where rate and duration have a mean."""
        if self.duration is None or isinstance(self.arrivals_law, Together):
            return {}
        law = self.arrivals_law
        rate = law.rate_per_s if isinstance(law, Poisson) else law.size.mean / law.every.mean
        busy = rate * self.duration.mean
        asked = {"cpu": self.cpu.mean, "memory": self.memory.mean}
        gpu = self.template(round(self.cpu.mean), round(self.memory.mean)).gpu_milli
        if gpu:
            asked["gpu"] = gpu
        return {name: busy * amount / capacity[name] for name, amount in asked.items() if capacity.get(name)}

    def _moments(self) -> Iterator[tuple[float, int]]:
        law, time_s = self.arrivals_law, self.start_s
        gaps = self._draws("workload.arrival")
        if isinstance(law, Poisson):
            for block in gaps:
                times = time_s + np.cumsum(-np.log1p(-block) / law.rate_per_s)
                time_s = float(times[-1])
                for moment in times.tolist():
                    yield moment, 1
        assert isinstance(law, Batches)
        for block, sizes in zip(gaps, self._draws("workload.batch_size"), strict=True):
            times = time_s + np.cumsum(law.every.quantile(block))
            time_s = float(times[-1])
            counts = np.maximum(1, np.rint(law.size.quantile(sizes))).astype(np.int64)
            yield from zip(times.tolist(), counts.tolist(), strict=True)

    def _draws(self, purpose: str) -> Iterator[NDArray[np.float64]]:
        stream, start = self.streams.stream(purpose), 0
        while True:
            yield stream.block(self.name, start, _BLOCK)
            start += _BLOCK

    def _pods(self) -> Iterator[PodAsk]:
        index = 0
        blocks = zip(
            self._draws("workload.duration"),
            self._draws("workload.cpu"),
            self._draws("workload.memory"),
            strict=True,
        )
        for lives_u, cpus_u, memories_u in blocks:
            lives = self._lives(lives_u)
            cpus = np.ceil(_spread(self.cpu, cpus_u)).astype(np.int64).tolist()
            memories = _memory(self.memory, memories_u)
            for life_s, cpu, memory in zip(lives, cpus, memories, strict=True):
                if self.count is not None and index >= self.count:
                    return
                yield PodAsk(
                    f"{self.name}-{index}",
                    index,
                    self.template(cpu, memory),
                    life_s,
                    fails=self.fails,
                    withdraw_after_s=self.withdraw_after_s,
                    give_up_after_s=self.give_up_after_s,
                )
                index += 1

    def _lives(self, uniforms: NDArray[np.float64]) -> list[float]:
        if self.duration is None:
            return [math.inf] * uniforms.size
        lives: list[float] = _spread(self.duration, uniforms).tolist()
        return lives


def _spread(law: Law, uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the law's values at the uniforms; a constant law answers with one number."""
    return np.broadcast_to(np.asarray(law.quantile(uniforms), dtype=np.float64), uniforms.shape)


def _memory(law: Law, uniforms: NDArray[np.float64]) -> list[int]:
    values = _spread(law, uniforms)
    if values.size and values[0] == values[-1] == law.mean:
        return [round(law.mean)] * values.size  # constant: exactly what was asked
    whole: list[int] = (np.ceil(values / _MIB).astype(np.int64) * _MIB).tolist()
    return whole
