"""The CPUs of minions while containers come, go and want other amounts: what is kept equals what is worked out anew."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.api.containers import ContainerSpec, PodContainers
from models.api.kernels import RawLimits
from models.api.usage import CAPS, Cap
from models.kernel.cpugroups import CpuGroup
from models.kernel.cpuperiod import resolve
from models.machines.askers import Asker
from models.machines.cpusharing import CpuSharing, places_of
from models.machines.cputasks import CpuTask, TaskKind
from models.machines.kernels import Kernels
from models.machines.useseries import UseSeries
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journalchunks import ChunkMemory
from sim.series import SeriesBook

_CORES = 4.0


def _anew(tasks: list[CpuTask]) -> list[tuple[float, float]]:
    """What tasks get by the means of a whole period, nothing being remembered: cores, and share of time throttled."""
    root = CpuSharing([_CORES], [4000], ["v1"]).groups(0, tasks)
    places = places_of(root, tasks)
    threads = {own: task.peak(_CORES) for (own, _), task in zip(places, tasks, strict=True)}
    numbers = itertools.count()

    def with_threads(group: CpuGroup) -> CpuGroup:
        number = next(numbers)
        children = tuple(map(with_threads, group.children))
        return replace(group, threads=threads.get(number, 0.0), children=children)

    uses = resolve(with_threads(root), int(_CORES))
    return [
        (uses[own].cores, max(uses[each].throttled_ratio_s for each in (own, pod) if each is not None))
        for own, pod in places
    ]


def _kind(request: int, limit: int, cap: Cap, cpus: frozenset[int] | None) -> TaskKind:
    """A container of a pod of its own."""
    requests = (("cpu", request),) if request else ()
    limits = (("cpu", max(request, limit)),) if limit else ()
    spec = ContainerSpec("app", requests=requests, limits=limits, raw=RawLimits(cpus=cpus))
    return TaskKind(PodContainers((spec,), cap=cap), 0)


@dataclass
class _Machine:
    engine: Engine = field(default_factory=Engine)
    done: list[tuple[float, CpuTask]] = field(default_factory=list)

    def __post_init__(self) -> None:
        series = UseSeries(SeriesBook(self.engine, ChunkMemory()), Identities())
        self.kernels = Kernels(self.engine, [_CORES], CpuSharing([_CORES], [4000], ["v1"]), series)

    def task(
        self,
        pod: int,
        request: int,
        wanted: float,
        threads: int = 8,
        *,
        limit: int = 0,
        work_s: float = math.inf,
        cap: Cap = "quota",
        cpus: frozenset[int] | None = None,
    ) -> CpuTask:
        def end() -> None:
            self.done.append((self.engine.now_s, made))
            self.kernels.end(made)

        made = CpuTask(
            Asker(0, pod, -1, -1, "test", pod, 0, -1),
            _kind(request, limit, cap, cpus),
            wanted=wanted,
            threads=threads,
            work_s=work_s,
            on_done=end,
        )
        return made


_steps = st.lists(
    st.tuples(
        st.sampled_from(["begin", "want", "end"]),
        st.integers(0, 30),
        st.floats(0.0, 6.0),
        st.sampled_from([0, 100, 500, 2000]),
        st.sampled_from([0, 200, 1000]),
        st.sampled_from([math.inf, 3.0]),
        st.sampled_from(CAPS),
        st.sampled_from(
            [None, None, None, frozenset({0}), frozenset({0, 1}), frozenset({1, 3}), frozenset({2, 7})]
        ),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=200, deadline=None)
@given(_steps)
def test_rates_are_those_worked_out_anew_and_work_is_done_when_it_is_used_up(
    steps: list[tuple[str, int, float, int, int, float, Cap, frozenset[int] | None]],
) -> None:
    machine = _Machine()
    engine, kernels = machine.engine, machine.kernels
    for number, (what, which, wanted, request, limit, work_s, cap, cpus) in enumerate(steps):
        engine.run(number * 0.937)
        tasks = kernels.tasks(0)
        if what == "begin" or not tasks:
            kernels.begin(
                machine.task(number, request, wanted, limit=limit, work_s=work_s, cap=cap, cpus=cpus)
            )
        elif what == "want":
            kernels.want(tasks[which % len(tasks)], wanted, max(1, math.ceil(wanted)))
        else:
            kernels.end(tasks[which % len(tasks)])
        tasks = kernels.tasks(0)
        fresh = _anew(tasks) if tasks else []
        assert [task.rate for task in tasks] == pytest.approx([rate for rate, _ in fresh], abs=1e-9)
        assert [task.throttled for task in tasks] == pytest.approx([held for _, held in fresh], abs=1e-9)
    engine.run(len(steps) + 100.0)
    for at_s, task in machine.done:
        assert task.used_s == pytest.approx(3.0)
        assert task.since_s == at_s


def test_work_is_done_when_its_cpu_seconds_are_used_up() -> None:
    """Two jobs of 4 and 8 CPU seconds with four threads each on four cores, equal weights: by hand 2 and 3 s."""
    machine = _Machine()
    short = machine.task(1, 100, 4.0, 4, work_s=4.0)
    long = machine.task(2, 100, 4.0, 4, work_s=8.0)
    machine.kernels.begin(short)
    machine.kernels.begin(long)
    machine.engine.run(10.0)
    assert [(at_s, task.used_s) for at_s, task in machine.done] == [
        (pytest.approx(2.0), pytest.approx(4.0)),
        (pytest.approx(3.0), pytest.approx(8.0)),
    ]
    assert long.wanted_s == pytest.approx(12.0)


def test_who_may_use_one_cpu_only_shares_it_though_others_stand_idle() -> None:
    machine = _Machine()
    one = frozenset({0})
    first, second = machine.task(1, 100, 1.0, 1, cpus=one), machine.task(2, 300, 8.0, 8, cpus=one)
    machine.kernels.begin(first)
    machine.kernels.begin(second)
    assert (first.rate, second.rate) == (pytest.approx(0.25, abs=0.01), pytest.approx(0.75, abs=0.01))
    machine.kernels.end(first)
    assert second.rate == 1.0


def test_who_wants_less_later_leaves_the_others_more() -> None:
    machine = _Machine()
    server, job = machine.task(1, 1000, 3.0), machine.task(2, 1000, 4.0, 4, work_s=10.0)
    machine.kernels.begin(server)
    machine.kernels.begin(job)
    assert (server.rate, job.rate) == (2.0, 2.0)
    machine.engine.at(2.0, TRUTH, lambda: machine.kernels.want(server, 1.0, 1))
    machine.engine.run(10.0)
    assert machine.done == [(pytest.approx(4.0), job)]
    server.settle(4.0)
    assert (server.used_s, server.wanted_s) == (pytest.approx(6.0), pytest.approx(8.0))


def test_nobody_is_looked_at_where_nobody_is_short() -> None:
    machine = _Machine()
    tasks = [machine.task(pod, 100, 0.1) for pod in range(20)]
    for task in tasks:
        machine.kernels.begin(task)
    for task in tasks:
        machine.kernels.want(task, 0.15, 1)
    assert machine.kernels.solved == 0
    assert machine.engine.dispatched == machine.engine.pending == 0


def test_who_has_ended_by_what_another_felt_is_not_told() -> None:
    machine = _Machine()
    first, second, job = (machine.task(pod, 100, 3.0) for pod in (1, 2, 3))
    told: list[str] = []

    def dies_with_the_second() -> None:
        told.append("first")
        first.on_rates = None
        machine.kernels.end(second)

    machine.kernels.begin(first)
    machine.kernels.begin(second)
    first.on_rates, second.on_rates = dies_with_the_second, lambda: told.append("second")
    machine.kernels.begin(job)
    assert told == ["first"]
