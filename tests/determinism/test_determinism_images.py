"""With images too the same seed gives the same bits, whatever the process; another seed gives others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from models.api.loading import load_scenario_text
from models.catalog import vocabulary
from models.plan import make_plan
from models.world import Sinks, World
from sim.journalchunks import ChunkMemory

TEXT = """apiVersion: wavetank/v1
name: same
seed: 5
until: 2h
cluster: {minions: [{name: m, count: 12, cpu: 8, memory: 32Gi, imageDisk: 3G}]}
images:
  - {name: "a:1", layers: [{name: base, size: 100M}, {name: a, size: 200M}]}
  - {name: "b:1", layers: [{name: base}, {name: b, size: 150M}, {name: c, size: 50M}]}
registry: {bandwidth: 200M/s, perMinion: 50M/s, latency: {exponential: {mean: 1s}}, serialPulls: false}
controllers:
  - {name: a, replicas: 20, pod: {containers: [{name: a, image: "a:1", cpu: 1}]}, scale: [{at: 30m, replicas: 30}]}
  - {name: b, replicas: 20, pod: {containers: [{name: b, image: "b:1", cpu: 1}, {name: a, image: "a:1"}]}}
workloads:
  - name: jobs
    arrivals: {poisson: {rate: 30/h}}
    pod: {restartPolicy: Never, containers: [{name: j, image: "job", cpu: 100m, runs: {exponential: {mean: 5m}}}]}
faults:
  - {name: crashes, crash: {minions: all}, timeToFailure: {exponential: {mean: 3h}}, repair: 5m}
  - {name: out, outage: {of: registry}, timeToFailure: {exponential: {mean: 30m}}, for: {exponential: {mean: 2m}}}
"""


def digest(*sets: str) -> str:
    spec = load_scenario_text(TEXT, "same.yaml", sets=sets, vocabulary=vocabulary())
    world = World(make_plan(spec), Sinks(ChunkMemory(), ChunkMemory(), ChunkMemory()))
    world.run()
    assert world.plane is not None
    assert world.plane.images is not None
    return world.journal.digest()


@pytest.mark.parametrize("policy", ["best-fit", "kubernetes"])
def test_one_digest_over_hash_seeds_and_another_for_another_seed(policy: str) -> None:
    chosen = f"policy.scheduler={policy}"
    here = digest(chosen)
    program = f"import test_determinism_images as t; print(t.digest('{chosen}'))"
    folder = os.path.dirname(__file__)
    for hash_seed in ("0", "271828"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": folder}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == here
    assert digest(chosen, "seed=6") != here
