"""Kubelets' images: which are there, pulls that wait their turn, layers that come, images that go to make room.

What a kubelet asks of it, container by container:

1. ``need(minion, image, policy)``: may it go on (``Need.NONE``), must it pull (``Need.PULL``), or can it not have the
   image (``Need.NEVER``: ErrImageNeverPull)?
2. ``pull(minion, image, on_done, on_failed, pod=...)``: one of the callbacks is called later, never at once;
   ``on_failed`` with why (the pod's reason is ErrImagePull, then ImagePullBackOff: waiting and asking again is the
   kubelet's). The cause of what they do is the record ``image_pulled`` or ``image_failed``. When the minion crashes
   neither is called. A pod that goes while its image is pulled does not stop the pull.
3. ``use(minion, image)`` when a container is made from it, ``leave(minion, image)`` when that container is removed: an
   image in use is never removed. After a crash nothing is in use, and nothing is to be left.

``down`` and ``back`` follow the minion; ``registry.stop`` and ``start`` an outage. A cut-off is from the master: pulls
go on.

As in k/k:pkg/kubelet/images (v1.20): with serial pulls each waits for those asked before it on its minion (puller.go),
asks the registry for the manifest though the image may have come meanwhile, and fails at once where the kubelet's pulls
are above their rate (helpers.go, FACTS K33). Layers of a pull come side by side, as many on a minion at once as the
engine allows; a layer that two pulls of a minion want comes once. Simplified: unpacking is part of the transfer; the
room for layers is taken when the manifest is read, and a pull for which there is none fails then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from models.api import records
from models.api.containers import PullPolicy
from models.api.types import MinionAsk, Pod
from models.control.imagestate import (
    NO_ANSWER,
    NO_IMAGE,
    NO_ROOM,
    TOO_FAST,
    ImagePlan,
    MinionImages,
    Need,
    Pull,
    Transfer,
)
from models.control.nodeimages import NodeImages
from models.control.tokens import TokenBucket
from models.kernel.fairshare import Port
from models.kernel.images import Image, ImageDisk
from models.machines.disks import Disks
from models.machines.registry import Registry
from sim.distributions import Constant
from sim.engine import TRUTH, Engine
from sim.identities import NOBODY, Identities
from sim.journal import Journal, Kind
from sim.streams import Streams

__all__ = ["ImagePulls"]


class ImagePulls:
    """The images of all minions.

    Args:
        minions: As asked, by index; pool and number there name their draws.
        identity: Of a minion in the journal, by index.
        disks: Where images are written.

    Attributes:
        told: What kubelets tell the master of their images; nothing where nobody looks at that.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        streams: Streams,
        plan: ImagePlan,
        minions: Sequence[MinionAsk],
        identity: Callable[[int], int],
        disks: Disks | None = None,
    ) -> None:
        self._engine, self._disks = engine, disks
        self._journal = journal
        self._identities = identities
        self._plan = plan
        self._asks = minions
        self._identity = identity
        self._latencies = streams.stream("image.latency")
        self._phases = streams.stream("image.passes")
        self._minions: dict[int, MinionImages] = {}
        self._names: dict[str, int] = {}
        self.registry = Registry(engine, plan.bandwidth_bytes_per_s)
        self.told: NodeImages | None = None
        self.on_gone: Callable[[int, Sequence[str]], None] | None = None  # (minion, layers that have gone)
        if disks is not None:
            disks.watch(self.registry, lambda minion: self._minions[minion].active[0].cause)

    def need(self, minion: int, image: str, policy: PullPolicy) -> Need:
        """Return whether a container may go on, must pull, or cannot have its image."""
        if policy == "Always":
            return Need.PULL
        if self.has(minion, image):
            return Need.NONE
        return Need.NEVER if policy == "Never" else Need.PULL

    def has(self, minion: int, image: str) -> bool:
        """Return whether an image is on a minion's disk."""
        found = self._plan.image(image)
        return found is not None and self._of(minion).disk.has(found)

    def pull(
        self,
        minion: int,
        image: str,
        on_done: Callable[[], None],
        on_failed: Callable[[str], None],
        *,
        pod: Pod,
        container: int = NOBODY,
        cause: int | None = None,
    ) -> None:
        """Have an image pulled, for a pod's container (its identity)."""
        state, pull = self._of(minion), Pull(image, pod, on_done, on_failed)
        pull.asked_s = self._engine.now_s
        pull.container = container
        pull.cause = self._write(records.IMAGE_PULLING, state, pull, cause)
        state.queue.append(pull)
        self._serve(state)

    def found(self, minion: int, image: str) -> bool:
        """Have an image on a minion's disk since before the run began; return whether there is such an image."""
        known = self._plan.image(image)
        if known is not None:
            disk = self._of(minion).disk
            if self.told is not None and not disk.has(known):
                self.told.came(minion, known, -1)
            disk.preload(known)
        return known is not None

    def layers(self, image: str) -> Sequence[tuple[str, int]]:
        """Return what an image's layers are called, each with those under it, and their bytes on disk."""
        known = self._plan.image(image) if image else None
        if known is None:
            return ()
        return [
            (_layer_name(number), layer.disk_bytes)
            for number, layer in zip(known.chain, known.layers, strict=True)
        ]

    def use(self, minion: int, image: str) -> None:
        """Let one more container use an image that is there."""
        self._of(minion).disk.use(self._known(image), self._engine.now_s)

    def leave(self, minion: int, image: str) -> None:
        """Let one container less use an image."""
        state = self._of(minion)
        state.disk.leave(self._known(image), self._engine.now_s)
        self._watch_disk(state)

    def down(self, minion: int) -> None:
        """Break off all pulls of a minion that crashed; whole images stay on its disk."""
        if self.told is not None:
            self.told.down(minion)
        state = self._minions.get(minion)
        if state is None:
            return
        state.generation += 1
        state.collecting = False
        for transfer in state.transfers.values():
            if transfer.fetch is not None:
                self.registry.cancel(transfer.fetch)
        for pull in state.active:
            if pull.held:
                assert pull.image is not None, "what is held has an image"
                state.disk.let_go(pull.image)
        state.clear()

    def back(self, minion: int) -> None:
        """Start a minion's kubelet again: it knows which images there are, and not since when."""
        if self.told is not None:
            self.told.back(minion)
        state = self._minions.get(minion)
        if state is not None:
            state.disk.restart(self._engine.now_s)
            self._watch_disk(state)

    # One pull.

    def _of(self, minion: int) -> MinionImages:
        state = self._minions.get(minion)
        if state is None:
            plan = self._plan
            ask = self._asks[minion]
            phase_s = self._phases.at(ask.pool, ask.index) * plan.collection.period_s
            disk = ImageDisk(plan.disk_bytes(minion), plan.collection, phase_s)
            for image in plan.there(minion):
                disk.preload(image)
            port, bucket = Port(plan.link_bytes_per_s(minion)), TokenBucket(*plan.limits)
            if self._disks is not None:
                self._disks.pulls_through(minion, port)
            state = self._minions[minion] = MinionImages(minion, disk, port, bucket)
        return state

    def _known(self, image: str) -> Image:
        found = self._plan.image(image)
        assert found is not None, f"a container uses {image}, which the registry does not have"
        return found

    def _serve(self, state: MinionImages) -> None:
        """Begin with the pulls whose turn it is."""
        while state.queue and not (self._plan.serial and state.active):
            pull = state.queue.popleft()
            state.active.append(pull)
            pull.begun_s = now_s = self._engine.now_s
            if state.bucket.try_take(now_s):
                answer, at_s = self._answered, now_s + self._latency_s(state)
            else:
                answer, at_s = partial(self._fail, reason=TOO_FAST), now_s
            guard = (state, state.generation)
            self._engine.at(at_s, TRUTH, partial(answer, state, pull), cause=pull.cause, guard=guard)

    def _latency_s(self, state: MinionImages) -> float:
        law = self._plan.latency
        state.asked += 1
        if isinstance(law, Constant):
            return law.value
        ask = self._asks[state.index]
        return float(law.quantile(self._latencies.at(ask.pool, ask.index, state.asked - 1)))

    def _answered(self, state: MinionImages, pull: Pull) -> None:
        """Read the manifest, and ask for the layers that are not there."""
        image = self._plan.image(pull.name)
        if self.registry.down:
            self._fail(state, pull, NO_ANSWER)
        elif image is None:
            self._fail(state, pull, NO_IMAGE)
        elif state.disk.has(image):
            self._done(state, pull)
        elif state.disk.needed_bytes(image) > state.disk.capacity_bytes - state.disk.used_bytes:
            self._fail(state, pull, NO_ROOM)
        else:
            pull.image = image
            pull.held = True
            state.disk.hold(image)
            self._want(state, pull, image)
            if pull.layers:
                self._fill(state)
            else:
                self._finish(state, pull)

    def _want(self, state: MinionImages, pull: Pull, image: Image) -> None:
        by_digest: dict[str, Transfer] = {}
        for place in state.disk.absent(image):
            layer, chain = image.layers[place], image.chain[place]
            transfer = state.transfers.get(chain) or by_digest.get(layer.digest)
            if transfer is None:
                transfer = Transfer(chain, layer.download_bytes)
                pull.bytes += layer.download_bytes
                state.waiting.append(transfer)
            elif chain not in state.transfers:
                transfer.chains.append(chain)
            state.transfers[chain] = by_digest[layer.digest] = transfer
            if pull not in transfer.pulls:
                transfer.pulls.append(pull)
                pull.layers += 1

    def _fill(self, state: MinionImages) -> None:
        """Let the engine fetch as many layers as it fetches at once."""
        count = min(len(state.waiting), self._plan.layers_at_once - state.fetching)
        if count <= 0:
            return
        transfers = [state.waiting.popleft() for _ in range(count)]
        state.fetching += count
        layers = [
            (each.size_bytes, partial(self._came, state, each), partial(self._broke, state, each))
            for each in transfers
        ]
        for each, fetch in zip(transfers, self.registry.fetch(state.port, layers), strict=True):
            each.fetch = fetch

    def _came(self, state: MinionImages, transfer: Transfer) -> None:
        state.fetching -= 1
        for chain in transfer.chains:
            state.disk.fetched(chain)
            del state.transfers[chain]
        for pull in transfer.pulls:
            pull.layers -= 1
        for pull in transfer.pulls:
            if not pull.layers:
                self._finish(state, pull)
        self._fill(state)

    def _broke(self, state: MinionImages, transfer: Transfer) -> None:
        for pull in list(transfer.pulls):
            self._fail(state, pull, NO_ANSWER)

    def _finish(self, state: MinionImages, pull: Pull) -> None:
        assert pull.image is not None, "what is finished has an image"
        if self.told is not None and not state.disk.has(pull.image):
            self.told.came(state.index, pull.image, pull.cause)
        state.disk.keep(pull.image, self._engine.now_s)
        self._watch_disk(state)
        self._done(state, pull)

    def _done(self, state: MinionImages, pull: Pull) -> None:
        state.active.remove(pull)
        waited_s = pull.begun_s - pull.asked_s
        self._engine.cause = self._write(
            records.IMAGE_PULLED, state, pull, pull.cause, own_fields=(pull.bytes, waited_s)
        )
        pull.on_done()
        self._serve(state)

    def _fail(self, state: MinionImages, pull: Pull, reason: str) -> None:
        state.active.remove(pull)
        if pull.held:
            assert pull.image is not None, "what is held has an image"
            self._abandon(state, pull)
            state.disk.let_go(pull.image)
        self._engine.cause = self._write(records.IMAGE_FAILED, state, pull, pull.cause, reason=reason)
        pull.on_failed(reason)
        self._serve(state)

    def _abandon(self, state: MinionImages, pull: Pull) -> None:
        """Stop fetching what only this pull waits for."""
        for chain, transfer in list(state.transfers.items()):
            if pull in transfer.pulls:
                transfer.pulls.remove(pull)
            if transfer.pulls:
                continue
            del state.transfers[chain]
            if transfer.fetch is None:
                if transfer in state.waiting:
                    state.waiting.remove(transfer)
            elif chain == transfer.chains[0]:
                self.registry.cancel(transfer.fetch)
                state.fetching -= 1
        self._fill(state)

    # Room on the disk.

    def _watch_disk(self, state: MinionImages, *, after_s: float | None = None) -> None:
        """Look to it that images go at the next pass of the image manager, where the disk is full."""
        disk = state.disk
        if not state.collecting and disk.is_full and disk.idle:
            state.collecting = True
            at_s = disk.next_pass_s(self._engine.now_s) if after_s is None else after_s
            guard = (state, state.generation)
            self._engine.at(at_s, TRUTH, partial(self._collect, state), guard=guard)

    def _collect(self, state: MinionImages) -> None:
        state.collecting = False
        for image in state.disk.collect(self._engine.now_s).removed:
            seq = self._journal.write(
                records.IMAGE_REMOVED,
                self._named(image.name),
                minion=self._identity(state.index),
                value=float(image.disk_bytes),
            )
            if self.told is not None:
                self.told.went(state.index, image, seq)
            if self.on_gone is not None:
                gone = [_layer_name(image.chain[place]) for place in state.disk.absent(image)]
                self.on_gone(state.index, gone)
        self._watch_disk(state, after_s=self._engine.now_s + self._plan.collection.period_s)

    # Records.

    def _named(self, image: str) -> int:
        """Return the identity of an image: all spellings of one that there is have the same."""
        found = self._names.get(image)
        if found is None:
            known = self._plan.image(image)
            if known is None or known.name == image:
                found = self._identities.add("image", image)
            else:
                found = self._named(known.name)
            self._names[image] = found
        return found

    def _write(
        self,
        kind: Kind,
        state: MinionImages,
        pull: Pull,
        cause: int | None,
        *,
        reason: str | None = None,
        own_fields: tuple[float, ...] = (),
    ) -> int:
        pod, took_s = pull.pod, self._engine.now_s - pull.asked_s
        return self._journal.write(
            kind, pod.identity, self._identity(state.index), self._named(pull.name), pod.owner, cause, reason,
            took_s, -1, own_fields, pull.container,
        )  # fmt: skip


def _layer_name(number: int) -> str:
    return f"layer {number}"
