"""What a controller has done and not yet seen: until then its belief is stale, and it does nothing more.

As in Kubernetes 1.20 (controller_utils.go: UIDTrackingControllerExpectations; FACTS K47).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

__all__ = ["Expectations"]


class Expectations:
    """The expectations of one controller object.

    They are set before the calls are made, lowered by what the watch shows (a deletion counts when the
    deletion timestamp is seen, or the pod is gone) and by the caller for calls that failed. Unmet for longer
    than the timeout they count as met, so a lost event stalls a controller for 5 minutes, not for ever.

    Args:
        timeout_s: From when they were set to when they no longer bind.
        enabled: If not, they always count as met: for showing what they prevent.
    """

    __slots__ = ("_creations", "_deletions", "_enabled", "_set_s", "_timeout_s")

    def __init__(self, timeout_s: float = 300.0, *, enabled: bool = True) -> None:
        self._timeout_s = timeout_s
        self._enabled = enabled
        self._creations = 0
        self._deletions: set[Hashable] = set()
        self._set_s = 0.0

    @property
    def creations(self) -> int:
        """Creations not seen yet; negative if more were seen than were expected."""
        return self._creations

    @property
    def deletions(self) -> int:
        """Deletions not seen yet."""
        return len(self._deletions)

    def expect_creations(self, count: int, now_s: float) -> None:
        """Expect so many new pods, in place of all that was expected before."""
        self._creations = count
        self._deletions.clear()
        self._set_s = now_s

    def expect_deletions(self, pods: Iterable[Hashable], now_s: float) -> None:
        """Expect these pods to go, in place of all that was expected before."""
        self._creations = 0
        self._deletions = set(pods)
        self._set_s = now_s

    def creation_observed(self, count: int = 1) -> None:
        """Take in that new pods were seen, or that creates failed or were left out."""
        self._creations -= count

    def deletion_observed(self, pod: Hashable) -> None:
        """Take in that a pod was seen going, or that its delete failed; one not expected is of no account."""
        self._deletions.discard(pod)

    def satisfied(self, now_s: float) -> bool:
        """Tell whether the controller may act."""
        if not self._enabled or (self._creations <= 0 and not self._deletions):
            return True
        return now_s - self._set_s > self._timeout_s

    def expires_s(self) -> float:
        """Return the time after which they count as met whatever was seen."""
        return self._set_s + self._timeout_s

    def forget(self) -> None:
        """Expect nothing: the controller object is gone, or its memory is (a restart)."""
        self._creations = 0
        self._deletions.clear()
