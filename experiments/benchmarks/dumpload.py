"""What it takes to load a cluster's dump: from the file to a scenario that can be run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from models.api.loading import read_scenario
from models.catalog import vocabulary
from models.plan import make_plan

__all__ = ["measure_dump"]

_SCENARIO = "apiVersion: wavetank/v1\nname: own\nuntil: 1h\nworkloads: [{manifest: dump.json}]\n"


def measure_dump(nodes: int, pods: int) -> dict[str, float]:
    """Make a dump, load it and plan a run of it; seconds of loading and planning, by CPU and by the clock."""
    with tempfile.TemporaryDirectory() as folder:
        dump, scenario = Path(folder) / "dump.json", Path(folder) / "own.yaml"
        # By a process of its own: what it leaves in memory does not bear on the loading.
        words = ["-m", "experiments.dumps", "--nodes", str(nodes), "--pods", str(pods), str(dump)]
        subprocess.run([sys.executable, *words], check=True)
        scenario.write_text(_SCENARIO, encoding="utf-8")
        size = dump.stat().st_size
        start, start_cpu = time.perf_counter(), time.process_time()
        make_plan(read_scenario(scenario, vocabulary=vocabulary()).spec)
        cpu_s, wall_s = time.process_time() - start_cpu, time.perf_counter() - start
    return {"cpu_s": cpu_s, "wall_s": wall_s, "bytes": size}
