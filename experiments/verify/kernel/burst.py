"""Cases of kind ``burst``: one piece of CPU work alone, with a quota and without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from experiments.verify.kernel.fields import CaseFields, Setting
from experiments.verify.kernel.kind import Comparison, Kind, Limit, worst_ratio
from models.kernel.cgroups import quota_of_millicores
from models.kernel.constants import FittedConstants
from models.kernel.cpuburst import mean_wall_s

__all__ = ["BurstCase", "BurstKind"]

_ALLOWED_RATIO: Final = 0.1
_ALLOWED_S: Final = 0.03
_CLOCK_S: Final = 0.01
_LEAST_CPUS: Final = 0.01


@dataclass(frozen=True, slots=True)
class BurstCase:
    """Work of one thread.

    Attributes:
        cpus: Quota in cores.
        free_s: What it took without a quota, by a clock of 10 ms.
        capped_s: With it.
    """

    cpus: float
    free_s: float
    capped_s: float


class BurstKind(Kind):
    """Seconds by the wall, each within a tenth or 30 ms."""

    name: ClassVar[str] = "burst"
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("seconds", "greatest error of what is allowed: 10% or 0.03 s", worst_ratio, 1.0),
    )

    def read(self, fields: CaseFields, setting: Setting) -> BurstCase:
        """Return the quota and the times."""
        cpus = fields.number("cpus", least=_LEAST_CPUS, most=8192.0)
        measured = fields.mapping("measured")
        return BurstCase(cpus, measured.number("free"), measured.number("capped"))

    def compare(self, inputs: BurstCase, setting: Setting, constants: FittedConstants) -> list[Comparison]:
        """Predict the time with the quota from that without."""
        quota = quota_of_millicores(round(1000 * inputs.cpus))
        # The clock tells the work to 10 ms on either side; where in a period it began is not known. The mean over both.
        steps = [place / 10 for place in range(-9, 10)]
        weights = [1.0 - abs(step) for step in steps]
        walls = [mean_wall_s(max(0.0, inputs.free_s + _CLOCK_S * step), quota) for step in steps]
        predicted = sum(w * wall for w, wall in zip(weights, walls, strict=True)) / sum(weights)
        allowed = max(_ALLOWED_RATIO * inputs.capped_s, _ALLOWED_S)
        error = abs(predicted - inputs.capped_s)
        return [Comparison("seconds", f"{inputs.cpus:g} cores", predicted, inputs.capped_s, error, allowed)]
