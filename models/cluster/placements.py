"""Minions and the pods on them as a scheduler with plug-ins believes them: columns, and tallies of who is where.

What one pod adds is known once a class (``Known``). A bind touches one row, and the tallies that are interested in the
pod's labels or that the pod's own terms feed: cost follows change, not the size of the cluster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import MinionAsScheduled, Owner, PodAsScheduled, PodTerm
from models.api.schedulingview import (
    CPU,
    EPHEMERAL,
    MEMORY,
    NONZERO_CPU,
    NONZERO_MEMORY,
    PODS,
    PRESENT,
    SCALARS,
    PodClass,
)
from models.api.selectors import Selector
from models.cluster.changes import ChangeLog
from models.cluster.placementsview import PlacementsView
from models.cluster.readonly import ReadOnly, frozen
from models.cluster.tallies import Carried, HostPorts, LabelClasses, PlaceTable, SeenTally, Tallied

__all__ = ["Known", "Placements"]

Ints = NDArray[np.int64]

_COLUMNS = {"cpu": CPU, "memory": MEMORY, "ephemeral-storage": EPHEMERAL, "pods": PODS}
_KINDS = ("affinity", "anti-affinity", "preferred")


class Known(ReadOnly):
    """A class of pods that is known here: :class:`models.api.schedulingview.PodClass`.

    Attributes:
        feeds: Tallies that one pod of the class adds to, as a carrier, and how much.
    """

    __slots__ = ("feeds", "given_back", "label_class", "labels", "need", "number", "pod")

    number: int
    pod: PodAsScheduled
    labels: Mapping[str, str]
    label_class: int
    need: Ints
    given_back: Ints
    feeds: tuple[tuple[Tallied, int], ...] | None

    def __init__(self, number: int, pod: PodAsScheduled, label_class: int, need: Ints) -> None:
        for name, value in {
            "number": number,
            "pod": pod,
            "labels": MappingProxyType(dict(pod.labels)),
            "label_class": label_class,
            "need": frozen(need),
            "given_back": frozen(-need),
            "feeds": None,
        }.items():
            object.__setattr__(self, name, value)

    def feed(self, feeds: tuple[tuple[Tallied, int], ...]) -> tuple[tuple[Tallied, int], ...]:
        """Know what one pod adds to."""
        object.__setattr__(self, "feeds", feeds)
        return feeds


class Placements:
    """What a scheduler with plug-ins believes; :class:`models.api.schedulingview.SchedulingView`.

    Args:
        minions: In order of index.
        owners: Objects that select pods.

    Attributes:
        view: What policies get of it.
    """

    def __init__(self, minions: Sequence[MinionAsScheduled], owners: Iterable[Owner] = ()) -> None:
        count = len(minions)
        self.minions = list(minions)
        self.left = np.zeros((count, SCALARS), dtype=np.int64)
        self.allocatable = np.zeros((count, SCALARS), dtype=np.int64)
        self.carriers = 0
        self.owners_version = 0
        self.ports = HostPorts(count)
        self._log = ChangeLog(8 * count + 4096)
        self._static_log = ChangeLog(8 * count + 4096)
        self._columns = dict(_COLUMNS)
        self._owners: dict[str, list[Owner]] = {}
        self._topologies: dict[str, PlaceTable] = {}
        self._classes: dict[PodAsScheduled, Known] = {}
        self._labels = LabelClasses()
        self._queries: dict[tuple[object, ...], int] = {}
        self._tallies: list[tuple[Tallied, bool]] = []
        self._carried = {kind: Carried(self._labels, self._tally) for kind in _KINDS}
        # How many pods of a class are on a minion: twice the class's number, and 1 for those that are being deleted.
        self._there: list[dict[int, int]] = [{} for _ in minions]
        self._known: list[Known] = []
        self._images: Counter[str] = Counter()
        self._image_bytes: dict[str, Ints] = {}
        self.view = PlacementsView(self, self.ports)
        for index, minion in enumerate(minions):
            self._images.update(minion.images.keys())
            self._fill(index, minion)
        self.allocatable[:, PRESENT] = self.left[:, PRESENT] = 1
        for owner in owners:
            self.add_owner(owner)

    def __len__(self) -> int:
        return len(self.minions)

    @property
    def statics(self) -> int:
        """Grows with each change of a minion itself."""
        return self._static_log.cursor

    @property
    def cursor(self) -> int:
        """Where ``changed_since`` begins to tell what is new."""
        return self._log.cursor

    def changed_since(self, cursor: int) -> list[int] | None:
        """Return the minions of which something is left, or not, since a cursor; None: too many to remember."""
        return self._log.since(cursor)

    def minions_changed_since(self, statics: int) -> list[int] | None:
        """Return the minions that changed themselves since ``statics`` was so; None: too many to remember."""
        return self._static_log.since(statics)

    def _tally(self) -> Tallied:
        return Tallied(len(self.minions), self.topology)

    def _fill(self, index: int, minion: MinionAsScheduled) -> None:
        """Take what is allocatable from a minion, and leave what is used."""
        places = {self.column(name): amount for name, amount in minion.allocatable.items()}
        row = np.zeros(self.left.shape[1], dtype=np.int64)
        for column, amount in places.items():
            row[column] = amount
        row[NONZERO_CPU : NONZERO_MEMORY + 1] = row[CPU : MEMORY + 1]
        row[PRESENT] = self.allocatable[index, PRESENT]
        self.left[index] += row - self.allocatable[index]
        self.allocatable[index] = row

    def column(self, resource: str) -> int:
        """Return the column of a resource; a new one for a new name."""
        found = self._columns.get(resource)
        if found is None:
            found = self._columns[resource] = self.left.shape[1]
            more = np.zeros((len(self.minions), 1), dtype=np.int64)
            self.left = np.hstack([self.left, more])
            self.allocatable = np.hstack([self.allocatable, more])
            self.view.lay_out()
        return found

    def topology(self, key: str) -> PlaceTable:
        """Return the places of a label."""
        found = self._topologies.get(key)
        if found is None:
            found = self._topologies[key] = PlaceTable([minion.labels.get(key) for minion in self.minions])
        return found

    def owners(self, namespace: str) -> Sequence[Owner]:
        """Return the objects of a namespace that select pods, in the order in which they came."""
        return tuple(self._owners.get(namespace, ()))

    def add_owner(self, owner: Owner) -> None:
        """Believe in an object that selects pods."""
        self._owners.setdefault(owner.namespace, []).append(owner)
        self.owners_version += 1

    def remove_owner(self, owner: Owner) -> None:
        """Believe no longer in an object that selects pods."""
        self._owners[owner.namespace].remove(owner)
        self.owners_version += 1

    def image_bytes(self, image: str) -> Ints:
        """Return how large an image is on each minion, 0 where it is not; kept up to date from now on."""
        found = self._image_bytes.get(image)
        if found is None:
            sizes = [minion.images.get(image, 0) for minion in self.minions]
            found = self._image_bytes[image] = np.array(sizes, dtype=np.int64)
        return frozen(found)

    def image_spread(self, image: str) -> int:
        """Return how many minions have an image."""
        return self._images[image]

    def know(self, pod: PodAsScheduled) -> Known:
        """Return the class of a pod."""
        found = self._classes.get(pod)
        if found is None:
            columns = {self.column(name): amount for name, amount in pod.requests}
            need = np.zeros(self.left.shape[1], dtype=np.int64)
            need[NONZERO_CPU], need[NONZERO_MEMORY] = pod.nonzero
            need[PODS] = 1
            for column, amount in columns.items():
                need[column] = amount
            label_class = self._labels.intern(pod.namespace, pod.labels)
            found = self._classes[pod] = Known(len(self._known), pod, label_class, need)
            self._known.append(found)
        return found

    def place(self, known: Known, minion: int, sign: int, *, terminating: bool = False) -> None:
        """Put a pod on a minion (1), or take it away (-1). HOT.

        Args:
            known: Its class.
            minion: Where.
            sign: 1 or -1.
            terminating: It is being deleted. One that begins to be is taken away and put back as such.
        """
        row = self.left[minion]
        if row.size != known.need.size:
            row = row[: known.need.size]
        np.add(row, known.given_back if sign > 0 else known.need, row)
        there, key = self._there[minion], 2 * known.number + terminating
        there[key] = there.get(key, 0) + sign
        if not there[key]:
            del there[key]
        for number in self._labels.interested[known.label_class]:
            tally, counts_all = self._tallies[number]
            if counts_all or not terminating:
                tally.add(minion, sign)
        feeds = known.feeds
        if feeds is None:
            feeds = known.feed(tuple(self._feeds(known.pod)))
        for tally, amount in feeds:
            tally.add(minion, sign * amount)
        for port in known.pod.ports:
            self.ports.add(port, minion, sign)
        self._changed(minion)

    def _changed(self, minion: int) -> None:
        """Note that something else is left of a minion."""
        log = self._log
        log.add(minion)
        if len(log.entries) > log.limit:
            log.trim()

    def set_present(self, index: int, present: bool) -> None:
        """Believe that a minion can take pods at all, or cannot: it is down."""
        self.allocatable[index, PRESENT] = self.left[index, PRESENT] = present
        self._changed(index)

    def clear(self) -> None:
        """Forget every pod."""
        for minion, there in enumerate(self._there):
            for key, count in list(there.items()):
                for _ in range(count):
                    self.place(self._known[key >> 1], minion, -1, terminating=bool(key & 1))

    def _feeds(self, pod: PodAsScheduled) -> Iterable[tuple[Tallied, int]]:
        weighted = [("affinity", 1, term) for term in pod.affinity]
        weighted += [("anti-affinity", 1, term) for term in pod.anti_affinity]
        weighted += [("preferred", weight, term) for weight, term in pod.preferred_pods]
        for kind, weight, term in weighted:
            before = len(self._carried[kind].terms)
            yield self._carried[kind].tally(term), weight
            self.carriers += len(self._carried[kind].terms) - before

    def change_minion(self, index: int, minion: MinionAsScheduled) -> None:
        """Believe that a minion is another than it was: its labels, taints, images or resources."""
        before = self.minions[index]
        self.minions[index] = minion
        if before.images != minion.images:
            self._images.subtract(before.images.keys())
            self._images.update(minion.images.keys())
            for image in {**before.images, **minion.images}:
                if image in self._image_bytes:
                    self._image_bytes[image][index] = minion.images.get(image, 0)
        self._fill(index, minion)
        for key in [key for key in self._topologies if before.labels.get(key) != minion.labels.get(key)]:
            del self._topologies[key]
        self._static_log.add(index)
        if len(self._static_log.entries) > self._static_log.limit:
            self._static_log.trim()
        self._changed(index)

    def pods_that_match(
        self, namespaces: tuple[str, ...], selectors: tuple[Selector, ...], *, terminating: bool
    ) -> SeenTally:
        """Return how many pods in one of the namespaces match all selectors; kept up to date from now on."""
        key = (namespaces, selectors, terminating)
        number = self._queries.get(key)
        if number is None:
            number = self._queries[key] = self._labels.add_query(namespaces, selectors)
            tally = self._tally()
            self._tallies.append((tally, terminating))
            for minion, there in enumerate(self._there):
                tally.amounts[minion] = sum(
                    count
                    for key, count in there.items()
                    if (terminating or not key & 1)
                    and number in self._labels.interested[self._known[key >> 1].label_class]
                )
        return self._tallies[number][0].seen

    def carried(self, kind: str, pod: PodClass) -> tuple[tuple[PodTerm, SeenTally], ...]:
        """Return the terms of pods on minions that speak of a pod, and how much of each there is."""
        return self._carried[kind].about(pod.label_class)
