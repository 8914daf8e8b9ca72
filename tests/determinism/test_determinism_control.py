"""With a control plane too the same seed gives the same bits, and another policy meets the same faults."""

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
until: 2d
cluster: {minions: [{name: web, count: 20, cpu: 4, memory: 16Gi, domains: {zone: [a, b]}}]}
controllers:
  - {name: api, replicas: 60, pod: {cpu: 500m, memory: 256Mi, labels: {app: api}}, scale: [{at: 10h, replicas: 20}]}
  - {name: db, replicas: 30, pod: {cpu: 700m, memory: 1Gi, labels: {app: db}}, delete: {at: 30h, policy: foreground}}
  - name: web
    replicas: 12
    pod:
      labels: {app: web}
      initContainers: [{name: fetch, runs: {exponential: {mean: 3s}}}]
      containers:
        - name: app
          cpu: 100m
          runs: {exponential: {mean: 6h}}
          exitCode: 1
          healthyFrom: {uniform: {low: 5s, high: 30s}}
          probes: {readiness: {}, liveness: {initialDelay: 30s}}
        - {name: log, cpu: 50m, stops: {uniform: {low: 1s, high: 9s}}}
services:
  - {name: api, selector: {app: api}}
  - {name: db, selector: {app: db}}
faults:
  - name: crashes
    crash: {minions: all}
    timeToFailure: {weibull: {shape: 0.75, mean: 5d}}
    repair: {lognormal: {median: 60m, sigma: 1.4}}
  - {name: cables, cutOff: {minions: all}, timeToFailure: {exponential: {mean: 8d}}, for: {exponential: {mean: 10m}}}
  - {name: outages, outage: {of: master}, timeToFailure: {exponential: {mean: 9h}}, for: {exponential: {mean: 3m}}}
  - {name: kills, kill: {pods: app=api, count: 3, mode: kill}, timeToFailure: {exponential: {mean: 2h}}}
  - {name: slow, slow: {pods: app=web, count: 4}, timeToFailure: {exponential: {mean: 5h}}, for: 2m}
  - {name: restarts, restart: {client: replication}, timeToFailure: {exponential: {mean: 7h}}}
  - {name: deaf, watch: {client: all, lag: 2s, loss: 0.2}, timeToFailure: {exponential: {mean: 12h}}, for: 5m}
"""


def run(*sets: str) -> tuple[str, pl.DataFrame]:
    spec = load_scenario_text(TEXT, "same.yaml", sets=sets, vocabulary=vocabulary())
    sink = ChunkMemory()
    world = World(make_plan(spec), Sinks(sink, ChunkMemory(), ChunkMemory()))
    world.run()
    return world.journal.digest(), pl.from_arrow(sink.whole())  # type: ignore[return-value]


def test_one_digest_over_hash_seeds_and_processes() -> None:
    here, _ = run()
    program = "import test_determinism_control as t; print(t.run()[0])"
    for hash_seed in ("0", "271828"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": os.path.dirname(__file__),
        }
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == here


def test_two_seeds_give_two_digests() -> None:
    assert run()[0] != run("seed=6")[0]


def test_another_policy_meets_the_same_faults() -> None:
    (one, first), (two, second) = run("policy.scheduler=first-fit"), run("policy.scheduler=worst-fit")
    assert one != two
    kinds = ["fault_began", "fault_ended", "minion_crashed", "minion_repaired", "controller_scaled"]
    frames = []
    for frame in (first, second):
        chosen = frame.filter(pl.col("kind").cast(pl.String).is_in(kinds)).drop("seq", "cause", "revision")
        frames.append(chosen.with_columns(pl.col(pl.Categorical).cast(pl.String)))
    assert frames[0].height > 100
    assert frames[0].equals(frames[1])
