"""With leaks, file pages, evictions and kills too the same seed gives the same bits, whatever the process."""

from __future__ import annotations

import os
import subprocess
import sys

from models.api.loading import load_scenario_text
from models.catalog import vocabulary
from models.plan import make_plan
from models.world import Sinks, World
from sim.journalchunks import ChunkMemory

TEXT = """apiVersion: wavetank/v1
name: same
seed: 5
until: 1h
cluster: {minions: [{name: m, count: 6, cpu: 8, memory: 8Gi}]}
policy: {scheduler: kubernetes}
images:
  - {name: "a:1", layers: [{name: base, size: 100M}, {name: a, size: 200M}]}
  - {name: "b:1", layers: [{name: base}, {name: b, size: 150M}]}
controllers:
  - name: a
    replicas: 40
    pod: {containers: [{name: a, image: "a:1", memory: 300Mi, uses: {memory: {uniform: {low: 100Mi, high: 500Mi}}, reads: 600M}}]}
  - name: b
    replicas: 10
    pod: {containers: [{name: b, image: "b:1", uses: {memory: 200Mi, leak: 3Mi/s, reads: 300M}}]}
  - name: c
    replicas: 4
    pod: {containers: [{name: c, image: "b:1", memory: 1Gi, limits: {memory: 2Gi}, uses: {memory: 1Gi, leak: 40Mi/s, process: child}}]}
faults:
  - {name: crashes, crash: {minions: all}, timeToFailure: {exponential: {mean: 2h}}, repair: 5m}
"""


def digest(*sets: str) -> str:
    spec = load_scenario_text(TEXT, "same.yaml", sets=sets, vocabulary=vocabulary())
    world = World(make_plan(spec), Sinks(ChunkMemory(), ChunkMemory(), ChunkMemory()))
    world.run()
    return world.journal.digest()


def test_one_digest_over_hash_seeds_and_another_for_another_seed() -> None:
    here = digest()
    program = "import test_determinism_memory as t; print(t.digest())"
    folder = os.path.dirname(__file__)
    for hash_seed in ("0", "271828"):
        told = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={
                **os.environ,
                "PYTHONHASHSEED": hash_seed,
                "PYTHONPATH": os.pathsep.join([folder, *sys.path]),
            },
        ).stdout.strip()
        assert told == here
    assert digest("seed=6") != here
