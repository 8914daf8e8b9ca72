"""Images made of layers, and what of them lies on one minion's disk.

A layer is known by what lies under it too (Docker's chain id): two images share the layers that they have in common
from the bottom up, and no others; of a layer that an image has twice one copy moves. Which layers a pull has to fetch
is settled from the bottom up: above the first that is missing all are fetched (moby distribution/xfer/download.go,
``Download``, ``missingLayer``). A pull holds its layers until it is done; those that only a failed pull held are gone
again (the same, ``Transfer.Released``). Sizes in bytes; a layer takes its disk from when its pull begins.

What is removed to make room is chosen as by the kubelet's image manager (k/k:pkg/kubelet/images/image_gc_manager.go,
v1.20; FACTS K34): at its passes, five minutes apart, it notes which images there are and which are in use. When the
disk is full to the high threshold, in whole percents of what is available, it removes images that no container uses
and that it first saw at least the minimum age ago, the least recently used first, until their sizes add up to what is
missing to the low threshold. It counts an image's whole size, shared layers too, so that it may free less than it
means.

Simplified: nothing but images lies on the disk that holds them; dead containers keep no image in use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Collection", "CollectionPolicy", "Image", "ImageDisk", "ImageTable", "Layer"]


class Layer(NamedTuple):
    """One layer: what it is called, the bytes that move, the bytes that it takes on disk."""

    digest: str
    download_bytes: int
    disk_bytes: int


@dataclass(frozen=True, eq=False)
class Image:
    """An image that the registry has.

    Attributes:
        layers: From the bottom up.
        chain: By layer, the number of it together with all under it.
    """

    name: str
    layers: tuple[Layer, ...]
    chain: tuple[int, ...]
    disk_bytes: int


class ImageTable:
    """All images of a run, and the numbers of their layers' chains."""

    def __init__(self) -> None:
        self._images: dict[str, Image] = {}
        self._chains: dict[tuple[int, str], int] = {}

    def add(self, name: str, layers: Sequence[Layer]) -> Image:
        """Enter an image.

        Raises:
            ValueError: There is one of this name.
        """
        if name in self._images:
            raise ValueError(f"there is an image {name!r} already")
        chain: list[int] = []
        for layer in layers:
            under = chain[-1] if chain else -1
            chain.append(self._chains.setdefault((under, layer.digest), len(self._chains)))
        disk_bytes = sum(layer.disk_bytes for layer in layers)
        image = self._images[name] = Image(name, tuple(layers), tuple(chain), disk_bytes)
        return image

    def get(self, name: str) -> Image | None:
        """Return an image by name; nothing where there is none."""
        return self._images.get(name)


@dataclass(frozen=True)
class CollectionPolicy:
    """When images are removed: shares of the disk that is in use, seconds."""

    high_ratio: float = 0.85
    low_ratio: float = 0.80
    min_age_s: float = 120.0
    period_s: float = 300.0


class Collection(NamedTuple):
    """What one pass removed, and how many bytes it could not free though it should (0: it was enough)."""

    removed: list[Image]
    missing_bytes: int


class _Stored:
    """An image on disk, as its kubelet sees it."""

    __slots__ = ("detected_s", "image", "used_s", "users", "using_since_s")

    def __init__(self, image: Image, detected_s: float) -> None:
        self.image = image
        self.detected_s = detected_s  # the pass that saw it first
        self.used_s = -math.inf  # the last pass that saw it in use
        self.users = 0
        self.using_since_s = math.inf


class ImageDisk:
    """The images of one minion.

    Args:
        capacity_bytes: Of the disk that holds them.
        phase_s: When the first pass of the kubelet's image manager is.

    Attributes:
        used_bytes: By layers, those of pulls that go on too.
    """

    __slots__ = ("_held", "_here", "_phase_s", "_policy", "_stored", "capacity_bytes", "used_bytes")

    def __init__(self, capacity_bytes: int, policy: CollectionPolicy, phase_s: float = 0.0) -> None:
        self.capacity_bytes = capacity_bytes
        self.used_bytes = 0
        self._policy = policy
        self._phase_s = phase_s
        self._stored: dict[str, _Stored] = {}
        self._held: dict[int, int] = {}  # by chain: images and pulls that hold it
        self._here: dict[int, None] = {}  # chains that have been fetched

    def has(self, image: Image) -> bool:
        """Whether the image is whole on disk."""
        return image.name in self._stored

    def images(self) -> list[str]:
        """Return the names of the images on disk, in the order in which they came."""
        return list(self._stored)

    def absent(self, image: Image) -> list[int]:
        """Return the places of the layers that have to be fetched, from the bottom up."""
        for place, chain in enumerate(image.chain):
            if chain not in self._here:
                return list(range(place, len(image.chain)))
        return []

    def needed_bytes(self, image: Image) -> int:
        """Return what the disk must have free for a pull of an image to begin."""
        return sum(
            layer.disk_bytes
            for layer, chain in zip(image.layers, image.chain, strict=True)
            if chain not in self._held
        )

    def hold(self, image: Image) -> None:
        """Begin a pull: the image's layers stay, and take their room."""
        for layer, chain in zip(image.layers, image.chain, strict=True):
            holders = self._held.get(chain, 0)
            self._held[chain] = holders + 1
            if not holders:
                self.used_bytes += layer.disk_bytes

    def fetched(self, chain: int) -> None:
        """Take note that a layer is whole."""
        assert chain in self._held, "a layer that nobody holds was fetched"
        self._here[chain] = None

    def let_go(self, image: Image) -> None:
        """End a pull that failed; layers that only it held are gone."""
        for layer, chain in zip(image.layers, image.chain, strict=True):
            self._held[chain] -= 1
            if not self._held[chain]:
                del self._held[chain]
                self._here.pop(chain, None)
                self.used_bytes -= layer.disk_bytes

    def keep(self, image: Image, now_s: float) -> None:
        """End a pull that was well: the image is on disk, as it may have been before."""
        assert not self.absent(image), "an image without all its layers"
        if image.name in self._stored:
            self.let_go(image)
        else:
            self._stored[image.name] = _Stored(image, self.next_pass_s(now_s))

    def preload(self, image: Image) -> None:
        """Have an image on disk since long before the start."""
        self.hold(image)
        for chain in image.chain:
            self.fetched(chain)
        if image.name in self._stored:
            self.let_go(image)
        else:
            self._stored[image.name] = _Stored(image, -math.inf)

    def use(self, image: Image, now_s: float) -> None:
        """Let one more container use an image."""
        stored = self._stored[image.name]
        if not stored.users:
            stored.using_since_s = now_s
        stored.users += 1

    def leave(self, image: Image, now_s: float) -> None:
        """Let one container less use an image."""
        stored = self._stored[image.name]
        assert stored.users, "more containers left an image than used it"
        stored.users -= 1
        if not stored.users:
            seen_s = self._last_pass_s(now_s)
            if seen_s >= stored.using_since_s:
                stored.used_s = seen_s

    def restart(self, now_s: float) -> None:
        """Start the kubelet again: it has forgotten when it saw what, and no container runs."""
        self._phase_s = now_s
        for stored in self._stored.values():
            stored.detected_s = stored.used_s = -math.inf
            stored.users = 0

    @property
    def is_full(self) -> bool:
        """Whether a pass would find the disk at the high threshold."""
        available = self.capacity_bytes - self.used_bytes
        if not self.capacity_bytes:
            return True
        return 100 - available * 100 // self.capacity_bytes >= round(100 * self._policy.high_ratio)

    @property
    def idle(self) -> bool:
        """Whether there is an image that no container uses."""
        return any(not stored.users for stored in self._stored.values())

    def next_pass_s(self, now_s: float) -> float:
        """Return the time of the first pass at or after a time, in seconds."""
        period_s = self._policy.period_s
        return self._phase_s + max(0, math.ceil((now_s - self._phase_s) / period_s)) * period_s

    def _last_pass_s(self, now_s: float) -> float:
        since_s = now_s - self._phase_s
        if since_s < 0.0:
            return -math.inf
        return self._phase_s + math.floor(since_s / self._policy.period_s) * self._policy.period_s

    def collect(self, now_s: float) -> Collection:
        """Remove images if the disk is full to the high threshold; ``now_s`` is the time of a pass."""
        if not self.is_full:
            return Collection([], 0)
        available = self.capacity_bytes - self.used_bytes
        low_percent = round(100 * self._policy.low_ratio)
        wanted_bytes = self.capacity_bytes * (100 - low_percent) // 100 - available
        unused = [stored for stored in self._stored.values() if not stored.users]
        unused.sort(key=lambda stored: (stored.used_s, stored.detected_s))
        removed: list[Image] = []
        for stored in unused:
            if wanted_bytes <= 0:
                break
            if stored.used_s < now_s and now_s - stored.detected_s >= self._policy.min_age_s:
                wanted_bytes -= stored.image.disk_bytes
                removed.append(stored.image)
                del self._stored[stored.image.name]
                self.let_go(stored.image)
        return Collection(removed, max(0, wanted_bytes))
