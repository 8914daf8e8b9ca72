"""The kubelet's eviction manager: which signals are past their thresholds, and which pod goes for it.

It looks every 10 s (FACTS K28), as ``synchronize`` of k/k:pkg/kubelet/eviction/eviction_manager.go, v1.20, does:

1. A threshold is met where what is available is below it; once met it stays so until the least reclaim above it is
   back.
2. The pressure condition of a met threshold is seen now, and holds until it was not seen for the transition period of
   5 min (L36).
3. A threshold counts when it has been met, pass after pass, for its grace period: 0 for hard ones.
4. Of those that count the first is served, memory before the others, and one pod is evicted: the first by rank that is
   not critical. Hard: at once, without grace (K42). Soft: with the lesser of its own grace and the most allowed.

Ranks (L34, L35): for memory those that use more than they asked for, then lower priority, then larger usage - request;
for PIDs lower priority, then more processes. Names settle the rest, so that a rank is a total order.

memory.available is capacity - working set, where working set leaves out inactive file pages (L33). It is polled, so who
leaks faster than the manager looks is met by the kernel's killer first (L37). Which passes matter is computed, not
ticked (models/kernel/evictionpasses.py).

Not modelled: the kernel's memcg notification (off by default), images and dead containers removed for disk signals
before a pod is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

__all__ = [
    "DEFAULT_THRESHOLDS",
    "PASS_S",
    "EvictablePod",
    "Eviction",
    "EvictionState",
    "Passed",
    "Reading",
    "Threshold",
    "next_pass_s",
    "passes_before",
    "rank",
    "synchronize",
]

PASS_S: Final = 10.0
_TRANSITION_S: Final = 300.0
_CRITICAL_PRIORITY: Final = 2_000_000_000
"""From here on a pod is critical (scheduling.SystemCriticalPriority)."""

Signal = Literal["memory.available", "nodefs.available", "imagefs.available", "pid.available"]
Condition = Literal["MemoryPressure", "DiskPressure", "PIDPressure"]

_CONDITIONS: Final[Mapping[Signal, Condition]] = {
    "memory.available": "MemoryPressure",
    "nodefs.available": "DiskPressure",
    "imagefs.available": "DiskPressure",
    "pid.available": "PIDPressure",
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """When a signal is too low.

    Attributes:
        quantity: Bytes or numbers that must be available at least.
        ratio: Of the capacity instead; 0 where ``quantity`` says it.
        grace_s: For how long it must be met; 0 for a hard one.
        min_reclaim: What must be available above it before it is no longer met.
    """

    signal: Signal
    quantity: int = 0
    ratio: float = 0.0
    grace_s: float = 0.0
    min_reclaim: int = 0

    def least(self, capacity: int) -> int:
        """Return what must be available at least."""
        return self.quantity or int(capacity * self.ratio)


DEFAULT_THRESHOLDS: Final = (
    Threshold("memory.available", quantity=100 * 2**20),
    Threshold("nodefs.available", ratio=0.10),
    Threshold("imagefs.available", ratio=0.15),
)
"""Hard ones, as the kubelet has them where nothing is said (FACTS L31)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a signal says: available of capacity, in bytes or numbers."""

    available: int
    capacity: int


@dataclass(frozen=True, slots=True)
class EvictablePod:
    """A pod as the manager ranks it.

    Attributes:
        usage_bytes: Working set of its containers.
        request_bytes: Memory that they ask for.
        disk_bytes: Of its containers' writable layers, logs and volumes.
        processes: How many it has.
        grace_s: That it has to end.
        static: From the minion's own files: critical, as is one with a priority of 2,000,000,000.
    """

    name: str
    priority: int = 0
    usage_bytes: int = 0
    request_bytes: int = 0
    disk_bytes: int = 0
    processes: int = 0
    grace_s: float = 30.0
    static: bool = False

    @property
    def critical(self) -> bool:
        """Whether it is never evicted."""
        return self.static or self.priority >= _CRITICAL_PRIORITY


@dataclass(frozen=True, slots=True)
class EvictionState:
    """What the manager remembers from pass to pass.

    Attributes:
        met_since_s: By threshold that is met, since which pass.
        seen_s: By condition, the last pass that saw it.
    """

    met_since_s: Mapping[Threshold, float] = field(default_factory=dict)
    seen_s: Mapping[Condition, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Eviction:
    """Who goes, for which threshold, and with how much time to end."""

    pod: EvictablePod
    threshold: Threshold
    grace_s: float


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass led to: what to remember, the conditions that hold, and at most one eviction."""

    state: EvictionState
    conditions: tuple[Condition, ...]
    eviction: Eviction | None


def synchronize(
    state: EvictionState,
    now_s: float,
    readings: Mapping[Signal, Reading],
    pods: Sequence[EvictablePod],
    *,
    thresholds: Sequence[Threshold] = DEFAULT_THRESHOLDS,
    transition_s: float = _TRANSITION_S,
    max_grace_s: float = 0.0,
) -> Passed:
    """Do one pass.

    Args:
        state: From the pass before.
        now_s: When.
        readings: By signal; a signal without one is not judged.
        pods: That run.
        thresholds: In the order in which they are served, after memory.
        transition_s: For how long a condition holds after it was seen last.
        max_grace_s: The most that a pod has to end when a soft threshold evicts it.
    """
    met = [each for each in thresholds if _met(each, readings.get(each.signal), each in state.met_since_s)]
    since = {each: state.met_since_s.get(each, now_s) for each in met}
    seen = {**state.seen_s, **{_CONDITIONS[each.signal]: now_s for each in met}}
    seen = {condition: at for condition, at in seen.items() if now_s - at < transition_s}
    due = [each for each in met if now_s - since[each] >= each.grace_s]
    due.sort(key=lambda each: each.signal != "memory.available")
    eviction = None
    if due:
        threshold = due[0]
        victim = next((pod for pod in rank(threshold.signal, pods) if not pod.critical), None)
        if victim is not None:
            grace_s = min(max_grace_s, victim.grace_s) if threshold.grace_s else 0.0
            eviction = Eviction(victim, threshold, grace_s)
    return Passed(EvictionState(since, seen), tuple(sorted(seen)), eviction)


def rank(signal: Signal, pods: Sequence[EvictablePod]) -> list[EvictablePod]:
    """Return pods in the order in which they go for a signal."""
    if signal == "memory.available":
        return sorted(pods, key=_by_memory)
    if signal == "pid.available":
        return sorted(pods, key=lambda pod: (pod.priority, -pod.processes, pod.name))
    # No pod asks for disk here: all that use any use more than they asked for.
    return sorted(pods, key=lambda pod: (pod.disk_bytes <= 0, pod.priority, -pod.disk_bytes, pod.name))


def next_pass_s(phase_s: float, at_s: float, period_s: float = PASS_S) -> float:
    """Return the first pass at or after a time; passes are at phase, phase + period, and so on."""
    return phase_s + passes_before(phase_s, at_s, period_s) * period_s


def passes_before(phase_s: float, at_s: float, period_s: float) -> int:
    """Return how many passes there are before a time."""
    if at_s <= phase_s:
        return 0
    passes = math.ceil((at_s - phase_s) / period_s)
    # Division and product round apart.
    while phase_s + passes * period_s < at_s:
        passes += 1
    while phase_s + (passes - 1) * period_s >= at_s:
        passes -= 1
    return passes


def _met(threshold: Threshold, reading: Reading | None, before: bool) -> bool:
    if reading is None:
        return False
    least = threshold.least(reading.capacity)
    return reading.available < (least + threshold.min_reclaim if before else least)


def _by_memory(pod: EvictablePod) -> tuple[bool, int, int, str]:
    over = pod.usage_bytes - pod.request_bytes
    return over <= 0, pod.priority, -over, pod.name
