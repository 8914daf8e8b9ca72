"""When an eviction manager's pass changes anything: passes that would find all as it was are computed, not made.

Passes are ``period`` apart from a phase on; after an eviction the next is at the manager's first look for the end of
the pod (FACTS K28: it looks each second), and the grid goes on from there. Let memory.available be below the hard
threshold from ``low_s`` on, as things are. The pass that comes next and changes something is the first of

    the first pass at or after low_s, and each one from then on while there is a pod that may go;
    the first pass at which the condition was not seen for the transition period.

A pass that is low and has nobody to evict only sees the condition again: how long it was seen is made up for when
things change (``slept``). For one hard threshold of memory; conditions and ranks are those of nodeeviction.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.kernel.nodeeviction import (
    EvictablePod,
    EvictionState,
    Passed,
    Reading,
    Threshold,
    next_pass_s,
    passes_before,
    synchronize,
)

__all__ = ["EvictionPasses"]

_INF = math.inf


class EvictionPasses:
    """The passes of one minion's manager.

    Args:
        phase_s: Of the first pass.
        threshold: Of memory, a hard one.
        period_s: From pass to pass.
        cleanup_s: From an eviction to the next pass.
        transition_s: For how long the condition holds after it was seen last.
    """

    def __init__(
        self,
        phase_s: float,
        *,
        threshold: Threshold,
        period_s: float,
        cleanup_s: float,
        transition_s: float,
    ) -> None:
        self._phase_s = phase_s
        self._threshold = threshold
        self._period_s = period_s
        self._cleanup_s = cleanup_s
        self._transition_s = transition_s
        self._state = EvictionState()
        self._idle = False  # the last pass was low, and nobody could go
        self._made_s = -_INF

    @property
    def pressed(self) -> bool:
        """Whether the condition holds."""
        return bool(self._state.seen_s)

    def due_s(self, now_s: float, low_s: float) -> float:
        """Return the next pass that changes something, as things are; ``inf`` for none.

        Args:
            now_s: The time; passes up to the last one made are over.
            low_s: From when on memory.available is below the threshold; ``inf`` for never.
        """
        after_s = max(now_s, math.nextafter(self._made_s, _INF))
        evicts_s = ends_s = _INF
        if low_s < _INF and not (self._idle and low_s <= now_s):
            evicts_s = self._pass_s(max(low_s, after_s))
        seen_s = self._state.seen_s.get("MemoryPressure")
        if seen_s is not None and low_s > now_s:
            ends_s = self._pass_s(max(seen_s + self._transition_s, after_s))
            while ends_s - seen_s < self._transition_s:  # a sum and a difference round apart
                ends_s = self._pass_s(math.nextafter(ends_s, _INF))
        return min(evicts_s, ends_s)

    def slept(self, until_s: float, low_s: float) -> None:
        """Make up for the passes that were not made before a change: they were low from ``low_s`` on.

        Args:
            until_s: When things change; a pass at that time is not over.
            low_s: As ``due_s`` was told last.
        """
        self._idle = False
        seen_s = self._state.seen_s.get("MemoryPressure")
        passes = passes_before(self._phase_s, until_s, self._period_s)
        if seen_s is None or not passes:
            return
        last_s = self._phase_s + (passes - 1) * self._period_s
        if last_s >= low_s and last_s > seen_s:
            self._state = EvictionState(self._state.met_since_s, {"MemoryPressure": last_s})

    def make(self, now_s: float, reading: Reading, pods: Sequence[EvictablePod]) -> Passed:
        """Make a pass.

        Args:
            now_s: When.
            reading: Of memory.available.
            pods: That are on the minion.
        """
        passed = synchronize(
            self._state,
            now_s,
            {"memory.available": reading},
            pods,
            thresholds=(self._threshold,),
            transition_s=self._transition_s,
        )
        self._state = passed.state
        self._idle = bool(passed.state.met_since_s) and passed.eviction is None
        self._made_s = now_s
        if passed.eviction is not None:
            self._phase_s = now_s + self._cleanup_s
        return passed

    def _pass_s(self, at_s: float) -> float:
        return next_pass_s(self._phase_s, at_s, self._period_s)
