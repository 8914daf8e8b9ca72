"""What one container does, and what it does next: created, running, stopped, ended, probed."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.control.backoff import BackoffCurve
from models.control.containers.plan import LIVENESS, PROBES, READINESS, STARTUP, ContainerPlan, Draw
from models.control.containers.probes import ProbeRun, Spell
from sim.distributions import Constant

if TYPE_CHECKING:
    from models.control.client import Law

__all__ = ["KILLED", "TERMINATED", "Answer", "ContainerRun", "Draws", "Hunger", "Word"]

_INF = math.inf
_NEVER = -math.inf
_AT_ONCE = Constant(0.0)
KILLED = 137
"""Exit code of a container that got SIGKILL."""
TERMINATED = 143
"""Exit code of a container that ended on SIGTERM."""
_LEAST_GRACE_S = 2.0
"""What is left for SIGTERM after a preStop hook at least: minimumGracePeriodInSeconds, kuberuntime_manager.go."""

Draws = Callable[[int, Draw, int], float]
"""A uniform draw for (container, what, its n-th start)."""
Answer = tuple[bool, float]
"""How a container answers its probes for now: (whether, after how many seconds)."""


@dataclass(frozen=True, slots=True)
class Hunger:
    """How a container is short of CPU.

    Attributes:
        since_s: Since when it has been so.
        rate, wanted: Cores that it gets and wants.
        backlog: CPU seconds that were asked of it and not done by then.
        takes_s: Seconds that an answer takes anyway.
    """

    since_s: float
    rate: float
    wanted: float
    backlog: float = 0.0
    takes_s: float = 0.0

    def backlog_at(self, t_s: float) -> float:
        """Return the CPU seconds that were asked of it and not done at a time."""
        return self.backlog + (self.wanted - self.rate) * (t_s - self.since_s)

    def late_from_s(self, timeout_s: float) -> float:
        """Return from when on an answer takes a timeout or longer; ``inf`` never, as things are."""
        if self.takes_s >= timeout_s:
            return self.since_s
        grows = self.wanted - self.rate
        if grows <= 0.0 or self.takes_s:
            return _INF
        return self.since_s + max(0.0, timeout_s * self.rate - self.backlog) / grows


class Word(enum.IntEnum):
    """What a container is doing; it has a process while it is RUNNING or STOPPING."""

    IDLE = 0
    PULLING = 1
    HELD_BACK_PULL = 2
    STARTING = 3
    RUNNING = 4
    STOPPING = 5
    EXITED = 6
    HELD_BACK = 7


class ContainerRun:
    """One container of a pod.

    Args:
        index: Its place in the pod.
        plan: What it is.
        draws: Where draws come from.
        base_s: When a probe's worker asks first, at the earliest: (container, probe) -> seconds.

    Attributes:
        due_s: When it changes by itself: it runs, ends, is killed, is tried again; ``inf`` never.
        ready_due_s: When it is ready, no probe saying so.
        next_s: When it changes, its probes included.
        started_s: The last time.
        ran: Whether it has ever run; ``exit_code`` is that of its last end, -1 before.
        begun: How many times it was created.
        started, ready: As in v1's status.
        hunger: How it is short of CPU, if it is.
        oom_killed: The kernel has killed a process of it since its start: what Docker calls OOMKilled.
        starved: No process can be started for a probe that asks by exec.
        held_s, tried_s: How long its last restart holds the next back, and when that was; ``pull_held_s`` of images,
            with ``pull_reason`` for it.
    """

    __slots__ = (
        "_draws", "_stop_code", "begun", "due_s", "exit_code", "held_s", "hunger", "index", "next_s", "oom_killed",
        "plan",
        "probes", "pull_held_s", "pull_reason", "ran", "ready", "ready_due_s", "restarts", "started",
        "started_s", "starved", "tried_s", "word",
    )  # fmt: skip

    def __init__(
        self, index: int, plan: ContainerPlan, draws: Draws, base_s: Callable[[int, int], float]
    ) -> None:
        self.index = index
        self.plan = plan
        self._draws = draws
        readiness, liveness, startup = plan.probes
        self.probes = (
            None if readiness is None else ProbeRun(readiness.probe, base_s(index, READINESS)),
            None if liveness is None else ProbeRun(liveness.probe, base_s(index, LIVENESS), kills=True),
            None if startup is None else ProbeRun(startup.probe, base_s(index, STARTUP), kills=True),
        )
        self.word = Word.IDLE
        self.due_s = self.next_s = self.ready_due_s = _INF
        self.started_s = _NEVER
        self.ran = self.started = self.ready = self.starved = False
        self.exit_code = self._stop_code = -1
        self.begun = self.restarts = 0
        self.hunger: Hunger | None = None
        self.oom_killed = False
        self.forget()

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self.word is Word.RUNNING or self.word is Word.STOPPING

    def asks_by_exec(self, probe: str) -> bool:
        """Whether one of its probes, by name, asks by running a process in it."""
        probed = self.plan.probes[PROBES.index(probe)]
        return probed is not None and probed.by_exec

    def forget(self) -> None:
        """Forget what holds it back."""
        self.held_s = self.pull_held_s = 0.0
        self.pull_reason = ""
        self.tried_s = _NEVER

    def refresh(self) -> None:
        """Find its next change."""
        next_s = min(self.due_s, self.ready_due_s)
        for probe in self.probes:
            if probe is not None and probe.due_s < next_s:
                next_s = probe.due_s
        self.next_s = next_s

    def create(self, now_s: float) -> None:
        """Create it: it starts after a while."""
        self.begun += 1
        self.pull_held_s = 0.0
        self.word = Word.STARTING
        self.due_s = now_s + self._drawn_s(self.plan.start, "start")

    def wait_for_image(self, now_s: float, curve: BackoffCurve, reason: str) -> None:
        """Wait before its image is asked for again."""
        self.pull_held_s = curve.next_s(self.pull_held_s)
        self.pull_reason = reason
        self.word = Word.HELD_BACK_PULL
        self.due_s = now_s + self.pull_held_s

    def run(self, now_s: float, ready: Law, answer: Answer | None) -> None:
        """Let its process begin.

        Args:
            now_s: When.
            ready: Seconds until it is ready where nothing probes that.
            answer: How it answers, whatever its plan says.
        """
        plan = self.plan
        self.word = Word.RUNNING
        self.started_s = now_s
        self.oom_killed = False
        self.restarts += self.ran
        self.ran = True
        self.due_s = _INF if plan.runs is None else now_s + self._drawn_s(plan.runs, "runs")
        startup = self.probes[STARTUP]
        if startup is None:
            self.has_started(now_s, ready, answer)
        else:
            startup.start(now_s + startup.plan.initial_delay_s, self._spells(STARTUP, answer), passes=None)

    def has_started(self, now_s: float, ready: Law, answer: Answer | None) -> None:
        """Let the probes of readiness and liveness begin: that of start-up has passed, or there is none."""
        self.started = True
        readiness, liveness, startup = self.probes
        if startup is not None:
            startup.hold(now_s)
        if readiness is not None:
            from_s = max(now_s, self.started_s + readiness.plan.initial_delay_s)
            readiness.start(from_s, self._spells(READINESS, answer), passes=False)
        else:
            wait_s = self._drawn_s(ready, "ready")
            self.ready = wait_s <= 0
            self.ready_due_s = now_s + wait_s if wait_s > 0 else _INF
        if liveness is not None:
            from_s = max(now_s, self.started_s + liveness.plan.initial_delay_s)
            liveness.start(from_s, self._spells(LIVENESS, answer), passes=True)

    def succeeded(self) -> None:
        """Have succeeded before the run began."""
        self.word, self.ran, self.exit_code = Word.EXITED, True, 0

    def is_ready(self, now_s: float) -> None:
        """Be ready already: its probes of start-up and readiness have passed before."""
        if not self.started:
            self.has_started(now_s, _AT_ONCE, None)
        readiness = self.probes[READINESS]
        if readiness is not None:
            readiness.start(now_s, self._spells(READINESS, None), passes=True)
        self.ready = True
        self.ready_due_s = _INF

    def answer(self, now_s: float, answer: Answer | None) -> None:
        """Let it answer its probes so from now on, or (None) as its plan says."""
        for place, probe in enumerate(self.probes):
            if probe is not None:
                probe.answer(now_s, self._spells(place, answer))

    def stop(self, now_s: float, grace_s: float) -> None:
        """Have it end: preStop, SIGTERM, and SIGKILL when the grace is over; unless it ends by itself before."""
        hook_s = min(self.plan.pre_stop_s, grace_s)
        left_s = max(grace_s - hook_s, _LEAST_GRACE_S)
        takes_s = self._drawn_s(self.plan.stops, "stops")
        stopped_s = now_s + hook_s + min(takes_s, left_s)
        if stopped_s < self.due_s:
            self._stop_code = TERMINATED if takes_s <= left_s else KILLED
            self.due_s = stopped_s
        elif self.word is Word.RUNNING:
            self._stop_code = self.plan.exit_code
        self.word = Word.STOPPING

    def hold_probes(self, now_s: float, first: int = READINESS) -> None:
        """Ask no more, from one of the probes on."""
        for probe in self.probes[first:]:
            if probe is not None:
                probe.hold(now_s)

    def exit(self, now_s: float, code: int | None = None) -> float:
        """Let its process be gone, with the code that is due, or another; returns how long it ran, in seconds."""
        if code is None:
            code = self._stop_code if self.word is Word.STOPPING else self.plan.exit_code
        self.word = Word.EXITED
        self.due_s = self.ready_due_s = _INF
        self.exit_code = code
        self.started = self.ready = False
        self.hunger = None
        self.hold_probes(now_s)
        return now_s - self.started_s

    def drop(self) -> None:
        """Let it not start any more; it keeps its last end if it had one."""
        self.word = Word.EXITED if self.ran else Word.IDLE
        self.due_s = _INF

    def _drawn_s(self, law: Law, what: Draw) -> float:
        if isinstance(law, Constant):
            return law.value
        return float(law.quantile(self._draws(self.index, what, self.begun)))

    def _spells(self, place: int, answer: Answer | None) -> tuple[Spell, ...]:
        """Return how a probe is answered from the container's start on, in absolute time."""
        probed = self.plan.probes[place]
        assert probed is not None, "what is not probed is not answered"
        if self.starved and probed.by_exec:
            return ((-_INF, False, 0.0),)
        if answer is not None:
            answers, delay_s = answer
            timeout_s = probed.probe.timeout_s
            return ((-_INF, answers and delay_s < timeout_s, min(delay_s, timeout_s)),)
        started_s, spells = self.started_s, probed.fixed
        if spells is None:
            spells = probed.spells(self._drawn_s)
        elif len(spells) == 1 and self.hunger is None:  # HOT: nothing is asked before it starts
            return probed.always
        found = tuple([(started_s + from_s, passes, delay_s) for from_s, passes, delay_s in spells])
        if self.hunger is None:
            return found
        timeout_s = probed.probe.timeout_s
        return _late(found, self.hunger.late_from_s(timeout_s), timeout_s)


def _late(spells: tuple[Spell, ...], late_s: float, timeout_s: float) -> tuple[Spell, ...]:
    """Return how a probe is answered by a container whose answers take too long from a time on."""
    found: list[Spell] = [spell for spell in spells if spell[0] < late_s]
    if late_s < _INF:
        passes = found[-1][1] if found else True
        found.append((late_s if found else -_INF, False, timeout_s if passes else found[-1][2]))
        found += [
            (from_s, False, timeout_s if passes else delay_s)
            for from_s, passes, delay_s in spells
            if from_s >= late_s
        ]
    return tuple(found)
