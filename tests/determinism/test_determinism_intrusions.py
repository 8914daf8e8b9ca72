"""With attackers too the same seed gives the same bits; a mechanism more changes what they win and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.worlds import ran, records

TEXT = """seed: 5
until: 2d
cluster: {minions: [{name: m, count: 6, cpu: 8, memory: 32Gi, kernel: {version: "5.10", cgroup: v1}}]}
controllers:
  - {name: a, replicas: 12, pod: {cpu: 100m}}
  - {name: b, replicas: 6, pod: {containers: [{name: b, cpu: 1, probes: {liveness: {period: 10s}}}]}}
isolation: {default: kubernetes, pods: [{pods: b, profile: docker}]}
faults:
  - {name: crashes, crash: {minions: all}, timeToFailure: {exponential: {mean: 1d}}, repair: 5m}
  - name: one-after-the-other
    timeToFailure: {exponential: {mean: 4h}}
    compromise: {pods: all, count: 1, does: [spread, starve, kill], detect: {exponential: {mean: 2h}}, respond: [kill, drain, rebuild], rebuilt: 20m}
  - {name: many, at: 1h, compromise: {pods: all}}
"""
QUIET = TEXT.replace("does: [spread, starve, kill], ", "").replace(
    "respond: [kill, drain, rebuild]", "respond: []"
)


def digest(*sets: str) -> str:
    world = ran(TEXT, *sets)
    assert len(records(world, "intrusion_answered")) > 5
    assert len(records(world, "pod_compromised")) > 20
    return world.journal.digest()


def test_one_digest_over_hash_seeds_and_another_for_another_seed() -> None:
    here = digest()
    program = "import tests.determinism.test_determinism_intrusions as t; print(t.digest())"
    for hash_seed in ("0", "271828"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.getcwd()}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == here
    assert digest("seed=6") != here


def _others(world) -> list[tuple[object, ...]]:
    """All records that no attacker is in, without what counts records."""
    theirs = ("pod_compromised", "techniques_tried", "privilege_won", "minion_taken", "foothold_lost")
    return [
        tuple(value for key, value in row.items() if key not in ("seq", "cause"))
        for row in records(world)
        if row["kind"] not in (*theirs, "intrusion_detected")
    ]


@pytest.mark.parametrize("mechanism", ["seccomp", "no-new-privileges", "pids-limit", "drop-all-capabilities"])
def test_a_mechanism_that_opens_nothing_lets_no_attacker_be_earlier_and_changes_nothing_else(
    mechanism,
) -> None:
    """Where attackers do nothing to the cluster, a posture more or less is theirs alone: all else stays to the bit."""
    without, having = (ran(QUIET, f"isolation.mechanisms={{add: [{added}]}}") for added in ("", mechanism))
    assert _others(without) == _others(having)
    firsts = []
    for world in (without, having):
        first: dict[tuple[str, str], float] = {}
        for row in records(world, "privilege_won"):
            first.setdefault((row["object"], row["reason"].split(" by ")[0]), row["time_s"])
        firsts.append(first)
    before, after = firsts
    assert len(before) > 50
    for key, time_s in after.items():
        assert before.get(key, float("inf")) <= time_s, key
    assert before != after or mechanism == "no-new-privileges", "root is theirs from the start"
