"""How much of a minion's idle GPUs the pods that are to be expected could not use.

Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX
ATC 2023, section 3. For one typical pod a minion's fragment is, in thousandths of a GPU, all that is left on its
devices where the pod does not fit (model, cpu or number of devices), or where it asks for no GPU; else what is left on
the devices that alone are too small for it. A minion's fragmentation is the mean over the typical pods, weighted by
how often they come.

With idle the sum over devices, fragmentation = idle - usable, and what is usable depends on a typical pod only through
its thousandths and number of devices once it is known which of them have the model and cpu enough: so those that agree
in both are one group, whose weight is looked up by model and cpu. Weights are whole numbers: a sum is the same in any
order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.api.expected import ExpectedPod
from models.api.types import GpuRequest

__all__ = ["Devices", "Fragmentation", "typical_pods"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_AT_A_TIME = 10
"""Kinds of pods that are taken at a time, as in the authors' simulator."""
_WHOLE = 1 << 32
"""The sum of all weights, rounding aside: 8 devices of 1,000 thousandths stay far below 2**53."""


def typical_pods(expected: Iterable[ExpectedPod], popularity: float) -> list[ExpectedPod]:
    """Return the kinds of pods (cpu and GPUs) that come most often, ten at a time until they are enough of all.

    Args:
        expected: Any kinds; those that agree in cpu and GPUs are one.
        popularity: Which ratio of all pods is enough.
    """
    counts: dict[tuple[int, GpuRequest | None], float] = {}
    for pod in expected:
        key = (pod.cpu_millicores, pod.gpu)
        counts[key] = counts.get(key, 0.0) + pod.count
    kinds = sorted(counts.items(), key=lambda item: -item[1])
    total, enough = sum(counts.values()), 0.0
    taken: list[ExpectedPod] = []
    # Sums of shares may end a hair below 1.
    while len(taken) < len(kinds) and enough < popularity * total * (1 - 1e-12):
        some = kinds[len(taken) : len(taken) + _AT_A_TIME]
        taken += [ExpectedPod(cpu, gpu, count) for (cpu, gpu), count in some]
        enough += sum(count for _, count in some)
    return taken


@dataclass(frozen=True)
class Devices:
    """What is left on some minions' devices, asked for each size that a typical pod may want.

    Attributes:
        enough: Devices with that much left: int64 (..., sizes).
        left: Thousandths left on those: int64 (..., sizes).
    """

    enough: Ints
    left: Ints


class Fragmentation:
    """The measure of one cluster for one list of typical pods.

    Args:
        typical: Kinds of pods with their counts; none: nothing is usable.
        models: GPU model of each minion, empty where it has none.
    """

    def __init__(self, typical: Sequence[ExpectedPod], models: Sequence[str]) -> None:
        total = sum(pod.count for pod in typical)
        wanted = [(pod.cpu_millicores, pod.gpu, pod.count) for pod in typical if pod.gpu is not None]
        self._cpus = np.array(sorted({cpu for cpu, _, _ in wanted}), dtype=np.int64)
        self._sizes = np.array(sorted({gpu.milli for _, gpu, _ in wanted}), dtype=np.int64)
        groups = sorted({(gpu.milli, gpu.count) for _, gpu, _ in wanted})
        self._size_of = np.searchsorted(self._sizes, np.array([milli for milli, _ in groups], dtype=np.int64))
        self._count_of = np.array([count for _, count in groups], dtype=np.int64)
        kinds = sorted(dict.fromkeys(models))
        self._model_of = np.array([kinds.index(model) for model in models], dtype=np.int64)
        weights = np.zeros((len(kinds), len(self._cpus) + 1, len(groups)), dtype=np.int64)
        for cpu, gpu, count in wanted:
            allowed = [place for place, kind in enumerate(kinds) if not gpu.models or kind in gpu.models]
            step = int(np.searchsorted(self._cpus, cpu)) + 1
            weights[allowed, step:, groups.index((gpu.milli, gpu.count))] += round(count / total * _WHOLE)
        self._weights = weights

    def devices(self, left: Ints) -> Devices:
        """Look at devices: thousandths left, int64 (k, D)."""
        large = left[:, :, None] >= self._sizes
        return Devices(large.sum(axis=1), (left[:, :, None] * large).sum(axis=1))

    def with_less(self, left: Ints, found: Devices, milli: int) -> Devices:
        """Return the same for each device that gives so much alone: (k, D, sizes); nonsense where it has less."""
        before, after = left[:, :, None], left[:, :, None] - milli
        was, is_still = before >= self._sizes, after >= self._sizes
        return Devices(
            found.enough[:, None, :] - was + is_still,
            found.left[:, None, :] - before * was + after * is_still,
        )

    def without(self, found: Devices, count: int) -> Devices:
        """Return the same with so many whole devices, of which nothing was taken, given away."""
        return Devices(found.enough - count, found.left - 1000 * count)

    def usable(self, rows: Ints, cpu: Ints, devices: Devices) -> Floats:
        """Return the thousandths that a typical pod could use, in the mean.

        Args:
            rows: Indices of minions: (k,).
            cpu: Millicores free on each: (k,).
            devices: Of each, (k, sizes), or of each and another axis, (k, D, sizes).

        Returns:
            float64 (k,) or (k, D): whole numbers of 2**-32 thousandths, so that equal states are equal exactly.
        """
        weights = self._weights[self._model_of[rows], np.searchsorted(self._cpus, cpu, side="right")]
        if devices.left.ndim > 2:
            weights = weights[:, None, :]
        fits = devices.enough[..., self._size_of] >= self._count_of
        summed: Ints = (weights * fits * devices.left[..., self._size_of]).sum(axis=-1)
        return summed / _WHOLE

    def amount(self, rows: Ints, cpu: Ints, left: Ints) -> Floats:
        """Return the fragmentation of minions in thousandths of a GPU: float64 (k,); arguments as above."""
        idle: Ints = left.sum(axis=1)
        return idle - self.usable(rows, cpu, self.devices(left))
