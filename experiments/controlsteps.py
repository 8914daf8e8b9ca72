"""The control plane's metrics as step functions of time: counts of controllers, endpoints, evictions, copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.expectationwords import MetricTerm
from experiments.journalfiles import RunFiles
from experiments.owners import chosen, read_named
from experiments.steps import NOTHING, Steps

__all__ = [
    "CONTROLLER_WORDS",
    "COUNTED",
    "DRAINED",
    "EVICTED",
    "ControlSteps",
    "combined",
    "controller_steps",
    "summed",
]

Floats = NDArray[np.float64]

EVICTED: Final = "TaintManagerEviction"
"""The reason of ``pod_terminating`` where the minion's taint drives a pod away."""

DRAINED: Final = "Eviction"
"""The same where an operator drains the minion."""

_DRIVEN: Final = (EVICTED, DRAINED)

COUNTED: Final = {
    "evicted": (pl.col("kind") == "pod_terminating") & pl.col("reason").is_in(_DRIVEN),
    "preempted": pl.col("kind") == "pod_preempted",
    "restarts": pl.col("kind") == "container_started",
    "kernel_evicted": pl.col("kind") == "pod_evicted",
    "oom_killed": pl.col("kind") == "container_out_of_memory",
    "compromised": pl.col("kind") == "pod_compromised",
    "minions_taken": pl.col("kind") == "minion_taken",
    "intrusions_detected": pl.col("kind") == "intrusion_detected",
    "forks_refused": pl.col("kind") == "fork_refused",
}

"""Metrics that count records of pods so far, by their owner."""

CONTROLLER_WORDS: Final = ("desired", "live", "ready", "evicted", "restarts", "unavailable")
"""The metrics that a run tells of each controller."""

_SERIES: Final = ("controller_desired", "controller_ready", "controller_live", "endpoints_ready")
_BEGINS: Final = ("pod_started", "container_started")
_ENDS: Final = ("pod_stopped", "pod_succeeded", "pod_failed", "pod_lost")


class ControlSteps:
    """What the metrics of controllers and services were over time in one run.

    Args:
        run: Its files.
    """

    def __init__(self, run: RunFiles) -> None:
        self._run = run

    def of(self, term: MetricTerm) -> Steps:
        """Return a metric that takes a controller or a service, or counts what happened to pods."""
        if term.name == "endpoints":
            services = chosen(read_named(self._run.manifest, "services"), term.selector)
            return summed([self._series(_SERIES[3], each) for each in services])
        kind = "" if term.name in COUNTED else "controller/"
        return self.about(term.name, chosen(read_named(self._run.manifest, "owners"), term.selector, kind))

    def about(self, word: str, owners: Sequence[str]) -> Steps:
        """Return a metric of some owners of pods, as the journal names them; of controllers unless it is counted."""
        if word in COUNTED:
            return summed([self._counted[word].get(each, NOTHING) for each in owners])
        if word == "unavailable":
            return summed([self._unavailable(each) for each in owners])
        if word == "copies":
            return combined([self._copies(each) for each in owners], lambda rows: rows.max(axis=0))
        return summed([self._series(f"controller_{word}", each) for each in owners])

    def each(self, selector: str) -> list[dict[str, Steps]]:
        """Return what single controllers had: ``desired``, ``ready`` and ``unavailable`` of each."""
        words = ("desired", "ready", "unavailable")
        return [
            {word: self.about(word, [key]) for word in words}
            for key in chosen(read_named(self._run.manifest, "owners"), selector, "controller/")
        ]

    def _series(self, name: str, about: str) -> Steps:
        return self._points.get((name, about), NOTHING)

    @cached_property
    def _points(self) -> dict[tuple[str, str], Steps]:
        """The series that are of single objects."""
        text = pl.col("series", "object").cast(pl.String)
        kept = self._run.series().with_columns(text).filter(pl.col("series").is_in(_SERIES)).collect()
        return {
            (str(name), str(about)): Steps(rows["time_s"].to_numpy(), rows["value"].to_numpy())
            for (name, about), rows in kept.group_by("series", "object", maintain_order=True)
        }

    def _unavailable(self, controller: str) -> Steps:
        """Pods that are wanted and not ready."""
        desired, ready = (self._series(f"controller_{word}", controller) for word in ("desired", "ready"))
        return combined([desired, ready], lambda rows: np.maximum(rows[0] - rows[1], 0.0))

    @cached_property
    def _counted(self) -> dict[str, dict[str, Steps]]:
        """By what is counted and by owner, how often by then it happened to pods of that owner."""
        return {
            word: {
                str(owner): Steps(rows["time_s"].to_numpy(), np.arange(1.0, rows.height + 1))
                for (owner,), rows in self._life.filter(what).group_by("owner", maintain_order=True)
            }
            for word, what in COUNTED.items()
        }

    def _copies(self, controller: str) -> Steps:
        """How many copies of one of a controller's pods run at least, on machines, not in the record.

        A pod that was evicted from a minion which the master does not hear may go on running there while another
        one runs in its place. Where more pods run than are desired, and some of them were evicted, one of the
        desired pods has so many copies: by the pigeonhole principle 1 and the surplus over the number desired.
        """
        mine = self._life.filter(pl.col("owner") == controller)
        ran = _switched(mine.filter(pl.col("kind").is_in([*_BEGINS, *_ENDS])))
        gone = mine.filter((pl.col("kind") == "pod_terminating") & pl.col("reason").is_in(_DRIVEN))
        evicted = set(gone["object"].to_list())
        left = mine.filter(pl.col("object").is_in(list(evicted)))
        running_evicted = _both(left)

        def copies(rows: NDArray[np.float64]) -> Floats:
            running, evicted, desired = rows
            surplus = np.clip(running - desired, 0.0, evicted)
            return np.where(running > 0, 1.0 + np.ceil(surplus / np.maximum(desired, 1.0)), 0.0)

        return combined([ran, running_evicted, self._series("controller_desired", controller)], copies)

    @cached_property
    def _life(self) -> pl.DataFrame:
        """Records of pods beginning, ending and being told to end, in order, and of containers that start again."""
        kinds = [
            *_BEGINS,
            *_ENDS,
            "pod_terminating",
            "pod_preempted",
            "pod_evicted",
            "container_out_of_memory",
            "pod_compromised",
            "minion_taken",
            "intrusion_detected",
            "fork_refused",
        ]
        first = (pl.col("kind") == "container_started") & (pl.col("value") == 0)
        text = pl.col("kind", "object", "owner", "reason").cast(pl.String)
        columns = ["seq", "time_s", "kind", "object", "owner", "reason", "value"]
        return (
            self._run.events()
            .select(columns)
            .with_columns(text)
            .filter(pl.col("kind").is_in(kinds) & ~first)
            .collect()
        )


def controller_steps(run: RunFiles) -> dict[str, dict[str, Steps]]:
    """Return by controller, named without the default namespace, each of :data:`CONTROLLER_WORDS` over time."""
    steps = ControlSteps(run)
    return {
        named.object.removeprefix("controller/").removeprefix("default/"): {
            word: steps.about(word, [named.object]) for word in CONTROLLER_WORDS
        }
        for named in read_named(run.manifest, "owners")
        if named.object.startswith("controller/")
    }


def _switched(records: pl.DataFrame) -> Steps:
    """How many pods run, of records that begin or end single ones; one that stopped twice stopped once."""
    on = records.with_columns(on=pl.col("kind").is_in(_BEGINS).cast(pl.Int8))
    return _changes(on)


def _both(records: pl.DataFrame) -> Steps:
    """How many pods run that were evicted."""
    state = records.with_columns(
        runs=pl.when(pl.col("kind") != "pod_terminating").then(pl.col("kind").is_in(_BEGINS)),
        told=pl.when(pl.col("reason").is_in(_DRIVEN)).then(True),
    ).with_columns(pl.col("runs", "told").forward_fill().over("object").fill_null(False))
    return _changes(state.with_columns(on=(pl.col("runs") & pl.col("told")).cast(pl.Int8)))


def _changes(records: pl.DataFrame) -> Steps:
    """The sum over pods of their switches ``on``."""
    before = pl.col("on").shift(1, fill_value=0).over("object")
    moves = records.with_columns(move=pl.col("on") - before).filter(pl.col("move") != 0).sort("seq")
    return Steps(moves["time_s"].to_numpy(), moves["move"].cast(pl.Float64).cum_sum().to_numpy())


def combined(parts: Sequence[Steps], function: Callable[[NDArray[np.float64]], Floats]) -> Steps:
    """Return a function of several step functions, given their values as rows; nothing of none is 0."""
    if not parts:
        return NOTHING
    times_s = np.unique(np.concatenate([np.zeros(1), *(part.times_s for part in parts)]))
    return Steps(times_s, function(np.array([part.at(times_s) for part in parts])))


def summed(parts: Sequence[Steps]) -> Steps:
    """Return the sum of step functions."""
    return combined(parts, lambda rows: rows.sum(axis=0))
