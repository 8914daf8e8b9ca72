"""What the scheduler's queue and preemption come to in whole runs."""

from __future__ import annotations

import pytest

from models.control.kubescheduler import KubeScheduler
from models.testing.rest import broken_at_rest
from models.world import World
from tests.support.worlds import ran, records


def world(controllers: str, *, minions: int = 3, extra: str = "", seed: int = 1, until: str = "5m") -> World:
    return ran(
        f"""
until: {until}
seed: {seed}
cluster:
  minions: [{{name: m, count: {minions}, cpu: 1, memory: 8Gi}}]
controllers: [{controllers}]
master: {{timing: kubernetes}}
policy: {{scheduler: worst-fit}}
{extra}
"""
    )


LOW = "{name: low, replicas: 6, pod: {cpu: 450m, memory: 64Mi, priority: 10}}"
HIGH = "{name: high, start: 30s, replicas: 2, pod: {cpu: 800m, memory: 64Mi, priority: 1000}}"


def of(found: World, kind: str, owner: str) -> list[dict[str, object]]:
    return [row for row in records(found, kind) if (row["owner"] or "").endswith(owner)]


def where(rows: list[dict[str, object]]) -> dict[object, object]:
    return {row["object"]: row["minion"] for row in rows}


@pytest.mark.parametrize("seed", range(5))
def test_who_is_more_important_takes_the_room_of_others(seed: int) -> None:
    found = world(f"{LOW}, {HIGH}", seed=seed)
    preempted, nominated = records(found, "pod_preempted"), of(found, "pod_nominated", "high")
    assert len(preempted) == 4  # two on each of two minions
    assert len({row["minion"] for row in nominated}) == 2
    assert {row["minion"] for row in preempted} == {row["minion"] for row in nominated}
    bound = of(found, "pod_bound", "high")
    assert where(bound) == where(nominated)
    assert sum(1 for row in records(found, "pod_removed")) == 4
    # The second attempt is at once, as the report of the first wakes who backs off: 2 s, then the next pass.
    for row in bound:
        assert 2.0 <= row["time_s"] - 30.0 <= 3.3
    assert broken_at_rest(found) == []


def test_a_victim_has_its_grace() -> None:
    extra = "kubelet: {terminate: 5s}"
    found = world(f"{LOW}, {HIGH}", extra=extra)
    asked = {row["object"]: row["time_s"] for row in records(found, "pod_terminating")}
    gone = {row["object"]: row["time_s"] for row in records(found, "pod_removed")}
    assert asked.keys() == gone.keys()
    assert all(5.0 <= gone[name] - asked[name] <= 5.1 for name in gone)
    assert len(records(found, "pod_preempted")) == 4  # nobody preempts again while victims still go


def test_equals_do_not_preempt_each_other() -> None:
    found = world(f"{LOW}, {HIGH.replace('1000', '10')}")
    assert records(found, "pod_preempted") == []
    assert of(found, "pod_bound", "high") == []


def test_who_is_not_to_preempt_waits() -> None:
    found = world(f"{LOW}, {HIGH.replace('priority: 1000', 'priority: 1000, preempts: false')}")
    assert records(found, "pod_preempted") == []
    assert of(found, "pod_bound", "high") == []


def test_what_preemption_cannot_help_preempts_nobody() -> None:
    found = world(f"{LOW}, {HIGH.replace('800m', '1200m')}")
    assert records(found, "pod_preempted") == []


def test_room_for_the_nominated_is_not_for_the_less_important() -> None:
    # The controller of the victims makes new ones at once; they must not take what was made free.
    found = world(f"{LOW}, {HIGH}")
    first = min(row["time_s"] for row in records(found, "pod_preempted"))
    last = max(row["time_s"] for row in of(found, "pod_bound", "high"))
    between = [row for row in of(found, "pod_bound", "low") if first < row["time_s"] < last]
    assert between == []


def test_who_waits_for_room_is_refused_once_where_nothing_changes() -> None:
    full = "{name: a, replicas: 3, pod: {cpu: 900m, memory: 64Mi}}"
    late = "{name: b, start: 10s, replicas: 1, pod: {cpu: 500m, memory: 64Mi}}"
    found = world(f"{full}, {late}")
    assert [row["reason"] for row in of(found, "pod_unschedulable", "/b")] == [
        "0 of 3 minions: Insufficient cpu x 3"
    ]
    assert of(found, "pod_bound", "/b") == []


def test_a_scheduler_that_starts_again_knows_whom_it_nominated() -> None:
    restart = "faults: [{name: again, at: 31s, restart: {client: scheduler}}]"
    found = world(f"{LOW}, {HIGH}", extra=f"{restart}\nkubelet: {{terminate: 8s}}")
    assert isinstance(found.scheduler, KubeScheduler)
    assert len(records(found, "pod_preempted")) == 4
    bound, nominated = of(found, "pod_bound", "high"), of(found, "pod_nominated", "high")
    assert where(bound) == where(nominated)
    assert broken_at_rest(found) == []
