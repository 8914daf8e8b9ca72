"""Every decision of a scheduler as records: how many minions would do, and the best five with every score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.api import records
from models.api.protocols import ScoredBy
from models.api.types import Pod
from models.cluster.belief import Belief
from models.cluster.classrows import ClassRow
from sim.journal import Journal

__all__ = ["DecisionRecords"]

_BEST = 5


class DecisionRecords:
    """Writes what came of each attempt, before the view changes.

    Args:
        journal: Where.
        belief: What was decided on.
        policy_name: Of the plug-in that scores alone.
        actor: Identity of the scheduler.
        minions: Identities, by index.
    """

    def __init__(
        self, journal: Journal, belief: Belief, policy_name: str, actor: int, minions: Sequence[int]
    ) -> None:
        self._journal = journal
        self._belief = belief
        self._policy_name = policy_name
        self._actor = actor
        self._minions = minions

    def write(
        self,
        pod: Pod,
        minion: int,
        row: ClassRow | None,
        cause: int,
        refusal: str | None,
        closed: Sequence[int] = (),
    ) -> None:
        """Write one decision.

        Args:
            pod: Whom it is about.
            minion: The one chosen, or -1.
            row: What the scores of its class were; nothing where the policy decides by itself.
            cause: Record that led to the attempt.
            refusal: Why no minion was chosen, in one line.
            closed: Minions whose room is others'.
        """
        belief = self._belief
        template = belief.seen(pod)
        feasible, parts = np.flatnonzero(belief.fits(template)), list[ScoredBy]()
        if row is not None:
            feasible, parts = belief.considered(template, row)
        is_open = ~np.isin(feasible, closed)
        seq = self._journal.write(
            records.POD_DECIDED,
            pod.identity,
            minion=self._minions[minion] if minion >= 0 else -1,
            actor=self._actor,
            cause=cause,
            reason=refusal,
            own_fields=(int(is_open.sum()), belief.registered),
        )
        if row is None:
            return
        # Not the row's own, which leaves out what all minions have alike.
        totals = np.zeros(feasible.size)
        for _, weight, scores in parts:
            totals += weight * scores
        # The chosen one is among the best whatever their number is; else the first.
        order = np.lexsort((feasible, feasible != minion, -totals))
        for place in order[is_open[order]][:_BEST].tolist():
            said = ", ".join(
                f"{name or self._policy_name} {scores[place]:g}" + (f" x {weight}" if weight != 1 else "")
                for name, weight, scores in parts
            )
            self._journal.write(
                records.MINION_SCORED,
                pod.identity,
                minion=self._minions[int(feasible[place])],
                actor=self._actor,
                cause=seq,
                value=float(totals[place]),
                reason=said,
            )
