"""Limits of rate, computed and never ticked: a client's token bucket, and the filter of its events.

The bucket is that of golang.org/x/time/rate as client-go uses it (util/flowcontrol/throttle.go): full at the
start, refilled evenly, reservations served in order, so that it may owe tokens. The filter is client-go's
EventSourceObjectSpamFilter (tools/record/events_cache.go; FACTS K52).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Final

__all__ = ["EventFilter", "TokenBucket"]

RESOLUTION_S: Final = 1e-6
"""A wait shorter than this is none. Go truncates waits to whole nanoseconds; a float of seconds after a year
resolves no better than 4 ns, and a token that is due now must not be missed by a rounding."""


class TokenBucket:
    """Tokens that come at a rate, at most ``burst`` of them kept.

    Args:
        rate_per_s: Tokens a second; 0 for none but those at hand, ``inf`` for no limit.
        burst: Tokens that it holds when full, and at the start.

    Raises:
        ValueError: A negative rate, or a burst below 1.
    """

    __slots__ = ("_last_s", "_tokens", "burst", "rate_per_s")

    def __init__(self, rate_per_s: float, burst: float) -> None:
        _check(rate_per_s, burst)
        self.rate_per_s = rate_per_s
        self.burst = burst
        self._tokens = float(burst)
        self._last_s = 0.0

    def tokens(self, now_s: float) -> float:
        """Return the tokens at hand at a time; negative as many as are promised."""
        if self.rate_per_s == math.inf:
            return self.burst
        return min(self.burst, self._tokens + (now_s - self._last_s) * self.rate_per_s)

    def reserve(self, now_s: float) -> float:
        """Take the next token and return when it is granted, in seconds, not before ``now_s``.

        Times should not go back from call to call. One that does is answered as if what has come since were
        not there yet: late rather than early, and never more than the rate in all.

        Returns:
            The time; ``inf``, and nothing taken, where no token will ever come.
        """
        rate = self.rate_per_s
        if rate == math.inf:
            return now_s
        level = self._tokens + (now_s - self._last_s) * rate
        tokens = level - 1.0 if level < self.burst else self.burst - 1.0
        if tokens < 0.0 and rate <= 0.0:
            return math.inf
        self._tokens = tokens
        self._last_s = now_s
        return now_s if tokens >= 0.0 else now_s - tokens / rate

    def ready_at(self, now_s: float) -> float:
        """Return when ``reserve`` would grant, and take nothing."""
        missing = 1.0 - self.tokens(now_s)
        if missing <= 0.0:
            return now_s
        return now_s + missing / self.rate_per_s if self.rate_per_s > 0.0 else math.inf

    def try_take(self, now_s: float) -> bool:
        """Take a token if there is one now; never wait, never owe."""
        if self.ready_at(now_s) - now_s > RESOLUTION_S:
            return False
        self.reserve(now_s)
        return True

    def set_rate(self, now_s: float, rate_per_s: float, burst: float) -> None:
        """Change the rate from a time on: what is at hand stays, cut to the new burst; what is owed is still owed.

        Times that ``reserve`` has given out stay as they were. (``EvictionQueue.swap_rate`` is the other way of
        Kubernetes to change a rate: a new bucket, full or empty.)

        Raises:
            ValueError: A negative rate, or a burst below 1.
        """
        _check(rate_per_s, burst)
        self._tokens = min(self.tokens(now_s), burst)
        self._last_s = now_s
        self.rate_per_s = rate_per_s
        self.burst = burst


def _check(rate_per_s: float, burst: float) -> None:
    if not rate_per_s >= 0.0:
        raise ValueError(f"expected a rate of at least 0 a second, not {rate_per_s}")
    if not burst >= 1.0:
        raise ValueError(f"expected a burst of at least 1, not {burst}")


class EventFilter:
    """Which events of a client reach the API: per key a burst, then one each ``refill_s``.

    client-go's key is the source and the object alone: all reasons share one bucket. (In the recording
    ``create_and_scale`` 25 creations use it up, and none of 70 deletions of the same controller is reported.)

    Args:
        burst: Events of one key let through at first.
        refill_s: One more after this many seconds.
        limit: Keys remembered; the one not asked about for longest is forgotten, and starts afresh.
    """

    __slots__ = ("_burst_s", "_empty_s", "_limit", "_refill_s")

    def __init__(self, burst: int, refill_s: float, limit: int) -> None:
        self._refill_s = refill_s
        self._burst_s = burst * refill_s
        self._limit = limit
        # A bucket is one number: the time at which its level was, or will be, zero.
        # (Ordered: taking the first of a plain dict again and again walks over all that was taken before.)
        self._empty_s: OrderedDict[Hashable, float] = OrderedDict()

    @classmethod
    def of(cls, constants: Mapping[str, float]) -> EventFilter:
        """Return the filter of a version's table of constants."""
        return cls(
            int(constants["event_client_burst_count"]),
            constants["event_client_refill_s"],
            int(constants["event_client_cache_count"]),
        )

    def __len__(self) -> int:
        return len(self._empty_s)

    def passes(self, key: Hashable, now_s: float) -> bool:
        """Tell whether an event goes to the API, and count it if so. O(1)."""
        table = self._empty_s
        empty_s, full_s = table.get(key, -math.inf), now_s - self._burst_s
        empty_s = max(empty_s, full_s)
        let = empty_s + self._refill_s <= now_s + RESOLUTION_S
        table[key] = empty_s + self._refill_s if let else empty_s
        table.move_to_end(key)
        if len(table) > self._limit:
            table.popitem(last=False)
        return let
