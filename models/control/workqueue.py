"""The queue of keys of a controller's workers, and the delays of what is tried again.

As client-go's util/workqueue (queue.go; default_rate_limiters.go: DefaultControllerRateLimiter; FACTS K50): a key
waits once however often it is added, no two workers have one key, and a key that is added while it is worked on
is worked on again after. How many workers there are and how long they take is the caller's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from models.control.tokens import TokenBucket

__all__ = ["RetryDelays", "WorkQueue"]

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """Keys that wait, first come first served, and keys that are worked on. All verbs are O(1)."""

    __slots__ = ("_dirty", "_processing", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[K] = deque()
        self._dirty: set[K] = set()
        self._processing: set[K] = set()

    def __len__(self) -> int:
        """How many keys a worker could take now."""
        return len(self._waiting)

    @property
    def processing(self) -> int:
        """How many keys are worked on."""
        return len(self._processing)

    def add(self, key: K) -> bool:
        """Enter a key; tell whether there is now one more for a worker to take."""
        if key in self._dirty:
            return False
        self._dirty.add(key)
        if key in self._processing:
            return False
        self._waiting.append(key)
        return True

    def take(self) -> K:
        """Take the first key; it is the worker's until ``done``.

        Raises:
            IndexError: None waits.
        """
        key = self._waiting.popleft()
        self._dirty.discard(key)
        self._processing.add(key)
        return key

    def done(self, key: K) -> bool:
        """Give a key back; tell whether it was added meanwhile, and waits again.

        Raises:
            KeyError: No worker has it.
        """
        self._processing.remove(key)
        if key not in self._dirty:
            return False
        self._waiting.append(key)
        return True

    def clear(self) -> None:
        """Forget all keys, those worked on too: the controller starts again with empty memory."""
        self._waiting.clear()
        self._dirty.clear()
        self._processing.clear()


class RetryDelays(Generic[K]):
    """How long a key waits before it is added again: its own back-off, or a shared bucket if that is longer.

    Args:
        initial_s: After the first failure; doubled with each.
        max_s: The most.
        rate_per_s: Retries a second of all keys together.
        burst: Retries at once of all keys together.
    """

    __slots__ = ("_bucket", "_failures", "_initial_s", "_max_s")

    def __init__(self, initial_s: float, max_s: float, rate_per_s: float, burst: float) -> None:
        self._initial_s = initial_s
        self._max_s = max_s
        self._bucket = TokenBucket(rate_per_s, burst)
        self._failures: dict[K, int] = {}

    @classmethod
    def of(cls, constants: Mapping[str, float]) -> RetryDelays[K]:
        """Return the delays of a version's table of constants."""
        return cls(
            constants["requeue_initial_s"],
            constants["requeue_max_s"],
            constants["requeue_rate_per_s"],
            constants["requeue_burst_count"],
        )

    def failures(self, key: K) -> int:
        """Return how often a key failed since it was last forgotten."""
        return self._failures.get(key, 0)

    def next_delay_s(self, key: K, now_s: float) -> float:
        """Count a failure of a key and return how long it waits, in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # 2.0 ** n overflows at n = 1024, and the cap is reached long before.
        own_s = min(self._initial_s * 2.0 ** min(failures, 1000), self._max_s)
        return max(own_s, self._bucket.reserve(now_s) - now_s)

    def forget(self, key: K) -> None:
        """Say that a key succeeded: its next failure is its first."""
        self._failures.pop(key, None)
