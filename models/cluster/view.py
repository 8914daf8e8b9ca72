"""What a policy is given of a belief: to look at and not to write to, nor to call what only its owner may call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.api.expected import ExpectedPod
from models.api.protocols import ClusterView
from models.api.types import Pod, PodTemplate
from models.cluster.readonly import ReadOnly

__all__ = ["BeliefView", "SeenPod"]

Ints = NDArray[np.int64]


class BeliefView(ReadOnly):
    """A belief, read-only: :class:`models.api.protocols.ClusterView`."""

    __slots__ = ("_belief", "allocatable", "free", "gpu_left_milli", "gpu_models", "names", "resources")

    names: Sequence[str]
    resources: Sequence[str]
    allocatable: Ints
    free: Ints
    gpu_left_milli: Ints
    gpu_models: Sequence[str]
    _belief: ClusterView

    def __init__(self, belief: ClusterView) -> None:
        # HOT: these never change, or share memory with what does; a policy reads them in each decision.
        for name in ("names", "resources", "allocatable", "free", "gpu_left_milli", "gpu_models"):
            object.__setattr__(self, name, getattr(belief, name))
        object.__setattr__(self, "_belief", belief)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def ready(self) -> NDArray[np.bool_]:
        """Minions believed ready: bool (N,)."""
        return self._belief.ready

    @property
    def expected(self) -> Sequence[ExpectedPod]:
        """Kinds of pods that are to be expected, with how many of each."""
        return self._belief.expected

    def labels(self, index: int) -> Mapping[str, str]:
        """Return the labels of one minion."""
        return MappingProxyType(dict(self._belief.labels(index)))

    def fits(self, template: PodTemplate) -> NDArray[np.bool_]:
        """Return where a pod of this template could be bound now: bool (N,)."""
        return self._belief.fits(template)


class SeenPod(ReadOnly):
    """A pod as a policy sees it: :class:`models.api.protocols.PodView`."""

    __slots__ = ("created_s", "template")

    created_s: float
    template: PodTemplate

    def __init__(self, pod: Pod, template: PodTemplate) -> None:
        object.__setattr__(self, "template", template)
        object.__setattr__(self, "created_s", pod.created_s)
