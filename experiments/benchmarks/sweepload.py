"""How much of two cores a sweep uses: 64 runs of about a second on 2 warm workers, against bare copies."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from experiments.benchmarks.worker import measure
from experiments.runfolder import new_folder
from experiments.sweep import Design, run_sweep

__all__ = ["sweep_efficiency"]

_SCENARIO = """apiVersion: wavetank/v1
name: second
until: 24h
cluster: {minions: [{name: web, count: 900, cpu: 16, memory: 64Gi}]}
workloads:
  - {name: app, count: 18000, arrivals: {poisson: {rate: 780/h}}, pod: {cpu: 250m, memory: 512Mi}, duration: 4h}
"""


def _bare(scenario: Path, first: int, runs: int) -> None:
    from experiments.checking import read_checked

    for seed in range(first, first + runs):
        measure(read_checked(scenario, [f"seed={seed}"]))


def _bare_rate(pool: ProcessPoolExecutor, scenario: Path, runs: int) -> float:
    """Return runs per second of two copies that do nothing but the work."""
    start = time.perf_counter()
    for future in [pool.submit(_bare, scenario, 1 + runs * copy, runs) for copy in range(2)]:
        future.result()
    return 2 * runs / (time.perf_counter() - start)


def sweep_efficiency(runs: int = 64) -> float:
    """Return the runs per second of a sweep over those of two bare copies, measured before and after it."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "second.yaml"
        scenario.write_text(_SCENARIO)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            _bare_rate(pool, scenario, 1)  # warm
            warm = Design.of(scenario, "warm", [], 2, 1)
            run_sweep(warm, new_folder(Path(folder), "warm"), 2, pool=pool)
            before = _bare_rate(pool, scenario, 8)
            design = Design.of(scenario, "second", [], runs, 1)
            start = time.perf_counter()
            run_sweep(design, new_folder(Path(folder), "second"), 2, pool=pool)
            rate = runs / (time.perf_counter() - start)
            after = _bare_rate(pool, scenario, 8)
    return rate / ((before + after) / 2)
