"""File pages of one kernel: each file of a layer is cached once, whoever reads it.

Containers of one image see the same lower layers through overlayfs, so they read the same inodes, and a page of them is
in memory once (FACTS L23). It is charged to the cgroup that touched it first and stays there until it is freed (L22).
The first write to a file of a lower layer copies the whole file into the container's own layer (L25), which nobody
shares. Two views follow:

    charged(g)  pages that g touched first        physical  sum over files of their pages = sum over g of charged(g)

Anonymous memory is never shared and not here. Pages of a file are counted, not told apart: who touches ``n`` pages
brings the file to at least ``n``. A file that was touched twice is active (mm/swap.c ``folio_mark_accessed``), before
that inactive; inactive ones go first, the least recently touched first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

__all__ = ["CachedFile", "ContainerFiles", "FileKey", "PageCache"]


class FileKey(NamedTuple):
    """Which file: the layer that holds it, and its path in it."""

    layer: str
    path: str


class CachedFile:
    """What is cached of a file.

    Attributes:
        charges: Pages by the number of the group that they are charged to.
        used_s: When it was touched last.
        touches: How often.
    """

    __slots__ = ("charges", "key", "touches", "used_s")

    def __init__(self, key: FileKey) -> None:
        self.key = key
        self.charges: dict[int, int] = {}
        self.used_s = 0.0
        self.touches = 0

    @property
    def pages(self) -> int:
        """How many are in memory."""
        return sum(self.charges.values())

    @property
    def active(self) -> bool:
        """Whether it was touched twice."""
        return self.touches > 1


class PageCache:
    """All file pages of a kernel."""

    def __init__(self) -> None:
        self._files: dict[FileKey, CachedFile] = {}

    def use(self, key: FileKey, now_s: float) -> CachedFile:
        """Note that a file is touched, and return what is cached of it."""
        file = self._files.get(key) or CachedFile(key)
        file.used_s = now_s
        file.touches += 1
        return file

    def charge(self, file: CachedFile, group: int, pages: int) -> None:
        """Add pages of a file that ``use`` returned, charged to a group."""
        self._files[file.key] = file
        file.charges[group] = file.charges.get(group, 0) + pages

    def reclaim(
        self, groups: Collection[int], pages: int, spare: CachedFile | None = None
    ) -> list[tuple[int, int]]:
        """Free file pages that are charged to some groups.

        Args:
            groups: Numbers of the groups.
            pages: How many to free; all there are where that is fewer.
            spare: A file to leave alone.

        Returns:
            (group, pages) of what was freed, in that order.
        """
        freed: list[tuple[int, int]] = []
        for file in sorted(self._files.values(), key=lambda each: (each.active, each.used_s, each.key)):
            if file is spare:
                continue
            for group in [group for group in file.charges if group in groups]:
                if pages == 0:
                    return freed
                taken = min(pages, file.charges[group])
                pages -= taken
                self._take(file, group, taken)
                freed.append((group, taken))
        return freed

    def drop(self, layer: str) -> list[tuple[int, int]]:
        """Forget the files of a layer that is gone; returns (group, pages) of what was freed."""
        gone = [file for file in self._files.values() if file.key.layer == layer]
        freed = [charge for file in gone for charge in file.charges.items()]
        for file in gone:
            del self._files[file.key]
        return freed

    def rehome(self, group: int, parent: int) -> None:
        """Charge what a group that ends has touched to the one above it."""
        for file in self._files.values():
            pages = file.charges.pop(group, 0)
            if pages:
                file.charges[parent] = file.charges.get(parent, 0) + pages

    def charged_pages(self) -> Mapping[int, int]:
        """Return the pages charged to each group itself, by its number."""
        found: dict[int, int] = {}
        for file in self._files.values():
            for group, pages in file.charges.items():
                found[group] = found.get(group, 0) + pages
        return found

    def inactive_pages(self, groups: Collection[int]) -> int:
        """Return the inactive pages charged to some groups."""
        idle = [file for file in self._files.values() if not file.active]
        return sum(pages for file in idle for group, pages in file.charges.items() if group in groups)

    @property
    def physical_pages(self) -> int:
        """How many file pages are in memory."""
        return sum(file.pages for file in self._files.values())

    def _take(self, file: CachedFile, group: int, pages: int) -> None:
        file.charges[group] -= pages
        if file.charges[group] == 0:
            del file.charges[group]
        if not file.charges:
            # A page that is read again begins as inactive.
            del self._files[file.key]


class ContainerFiles:
    """What a container sees: the layers of its image, and its own above them.

    Args:
        own_layer: Name of its own, writable layer; of no other container's.
        files: Sizes in pages by path, of each layer from the bottom up, with its name.
    """

    def __init__(self, own_layer: str, files: Sequence[tuple[str, Mapping[str, int]]]) -> None:
        self.own_layer = own_layer
        self._lower = tuple(files)
        self._own: dict[str, int] = {}

    def find(self, path: str) -> tuple[FileKey, int] | None:
        """Return the file behind a path and its size in pages: the topmost; None where there is none."""
        if path in self._own:
            return FileKey(self.own_layer, path), self._own[path]
        for layer, sizes in reversed(self._lower):
            if path in sizes:
                return FileKey(layer, path), sizes[path]
        return None

    def write(self, path: str, pages: int) -> tuple[FileKey | None, FileKey, int]:
        """Write to a file, which may be new.

        Args:
            path: Which.
            pages: How large it is at least after that.

        Returns:
            The file of a lower layer that is read whole to be copied up, None if none is; the container's own file; its
            size in pages, all of which are in the page cache after the copy.
        """
        found = self.find(path)
        copied = found[0] if found is not None and found[0].layer != self.own_layer else None
        self._own[path] = max(pages, found[1] if found is not None else 0)
        return copied, FileKey(self.own_layer, path), self._own[path]
