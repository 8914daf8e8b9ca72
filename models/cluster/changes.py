"""Which minions changed, as a log that is read from a cursor and forgotten when it gets long."""

from __future__ import annotations

__all__ = ["ChangeLog"]


class ChangeLog:
    """Indices of changed minions, in order, with repeats.

    Args:
        limit: When it is longer than this it is to be trimmed, and whoever read none of it starts afresh.

    Attributes:
        add: ``add(index)``: say that a minion changed. HOT: a list's own.
        entries: Indices in order.
        forgotten: How many were before the first entry.
    """

    __slots__ = ("add", "entries", "forgotten", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.entries: list[int] = []
        self.add = self.entries.append
        self.forgotten = 0

    def trim(self) -> None:
        """Forget what is there: it got long."""
        self.forgotten += len(self.entries)
        self.entries.clear()

    @property
    def cursor(self) -> int:
        """The cursor of now."""
        return self.forgotten + len(self.entries)

    def since(self, cursor: int) -> list[int] | None:
        """Return what changed since a cursor, or nothing if that was forgotten."""
        start = cursor - self.forgotten
        return self.entries[start:] if start >= 0 else None
