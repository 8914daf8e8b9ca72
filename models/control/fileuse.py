"""What containers read of their images' files: who touches a page first is charged for it, the others find it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.api import records
from models.api.specs_images import tagged
from models.control.podreports import Life
from models.machines.askers import Asker
from models.machines.filepages import FilePages
from models.machines.fleet import Fleet
from sim.engine import Engine
from sim.journal import Journal
from sim.quantities import MAX_BYTES

__all__ = ["FileUse", "Layers", "layers_by_name"]

Layers = Sequence[tuple[str, int]]
"""Name and size on disk of each layer of an image, from the bottom up."""


class _Reader(NamedTuple):
    """A container that has read."""

    asker: Asker
    container: int
    touched_bytes: int


class FileUse:
    """What the containers of all minions read.

    Args:
        files: The page caches of the minions.
        layers: Of an image by its name; nothing of one that is not described.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        fleet: Fleet,
        files: FilePages,
        layers: Callable[[str], Layers],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._fleet = fleet
        self._files = files
        self._layers = layers
        self._reading: dict[tuple[int, int], _Reader] = {}
        files.on_reclaimed = self._reclaimed

    def started(self, life: Life, index: int, asker: Asker, container: int) -> None:
        """Let a container of an identity read what it says, at once; ``asker.cause`` is the seq of its start."""
        plan = life.run.plan
        uses = plan.containers[index].uses
        if uses is None or not uses.reads_bytes:
            return
        own = f"pod {asker.pod}, container {index}"
        touched, charged = self._files.read(
            asker.minion,
            asker.pod,
            index,
            _first(self._layers(plan.containers[index].image), uses.reads_bytes, own),
            plan.tasks[index].memory_limit_bytes,
        )
        self._reading[asker.pod, index] = _Reader(asker, container, touched)
        self._journal.write(
            records.FILES_READ,
            asker.name,
            minion=self._fleet.identity(asker.minion),
            owner=asker.owner,
            cause=asker.cause,
            value=float(touched),
            own_fields=(charged, self._files.cached_bytes(asker.minion)),
            container=container,
        )

    def ended(self, life: Life, index: int, cause: int | None = None) -> None:
        """Let a container be gone; its file pages stay, its minion's from now on. ``cause`` is seq of its end."""
        reader = self._reading.pop((life.pod.arrival, index), None)
        if reader is not None:
            self._write(reader, index, cause)
            self._files.end(reader.asker.minion, life.pod.arrival, index)

    def close(self) -> None:
        """Write down what is charged to containers that still run."""
        for (_, index), reader in self._reading.items():
            self._write(reader, index, None)

    def _write(self, reader: _Reader, index: int, cause: int | None) -> None:
        asker = reader.asker
        self._files.settle(asker.minion)
        self._journal.write(
            records.FILES_LEFT,
            asker.name,
            minion=self._fleet.identity(asker.minion),
            owner=asker.owner,
            cause=cause,
            value=float(self._files.charged_bytes(asker.minion, asker.pod, index)),
            own_fields=(reader.touched_bytes,),
            container=reader.container,
        )

    def _reclaimed(self, minion: int, size_bytes: int) -> None:
        identity = self._fleet.identity(minion)
        self._journal.write(
            records.FILES_RECLAIMED,
            identity,
            minion=identity,
            cause=self._engine.cause,
            value=float(size_bytes),
            own_fields=(self._files.cached_bytes(minion),),
        )


def layers_by_name(image: str) -> Layers:
    """Return the one layer of an image of which no more is known than its name; it has all that anybody reads of it."""
    return [(tagged(image), MAX_BYTES)] if image else []


def _first(layers: Layers, size_bytes: int, own: str) -> list[tuple[str, int]]:
    """Return how much is read of each layer, from the bottom up; of no image all of a file of the container's own."""
    if not layers:
        return [(own, size_bytes)]
    found = []
    for name, layer_bytes in layers:
        taken = min(size_bytes, layer_bytes)
        if taken:
            found.append((name, taken))
        size_bytes -= taken
    return found
