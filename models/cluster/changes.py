"""Which minions changed, as a log that is read from a cursor and forgotten when it gets long."""

from __future__ import annotations

__all__ = ["ChangeLog"]


class ChangeLog:
    """Indices of changed minions, in order, with repeats.

    Args:
        limit: Longer than this it is forgotten, and whoever read none of it starts afresh.
    """

    __slots__ = ("_limit", "entries", "forgotten")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.entries: list[int] = []
        self.forgotten = 0

    def add(self, index: int) -> None:
        """Say that a minion changed."""
        entries = self.entries
        if len(entries) == self._limit:
            self.forgotten += self._limit
            entries.clear()
        entries.append(index)

    @property
    def cursor(self) -> int:
        """The cursor of now."""
        return self.forgotten + len(self.entries)

    def since(self, cursor: int) -> list[int] | None:
        """Return what changed since a cursor, or nothing if that was forgotten."""
        start = cursor - self.forgotten
        return self.entries[start:] if start >= 0 else None
