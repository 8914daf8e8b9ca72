"""Statements that must hold, checked while a run goes on, at the level that the scenario asks for.

``off`` checks nothing; ``cheap`` checks what costs little, every 4,096 events and at the end; ``full`` checks
everything, every 64 events and at the end.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.engine import Engine
from sim.errors import InvariantError

__all__ = ["LEVELS", "Invariants"]

LEVELS = ("off", "cheap", "full")

Statement = Callable[[], str | None]
"""Returns nothing when it holds, else what was found instead, with the numbers."""


class Invariants:
    """The invariants of one run.

    Args:
        engine: Calls them and gives the time.
        level: ``off``, ``cheap`` or ``full``.
    """

    def __init__(self, engine: Engine, level: str) -> None:
        self._engine = engine
        self._level = LEVELS.index(level)
        self._statements: list[tuple[str, Statement]] = []
        if self._level:
            engine.watch(self.check, every=4096 if level == "cheap" else 64)

    def add(self, name: str, level: str, statement: Statement) -> None:
        """Register a statement; it is kept only if the run's level reaches ``level``."""
        if LEVELS.index(level) <= self._level:
            self._statements.append((name, statement))

    def check(self) -> None:
        """Check every statement now.

        Raises:
            InvariantError: One does not hold.
        """
        for name, statement in self._statements:
            found = statement()
            if found is not None:
                raise InvariantError(name, self._engine.now_s, found)
