"""How well controllers had what was asked of them: lack, time below, time at zero, and from scale-up to serving.

All from the series of pods desired and ready in the record, which change with it:

- *unavailability*: the integral of max(0, desired - ready) over that of desired;
- *below*: the share of the time in which pods were desired, during which fewer were ready;
- *zero*: the same where none was ready;
- *scale-up to serving*: from when more pods were asked for, the first time too, until so many were ready. It does not
  count once another number was asked for before that.

The time until the first pods are ready counts everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.controlsteps import combined, controller_steps, summed
from experiments.journalfiles import RunFiles
from experiments.steps import Steps

__all__ = ["Availability", "ScaleUp", "availability", "control_figures", "scale_ups"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScaleUp:
    """More pods were asked for.

    Attributes:
        time_s: When.
        serving_s: How long it took until so many were ready; ``inf``: not before the end; nan: by then another
            number was asked for.
    """

    time_s: float
    serving_s: float


def scale_ups(desired: Steps, ready: Steps) -> list[ScaleUp]:
    """Return every increase of the number desired of one controller, in order of time."""
    times_s = np.unique(np.concatenate([desired.times_s, ready.times_s]))
    wanted, have = desired.at(times_s), ready.at(times_s)
    changes = np.flatnonzero(np.diff(wanted, prepend=0.0))
    found = []
    for place, change in enumerate(changes):
        if wanted[change] < (wanted[change - 1] if change else 0.0):
            continue
        until = changes[place + 1] if place + 1 < len(changes) else len(times_s)
        enough = np.flatnonzero(have[change:until] >= wanted[change])
        if len(enough):
            serving_s = float(times_s[change + enough[0]] - times_s[change])
        else:
            serving_s = math.inf if until == len(times_s) else math.nan
        found.append(ScaleUp(float(times_s[change]), serving_s))
    return found


@dataclass(frozen=True)
class Availability:
    """Of one controller or of several together.

    Attributes:
        unavailability_ratio, below_ratio, zero_ratio: See above; of several, the time in which any of them lacked or
            had none; 0 where nothing was ever desired.
        scale_ups: In order of time.
    """

    unavailability_ratio: float
    below_ratio: float
    zero_ratio: float
    scale_ups: Sequence[ScaleUp]

    @property
    def serving_max_s(self) -> float:
        """The longest from scale-up to serving; ``inf`` where one was not reached, nan where there was none."""
        counted = [each.serving_s for each in self.scale_ups if not math.isnan(each.serving_s)]
        return max(counted, default=math.nan)

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name; of scale-ups how many there were, were reached, and the times of these.

        ``serving_s`` is :attr:`serving_max_s`, None where that is no number.
        """
        reached = [each.serving_s for each in self.scale_ups if math.isfinite(each.serving_s)]
        return {
            "unavailability_ratio": self.unavailability_ratio,
            "below_ratio": self.below_ratio,
            "zero_ratio": self.zero_ratio,
            "scale_ups": len(self.scale_ups),
            "served": len(reached),
            "serving_mean_s": float(np.mean(reached)) if reached else None,
            "serving_max_s": max(reached) if reached else None,
            "serving_s": self.serving_max_s if math.isfinite(self.serving_max_s) else None,
        }


def availability(controllers: Sequence[Mapping[str, Steps]], end_s: float) -> Availability:
    """Return the figures of controllers, each as its steps ``desired``, ``ready`` and ``unavailable``."""
    wanted = sum(of["desired"].integral(end_s) for of in controllers)
    lacking = sum(of["unavailable"].integral(end_s) for of in controllers)
    wanted_s = _any_s([_where(of["desired"]) for of in controllers], end_s)
    below_s = _any_s([_where(of["unavailable"]) for of in controllers], end_s)
    zero_s = _any_s([_none_ready(of) for of in controllers], end_s)
    ups = [up for of in controllers for up in scale_ups(of["desired"], of["ready"]) if up.time_s <= end_s]
    return Availability(
        lacking / wanted if wanted > 0 else 0.0,
        below_s / wanted_s if wanted_s > 0 else 0.0,
        zero_s / wanted_s if wanted_s > 0 else 0.0,
        sorted(ups, key=lambda up: up.time_s),
    )


def _where(steps: Steps) -> Steps:
    """1 while a quantity is above 0, else 0, with no more points than that takes: those of all are put together."""
    above = (steps.values > 0).astype(np.float64)
    turns = np.flatnonzero(np.diff(above, prepend=0.0))
    return Steps(steps.times_s[turns], above[turns])


def _none_ready(of: Mapping[str, Steps]) -> Steps:
    return _where(combined([of["desired"], of["ready"]], lambda rows: np.where(rows[1] > 0, 0.0, rows[0])))


def _any_s(parts: Sequence[Steps], end_s: float) -> float:
    """The seconds in which any of some quantities is above 0."""
    return _where(summed(parts)).integral(end_s)


def control_figures(run: RunFiles, end_s: float) -> tuple[dict[str, dict[str, Any]], dict[str, Any] | None]:
    """Return by controller counts at the end, evictions, restarts and availability; and these of all together.

    ``mean_unavailable`` is the time mean of max(0, desired - ready). There is nothing of all where there are none.
    """
    steps = controller_steps(run)
    single = {
        name: {word: each.last for word, each in of.items()}
        | {"mean_unavailable": of["unavailable"].integral(end_s) / end_s if end_s > 0 else 0.0}
        | availability([of], end_s).as_json()
        for name, of in steps.items()
    }
    if not steps:
        return single, None
    counts = {word: sum(of[word].last for of in steps.values()) for word in ("evicted", "restarts")}
    return single, availability(list(steps.values()), end_s).as_json() | counts
