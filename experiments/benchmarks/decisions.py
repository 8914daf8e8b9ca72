"""Decisions of the kube-scheduler's profile: queue to bind to caches caught up, all minions scored.

The entry is the one that ``wavetank verify scheduler`` and simulations use. Every hundredth decision is also
taken by the plug-ins one by one, without anything kept, and every two-thousandth on a view made anew; that is outside
the timing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from models.api.protocols import ClusterView, Context, PodView
from models.api.scheduling import HOSTNAME, ZONE, MinionAsScheduled, PodAsScheduled, PodTerm, Spread
from models.api.selectors import Requirement, Selector
from models.api.types import Pod, PodAsk, PodTemplate
from models.cluster.placements import Known, Placements
from models.control.queue import SchedulingQueue
from models.policies.kubernetes.decider import Decider
from models.policies.kubernetes.profile import KUBERNETES_1_20
from sim.streams import Streams

__all__ = ["KINDS", "OWN_POLICY", "Measured", "measure_decisions", "most_free_cpu"]

OWN_POLICY = "experiments.benchmarks.decisions:most_free_cpu"
"""What the scenario of the row of a user's own policy names."""
_GIB = 1 << 30
_THERE = 6
"""Pods on each minion before the first decision."""
_CHECKED, _ANEW = 100, 2000


@dataclass(frozen=True)
class Measured:
    """What a load took.

    Attributes:
        cpu_s: CPU seconds of all decisions, checks apart.
        decisions: How many.
        bound: How many found a minion.
        checked: How many were taken again from scratch.
        mismatches: How many of those came out otherwise.
    """

    cpu_s: float
    decisions: int
    bound: int
    checked: int
    mismatches: int


def _plain(template: int) -> PodAsScheduled:
    """Resources alone."""
    cpu, memory = 100 + 25 * (template % 40), (128 + 64 * (7 * template % 61)) << 20
    return PodAsScheduled(
        labels=(("app", f"app-{template}"),),
        requests=(("cpu", cpu), ("memory", memory)),
        nonzero=(cpu, memory),
        scored=(("cpu", cpu), ("memory", memory)),
        images=("app:latest",),
    )


def _rich(template: int) -> PodAsScheduled:
    """A hard and a soft spread and preferred anti-affinity besides."""
    own = Selector((Requirement("In", "app", (f"app-{template}",)),))
    return replace(
        _plain(template),
        spread=(Spread(ZONE, 5, True, own), Spread(HOSTNAME, 1, False, own)),
        preferred_pods=((-50, PodTerm(("default",), own, HOSTNAME)),),
    )


KINDS: dict[str, Callable[[int], PodAsScheduled]] = {"plain": _plain, "rich": _rich}


def measure_decisions(kind: str, minions: int, templates: int, decisions: int) -> Measured:
    """Decide and bind.

    Args:
        kind: ``plain`` or ``rich``.
        minions: 16 cores and 64 GiB each, in three zones.
        templates: Pod classes, drawn in random order.
        decisions: Pods.
    """
    draws = Streams(1).stream("benchmark.decisions")
    order = [int(draws.at("template", n) * templates) for n in range(decisions + _THERE * minions)]
    there, coming = order[decisions:], order[:decisions]
    cluster = [_minion(index) for index in range(minions)]
    view = Placements(cluster)
    decider = Decider(KUBERNETES_1_20, view.view)
    known = [view.know(KINDS[kind](template)) for template in range(templates)]
    asks = [PodAsk(f"pod-{n}", n, PodTemplate(n, ())) for n in range(templates)]
    bound: list[tuple[Known, int]] = []
    for number, template in enumerate(there):
        view.place(known[template], number % minions, 1)
        bound.append((known[template], number % minions))
    for each in known:
        decider.decide(each)
    before, queue = len(bound), SchedulingQueue(by_class=True)
    checks = mismatches = 0
    spent_s = 0.0
    for begin in range(0, decisions, _CHECKED):
        batch = coming[begin : begin + _CHECKED]
        start = time.process_time()
        for number, template in enumerate(batch, begin):
            queue.add(Pod(number, number, -1, asks[template], 0.0))
            popped = queue.pop()
            assert popped is not None
            one = known[popped[0].template.index]
            minion = decider.decide(one).first
            if minion >= 0:
                view.place(one, minion, 1)
                bound.append((one, minion))
        spent_s += time.process_time() - start
        asked, checks = known[batch[-1]], checks + 1
        fresh, of = Decider(KUBERNETES_1_20, view.view), asked
        if begin % _ANEW == 0:
            made = Placements(cluster)
            for each, minion in bound:
                made.place(made.know(each.pod), minion, 1)
            fresh, of = Decider(KUBERNETES_1_20, made.view), made.know(asked.pod)
        mismatches += not np.array_equal(decider.decide(asked).totals, fresh.afresh(of))
    return Measured(spent_s, decisions, len(bound) - before, checks, mismatches)


def _minion(index: int) -> MinionAsScheduled:
    labels = {HOSTNAME: f"web-{index}", ZONE: "abc"[index % 3]}
    amounts = {"cpu": 16_000, "memory": 64 * _GIB, "ephemeral-storage": 100 * _GIB, "pods": 110}
    return MinionAsScheduled(f"web-{index}", labels, amounts)


def most_free_cpu(view: ClusterView, pod: PodView, context: Context) -> int | None:
    """Decide as a user's own policy might: numpy over the view, nothing kept."""
    fits = view.fits(pod.template)
    free = np.where(fits, view.free[:, 0], -1)
    best = int(free.argmax())
    return best if fits[best] else None
