"""Fork bombs on running minions, whatever limits them and whoever is beside them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.api.usage import CAPS
from models.machines.processes import SYSTEM_TASKS
from tests.support.worlds import records, world_of

_TEXT = """
until: 90s
cluster: {{minions: [{{name: m, cpu: {cpu}, memory: 4Gi, pids: {pool}, kernel: {{cgroup: {cgroup}, pidMax: {pid_max}}}}}]}}
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms}}
kubelet: {{start: 1s}}
caps: {{default: {cap}}}
controllers:
  - name: bomb
    replicas: {bombs}
    pod: {{containers: [{{name: app, cpu: 50m{limits}, uses: {{forks: {{perCpuSecond: {rate}, after: 5s}}{memory}}}}}]}}
  - name: other
    replicas: 3
    pod: {{containers: [
      {{name: app, cpu: 200m, uses: {{cpu: {{uniform: {{low: 100m, high: 2}}}}, redraw: 7s, processes: 30}}}}]}}
"""
_LIMITS = st.sampled_from(
    [
        "",
        ", limits: {pids: 40}",
        ", limits: {cpu: 300m}",
        ", limits: {memory: 64Mi}",
        ", limits: {cpu: 1, memory: 1Gi}",
    ]
)


@settings(max_examples=40, deadline=None)
@given(
    cpu=st.sampled_from(["1", "2.5", "4"]),
    pool=st.sampled_from([0, -1, 50, 500]),
    cgroup=st.sampled_from(["v1", "v2"]),
    pid_max=st.sampled_from([301, 500, 2000, 32768]),
    cap=st.sampled_from(CAPS),
    bombs=st.integers(1, 3),
    limits=_LIMITS,
    rate=st.sampled_from([5, 300, 20000]),
    memory=st.sampled_from(["", ", memory: 10Mi"]),
)
def test_no_limit_is_passed_events_are_few_and_counts_add_up(**given: object) -> None:
    world = world_of(_TEXT.format(**given))
    world.run()
    machines = world.machines
    table = machines.processes.table(0)
    bombs = machines.bombs.on(0)
    assert table.tasks <= int(str(given["pid_max"]))
    assert all(
        group.limit is None or group.tasks <= group.limit
        for bomb in bombs
        for group in bomb.processes.group.path()
    )
    mine = sum(bomb.processes.count for bomb in bombs)
    assert table.tasks >= SYSTEM_TASKS + mine
    # The others have 30 each; a container of a bomb that has not begun yet has its first.
    waiting = int(str(given["bombs"])) - len(bombs)
    assert (table.tasks - SYSTEM_TASKS - mine) % 30 <= waiting or table.left == 0
    for bomb in bombs:
        assert bomb.use.forked <= bomb.processes.count
        assert bomb.use.task.threads >= bomb.use.forked
        held = bomb.memory.at(world.engine.now_s)
        assert held >= bomb.use.forked * bomb.process_bytes * (1 - 1e-9)
    kinds = {"fork_bomb_began", "fork_bomb_grew", "fork_bomb_limited"}
    by_bomb: dict[object, int] = {}
    for row in records(world, *kinds):
        # A life of a bomb: from where it began to where it is met by its limit or dies.
        key = row["seq"] if row["kind"] == "fork_bomb_began" else row["cause"]
        by_bomb[key] = by_bomb.get(key, 0) + 1
    assert max(by_bomb.values(), default=0) <= 50
    assert world.fleet.adds_up() is None


@pytest.mark.parametrize("pids", [2, 3, 1000, 30000])
def test_one_bomb_costs_few_events_from_its_start_to_its_death(pids: int) -> None:
    """What the engine runs with the bomb, and without: growth, its limit, and what is stopped at the end."""

    def events(forks: str) -> int:
        text = f"""
until: 10m
cluster: {{minions: [{{name: m, cpu: 4, memory: 64Gi}}]}}
controllers:
  - name: bomb
    replicas: 1
    delete: {{at: 5m}}
    pod: {{grace: 5s, containers: [{{name: app, cpu: 1, limits: {{pids: {pids}}}, uses: {{processes: 1{forks}}}}}]}}
"""
        world = world_of(text)
        world.run()
        return world.engine.dispatched

    assert events(", forks: {after: 10s}") - events("") <= 50
