"""Whose a task of a minion's kernel is: what records, draws and other tasks know it by."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Asker"]


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose CPU it is.

    Attributes:
        minion: Index of its minion.
        pod: Number of its pod.
        name, owner: Identities of its pod and that one's owner.
        group, index: What its draws are counted in, and its place there.
        start: How many times it was started, from 0.
        cause: Seq of the record that it runs by.
    """

    minion: int
    pod: int
    name: int
    owner: int
    group: str
    index: int
    start: int
    cause: int
