"""Decides the recorded cases again and counts, plug-in by plug-in, where the model agrees."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.verify.scheduler.cases import Case, Sequenced
from experiments.verify.scheduler.extras import parse_extra
from models.api.schedulingview import PodClass
from models.cluster.placements import Placements
from models.policies.kubernetes.decider import Decider
from models.policies.kubernetes.profile import Profile

__all__ = ["Agreement", "Aspect", "compare"]


@dataclass(frozen=True, slots=True, order=True)
class Aspect:
    """What is compared.

    Attributes:
        group: 0 filters, 1 scores, 2 other scores, 3 decisions of cases, 4 of sequences.
        name: A plug-in, or what of a decision.
    """

    group: int
    name: str


@dataclass
class Agreement:
    """How often one aspect was compared and agreed.

    Attributes:
        first: The first difference, in full.
    """

    compared: int = 0
    agreed: int = 0
    first: str = ""

    def add(self, recorded: Any, found: Any, where: str, names: Sequence[str] | None = None) -> None:
        """Compare what was recorded with what was found.

        Args:
            recorded: By the real scheduler's code.
            found: By the model.
            where: For the first difference.
            names: What the items of lists belong to.
        """
        self.compared += 1
        if recorded == found:
            self.agreed += 1
        elif not self.first:
            self.first = f"{where}: {_difference(recorded, found, names)}"


@dataclass
class Agreements:
    """By aspect, in the order in which they are first compared."""

    found: dict[Aspect, Agreement] = field(default_factory=dict)

    def of(self, group: int, name: str) -> Agreement:
        """Return the count of an aspect."""
        return self.found.setdefault(Aspect(group, name), Agreement())


def compare(
    decisions: Sequence[Case | Sequenced], profile: Profile, told: Callable[[int], None] = lambda done: None
) -> dict[Aspect, Agreement]:
    """Decide again.

    Args:
        decisions: As recorded.
        profile: What decides.
        told: Called with how many cases and sequences are done.

    Returns:
        What agrees, by aspect.
    """
    agreements = Agreements()
    for done, each in enumerate(decisions, 1):
        if isinstance(each, Case):
            _compare_case(each, profile, agreements)
        else:
            _compare_sequence(each, profile, agreements)
        told(done)
    return agreements.found


def _compare_case(case: Case, profile: Profile, agreements: Agreements) -> None:
    view = Placements(case.minions, case.owners)
    for bound in case.bound:
        view.place(view.know(bound.pod), bound.minion, 1, terminating=bound.terminating)
    decider, pod = Decider(profile, view.view), view.know(case.pod)
    decision = decider.decide(pod)
    where, expect = f"{case.place} {case.name}", case.expect
    names = [minion.name for minion in case.minions]
    _compare_filters(case, decider, pod, agreements)
    rows = decision.feasible
    feasible = [names[row] for row in rows.tolist()]
    agreements.of(3, "feasible minions").add(expect["feasible"], sorted(feasible), where)
    order = sorted(range(len(feasible)), key=feasible.__getitem__)
    rows, feasible = rows[order], sorted(feasible)
    if not expect["feasible"]:
        agreements.of(3, "best").add([], [names[row] for row in decision.best.tolist()], where)
        return
    for name, scored in decider.scores(pod).items():
        for part, scores in (("raw", scored.raw), ("scores", scored.normal)):
            if name in expect.get(part, {}):
                said = f"{name}, raw" if part == "raw" else name
                agreements.of(1, said).add(expect[part][name], scores[order].tolist(), where, feasible)
    for key, recorded in expect.get("extra", {}).items():
        scored = decider.score(parse_extra(key), pod, rows)
        agreements.of(2, key).add(recorded, scored.normal.tolist(), where, feasible)
    agreements.of(3, "total").add(expect["total"], decision.totals[rows].tolist(), where, feasible)
    best = sorted(names[row] for row in decision.best.tolist())
    agreements.of(3, "best").add(expect["best"], best, where)


def _compare_filters(case: Case, decider: Decider, pod: PodClass, agreements: Agreements) -> None:
    """Compare, for each filter, the minions that it turns down, and what it says where it is the first that does."""
    names = [minion.name for minion in case.minions]
    refusals = {names[row]: found for row, found in decider.refusals(pod).items()}
    for filtering in decider.profile.filters:
        recorded = {
            name: _first(each["code"], sorted(each.get("reasons", [])))
            if each["plugin"] == filtering
            else "later"
            for name, each in case.expect["infeasible"].items()
            if filtering in each["all"]
        }
        found = {}
        for name, refused in refusals.items():
            if filtering in refused:
                mine = refused[filtering]
                first = next(iter(refused)) == filtering
                found[name] = _first(mine.code, sorted(mine.reasons)) if first else "later"
        agreements.of(0, filtering).add(
            dict(sorted(recorded.items())), dict(sorted(found.items())), f"{case.place} {case.name}"
        )


def _first(code: str, reasons: list[str]) -> str:
    return f"{code}: {'; '.join(reasons)}"


def _compare_sequence(sequence: Sequenced, profile: Profile, agreements: Agreements) -> None:
    view = Placements(sequence.minions, sequence.owners)
    decider = Decider(profile, view.view)
    names = [minion.name for minion in sequence.minions]
    for pod, step in zip(sequence.pods, sequence.steps, strict=True):
        known = view.know(pod)
        decision = decider.decide(known)
        where = f"{sequence.place} {sequence.name}, pod {step['pod']}"
        best = sorted(names[row] for row in decision.best.tolist())
        firsts = Counter(next(iter(refused)) for refused in decider.refusals(known).values())
        agreements.of(4, "feasible minions").add(step["feasible"], int(decision.feasible.size), where)
        agreements.of(4, "first filters").add(step["rejects"], dict(firsts), where)
        agreements.of(4, "total").add(step["totals"], decision.totals.tolist(), where, names)
        agreements.of(4, "best").add(step["best"], best, where)
        chosen = step.get("chosen")
        agreements.of(4, "chosen").add(chosen, best[0] if best else None, where)
        if chosen is not None:
            # As recorded: a difference is told once and does not make all that follows differ.
            view.place(known, names.index(chosen), 1)


def _difference(recorded: Any, found: Any, names: Sequence[str] | None) -> str:
    said = f"recorded {json.dumps(recorded)}, found {json.dumps(found)}"
    if isinstance(recorded, dict) and isinstance(found, dict):
        keys = [key for key in sorted({**recorded, **found}) if recorded.get(key) != found.get(key)]
        parts = (f"{key}: recorded {recorded.get(key)!r}, found {found.get(key)!r}" for key in keys)
        return "; ".join(parts)
    if names is not None and len(recorded) == len(found):
        parts = (
            f"{name}: recorded {old}, found {new}"
            for name, old, new in zip(names, recorded, found, strict=True)
            if old != new
        )
        return f"{'; '.join(parts)}; in full: {said}"
    return said
