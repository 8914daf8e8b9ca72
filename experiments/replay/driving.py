"""The real world of a replay: pods come when they did, and start, are throttled, killed and end as the host has it."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import select
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from experiments.replay.inputs import Part
from experiments.replay.lives import Event, Lived, Who
from experiments.replay.measuring import busy_s
from experiments.replay.problems import HostError
from experiments.replay.running import Running
from experiments.replay.session import Session
from experiments.replay.work import PERIOD_US, START_TASKS, Limits
from models.api.containers import ContainerSpec
from models.control.backoff import BackoffCurve
from models.kernel.cgroups import Cgroup, shares_of_millicores
from models.kernel.cgrouptrees import PodOnMinion, kubelet_tree, quota_of

__all__ = ["drive"]

_SAMPLE_S: Final = 0.5
_STARTERS: Final = 8
_AFTER_S: Final = 20.0
_MIB: Final = 2**20
_UNLIMITED_BYTES: Final = 32 * _MIB
"""For a container that takes no memory and says no limit: something must hold it all the same."""


@dataclass(slots=True)
class _Alive:
    running: Running
    part: Part
    spec: ContainerSpec
    nth: int
    began_s: float
    used_s: float = 0.0
    first_s: float = 0.0


def drive(
    session: Session,
    parts: Sequence[Part],
    *,
    until_s: float,
    allocatable_millicores: int,
    constants: Mapping[str, float],
    told: Callable[[float], None] = lambda now_s: None,
) -> Lived:
    """Run pods for real, and return what their containers did.

    Args:
        session: In which they run.
        parts: The pods.
        until_s: How long, from time 0 of the simulation on.
        allocatable_millicores: Of the minion that the session's cores stand for.
        constants: Of the kubelet's back-off.
        told: Hears the time, now and then.

    Returns:
        What happened; where the engine or the host did not go on to the end, what happened until then, and the problem.
    """
    return _Driver(session, parts, until_s, allocatable_millicores, constants, told).run()


class _Driver:
    def __init__(
        self,
        session: Session,
        parts: Sequence[Part],
        until_s: float,
        allocatable_millicores: int,
        constants: Mapping[str, float],
        told: Callable[[float], None],
    ) -> None:
        self._session = session
        self._until_s = until_s
        self._allocatable = allocatable_millicores
        self._curve = BackoffCurve.of(constants, "crash_backoff")
        self._told = told
        self._alive: dict[int, _Alive] = {}
        self._order = itertools.count()
        # An engine answers to a start only when the container runs, which takes as long as the host lets it: the others
        # must not wait for that.
        self._starters = ThreadPoolExecutor(_STARTERS, thread_name_prefix="start")
        self._starting: dict[Future[Running], tuple[Part, ContainerSpec, int]] = {}
        self._bell, self._ring = os.pipe()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._there: list[Part] = []
        self._held: dict[Who, tuple[float, float]] = {}
        self._starts: Counter[Who] = Counter()
        self._events: list[Event] = []
        self._cpu_s: defaultdict[Who, float] = defaultdict(float)
        self._curves: dict[Who, list[tuple[float, float]]] = {}
        for part in parts:
            self._at(part.arrival.at_s, partial(self._arrive, part))
            if part.arrival.until_s < until_s:
                self._at(part.arrival.until_s, partial(self._leave, part))

    def run(self) -> Lived:
        """Run all, and return what happened, also where the engine did not go on to the end."""
        problem = ""
        began, busy = time.monotonic(), busy_s()
        try:
            self._until_the_end()
        except HostError as error:
            problem = error.sentence
        finally:
            self._let_go()
        spent, lasted = busy_s() - busy, time.monotonic() - began
        others = max(0.0, spent - sum(self._cpu_s.values())) / lasted if self._session.local else None
        events = sorted(
            (each for each in self._events if each.time_s <= self._until_s), key=lambda each: each.time_s
        )
        return Lived(events, dict(self._cpu_s), self._curves, others, problem)

    def _until_the_end(self) -> None:
        first_s = min((at_s for at_s, _, _ in self._due), default=0.0)
        self._zero = time.time() - first_s + 0.05
        sampled_s = 0.0
        while (now_s := self._now_s()) < self._until_s:
            self._session.heed()
            self._told(now_s)
            while self._due and self._due[0][0] <= now_s:
                heapq.heappop(self._due)[2]()
            for future in [each for each in self._starting if each.done()]:
                self._started(future)
            if now_s - sampled_s >= _SAMPLE_S:
                sampled_s = now_s
                self._sample()
            next_s = min(
                self._due[0][0] if self._due else self._until_s, sampled_s + _SAMPLE_S, self._until_s
            )
            self._listen(max(0.0, next_s - self._now_s()))
        self._sample()

    def _let_go(self) -> None:
        for alive in self._alive.values():
            self._count(alive)
        with contextlib.suppress(HostError):  # the session says it
            self._session.clear()  # which also ends what was still being started
        self._starters.shutdown(wait=True, cancel_futures=True)
        os.close(self._bell)
        os.close(self._ring)

    def _now_s(self) -> float:
        return time.time() - self._zero

    def _at(self, time_s: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time_s, next(self._order), do))

    # ------------------------------------------------------------------------------------------ pods and containers

    def _arrive(self, part: Part) -> None:
        self._there.append(part)
        self._shape()
        for spec in part.containers.containers:
            self._start(part, spec)

    def _leave(self, part: Part) -> None:
        self._there.remove(part)
        for alive in [each for each in self._alive.values() if each.part is part]:
            self._session.engine.kill(alive.running.identity, "SIGTERM")
        self._shape()

    def _shape(self) -> None:
        if self._session.fence is not None:
            self._session.fence.shape(self._tree())

    def _tree(self) -> Cgroup:
        pods = [PodOnMinion(_flat(part.arrival.pod), part.containers) for part in self._there]
        return kubelet_tree(pods, allocatable_millicores=self._allocatable, daemons=())

    def _inside(self, part: Part) -> str:
        """The path of a pod's cgroup inside the run's."""
        name = f"pod-{_flat(part.arrival.pod)}"
        return next(path.partition("/")[2] for path, each in self._tree().walk() if each.name == name)

    def _start(self, part: Part, spec: ContainerSpec) -> None:
        who = (part.arrival.pod, spec.name)
        nth = self._starts[who]
        self._starts[who] += 1
        deadline_s = self._until_s - self._now_s() + _AFTER_S
        work = replace(part.work[spec.name], deadline_s=round(deadline_s, 3))
        fence = self._session.fence
        parent = None if fence is None else f"{fence.name}/{self._inside(part)}"
        name = f"{_flat(part.arrival.pod)}-{spec.name}-{nth}"
        limits = _limits(spec, work.threads)
        future = self._starters.submit(self._session.launch, work, limits, name, parent=parent)
        self._starting[future] = (part, spec, nth)
        future.add_done_callback(lambda _: os.write(self._ring, b"!"))

    def _started(self, future: Future[Running]) -> None:
        part, spec, nth = self._starting.pop(future)
        running, who = future.result(), (part.arrival.pod, spec.name)
        if part not in self._there:
            self._session.remove(running)
            return
        first_s = self._session.counted(running)[1].cpu_s  # the engine's own work to start it is none of its
        running.go()
        now_s = self._now_s()
        self._alive[running.pipe.fileno()] = _Alive(running, part, spec, nth, now_s, first_s, first_s)
        self._events.append(Event(now_s, who, "started", nth))
        self._curves.setdefault(who, []).append((now_s, self._cpu_s[who]))

    def _listen(self, timeout_s: float) -> None:
        """Wait for something that a container says, or for its end."""
        ready, _, _ = select.select([self._bell, *self._alive], [], [], timeout_s)
        for number in ready:
            if number == self._bell:
                os.read(self._bell, 4096)
                continue
            alive = self._alive[number]
            try:
                while (line := alive.running.pipe.line(0.001)) is not None:
                    word, *rest = line.split()
                    if word == "ended":  # with the CPU seconds that all its processes have used
                        alive.used_s = max(alive.used_s, alive.first_s + float(rest[1]))
            except TimeoutError:
                continue
            self._ended(number, alive)

    def _ended(self, number: int, alive: _Alive) -> None:
        who = (alive.part.arrival.pod, alive.spec.name)
        del self._alive[number]
        state = self._session.ended(alive.running)
        ended_s = min(state.finished_s - self._zero, self._now_s()) if self._session.local else self._now_s()
        self._count(alive, ended_s)
        self._events.append(Event(ended_s, who, "exited", alive.nth, state.exit_code, state.oom_killed))
        self._starters.submit(
            self._session.remove, alive.running
        )  # which takes a while, and nobody waits for it
        policy = alive.part.containers.restart_policy
        if (
            alive.part not in self._there
            or policy == "Never"
            or (policy == "OnFailure" and not state.exit_code)
        ):
            return
        held_s, tried_s = self._held.get(who, (0.0, ended_s))
        wait_s = self._curve.wait_s(held_s, tried_s, ended_s)
        self._held[who] = (self._curve.next_s(wait_s), ended_s + wait_s)
        self._at(ended_s + wait_s, partial(self._start_again, alive.part, alive.spec))

    def _start_again(self, part: Part, spec: ContainerSpec) -> None:
        if part in self._there:
            self._start(part, spec)

    # ------------------------------------------------------------------------------------------------- CPU seconds

    def _sample(self) -> None:
        for alive in self._alive.values():
            try:
                alive.used_s = self._session.counted(alive.running)[1].cpu_s
            except HostError:
                continue  # it has ended, and is heard of presently
            who = (alive.part.arrival.pod, alive.spec.name)
            used_s = self._cpu_s[who] + alive.used_s - alive.first_s
            self._curves[who].append((self._now_s(), used_s))

    def _count(self, alive: _Alive, now_s: float | None = None) -> None:
        who = (alive.part.arrival.pod, alive.spec.name)
        self._cpu_s[who] += alive.used_s - alive.first_s
        self._curves[who].append((self._now_s() if now_s is None else now_s, self._cpu_s[who]))


def _limits(spec: ContainerSpec, threads: int) -> Limits:
    quota = quota_of(spec)
    pids = spec.raw.pids or threads + START_TASKS
    return Limits(
        pids=pids,
        memory_bytes=spec.limit("memory") or _UNLIMITED_BYTES,
        quota_us=None if quota is None else quota.quota_us * PERIOD_US // quota.period_us,
        shares=shares_of_millicores(spec.request("cpu") or spec.limit("cpu") or 0),
    )


def _flat(pod: str) -> str:
    return pod.removeprefix("default/").replace("/", "-")
