"""Pods that say nothing of what they use weigh in their class all the same, from their admission until they are gone."""

from __future__ import annotations

import pytest

from models.world import World
from tests.support.worlds import world_of

_TEXT = """
until: 10m
caps: shares
cluster:
  minions: [{{name: a, count: 1, cpu: 2, memory: 8Gi}}]
controllers:
  - name: sure
    replicas: 1
    pod:
      containers: [{{name: c, cpu: 500m, memory: 1Gi, limits: {{cpu: 500m, memory: 1Gi}}, uses: {{threads: 4}}}}]
  - name: burst
    replicas: 1
    pod: {{containers: [{{name: c, cpu: 250m, memory: 1Gi, uses: {{threads: 4}}}}]}}
workloads:
  - name: silent
    count: 1
    arrivals: {{at: 2m}}
{duration}    pod: {pod}
"""


def cores(world: World, at_s: float) -> list[float]:
    """What the two busy pods have at a time, in order of start."""
    world.engine.run(at_s)
    return [task.rate for task in world.machines.usages.kernels.tasks(0)]


@pytest.mark.parametrize(
    ("pod", "weight"),
    [
        ("{cpu: 750m, memory: 1Gi}", 768),
        ("{containers: [{name: c, cpu: 500m}, {name: d, cpu: 250m}]}", 768),
        ("{containers: [{name: c, cpu: 750m, memory: 1Gi, limits: {cpu: 750m, memory: 1Gi}}]}", 0),
        ("{containers: [{name: c}]}", 0),
    ],
    ids=["plain", "containers", "Guaranteed", "BestEffort"],
)
def test_a_silent_pod_weighs_in_its_class_while_it_is_there(pod: str, weight: int) -> None:
    """By hand: 512 against 256, and what the silent pod brings to the class Burstable."""
    world = world_of(_TEXT.format(pod=pod, duration="" if "containers" in pod else "    duration: 4m\n"))
    alone = pytest.approx([2 * 512 / 768, 2 * 256 / 768])
    assert cores(world, 100.0) == alone
    total = 512 + 256 + weight
    assert cores(world, 200.0) == pytest.approx([2 * 512 / total, 2 * (256 + weight) / total])
    if "containers" not in pod:
        assert cores(world, 500.0) == alone
