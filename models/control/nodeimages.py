"""What kubelets tell the master of the images that they have: Node.status.images, for schedulers that look at them.

A kubelet lists its images each 30 s and keeps the list; at each sync of its node's status, each 10 s, it writes the
largest of that list if they are others than before. So an image is in the record within 40 s after it came or went.
Nothing ticks: who has news knows the pass at which they are told. A kubelet that starts again lists and tells at once.

Simplified: images of one size are told apart by name; names by digest of a Node's manifest stay in its status.

Source: k/k:pkg/kubelet/images/image_gc_manager.go, Start(), GetImageList(); pkg/kubelet/nodestatus/setters.go,
Images(); v1.20.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from models.api.types import MinionAsk
from models.control.kubeletcalls import KubeletCalls
from models.control.store import Store
from models.kernel.images import Image
from models.machines.beats import last_at_or_before, next_at_or_after
from sim.engine import TRUTH, Engine
from sim.streams import Streams

__all__ = ["NodeImages", "largest"]

_US = 1_000_000


def largest(images: Mapping[str, int], count: int) -> dict[str, int]:
    """Return the largest of some images by name, in bytes: as many as a status has."""
    order = sorted(images, key=lambda name: (-images[name], name))
    return {name: images[name] for name in order[:count]}


class _News:
    """What one kubelet has to tell.

    Attributes:
        list_us, status_us: When it first listed its images, and first wrote its status.
        known: Images of its last list, in bytes by name.
        others: What its status has besides, for good.
        changes: (time in us, image, bytes or nothing where it went) after that list, in order.
        generation: Counts crashes.
    """

    __slots__ = ("changes", "generation", "known", "list_us", "others", "status_us")

    def __init__(self, list_us: int, status_us: int, known: dict[str, int], others: dict[str, int]) -> None:
        self.list_us = list_us
        self.status_us = status_us
        self.known = known
        self.others = others
        self.changes: deque[tuple[int, str, int | None]] = deque()
        self.generation = 0

    def list_until(self, t_us: int) -> None:
        """Take into the list what came and went until a time."""
        while self.changes and self.changes[0][0] <= t_us:
            _, name, size_bytes = self.changes.popleft()
            if size_bytes is None:
                self.known.pop(name, None)
            else:
                self.known[name] = size_bytes


class NodeImages:
    """The images of all minions as their kubelets tell them.

    Args:
        minions: As asked, by index; pool and number there name their draws.
        there: By minion, the images that are on its disk from the start.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        store: Store,
        streams: Streams,
        calls: KubeletCalls,
        constants: Mapping[str, float],
        minions: Sequence[MinionAsk],
        there: Callable[[int], Sequence[Image]],
    ) -> None:
        self._engine = engine
        self._store = store
        self._calls = calls
        self._asks = minions
        self._there = there
        self._phases = streams.stream("kubelet.status")
        self._list_us = round(constants["image_list_period_s"] * _US)
        self._status_us = round(constants["node_status_update_period_s"] * _US)
        self._most = int(constants["node_status_images_count"])
        self._news: dict[int, _News] = {}

    def came(self, minion: int, image: Image, cause: int) -> None:
        """Note that an image is on a minion's disk now."""
        self._note(minion, image.name, image.disk_bytes, cause)

    def went(self, minion: int, image: Image, cause: int) -> None:
        """Note that an image is no longer there."""
        self._note(minion, image.name, None, cause)

    def down(self, minion: int) -> None:
        """Tell nothing more: the minion crashed."""
        self._of(minion).generation += 1

    def back(self, minion: int) -> None:
        """List images and tell of them at once, as a kubelet that starts does."""
        news, now_us = self._of(minion), self._now_us()
        news.list_us = news.status_us = now_us
        guard = (news, news.generation)
        self._engine.at(self._engine.now_s, TRUTH, partial(self._tell, minion, news), guard=guard)

    def _now_us(self) -> int:
        return round(self._engine.now_s * _US)

    def _of(self, minion: int) -> _News:
        news = self._news.get(minion)
        if news is None:
            ask = self._asks[minion]
            first_us, second_us = (
                int(self._phases.at(ask.pool, ask.index, n) * period_us)
                for n, period_us in enumerate((self._list_us, self._status_us))
            )
            known = {image.name: image.disk_bytes for image in self._there(minion)}
            told = self._store.minions[minion].images
            others = {name: size_bytes for name, size_bytes in told.items() if name not in known}
            news = self._news[minion] = _News(first_us, second_us, known, others)
        return news

    def _note(self, minion: int, image: str, size_bytes: int | None, cause: int) -> None:
        news, now_us = self._of(minion), self._now_us()
        news.changes.append((now_us, image, size_bytes))
        if len(news.changes) == 1:
            self._wait(minion, news, cause)

    def _wait(self, minion: int, news: _News, cause: int) -> None:
        """Wait for the pass at which the first of the changes is told."""
        listed_us = next_at_or_after(news.list_us, self._list_us, news.changes[0][0])
        told_us = next_at_or_after(news.status_us, self._status_us, listed_us)
        guard = (news, news.generation)
        self._engine.at(told_us / _US, TRUTH, partial(self._tell, minion, news), cause=cause, guard=guard)

    def _tell(self, minion: int, news: _News) -> None:
        listed_us = last_at_or_before(news.list_us, self._list_us, self._now_us())
        assert listed_us is not None, "a status was written before images were listed"
        news.list_until(listed_us)
        cause = self._engine.cause
        if news.changes:
            self._wait(minion, news, cause)
        images = {**news.others, **largest(news.known, self._most)}
        if images == self._store.minions[minion].images:
            return
        tell = partial(self._store.report_images, minion, images, cause=cause)
        at_s = self._calls.granted_s(minion, self._engine.now_s)
        if at_s <= self._engine.now_s:
            self._calls.say(minion, tell)
        else:
            send = self._calls.unless_crashed(minion, partial(self._calls.say, minion, tell))
            self._engine.at(at_s, TRUTH, send, cause=cause)
