"""Who is interested in an object, by its labels: one lookup in a tuple.

Many pods, few sets of labels: a set is interned as a small int, and for each set the selectors that match it are
kept, in whichever order sets and selectors come. Both belong to a namespace, and match within it only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from models.api.selectors import Selector

__all__ = ["LabelIndex"]

Pair = tuple[str, str]


class LabelIndex:
    """Interned sets of labels, and selectors over them.

    A new set is compared only with selectors that ask for one of its pairs, or for no pair at all; a new
    selector with the sets of its namespace. Sets are never forgotten: there are as many as the run has had.
    """

    def __init__(self) -> None:
        self._ids: dict[tuple[str, tuple[Pair, ...]], int] = {}
        self._labels: list[Mapping[str, str]] = []
        self._namespaces: list[str] = []
        self._sets_of: dict[str, list[int]] = {}
        self._interested: list[tuple[int, ...]] = []
        self._selectors: dict[int, tuple[str, Selector]] = {}
        self._matching: dict[int, tuple[int, ...]] = {}
        self._asking: dict[tuple[str, Pair | None], dict[int, None]] = {}
        self._next = 0

    def __len__(self) -> int:
        """How many sets of labels there are."""
        return len(self._labels)

    def intern(self, labels: Mapping[str, str], namespace: str = "default") -> int:
        """Return the number of a set of labels, counted from 0."""
        key = (namespace, tuple(sorted(labels.items())))
        found = self._ids.get(key)
        if found is not None:
            return found
        number = self._ids[key] = len(self._labels)
        frozen = MappingProxyType(dict(key[1]))
        self._labels.append(frozen)
        self._namespaces.append(namespace)
        self._sets_of.setdefault(namespace, []).append(number)
        candidates: list[int] = []
        for pair in (None, *key[1]):
            candidates.extend(self._asking.get((namespace, pair), ()))
        interested = tuple(sorted(s for s in candidates if self._selectors[s][1].matches(frozen)))
        self._interested.append(interested)
        for selector in interested:
            self._matching[selector] += (number,)
        return number

    def labels(self, number: int) -> Mapping[str, str]:
        """Return the labels of a set, read-only."""
        return self._labels[number]

    def namespace(self, number: int) -> str:
        """Return the namespace of a set."""
        return self._namespaces[number]

    def relabelled(self, number: int, changes: Mapping[str, str | None]) -> int:
        """Return the set that a set becomes when labels are put on, or taken off (None)."""
        merged: dict[str, str | None] = {**self._labels[number], **changes}
        kept = {key: value for key, value in merged.items() if value is not None}
        return self.intern(kept, self._namespaces[number])

    def add_selector(self, selector: Selector, namespace: str = "default") -> int:
        """Enter a selector and return its number; equal selectors of two owners are two.

        As a selector of pods: what it says of names matches nothing, and an empty one matches everything
        (a v1 Service with an empty selector selects nothing: do not enter it).
        """
        number = self._next
        self._next += 1
        self._selectors[number] = (namespace, selector)
        for pair in _pairs(selector):
            self._asking.setdefault((namespace, pair), {})[number] = None
        found = tuple(s for s in self._sets_of.get(namespace, ()) if selector.matches(self._labels[s]))
        self._matching[number] = found
        for labels in found:
            self._interested[labels] += (number,)  # numbers grow, so the order stays
        return number

    def remove_selector(self, number: int) -> None:
        """Forget a selector.

        Raises:
            KeyError: There is none of this number.
        """
        namespace, selector = self._selectors.pop(number)
        for pair in _pairs(selector):
            del self._asking[namespace, pair][number]
        for labels in self._matching.pop(number):
            self._interested[labels] = tuple(s for s in self._interested[labels] if s != number)

    def interested(self, number: int) -> tuple[int, ...]:
        """Return the selectors that match a set of labels, in the order they were entered. O(1)."""
        return self._interested[number]

    def matching(self, selector: int) -> tuple[int, ...]:
        """Return the sets that a selector matches, in the order they were interned. O(1)."""
        return self._matching[selector]

    def matches(self, selector: int, number: int) -> bool:
        """Tell whether a selector matches a set of labels."""
        return selector in self._interested[number]


def _pairs(selector: Selector) -> tuple[Pair | None, ...]:
    """The pairs of which a match must have one; None where it may have any."""
    for requirement in selector.requirements:
        if requirement.operator == "In":
            return tuple((requirement.key, value) for value in dict.fromkeys(requirement.values))
    return (None,)
