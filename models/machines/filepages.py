"""The file pages of every minion: cached once, charged to who touched them first, given back where memory runs short.

What containers hold grows between changes and file pages make way for it (models/kernel/pagecache.py), so how many
are left is known without an event: it is made up for when something changes (``settle``). Nobody is ever killed for
want of pages that files have. What is active (touched twice) counts as used for the kubelet (FACTS L33), though the
kernel would free it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from models.kernel.memorygroups import PAGE_BYTES, pages_of
from models.kernel.pagecache import CachedFile, FileKey, PageCache
from models.machines.memories import Memories
from models.machines.memorytasks import held_bytes
from sim.engine import Engine

__all__ = ["FilePages"]

_ROOT = 0


class _Cache:
    """The page cache of one minion, and whom its groups belong to."""

    __slots__ = ("cache", "groups", "limits")

    def __init__(self) -> None:
        self.cache = PageCache()
        self.groups: dict[tuple[int, int], int] = {}
        self.limits: dict[tuple[int, int], float] = {}


class FilePages:
    """The page caches of all minions.

    Args:
        memories: What else is in the memory of each; it says when some of that is about to go.

    Attributes:
        on_reclaimed: Called with (minion, bytes) when file pages were given back.
    """

    def __init__(self, engine: Engine, memories: Memories) -> None:
        self._env = engine.env
        self._memories = memories
        self._minions: dict[int, _Cache] = {}
        self._groups = _ROOT
        self.on_reclaimed: Callable[[int, int], None] | None = None
        memories.on_drop = self.settle

    def read(
        self,
        minion: int,
        pod: int,
        place: int,
        files: Iterable[tuple[str, int]],
        limit_bytes: float = math.inf,
    ) -> tuple[int, int]:
        """Let a container read files.

        Args:
            minion: Index of its minion.
            pod: Number of its pod.
            place: Which of the pod's containers it is.
            files: Name and bytes of each, read from its beginning.
            limit_bytes: What it may be charged for at most.

        Returns:
            Bytes of the pages that it touched, and of those among them that were not cached and are charged to it.
        """
        of_it = self._minions.get(minion)
        if of_it is None:
            of_it = self._minions[minion] = _Cache()
        group = of_it.groups.get((pod, place))
        if group is None:
            self._groups += 1
            group = of_it.groups[pod, place] = self._groups
            if limit_bytes < math.inf:
                of_it.limits[pod, place] = limit_bytes
        self.settle(minion)
        held = self._held_by(minion).get((pod, place), 0.0)
        touched = charged = 0
        for name, size_bytes in files:
            pages = pages_of(size_bytes)
            touched += pages
            charged += self._touch(minion, of_it, group, limit_bytes - held, name, pages)
        self._memories.on_change(minion)
        return touched * PAGE_BYTES, charged * PAGE_BYTES

    def end(self, minion: int, pod: int, place: int) -> None:
        """Let a container be gone: what it touched first is its minion's from now on."""
        of_it = self._minions.get(minion)
        if of_it is not None and (pod, place) in of_it.groups:
            self.settle(minion)
            of_it.limits.pop((pod, place), None)
            of_it.cache.rehome(of_it.groups.pop((pod, place)), _ROOT)

    def drop(self, minion: int, names: Iterable[str]) -> None:
        """Forget the pages of files that are gone from a minion's disk."""
        of_it = self._minions.get(minion)
        if of_it is None:
            return
        self.settle(minion)
        freed = sum(pages for name in names for _, pages in of_it.cache.drop(name))
        if freed:
            if self.on_reclaimed is not None:
                self.on_reclaimed(minion, freed * PAGE_BYTES)
            self._memories.on_change(minion)

    def down(self, minion: int) -> None:
        """Forget all: the minion crashed."""
        self._minions.pop(minion, None)

    def cached_bytes(self, minion: int) -> int:
        """Return what files have of a minion's memory, each page once."""
        of_it = self._minions.get(minion)
        return 0 if of_it is None else of_it.cache.physical_pages * PAGE_BYTES

    def charged_bytes(self, minion: int, pod: int, place: int) -> int:
        """Return what is charged to a container for files."""
        of_it = self._minions.get(minion)
        group = None if of_it is None else of_it.groups.get((pod, place))
        if of_it is None or group is None:
            return 0
        return of_it.cache.charged_pages().get(group, 0) * PAGE_BYTES

    def active_bytes(self, minion: int, pod: int | None = None, place: int | None = None) -> int:
        """Return the bytes of active file pages: of a minion, or those charged to a pod, or to one container."""
        of_it = self._minions.get(minion)
        if of_it is None:
            return 0
        charged = of_it.cache.charged_pages()
        if pod is None:
            groups = set(charged)
        else:
            own = of_it.groups.items()
            groups = {group for (owner, where), group in own if owner == pod and place in {None, where}}
        pages = sum(count for group, count in charged.items() if group in groups)
        return (pages - of_it.cache.inactive_pages(groups)) * PAGE_BYTES

    def settle(self, minion: int) -> None:
        """Give back what made way for what containers hold by now: within a container's limit, then of all."""
        of_it = self._minions.get(minion)
        if of_it is None:
            return
        cache, freed = of_it.cache, 0
        if of_it.limits:
            charged, held = cache.charged_pages(), self._held_by(minion)
            for key, limit_bytes in of_it.limits.items():
                group = of_it.groups[key]
                own = int(limit_bytes - held.get(key, 0.0)) // PAGE_BYTES
                freed += self._free(of_it, {group}, charged.get(group, 0) - own)
        over = cache.physical_pages - self._room_pages(minion)
        if over > 0:
            freed += self._free(of_it, set(cache.charged_pages()), over)
        if freed and self.on_reclaimed is not None:
            self.on_reclaimed(minion, freed * PAGE_BYTES)

    def _touch(self, minion: int, of_it: _Cache, group: int, left_bytes: float, name: str, pages: int) -> int:
        """Read the first pages of a file; returns how many are new. As Memory.read() of models/kernel/memory.py."""
        cache = of_it.cache
        file = cache.use(FileKey(name, ""), self._env._now)
        missing = max(0, pages - file.pages)
        if not missing:
            return 0
        room = self._room_pages(minion)
        freed = 0
        if left_bytes < math.inf:
            own = int(left_bytes) // PAGE_BYTES
            freed += self._free(of_it, {group}, cache.charged_pages().get(group, 0) + missing - own, file)
            missing = min(missing, max(0, own - cache.charged_pages().get(group, 0)))
        everyone = set(cache.charged_pages())
        freed += self._free(of_it, everyone, cache.physical_pages + missing - room, file)
        missing = min(missing, max(0, room - cache.physical_pages))
        if missing:
            cache.charge(file, group, missing)
        if freed and self.on_reclaimed is not None:
            self.on_reclaimed(minion, freed * PAGE_BYTES)
        return missing

    def _held_by(self, minion: int) -> dict[tuple[int, int], float]:
        """Return the anonymous bytes of each container, by its pod and place there."""
        now_s = self._env._now
        found: dict[tuple[int, int], float] = {}
        for task in self._memories.tasks(minion):  # of one that forks there are two
            key = (task.asker.pod, task.kind.place)
            found[key] = found.get(key, 0.0) + task.at(now_s)
        return found

    def _room_pages(self, minion: int) -> int:
        """Return what is left of a minion by what containers hold."""
        held = held_bytes(self._memories.tasks(minion), self._env._now)
        return max(0, int(self._memories.free_bytes(minion) - held) // PAGE_BYTES)

    @staticmethod
    def _free(of_it: _Cache, groups: set[int], pages: int, spare: CachedFile | None = None) -> int:
        if pages <= 0:
            return 0
        return sum(count for _, count in of_it.cache.reclaim(groups, pages, spare))
