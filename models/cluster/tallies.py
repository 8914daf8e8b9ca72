"""How many pods of a kind are on each minion and in each place, kept pod by pod."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import HostPort, PodTerm
from models.api.selectors import Selector
from models.cluster.readonly import ReadOnly, frozen

__all__ = ["Carried", "HostPorts", "LabelClasses", "PlaceTable", "SeenTally", "Tallied"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class PlaceTable(ReadOnly):
    """The places that one label makes of the minions.

    Args:
        values: The label's value on each minion; None: it has none.

    Attributes:
        codes: int64 (N,): number of the place; ``count`` where there is none.
        count: Places.
        empty: The place of the empty text, or -1.
    """

    __slots__ = ("codes", "count", "empty")

    codes: Ints
    count: int
    empty: int

    def __init__(self, values: Sequence[str | None]) -> None:
        numbers: dict[str, int] = {}
        for value in values:
            if value is not None:
                numbers.setdefault(value, len(numbers))
        count = len(numbers)
        codes = np.array([count if value is None else numbers[value] for value in values], dtype=np.int64)
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "empty", numbers.get("", -1))
        object.__setattr__(self, "codes", frozen(codes))


class SeenTally(ReadOnly):
    """A tally as policies see it: :class:`models.api.schedulingview.Tally`."""

    __slots__ = ("_of", "amounts")

    _of: Tallied
    amounts: Ints

    def __init__(self, of: Tallied) -> None:
        object.__setattr__(self, "_of", of)
        object.__setattr__(self, "amounts", frozen(of.amounts))

    def by_place(self, key: str) -> Ints:
        """Sums by place: int64 (places + 1,), last of minions without the label."""
        return self._of.by_place(key)


class Tallied:
    """An amount on each minion, and its sums by place where these were asked for.

    Args:
        count: Minions.
        places: Finds the places of a key.

    Attributes:
        seen: What policies get of it.
    """

    __slots__ = ("_by_place", "_places", "amounts", "seen")

    def __init__(self, count: int, places: Callable[[str], PlaceTable]) -> None:
        self.amounts = np.zeros(count, dtype=np.int64)
        self._places = places
        self._by_place: dict[str, tuple[PlaceTable, Ints, Ints]] = {}
        self.seen = SeenTally(self)

    def add(self, minion: int, amount: int) -> None:
        """Add an amount on a minion."""
        self.amounts[minion] += amount
        for table, sums, _ in self._by_place.values():
            sums[table.codes[minion]] += amount

    def by_place(self, key: str) -> Ints:
        """Sums by place, that cannot be written: int64 (places + 1,), last of minions without the label."""
        table = self._places(key)
        found = self._by_place.get(key)
        if found is None or found[0] is not table:
            sums = np.zeros(table.count + 1, dtype=np.int64)
            np.add.at(sums, table.codes, self.amounts)
            found = self._by_place[key] = (table, sums, frozen(sums))
        return found[2]


class LabelClasses:
    """Interned (namespace, labels), and who is interested in each."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self.items: list[tuple[str, Mapping[str, str]]] = []
        self._queries: list[tuple[tuple[str, ...], tuple[Selector, ...]]] = []
        self.interested: list[list[int]] = []

    def intern(self, namespace: str, labels: tuple[tuple[str, str], ...]) -> int:
        """Return the number of a namespace with labels."""
        key = (namespace, labels)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.items)
            as_mapping = dict(labels)
            self.items.append((namespace, as_mapping))
            self.interested.append(
                [
                    number
                    for number, query in enumerate(self._queries)
                    if _matches(query, namespace, as_mapping)
                ]
            )
        return found

    def add_query(self, namespaces: tuple[str, ...], selectors: tuple[Selector, ...]) -> int:
        """Enter a question; those whom it concerns have its number among their interested ones from now on."""
        query = (namespaces, selectors)
        number = len(self._queries)
        self._queries.append(query)
        for place, (namespace, labels) in enumerate(self.items):
            if _matches(query, namespace, labels):
                self.interested[place].append(number)
        return number


def _matches(
    query: tuple[tuple[str, ...], tuple[Selector, ...]], namespace: str, labels: Mapping[str, str]
) -> bool:
    return namespace in query[0] and all(selector.matches(labels) for selector in query[1])


class Carried:
    """The terms that pods on minions carry, of one kind.

    Args:
        classes: Who may be spoken of.
        make: Makes an empty tally.
    """

    def __init__(self, classes: LabelClasses, make: Callable[[], Tallied]) -> None:
        self._classes = classes
        self._make = make
        self.terms: dict[PodTerm, Tallied] = {}
        self._list: list[tuple[PodTerm, SeenTally]] = []
        self._about: dict[int, tuple[int, tuple[tuple[PodTerm, SeenTally], ...]]] = {}

    def tally(self, term: PodTerm) -> Tallied:
        """Return how much of a term there is."""
        found = self.terms.get(term)
        if found is None:
            found = self.terms[term] = self._make()
            self._list.append((term, found.seen))
        return found

    def about(self, label_class: int) -> tuple[tuple[PodTerm, SeenTally], ...]:
        """Return the terms that speak of pods with such labels."""
        known, found = self._about.get(label_class, (0, ()))
        if known < len(self._list):
            namespace, labels = self._classes.items[label_class]
            found += tuple(each for each in self._list[known:] if each[0].matches(namespace, labels))
            self._about[label_class] = (len(self._list), found)
        return found


class HostPorts:
    """Which ports of the hosts are taken, and by how many pods.

    Args:
        count: Minions.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._users: dict[tuple[str, int], dict[str, Ints]] = {}

    def add(self, port: HostPort, minion: int, sign: int) -> None:
        """Take a port of a minion (1), or give it back (-1)."""
        by_address = self._users.setdefault((port.protocol, port.port), {})
        users = by_address.get(port.address)
        if users is None:
            users = by_address[port.address] = np.zeros(self._count, dtype=np.int64)
        users[minion] += sign

    def taken(self, protocol: str, port: int, address: str) -> Bools | None:
        """Return where a port cannot be had: bool (N,); None: nobody ever used it.

        An address is taken by itself and by 0.0.0.0; 0.0.0.0 by any.
        """
        found: Bools | None = None
        for other, users in self._users.get((protocol, port), {}).items():
            if "0.0.0.0" in (address, other) or address == other:
                found = users > 0 if found is None else found | (users > 0)
        return found
