"""The same seed gives the same bits, whatever the process; another policy meets the same pods and crashes."""

from __future__ import annotations

import os
import subprocess
import sys

import polars as pl

from models.api.loading import load_scenario_text
from models.catalog import vocabulary
from models.plan import make_plan
from models.world import Sinks, World
from sim.journalchunks import ChunkMemory

TEXT = """apiVersion: wavetank/v1
name: same
seed: 5
until: 6d
cluster: {minions: [{name: web, count: 20, cpu: 4, memory: 16Gi, domains: {zone: [a, b]}}]}
workloads:
  - name: batch
    arrivals: {batch: {every: {exponential: {mean: 3h}}, size: {uniform: {low: 5, high: 40}}}}
    pod: {cpu: {lognormal: {median: 700m, sigma: 0.5}}, memory: {exponential: {mean: 1Gi}}}
    duration: {lognormal: {median: 4h, sigma: 1}}
    withdrawAfter: 5h
faults:
  - name: crashes
    crash: {minions: all}
    timeToFailure: {weibull: {shape: 0.75, mean: 5d}}
    repair: {lognormal: {median: 60m, sigma: 1.4}}
"""


def run(*sets: str) -> tuple[str, pl.DataFrame]:
    spec = load_scenario_text(TEXT, "same.yaml", sets=sets, vocabulary=vocabulary())
    sink = ChunkMemory()
    world = World(make_plan(spec), Sinks(sink, ChunkMemory(), ChunkMemory()))
    world.run()
    return world.journal.digest(), pl.from_arrow(sink.whole())  # type: ignore[return-value]


def test_one_digest_over_hash_seeds_and_processes() -> None:
    here, _ = run()
    program = "import test_determinism as t; print(t.run()[0])"
    folder = os.path.dirname(__file__)
    for hash_seed in ("0", "1", "271828"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": folder}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == here


def test_two_seeds_give_two_digests() -> None:
    assert run()[0] != run("seed=6")[0]


def test_another_policy_meets_the_same_submissions_and_crashes() -> None:
    (one, first), (two, second) = run("policy.scheduler=first-fit"), run("policy.scheduler=random")
    assert one != two
    kinds = ["pod_created", "minion_crashed", "minion_repaired", "fault_began", "fault_ended"]
    frames = []
    for frame in (first, second):
        chosen = frame.filter(pl.col("kind").cast(pl.String).is_in(kinds)).drop("seq", "cause", "revision")
        frames.append(chosen.with_columns(pl.col(pl.Categorical).cast(pl.String)))
    assert frames[0].height > 500
    assert frames[0].equals(frames[1])
