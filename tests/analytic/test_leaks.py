"""A leak against the closed form of who meets it first: the kubelet at its next pass, or the kernel (FACTS L37)."""

from __future__ import annotations

import math

import pytest

from tests.support.worlds import ran, records

_FREE, _CALM, _FIRST, _LEAST = 4096, 600, 200, 100
"""MiB of the minion, of the others, of the one that leaks at its start, and of the threshold."""
_TEXT = """
seed: {seed}
until: 20m
cluster: {{minions: [{{name: m, count: 1, cpu: 4, memory: 4Gi}}]}}
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms}}
policy: {{scheduler: first-fit}}
controllers:
  - {{name: calm, replicas: 2, pod: {{containers: [{{name: app, memory: 300Mi, uses: {{memory: 300Mi}}}}]}}}}
  - {{name: leaky, replicas: 1, start: 1s, pod: {{containers: [{{name: app, memory: 100Mi, uses: {{memory: 200Mi, leak: {rate}Mi/s}}}}]}}}}
"""


@pytest.mark.parametrize("rate", [4, 9, 10, 11, 12, 15, 20, 25, 40, 100, 400])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_meets_a_leak_first_and_when(rate: int, seed: int) -> None:
    found = ran(_TEXT.format(rate=rate, seed=seed))
    began_s = next(row["time_s"] for row in records(found, "container_started") if "leaky" in row["object"])
    phase_s = found.plan.streams.stream("kubelet.eviction_phase").at("m", 0) * 10
    left = _FREE - _CALM - _FIRST
    low_s, empty_s = began_s + (left - _LEAST) / rate, began_s + left / rate
    pass_s = phase_s + math.ceil((low_s - phase_s) / 10) * 10
    first = records(found, "pod_evicted", "container_out_of_memory")[0]
    if pass_s < empty_s:
        assert (first["kind"], first["time_s"]) == ("pod_evicted", pytest.approx(pass_s, abs=1e-6))
    else:
        assert (first["kind"], first["time_s"]) == (
            "container_out_of_memory",
            pytest.approx(empty_s, abs=1e-6),
        )
    assert first["object"] == "pod/default/leaky-0"


def test_both_happen_among_these() -> None:
    kinds = {
        records(ran(_TEXT.format(rate=20, seed=seed)), "pod_evicted", "container_out_of_memory")[0]["kind"]
        for seed in range(1, 8)
    }
    assert kinds == {"pod_evicted", "container_out_of_memory"}
