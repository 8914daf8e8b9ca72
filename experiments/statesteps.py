"""The metrics of expectations as step functions of time, built from lives and series."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.availability import availability
from experiments.controlsteps import COUNTED, ControlSteps
from experiments.cpufigures import CPU_WORDS, cpu_steps_of, cpu_sums
from experiments.decisions import Decisions, of_schedulers, read_decisions
from experiments.diskfigures import DISK_WORDS, disk_share, disk_steps_of
from experiments.expectationwords import MetricTerm, NumberTerm, Term
from experiments.filefigures import found_cached
from experiments.idle import free_steps, idle_steps, wanted_steps
from experiments.journalfiles import RunFiles
from experiments.lives import ENDINGS, Lives, Pods
from experiments.metrics import SHARES, delay_quantiles, resource_column, usage_shares, waits_s
from experiments.owners import chosen, read_named
from experiments.processfigures import exhausted_steps, process_steps_of
from experiments.startups import StartUps, pull_steps, read_startups
from experiments.steps import NOTHING, Steps, read_cluster_steps
from models.api.specs_control import KUBERNETES

__all__ = ["StateSteps"]

_PULLS = {"pulls": "image_pulled", "pull_failures": "image_failed"}
_OF_DECISIONS = {
    "busyness": "busyness_ratio",
    "conflict_fraction": "conflict_fraction",
    "decision_wait": "mean_wait_s",
}
Floats = NDArray[np.float64]

_USED = (*CPU_WORDS, *DISK_WORDS, "disk_share", "processes", "found_cached", "cpu_share", "throttled")
"""Metrics of what containers use."""


class StateSteps:
    """What each metric was over time in one run.

    Args:
        run: Where the series are.
        lives: Everything that lived in it.
    """

    def __init__(self, run: RunFiles, lives: Lives) -> None:
        self._run = run
        self._lives = lives
        self._control = ControlSteps(run)
        self._startups: StartUps | None = None
        self._decided: dict[str, Decisions] | None = None

    def of(self, term: Term) -> Steps:
        """Return a term over time. Where it has no number it is nan, a delay that was not reached is inf."""
        if isinstance(term, NumberTerm):
            return _constant(term.value)
        takes = term.metric.takes
        if takes == "controller" and term.metric.at_end_only:
            return _constant(self._availability(term))
        if takes in {"controller", "service"} or term.name in COUNTED:
            return self._control.of(term)
        if takes == "resource":
            return self._usage(term)
        if takes == "scheduler":
            return self._decisions(term)
        if takes == "minion":
            return self._minions(term)
        if term.name in _PULLS:
            owners = self._owners(term.selector) if term.selector else None
            return pull_steps(self._run, _PULLS[term.name], owners)
        if term.name in _USED:
            return self._used(term.name, self._owners(term.selector) if term.selector else None)
        if term.name.startswith("startup_"):
            return _constant(self._startup(term.name.removeprefix("startup_"), term.selector))
        pods = self._pods(term.selector)
        return _constant(self._delay(term.name, pods)) if term.metric.at_end_only else _count(term.name, pods)

    def _used(self, name: str, owners: Collection[str] | None) -> Steps:
        """Return what containers use, of some owners (None: all)."""
        if name in CPU_WORDS:
            return cpu_steps_of(self._run, name, owners)
        if name in DISK_WORDS:
            return disk_steps_of(self._run, name, owners)
        if name == "disk_share":
            return _constant(disk_share(self._run, owners))
        if name == "processes":
            return process_steps_of(self._run, owners)
        if name == "found_cached":
            return _constant(found_cached(self._run, owners))
        sums = cpu_sums(self._run, owners)
        share = sums["used_s"] / sums["wanted_s"] if sums["wanted_s"] else np.nan
        return _constant(share if name == "cpu_share" else sums["throttled_s"])

    def _owners(self, selector: str) -> Collection[str]:
        return chosen(read_named(self._run.manifest, "owners"), selector)

    def _startup(self, word: str, selector: str) -> float:
        if self._startups is None:
            self._startups = read_startups(self._run)
        pods = self._startups.of(self._owners(selector)) if selector else self._startups
        found = pods.quantiles(self._lives.end_s)[word]
        if found.value is not None:
            return found.value
        return np.inf if len(pods) else np.nan

    def _pods(self, selector: str) -> Pods:
        pods = self._lives.pods
        if not selector:
            return pods
        wanted = self._owners(selector)
        numbers = [place for place, owner in enumerate(pods.owners) if owner in wanted]
        return pods.where(np.isin(pods.owner, numbers))

    def _availability(self, term: MetricTerm) -> float:
        found = availability(self._control.each(term.selector), self._lives.end_s)
        if term.name == "serving":
            return found.serving_max_s
        return float(getattr(found, f"{term.name}_ratio"))

    def _delay(self, name: str, pods: Pods) -> float:
        if name == "mean_wait":
            waited, _ = waits_s(pods.asked(), self._lives.end_s)
            return float(np.mean(waited)) if len(waited) else np.nan
        word = name.removeprefix("delay_")
        assert word in SHARES, "the metrics of delay are the quantiles that a summary has"
        found = delay_quantiles(pods, self._lives.end_s)[word]
        if found.value is not None:
            return found.value
        return np.inf if len(pods) else np.nan

    def _decisions(self, term: MetricTerm) -> Steps:
        if self._decided is None:
            self._decided = read_decisions(self._run, self._lives.end_s)
        found = of_schedulers([self._decided[term.selector]] if term.selector else [*self._decided.values()])
        if not term.metric.at_end_only:
            times_s = found.conflict_s if term.name == "conflicts" else np.sort(found.began_s)
            return _sum_up(times_s, np.ones(len(times_s)))
        figures = found.figures(self._lives.end_s)
        word = term.name.removeprefix("decision_wait").removeprefix("_")
        value = figures["wait_s"][word]["value"] if word in SHARES else figures[_OF_DECISIONS[term.name]]
        return _constant(np.nan if value is None else value)

    def _minions(self, term: MetricTerm) -> Steps:
        minions = self._lives.minions
        wanted = np.ones(len(minions), dtype=np.bool_)
        if term.selector:
            # A pool's minions are POOL-0, POOL-1 and so on, or POOL where it has one.
            pattern = re.compile(rf"{re.escape(term.selector)}(-[0-9]+)?")
            wanted = np.array([pattern.fullmatch(name) is not None for name in minions.names], dtype=np.bool_)
        if term.name == "exhausted":
            return exhausted_steps(
                self._run, [name for name, mine in zip(minions.names, wanted, strict=True) if mine]
            )
        if term.name == "minions_ready" and self._is_timed:
            return self._held_ready(wanted)
        mine = wanted[minions.changed]
        if term.name == "reboots":
            rebooted_s = minions.changed_s[mine & minions.planned & ~minions.up]
            return _sum_up(rebooted_s, np.ones(len(rebooted_s)))
        if term.name in {"crashes", "crashed_minions"}:
            mine &= ~minions.planned
        changed_s, up = minions.changed_s[mine], minions.up[mine]
        if term.name == "crashes":
            return _sum_up(changed_s[~up], np.ones(int(np.sum(~up))))
        if term.name == "crashed_minions":
            return _sum_up(changed_s, np.where(up, -1.0, 1.0))
        at_once = wanted & minions.ready
        times_s = np.concatenate([minions.registered_s[at_once], changed_s])
        return _sum_up(times_s, np.concatenate([np.ones(int(at_once.sum())), np.where(up, 1.0, -1.0)]))

    @property
    def _is_timed(self) -> bool:
        """Whether the master learns of things in time, and not at once."""
        master = self._run.manifest.get("scenario", {}).get("master", {})
        return bool(master.get("timing") == KUBERNETES)

    def _held_ready(self, wanted: NDArray[np.bool_]) -> Steps:
        """Minions whose condition in the record is ready, not those that are."""
        minions = self._lives.minions
        mine = [f"minion/{name}" for name, taken in zip(minions.names, wanted, strict=True) if taken]
        text = pl.col("kind", "object").cast(pl.String)
        columns = self._run.events().select("time_s", "kind", "object", "value").with_columns(text)
        found = columns.filter(
            (pl.col("kind") == "minion_condition") & pl.col("object").is_in(mine)
        ).collect()
        at_once = wanted & minions.ready
        times_s = np.concatenate([minions.registered_s[at_once], found["time_s"].to_numpy()])
        moves = np.where(found["value"].to_numpy() > 0, 1.0, -1.0)
        return _sum_up(times_s, np.concatenate([np.ones(int(at_once.sum())), moves]))

    def _usage(self, term: MetricTerm) -> Steps:
        column = resource_column(term.selector)
        steps = read_cluster_steps(self._run, lambda name: name.endswith(f"_{column}"))
        whole = steps.get(f"allocatable_{column}", NOTHING)
        if term.name.endswith("idle"):
            waited_for = wanted_steps(self._lives.pods, column)
            part = idle_steps(free_steps(steps, column), waited_for)
        else:
            kind = "stranded" if term.name.endswith("stranded") else "requested"
            part = steps.get(f"{kind}_{column}", NOTHING)
        if term.metric.at_end_only:
            mean = usage_shares(part, whole, self._lives.end_s)["mean"]
            return _constant(np.nan if mean is None else mean)
        times_s = np.unique(np.concatenate([np.zeros(1), part.times_s, whole.times_s]))
        of = whole.at(times_s)
        return Steps(times_s, np.divide(part.at(times_s), of, out=np.full(len(of), np.nan), where=of > 0))


def _constant(value: float) -> Steps:
    return Steps(np.zeros(1), np.array([value]))


def _count(name: str, pods: Pods) -> Steps:
    """A count of pods over time; ``pending`` is what was created and neither runs nor is over."""
    ones = np.ones(len(pods))
    over = ~np.isnan(pods.ended_s)
    ran = ~np.isnan(pods.started_s)
    if name == "created":
        return _sum_up(pods.created_s, ones)
    if name == "pending":
        until_s = np.where(ran, pods.started_s, pods.ended_s)
        left = ran | over
        return _sum_up(np.concatenate([pods.created_s, until_s[left]]), np.concatenate([ones, -ones[left]]))
    if name == "running":
        left = ran & over
        times_s = np.concatenate([pods.started_s[ran], pods.ended_s[left]])
        return _sum_up(times_s, np.concatenate([ones[ran], -ones[left]]))
    mine = pods.ending == ENDINGS.index(name)
    return _sum_up(pods.ended_s[mine], ones[mine])


def _sum_up(times_s: Floats, differences: Floats) -> Steps:
    order = np.argsort(times_s, kind="stable")
    return Steps(times_s[order], np.cumsum(differences[order]))
