"""The scheduling queue of the kube-scheduler 1.20: who is tried next, who backs off, who waits for a change.

Pods are in one of three places. *Active* ones are tried by priority, then by when they entered the queue or last
failed. A pod whose attempt failed is *unschedulable* and stays so until something happens that could help; where that
came while the attempt went on, or within the pod's back-off, it is *backing off*: 1 s, doubled with each attempt, at
most 10 s. Who has backed off becomes active at the next of the queue's passes, one a second; another kind of pass,
each 30 s, moves who has been unschedulable for more than 60 s.

Nothing here ticks: ``next_s`` says which pass is the next to change something, from the passes' phases.

Quirks of 1.20 that are kept: any news of a bound pod counts as a move, even where it moves nobody; a pod that backs
off is active at once when its record changes, be it by the scheduler's own report of the failure.

Source: k/k:pkg/scheduler/internal/queue/scheduling_queue.go, v1.20.2; FACTS K55, K56, K60.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from models.api.scheduling import PodTerm
from models.api.types import Pod

__all__ = ["KubeQueue", "Place", "QueueRules", "Waiting"]

_US = 1e6
_SLACK_S = 0.5e-6


class Place(enum.Enum):
    """Where a pod is."""

    OUT = "out"
    """In none: it is being tried, or gone."""
    ACTIVE = "active"
    BACKOFF = "backing off"
    UNSCHEDULABLE = "unschedulable"


@dataclass(frozen=True)
class QueueRules:
    """Times of the queue, all in seconds.

    Attributes:
        backoff_initial_s: Back-off after the first attempt.
        backoff_factor_ratio: What each attempt multiplies it by.
        backoff_max_s: The longest.
        backoff_period_s: Between passes over who backs off.
        flush_s: Longer than this nobody stays unschedulable.
        flush_period_s: Between passes over who is.
        backoff_phase_s: When the first of the one passes comes.
        flush_phase_s: When the first of the others comes.
    """

    backoff_initial_s: float
    backoff_factor_ratio: float
    backoff_max_s: float
    backoff_period_s: float
    flush_s: float
    flush_period_s: float
    backoff_phase_s: float = 0.0
    flush_phase_s: float = 0.0

    @classmethod
    def of(cls, constants: Mapping[str, float], backoff_phase: float, flush_phase: float) -> QueueRules:
        """Return the rules of a table of constants; phases as shares of the periods, in [0, 1)."""
        backoff_period_s = constants["backoff_flush_period_s"]
        flush_period_s = constants["unschedulable_flush_period_s"]
        return cls(
            constants["pod_backoff_initial_s"],
            constants["pod_backoff_factor_ratio"],
            constants["pod_backoff_max_s"],
            backoff_period_s,
            constants["unschedulable_flush_s"],
            flush_period_s,
            backoff_phase * backoff_period_s,
            flush_phase * flush_period_s,
        )

    def backoff_s(self, attempts: int) -> float:
        """Return how long a pod backs off after so many attempts."""
        wait_s = self.backoff_initial_s
        for _ in range(1, attempts):
            wait_s *= self.backoff_factor_ratio
            if wait_s > self.backoff_max_s:
                return self.backoff_max_s
        return wait_s


class Waiting:
    """A pod that is to be scheduled.

    Attributes:
        pod: The pod.
        since_s: When it entered the queue, or its last attempt failed.
        attempts: How often it was tried.
        place: Where it is.
        cause: The record that last moved it; -1 if none did.
    """

    __slots__ = ("attempts", "cause", "place", "pod", "since_s", "ticket")

    def __init__(self, pod: Pod, since_s: float) -> None:
        self.pod = pod
        self.since_s = since_s
        self.attempts = 0
        self.place = Place.OUT
        self.cause = -1
        self.ticket = 0


def _pass_s(time_s: float, phase_s: float, period_s: float) -> float:
    """Return the first pass at a time or later, on a grid of whole microseconds."""
    phase_us, period_us = round(phase_s * _US), round(period_s * _US)
    steps = max(0, -(-(math.ceil(time_s * _US - 1e-3) - phase_us) // period_us))
    return (phase_us + steps * period_us) / _US


class KubeQueue:
    """The three places, and the rules by which pods change between them.

    Args:
        rules: Times.
    """

    def __init__(self, rules: QueueRules) -> None:
        self._rules = rules
        self._active: list[tuple[int, float, int, int, Waiting]] = []
        self._backoff: list[tuple[float, int, int, Waiting]] = []
        # By arrival, in order of their last failure: the first has waited longest.
        self._unschedulable: dict[int, Waiting] = {}
        self._near: dict[int, Waiting] = {}
        self._known: dict[int, Waiting] = {}
        self._backing_off = 0
        self._cycle = 0
        self._moved_in = -1

    @property
    def waits(self) -> bool:
        """Whether anybody is unschedulable or backs off."""
        return bool(self._unschedulable) or self._backing_off > 0

    @property
    def waits_for_pods(self) -> bool:
        """Whether anybody is unschedulable that wants to be near other pods."""
        return bool(self._near)

    def helped_by(self, pod: Pod) -> list[Waiting]:
        """Return who is unschedulable and wants to be near a pod like this one."""
        if not self._near:
            return []
        labels, namespace = dict(pod.labels), pod.template.namespace
        return [
            each
            for each in self._near.values()
            if any(term.matches(namespace, labels) for term in _terms(each.pod))
        ]

    def place_of(self, pod: Pod) -> Place:
        """Return where a pod is."""
        known = self._known.get(pod.arrival)
        return Place.OUT if known is None else known.place

    def add(self, pod: Pod, now_s: float) -> None:
        """Enter a new pod."""
        self._put(Waiting(pod, now_s), Place.ACTIVE)

    def pop(self) -> Waiting | None:
        """Take the next active pod for an attempt; nothing if none is active."""
        while self._active:
            *_, ticket, waiting = heappop(self._active)
            if waiting.place is Place.ACTIVE and waiting.ticket == ticket:
                self._take_out(waiting)
                waiting.attempts += 1
                self._cycle += 1
                return waiting
        return None

    def put_back(self, waiting: Waiting, now_s: float) -> None:
        """Enter a pod again whose attempt failed, unless its record changed during that and it is here already."""
        if waiting.pod.arrival in self._known:
            return
        waiting.since_s = now_s
        self._put(waiting, Place.BACKOFF if self._moved_in >= self._cycle else Place.UNSCHEDULABLE)

    def update(self, pod: Pod, now_s: float, *, changed: bool) -> None:
        """See that a pending pod's record changed.

        Args:
            pod: The pod.
            now_s: Time.
            changed: More than its status is new.
        """
        waiting = self._known.get(pod.arrival)
        if waiting is None:
            self.add(pod, now_s)
        elif waiting.place is Place.BACKOFF or (changed and waiting.place is Place.UNSCHEDULABLE):
            self._take_out(waiting)
            self._put(waiting, Place.ACTIVE)

    def delete(self, pod: Pod) -> None:
        """Forget a pod."""
        waiting = self._known.get(pod.arrival)
        if waiting is not None:
            self._take_out(waiting)

    def move_all(self, now_s: float, cause: int) -> None:
        """See something that could help anybody: a minion that changed, a bound pod that is gone."""
        self.move(list(self._unschedulable.values()), now_s, cause)

    def move(self, some: Iterable[Waiting], now_s: float, cause: int) -> None:
        """See something that could help these of the unschedulable, and nobody else."""
        for waiting in some:
            waiting.cause = cause
            self._stir(waiting, now_s)
        self._moved_in = self._cycle

    def heard(self) -> None:
        """See something that moves nobody, and counts as a move."""
        self._moved_in = self._cycle

    def _stir(self, waiting: Waiting, now_s: float) -> None:
        """Let somebody who is unschedulable try again, once it has backed off."""
        self._take_out(waiting)
        self._put(waiting, Place.BACKOFF if self._ready_s(waiting) > now_s else Place.ACTIVE)

    def next_s(self) -> float:
        """Return when the next pass comes that changes something; ``inf`` if none does."""
        self._drop_stale()
        rules, due_s = self._rules, math.inf
        if self._backoff:
            due_s = _pass_s(self._backoff[0][0], rules.backoff_phase_s, rules.backoff_period_s)
        oldest = next(iter(self._unschedulable.values()), None)
        if oldest is not None:
            over_s = oldest.since_s + rules.flush_s + 1 / _US  # longer than that, not as long
            due_s = min(due_s, _pass_s(over_s, rules.flush_phase_s, rules.flush_period_s))
        return due_s

    def flush(self, now_s: float) -> None:
        """Do what the passes at a time do that ``next_s`` named."""
        rules = self._rules
        self._drop_stale()
        if self._backoff and _is_pass(now_s, rules.backoff_phase_s, rules.backoff_period_s):
            while self._backoff and self._backoff[0][0] <= now_s + _SLACK_S:
                waiting = self._backoff[0][-1]
                self._take_out(waiting)
                self._put(waiting, Place.ACTIVE)
                self._drop_stale()
        if self._unschedulable and _is_pass(now_s, rules.flush_phase_s, rules.flush_period_s):
            over = [each for each in self._unschedulable.values() if now_s - each.since_s > rules.flush_s]
            for each in over:
                self._stir(each, now_s)
                self._moved_in = self._cycle

    def _ready_s(self, waiting: Waiting) -> float:
        return waiting.since_s + self._rules.backoff_s(waiting.attempts)

    def _put(self, waiting: Waiting, place: Place) -> None:
        pod = waiting.pod
        waiting.place = place
        waiting.ticket += 1
        self._known[pod.arrival] = waiting
        if place is Place.ACTIVE:
            entry = (-pod.template.priority, waiting.since_s, pod.arrival, waiting.ticket, waiting)
            heappush(self._active, entry)
        elif place is Place.BACKOFF:
            self._backing_off += 1
            heappush(self._backoff, (self._ready_s(waiting), pod.arrival, waiting.ticket, waiting))
        else:
            self._unschedulable[pod.arrival] = waiting
            if _terms(pod):
                self._near[pod.arrival] = waiting

    def _take_out(self, waiting: Waiting) -> None:
        arrival = waiting.pod.arrival
        if waiting.place is Place.BACKOFF:
            self._backing_off -= 1
        elif waiting.place is Place.UNSCHEDULABLE:
            del self._unschedulable[arrival]
            self._near.pop(arrival, None)
        waiting.place = Place.OUT
        del self._known[arrival]

    def _drop_stale(self) -> None:
        """Forget at the head of the heap who does not back off any more."""
        heap = self._backoff
        while heap and (heap[0][3].place is not Place.BACKOFF or heap[0][3].ticket != heap[0][2]):
            heappop(heap)


def _terms(pod: Pod) -> tuple[PodTerm, ...]:
    """The pods that a pod must be near to."""
    scheduling = pod.template.scheduling
    return () if scheduling is None else scheduling.affinity


def _is_pass(now_s: float, phase_s: float, period_s: float) -> bool:
    return abs(_pass_s(now_s, phase_s, period_s) - now_s) < _SLACK_S
