"""How long a kubelet waits before it starts a container again that has died.

The first restart is at once, the next waits are 10 s and twice as much each time, up to 300 s; a container that ran for
10 minutes begins anew (FACTS K29; k/e:keps/sig-node/4603).
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Backoffs"]


class Backoffs:
    """The waits of all pods, one container each.

    Args:
        constants: ``crash_backoff_initial_s``, ``_factor_ratio``, ``_max_s`` and ``_reset_s``.
    """

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._initial_s = constants["crash_backoff_initial_s"]
        self._factor = constants["crash_backoff_factor_ratio"]
        self._max_s = constants["crash_backoff_max_s"]
        self._reset_s = constants["crash_backoff_reset_s"]
        self._next: dict[int, tuple[float, float]] = {}

    def next_s(self, pod: int, now_s: float) -> float:
        """Return how long a pod whose container died now waits for its restart, in seconds."""
        wait_s, since_s = self._next.get(pod, (0.0, now_s))
        if now_s - since_s > self._reset_s:
            wait_s = 0.0
        following_s = min(wait_s * self._factor, self._max_s) if wait_s else self._initial_s
        self._next[pod] = (following_s, now_s + wait_s)
        return wait_s

    def forget(self, pod: int) -> None:
        """Begin anew with a pod: its kubelet has, or it is gone."""
        self._next.pop(pod, None)
