"""How much a case differs from itself when it is measured again, and whether that is too much to judge by.

A case is inconclusive where its noise floor is more than half of what ``verify kernel`` allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Final

from experiments.replay.kernelcases import BurstCase, Case, CpuCase, MemoryCase, PageCacheCase, PidsCase
from experiments.replay.measuring import Measured

__all__ = ["Floor", "settle"]

_CORES_MEAN: Final = 0.035 / 2
"""Half of what nine in ten containers may be off by: of a case's containers in the mean."""
_CORES_MOST: Final = 0.16 / 2
"""Half of what any container may be off by."""
_BURST_RATIO: Final = 0.1 / 2
_BURST_S: Final = 0.03 / 2
_PEAK_MIB_A_CORE: Final = 64 * 4096 / 2**20 / 2
_CHARGED_MIB: Final = 3.0 / 2


@dataclass(frozen=True, slots=True)
class Floor:
    """A case's noise floor.

    Attributes:
        figures: What differs by how much: half of the range over the repeats, in the figure's unit.
        problem: Why the case says nothing, as a sentence; empty where it does.
    """

    figures: dict[str, float]
    problem: str = ""


def settle(case: Case, repeats: Sequence[Measured], cores: int) -> tuple[Any, Floor]:
    """Return what a case did, as the median of its repeats, and its noise floor.

    Args:
        case: As drawn.
        repeats: What it did each time, at least once.
        cores: That the containers share.
    """
    figures = [each.figures for each in repeats]
    match case:
        case CpuCase():
            return _cpu(figures, repeats)
        case BurstCase():
            return _burst(case, figures, repeats)
        case MemoryCase():
            noise = {"peak_mib": _half_range([each["peak_mib"] for each in figures])}
            floor = _judged(noise, {"peak_mib": _PEAK_MIB_A_CORE * cores}, "MiB")
            return _middle(figures, "peak_mib"), _same(figures, ("oom_killed",), floor)
        case PidsCase():
            return figures[0], _same(figures, ("tasks", "status", "exit_code"), Floor({}))
        case PageCacheCase():
            readers = list(zip(*figures, strict=True))
            noise = {"charged_mib": max(map(_half_range, readers))}
            return [median(each) for each in readers], _judged(noise, {"charged_mib": _CHARGED_MIB}, "MiB")


def _cpu(figures: Sequence[Any], repeats: Sequence[Measured]) -> tuple[Any, Floor]:
    containers = list(zip(*figures, strict=True))
    middle = [{key: median(each[key] for each in rows) for key in rows[0]} for rows in containers]
    ranges = [_half_range([each["cores"] for each in rows]) for rows in containers]
    told = [each.others for each in repeats if each.others is not None]
    # What others took, the containers did not get: their part of it is noise that repeating does not show.
    others = fmean(told) / len(containers) if told else 0.0
    noise = {"cores_mean": fmean(ranges), "cores_most": max(ranges), "others_cores": others}
    allowed = {"cores_mean": _CORES_MEAN, "cores_most": _CORES_MOST, "others_cores": _CORES_MEAN}
    return middle, _judged(noise, allowed, "cores a container")


def _burst(case: BurstCase, figures: Sequence[Any], repeats: Sequence[Measured]) -> tuple[Any, Floor]:
    middle = {key: median(each[key] for each in figures) for key in ("free", "capped")}
    free_s, capped_s = (_half_range([each[key] for each in figures]) for key in ("free", "capped"))
    # The prediction comes from the time without a quota, which stands in it divided by the quota.
    waited_s = median(each.others or 0.0 for each in repeats)
    noise = {"capped": capped_s, "predicted": (free_s + waited_s) / min(1.0, case.cpus)}
    allowed = max(_BURST_RATIO * middle["capped"], _BURST_S)
    return middle, _judged(noise, dict.fromkeys(noise, allowed), "s")


def _judged(noise: dict[str, float], allowed: dict[str, float], unit: str) -> Floor:
    over = [
        f"{key} {noise[key]:.3g} {unit}, and half of what is allowed is {most:.3g}"
        for key, most in allowed.items()
        if noise[key] > most
    ]
    return Floor(noise, f"the noise floor is too high: {'; '.join(over)}" if over else "")


def _same(figures: Sequence[Any], keys: Sequence[str], floor: Floor) -> Floor:
    differ = [key for key in keys if len({each[key] for each in figures}) > 1]
    if not differ:
        return floor
    return Floor(floor.figures, f"it does not come out the same each time: {', '.join(differ)}")


def _middle(figures: Sequence[Any], key: str) -> Any:
    """The repeat whose figure is the median one."""
    return sorted(figures, key=lambda each: each[key])[len(figures) // 2]


def _half_range(values: Sequence[float]) -> float:
    return (max(values) - min(values)) / 2
