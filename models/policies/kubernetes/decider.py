"""One decision: which minions a pod may go to, what each scores, and which are best.

A class of pods has a row of what resources make of it (see ``resource_block``), and what minions by themselves make of
it in columns. Where nothing else has a say (no ports, no spread, nobody's affinity speaks of it, nothing to be
normalised), the row decides. Else what pods are where is looked at through the tallies, for all minions at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.api.protocols import ScoredBy
from models.api.schedulingview import PRESENT, PodClass, SchedulingView
from models.policies.kubernetes.columns import KeptColumns
from models.policies.kubernetes.decision import Decision, Scored
from models.policies.kubernetes.plugin import Look, MinionScore, PodFilter, PodScore, Refused
from models.policies.kubernetes.profile import Profile
from models.policies.kubernetes.resource_block import NOWHERE, ResourceBlock, ResourceScore
from models.policies.kubernetes.resource_scores import column_of
from models.policies.kubernetes.resources_fit import ResourcesFit
from models.policies.kubernetes.sampling import Sampling

__all__ = ["Decider"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_CACHED_CLASSES = 4096


class _Row:
    """What is kept of one class.

    Attributes:
        block: Its resources' block, and ``resources`` its row there.
        of: The versions of the view that the rest was made from.
        allowed: Where minions by themselves let it pass: bool (N,); None: everywhere.
        added: What un-normalised scores of minions add: int64 (N,); None: nothing but ``alike``.
        alike: What all feasible minions get alike.
        varying: Scores of minions that have to be normalised over the feasible ones: raw column, plug-in, weight.
        filters: Those by what pods are where that have a say.
        scorings: Scores by what pods are where that are not the same for all, and weights.
        settled: Nothing else has a say.
    """

    __slots__ = (
        "added",
        "alike",
        "allowed",
        "block",
        "filters",
        "of",
        "pod",
        "resources",
        "scorings",
        "settled",
        "varying",
    )

    def __init__(self, pod: PodClass, block: ResourceBlock) -> None:
        self.pod = pod
        self.block = block
        self.resources = block.add(pod)
        self.of: tuple[int, int, int] = (-1, -1, -1)
        self.allowed: Bools | None = None
        self.added: Ints | None = None
        self.alike = 0
        self.varying: list[tuple[Ints, MinionScore, int]] = []
        self.filters: list[PodFilter] = []
        self.scorings: list[tuple[PodScore, int]] = []
        self.settled = False


class Decider:
    """Decides by a profile.

    Args:
        profile: Plug-ins.
        view: What is believed; it may change between decisions.
        percentage: percentageOfNodesToScore: 0 for adaptive, 100 to look at all.
    """

    def __init__(self, profile: Profile, view: SchedulingView, percentage: int = 100) -> None:
        self.profile = profile
        self.view = view
        self._columns = KeptColumns(view)
        self._rows: dict[int, _Row] = {}
        self._block: ResourceBlock | None = None
        self._sampling = Sampling(view, percentage)
        self._samples = self._sampling.cuts
        self._fits = any(isinstance(each, ResourcesFit) for each in profile.pod_filters)
        self._others = [each for each in profile.pod_filters if not isinstance(each, ResourcesFit)]

    def decide(self, pod: PodClass, among: Bools | None = None) -> Decision:
        """Filter and score all minions, or as many as the percentage says. HOT.

        Args:
            pod: Its class.
            among: Where it may go at all, for reasons that no plug-in knows: bool (N,); None: everywhere.
        """
        row = self._caught_up(pod)
        if row.settled and among is None and not self._samples:
            return Decision(row.resources, row.alike)
        return self._decide(row, among)

    def could_fit(self, pod: PodClass, minion: int) -> bool:
        """Tell whether the change of one minion may have made room for a pod: there, or anywhere by what others say."""
        row = self._caught_up(pod)
        if row.filters:
            return True
        return bool(row.resources[minion] >= 0 and (row.allowed is None or row.allowed[minion]))

    def fits(self, pod: PodClass, minion: int) -> bool:
        """Tell whether all filters let a pod pass on a minion now."""
        row = self._caught_up(pod)
        if row.resources[minion] < 0 or (row.allowed is not None and not row.allowed[minion]):
            return False
        look = Look(self.view, pod, self._columns)
        passing = (each.passes(look) for each in self._others if each.concerns(look))
        return all(passes is None or passes[minion] for passes in passing)

    def evictions_may_help(self, pod: PodClass) -> Bools:
        """Return where no filter says UnschedulableAndUnresolvable: bool (N,)."""
        look = Look(self.view, pod, self._columns)
        found: Bools = self.view.left[:, PRESENT] > 0
        for plugin in self.profile.minion_filters:
            passes = self._columns.passes(plugin, pod.pod)
            for minion in _refused(passes):
                found[minion] &= plugin.refused(self.view.minions[minion], pod.pod).resolvable
        for each in self._others:
            if each.concerns(look):
                for minion in _refused(each.passes(look)):
                    found[minion] &= each.refused(look, minion).resolvable
        return found

    def helped_by(self, pod: PodClass, other: PodClass) -> bool:
        """Tell whether a pod that found no room may find some now that another was bound.

        Its required affinity may speak of the other, or the other may have filled the place with least.
        """
        if any(each.hard for each in pod.pod.spread):
            return True
        return any(term.matches(other.pod.namespace, other.labels) for term in pod.pod.affinity)

    def _caught_up(self, pod: PodClass) -> _Row:
        row = self._rows.get(pod.number)
        if row is None:
            row = self._rows[pod.number] = self._new_row(pod)
        view = self.view
        row.block.catch_up()
        now = (view.statics, view.carriers, view.owners_version)
        if row.of != now:
            self._look_again(row)
            row.of = now
        return row

    def _new_row(self, pod: PodClass) -> _Row:
        if len(self._rows) >= _CACHED_CLASSES:
            self._rows.pop(next(iter(self._rows)))
        block = self._block
        if block is None or block.full:
            block = self._block = ResourceBlock(self.view, self.profile.resource_scores, fits=self._fits)
        return _Row(pod, block)

    def _look_again(self, row: _Row) -> None:
        """Find out what minions by themselves make of a class, and whether pods have a say."""
        pod, look = row.pod, Look(self.view, row.pod, self._columns)
        allowed: Bools | None = None
        for plugin in self.profile.minion_filters:
            passes = self._columns.passes(plugin, pod.pod)
            if passes is not None and not passes.all():
                allowed = passes if allowed is None else allowed & passes
        row.allowed, row.added, row.alike, row.varying = allowed, None, 0, []
        for each, weight in self.profile.minion_scores:
            raw = self._columns.raw(each, pod.pod)
            if raw is None or (raw.size and raw[0] == raw.min() == raw.max()):
                # Alike before they are normalised is alike after.
                one = np.full(1, each.constant if raw is None else raw[0], dtype=np.int64)
                row.alike += weight * int(each.normal(one)[0])
            elif each.stretched:
                row.varying.append((raw, each, weight))
            else:
                row.added = weight * raw if row.added is None else row.added + weight * raw
        row.filters = [each for each in self._others if each.concerns(look)]
        row.scorings = []
        for scoring, weight in self.profile.pod_scores:
            said = scoring.constant(look)
            if said is None:
                row.scorings.append((scoring, weight))
            else:
                row.alike += weight * said
        heard = row.filters or row.scorings or row.varying
        row.settled = not heard and allowed is None and row.added is None

    def _decide(self, row: _Row, among: Bools | None) -> Decision:
        look = Look(self.view, row.pod, self._columns)
        feasible = row.resources >= 0
        if among is not None:
            feasible &= among
        if row.allowed is not None:
            feasible &= row.allowed
        for each in row.filters:
            passes = each.passes(look)
            if passes is not None:
                feasible &= passes
        rows = self._sampling.found(feasible) if self._samples else np.flatnonzero(feasible)
        totals = np.full(feasible.size, NOWHERE, dtype=np.int64)
        if not rows.size:
            return Decision(totals, 0)
        total = row.resources.take(rows)
        if row.added is not None:
            total += row.added.take(rows)
        for raw, plugin, weight in row.varying:
            total += weight * plugin.normal(raw.take(rows))
        for scoring, weight in row.scorings:
            normal = scoring.score(look, rows)[1]
            total += normal if weight == 1 else weight * normal
        totals[rows] = total
        return Decision(totals, row.alike)

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

    def reasons(self, pod: PodClass) -> Mapping[str, int]:
        """Count the minions that a pod may not go to, by what the first filter that turns them down says."""
        look, left = Look(self.view, pod, self._columns), self.view.left[:, PRESENT] > 0
        counts = Counter({"node(s) were not ready": int((~left).sum())})
        for plugin in self.profile.minion_filters:
            passes = self._columns.passes(plugin, pod.pod)
            for minion in _refused(None if passes is None else passes | ~left):
                counts.update(plugin.refused(self.view.minions[minion], pod.pod).reasons)
            left = left if passes is None else left & passes
        for each in self.profile.pod_filters:
            passes = each.passes(look)
            refused = _refused(None if passes is None else passes | ~left)
            if isinstance(each, ResourcesFit):
                counts.update(each.counts(look, np.array(refused, dtype=np.int64)))
            else:
                for minion in refused:
                    counts.update(each.refused(look, minion).reasons)
            left = left if passes is None else left & passes
        return +counts

    def parts(self, pod: PodClass, rows: Ints) -> list[ScoredBy]:
        """Return (plug-in, weight, its scores) of the minions that a pod may go to."""
        weights = self._weights()
        return [(name, weights[name], scored.normal) for name, scored in self.scores(pod, rows).items()]

    def _weights(self) -> dict[str, int]:
        parts = (self.profile.minion_scores, self.profile.resource_scores, self.profile.pod_scores)
        return {each.name: weight for part in parts for each, weight in part}

    def scores(self, pod: PodClass, rows: Ints | None = None) -> Mapping[str, Scored]:
        """Return what each plug-in gives the feasible minions; ``rows``: those, where they are known."""
        if rows is None:
            rows = np.flatnonzero(self._passes(pod))
        found = {}
        for plugin, _ in self.profile.minion_scores:
            raw = self._columns.raw(plugin, pod.pod)
            raw = np.full(rows.size, plugin.constant, dtype=np.int64) if raw is None else raw[rows]
            found[plugin.name] = Scored(raw, plugin.normal(raw))
        found |= {each.name: self.score(each, pod, rows) for each, _ in self.profile.resource_scores}
        return found | {each.name: self.score(each, pod, rows) for each, _ in self.profile.pod_scores}

    def score(self, plugin: PodScore | ResourceScore, pod: PodClass, rows: Ints) -> Scored:
        """Return what a plug-in gives some minions, as if they were the feasible ones."""
        view = self.view
        if isinstance(plugin, PodScore):
            return Scored(*plugin.score(Look(view, pod, self._columns), rows))
        scored = dict(pod.pod.scored)
        columns = [(name, column_of(view, name)) for name, _ in plugin.resources]
        allocatable = [view.allocatable[rows, column] for _, column in columns]
        requested = [
            view.allocatable[rows, column] - view.left[rows, column] + scored.get(name, 0)
            for name, column in columns
        ]
        found = plugin.of(allocatable, requested)
        return Scored(found, found)

    def _passes(self, pod: PodClass) -> Bools:
        look = Look(self.view, pod, self._columns)
        found: Bools = self.view.left[:, PRESENT] > 0
        for plugin in self.profile.minion_filters:
            passes = self._columns.passes(plugin, pod.pod)
            if passes is not None:
                found &= passes
        for each in self.profile.pod_filters:
            passes = each.passes(look)
            if passes is not None:
                found &= passes
        return found

    def afresh(self, pod: PodClass) -> Ints:
        """Return the totals by the plug-ins one by one, without rows: int64 (N,), -1 where the pod may not go."""
        rows = np.flatnonzero(self._passes(pod))
        totals = np.full(len(self.view.minions), NOWHERE, dtype=np.int64)
        weights = self._weights()
        if rows.size:
            totals[rows] = sum(weights[name] * scored.normal for name, scored in self.scores(pod).items())
        return totals


def _refused(passes: Bools | None) -> list[int]:
    return [] if passes is None else np.flatnonzero(~passes).tolist()
