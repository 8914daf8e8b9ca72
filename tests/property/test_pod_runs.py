"""Pods of containers against a kubelet that ticks: it asks every probe at each of its times, and counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from models.api.behaviour import Behaviour, Health
from models.api.containers import ContainerSpec, PodContainers, ProbeSpec
from models.control.containers.plan import PodPlan
from models.control.containers.run import PodRun
from models.control.containers.status import status_of
from sim.distributions import Constant
from tests.support.containers import CONSTANTS, probe, told

_UNTIL_S = 700.0
_KINDS = ("readiness", "liveness", "startup")


def _seconds(*values: float) -> st.SearchStrategy[float]:
    return st.sampled_from(values)


def _law(strategy: st.SearchStrategy[float]) -> st.SearchStrategy[Constant | None]:
    return st.none() | strategy.map(Constant)


healths = st.builds(
    Health,
    healthy_from=_law(_seconds(0.0, 7.0, 33.3)),
    healthy_until=_law(_seconds(60.0, 123.4)),
    slow_from=_law(_seconds(45.0, 90.0)),
    takes_s=_seconds(0.5, 1.5, math.inf),
    never=st.sampled_from([False, False, False, True]),
)


def probes(**words: Any) -> st.SearchStrategy[ProbeSpec]:
    """Probes as v1 allows them."""
    return st.builds(
        probe,
        period_s=_seconds(1.0, 5.0, 10.0, 17.0),
        timeout_s=_seconds(1.0, 2.0),
        initial_delay_s=_seconds(0.0, 4.0, 20.0),
        failure_count=st.integers(1, 4),
        health=st.none() | healths,
        **words,
    )


@st.composite
def containers(draw: st.DrawFn, name: str, *, init: bool, probed: bool = False) -> ContainerSpec:
    """A container; init containers end and are not probed."""
    none = st.nothing() if probed else st.none()
    runs = _seconds(0.5, 3.0, 40.0, 240.0)
    behaviour = Behaviour(
        start=draw(_law(_seconds(0.0, 0.7, 2.0))),
        runs=Constant(draw(runs)) if init else draw(_law(runs)),
        exit_code=draw(st.sampled_from([0, 0, 1])),
        stops=draw(_law(_seconds(0.0, 2.5, 60.0))),
        pre_stop_s=draw(_seconds(0.0, 3.0, 29.0)),
        health=draw(healths),
    )
    if init:
        return ContainerSpec(name, behaviour=behaviour)
    return ContainerSpec(
        name,
        readiness=draw(none | probes(success_count=st.integers(1, 3))),
        liveness=draw(none | probes()),
        startup=draw(none | probes()),
        behaviour=behaviour,
    )


@st.composite
def pods(draw: st.DrawFn) -> PodContainers:
    """Up to three containers and two init containers."""
    main = [draw(containers(f"c{i}", init=False)) for i in range(draw(st.integers(1, 3)))]
    init = [draw(containers(f"i{i}", init=True)) for i in range(draw(st.integers(0, 2)))]
    return PodContainers(tuple(main), tuple(init), draw(st.sampled_from(["Always", "OnFailure", "Never"])))


class Worker:
    """One probe of one container, which asks at each of its times."""

    def __init__(self, spec: ProbeSpec, health: Health, base_s: float, kills: bool) -> None:
        self.spec, self.health, self.base_s, self.kills = spec, spec.health or health, base_s, kills
        self.slot = self.busy = 0
        self.result: bool | None = None
        self.last, self.run = True, 0
        self.on = self.held = False
        self.found: tuple[float, bool] | None = None

    @property
    def next_s(self) -> float:
        return self.base_s + self.slot * self.spec.period_s

    def answers(self, started_s: float, now_s: float) -> tuple[bool, float]:
        """Whether a question passes, and when that is known."""
        health = self.health
        healthy_from_s = 0.0 if health.healthy_from is None else health.healthy_from.mean
        healthy_until_s = math.inf if health.healthy_until is None else health.healthy_until.mean
        slow_from_s = math.inf if health.slow_from is None else health.slow_from.mean
        # As times, not as ages: their rounding is that of the model.
        if health.never or not started_s + healthy_from_s <= now_s < started_s + healthy_until_s:
            return False, 0.0
        takes_s = health.takes_s if now_s >= started_s + slow_from_s else 0.0
        return (True, takes_s) if takes_s < self.spec.timeout_s else (False, self.spec.timeout_s)


class Ticking:
    """A pod on a kubelet that wakes for every question: the slow way, written from v1's sources."""

    def __init__(self, pod: PodContainers, base_s: dict[tuple[int, int], float]) -> None:
        specs = [*pod.init_containers, *pod.containers]
        self.pod, self.specs, self.init = pod, specs, len(pod.init_containers)
        self.words = ["idle"] * len(specs)
        self.due = [math.inf] * len(specs)
        self.started_s = [0.0] * len(specs)
        self.started = [False] * len(specs)
        self.codes = [0] * len(specs)
        self.backoff = [(0.0, -math.inf)] * len(specs)
        self.next = 0
        self.log: list[tuple[float, str, int]] = []
        self.workers = {
            (i, place): Worker(found, each.behaviour.health, base_s[i, place], place > 0)
            for i, each in enumerate(specs)
            for place, kind in enumerate(_KINDS)
            if (found := getattr(each, kind)) is not None
        }

    def run(self) -> list[tuple[float, str, int]]:
        self.begin_next(0.0)
        while (now_s := min(self.moments())) < _UNTIL_S:
            # At one time: containers and results in order of containers; then questions are asked.
            for i in range(len(self.specs)):
                self.settle(i, now_s)
            if min(self.due_moments()) > now_s:
                for key, worker in self.workers.items():
                    if worker.next_s == now_s:
                        self.ask(key, worker, now_s)
        return self.log

    def due_moments(self) -> Iterator[float]:
        yield from self.due
        yield from (worker.found[0] for worker in self.workers.values() if worker.found is not None)

    def moments(self) -> Iterator[float]:
        yield from self.due_moments()
        yield from (worker.next_s for worker in self.workers.values())

    def settle(self, i: int, now_s: float) -> None:
        if self.due[i] <= now_s:
            word, self.due[i] = self.words[i], math.inf
            if word == "starting":
                self.start(i, now_s)
            elif word in {"running", "stopping"}:
                self.exit(i, now_s)
            else:
                self.create(i, now_s)
        for place in range(3):
            worker = self.workers.get((i, place))
            if worker is not None and worker.found is not None and worker.found[0] <= now_s:
                passes, worker.found = worker.found[1], None
                self.log.append((now_s, f"{_KINDS[place]} {passes}", i))
                if place > 0 and not passes:
                    self.stop(i, now_s)
                elif place == 2:
                    self.has_started(i)

    def ask(self, key: tuple[int, int], worker: Worker, now_s: float) -> None:
        i, place = key
        slot, worker.slot = worker.slot, worker.slot + 1
        if not worker.on or worker.held or slot < worker.busy:
            return
        if now_s < self.started_s[i] + worker.spec.initial_delay_s:
            return
        if self.started[i] == (place == 2):
            return
        passes, delay_s = worker.answers(self.started_s[i], now_s)
        worker.busy = slot + max(1, math.ceil(delay_s / worker.spec.period_s))
        worker.run = worker.run + 1 if worker.last is passes else 1
        worker.last = passes
        if worker.run >= (worker.spec.success_count if passes else worker.spec.failure_count):
            if passes is not worker.result:
                worker.found = (now_s + delay_s, passes)
            worker.result = passes
            if worker.kills and not passes:
                worker.held, worker.run = True, 0
        if delay_s == 0:
            self.settle(i, now_s)

    def begin_next(self, now_s: float) -> None:
        if self.next < len(self.specs):
            self.next += 1
            self.create(self.next - 1, now_s)

    def create(self, i: int, now_s: float) -> None:
        law = self.specs[i].behaviour.start
        self.words[i], self.due[i] = "starting", now_s + (0.0 if law is None else law.mean)
        if self.due[i] <= now_s:
            self.settle(i, now_s)

    def start(self, i: int, now_s: float) -> None:
        runs = self.specs[i].behaviour.runs
        self.words[i], self.started_s[i] = "running", now_s
        self.due[i] = math.inf if runs is None else now_s + runs.mean
        self.log.append((now_s, "started", i))
        for place, result in ((0, False), (1, True), (2, None)):
            worker = self.workers.get((i, place))
            if worker is not None:
                worker.on, worker.held, worker.result, worker.found = True, False, result, None
        if (i, 2) not in self.workers:
            self.has_started(i)
        if i >= self.init and i == self.next - 1:
            self.begin_next(now_s)

    def has_started(self, i: int) -> None:
        self.started[i] = True

    def stop(self, i: int, now_s: float) -> None:
        own = self.specs[i].behaviour
        hook_s = min(own.pre_stop_s or 0.0, 30.0)
        left_s = max(30.0 - hook_s, 2.0)
        takes_s = 0.0 if own.stops is None else own.stops.mean
        at_s = now_s + hook_s + min(takes_s, left_s)
        code = 143 if takes_s <= left_s else 137
        self.codes[i] = (
            code if at_s < self.due[i] else own.exit_code if self.words[i] == "running" else self.codes[i]
        )
        self.due[i] = min(self.due[i], at_s)
        self.words[i] = "stopping"
        if self.due[i] <= now_s:
            self.settle(i, now_s)

    def exit(self, i: int, now_s: float) -> None:
        code = self.codes[i] if self.words[i] == "stopping" else self.specs[i].behaviour.exit_code
        self.log.append((now_s, f"exited {code}", i))
        self.words[i], self.started[i] = "exited", False
        for place in range(3):
            worker = self.workers.get((i, place))
            if worker is not None:
                worker.on, worker.found = False, None
        policy = self.pod.restart_policy
        if i < self.init and code == 0:
            self.begin_next(now_s)
        elif policy == "Always" or (policy == "OnFailure" and code):
            held_s, tried_s = self.backoff[i]
            wait_s = held_s if now_s - tried_s <= 600 else 0.0
            self.backoff[i] = (min(2 * wait_s, 300) if wait_s else 10.0, now_s + wait_s)
            if wait_s:
                self.words[i], self.due[i] = "held", now_s + wait_s
            else:
                self.create(i, now_s)


def _spoken(run: PodRun) -> list[tuple[float, str, int]]:
    """What happened to a pod, in the words of the reference."""
    words = {"STARTED": "started", "EXITED": "exited", "PROBE_PASSED": "True", "PROBE_FAILED": "False"}
    found = []
    for time_s, (what, index, value, reason, _) in told(run, _UNTIL_S).happened:
        word = words.get(what.name)
        if word in {"True", "False"}:
            word = f"{str(reason).lower()} {word}"
        elif word == "exited":
            word = f"exited {int(value)}"
        if word is not None:
            found.append((time_s, word, index))
    return found


@given(containers("app", init=False, probed=True), st.data())
def test_probes_of_one_container_work_together(app: ContainerSpec, data: st.DataObject) -> None:
    check(PodContainers((app,)), data)


@given(pods(), st.data())
def test_a_pod_lives_as_on_a_kubelet_that_ticks(pod: PodContainers, data: st.DataObject) -> None:
    check(pod, data)


def check(pod: PodContainers, data: st.DataObject) -> None:
    """Compare both lives, all probes being asked at times of their own."""
    phases = data.draw(st.permutations(range(15)), label="phases")
    base_s = {(i, place): phases[3 * i + place] * 0.0617 + 0.013 for i in range(5) for place in range(3)}
    run = PodRun(
        PodPlan.of(pod, CONSTANTS), lambda index, what, n: 0.5, lambda index, place: base_s[index, place]
    )
    assert sorted(_spoken(run)) == sorted(Ticking(pod, base_s).run())
    assert run.next_s >= _UNTIL_S
    assert status_of(run).phase in {"Pending", "Running", "Succeeded", "Failed"}
