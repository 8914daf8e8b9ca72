"""Which figures of a run a sweep compares, and where ``summary.json`` has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["METRICS", "is_ratio", "metrics_of"]

METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "mean wait (s)": ("mean_wait_s",),
    "delay p50 (s)": ("scheduling_delay_s", "p50", "value"),
    "delay p95 (s)": ("scheduling_delay_s", "p95", "value"),
    "delay p99 (s)": ("scheduling_delay_s", "p99", "value"),
    "busyness": ("schedulers_together", "busyness_ratio"),
    "conflict fraction": ("schedulers_together", "conflict_fraction"),
    "mean job wait (s)": ("schedulers_together", "mean_wait_s"),
    "job wait p95 (s)": ("schedulers_together", "wait_s", "p95", "value"),
    "cpu utilisation": ("utilisation", "cpu", "mean"),
    "memory utilisation": ("utilisation", "memory", "mean"),
    "gpu utilisation": ("utilisation", "gpu", "mean"),
    "gpu allocated at end": ("utilisation", "gpu", "final"),
    "cpu stranded": ("stranded", "cpu", "mean"),
    "gpu stranded": ("stranded", "gpu", "mean"),
    "cpu idle while waited for": ("idle", "cpu", "mean"),
    "gpu idle while waited for": ("idle", "gpu", "mean"),
    "pods pending at end": ("pods", "pending"),
    "pods given up": ("pods", "given_up"),
    "pods lost": ("pods", "lost"),
    "crashes": ("minions", "crashes"),
    "unavailability": ("availability", "unavailability_ratio"),
    "time below desired": ("availability", "below_ratio"),
    "time at zero": ("availability", "zero_ratio"),
    "longest scale-up to serving (s)": ("availability", "serving_s"),
    "pods evicted": ("availability", "evicted"),
    "container restarts": ("availability", "restarts"),
    "cpu stolen from virtual machines": ("hosts", "all", "stolen_ratio"),
    "kernel evictions": ("memory", "total", "evicted"),
    "OOM kills by limits": ("memory", "total", "killed_by_limit"),
    "OOM kills of full minions": ("memory", "total", "killed_by_minion"),
    "file pages found cached": ("files", "total", "found_ratio"),
    "file pages of a minion at most (bytes)": ("files", "total", "cached_most_bytes"),
    "processes of a minion at most": ("processes", "total", "most"),
    "fork bombs at a limit": ("processes", "total", "limited"),
    "starts refused a process": ("processes", "total", "refused"),
    "minions without processes to start (s)": ("processes", "total", "exhausted_s"),
    "memory held at most": ("memory", "total", "most_ratio"),
    "attacks that took a minion": ("intrusions", "took_a_minion_ratio"),
    "minions taken": ("intrusions", "minions_taken"),
    "pods reached by attackers": ("intrusions", "pods_reached"),
    "tenants reached by attackers": ("intrusions", "tenants_reached"),
    "attacks detected": ("intrusions", "detected"),
}
"""Those that every run may have, by name."""

_EACH: Final[Mapping[str, tuple[str, ...]]] = {
    "mean wait of {}'s pods (s)": ("waits_s", "{}"),
    "busyness of scheduler {}": ("schedulers", "{}", "busyness_ratio"),
    "conflict fraction of scheduler {}": ("schedulers", "{}", "conflict_fraction"),
    "mean job wait of scheduler {} (s)": ("schedulers", "{}", "mean_wait_s"),
}
"""Those that there are once for each name that a run has at the second step of the path."""

_SHARES: Final = ("utilisation", "stranded", "idle")
"""Parts of ``summary.json`` whose figures are ratios between 0 and 1."""


def metrics_of(summary: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the figures that are compared; None where a run has none."""
    found = {name: _at(summary, path) for name, path in METRICS.items()}
    for pattern, path in _EACH.items():
        for each in summary.get(path[0]) or ():
            found[pattern.format(each)] = _at(summary, [step.format(each) for step in path])
    return found


def is_ratio(name: str) -> bool:
    """Tell whether a figure is a ratio, which people read as percent."""
    path = METRICS.get(name) or next(
        path for pattern, path in _EACH.items() if name.startswith(pattern.partition("{}")[0])
    )
    return path[0] in _SHARES or path[-1].endswith("_ratio")


def _at(summary: Mapping[str, Any], path: Sequence[str]) -> float | None:
    value: Any = summary
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) else None
