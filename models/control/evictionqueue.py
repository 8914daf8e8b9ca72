"""The queue of one zone's minions that wait for their NoExecute taint, at the zone's rate.

As in Kubernetes 1.20 (k/k:pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go; FACTS K15, K22). The monitor
asks for a minion's taint at each pass until the taint is there. Since 1.20.5 (PR 98168) that takes the earlier entry
out and puts another behind, so that a minion has one entry at most. Up to 1.20.4 it left the earlier entry: see
:class:`StaleEvictionQueue`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from models.control.tokens import TokenBucket

__all__ = ["EvictionQueue", "StaleEvictionQueue"]


class _RatedQueue:
    """When a zone's queue may give up a minion.

    A poll looks at the queue every 100 ms (K22) and takes what the zone's bucket gives; the polls are a grid of
    integer microseconds, and the next one that will find something is computed.

    Args:
        rate_per_s: Minions a second; at 0 none at all, whatever the burst.
        burst: Size of the bucket.
        period_s: From poll to poll.
        phase_s: Time of some poll.
    """

    __slots__ = ("_bucket", "_burst", "_period_us", "_phase_us")

    def __init__(self, rate_per_s: float, burst: float, period_s: float, phase_s: float) -> None:
        self._bucket = TokenBucket(rate_per_s, burst)
        self._burst = burst
        self._period_us = round(period_s * 1e6)
        self._phase_us = round(phase_s * 1e6) % self._period_us

    @property
    def rate_per_s(self) -> float:
        """Minions a second at present."""
        return self._bucket.rate_per_s

    def _poll_with_token(self, now_s: float) -> float:
        """Return the first poll, at or after a time, that will find a token; ``inf`` for none."""
        if self._bucket.rate_per_s <= 0.0:
            return math.inf
        ready_s = self._bucket.ready_at(now_s)
        since_phase_us = round(max(now_s, ready_s) * 1e6) - self._phase_us
        return (-(-since_phase_us // self._period_us) * self._period_us + self._phase_us) / 1e6

    def _try_take(self, now_s: float) -> bool:
        return self._bucket.rate_per_s > 0.0 and self._bucket.try_take(now_s)

    def swap_rate(self, now_s: float, rate_per_s: float) -> None:
        """Exchange the bucket for one of another rate; the same rate changes nothing.

        The new bucket is full if the old one had a token, else empty; an old rate of 0 never has one (a bucket
        that never accepts), so a zone that evicts again waits for a first token: 10 s at 0.1 a second.
        """
        if self.rate_per_s == rate_per_s:
            return
        had = self._try_take(now_s)
        self._bucket = TokenBucket(rate_per_s, self._burst)
        if rate_per_s > 0.0 and not had:
            self._bucket.reserve(now_s)


class EvictionQueue(_RatedQueue):
    """The queue since 1.20.5: one entry a minion.

    As each pass enters all that wait anew, in the order of a map that has none, any of them is as likely to be the
    next; who asks again changes nothing else, so it need not be done.
    """

    __slots__ = ("_waiting",)

    def __init__(self, rate_per_s: float, burst: float, period_s: float, phase_s: float) -> None:
        super().__init__(rate_per_s, burst, period_s, phase_s)
        self._waiting: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wants(self, minion: int) -> bool:
        """Whether it changes anything to add a minion."""
        return minion not in self._waiting

    def add(self, now_s: float, minion: int) -> None:
        """Let a minion wait."""
        self._waiting[minion] = None

    def remove(self, now_s: float, minion: int) -> None:
        """Take out a minion that is ready again, if it is there."""
        self._waiting.pop(minion, None)

    def next_due(self, now_s: float) -> float:
        """Return the first poll, at or after a time, that will find a minion and a token; ``inf`` for none."""
        return self._poll_with_token(now_s) if self._waiting else math.inf

    def take(self, now_s: float, draw: Callable[[], float]) -> int | None:
        """Take a minion at a poll, if there is one and a token for it.

        A poll goes on until one of them is missing: call it again at the same time until it returns nothing.

        Args:
            now_s: The time of the poll.
            draw: Uniform; says which of several.
        """
        if not self._waiting or not self._try_take(now_s):
            return None
        waiting = list(self._waiting)
        minion = waiting[int(draw() * len(waiting))] if len(waiting) > 1 else waiting[0]
        del self._waiting[minion]
        return minion


class StaleEvictionQueue(_RatedQueue):
    """The queue up to 1.20.4: to ask again leaves the earlier entry, and puts another behind.

    An entry of a minion that has its taint costs a token and changes nothing: slots are lost, as recorded from 1.20.2.
    An entry of a minion that came back meanwhile cannot be taken out, as the queue holds it for removed already: from
    when it is first, every token goes to it and nobody is tainted, until that minion is asked for again (k/k issues
    94183 and 96183).
    """

    __slots__ = ("_entries", "_known", "_stuck_s")

    def __init__(self, rate_per_s: float, burst: float, period_s: float, phase_s: float) -> None:
        super().__init__(rate_per_s, burst, period_s, phase_s)
        self._entries: deque[int] = deque()
        self._known: set[int] = set()
        self._stuck_s: float | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def wants(self, minion: int) -> bool:
        """Whether it changes anything to add a minion: always."""
        return True

    def add(self, now_s: float, minion: int) -> None:
        """Put an entry for a minion behind all others."""
        self._spend(now_s)
        self._entries.append(minion)
        self._known.add(minion)
        self._look(now_s)

    def remove(self, now_s: float, minion: int) -> None:
        """Take out one entry of a minion that is ready again, if there is one."""
        if minion in self._known:
            self._spend(now_s)
            self._known.discard(minion)
            if minion in self._entries:
                self._entries.remove(minion)
            self._look(now_s)

    def next_due(self, now_s: float) -> float:
        """Return the first poll, at or after a time, that will find a minion and a token; ``inf`` for none."""
        if not self._entries or self._stuck_s is not None:
            return math.inf
        return self._poll_with_token(now_s)

    def take(self, now_s: float, draw: Callable[[], float]) -> int | None:
        """Take the first entry at a poll, if there is one that can be taken and a token for it."""
        if not self._entries or self._stuck_s is not None or not self._try_take(now_s):
            return None
        minion = self._entries.popleft()
        self._look(now_s)
        return minion

    def swap_rate(self, now_s: float, rate_per_s: float) -> None:
        """Exchange the bucket, as every queue does."""
        self._spend(now_s)
        super().swap_rate(now_s, rate_per_s)
        self._look(now_s)

    def _look(self, now_s: float) -> None:
        """See whether the first entry can be taken out."""
        stuck = bool(self._entries) and self._entries[0] not in self._known
        self._stuck_s = now_s if stuck else None

    def _spend(self, now_s: float) -> None:
        """Let the polls while the queue was stuck take their tokens."""
        if self._stuck_s is not None:
            at_s = self._poll_with_token(self._stuck_s)
            while at_s < now_s:
                self._try_take(at_s)
                at_s = self._poll_with_token(at_s)
