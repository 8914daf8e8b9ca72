"""One run: from a scenario to a folder with its journal, series, summary and report."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import platform
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from experiments.checking import trace_diagnostics
from experiments.owners import owners_of, services_of, written
from experiments.runfolder import write_json
from experiments.summary import build_summary
from models.api.loading import LoadedScenario
from models.api.protocols import PlacingPolicy
from models.api.records import KINDS
from models.api.specs import Scenario, scenario_hash
from models.api.specs_notes import scenario_notes
from models.api.types import PodTemplate
from models.catalog import PluginParameterError
from models.kernel.cpuclocks import has_compiled
from models.plan import make_plan
from models.workloads.tracing import TraceError
from models.world import Sinks, World
from models.worldplan import Plan
from sim.collector import collector_off
from sim.engine import Engine
from sim.errors import BudgetExceededError, ScenarioError
from sim.journal import IDENTITY_SCHEMA, events_schema
from sim.journalchunks import ChunkFolder
from sim.registry import UnknownPluginError
from sim.series import SERIES_SCHEMA

__all__ = ["Outcome", "Progress", "execute", "plan_of"]

Progress = Callable[[float, float, int], None]
"""Called with (simulated seconds, end or inf, events) now and then."""

_SPILL_EVERY_S = 5.0


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: Exit status: 0, 1, 3 or 130.
        summary: What ``summary.json`` holds.
    """

    folder: Path
    status: int
    reason: str
    digest: str
    events: int
    cpu_s: float
    summary: dict[str, Any]
    problem: str | None = None
    notes: tuple[str, ...] = field(default=())


def plan_of(loaded: LoadedScenario, *, max_events: int | None = None) -> Plan:
    """Make the plan of a scenario; what is wrong with traces and plug-ins becomes a diagnostic.

    Raises:
        ScenarioError: With every problem found.
    """
    try:
        return make_plan(loaded.spec, max_events=max_events)
    except TraceError as error:
        raise ScenarioError(trace_diagnostics(error.problems)) from error
    except (UnknownPluginError, PluginParameterError) as error:
        raise ScenarioError([loaded.diagnostic(("policy", "scheduler"), str(error))]) from error


@collector_off()
def execute(
    loaded: LoadedScenario,
    folder: Path,
    *,
    max_events: int | None = None,
    max_memory_bytes: int | None = None,
    progress: Progress | None = None,
    interruptible: bool = True,
) -> Outcome:
    """Run a scenario in a folder that exists.

    Args:
        loaded: The scenario, checked.
        folder: Where its files go.
        max_events: Budget of dispatched events.
        max_memory_bytes: Budget of resident memory of this process.
        progress: Told how far the run is.
        interruptible: SIGINT and SIGTERM end the run in order, marked incomplete.

    Returns:
        How it ended; the files are written whatever that is.

    Raises:
        ScenarioError: A trace or plug-in of the scenario cannot be used.
        SimulationError: A bug, ours or a plug-in's; the journal so far is kept as chunks.
    """
    spec = loaded.spec
    plan = plan_of(loaded, max_events=max_events)
    manifest = _manifest(spec)
    write_json(folder / "manifest.json", manifest)
    names = _BudgetedFolder(folder / "identities", max_memory_bytes)
    sinks = Sinks(ChunkFolder(folder / "events"), names, ChunkFolder(folder / "series"))
    wall, cpu = time.perf_counter(), time.process_time()
    world = World(plan, sinks)
    names.world = world
    _watch(world, max_memory_bytes, progress)
    problem = None
    with _interrupts(world.engine) if interruptible else contextlib.nullcontext():
        try:
            reason = world.run()
        except BudgetExceededError as error:
            reason, problem = "budget", str(error)
            world.close(reason)
    digest = world.journal.digest()
    cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - wall
    _merge(sinks, folder)
    notes = [*scenario_notes(spec), *_notes(world)]
    complete = reason in ("until", "drained")
    created = world.store.created
    manifest |= {
        "complete": complete,
        "reason": reason,
        "digest": digest,
        "until_s": world.engine.now_s,
        "events": world.engine.dispatched,
        "events_stale": world.engine.stale,
        "events_per_pod": world.engine.dispatched / created if created else None,
        "records": world.journal.count,
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "events_per_s": world.engine.dispatched / wall_s if wall_s else None,
        "peak_memory_bytes": _peak_memory_bytes(),
        "notes": notes,
    }
    write_json(folder / "manifest.json", manifest)
    summary = build_summary(folder)
    write_json(folder / "summary.json", summary)
    status = {"interrupted": 130, "budget": 3}.get(reason, summary["status"])
    return Outcome(
        folder, status, reason, digest, world.engine.dispatched, cpu_s, summary, problem, tuple(notes)
    )


def _manifest(spec: Scenario) -> dict[str, Any]:
    return {
        "complete": False,
        "name": spec.name,
        "scenario": spec.to_plain(),
        "scenario_hash": scenario_hash(spec),
        "owners": written(owners_of(spec)),
        "services": written(services_of(spec)),
        "seed": spec.seed,
        "constants": spec.kubernetes,
        "versions": dict(_versions()),
        "notes": [],
    }


@functools.cache
def _versions() -> Mapping[str, str]:
    """Look the versions up once a process: it costs as much as a hundredth of a run of 1 s."""
    packages = ["wavetank", "simpy", "numpy", "pyarrow", "polars", "scipy", "pydantic"]
    if has_compiled():  # where CPUs are short the last bits depend on it
        packages.append("numba")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **found}


_SIMPLIFIED: Final = (
    "Kubelets are simplified: containers run and pass their probes where nothing else is said.",
)


def _notes(world: World) -> list[str]:
    notes = []
    plan = world.plan
    policies = {each.policy_name: each.policy for each in plan.schedulers} or {plan.policy_name: plan.policy}
    choosy = any(map(_is_choosy, plan.templates))
    for plugin, policy in policies.items():
        if ":" in plugin:
            notes.append(f"The scheduling policy {plugin} is the user's own code.")
        if choosy and not isinstance(policy, PlacingPolicy):
            notes.append(
                f"The policy {plugin} heeds neither affinity nor topology spread nor host ports of pods: "
                "kubernetes does."
            )
    control = world.plan.control
    if control is not None and not control.instant:
        notes.extend(_SIMPLIFIED)
    elif world.plan.faults:
        notes.append(
            "A crash is known to the master at once, and the pods that ran there are lost: nothing replaces them."
        )
    if any(template.gpu is not None for template in world.plan.templates):
        notes.append("Stranded capacity counts GPU devices of a minion as one sum.")
    return notes


def _is_choosy(template: PodTemplate) -> bool:
    """Whether pods of a template ask for more than room, a selector of minions and tolerations can say."""
    asked = template.scheduling
    return asked is not None and bool(
        asked.required_nodes is not None
        or asked.preferred_nodes
        or asked.affinity
        or asked.anti_affinity
        or asked.preferred_pods
        or asked.spread
        or asked.ports
    )


def _merge(sinks: Sinks, folder: Path) -> None:
    for name, schema in (
        ("events", events_schema(KINDS)),
        ("series", SERIES_SCHEMA),
        ("identities", IDENTITY_SCHEMA),
    ):
        sink = {"events": sinks.events, "series": sinks.series, "identities": sinks.names}[name]
        assert isinstance(sink, ChunkFolder), "a run writes to a folder"
        sink.merge(folder / f"{name}.parquet", schema)


class _BudgetedFolder(ChunkFolder):
    """Looks at the memory after each chunk of names: one event may make millions of pods.

    The records of such an event are written before their names are, so nothing is lost or written twice when the
    run ends here.
    """

    def __init__(self, folder: Path, max_memory_bytes: int | None) -> None:
        super().__init__(folder)
        self._limit = max_memory_bytes
        self.world: World | None = None

    def write(self, table: pa.Table) -> None:
        """Write one chunk.

        Raises:
            BudgetExceededError: Once, when the memory is used up.
        """
        super().write(table)
        if self._limit is not None and self.world is not None and _peak_memory_bytes() > self._limit:
            limit, self._limit = self._limit, None
            raise BudgetExceededError("memory", limit, self.world.engine.now_s)


def _watch(world: World, max_memory_bytes: int | None, progress: Progress | None) -> None:
    engine, last = world.engine, time.monotonic()

    def look() -> None:
        nonlocal last
        if max_memory_bytes is not None and _peak_memory_bytes() > max_memory_bytes:
            raise BudgetExceededError("memory", max_memory_bytes, engine.now_s)
        now = time.monotonic()
        if now - last > _SPILL_EVERY_S:
            # Chunks by the clock of the wall too: whoever kills a slow run can read what it did.
            last = now
            world.journal.spill()
            world.series.spill()
        if progress is not None:
            progress(engine.now_s, world.plan.until_s, engine.dispatched)

    engine.watch(look)


def _peak_memory_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextlib.contextmanager
def _interrupts(engine: Engine) -> Iterator[None]:
    """End the run in order on SIGINT and SIGTERM: the event that is running is finished first."""
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}
    try:
        for number in signals:
            signal.signal(number, lambda *_: engine.stop("interrupted"))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
