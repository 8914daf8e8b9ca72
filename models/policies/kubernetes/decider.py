"""One decision: which minions a pod may go to, what each scores, and which are best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.api.schedulingview import PodClass, SchedulingView
from models.policies.kubernetes.columns import KeptColumns
from models.policies.kubernetes.plugin import Look, MinionScore, PodScore, Refused
from models.policies.kubernetes.profile import Profile

__all__ = ["Decider", "Decision", "Scored"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of one pod.

    Attributes:
        totals: int64 (N,): weighted sum of the scores; -1 where the pod may not go.
        best: The minions of the largest total, in order; empty where it may go nowhere.
    """

    totals: Ints
    best: Ints

    @property
    def feasible(self) -> Ints:
        """The minions that the pod may go to, in order."""
        return np.flatnonzero(self.totals >= 0)


@dataclass(frozen=True, slots=True)
class Scored:
    """A plug-in's scores of the feasible minions, before and after they are normalised: int64 (k,) each."""

    raw: Ints
    normal: Ints


class Decider:
    """Decides by a profile.

    Args:
        profile: Plug-ins.
        view: What is believed; looked at anew at each decision.
    """

    def __init__(self, profile: Profile, view: SchedulingView) -> None:
        self.profile = profile
        self.view = view
        self._columns = KeptColumns(view)

    def decide(self, pod: PodClass) -> Decision:
        """Filter and score all minions."""
        rows = np.flatnonzero(self._passes(pod))
        totals = np.full(len(self.view.minions), -1, dtype=np.int64)
        if not rows.size:
            return Decision(totals, rows)
        total = np.zeros(rows.size, dtype=np.int64)
        for plugin, weight in self.profile.minion_scores:
            total += weight * self._by_minion(plugin, pod, rows).normal
        for each, weight in self.profile.pod_scores:
            total += weight * self.score(each, pod, rows).normal
        totals[rows] = total
        return Decision(totals, np.flatnonzero(totals == totals.max()))

    def refusals(self, pod: PodClass) -> Mapping[int, Mapping[str, Refused]]:
        """Return, for each minion that is turned down, every filter that does, in order."""
        look = Look(self.view, pod, self._columns)
        found: dict[int, dict[str, Refused]] = {}
        for plugin in self.profile.minion_filters:
            for minion in _refused(self._columns.passes(plugin, pod.pod)):
                said = plugin.refused(self.view.minions[minion], pod.pod)
                found.setdefault(minion, {})[plugin.name] = said
        for each in self.profile.pod_filters:
            for minion in _refused(each.passes(look)):
                found.setdefault(minion, {})[each.name] = each.refused(look, minion)
        return found

    def scores(self, pod: PodClass) -> Mapping[str, Scored]:
        """Return what each plug-in gives the feasible minions."""
        rows = np.flatnonzero(self._passes(pod))
        found = {plugin.name: self._by_minion(plugin, pod, rows) for plugin, _ in self.profile.minion_scores}
        return found | {each.name: self.score(each, pod, rows) for each, _ in self.profile.pod_scores}

    def score(self, plugin: PodScore, pod: PodClass, rows: Ints) -> Scored:
        """Return what a plug-in gives some minions, as if they were the feasible ones."""
        return Scored(*plugin.score(Look(self.view, pod, self._columns), rows))

    def _passes(self, pod: PodClass) -> Bools:
        look = Look(self.view, pod, self._columns)
        found = np.ones(len(self.view.minions), dtype=bool)
        for plugin in self.profile.minion_filters:
            passes = self._columns.passes(plugin, pod.pod)
            if passes is not None:
                found &= passes
        for each in self.profile.pod_filters:
            passes = each.passes(look)
            if passes is not None:
                found &= passes
        return found

    def _by_minion(self, plugin: MinionScore, pod: PodClass, rows: Ints) -> Scored:
        raw = self._columns.raw(plugin, pod.pod)
        raw = np.full(rows.size, plugin.constant, dtype=np.int64) if raw is None else raw[rows]
        return Scored(raw, plugin.normal(raw))


def _refused(passes: Bools | None) -> list[int]:
    return [] if passes is None else np.flatnonzero(~passes).tolist()
