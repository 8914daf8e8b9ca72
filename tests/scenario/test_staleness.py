"""Staleness is real: what a controller does not know yet it does twice, unless it waits; and two copies live at once."""

from __future__ import annotations

from typing import Any

import pytest

from models.world import World
from tests.support.worlds import ran, records

TEXT = """
until: {until}
cluster: {{minions: [{{name: m, count: 4, cpu: 64, memory: 64Gi}}]}}
controllers: [{{name: web, replicas: {replicas}, pod: {{cpu: 10m, memory: 1Mi}}}}]
master: {{timing: kubernetes, expectations: {expectations}, watchLag: {lag}}}
"""


def created(replicas: int, lag: str, *, expectations: bool, until: str = "60s") -> int:
    text = TEXT.format(
        replicas=replicas, lag=lag, expectations="true" if expectations else "false", until=until
    )
    world = ran(text)
    return len(records(world, "pod_created"))


@pytest.mark.parametrize("replicas", [1, 5, 40])
def test_without_expectations_pods_are_created_twice_if_and_only_if_the_watch_lags(replicas: int) -> None:
    assert created(replicas, "0s", expectations=False) == replicas
    assert created(replicas, "1s", expectations=False) > replicas


@pytest.mark.parametrize("replicas", [1, 5, 40, 700])
@pytest.mark.parametrize("lag", ["0s", "1s", "{exponential: {mean: 20s}}"])
def test_with_expectations_they_never_are(replicas: int, lag: str) -> None:
    assert created(replicas, lag, expectations=True, until="20m") == replicas


def test_a_controller_that_hears_nothing_makes_nothing_twice() -> None:
    """Its expectations hold it for 5 minutes; it lists afresh when the loss is over."""
    world = ran(
        """
until: 20m
cluster: {minions: [{name: m, count: 4, cpu: 64, memory: 64Gi}]}
controllers:
  - {name: web, replicas: 5, start: 10s, pod: {cpu: 10m, memory: 1Mi}, scale: [{at: 4m, replicas: 6}, {at: 6m, replicas: 7}]}
faults: [{name: deaf, at: 10100ms, watch: {client: replication, loss: 1}, for: 180s}]
master: {timing: kubernetes, watchLag: 0s, apiLatency: 300ms}
"""
    )
    times = [row["time_s"] for row in records(world, "pod_created")]
    assert len(times) == 7
    assert [time for time in times if 15 < time < 190] == []


def copies(world: World) -> list[tuple[float, int]]:
    """How many pods of one controller run in truth, from the journal alone: (time, running) at each change."""
    running: set[str] = set()
    steps: list[tuple[float, int]] = []
    for row in records(world):
        if row["kind"] == "pod_started":
            running.add(row["object"])
        elif row["kind"] in {"pod_stopped", "pod_removed"}:
            running.discard(row["object"])
        else:
            continue
        steps.append((row["time_s"], len(running)))
    return steps


CUT = """
until: 30m
seed: 3
cluster: {minions: [{name: m, count: 3, cpu: 2, memory: 8Gi}]}
controllers: [{name: web, replicas: 1, pod: {cpu: 1, memory: 64Mi}}]
services: [{name: web, selector: {app: web}}]
policy: {scheduler: first-fit}
faults: [{name: cable, at: 5m, cutOff: {minion: m-0}, for: 15m}]
"""


def test_a_minion_that_is_cut_off_runs_on_what_its_replacement_runs_elsewhere() -> None:
    world = ran(CUT)
    steps = copies(world)
    assert max(count for _, count in steps) == 2
    (twice_s,) = [time for time, count in steps if count == 2]
    once_s = next(time for time, count in steps if time > twice_s and count == 1)
    evicted: list[dict[str, Any]] = records(world, "pod_terminating")
    assert [row["object"] for row in evicted] == ["pod/default/web-0"]
    assert evicted[0]["time_s"] < twice_s < evicted[0]["time_s"] + 5
    # Nobody can tell it before the cable is in again.
    assert 20 * 60 < once_s < 20 * 60 + 60
    assert min(count for time, count in steps if time > 10) == 1


def test_a_minion_that_dies_has_no_second_copy() -> None:
    world = ran(CUT, "faults.0={name: dies, at: 5m, crash: {minion: m-0}, repair: 15m}")
    assert max(count for _, count in copies(world)) == 1


def test_what_is_lost_is_made_again_only_when_expectations_have_timed_out() -> None:
    """Half of what a controller should hear never comes, and nobody lists afresh."""
    early, late = set(), set()
    for seed in range(6):
        world = ran(
            f"""
seed: {seed}
until: 20m
cluster: {{minions: [{{name: m, count: 4, cpu: 64, memory: 64Gi}}]}}
controllers:
  - name: web
    start: 10s
    replicas: 8
    pod: {{cpu: 10m, memory: 1Mi}}
    scale: [{{at: 7m, replicas: 9}}, {{at: 8m, replicas: 8}}, {{at: 9m, replicas: 9}}]
faults: [{{name: deaf, at: 10100ms, watch: {{client: replication, loss: 0.5}}}}]
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 200ms}}
"""
        )
        times = [row["time_s"] for row in records(world, "pod_created")]
        early.add(len([time for time in times if time < 310]))
        late.add(len(times))
    assert early == {8}
    assert max(late) > 9
