"""Who is meant: integers for whatever has a name, so that records stay small.

An identity is (kind, namespace, name, incarnation); its text is ``KIND/NAMESPACE/NAME`` or ``KIND/NAME``,
with ``#n`` for the n-th incarnation of a name when n > 1. The integer is a counter of this run and means
nothing outside it. Identities that were released are dropped once the records that name them have been
written, so memory follows what is alive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

__all__ = ["NOBODY", "Identities", "IdentityColumns"]

NOBODY = -1
"""The integer that stands for no identity."""

IdentityColumns = tuple[list[str], list[str], list[str | None], list[str], list[str], list[int]]
"""(text, kind, namespace, name, uid, incarnation), each a column"""

_Entry = tuple[str, str | None, str, int]


class Identities:
    """The identity table of one run."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._released: list[int] = []
        self._taken = 0
        self._next = 0

    def __len__(self) -> int:
        return self._next

    @property
    def fresh(self) -> int:
        """How many were entered and not yet taken."""
        return self._next - self._taken

    def add(self, kind: str, name: str, namespace: str | None = None, incarnation: int = 1) -> int:
        """Enter a new identity and return its integer."""
        found = self._next
        self._next = found + 1
        self._entries[found] = (kind, namespace, name, incarnation)
        return found

    def text(self, identity: int) -> str:
        """Return the text of an identity that has not been purged.

        Raises:
            KeyError: It was released and purged, or never entered.
        """
        return _text(self._entries[identity])

    def release(self, identity: int) -> None:
        """Say that no record after the next spill will name this identity."""
        self._released.append(identity)

    def take_columns(self) -> IdentityColumns:
        """Return what was entered since the last call, in order."""
        entries = [self._entries[number] for number in range(self._taken, self._next)]
        self._taken = self._next
        texts = list(map(_text, entries))
        kinds, namespaces, names, incarnations = zip(*entries, strict=True) if entries else ((),) * 4
        return texts, list(kinds), list(namespaces), list(names), _uids(texts), list(incarnations)

    def purge(self) -> None:
        """Drop what was released and taken: call after a spill."""
        kept = []
        for identity in self._released:
            if identity < self._taken:
                del self._entries[identity]
            else:
                kept.append(identity)
        self._released = kept


def _text(entry: _Entry) -> str:
    kind, namespace, name, incarnation = entry
    text = f"{kind}/{name}" if namespace is None else f"{kind}/{namespace}/{name}"
    return text if incarnation == 1 else f"{text}#{incarnation}"


def _uids(texts: Sequence[str]) -> list[str]:
    """Return a uid for each text: what tells two incarnations apart, as in the API; here it follows from the text."""
    if not texts:
        return []
    hashed = b"".join([hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts])
    digits = np.frombuffer(hashed.hex().encode(), dtype=np.uint8).reshape(-1, 32)
    uids = np.full((len(texts), 36), ord("-"), dtype=np.uint8)
    uids[:, [*range(8), *range(9, 13), *range(14, 18), *range(19, 23), *range(24, 36)]] = digits
    return [uid.decode() for uid in uids.view("S36")[:, 0].tolist()]
