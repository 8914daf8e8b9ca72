"""What operators do: cordon, taint, relabel, kill, restarts; and that an outage holds them off."""

from __future__ import annotations

import pytest

from models.testing.observers import written_in_outages
from models.testing.rest import broken_at_rest
from models.world import World
from tests.support.worlds import ran, records

TEXT = """
until: {until}
cluster: {{minions: [{{name: m, count: 3, cpu: 4, memory: 8Gi}}]}}
controllers:
  - {{name: web, replicas: 6, pod: {{cpu: 1, memory: 64Mi}}, scale: [{scale}]{more}}}
services: [{{name: web, selector: {{app: web}}}}]
master: {{timing: kubernetes, watchLag: {lag}, apiLatency: 1ms}}
policy: {{scheduler: worst-fit}}
faults: [{faults}]
"""


def world(*faults: str, until: str = "20m", scale: str = "", more: str = "", lag: str = "10ms") -> World:
    text = TEXT.format(until=until, scale=scale, more=more, lag=lag, faults=", ".join(faults))
    return ran(text)


def test_a_cordoned_minion_keeps_its_pods_and_gets_none() -> None:
    found = world(
        "{name: c, at: 1m, cordon: {minion: m-0}, for: 10m}",
        scale="{at: 2m, replicas: 10}, {at: 12m, replicas: 12}",
    )
    bound = [(row["time_s"], row["minion"]) for row in records(found, "pod_bound")]
    assert [minion for time, minion in bound if 60 < time < 660 and minion == "minion/m-0"] == []
    # The two that found no room wait for the end of it: 10 pods of 1 cpu, 8 places.
    assert len([1 for time, _ in bound if 120 < time < 660]) == 4
    assert [minion for time, minion in bound if time > 660] == ["minion/m-0"] * 2
    assert records(found, "pod_terminating") == []
    assert broken_at_rest(found) == []


def test_a_no_execute_taint_evicts_at_once_and_what_waits_comes_back_after() -> None:
    found = world(
        "{name: t, at: 1m, taint: {minion: m-0, key: maintenance}, for: 10m}", scale="{at: 5m, replicas: 10}"
    )
    gone = records(found, "pod_terminating")
    assert [row["minion"] for row in gone] == ["minion/m-0"] * 2
    assert all(60 < row["time_s"] < 60.2 for row in gone)
    assert {row["reason"] for row in gone} == {"TaintManagerEviction"}
    assert broken_at_rest(found) == []


def test_a_relabelled_pod_is_released_replaced_and_out_of_the_endpoints() -> None:
    found = world("{name: r, at: 1m, relabel: {pods: web, count: 1, labels: {app: debug}}}")
    (owned,) = records(found, "pod_owned")
    assert owned["owner"] is None
    assert len(records(found, "pod_created")) == 7
    assert len(found.pods_there()) == 7
    assert broken_at_rest(found) == []


def test_a_pod_relabelled_back_is_adopted_and_one_too_many_is_ended() -> None:
    found = world(
        "{name: r, at: 1m, relabel: {pods: web, count: 1, labels: {app: debug}}}",
        "{name: b, at: 2m, relabel: {pods: app=debug, labels: {app: web}}}",
    )
    assert len(records(found, "pod_owned")) == 2
    assert len(records(found, "pod_terminating")) == 1
    assert len(found.pods_there()) == 6
    assert broken_at_rest(found) == []


def test_relabelling_is_counted_by_who_the_watch_showed_as_owner() -> None:
    """The pods get ready and change hands before the manager hears of either."""
    found = world("{name: r, at: 4s, relabel: {pods: web, count: 4, labels: {app: debug}}}", lag="2s")
    assert broken_at_rest(found) == []


OUTAGE = "{name: o, at: 1m, outage: {of: master}, for: 2m}"


@pytest.mark.parametrize(
    "other",
    [
        "{name: f, at: 90s, cordon: {minion: m-0}, for: 10s}",
        "{name: f, at: 90s, taint: {minion: m-0, key: maintenance}, for: 3m}",
        "{name: f, at: 90s, kill: {pods: web, count: 2}}",
        "{name: f, at: 90s, kill: {pods: web, count: 2, mode: kill}}",
        "{name: f, at: 90s, relabel: {pods: web, count: 2, labels: {app: debug}}}",
        "{name: f, at: 90s, unready: {pods: web, count: 2}, for: 20s}",
        "{name: f, at: 90s, crash: {minion: m-0}, repair: 50s}",
        "{name: f, at: 30s, crash: {minion: m-0}, repair: 80s}",
        "{name: f, at: 90s, cutOff: {minion: m-0}, for: 10s}",
        "{name: f, at: 90s, outage: {of: master}, for: 60s}",
        "{name: f, at: 90s, restart: {client: replication}}",
        "{name: f, at: 90s, watch: {client: all, loss: 0.5}, for: 10s}",
    ],
)
def test_in_an_outage_nothing_is_written_whatever_happens_and_all_is_well_after(other: str) -> None:
    found = world(OUTAGE, other, scale="{at: 100s, replicas: 9}, {at: 110s, replicas: 5}")
    rows = records(found)
    assert list(written_in_outages(rows, {"fault/o"})) == []
    during = [row for row in rows if 60 < row["time_s"] < 180]
    assert any(row["layer"] == "truth" for row in during)
    assert broken_at_rest(found) == []


@pytest.mark.parametrize("client", ["scheduler", "replication", "endpoints", "lifecycle"])
@pytest.mark.parametrize("at", ["100ms", "1s", "60020ms", "60060ms", "61s"])
@pytest.mark.parametrize("lag", ["0s", "10ms", "2s"])
def test_a_controller_restarts_with_empty_memory_and_does_no_harm(client: str, at: str, lag: str) -> None:
    found = world(
        f"{{name: r, at: {at}, restart: {{client: {client}}}}}", scale="{at: 1m, replicas: 10}", lag=lag
    )
    assert broken_at_rest(found) == []
    assert len(records(found, "pod_bound")) == 10
    assert len(records(found, "pod_created")) == 10
    assert records(found, "pod_terminating") == []


def test_a_restart_forgets_creations_that_waited_for_a_token() -> None:
    found = ran(
        """
until: 5m
cluster: {minions: [{name: m, count: 4, cpu: 100, memory: 64Gi, pods: 1000}]}
controllers: [{name: web, replicas: 300, pod: {cpu: 10m, memory: 1Mi}}]
master: {timing: kubernetes}
faults: [{name: r, at: 6s, restart: {client: replication}}]
"""
    )
    assert len(records(found, "pod_created")) == 300
    assert records(found, "pod_terminating") == []
    assert broken_at_rest(found) == []


def test_a_taint_that_is_there_is_not_put_again_nor_one_lifted_that_is_not() -> None:
    found = world(
        "{name: c, at: 1m, cordon: {minion: m-0}}",
        "{name: again, at: 2m, cordon: {minion: m-0}}",
        "{name: u, at: 3m, uncordon: {minion: m-0}}",
        "{name: gone, at: 4m, uncordon: {minion: m-0}}",
        until="5m",
    )
    changes = [(round(row["time_s"]), row["value"]) for row in records(found, "minion_tainted")]
    assert changes == [(60, 1.0), (180, 0.0)]
