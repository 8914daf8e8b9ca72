"""The pulls of a minion as they stand, and what a run's images are like."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.api.types import Pod
from models.control.client import Law
from models.control.tokens import TokenBucket
from models.kernel.fairshare import Port
from models.kernel.images import CollectionPolicy, Image, ImageDisk
from models.machines.registry import Fetch
from sim.identities import NOBODY

__all__ = [
    "NO_ANSWER",
    "NO_IMAGE",
    "NO_ROOM",
    "TOO_FAST",
    "ImagePlan",
    "MinionImages",
    "Need",
    "Pull",
    "Transfer",
]

NO_ANSWER = "the registry does not answer"
NO_IMAGE = "the registry has no such image"
NO_ROOM = "no space left on device"
TOO_FAST = "pull QPS exceeded"


class Need(enum.Enum):
    """What a container waits for."""

    NONE = 0
    PULL = 1
    NEVER = 2


@dataclass(frozen=True)
class ImagePlan:
    """Images of a run.

    Attributes:
        image: By name as containers write it; nothing where the registry has none.
        disk_bytes: By minion, of the disk that holds images.
        link_bytes_per_s: By minion, of its link to the registry.
        there: By minion, images that are on disk from the start.
        bandwidth_bytes_per_s: Of the registry in all.
        latency: Law of the seconds from asking the registry to having the manifest.
        serial: A minion's pulls come one after the other.
        layers_at_once: On one minion.
        limits: (pulls a second, burst) of each kubelet.
    """

    image: Callable[[str], Image | None]
    disk_bytes: Callable[[int], int]
    link_bytes_per_s: Callable[[int], float]
    there: Callable[[int], Sequence[Image]]
    bandwidth_bytes_per_s: float
    latency: Law
    serial: bool
    layers_at_once: int
    limits: tuple[float, float]
    collection: CollectionPolicy


class Pull:
    """One pull, from being asked for to its end."""

    __slots__ = (
        "asked_s", "begun_s", "bytes", "cause", "container", "held", "image", "layers", "name", "on_done", "on_failed",
        "pod",
    )  # fmt: skip

    def __init__(
        self, name: str, pod: Pod, on_done: Callable[[], None], on_failed: Callable[[str], None]
    ) -> None:
        self.name = name
        self.pod = pod
        self.on_done = on_done
        self.on_failed = on_failed
        self.container = NOBODY
        self.cause = -1
        self.asked_s = self.begun_s = 0.0
        self.image: Image | None = None
        self.held = False
        self.layers = 0  # still to come
        self.bytes = 0


class Transfer:
    """One layer that comes to a minion: the chains that it is, who waits for it, and how far it is."""

    __slots__ = ("chains", "fetch", "pulls", "size_bytes")

    def __init__(self, chain: int, size_bytes: int) -> None:
        self.chains = [chain]
        self.size_bytes = size_bytes
        self.pulls: list[Pull] = []
        self.fetch: Fetch | None = None


class MinionImages:
    """The images of one minion, and its pulls. Its generation changes when it crashes."""

    __slots__ = (
        "active", "asked", "bucket", "collecting", "disk", "fetching", "generation", "index", "port", "queue",
        "transfers", "waiting",
    )  # fmt: skip

    def __init__(self, index: int, disk: ImageDisk, port: Port, bucket: TokenBucket) -> None:
        self.index = index
        self.disk = disk
        self.port = port
        self.bucket = bucket
        self.asked = 0
        self.generation = 0
        self.collecting = False
        self.clear()

    def clear(self) -> None:
        """Have no pulls."""
        self.queue: deque[Pull] = deque()
        self.active: list[Pull] = []
        self.transfers: dict[int, Transfer] = {}  # by chain
        self.waiting: deque[Transfer] = deque()  # for the engine to take them up
        self.fetching = 0
