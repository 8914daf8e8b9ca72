"""What becomes of the pods of a controller that is deleted."""

from __future__ import annotations

import pytest

from models.testing.rest import broken_at_rest
from models.world import World
from tests.support.worlds import ran, records

TEXT = """
until: 10m
cluster: {{minions: [{{name: m, count: 3, cpu: 4, memory: 8Gi}}]}}
controllers:
  - {{name: web, replicas: {pods}, pod: {{cpu: 10m, memory: 1Mi}}, delete: {{at: {at}, policy: {policy}}}}}
  - {{name: other, start: 5m, replicas: 2, pod: {{cpu: 10m, memory: 1Mi, labels: {{app: web}}}}}}
services: [{{name: web, selector: {{app: web}}}}]
master: {{timing: kubernetes, watchLag: 10ms, apiLatency: 1ms}}
faults: [{faults}]
"""


def world(policy: str, *faults: str, at: str = "1m", pods: int = 8) -> World:
    return ran(TEXT.format(policy=policy, at=at, pods=pods, faults=", ".join(faults)))


def times(found: World, kind: str, name: str = "web") -> list[float]:
    return [row["time_s"] for row in records(found, kind) if f"/{name}" in (row["owner"] or row["object"])]


def test_in_the_background_it_goes_first() -> None:
    found = world("background")
    (gone,) = times(found, "controller_removed")
    assert gone == 60
    assert len(times(found, "pod_terminating")) == 8
    assert min(times(found, "pod_terminating")) > 60
    assert broken_at_rest(found) == []


def test_in_the_foreground_it_goes_last() -> None:
    found = world("foreground")
    (gone,) = times(found, "controller_removed")
    assert gone > max(times(found, "pod_removed"))
    assert len(times(found, "pod_removed")) == 8
    assert broken_at_rest(found) == []


def test_orphans_stay_and_the_next_adopts_them() -> None:
    found = world("orphan")
    assert [time for time in times(found, "pod_removed") if time < 300] == []
    assert len([time for time in times(found, "pod_owned", "other") if time >= 300]) == 8
    # It wants two: six of the eight are ended, and none is made.
    assert times(found, "pod_created", "other") == []
    assert len(found.pods_there()) == 2
    assert broken_at_rest(found) == []


@pytest.mark.parametrize("policy", ["background", "foreground", "orphan"])
@pytest.mark.parametrize("at", ["20ms", "30ms", "50ms", "1s", "6s"])
def test_a_controller_deleted_while_it_creates_leaves_nothing_behind(policy: str, at: str) -> None:
    found = world(policy, at=at, pods=250)
    assert broken_at_rest(found) == []
    assert len(found.pods_there()) == 2


@pytest.mark.parametrize("policy", ["background", "foreground", "orphan"])
@pytest.mark.parametrize("at", ["59s", "60010ms", "61s"])
def test_a_deletion_outlives_an_outage_and_lost_deliveries(policy: str, at: str) -> None:
    for fault in ("outage: {of: master}", "watch: {client: all, loss: 1}"):
        found = world(policy, f"{{name: f, at: {at}, {fault}, for: 30s}}")
        assert broken_at_rest(found) == []
        assert len(found.pods_there()) == 2
