"""What the sweeps say: functions of their files alone.

For each load and each question the policies are ordered by their means, and the first is compared with every other,
paired by seed: with one seed all policies met the same pods. There are several comparisons at once, and which is first
is seen in the same numbers: so each interval is Bonferroni's, of level 1 - (1 - level) / pairs over all pairs of
policies, whichever of them turns out to be first. All intervals of one load and question then hold together with the
level given.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from experiments.statistics import Estimate, estimate, paired_difference
from experiments.sweep import read_results

__all__ = ["QUESTIONS", "Answer", "Question", "Ranked", "answer", "offered_gpu"]

_POLICY: Final = "policy.scheduler"


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        asks: In words.
        metric: The column of ``runs.parquet``.
        shown: The metric's name with its unit, for people.
        factor: From the column's unit to that one.
        most: The first is the one with most; else with least.
    """

    asks: str
    metric: str
    shown: str
    factor: float
    most: bool = False


QUESTIONS: Final = (
    Question("waits least", "mean wait (s)", "mean wait, min", 1 / 60),
    Question("leaves least idle while pods wait for it", "gpu idle while waited for", "GPU idle, %", 100.0),
    Question("strands least", "gpu stranded", "GPU stranded, %", 100.0),
    Question("allocates most", "gpu utilisation", "GPU allocated, %", 100.0, most=True),
)


@dataclass(frozen=True)
class Ranked:
    """One policy's place.

    Attributes:
        policy: Its name.
        mean: Over seeds, with an interval of its own.
        behind: How much worse than the first, paired by seed, at Bonferroni's level; None for the first.
    """

    policy: str
    mean: Estimate
    behind: Estimate | None

    @property
    def is_sure(self) -> bool:
        """It is worse than the first beyond chance."""
        return self.behind is not None and self.behind.sure


@dataclass(frozen=True)
class Answer:
    """The answer to one question at one load.

    Attributes:
        ranked: The policies, best first.
        level: Of all intervals ``behind`` together.
    """

    question: Question
    ranked: tuple[Ranked, ...]
    level: float

    @property
    def first(self) -> tuple[str, ...]:
        """The best policy, and those that are not surely worse."""
        return tuple(each.policy for each in self.ranked if not each.is_sure)


def answer(folder: Path, question: Question, *, level: float = 0.95) -> Answer:
    """Answer a question from the files of one sweep over policies.

    Args:
        folder: The sweep's.
        question: Which.
        level: Of the intervals of all comparisons together.

    Raises:
        ValueError: A run is missing or failed, so that policies did not meet the same seeds.
    """
    by_policy = _numbers(folder, question)
    means = {policy: estimate(list(found.values()), level=level) for policy, found in by_policy.items()}
    sign = -1.0 if question.most else 1.0
    order = sorted(by_policy, key=lambda policy: (sign * _mean(means[policy]), policy))
    pairs = len(list(itertools.combinations(order, 2)))
    each = 1 - (1 - level) / max(1, pairs)
    best = order[0]
    ranked = [Ranked(best, means[best], None)]
    for policy in order[1:]:
        less, more = (policy, best) if question.most else (best, policy)
        behind = paired_difference(by_policy[more], by_policy[less], level=each)
        ranked.append(Ranked(policy, means[policy], behind))
    return Answer(question, tuple(ranked), level)


def _mean(found: Estimate) -> float:
    assert found.mean is not None, "every run has every number: _numbers saw to it"
    return found.mean


def _numbers(folder: Path, question: Question) -> Mapping[str, dict[int, float]]:
    """Return each policy's numbers by seed, in the unit that is shown."""
    design, frame = read_results(folder)
    bad = frame.filter(~pl.col("status").is_in([0, 1]) | pl.col(question.metric).is_null())
    if bad.height:
        row = bad.row(0, named=True)
        raise ValueError(
            f"{folder}: {bad.height} of {frame.height} runs have no '{question.metric}', the first with "
            f"{row[_POLICY]} and seed {row['seed']}"
        )
    found: dict[str, dict[int, float]] = {}
    for row in frame.iter_rows(named=True):
        policy = str(json.loads(row[_POLICY]))
        found.setdefault(policy, {})[row["seed"]] = question.factor * row[question.metric]
    if any(set(numbers) != set(design.seeds) for numbers in found.values()):
        raise ValueError(f"{folder}: not every policy has a run for every seed")
    return found


def offered_gpu(folder: Path) -> Estimate:
    """Return the offered load of GPUs over a sweep's seeds, as a ratio of what there is."""
    _, frame = read_results(folder)
    ratios = []
    for key in frame.unique("seed", keep="first", maintain_order=True)["key"]:
        summary = json.loads((folder / "runs" / key / "summary.json").read_text(encoding="utf-8"))
        ratios.append(sum(load["gpu"] for load in summary["offered_load"].values()))
    return estimate(ratios)
