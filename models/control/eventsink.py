"""Events that a client tells the API, through its own limit."""

from __future__ import annotations

from collections.abc import Callable

from models.control.client import Client

__all__ = ["EventSink"]


class EventSink:
    """Events that a client tells the API: one after the other, through the client's own limit (FACTS K52)."""

    def __init__(self, client: Client, passes: Callable[[int, float], bool]) -> None:
        self._client = client
        self._passes = passes
        self._queued = 0
        self._busy = False

    def tell(self, about: int, now_s: float) -> None:
        """Send one event about an object, if the filter lets it through."""
        if not self._passes(about, now_s):
            return
        if self._client.bucket is None:
            return
        self._queued += 1
        if not self._busy:
            self._next()

    def restart(self) -> None:
        """Forget what was not sent: the client is another process."""
        self._queued = 0
        self._busy = False

    def _next(self) -> None:
        if self._queued:
            self._queued -= 1
            self._busy = True
            self._client.call(self._next)
        else:
            self._busy = False
