"""Who is meant: integers for whatever has a name, so that records stay small.

An identity is (kind, namespace, name, incarnation); its text is ``KIND/NAMESPACE/NAME`` or ``KIND/NAME``,
with ``#n`` for the n-th incarnation of a name when n > 1. The integer is a counter of this run and means
nothing outside it. Texts of identities that were released are dropped once the records that name them have
been written, so memory follows what is alive.
"""

from __future__ import annotations

import hashlib

__all__ = ["NOBODY", "Identities", "IdentityRow"]

NOBODY = -1
"""The integer that stands for no identity."""

IdentityRow = tuple[str, str, str | None, str, str, int]
"""(text, kind, namespace, name, uid, incarnation)"""


class Identities:
    """The identity table of one run."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._fresh: list[tuple[str, str | None, str, int]] = []
        self._released: list[int] = []
        self._next = 0

    def __len__(self) -> int:
        return self._next

    def add(self, kind: str, name: str, namespace: str | None = None, incarnation: int = 1) -> int:
        """Enter a new identity and return its integer."""
        found = self._next
        self._next = found + 1
        text = f"{kind}/{name}" if namespace is None else f"{kind}/{namespace}/{name}"
        self._texts[found] = text if incarnation == 1 else f"{text}#{incarnation}"
        self._fresh.append((kind, namespace, name, incarnation))
        return found

    def text(self, identity: int) -> str:
        """Return the text of an identity that has not been purged.

        Raises:
            KeyError: It was released and purged, or never entered.
        """
        return self._texts[identity]

    def release(self, identity: int) -> None:
        """Say that no record after the next spill will name this identity."""
        self._released.append(identity)

    def take_rows(self) -> list[IdentityRow]:
        """Return the rows entered since the last call."""
        rows = [_row(*entry) for entry in self._fresh]
        self._fresh.clear()
        return rows

    def purge(self) -> None:
        """Drop the texts of what was released: call after a spill."""
        for identity in self._released:
            del self._texts[identity]
        self._released.clear()


def _row(kind: str, namespace: str | None, name: str, incarnation: int) -> IdentityRow:
    text = f"{kind}/{name}" if namespace is None else f"{kind}/{namespace}/{name}"
    if incarnation > 1:
        text = f"{text}#{incarnation}"
    # A uid is what tells two incarnations apart, as in the API; here it follows from the identity's text.
    digits = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    uid = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return text, kind, namespace, name, uid, incarnation
