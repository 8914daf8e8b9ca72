"""How the control plane of a run behaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from models.api.types import PodTemplate
from models.control.client import Timing
from models.control.imagestate import ImagePlan
from models.control.kubeletdelays import KubeletDelays

__all__ = ["ControlPlan"]


@dataclass(frozen=True)
class ControlPlan:
    """How the control plane behaves.

    Attributes:
        instant: Calls take no time, nothing lags, kubelets start pods at once; the rest is not used then.
        limits: By client: (calls a second, burst).
        delays: By minion.
        outages: The master may be down at times.
        images: What images are like; nothing where all are there everywhere.
        late_s: How late kubelets report that pods run, from (time, uniform draw): fake ones, in recordings.
        tolerates_s: Seconds that pods of a template tolerate these NoExecute taints for.
    """

    constants: Mapping[str, float]
    timing: Timing | None = None
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    delays: Callable[[int], KubeletDelays] | None = None
    tolerates_s: Callable[[PodTemplate, Sequence[str]], float] | None = None
    expectations: bool = True
    outages: bool = True
    images: ImagePlan | None = None
    late_s: Callable[[float, float], float] | None = None

    @property
    def instant(self) -> bool:
        """Whether nothing takes time."""
        return self.timing is None
