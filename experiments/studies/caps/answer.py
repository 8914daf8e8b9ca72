"""What the sweep says: functions of its files alone.

Each figure is worked out for each run from its ``summary.json``. Every cap is compared with none, paired by seed: with
one seed all caps met the same pods and draws. There are as many comparisons of a figure as there are other caps, so
each interval has level 1 - (1 - level) / comparisons: those of one figure hold together with the level given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.statistics import Estimate, estimate, paired_difference
from experiments.sweep import read_results

__all__ = ["FIGURES", "Answer", "Figure", "answer"]

_CAP: Final = "caps"
_REPORT_THREADS: Final = 4


@dataclass(frozen=True)
class Figure:
    """One figure of a run.

    Attributes:
        shown: Its name with its unit, for people.
        of: What it is of a run's summary.
        cost: It is a cost to the innocent; else what a cap saves.
    """

    shown: str
    of: Callable[[Mapping[str, Any]], float]
    cost: bool


def _cpu(summary: Mapping[str, Any], owner: str, word: str) -> float:
    found = summary["cpu"] or {}
    return float(found[owner][word]) if owner in found else 0.0


def _report_min(summary: Mapping[str, Any]) -> float:
    """Return for how long reports ran for each CPU second that they got, as minutes of a report of five CPU minutes."""
    used_s = _cpu(summary, "workload/reports", "used_s")
    ran_s = _cpu(summary, "workload/reports", "wanted_s") / _REPORT_THREADS
    return 5 * ran_s / used_s


def _killed(summary: Mapping[str, Any], *words: str) -> float:
    """Return how many containers of the shop and of reports were killed or evicted so."""
    owners = (summary.get("memory") or {}).get("owners", {})
    innocent = ("controller/default/shop", "workload/reports")
    return float(sum(owners[owner][word] for owner in innocent if owner in owners for word in words))


FIGURES: Final = (
    Figure("a report of 5 CPU min runs for, min", _report_min, cost=True),
    Figure(
        "reports throttled, h", lambda run: _cpu(run, "workload/reports", "throttled_s") / 3600, cost=True
    ),
    Figure(
        "servers throttled, min",
        lambda run: _cpu(run, "controller/default/shop", "throttled_s") / 60,
        cost=True,
    ),
    Figure("innocents killed by their limit", lambda run: _killed(run, "killed_by_limit"), cost=True),
    Figure(
        "CPU that servers lack, %",
        lambda run: 100 * (1 - _cpu(run, "controller/default/shop", "share")),
        cost=False,
    ),
    Figure(
        "restarts of servers",
        lambda run: float(run["availability"]["restarts"]),
        cost=False,
    ),
    Figure(
        "shop unavailable, %",
        lambda run: 100 * float(run["availability"]["unavailability_ratio"]),
        cost=False,
    ),
    Figure(
        "innocents killed or evicted, minion low",
        lambda run: _killed(run, "killed_by_minion", "evicted"),
        cost=False,
    ),
)


@dataclass(frozen=True)
class Answer:
    """A figure under each cap.

    Attributes:
        means: By cap, over seeds, each with an interval of its own.
        more: By cap but none, how much more than under none, paired by seed; the intervals hold together.
    """

    figure: Figure
    means: Mapping[str, Estimate]
    more: Mapping[str, Estimate]


def answer(folder: Path, *, level: float = 0.95) -> list[Answer]:
    """Return every figure from the files of a sweep over caps.

    Args:
        folder: The sweep's.
        level: Of the intervals of each figure together.

    Raises:
        ValueError: A run is missing or failed, so that caps did not meet the same seeds.
    """
    runs = _runs(folder)
    others = [cap for cap in runs if cap != "none"]
    each = 1 - (1 - level) / max(1, len(others))
    found = []
    for figure in FIGURES:
        numbers = {
            cap: {seed: figure.of(run) for seed, run in by_seed.items()} for cap, by_seed in runs.items()
        }
        means = {cap: estimate(list(of.values()), level=level) for cap, of in numbers.items()}
        more = {cap: paired_difference(numbers[cap], numbers["none"], level=each) for cap in others}
        found.append(Answer(figure, means, more))
    return found


def _runs(folder: Path) -> dict[str, dict[int, Mapping[str, Any]]]:
    """Return the summaries by cap and seed."""
    design, frame = read_results(folder)
    bad = frame.filter(frame["status"] != 0)
    if bad.height:
        row = bad.row(0, named=True)
        raise ValueError(
            f"{folder}: {bad.height} of {frame.height} runs failed, the first with {row[_CAP]} and seed {row['seed']}"
        )
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        path = folder / "runs" / row["key"] / "summary.json"
        summary = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(str(json.loads(row[_CAP])), {})[row["seed"]] = summary
    if "none" not in found or any(set(numbers) != set(design.seeds) for numbers in found.values()):
        raise ValueError(f"{folder}: not every cap, and none among them, has a run for every seed")
    return found
