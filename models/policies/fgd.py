"""Fragmentation gradient descent: put a pod where it makes the least of the idle GPUs useless.

Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 4: with F the fragmentation of a minion in GPUs for the
pods that are to be expected, the score of a minion is

    levels / (1 + exp(F after - F before)), truncated

so 50 of 100 where nothing changes. A fraction of a GPU is tried on each device; the best one's score counts, and
the pod gets the first of the best devices. Memory only filters. Where no minion has GPUs all scores are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.api.fragmentation import Fragmentation, typical_pods
from models.api.protocols import ClusterView, Scorer
from models.api.types import CPU, PodTemplate

__all__ = ["FragmentationGradientDescent"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass
class FragmentationGradientDescent:
    """The policy.

    Attributes:
        ties: ``first`` or ``random``, among minions.
        levels: Scores are truncated to whole numbers up to this; 0: not truncated.
        popularity: Typical are the kinds of pods that come most often and together are this ratio of all.
        device: It chooses the device for a fraction of a GPU by itself.
    """

    ties: str = "first"
    levels: int = 100
    popularity: float = 0.95
    device: str = field(init=False, default="own")
    _measured: tuple[ClusterView, Fragmentation] | None = field(init=False, default=None, repr=False)

    def scorer(self, view: ClusterView, template: PodTemplate) -> Scorer:
        """Return the function from rows to scores for one class."""
        measure, gpu, cpu = self._measure(view), template.gpu, template.need[CPU]
        if gpu is not None and gpu.milli < 1000:
            return lambda rows: self._by_device(view, rows, template).max(axis=1)

        def score(rows: Ints) -> Floats:
            free, left = view.free[rows, CPU], view.gpu_left_milli[rows]
            devices = measure.devices(left)
            after = devices if gpu is None else measure.without(devices, gpu.count)
            gained = measure.usable(rows, free - cpu, after) - measure.usable(rows, free, devices)
            return self._levels(gained + template.gpu_milli)

        return score

    def device_for(self, view: ClusterView, template: PodTemplate, minion: int) -> int:
        """Return the device that a fraction of a GPU goes to: the first of the best."""
        return int(self._by_device(view, np.array([minion]), template)[0].argmax())

    def _measure(self, view: ClusterView) -> Fragmentation:
        """Return the measure of a view, made once."""
        if self._measured is None or self._measured[0] is not view:
            typical = typical_pods(view.expected, self.popularity)
            self._measured = (view, Fragmentation(typical, view.gpu_models))
        return self._measured[1]

    def _by_device(self, view: ClusterView, rows: Ints, template: PodTemplate) -> Floats:
        """Return the score of each device for a fraction, -inf where it is not left: float64 (k, D)."""
        assert template.gpu is not None, "the pod asks for a fraction of a GPU"
        measure, milli = self._measure(view), template.gpu.milli
        free, left = view.free[rows, CPU], view.gpu_left_milli[rows]
        devices = measure.devices(left)
        before = measure.usable(rows, free, devices)
        after = measure.usable(rows, free - template.need[CPU], measure.with_less(left, devices, milli))
        scores = self._levels(milli + after - before[:, None])
        scores[left < milli] = -np.inf
        return scores

    def _levels(self, descent: Floats) -> Floats:
        """Return scores of how much less is fragmented, in thousandths."""
        ratio = 1.0 / (1.0 + np.exp(-descent / 1000.0))
        return np.trunc(self.levels * ratio) if self.levels else ratio
