"""Crash and repair of minions: at a time, or drawn from each minion's own clock.

A drawn clock is an alternating renewal process: time to failure from repair, then repair. It starts
stationary unless asked otherwise: a minion is down at the start with probability MTTR / (MTTF + MTTR), and what
remains of the present spell is the residual of its law (for Weibull shape 0.75 a fresh start would show five
times as many failures on the first day). A minion that is down then has been so for the age of
that spell. Minions fail independently of each other; correlated failures are not modelled here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from sim.engine import TRUTH, Engine
from sim.streams import Stream, Streams

__all__ = ["CrashFault", "CrashTargets", "DrawnClock", "Law", "start_at", "start_drawn"]


class Law(Protocol):
    """A distribution of seconds: see ``sim.distributions``."""

    @property
    def mean(self) -> float:
        """Its mean in seconds."""
        ...

    def quantile(self, u: float) -> float:
        """Return the value below which a share ``u`` lies."""
        ...

    def residual(self, u1: Any, u2: Any) -> Any:
        """Return what remains of a spell that a stationary observer meets, or of many."""
        ...

    def age(self, u1: float, u2: float) -> float:
        """Return how long that spell has gone on."""
        ...


class CrashTargets(Protocol):
    """What the world lends to a crash."""

    def is_up(self, minion: int) -> bool:
        """Whether a minion is up."""
        ...

    def crash(self, minion: int, fault: CrashFault, repair_s: float, *, age_s: float = 0.0) -> None:
        """Take it down; at the start of the run it may have been so for ``age_s``."""
        ...

    def repair(self, minion: int, fault: CrashFault) -> None:
        """Bring it back."""
        ...


@dataclass
class CrashFault:
    """One fault of a scenario.

    Attributes:
        name: As in the scenario.
        identity: In the identity table.
        occurrences: How often it began.
    """

    name: str
    identity: int
    occurrences: int = 0


def start_at(
    engine: Engine,
    targets: CrashTargets,
    fault: CrashFault,
    minions: Sequence[int],
    at_s: float,
    repair: Callable[[int], float],
) -> None:
    """Crash minions together at a time; a minion that is down already is left alone."""

    def begin() -> None:
        for minion in minions:
            if targets.is_up(minion):
                _down(engine, targets, fault, minion, (repair(minion), 0.0), None)

    engine.at(at_s, TRUTH, begin, cause=-1)


class DrawnClock:
    """The clock of one minion; draws are named by (fault, pool, index, cycle).

    Args:
        group: Group of the draws: the fault's name and the minion's pool.
        index: The minion's number in its pool.
    """

    def __init__(
        self,
        engine: Engine,
        targets: CrashTargets,
        fault: CrashFault,
        minion: int,
        *,
        failure: tuple[Stream, Law],
        repair: tuple[Stream, Law],
        group: str,
        index: int,
    ) -> None:
        self._engine = engine
        self._targets = targets
        self._fault = fault
        self._minion = minion
        self._failure_stream, self._failure = failure
        self._repair_stream, self._repair = repair
        self._group = group
        self._index = index
        self._cycle = 0

    def start(self) -> None:
        """Begin a fresh life at time 0."""
        self._arm(self._draw(self._failure_stream, self._failure))

    def meet(self, u0: float, u1: float, u2: float, left_s: float) -> None:
        """Go on at time 0 with a life or a repair that has begun before.

        Args:
            u0: Draw of whether it is up.
            u1: Draw of the length of what is met.
            u2: Draw of the place in it.
            left_s: Of its life, if it is up.
        """
        mttf, mttr = self._failure.mean, self._repair.mean
        if u0 < mttr / (mttf + mttr) and self._targets.is_up(self._minion):
            self._crash(self._repair.residual(u1, u2), age_s=self._repair.age(u1, u2))
        else:
            self._arm(left_s)

    def draws(self) -> tuple[float, float, float]:
        """Return what a stationary start draws: whether it is up, how long a spell is met, and where in it."""
        at, group, index = self._failure_stream.at, self._group, self._index
        return at(group, index, 0, 1), at(group, index, 0, 2), at(group, index, 0, 3)

    def _draw(self, stream: Stream, law: Law) -> float:
        return float(law.quantile(stream.at(self._group, self._index, self._cycle)))

    def _arm(self, life_s: float) -> None:
        self._engine.at(self._engine.now_s + life_s, TRUTH, self._fail, cause=-1)

    def _fail(self) -> None:
        if self._targets.is_up(self._minion):
            self._crash(self._draw(self._repair_stream, self._repair))
        else:
            # Down by another fault: what would have failed is off; its clock starts anew.
            self._cycle += 1
            self._arm(self._draw(self._failure_stream, self._failure))

    def _crash(self, repair_s: float, age_s: float = 0.0) -> None:
        self._cycle += 1
        _down(self._engine, self._targets, self._fault, self._minion, (repair_s, age_s), self._again)

    def _again(self) -> None:
        self._arm(self._draw(self._failure_stream, self._failure))


def start_drawn(
    engine: Engine,
    targets: CrashTargets,
    streams: Streams,
    fault: CrashFault,
    minions: Sequence[tuple[int, str, int]],
    laws: tuple[Law, Law],
    *,
    stationary: bool,
) -> None:
    """Start the clocks of (minion, pool, index in the pool) for one fault."""
    failure = (streams.stream("minion.time_to_failure"), laws[0])
    repair = (streams.stream("minion.repair"), laws[1])
    clocks = [
        DrawnClock(
            engine, targets, fault, minion,
            failure=failure, repair=repair, group=f"{fault.name}/{pool}", index=index,
        )
        for minion, pool, index in minions
    ]  # fmt: skip
    if not stationary:
        for clock in clocks:
            clock.start()
        return
    draws = np.array([clock.draws() for clock in clocks]).reshape(-1, 3)
    left_s = laws[0].residual(draws[:, 1], draws[:, 2]).tolist()
    for clock, draw, left in zip(clocks, draws.tolist(), left_s, strict=True):
        u0, u1, u2 = draw
        clock.meet(u0, u1, u2, left)


def _down(
    engine: Engine,
    targets: CrashTargets,
    fault: CrashFault,
    minion: int,
    spell_s: tuple[float, float],
    after: Callable[[], None] | None,
) -> None:
    """Take a minion down; ``spell_s`` is what remains until its repair, and how long it has been so."""
    repair_s, age_s = spell_s
    targets.crash(minion, fault, repair_s, age_s=age_s)
    if repair_s < math.inf:
        engine.at(engine.now_s + repair_s, TRUTH, partial(_up, targets, fault, minion, after))


def _up(targets: CrashTargets, fault: CrashFault, minion: int, after: Callable[[], None] | None) -> None:
    targets.repair(minion, fault)
    if after is not None:
        after()
