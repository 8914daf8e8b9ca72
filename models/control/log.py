"""The store's log of changes, and cursors into it: what a watch is.

A client holds a cursor and reads what was committed up to a horizon, its own now less its lag. A change of a pod
carries its state word before and after, so that a client can keep counts without remembering each pod.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable

from sim.engine import Engine

__all__ = ["Change", "Cursor", "Log", "Op"]


class Op(enum.IntEnum):
    """What a row of the log says."""

    POD_CREATED = 0
    POD_BOUND = 1
    POD_CHANGED = 2
    POD_ENDED = 3
    POD_LABELLED = 4
    POD_OWNED = 5
    MINION_CHANGED = 6
    CONTROLLER_CHANGED = 7
    SERVICE_CHANGED = 8


Change = tuple[float, Op, object, int, int, int]
"""(time in seconds, what, the object or a minion's index, seq of its record, word before, word after).

For POD_LABELLED and POD_OWNED the object is a tuple (pod, old, new).
"""

Wake = Callable[[Op, object, int, int], None]


class Cursor:
    """One client's place in the log: what was committed of its kinds of change and not read yet."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: list[Change] = []

    def read(self, horizon_s: float = math.inf) -> list[Change]:
        """Return the changes committed since the last call and not after a time."""
        pending = self.pending
        end = len(pending)
        while end and pending[end - 1][0] > horizon_s:
            end -= 1
        changes = pending[:end]
        del pending[:end]
        return changes

    @property
    def next_s(self) -> float:
        """Time of the first change that was not read; ``inf`` if there is none."""
        return self.pending[0][0] if self.pending else math.inf

    def skip(self) -> None:
        """Pass over everything: the client has read the store itself."""
        self.pending.clear()


class Log:
    """Changes in the order of commit. Nothing is kept that every client who wants it has read.

    Attributes:
        revision: Number of changes committed so far.
    """

    def __init__(self, engine: Engine) -> None:
        self._env = engine.env
        self.revision = 0
        self._clients: list[tuple[tuple[Callable[[Change], None], Wake], ...]] = [() for _ in Op]
        self._observers: list[tuple[Wake, ...]] = [() for _ in Op]

    def watch(self, wake: Wake, ops: Iterable[Op] = tuple(Op)) -> Cursor:
        """Open a cursor at the present revision; ``wake`` is told of commits of these kinds as they happen."""
        cursor = Cursor()
        for op in ops:
            self._clients[op] = (*self._clients[op], (cursor.pending.append, wake))
        return cursor

    def observe(self, told: Wake, ops: Iterable[Op]) -> None:
        """Tell an observer of commits as they happen, before any client: it reads no log and acts for nobody."""
        for op in ops:
            self._observers[op] = (*self._observers[op], told)

    def commit(self, op: Op, what: object, seq: int, before: int = 0, after: int = 0) -> None:
        """Append a change and tell who wants to know."""
        self.revision += 1
        for told in self._observers[op]:
            told(op, what, before, after)
        clients = self._clients[op]
        if clients:
            change = (self._env._now, op, what, seq, before, after)
            for append, wake in clients:
                append(change)
                wake(op, what, before, after)
