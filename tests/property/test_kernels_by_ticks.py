"""Minions of a run against a slow reference that steps at 1 ms: quotas, work that ends, containers that come and go."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest

from models.api.containers import ContainerSpec, PodContainers
from models.kernel.cpugroups import CpuGroup
from models.machines.askers import Asker
from models.machines.cpusharing import CpuSharing, places_of
from models.machines.cputasks import CpuTask, TaskKind
from models.machines.kernels import Kernels
from models.machines.useseries import UseSeries
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journalchunks import ChunkMemory
from sim.series import SeriesBook
from tests.property.test_cpu_clock import Load, Ticking

_TICK_S = 0.001
_WINDOW_S = 3.0


@dataclass
class Minion:
    """Tasks of a minion, and when each begins."""

    cores: int
    begins: list[tuple[float, CpuTask]] = field(default_factory=list)
    ends_s: dict[int, float] = field(default_factory=dict)

    @property
    def tasks(self) -> list[CpuTask]:
        return [task for _, task in self.begins]


def minion(seed: int) -> Minion:
    """Return a random small minion. Pods that weigh in a class stay from beginning to end: its weight is their sum."""
    draw = np.random.default_rng(seed)
    made = Minion(int(draw.integers(1, 5)))
    for pod in range(draw.integers(2, 6)):
        qos = ("Guaranteed", "Burstable", "BestEffort")[draw.integers(0, 3)]
        specs = []
        for place in range(draw.integers(1, 4)):
            millicores = int(draw.choice([50, 200, 500, 1200]))
            asked = (("cpu", millicores), ("memory", 2**20)) if qos != "BestEffort" else ()
            limited = qos == "Burstable" and draw.random() < 0.5
            most = asked if qos == "Guaranteed" else (("cpu", millicores + 100),) if limited else ()
            specs.append(ContainerSpec(f"c{place}", requests=asked, limits=most))
        containers = PodContainers(tuple(specs), cap="quota")
        for place in range(len(specs)):
            ends = qos != "Burstable" and draw.random() < 0.5
            threads = float(draw.choice([0.4, 1.0, 1.0, 2.0, 3.0]))
            task = CpuTask(
                Asker(0, pod, -1, -1, "test", pod, 0, -1),
                TaskKind(containers, place),
                wanted=threads,
                threads=max(1, math.ceil(threads)),
                work_s=float(draw.uniform(0.05, 0.6)) if ends else math.inf,
                on_done=lambda: None,
            )
            made.begins.append((round(draw.uniform(0.0, 1.0), 3) if ends else 0.0, task))
    return made


def play(made: Minion) -> None:
    """Run it as a run does."""
    engine = Engine()
    sharing = CpuSharing([float(made.cores)], [1000 * made.cores], ["v1"])
    series = UseSeries(SeriesBook(engine, ChunkMemory()), Identities())
    kernels = Kernels(engine, [float(made.cores)], sharing, series)

    def done(number: int, task: CpuTask) -> None:
        made.ends_s[number] = engine.now_s
        kernels.end(task)

    for number, (at_s, task) in enumerate(made.begins):
        task.on_done = partial(done, number, task)
        engine.at(at_s, TRUTH, partial(kernels.begin, task))
    engine.run(_WINDOW_S)
    for task in kernels.tasks(0):
        task.settle(_WINDOW_S)


def by_ticks(made: Minion) -> tuple[list[float], dict[int, float]]:
    """Return by steps of 1 ms what each task uses, and when its work is done."""
    sharing = CpuSharing([float(made.cores)], [1000 * made.cores], ["v1"])
    root = sharing.groups(0, made.tasks)
    own = [place for place, _ in places_of(root, made.tasks)]
    loads = {}
    for place, (at_s, task) in zip(own, made.begins, strict=True):
        works = [(at_s, task.left_s)] if task.left_s < math.inf else None
        loads[place] = Load(task.wanted, works)
    numbers = itertools.count()

    def idle(group: CpuGroup) -> CpuGroup:
        """The daemons are no load."""
        if (number := next(numbers)) not in loads and not group.children:
            loads[number] = Load(0.0)
        return replace(group, children=tuple(map(idle, group.children)))

    idle(root)
    slow = Ticking(root, made.cores, loads).play()
    ends = {number: slow.ends_s[place][0] for number, place in enumerate(own) if slow.ends_s[place]}
    return [slow.used_core_s[place] for place in own], ends


@pytest.mark.parametrize("seed", range(50))
def test_a_minion_of_a_run_agrees_with_one_that_ticks(seed: int) -> None:
    made = minion(seed)
    used_s, ends_s = by_ticks(made)
    play(made)
    # A hundredth, or where little is used a tick of a core.
    assert [task.used_s for task in made.tasks] == pytest.approx(used_s, rel=0.01, abs=2 * _TICK_S)
    assert made.ends_s == pytest.approx(ends_s, rel=0.01, abs=2 * _TICK_S)
