"""What a run amounted to, computed from its journal and its series after it ended.

All results are plain numbers in dictionaries, as they stand in ``summary.json``: times in seconds, shares as
ratios between 0 and 1, None where there is no number (a mean over no pods, a share of nothing).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.idle import WAITED_FOR, free_steps, idle_steps, wanted_steps
from experiments.journalfiles import RunFiles
from experiments.lives import ENDINGS, Faults, Lives, Minions, Pods
from experiments.statistics import Quantile, quantile
from experiments.steps import NOTHING, Steps, read_cluster_steps

__all__ = [
    "ALLOCATION_LIMIT",
    "FAULT_LIMIT",
    "RESOURCE_WORDS",
    "SHARES",
    "delay_quantiles",
    "mean_waits_s",
    "measure",
    "ordered_resources",
    "resource_column",
    "resource_word",
    "usage_shares",
    "waits_s",
]

ALLOCATION_LIMIT: Final = 10_000
"""A summary holds the allocation of so many minions; of a larger fleet an even sample."""

FAULT_LIMIT: Final = 2_000
"""A summary holds so many occurrences of faults, the first ones."""

SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

RESOURCE_WORDS: Final = {
    "cpu_millicores": "cpu",
    "memory_bytes": "memory",
    "gpu_milli": "gpu",
    "pods": "pods",
    "ephemeral_bytes": "ephemeral-storage",
}
"""A resource as its series call it, and as a scenario does; extended resources have one name."""


def resource_word(column: str) -> str:
    """The word for a resource in a scenario, given the one in the names of series."""
    return RESOURCE_WORDS.get(column, column)


def resource_column(word: str) -> str:
    """The name of a resource in the names of series, given the scenario's word."""
    return next((column for column, known in RESOURCE_WORDS.items() if known == word), word)


def ordered_resources(words: Iterable[str]) -> list[str]:
    """Resources by the scenario's words in the order in which they are shown: the built-in ones first."""
    places = {word: place for place, word in enumerate(RESOURCE_WORDS.values())}
    return sorted(words, key=lambda word: (places.get(word, len(places)), word))


def measure(run: RunFiles, lives: Lives) -> dict[str, Any]:
    """Return every figure of a run.

    Args:
        run: For what is not a life: the series, the offered load.
        lives: :func:`experiments.lives.read_lives` of the same run.
    """
    steps = read_cluster_steps(run, _is_told)
    last = {name: (float(its.times_s[-1]), its.last) for name, its in steps.items() if len(its)}
    # The series of a killed run end with their last chunk, before or after the last chunk of records.
    seen_s = lives.end_s if lives.end_reason else max((time_s for time_s, _ in last.values()), default=0.0)
    usage = _usage(steps, seen_s)
    return {
        "end_s": lives.end_s,
        "end_reason": lives.end_reason,
        # A budget may be used up in the middle of an event, between a record and its series.
        "pods": _counts(lives.pods, {} if lives.end_reason in (None, "budget") else last),
        "scheduling_delay_s": {
            word: q.as_json() for word, q in delay_quantiles(lives.pods, lives.end_s).items()
        },
        "mean_wait_s": _mean(waits_s(lives.pods.asked(), lives.end_s)[0]),
        "recorded_wait": _recorded(lives),
        "offered_load": _offered(run),
        "utilisation": usage["requested"],
        "stranded": usage["stranded"],
        "idle": _idle(steps, lives, seen_s),
        "minions": _fleet(lives.minions, lives.end_s),
        "allocation": _allocation(lives),
        "faults": _faults(lives.faults),
    }


def _mean(numbers: NDArray[np.float64]) -> float | None:
    return float(np.mean(numbers)) if len(numbers) else None


def _is_told(series: str) -> bool:
    return series.startswith(("requested_", "allocatable_", "stranded_", "pods_"))


def _counts(pods: Pods, last: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Count pods by phase at the end, and say whether none vanished.

    Conserved means: created = pending + running + succeeded + failed + lost + withdrawn + given up + deleted,
    where the endings are counted from the *records* and pending and running from the *lives*, so that a pod that ends
    twice breaks it; and that the series (where given) end with the same counts.
    """
    alive = pods.ending < 0
    counts = {
        "created": len(pods),
        "pending": int(np.sum(alive & np.isnan(pods.started_s))),
        "running": int(np.sum(alive & ~np.isnan(pods.started_s))),
        **pods.records,
    }
    agree = all(
        last[f"pods_{phase}"][1] == counts[phase]
        for phase in ("pending", "running", *ENDINGS)
        if f"pods_{phase}" in last
    )
    total = sum(count for phase, count in counts.items() if phase != "created")
    return {**counts, "conserved": agree and total == counts["created"]}


def waits_s(pods: Pods, end_s: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how long each pod was seen pending, and whether that ended with a minion.

    A pod waits from its creation until it is bound, withdrawn or given up, or until the run ends. A mean of
    these is a *restricted* mean: a pod that found no minion counts with the time that was seen of its wait.
    """
    bound = ~np.isnan(pods.bound_s)
    until_s = np.where(bound, pods.bound_s, np.where(np.isnan(pods.ended_s), end_s, pods.ended_s))
    return until_s - pods.created_s, bound


def mean_waits_s(lives: Lives) -> dict[str, float]:
    """Return the restricted mean of :func:`waits_s` of the pods of each workload or controller, by its name."""
    pods = lives.pods.asked()
    waited, _ = waits_s(pods, lives.end_s)
    owned = [
        (owner.partition("/")[2], waited[pods.owner == place]) for place, owner in enumerate(pods.owners)
    ]
    return {name: float(of.mean()) for name, of in owned if len(of)}


def delay_quantiles(pods: Pods, end_s: float) -> dict[str, Quantile]:
    """Return p50, p95 and p99 of the scheduling delay, from created to bound.

    Every pod that was created counts, but for those that were bound when the run began. One that is still
    pending at the end, was withdrawn or was given up has no minion and counts as infinite. The quantile is by
    rank: p95 of n pods is the delay of rank ceil(0.95 n). Where that one is infinite there is no value, and
    ``at_least`` is the longest wait of any pod, whether a minion or the end of the run ended it: the quantile
    is beyond everything that was seen.
    """
    waited, bound = waits_s(pods.asked(), end_s)
    longest = float(waited.max()) if len(waited) else None
    reached = np.sort(waited[bound])
    never = len(waited) - len(reached)
    return {word: quantile(reached, never, share, longest) for word, share in SHARES.items()}


def _recorded(lives: Lives) -> dict[str, Any] | None:
    """Recorded waiting beside simulated, for the pods of which a trace says how long they really waited."""
    pods = lives.pods
    known = ~np.isnan(pods.recorded_wait_s)
    if not known.any():
        return None
    recorded = np.sort(pods.recorded_wait_s[known])
    waited, bound = waits_s(pods, lives.end_s)
    waited, bound = waited[known], bound[known]
    reached, longest = np.sort(waited[bound]), float(waited.max())
    never = len(waited) - len(reached)
    return {
        "pods": len(recorded),
        "recorded_s": {word: quantile(recorded, 0, share, None).as_json() for word, share in SHARES.items()},
        "recorded_mean_s": _mean(recorded),
        "simulated_s": {
            word: quantile(reached, never, share, longest).as_json() for word, share in SHARES.items()
        },
        "simulated_mean_s": _mean(waited),
    }


def _offered(run: RunFiles) -> dict[str, dict[str, float]]:
    """Offered load by workload and resource: what it asks for per second over what there is."""
    is_offer = pl.col("kind").cast(pl.String) == "workload_offered"
    rows = run.events().filter(is_offer).select(pl.col("object", "reason").cast(pl.String), "value").collect()
    offered: dict[str, dict[str, float]] = {}
    for workload, resource, ratio in rows.iter_rows():
        offered.setdefault(workload.removeprefix("workload/"), {})[resource_word(resource)] = ratio
    return offered


def _usage(steps: Mapping[str, Steps], end_s: float) -> dict[str, dict[str, dict[str, float | None]]]:
    """Requested and stranded over allocatable, by resource: time-weighted, and at the end.

    The time-weighted share is the integral of the one over the integral of the other, both over ready
    minions, so an hour with half of the fleet counts half.
    """
    found: dict[str, dict[str, dict[str, float | None]]] = {"requested": {}, "stranded": {}}
    columns = [name.removeprefix("allocatable_") for name in steps if name.startswith("allocatable_")]
    known = [column for column in RESOURCE_WORDS if column in columns]
    for column in [*known, *(column for column in columns if column not in RESOURCE_WORDS)]:
        whole = steps[f"allocatable_{column}"]
        if not whole.values.any():
            continue
        for kind, shares in found.items():
            part = steps.get(f"{kind}_{column}", NOTHING)
            shares[resource_word(column)] = usage_shares(part, whole, end_s)
    return found


def _idle(steps: Mapping[str, Steps], lives: Lives, end_s: float) -> dict[str, dict[str, float | None]]:
    """What is free while pods wait for it, over allocatable, by resource: see :mod:`experiments.idle`."""
    found = {}
    for column in WAITED_FOR:
        whole = steps.get(f"allocatable_{column}", NOTHING)
        if whole.values.any():
            idle = idle_steps(free_steps(steps, column), wanted_steps(lives.pods, column))
            found[resource_word(column)] = usage_shares(idle, whole, end_s)
    return found


def usage_shares(part: Steps, whole: Steps, end_s: float) -> dict[str, float | None]:
    """Return ``mean`` (time-weighted until ``end_s``) and ``final`` share of the one in the other."""
    return {
        "mean": _share(part.integral(end_s), whole.integral(end_s)),
        "final": _share(part.last, whole.last),
    }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _fleet(minions: Minions, end_s: float) -> dict[str, Any]:
    """Count minions, crashes and reboots; unavailability is the share of minion-seconds that were not ready."""
    known_s = float(np.sum(end_s - minions.registered_s))
    ready_s = float(np.sum(minions.ready_s(end_s)))
    return {
        "registered": len(minions),
        "ready": int(minions.ready.sum() + minions.up.sum() - (~minions.up).sum()),
        "crashes": int((~minions.up & ~minions.planned).sum()),
        "repairs": int((minions.up & ~minions.planned).sum()),
        "reboots": int((~minions.up & minions.planned).sum()),
        "unavailability_ratio": 1 - ready_s / known_s if known_s > 0 else None,
    }


def _allocation(lives: Lives) -> dict[str, Any]:
    """Time-mean of requested over allocatable of each minion, while it was ready, largest first.

    A pod's requests count from when it is bound until its life ends. Each resource is sorted on its own;
    rounded to 6 digits, as it is there for a picture.
    """
    pods, minions, end_s = lives.pods, lives.minions, lives.end_s
    ready_s = minions.ready_s(end_s)
    placed = pods.minion >= 0
    until_s = np.where(np.isnan(pods.ended_s), end_s, pods.ended_s)
    held_s = (until_s - pods.bound_s)[placed]
    shares: dict[str, list[float]] = {}
    for column in ("cpu_millicores", "memory_bytes", "gpu_milli"):
        whole = minions.allocatable[column] * ready_s
        amount = np.bincount(
            pods.minion[placed], held_s * pods.requests[column][placed], minlength=len(minions)
        )
        has = whole > 0
        if has.any():
            mean = np.sort(amount[has] / whole[has])[::-1]
            shares[resource_word(column)] = [round(share, 6) for share in _sample(mean).tolist()]
    return shares


def _sample(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most :data:`ALLOCATION_LIMIT` of them, evenly spaced, first and last among them."""
    if len(numbers) <= ALLOCATION_LIMIT:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, ALLOCATION_LIMIT).round().astype(np.int64)]


def _faults(faults: Faults) -> dict[str, Any]:
    listed = [
        {
            "name": faults.names[i],
            "occurrence": int(faults.occurrence[i]),
            "minion": faults.minions[i] or None,
            "began_s": float(faults.began_s[i]),
            "ended_s": None if math.isnan(faults.ended_s[i]) else float(faults.ended_s[i]),
        }
        for i in range(min(len(faults), FAULT_LIMIT))
    ]
    return {"occurrences": len(faults), "listed": listed}
