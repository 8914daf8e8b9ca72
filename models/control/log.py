"""The store's log of changes, and cursors into it: what a watch is.

A client holds a cursor and reads what was committed up to a horizon, its own now less its lag. A change of a pod
carries its state word before and after, so that a client can keep counts without remembering each pod.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable
from typing import Any

from sim.engine import Engine

__all__ = ["Change", "Cursor", "Log", "Matters", "Op", "always"]


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
    POD_REFUSED = 9
    BUDGET_CHANGED = 10
    IMAGES_CHANGED = 11


Change = tuple[float, Op, Any, int, int, int]
"""(time in seconds, what, the object or a minion's index, seq of its record, word before, word after).

For IMAGES_CHANGED it is a tuple (index of the minion, bytes by image).
For POD_LABELLED, POD_OWNED and POD_REFUSED (of which it is the nominated minion) the object is a tuple (pod, old, new).
"""

Told = Callable[[Op, Any, int, int], object]

Matters = Callable[[Op, int, int], bool]
"""Whether a change of this kind, from one state word to another, can ever matter to a reader: asked once, and kept."""

_Reader = tuple[Callable[[Change], None], Told, Callable[[], None]]
_Route = tuple[tuple[Told, ...], tuple[_Reader, ...]]


def always(op: Op, before: int, after: int) -> bool:
    """Let every change matter."""
    return True


def _nobody() -> None:
    pass


class Cursor:
    """One client's place in the log: what was committed of its kinds of change and not read yet."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: list[Change] = []

    def read(self, horizon_s: float = math.inf) -> list[Change]:
        """Return the changes committed since the last call and not after a time."""
        pending = self.pending
        if len(pending) == 1 and pending[0][0] <= horizon_s:  # HOT: mostly it is one
            return [pending.pop()]
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

    def drop(self) -> None:
        """Forget what was just committed: for a ``told`` that finds it to be of no account, now or later."""
        self.pending.pop()

    def skip(self) -> None:
        """Pass over everything: the client has read the store itself."""
        self.pending.clear()


class Log:
    """Changes in the order of commit. Nothing is kept that every client who wants it has read.

    Attributes:
        revision: Number of changes committed so far.
        wanted: Kinds of change that anybody wants to be told of; the others need no more than be counted.
    """

    def __init__(self, engine: Engine) -> None:
        self._env = engine.env
        self.revision = 0
        self.wanted: frozenset[Op] = frozenset()
        self._clients: list[tuple[frozenset[Op], Matters, _Reader]] = []
        self._observers: list[tuple[frozenset[Op], Matters, Told]] = []
        self._routes: dict[int, _Route] = {}

    def watch(
        self,
        told: Told,
        ops: Iterable[Op] = tuple(Op),
        matters: Matters = always,
        wake: Callable[[], None] = _nobody,
    ) -> Cursor:
        """Open a cursor at the present revision.

        Args:
            told: Is told of commits of these kinds as they happen, and answers whether ``wake`` is to be called.
            ops: The kinds.
            matters: Which of them it is told of at all, by their words.
            wake: Called without arguments.
        """
        cursor = Cursor()
        self.wanted |= frozenset(ops)
        self._clients.append((frozenset(ops), matters, (cursor.pending.append, told, wake)))
        self._routes.clear()
        return cursor

    def observe(self, told: Told, ops: Iterable[Op], matters: Matters = always) -> None:
        """Tell an observer of commits as they happen, before any client: it reads no log and acts for nobody."""
        self.wanted |= frozenset(ops)
        self._observers.append((frozenset(ops), matters, told))
        self._routes.clear()

    def commit(self, op: Op, what: object, seq: int, before: int = 0, after: int = 0) -> None:
        """Append a change and tell who wants to know. HOT: who that is, is looked up by kind and words."""
        self.revision += 1
        try:
            observers, clients = self._routes[op << 12 | before << 6 | after]
        except KeyError:
            observers, clients = self._route(op, before, after)
        for told in observers:
            told(op, what, before, after)
        if clients:
            change = (self._env._now, op, what, seq, before, after)
            for append, told, wake in clients:
                append(change)
                if told(op, what, before, after):
                    wake()

    def reconsider(self) -> None:
        """Ask anew what matters to whom: somebody's answer has changed."""
        self._routes.clear()

    def _route(self, op: Op, before: int, after: int) -> _Route:
        assert 0 <= before < 64 > after >= 0, "a state word has six bits"
        found = self._routes[op << 12 | before << 6 | after] = (
            tuple(told for ops, matters, told in self._observers if op in ops and matters(op, before, after)),
            tuple(
                reader for ops, matters, reader in self._clients if op in ops and matters(op, before, after)
            ),
        )
        return found
