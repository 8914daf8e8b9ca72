"""A registry that minions fetch layers from: its bandwidth shared, its outages, the engine's attempts after a break.

All layers on their way share the registry's link, each behind its minion's own (``models/kernel/fairshare.py``); one
deadline stands for the next that ends. When the registry goes down, what was on its way breaks off; the container
engine tries such a layer again 5 s later, then 10, 15 and 20 s after the attempt before, from where it was, and gives
up when the fifth attempt fails (moby distribution/xfer/download.go: ``maxDownloadAttempts``, ``delay := retries * 5``;
the partial file is kept). Simplified: an attempt during an outage fails at once, and outages break all connections at
once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from models.kernel.fairshare import Connection, FairShare, Port
from sim.engine import TRUTH, Deadline, Engine

__all__ = ["ATTEMPTS", "ATTEMPT_STEP_S", "Fetch", "Registry"]

Callback = Callable[[], None]
ATTEMPTS: Final = 5
ATTEMPT_STEP_S: Final = 5.0


class Fetch:
    """One layer on its way to one minion.

    Attributes:
        failed: Attempts that failed.
        left_bytes: What was still to come when it was begun, or broken off last.
    """

    __slots__ = ("connection", "failed", "left_bytes", "number", "on_done", "on_failed", "port")

    def __init__(self, number: int, port: Port, on_done: Callback, on_failed: Callback) -> None:
        self.number = number
        self.port = port
        self.on_done = on_done
        self.on_failed = on_failed
        self.connection: Connection | None = None
        self.left_bytes = 0.0
        self.failed = 0


class Registry:
    """One registry.

    Args:
        bandwidth_bytes_per_s: What it sends in all.

    Attributes:
        on_rates: Called when what comes to minions may have changed.
    """

    def __init__(self, engine: Engine, bandwidth_bytes_per_s: float) -> None:
        self._engine = engine
        self._share = FairShare(bandwidth_bytes_per_s)
        self._deadline = Deadline(engine, TRUTH, self._ended)
        self._fetches: dict[int, Fetch] = {}  # all that go on, broken off or not
        self._count = 0
        self._outages = 0
        self.on_rates: Callback | None = None

    @property
    def down(self) -> bool:
        """Whether nothing can be had."""
        return self._outages > 0

    @property
    def busy(self) -> int:
        """The number of layers on their way."""
        return self._share.count

    def fetch(self, port: Port, layers: Sequence[tuple[int, Callback, Callback]]) -> list[Fetch]:
        """Begin to fetch layers: (bytes, what is called when it has come, or cannot come: later, never at once)."""
        fetches = []
        for size_bytes, on_done, on_failed in layers:
            self._count += 1
            fetch = self._fetches[self._count] = Fetch(self._count, port, on_done, on_failed)
            fetch.left_bytes = float(size_bytes)
            fetches.append(fetch)
        if self.down:
            self._break(fetches)
        else:
            self._join(port, fetches)
            self._aim()
        return fetches

    def cancel(self, fetch: Fetch) -> None:
        """Forget a fetch that goes on; neither callback is called."""
        if self._fetches.pop(fetch.number, None) is not None and fetch.connection is not None:
            self._share.leave(self._engine.now_s, fetch.connection)
            fetch.connection = None
            self._aim()

    def stop(self) -> None:
        """Begin an outage."""
        self._outages += 1
        now_s, broken = self._engine.now_s, []
        for fetch in self._fetches.values():
            if fetch.connection is not None:
                fetch.left_bytes = self._share.leave(now_s, fetch.connection)
                fetch.connection = None
                broken.append(fetch)
        self._aim()
        self._break(broken)

    def start(self) -> None:
        """End an outage; what broke off goes on at its next attempt."""
        assert self._outages, "no outage goes on"
        self._outages -= 1

    def _join(self, port: Port, fetches: Sequence[Fetch]) -> None:
        loads = [(fetch.left_bytes, fetch) for fetch in fetches]
        for connection in self._share.join_all(self._engine.now_s, port, loads):
            connection.what.connection = connection

    def _aim(self) -> None:
        self._deadline.set(self._share.next_end_s)
        if self.on_rates is not None:
            self.on_rates()

    def set_link(self, port: Port, link_bytes_per_s: float) -> None:
        """Change what a minion can take from now on."""
        if link_bytes_per_s != port.link_bytes_per_s:
            self._share.set_link(self._engine.now_s, port, link_bytes_per_s)
            self._deadline.set(self._share.next_end_s)

    def rate_bytes_per_s(self, port: Port) -> float:
        """Return what comes to a minion, as things are."""
        return self._share.rate_bytes_per_s(port)

    def _ended(self) -> None:
        for connection in self._share.take_ended(self._engine.now_s):
            fetch: Fetch = connection.what
            fetch.connection = None
            if self._fetches.pop(fetch.number, None) is not None:
                fetch.on_done()
        self._aim()

    def _break(self, fetches: list[Fetch]) -> None:
        """Count a failed attempt of each; plan the next ones, one event for those that fall together."""
        batches: dict[int, list[Fetch]] = {}
        given_up = []
        for fetch in fetches:
            fetch.failed += 1
            if fetch.failed == ATTEMPTS:
                given_up.append(fetch)
            else:
                batches.setdefault(fetch.failed, []).append(fetch)
        for failed, batch in batches.items():
            at_s = self._engine.now_s + failed * ATTEMPT_STEP_S
            self._engine.at(at_s, TRUTH, partial(self._attempt, batch))
        for fetch in given_up:
            if (
                self._fetches.pop(fetch.number, None) is not None
            ):  # the failure of another may have taken it along
                fetch.on_failed()

    def _attempt(self, batch: list[Fetch]) -> None:
        batch = [fetch for fetch in batch if fetch.number in self._fetches]
        if self.down:
            self._break(batch)
        else:
            for fetch in batch:
                self._join(fetch.port, (fetch,))
            self._aim()
