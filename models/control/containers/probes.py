"""When a probe's result changes, in closed form.

A worker asks its container at fixed times, ``base + k x period`` (from when the kubelet took the pod, after a random
part of a period), while the container runs and its initial delay is over. Passes and failures in a row count against
two thresholds, and only a result that reaches its own changes anything (k/k:pkg/kubelet/prober/worker.go, v1.20). How
the container answers is piecewise constant, so the time of the next change follows from counts: asking costs nothing.

Where a question takes longer than a period, the times that fall into it are passed over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["ProbePlan", "ProbeRun", "Spell", "first_slot"]

Spell = tuple[float, bool, float]
"""(from this time in seconds on, whether a question passes, seconds until that is known); the last has no end."""

_INF = math.inf
_NEVER = -math.inf


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """What v1 says of a probe.

    Attributes:
        initial_delay_s: From the container's start to the first question.
        period_s: Between questions; above 0.
        timeout_s: An answer that takes as long is a failure.
        success_count: Passes in a row that make it pass.
        failure_count: Failures in a row that make it fail.
    """

    period_s: float = 10.0
    timeout_s: float = 1.0
    initial_delay_s: float = 0.0
    success_count: int = 1
    failure_count: int = 3


def first_slot(base_s: float, period_s: float, t_s: float) -> int:
    """Return the first k for which ``base + k x period`` is not before a time, exactly, as floats go."""
    if t_s <= base_s:
        return 0
    slot = math.ceil((t_s - base_s) / period_s)
    while slot and base_s + (slot - 1) * period_s >= t_s:
        slot -= 1
    while base_s + slot * period_s < t_s:
        slot += 1
    return slot


class ProbeRun:
    """One worker: what it counted so far, and when its result changes next.

    Args:
        plan: The probe.
        base_s: Time of its question 0.
        kills: A failure has the container killed: it asks no more then, and counts anew (of the next container).

    Attributes:
        passes: Its result: what holds of the container until that changes; None: not known yet.
        due_s: When the result changes next; ``inf`` never, as things are.
    """

    __slots__ = (
        "_crossing", "_decides", "_delay_s", "_from_s", "_last", "_run", "_slot", "_spells", "base_s", "due_s", "kills",
        "passes", "plan",
    )  # fmt: skip

    def __init__(self, plan: ProbePlan, base_s: float, *, kills: bool = False) -> None:
        self.plan = plan
        self.base_s = base_s
        self.kills = kills
        self.passes: bool | None = None
        self.due_s = _INF
        self._last = True
        self._run = 0
        self._slot = 0
        self._from_s = _NEVER
        self._crossing = -1
        self._decides = False
        self._delay_s = 0.0
        self._spells: tuple[Spell, ...] = ()

    def start(self, from_s: float, spells: tuple[Spell, ...], *, passes: bool | None) -> None:
        """Ask from a time on, a result being given: another container, or the same once it is started.

        What was counted in a row goes on, as in v1.
        """
        self.passes = passes
        self._from_s = from_s
        self._spells = spells
        self._find()

    def answer(self, now_s: float, spells: tuple[Spell, ...]) -> None:
        """Let questions from now on be answered otherwise; one that was asked before is answered as it was."""
        if not self._spells:
            return  # it asks nothing
        if not self._is_decided(now_s):
            self._count(now_s)
            self._find_with(spells)
        self._spells = spells

    def hold(self, now_s: float) -> None:
        """Ask no more, until the next start."""
        if self._is_decided(now_s):
            self._take()
        else:
            self._count(now_s)
        self._stop()

    def change(self) -> bool:
        """Make the change that is due, and go on; returns the result, which is another than before."""
        self.passes = passes = self._take()
        if self.kills and not passes:
            self._stop()
        else:
            self._find()
        return passes

    def _is_decided(self, now_s: float) -> bool:
        """Whether the question that brings the next change was asked before a time."""
        return self._crossing >= 0 and self.base_s + self._crossing * self.plan.period_s < now_s

    def _take(self) -> bool:
        """Count the question that decides (what is counted beyond a threshold makes no difference): its answer."""
        plan, passes = self.plan, self._decides
        self._last = passes
        self._run = plan.success_count if passes else 0 if self.kills else plan.failure_count
        self._slot = self._crossing + _step(plan.period_s, self._delay_s)
        return passes

    def _stop(self) -> None:
        self.due_s = _INF
        self._crossing = -1
        self._spells = ()

    def _find_with(self, spells: tuple[Spell, ...]) -> None:
        self._spells = spells
        self._find()

    def _find(self) -> None:
        """Find the next change, if questions go on as they are answered now."""
        spells = self._spells
        if len(spells) == 1 and spells[0][1] is self.passes:  # HOT: as it is with all that is well
            self._crossing = -1
            self.due_s = _INF
            return
        self._crossing, self._decides, self._delay_s = self._scan(_INF)
        self.due_s = _INF
        if self._crossing >= 0:
            self.due_s = self.base_s + self._crossing * self.plan.period_s + self._delay_s

    def _count(self, until_s: float) -> None:
        """Count the questions asked before a time, of which none has changed the result."""
        self._scan(until_s, keep=True)

    def _scan(self, until_s: float, *, keep: bool = False) -> tuple[int, bool, float]:
        """Return (the question that changes the result, its answer, seconds until that is known); -1 for none.

        Args:
            until_s: Questions before this time alone.
            keep: Keep what was counted.
        """
        plan, base_s, period_s = self.plan, self.base_s, self.plan.period_s
        spells, slot, last, run = self._spells, self._slot, self._last, self._run
        end = len(spells) - 1
        for i, (from_s, passes, delay_s) in enumerate(spells):
            if from_s >= until_s:
                break
            ends_s = until_s if i == end else min(until_s, spells[i + 1][0])
            slot = max(slot, first_slot(base_s, period_s, max(from_s, self._from_s)))
            if base_s + slot * period_s >= ends_s:
                continue
            step = _step(period_s, delay_s)
            had = run if last is passes else 0
            if passes is not self.passes:
                needed = plan.success_count if passes else plan.failure_count
                crossing = slot + (max(1, needed - had) - 1) * step
                if base_s + crossing * period_s < ends_s:
                    assert not keep, "a change was passed over"
                    return crossing, passes, delay_s
            if ends_s == _INF:
                break
            asked = -((slot - first_slot(base_s, period_s, ends_s)) // step)
            last, run, slot = passes, had + asked, slot + asked * step
        if keep:
            self._last, self._run, self._slot = last, run, slot
        return -1, False, 0.0


def _step(period_s: float, delay_s: float) -> int:
    """Return how many periods a question keeps its worker from the next."""
    return 1 if delay_s <= period_s else math.ceil(delay_s / period_s)
