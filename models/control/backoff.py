"""How long a kubelet waits before it tries again: a container that has died, an image that could not be had.

The first restart of a container is at once, the next waits are 10 s and twice as much each time, up to 300 s; a
container that ran for 10 minutes begins anew (FACTS K29; k/e:keps/sig-node/4603). Images begin with the 10 s (K32).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["BackoffCurve", "Backoffs"]


@dataclass(frozen=True, slots=True)
class BackoffCurve:
    """Waits that grow, in seconds.

    Attributes:
        initial_s: The first that is not none.
        factor: Each next is so much longer.
        max_s: The longest.
        reset_s: What was tried longer ago than this is forgotten.
    """

    initial_s: float
    factor: float
    max_s: float
    reset_s: float

    @classmethod
    def of(cls, constants: Mapping[str, float], name: str) -> BackoffCurve:
        """Return the curve of some constants: ``NAME_initial_s``, ``_max_s``; the rest is as for crashes."""
        factor, reset_s = constants["crash_backoff_factor_ratio"], constants["crash_backoff_reset_s"]
        return cls(constants[f"{name}_initial_s"], factor, constants[f"{name}_max_s"], reset_s)

    def wait_s(self, held_s: float, tried_s: float, now_s: float) -> float:
        """Return how long to wait now, given how long the last try holds the next, and when that was."""
        return 0.0 if now_s - tried_s > self.reset_s else held_s

    def next_s(self, wait_s: float) -> float:
        """Return how long a try that had to wait so long holds the next."""
        return min(wait_s * self.factor, self.max_s) if wait_s else self.initial_s


class Backoffs:
    """The waits of all pods that have one container each.

    Args:
        constants: ``crash_backoff_initial_s``, ``_factor_ratio``, ``_max_s`` and ``_reset_s``.
    """

    def __init__(self, constants: Mapping[str, float]) -> None:
        self._curve = BackoffCurve.of(constants, "crash_backoff")
        self._next: dict[int, tuple[float, float]] = {}

    def next_s(self, pod: int, now_s: float) -> float:
        """Return how long a pod whose container died now waits for its restart, in seconds."""
        held_s, tried_s = self._next.get(pod, (0.0, now_s))
        wait_s = self._curve.wait_s(held_s, tried_s, now_s)
        self._next[pod] = (self._curve.next_s(wait_s), now_s + wait_s)
        return wait_s

    def forget(self, pod: int) -> None:
        """Begin anew with a pod: its kubelet has, or it is gone."""
        self._next.pop(pod, None)
