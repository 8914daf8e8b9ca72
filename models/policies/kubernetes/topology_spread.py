"""PodTopologySpread: pods that a selector finds, spread evenly over the places that a label makes.

Source: k/k:pkg/scheduler/framework/plugins/podtopologyspread, v1.20.5, whose ways are kept: the filter counts pods on
every minion of a known place, eligible or not, and scores count eligible minions only; constraints of one key share
their counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import HOSTNAME, ZONE, Owner, Spread
from models.api.schedulingview import PodClass, SchedulingView, Tally
from models.api.selectors import Selector
from models.policies.kubernetes.node_affinity import NODE_AFFINITY
from models.policies.kubernetes.plugin import MAX_SCORE, Bools, Look, Refused

__all__ = ["SYSTEM_DEFAULTS", "SpreadFilter", "SpreadScore"]

Ints = NDArray[np.int64]
_NO_PLACE: Final = 2**31 - 1
"""The least count where no place is known: every skew is below it."""

SYSTEM_DEFAULTS: Final = ((HOSTNAME, 3), (ZONE, 5))
"""Key and skew of the constraints, ScheduleAnyway, of a pod that has none and that something selects."""


@dataclass(frozen=True, slots=True)
class _Hard:
    """What of the filter changes with minions only.

    Attributes:
        constraints: The pod's, DoNotSchedule.
        own: Whether each selects the pod itself.
        known: By key, the places that some eligible minion makes: bool (places,).
    """

    constraints: tuple[Spread, ...]
    own: tuple[bool, ...]
    known: dict[str, Bools]


@dataclass(frozen=True, slots=True)
class _Soft:
    """What of the score changes with minions and owners only.

    Attributes:
        constraints: ScheduleAnyway.
        labelled: Minions with all keys: bool (N,); None: all have them.
        eligible: Of those, where the pod may be; None: everywhere.
    """

    constraints: tuple[Spread, ...]
    labelled: Bools | None
    eligible: Bools | None


class SpreadFilter:
    """DoNotSchedule: no place may have more than ``maxSkew`` pods more than the one that has least."""

    name = "PodTopologySpread"

    def concerns(self, look: Look) -> bool:
        """Tell whether the pod has such constraints."""
        return any(spread.hard for spread in look.pod.pod.spread)

    def passes(self, look: Look) -> Bools | None:
        """Return where no constraint is broken."""
        if not self.concerns(look):
            return None
        hard, counts = _hard(look), _counts(look)
        found: Bools | None = None
        for spread, own in zip(hard.constraints, hard.own, strict=True):
            # What lacks the label has the number after the last place.
            allowed = np.append(counts[spread.topology_key] + own <= spread.max_skew, False)
            here = allowed.take(look.view.topology(spread.topology_key).codes)
            found = here if found is None else found & here
        return found

    def refused(self, look: Look, minion: int) -> Refused:
        """Say whether the first broken constraint lacks its label there."""
        hard, counts = _hard(look), _counts(look)
        said = "node(s) didn't match pod topology spread constraints"
        for spread, own in zip(hard.constraints, hard.own, strict=True):
            topology = look.view.topology(spread.topology_key)
            place = topology.codes[minion]
            if place == topology.count:
                return Refused((f"{said} (missing required label)",), resolvable=False)
            if counts[spread.topology_key][place] + own > spread.max_skew:
                break
        return Refused((said,))


def _hard(look: Look) -> _Hard:
    def make() -> _Hard:
        pod = look.pod
        constraints = tuple(spread for spread in pod.pod.spread if spread.hard)
        eligible = _eligible(look, _labelled(look.view, constraints))
        known = {}
        for spread in constraints:
            topology = look.view.topology(spread.topology_key)
            codes = topology.codes if eligible is None else topology.codes[eligible]
            places = np.zeros(topology.count + 1, dtype=bool)
            places[codes] = True
            known[spread.topology_key] = places[:-1]
        own = tuple(each.selector is not None and each.selector.matches(pod.labels) for each in constraints)
        return _Hard(constraints, own, known)

    return look.columns.kept(("hard spread", look.pod.number), make)


def _counts(look: Look) -> dict[str, Ints]:
    """Return, by key, how many pods each place has more than the one with least: int64 (places,)."""
    hard = _hard(look)
    found: dict[str, Ints] = {}
    for spread in hard.constraints:
        key = spread.topology_key
        tally = _tally(look, spread.selector)
        if tally is not None:
            sums = tally.by_place(key)
            topology = look.view.topology(key)
            more = sums[:-1]
            if topology.empty >= 0:
                # What has no such label counts as of the place whose name is empty.
                more = more.copy()
                more[topology.empty] += sums[-1]
            found[key] = found[key] + more if key in found else more
        elif key not in found:
            found[key] = np.zeros(look.view.topology(key).count, dtype=np.int64)
    for key, sums in found.items():
        known = hard.known[key]
        if known.all():
            found[key] = sums - sums.min(initial=_NO_PLACE)
        else:
            found[key] = np.where(known, sums, 0) - sums[known].min(initial=_NO_PLACE)
    return found


@dataclass(frozen=True)
class SpreadScore:
    """ScheduleAnyway: the fewer pods the place has, the better.

    Attributes:
        defaults: Key and skew of the constraints of a pod that has none, counted by the selectors of the objects that
            select it.
    """

    defaults: tuple[tuple[str, int], ...] = SYSTEM_DEFAULTS
    name: str = "PodTopologySpread"

    def constant(self, look: Look) -> int | None:
        """Everybody's 100 where the pod has no such constraints and no default ones."""
        return None if self._kept(look).constraints else MAX_SCORE

    def _kept(self, look: Look) -> _Soft:
        return look.columns.kept(("soft spread", look.pod.number), lambda: self._soft(look))

    def score(self, look: Look, rows: Ints) -> tuple[Ints, Ints]:
        """Return the scores of the feasible minions; one that lacks a key has 0."""
        soft = self._kept(look)
        raw = np.zeros(rows.size, dtype=np.int64)
        if not soft.constraints:
            return raw, raw + MAX_SCORE
        heeded = None if soft.labelled is None else soft.labelled[rows]
        among = rows if heeded is None else rows[heeded]
        if not among.size:
            return raw, raw
        score = self._sum(look, soft, among)
        largest, least = int(score.max()), int(score.min())
        normal = np.full(among.size, MAX_SCORE, dtype=np.int64)
        if largest:
            normal = MAX_SCORE * (largest + least - score) // largest
        if heeded is None:
            return score, normal
        scaled = raw.copy()
        raw[heeded], scaled[heeded] = score, normal
        return raw, scaled

    def _sum(self, look: Look, soft: _Soft, among: Ints) -> Ints:
        view = look.view
        total = np.zeros(among.size)
        counts = self._counts(look, soft)
        seen: dict[str, None] = {}
        for spread in soft.constraints:
            key = spread.topology_key
            if key == HOSTNAME:
                tally = _tally(look, spread.selector)
                count = np.zeros(among.size) if tally is None else tally.amounts[among].astype(np.float64)
                total += count * _log(among.size + 2) + float(spread.max_skew - 1)
                continue
            codes = view.topology(key).codes[among]
            places = 0
            if key not in seen:  # the second of a key finds its places taken, and counts none
                used = np.zeros(view.topology(key).count, dtype=bool)
                used[codes] = True
                places = int(np.count_nonzero(used))
            seen[key] = None
            weighed = counts[key] * _log(places + 2) + float(spread.max_skew - 1)
            total += weighed[codes]
        return total.astype(np.int64)

    @staticmethod
    def _counts(look: Look, soft: _Soft) -> dict[str, NDArray[np.float64]]:
        """Return, by key, the pods in each place, on eligible minions only."""
        found: dict[str, NDArray[np.float64]] = {}
        for spread in soft.constraints:
            key = spread.topology_key
            if key == HOSTNAME:
                continue
            topology, tally = look.view.topology(key), _tally(look, spread.selector)
            counts: NDArray[np.float64] = np.zeros(topology.count)
            if tally is not None and soft.eligible is None:
                counts = tally.by_place(key)[:-1].astype(np.float64)
            elif tally is not None:
                codes, amounts = topology.codes[soft.eligible], tally.amounts[soft.eligible]
                counts = np.bincount(codes, amounts, topology.count + 1)[:-1].astype(np.float64)
            found[key] = found[key] + counts if key in found else counts
        return found

    def _soft(self, look: Look) -> _Soft:
        pod = look.pod
        constraints = tuple(spread for spread in pod.pod.spread if not spread.hard)
        if not pod.pod.spread and self.defaults:
            selector = default_selector(look.view, pod)
            if selector.requirements:
                constraints = tuple(Spread(key, skew, False, selector) for key, skew in self.defaults)
        labelled = _labelled(look.view, constraints)
        return _Soft(constraints, labelled, _eligible(look, labelled))


def default_selector(view: SchedulingView, pod: PodClass) -> Selector:
    """Return what the objects that select a pod select, together; none at all where none does.

    Source: k/k:pkg/scheduler/framework/plugins/helper/spread.go, DefaultSelector(), v1.20.5. A service may select with
    an empty selector, which adds nothing; pods without labels belong to services at most.
    """
    owners = [owner for owner in view.owners(pod.pod.namespace) if _selects(owner, pod)]
    # Services' and controllers' pairs are merged, so that each stands once; sets' requirements are added as they are.
    requirements = [
        requirement
        for owner in sorted(owners, key=lambda owner: owner.kind not in {"Service", "ReplicationController"})
        if owner.selector is not None
        for requirement in owner.selector.requirements
    ]
    return Selector(tuple(dict.fromkeys(requirements)))


def _selects(owner: Owner, pod: PodClass) -> bool:
    if owner.selector is None:
        return False
    if owner.kind != "Service" and not (pod.labels and owner.selector.requirements):
        return False
    return owner.selector.matches(pod.labels)


def _tally(look: Look, selector: Selector | None) -> Tally | None:
    if selector is None:
        return None
    return look.view.pods_that_match((look.pod.pod.namespace,), (selector,), terminating=False)


def _labelled(view: SchedulingView, constraints: tuple[Spread, ...]) -> Bools | None:
    """Return which minions have all keys; None: all."""
    found = np.ones(len(view.minions), dtype=bool)
    for spread in constraints:
        topology = view.topology(spread.topology_key)
        found &= topology.codes < topology.count
    return None if found.all() else found


def _eligible(look: Look, labelled: Bools | None) -> Bools | None:
    """Return which minions with all keys the pod's node affinity allows; None: all."""
    allowed = look.columns.passes(NODE_AFFINITY, look.pod.pod)
    if allowed is None or labelled is None:
        return labelled if allowed is None else allowed
    return allowed & labelled


def _log(number: int) -> float:
    return math.log(number)
