"""Generated pods: Poisson or batch arrivals, drawn durations and sizes, each an independent draw.

Every draw is named by (what it is for, the workload, the number of the pod or batch), so two policies meet the
same pods and changing one workload moves no other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.api.expected import ExpectedPod
from models.api.types import Arrival, BatchAsk, GpuRequest, PodAsk, PodTemplate
from sim.streams import Streams

__all__ = ["Batches", "Generator", "Law", "Poisson", "Together"]

_BLOCK = 1024
_PIECE = 16_384
"""A batch of more pods arrives in pieces at one time: a batch of ten million is never in memory at once."""

_QUANTILES = (np.arange(20) + 0.5) / 20
"""Where a law of sizes is looked at to say what is expected: the middles of twenty equal shares."""

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
        gpu: What each asks for.
        jobs: Each batch is a job.
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
    gpu: GpuRequest | None = None
    fails: bool = False
    give_up_after_s: float = math.inf
    withdraw_after_s: float = math.inf
    jobs: bool = False

    def arrivals(self) -> Iterator[Arrival]:
        """Yield (time in seconds, pods); pods that come together are made as they are taken."""
        pods = self._pods()
        law = self.arrivals_law
        if isinstance(law, Together):
            yield law.at_s, pods
            return
        if isinstance(law, Poisson):
            # HOT: no layer between the moments, the pods and who takes them.
            for time_s, pod in zip(self._moments(law), pods, strict=False):
                yield time_s, (pod,)
            return
        for number, (time_s, size) in enumerate(self._batches(law)):
            for taken in range(0, size, _PIECE):
                wanted = min(_PIECE, size - taken)
                batch = list(islice(pods, wanted))
                if self.jobs:
                    for pod in batch:
                        assert isinstance(pod, BatchAsk), "pods of jobs are made so"
                        pod.batch = number
                if batch:
                    yield time_s, batch
                if len(batch) < wanted:
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

    def expected(self, until_s: float) -> Sequence[ExpectedPod]:
        """Return pods of twenty sizes, each as likely, as many as come in the mean; 1 where neither end is known."""
        law, count = self.arrivals_law, math.inf if self.count is None else float(self.count)
        if not isinstance(law, Together):
            rate = law.rate_per_s if isinstance(law, Poisson) else law.size.mean / law.every.mean
            count = min(count, rate * max(0.0, until_s - self.start_s))
        cpus = np.ceil(_spread(self.cpu, _QUANTILES)).astype(np.int64).tolist()
        each = (count if count < math.inf else 1.0) / len(cpus)
        return [ExpectedPod(cpu, self.gpu, each) for cpu in cpus]

    def _moments(self, law: Poisson) -> Iterator[float]:
        """Chain the blocks of moments without a frame of Python a moment."""
        return chain.from_iterable(self._moment_blocks(law))

    def _moment_blocks(self, law: Poisson) -> Iterator[list[float]]:
        time_s = self.start_s
        for block in self._draws("workload.arrival"):
            times = time_s + np.cumsum(-np.log1p(-block) / law.rate_per_s)
            time_s = float(times[-1])
            yield times.tolist()

    def _batches(self, law: Batches) -> Iterator[tuple[float, int]]:
        time_s = self.start_s
        for block, sizes in zip(
            self._draws("workload.arrival"), self._draws("workload.batch_size"), strict=True
        ):
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
        made = chain.from_iterable(self._pod_blocks())
        return made if self.count is None else islice(made, self.count)

    def _pod_blocks(self) -> Iterator[Iterator[PodAsk]]:
        start = 0
        blocks = zip(
            self._draws("workload.duration"),
            self._draws("workload.cpu"),
            self._draws("workload.memory"),
            strict=True,
        )
        for lives_u, cpus_u, memories_u in blocks:
            cpus = np.ceil(_spread(self.cpu, cpus_u)).astype(np.int64).tolist()
            asked = (cpus, _memory(self.memory, memories_u), self._lives(lives_u))
            yield self._made(start, zip(*asked, strict=True))
            start += lives_u.size

    def _made(self, start: int, asked: Iterable[tuple[int, int, float]]) -> Iterator[PodAsk]:
        # HOT: once a pod.
        name, template, fails = self.name, self.template, self.fails
        withdraw_s, give_up_s = self.withdraw_after_s, self.give_up_after_s
        make = BatchAsk if self.jobs else PodAsk
        for index, (cpu, memory, life_s) in enumerate(asked, start):
            yield make(f"{name}-{index}", index, template(cpu, memory), life_s, fails, withdraw_s, give_up_s)

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
