"""Small worlds for tests: from YAML text or from a few numbers to a run, without a folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.api.expected import ExpectedPod
from models.api.loading import load_scenario_text
from models.api.types import Arrivals, GpuDevices, MinionAsk, PodAsk, PodTemplate, ResourceTable
from models.catalog import vocabulary
from models.cluster.placedbelief import Placing
from models.failures.crash import FailsAsOne, FaultPlan
from models.plan import make_plan
from models.policies.first_fit import FirstFit
from models.workloads.templates import TemplateTable
from models.world import Sinks, World
from models.worldplan import Plan
from sim.journalchunks import ChunkMemory
from sim.streams import Streams

GIB = 1 << 30


def alone(*minions: int) -> list[FailsAsOne]:
    """Minions of a ``Bench`` that fail each by itself."""
    return [FailsAsOne((minion,), "m", minion) for minion in minions]


def sinks() -> Sinks:
    """Sinks that keep everything in memory."""
    return Sinks(ChunkMemory(), ChunkMemory(), ChunkMemory())


def world_of(text: str, *sets: str) -> World:
    """A world of a scenario's text (``apiVersion`` and ``name`` are added), not yet run."""
    whole = f"apiVersion: wavetank/v1\nname: test\n{text}"
    spec = load_scenario_text(whole, "test.yaml", sets=sets, vocabulary=vocabulary())
    return World(make_plan(spec), sinks())


def ran(text: str, *sets: str) -> World:
    """The same, run to its end."""
    world = world_of(text, *sets)
    world.run()
    return world


def records(world: World, *kinds: str) -> list[dict[str, Any]]:
    """What was written, decoded, in order; only some kinds if any are named."""
    world.journal.spill()
    sink = world.sinks.events
    assert isinstance(sink, ChunkMemory)
    rows: list[dict[str, Any]] = sink.whole().to_pylist()
    return [row for row in rows if not kinds or row["kind"] in kinds]


@dataclass(frozen=True)
class Listed:
    """A workload that yields what it was given."""

    batches: Sequence[tuple[float, list[PodAsk]]]

    def arrivals(self) -> Arrivals:
        """In the order given."""
        return iter(self.batches)

    def offered(self, capacity: Any) -> dict[str, float]:
        """Unknown."""
        return {}

    def expected(self, until_s: float) -> list[ExpectedPod]:
        """All of them."""
        return [ExpectedPod.like(ask) for _, asks in self.batches for ask in asks]


class Bench:
    """Builds a world of minions and pods without a scenario.

    Args:
        minions: (cpu in millicores, GPU devices) of each; memory is ample.
    """

    def __init__(self, minions: Sequence[tuple[int, int]], *, pods: int = 110, model: str = "") -> None:
        self.resources = ResourceTable()
        self.templates = TemplateTable(self.resources)
        self.minions = [
            MinionAsk(f"m-{i}", "m", i, cpu, 1024 * GIB, pods, 100 * GIB, gpu=GpuDevices(gpus, model))
            for i, (cpu, gpus) in enumerate(minions)
        ]
        self.batches: list[tuple[float, list[PodAsk]]] = []
        self._count = 0

    def pod(self, time_s: float, template: PodTemplate, life_s: float = math.inf, **more: Any) -> None:
        """Add one pod, ``pod-N``; calls come in order of time."""
        ask = PodAsk(f"pod-{self._count}", self._count, template, life_s, **more)
        self._count += 1
        if self.batches and self.batches[-1][0] == time_s:
            self.batches[-1][1].append(ask)
        else:
            self.batches.append((time_s, [ask]))

    def cpu(self, millicores: int, **more: Any) -> PodTemplate:
        """A template that asks for cpu, and what else is named."""
        return self.templates.intern(millicores, GIB, **more)

    def world(
        self,
        policy: Any = None,
        *,
        name: str = "test-policy",
        faults: Sequence[FaultPlan] = (),
        until_s: float = 1e6,
        checks: str = "full",
        seed: int = 1,
        placing: Placing | None = None,
    ) -> World:
        """The world, not yet run; every pod is submitted by the workload ``listed``."""
        plan = Plan(
            seed=seed,
            until_s=until_s,
            resources=self.resources,
            minions=self.minions,
            templates=self.templates.templates,
            sources=[("listed", Listed(self.batches))],
            policy=FirstFit() if policy is None else policy,
            policy_name=name,
            streams=Streams(seed),
            faults=faults,
            checks=checks,
            placing=Placing() if placing is None else placing,
        )
        return World(plan, sinks())
