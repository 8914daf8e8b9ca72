"""A client of the master: a cursor with a lag, calls with a latency and a limit, and silence during an outage.

A wake-up event exists only for an idle client; it serves all that was committed up to its horizon. A client that acts
for another reason first catches up to now less its lag.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from models.control.log import Change, Cursor, Log, Matters, Op, always
from models.control.tokens import TokenBucket
from sim.engine import BELIEF, RECORD, Engine
from sim.streams import Stream, Streams

_BLOCK = 1024

__all__ = ["Caller", "Client", "InstantClient", "Interest", "Law", "Master", "Timing"]

Interest = Callable[[Op, Any, int, int], bool]


def _everything(op: Op, what: object, before: int, after: int) -> bool:
    return True


class Law(Protocol):
    """A distribution of seconds: see ``sim.distributions``."""

    def quantile(self, u: Any) -> Any:
        """Return the value below which a share ``u`` lies, or such values for an array."""
        ...


class Delays:
    """Delays of one law, drawn in blocks: the n-th is the n-th draw of a named entity, whenever it is asked for.

    Args:
        stream: Where the draws come from.
        group: The entity.
    """

    __slots__ = ("next_s",)

    def __init__(self, law: Law, stream: Stream, group: str) -> None:
        self.next_s: Callable[[], float] = _delays_s(law, stream, group).__next__
        """Return the next delay in seconds. HOT: a generator goes on where it was for half of what a call costs."""


def _delays_s(law: Law, stream: Stream, group: str) -> Iterator[float]:
    drawn = 0
    while True:
        uniforms = stream.block(group, drawn, _BLOCK)
        drawn += _BLOCK
        values = np.broadcast_to(np.asarray(law.quantile(uniforms), dtype=np.float64), uniforms.shape)
        yield from values.tolist()


@dataclass(frozen=True)
class Timing:
    """How fast the master and what lies between it and its clients are.

    Attributes:
        latency: Seconds from the grant of a call to its commit.
        lag: Seconds from a commit to its delivery.
        write_s: Seconds that the master is busy with one call: calls at one instant are taken one after the other.
        cached_read_s: Seconds of a read that the master answers from its cache.
    """

    latency: Law
    lag: Law
    write_s: float = 0.0
    cached_read_s: float = 0.0


class Master:
    """Whether the master answers; calls that meet an outage wait for its end, as their callers retry.

    Attributes:
        down: Nothing can be read or written.
        never_down: No outage will come, so no call needs to ask.
        free_s: When it takes up the next of the calls that reach it at once.
    """

    def __init__(self, engine: Engine, *, never_down: bool = False) -> None:
        self._engine = engine
        self.down = False
        self._outages = 0
        self.never_down = never_down
        self.free_s = 0.0
        self._waiting: list[tuple[Callable[[], object], Client | None, int]] = []
        self._clients: list[Client] = []

    def join(self, client: Client) -> None:
        """Tell a client of the end of outages."""
        self._clients.append(client)

    def reach(self, commit: Callable[[], object], client: Client | None = None) -> None:
        """Commit now, or when the outage is over; then not if the client has started again meanwhile."""
        if self.down:
            self._waiting.append((commit, client, client.generation if client is not None else 0))
        else:
            commit()

    def stop(self) -> None:
        """Begin an outage."""
        assert not self.never_down, "a plan that says so has no outage"
        self._outages += 1
        self.down = True

    def start(self) -> bool:
        """End an outage, and if no other goes on answer the calls that waited, in order; clients list afresh.

        Returns:
            Whether the master answers now.
        """
        self._outages -= 1
        self.down = self._outages > 0
        if self.down:
            return False
        waiting, self._waiting = self._waiting, []
        for commit, client, generation in waiting:
            if client is None or client.generation == generation:
                commit()
        for client in self._clients:
            client.poke()
        return True


class Caller(Protocol):
    """What a component asks of its client: with the master's timing (:class:`Client`), or with none.

    Attributes:
        cursor: Its place in the log.
        instant: What it calls for is committed at once.
    """

    cursor: Cursor
    instant: bool

    def poke(self) -> None:
        """Wake up soon."""
        ...

    def catch_up(self) -> None:
        """Read what can be known now."""
        ...

    def call(self, commit: Callable[[], None], *, cause: int | None = None) -> float:
        """Have the master commit something."""
        ...

    def restart(self) -> None:
        """Pass over what was not read, and forget what was not sent."""
        ...


class InstantClient:
    """A client that knows everything at once, and whose calls take no time.

    Args:
        apply: Takes one change into the client's belief.
        act: Called after a wake-up has read all.
        ops: Kinds of change that may concern it.
        interest: Whether a commit calls for a wake-up; default: each of these kinds.
        matters: Which changes of these kinds it is told of at all, by their words.
    """

    instant = True

    def __init__(
        self,
        engine: Engine,
        log: Log,
        *,
        apply: Callable[[Change], None],
        act: Callable[[], None],
        ops: Iterable[Op],
        interest: Interest | None = None,
        matters: Matters = always,
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._apply = apply
        self._act = act
        self._armed = False
        self.cursor = log.watch(interest or _everything, ops, matters, self.poke)

    def poke(self) -> None:
        """Wake up at this instant, after the records."""
        if not self._armed:
            self._armed = True
            self._engine.soon(BELIEF, self._run)

    def _run(self) -> None:
        self._armed = False
        pending = self.cursor.pending
        if len(pending) == 1:  # HOT: mostly it is one
            self._apply(pending.pop())
        else:
            self.catch_up()
        self._act()

    def catch_up(self) -> None:
        """Apply all that was committed."""
        apply = self._apply
        for change in self.cursor.read():
            apply(change)

    def call(self, commit: Callable[[], None], *, cause: int | None = None) -> float:
        """Commit now."""
        if cause is not None:
            self._engine.cause = cause
        commit()
        return self._env._now

    def restart(self) -> None:
        """Pass over what was not read."""
        self.cursor.skip()


class Client:
    """One client of the master.

    Args:
        name: Names its draws.
        limits: (calls a second, burst); ``inf`` for no limit.
        apply: Takes one change into the client's belief.
        act: Called after a wake-up has read all it can.
        ops: Kinds of change that may concern it.
        interest: Whether a commit calls for a wake-up; default: each of these kinds.
        matters: Which changes of these kinds it is told of at all, by their words.
    """

    instant = False

    def __init__(
        self,
        engine: Engine,
        master: Master,
        log: Log,
        streams: Streams,
        name: str,
        *,
        timing: Timing,
        limits: tuple[float, float],
        apply: Callable[[Change], None],
        act: Callable[[], None],
        ops: Iterable[Op],
        interest: Interest | None = None,
        matters: Matters = always,
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self.master = master
        self.name = name
        self._write_s = timing.write_s
        self._cached_read_s = timing.cached_read_s
        self._latency_s = Delays(timing.latency, streams.stream("client.latency"), name).next_s
        self._lag_stream = streams.stream("client.lag")
        self._lags = Delays(timing.lag, self._lag_stream, name)
        self._more: Delays | None = None
        self._limits = limits
        self.bucket = None if math.isinf(limits[0]) else TokenBucket(*limits)
        self.generation = 0
        self._apply = apply
        self._act = act
        self._armed = False
        self._news_s = -math.inf
        self._horizon_s = -math.inf
        self._woken_s = -math.inf
        self._loss_ratio = 0.0
        self._loss_stream = streams.stream("client.loss")
        self._deliveries = 0
        self.lag_s = self._lags.next_s()
        self.cursor = log.watch(interest or _everything, ops, matters, self.poke)
        master.join(self)

    def poke(self) -> None:
        """Wake the client one lag from now, unless a wake-up is pending already."""
        self._news_s = self._env._now
        if not self._armed:
            self._arm(self._news_s)

    def _arm(self, from_s: float) -> None:
        self._armed = True
        self._woken_s = from_s
        now_s, at_s = self._env._now, from_s + self.lag_s
        self._engine.at(max(now_s, at_s), BELIEF, self._run)

    def _run(self) -> None:
        self._armed = False
        if self.master.down:
            return
        # What woke it is delivered after the lag drawn before; of what came since, all that a new one lets through.
        lag_s = self._lags.next_s()
        self.lag_s = lag_s if self._more is None else lag_s + self._more.next_s()
        # It was committed at the horizon: a difference of two times could miss it by a rounding.
        self._horizon_s = max(self._horizon_s, self._woken_s)
        self.catch_up()
        self._act()
        pending = self.cursor.pending
        if pending and not self._armed and self._news_s > self._horizon_s:
            self._arm(pending[0][0])

    def catch_up(self) -> None:
        """Apply what was committed up to now less the lag."""
        apply = self._apply
        horizon_s = self._env._now - self.lag_s
        self._horizon_s = max(self._horizon_s, horizon_s)
        changes = self.cursor.read(self._horizon_s)
        if self._loss_ratio:
            changes = [change for change in changes if not self._is_lost()]
        for change in changes:
            apply(change)

    def disturb(self, lag: Law | None, loss_ratio: float) -> None:
        """Let deliveries be late by so much more than usual, and lose a share of them."""
        self._more = None if lag is None else Delays(lag, self._lag_stream, f"{self.name}/disturbed")
        self.lag_s = self._lags.next_s()
        if self._more is not None:
            self.lag_s += self._more.next_s()
        self._loss_ratio = loss_ratio

    def _is_lost(self) -> bool:
        self._deliveries += 1
        return self._loss_stream.at(self.name, self._deliveries) < self._loss_ratio

    def call(self, commit: Callable[[], None], *, cause: int | None = None) -> float:
        """Make a call: a token, a latency, then ``commit`` runs at the master.

        Returns:
            When it will be committed, if the master answers then.
        """
        now_s, master = self._env._now, self.master
        granted_s = now_s if self.bucket is None else self.bucket.reserve(now_s)
        # Who starts again has sent what was granted before, and not what still waited for a token.
        guard = None
        if granted_s == now_s:
            if master.free_s > now_s:
                granted_s = master.free_s
            master.free_s = granted_s + self._write_s
        else:
            guard = (self, self.generation)
        at_s = granted_s + self._latency_s()
        if not master.never_down:
            commit = partial(master.reach, commit, self)
        self._engine.at(at_s, RECORD, commit, cause=cause, guard=guard)
        return at_s

    def read_cached(self, then: Callable[[], object], *, cause: int | None = None) -> None:
        """Read what the master has in its cache: a token, and no wait for what is written; then go on."""
        now_s = self._env._now
        granted_s = now_s if self.bucket is None else self.bucket.reserve(now_s)
        reach = partial(self.master.reach, then, self)
        self._engine.at(
            granted_s + self._cached_read_s, RECORD, reach, cause=cause, guard=(self, self.generation)
        )

    def lose(self) -> None:
        """Forget what was not sent or not answered: the process has ended."""
        self.generation += 1

    def restart(self) -> None:
        """Be another process: it reads the record itself, its bucket is full, what was not sent is forgotten."""
        self.lose()
        self.cursor.skip()
        if self.bucket is not None:
            self.bucket = TokenBucket(*self._limits)

    def say(self, commit: Callable[[], None]) -> None:
        """Have somebody else's report committed after one latency, outside this client's limit."""
        at_s = self._env._now + self._latency_s()
        self._engine.at(at_s, RECORD, lambda: self.master.reach(commit))
