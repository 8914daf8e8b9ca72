"""One measurement in a fresh process: ``python -m experiments.benchmarks.worker LOAD ARGUMENTS`` prints JSON."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

# Loaded at first use by a run; a run is measured, not the loading of libraries.
import pyarrow.compute  # noqa: F401
import scipy.special  # noqa: F401

from experiments.benchmarks.attackwalks import measure_walks
from experiments.benchmarks.cpuchanges import KINDS as CPU_CHANGES
from experiments.benchmarks.cpuchanges import measure_changes
from experiments.benchmarks.decisions import KINDS as DECISIONS
from experiments.benchmarks.decisions import measure_decisions
from experiments.benchmarks.dumpload import measure_dump
from experiments.benchmarks.loads import cold, control, crowd, hungry, machine, storm
from models.api.loading import LoadedScenario
from models.api.records import KINDS
from models.plan import make_plan
from models.world import Sinks, World
from sim.collector import collector_off
from sim.journal import events_schema
from sim.journalchunks import ChunkFolder
from sim.series import SERIES_SCHEMA

__all__ = ["measure"]


@collector_off()
def measure(loaded: LoadedScenario) -> dict[str, float]:
    """Build, run and close a world with its journal in a folder; CPU seconds of all of that."""
    with tempfile.TemporaryDirectory() as folder:
        sinks = Sinks(*(ChunkFolder(Path(folder) / name) for name in ("events", "identities", "series")))
        start = time.process_time()
        world = World(make_plan(loaded.spec), sinks)
        world.run()
        world.journal.digest()
        assert isinstance(sinks.events, ChunkFolder)
        assert isinstance(sinks.series, ChunkFolder)
        sinks.events.merge(Path(folder) / "events.parquet", events_schema(KINDS))
        sinks.series.merge(Path(folder) / "series.parquet", SERIES_SCHEMA)
        cpu_s = time.process_time() - start
    return {
        "cpu_s": cpu_s,
        "events": world.engine.dispatched,
        "pods": world.store.created,
        "records": world.journal.count,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main() -> None:
    """Run what the command line names."""
    load, *words = sys.argv[1:]
    if load in DECISIONS:
        print(json.dumps(asdict(measure_decisions(load, *map(int, words)))))
        return
    if load in CPU_CHANGES:
        print(json.dumps(measure_changes(load, *map(int, words))))
        return
    if load == "walks":
        print(json.dumps(measure_walks(*map(int, words))))
        return
    minions, pods = int(words[0]), int(words[1])
    if load == "dump":
        print(json.dumps(measure_dump(minions, pods)))
        return
    if load == "machine":
        loaded = machine(minions, pods, policy=words[2] if words[2:] else "best-fit")
    elif load == "control":
        loaded = control(minions, pods, until=words[2], crashes=words[3:] != ["quiet"])
    elif load == "cold":
        loaded = cold(minions, pods, until=words[2])
    elif load == "hungry":
        loaded = hungry(minions, pods, until=words[2])
    elif load == "storm":
        loaded = storm(minions, warm=words[2:] == ["warm"])
    else:
        loaded = crowd(minions, pods, until=words[2], generations=int(words[3]), stay=words[4:] == ["stay"])
    print(json.dumps(measure(loaded)))


if __name__ == "__main__":
    main()
