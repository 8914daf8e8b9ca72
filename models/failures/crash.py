"""Crash and repair of minions: at a time, or drawn from a clock of each minion, or of each domain that fails as one.

A drawn clock is an alternating renewal process: time to failure from repair, then repair. It starts
stationary unless asked otherwise: a minion is down at the start with probability MTTR / (MTTF + MTTR), and what
remains of the present spell is the residual of its law (for Weibull shape 0.75 a fresh start would show five
times as many failures on the first day). A minion that is down then has been so for the age of
that spell. Clocks are independent of each other; what fails together is told by who shares a clock (a rack, the
host of virtual machines). All of a domain that is up goes down at once; when its repair is over each minion boots,
if booting takes it time, and the domain's next life begins.

Simplified: who is down already by another fault, when its domain fails, comes back as that fault says.
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

__all__ = ["CrashFault", "CrashTargets", "DrawnClock", "FailsAsOne", "FaultPlan", "Law", "start"]


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

    def boot_s(self, minion: int) -> float:
        """Return how long it takes to boot once what it runs on is repaired; a virtual machine does."""
        ...


@dataclass(frozen=True, slots=True)
class FailsAsOne:
    """Minions that share a clock.

    Attributes:
        minions: By index; mostly it is one.
        group: What its draws are counted in: the pool of one minion, or the label that a domain is a value of.
        index: Its number there.
    """

    minions: tuple[int, ...]
    group: str
    index: int


@dataclass(frozen=True)
class FaultPlan:
    """A crash of minions.

    Attributes:
        domains: What fails as one.
        at_s: When; nothing if it is drawn.
        failure: Law of time to failure; nothing if it is at a time.
        repair: Law of repair; nothing: never repaired.
        stationary: Drawn clocks start stationary.
    """

    name: str
    domains: Sequence[FailsAsOne]
    at_s: float | None = None
    failure: Law | None = None
    repair: Law | None = None
    stationary: bool = True


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


def start(
    engine: Engine, targets: CrashTargets, streams: Streams, fault: CrashFault, plan: FaultPlan
) -> None:
    """Start one fault, as planned."""
    if plan.failure is not None:
        assert plan.repair is not None, "a drawn crash has a law of repair"
        laws = (plan.failure, plan.repair)
        _start_drawn(engine, targets, streams, fault, plan.domains, laws, stationary=plan.stationary)
        return
    assert plan.at_s is not None, "a crash that is not drawn has a time"
    law, stream = plan.repair, streams.stream("minion.repair")

    def repair_s(domain: FailsAsOne) -> float:
        if law is None:
            return math.inf
        return float(law.quantile(stream.at(f"{fault.name}/{domain.group}", domain.index)))

    _start_at(engine, targets, fault, plan.domains, plan.at_s, repair_s)


def _start_at(
    engine: Engine,
    targets: CrashTargets,
    fault: CrashFault,
    domains: Sequence[FailsAsOne],
    at_s: float,
    repair: Callable[[FailsAsOne], float],
) -> None:
    """Crash minions together at a time; a minion that is down already is left alone."""

    def begin() -> None:
        for domain in domains:
            _down(engine, targets, fault, domain.minions, (repair(domain), 0.0), None)

    engine.at(at_s, TRUTH, begin, cause=-1)


class DrawnClock:
    """The clock of what fails as one; draws are named by (fault, pool or label, index, cycle)."""

    def __init__(
        self,
        engine: Engine,
        targets: CrashTargets,
        fault: CrashFault,
        domain: FailsAsOne,
        *,
        failure: tuple[Stream, Law],
        repair: tuple[Stream, Law],
    ) -> None:
        self._engine = engine
        self._targets = targets
        self._fault = fault
        self._minions = domain.minions
        self._failure_stream, self._failure = failure
        self._repair_stream, self._repair = repair
        self._group = f"{fault.name}/{domain.group}"
        self._index = domain.index
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
        if u0 < mttr / (mttf + mttr) and self._is_up():
            self._crash(self._repair.residual(u1, u2), age_s=self._repair.age(u1, u2))
        else:
            self._arm(left_s)

    def draws(self) -> tuple[float, float, float]:
        """Return what a stationary start draws: whether it is up, how long a spell is met, and where in it."""
        at, group, index = self._failure_stream.at, self._group, self._index
        return at(group, index, 0, 1), at(group, index, 0, 2), at(group, index, 0, 3)

    def _is_up(self) -> bool:
        return any(map(self._targets.is_up, self._minions))

    def _draw(self, stream: Stream, law: Law) -> float:
        return float(law.quantile(stream.at(self._group, self._index, self._cycle)))

    def _arm(self, life_s: float) -> None:
        self._engine.at(self._engine.now_s + life_s, TRUTH, self._fail, cause=-1)

    def _fail(self) -> None:
        if self._is_up():
            self._crash(self._draw(self._repair_stream, self._repair))
        else:
            # Down by another fault: what would have failed is off; its clock starts anew.
            self._cycle += 1
            self._arm(self._draw(self._failure_stream, self._failure))

    def _crash(self, repair_s: float, age_s: float = 0.0) -> None:
        self._cycle += 1
        _down(self._engine, self._targets, self._fault, self._minions, (repair_s, age_s), self._again)

    def _again(self) -> None:
        self._arm(self._draw(self._failure_stream, self._failure))


def _start_drawn(
    engine: Engine,
    targets: CrashTargets,
    streams: Streams,
    fault: CrashFault,
    domains: Sequence[FailsAsOne],
    laws: tuple[Law, Law],
    *,
    stationary: bool,
) -> None:
    """Start the clocks of one fault."""
    failure = (streams.stream("minion.time_to_failure"), laws[0])
    repair = (streams.stream("minion.repair"), laws[1])
    clocks = [
        DrawnClock(engine, targets, fault, domain, failure=failure, repair=repair) for domain in domains
    ]
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
    minions: Sequence[int],
    spell_s: tuple[float, float],
    after: Callable[[], None] | None,
) -> None:
    """Take minions down that are up; ``spell_s`` is what remains until their repair, and how long it has been so."""
    repair_s, age_s = spell_s
    boots: dict[float, list[int]] = {}
    for minion in minions:
        if targets.is_up(minion):
            boot_s = targets.boot_s(minion)
            boots.setdefault(boot_s, []).append(minion)
            targets.crash(minion, fault, repair_s + boot_s, age_s=age_s)
    if repair_s < math.inf:
        back_s = engine.now_s + repair_s
        at_once = boots.pop(0.0, [])
        if at_once or after is not None:
            engine.at(back_s, TRUTH, partial(_up, targets, fault, at_once, after))
        for boot_s, booted in boots.items():
            engine.at(back_s + boot_s, TRUTH, partial(_up, targets, fault, booted, None))


def _up(
    targets: CrashTargets, fault: CrashFault, minions: Sequence[int], after: Callable[[], None] | None
) -> None:
    for minion in minions:
        targets.repair(minion, fault)
    if after is not None:
        after()
