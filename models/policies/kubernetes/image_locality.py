"""ImageLocality: minions that have the pod's images, the larger the better."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import MinionAsScheduled, PodAsScheduled
from models.api.schedulingview import SchedulingView
from models.policies.kubernetes.plugin import MAX_SCORE

__all__ = ["ImageLocality"]

Ints = NDArray[np.int64]
_MIB: Final = 1024 * 1024
MIN_BYTES: Final = 23 * _MIB
"""Images that come to less count nothing."""
MAX_BYTES_A_CONTAINER: Final = 1000 * _MIB
"""More than this a container counts no more."""


class ImageLocality:
    """An image counts its size times the share of minions that have it, so that they are not all drawn to one.

    Source: k/k:pkg/scheduler/framework/plugins/imagelocality, v1.20.5.
    """

    name = "ImageLocality"
    constant = 0
    stretched = False

    def key(self, pod: PodAsScheduled) -> Hashable | None:
        """Its images."""
        return pod.images or None

    def beside(self, view: SchedulingView, pod: PodAsScheduled) -> Hashable | None:
        """How many minions have each image."""
        return tuple(view.image_spread(image) for image in pod.images)

    def raw(self, view: SchedulingView, minion: MinionAsScheduled, pod: PodAsScheduled) -> int:
        """Return the score from 0 to 100."""
        total = 0
        for image in pod.images:
            size = minion.images.get(image)
            if size is not None:
                total += int(float(size) * (view.image_spread(image) / len(view.minions)))
        most = MAX_BYTES_A_CONTAINER * len(pod.images)
        return MAX_SCORE * (min(max(total, MIN_BYTES), most) - MIN_BYTES) // (most - MIN_BYTES)

    def whole(self, view: SchedulingView, pod: PodAsScheduled) -> Ints:
        """Return the scores of all minions: int64 (N,)."""
        total = np.zeros(len(view.minions), dtype=np.int64)
        for image in pod.images:
            share = view.image_spread(image) / max(1, len(view.minions))
            total += (view.image_bytes(image) * share).astype(np.int64)
        most = MAX_BYTES_A_CONTAINER * len(pod.images)
        scores: Ints = MAX_SCORE * (np.clip(total, MIN_BYTES, most) - MIN_BYTES) // (most - MIN_BYTES)
        return scores

    def normal(self, raw: Ints) -> Ints:
        """It is from 0 to 100 already."""
        return raw
