"""InterPodAffinity: near pods or away from them, as this pod asks and as those ask who are there already.

Source: k/k:pkg/scheduler/framework/plugins/interpodaffinity, v1.20.5. Pods that are being deleted still count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import PodTerm
from models.api.schedulingview import Tally
from models.policies.kubernetes.plugin import MAX_SCORE, Bools, Look, Refused

__all__ = ["HARD_WEIGHT", "AffinityFilter", "AffinityScore"]

Ints = NDArray[np.int64]
HARD_WEIGHT = 1
"""What a required affinity of a pod that is there adds for the pods that it speaks of (defaults.go, v1.20)."""


class AffinityFilter:
    """Three conditions: the pod's required affinity, its anti-affinity, and that of the pods that are there."""

    name = "InterPodAffinity"

    def concerns(self, look: Look) -> bool:
        """Tell whether the pod has such terms, or pods that were on minions have some that speak of it."""
        pod = look.pod.pod
        return bool(pod.affinity or pod.anti_affinity or look.view.carried("anti-affinity", look.pod))

    def passes(self, look: Look) -> Bools | None:
        """Return where all three hold."""
        found: Bools | None = None
        for part in (self._near(look), self._apart(look), self._unwanted(look)):
            if part is not None:
                found = part if found is None else found & part
        return found

    def refused(self, look: Look, minion: int) -> Refused:
        """Name the first condition that does not hold."""
        said = "node(s) didn't match pod affinity/anti-affinity"
        near, apart = self._near(look), self._apart(look)
        if near is not None and not near[minion]:
            return Refused((said, "node(s) didn't match pod affinity rules"), resolvable=False)
        if apart is not None and not apart[minion]:
            return Refused((said, "node(s) didn't match pod anti-affinity rules"))
        return Refused((said, "node(s) didn't satisfy existing pods anti-affinity rules"))

    @staticmethod
    def _near(look: Look) -> Bools | None:
        """Every term's place has a pod that matches all terms; or none has, and the pod matches them itself."""
        terms = look.pod.pod.affinity
        if not terms:
            return None
        tally = _tally_of_all(look, terms)
        sums = {
            term.topology_key: np.zeros(look.view.topology(term.topology_key).count + 1, dtype=np.int64)
            if tally is None
            else tally.by_place(term.topology_key)
            for term in terms
        }
        first = not any(counts[:-1].any() for counts in sums.values())
        alone = first and all(term.matches(look.pod.pod.namespace, look.pod.labels) for term in terms)
        found = np.ones(len(look.view.minions), dtype=bool)
        for key, counts in sums.items():
            allowed = np.full(counts.size, True) if alone else counts > 0
            allowed[-1] = False  # all keys must be there
            found &= allowed.take(look.view.topology(key).codes)
        return found

    @staticmethod
    def _apart(look: Look) -> Bools | None:
        """No term's place has a pod that it speaks of."""
        found: Bools | None = None
        for term in look.pod.pod.anti_affinity:
            tally = _tally(look, term)
            if tally is not None:
                found = _and_nobody(look, term, tally, found)
        return found

    @staticmethod
    def _unwanted(look: Look) -> Bools | None:
        """No place has a pod whose required anti-affinity speaks of this one."""
        found: Bools | None = None
        for term, tally in look.view.carried("anti-affinity", look.pod):
            found = _and_nobody(look, term, tally, found)
        return found


def _and_nobody(look: Look, term: PodTerm, tally: Tally, before: Bools | None) -> Bools:
    """Return where the places of a term are empty, and what was true before is."""
    empty = tally.by_place(term.topology_key) <= 0
    empty[-1] = True
    here: Bools = empty.take(look.view.topology(term.topology_key).codes)
    return here if before is None else before & here


@dataclass(frozen=True)
class AffinityScore:
    """Sums of weights: of the pod's own preferences, and of those of pods that are there and speak of it.

    Attributes:
        hard_weight: What a required affinity of a pod that is there counts.
    """

    hard_weight: int = HARD_WEIGHT
    name: str = "InterPodAffinity"

    def constant(self, look: Look) -> int | None:
        """Everybody's 0 where neither the pod has preferences nor pods that were on minions some that speak of it."""
        view, pod = look.view, look.pod
        heard = pod.pod.preferred_pods or view.carried("preferred", pod) or view.carried("affinity", pod)
        return None if heard else 0

    def score(self, look: Look, rows: Ints) -> tuple[Ints, Ints]:
        """Return the scores of the feasible minions; both ends of the scale take in 0."""
        raw = np.zeros(rows.size, dtype=np.int64)
        for key, sums in self._sums(look).items():
            sums[-1] = 0
            raw += sums.take(look.view.topology(key).codes[rows])
        least, largest = int(raw.min(initial=0)), int(raw.max(initial=0))
        if least == largest:
            return raw, np.zeros(rows.size, dtype=np.int64)
        return raw, (float(MAX_SCORE) * ((raw - least) / (largest - least))).astype(np.int64)

    def _sums(self, look: Look) -> dict[str, Ints]:
        """Return the sum of weights in each place, by key."""
        view, found = look.view, dict[str, Ints]()
        weighted: list[tuple[PodTerm, Tally, int]] = []
        for weight, term in look.pod.pod.preferred_pods:
            tally = _tally(look, term)
            if tally is not None:
                weighted.append((term, tally, weight))
        weighted += [(term, tally, 1) for term, tally in view.carried("preferred", look.pod)]
        weighted += [(term, tally, self.hard_weight) for term, tally in view.carried("affinity", look.pod)]
        for term, tally, weight in weighted:
            sums = tally.by_place(term.topology_key) * weight
            if term.topology_key in found:
                sums += found[term.topology_key]
            found[term.topology_key] = sums
        return found


def _tally(look: Look, term: PodTerm) -> Tally | None:
    """Return the pods that a term speaks of."""
    if term.selector is None:
        return None
    return look.view.pods_that_match(term.namespaces, (term.selector,), terminating=True)


def _tally_of_all(look: Look, terms: tuple[PodTerm, ...]) -> Tally | None:
    """Return the pods that all terms speak of; None: there can be none."""
    selectors = [term.selector for term in terms if term.selector is not None]
    shared = [name for name in terms[0].namespaces if all(name in term.namespaces for term in terms)]
    if len(selectors) < len(terms) or not shared:
        return None
    return look.view.pods_that_match(tuple(shared), tuple(selectors), terminating=True)
