"""Kubelets: what they start, end, restart, refuse and report, with the master there or not."""

from __future__ import annotations

from typing import Any

import pytest

from models.world import World
from tests.support.worlds import ran, records

TEXT = """
until: {until}
cluster: {{minions: [{{name: m, count: {minions}, cpu: 4, memory: 8Gi}}]}}
controllers: [{{name: web, replicas: {replicas}, pod: {{cpu: 1, memory: 64Mi}}}}]
services: [{{name: web, selector: {{app: web}}}}]
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms}}
kubelet: {{start: 2s, ready: 3s, terminate: 4s}}
policy: {{scheduler: first-fit}}
faults: [{faults}]
"""


def world(*faults: str, until: str = "10m", replicas: int = 2, minions: int = 2) -> World:
    return ran(TEXT.format(until=until, replicas=replicas, minions=minions, faults=", ".join(faults)))


def times(found: World, kind: str, pod: str | None = None) -> list[float]:
    return [row["time_s"] for row in records(found, kind) if pod is None or row["object"].endswith(pod)]


def test_a_pod_starts_gets_ready_and_ends_after_its_delays() -> None:
    found = world("{name: k, at: 1m, kill: {pods: web, count: 1}}")
    bound, started = times(found, "pod_bound")[0], times(found, "pod_started")[0]
    assert started == pytest.approx(bound + 2)
    assert times(found, "pod_ready")[0] == pytest.approx(bound + 5)
    (asked,), (gone,) = times(found, "pod_terminating"), times(found, "pod_removed")
    assert (asked, gone) == (60, pytest.approx(64))
    assert len(times(found, "pod_created")) == 3
    assert min(time for time in times(found, "pod_created") if time > 10) < gone


def test_a_pod_whose_containers_die_is_restarted_in_place_with_back_off() -> None:
    kills = [f"{{name: k{n}, at: {60 + n * 20}s, kill: {{pods: web, mode: kill}}}}" for n in range(3)]
    found = world(*kills, replicas=1)
    assert (len(times(found, "pod_created")), times(found, "pod_terminating")) == (1, [])
    # At once the first time; then 10 s, then 20 s after it died; each time it starts and gets ready anew.
    assert times(found, "pod_unready") == [60, 80, 100]
    assert times(found, "pod_ready")[1:] == pytest.approx([65, 95, 125])
    assert [row["reason"] for row in records(found, "pod_stopped")] == ["Error"] * 3
    assert times(found, "container_started") == pytest.approx([62, 92, 122])
    assert [row["value"] for row in records(found, "container_started")] == [1, 2, 3]
    (pod,) = found.pods_there()
    assert (pod.restarts, pod.ready, found.fleet.runs(pod)) == (3, True, True)


def test_a_restart_is_lost_with_its_minion_and_made_once_when_it_is_back() -> None:
    found = world(
        "{name: k1, at: 60s, kill: {pods: web, mode: kill}}",
        "{name: k2, at: 70s, kill: {pods: web, mode: kill}}",
        "{name: c, at: 75s, crash: {minion: m-0}, repair: 10s}",
        replicas=1,
    )
    assert times(found, "pod_ready")[1:] == pytest.approx([65, 90])
    # It did not run when the minion crashed, and so did not stop then.
    assert times(found, "pod_stopped") == [60, 70]


def test_a_pod_of_a_batch_whose_container_dies_fails() -> None:
    found = ran(
        """
until: 18m
cluster: {minions: [{name: m, count: 1, cpu: 4, memory: 8Gi}]}
master: {timing: kubernetes}
workloads: [{name: batch, arrivals: {batch: {every: 10m, size: 3}}, pod: {cpu: 1, memory: 64Mi, labels: {app: batch}}, duration: 5m}]
faults: [{name: k, at: 11m, kill: {pods: batch, count: 1, mode: kill}}]
"""
    )
    assert (len(times(found, "pod_failed")), len(times(found, "pod_succeeded"))) == (1, 2)
    assert times(found, "pod_failed") == [660]


def test_an_unready_pod_leaves_the_endpoints_and_comes_back() -> None:
    found = world("{name: u, at: 1m, unready: {pods: web, count: 1}, for: 30s}")
    counts = [
        (row["time_s"], row["value"]) for row in records(found, "endpoints_written") if row["time_s"] > 50
    ]
    assert [(round(time, 1), value) for time, value in counts] == [(60, 1), (90, 2)]


def test_a_pod_that_fails_its_readiness_is_not_reported_ready_after_a_cut_off() -> None:
    found = world(
        "{name: u, at: 1m, unready: {pods: web}, for: 100s}",
        "{name: c, at: 70s, cutOff: {minion: m-0}, for: 10s}",
        replicas=1,
    )
    assert times(found, "pod_ready")[1:] == [160]


def test_what_starts_while_the_master_is_away_is_reported_when_it_is_back() -> None:
    found = world("{name: o, at: 1s, outage: {of: master}, for: 1m}")
    started = records(found, "pod_started")
    assert [row["reason"] for row in started] == ["unreported"] * 2
    assert all(row["time_s"] < 4 for row in started)
    assert times(found, "pod_reported") == [61, 61]
    assert times(found, "pod_ready") == [61, 61]


def test_a_report_dies_with_the_minion_that_would_have_made_it() -> None:
    found = world(
        "{name: o, at: 1s, outage: {of: master}, for: 1m}",
        "{name: c, at: 30s, crash: {minion: m-0}, repair: 100s}",
    )
    assert times(found, "pod_reported") == []
    # The kubelet that comes back at 130 s starts what is bound to it.
    assert times(found, "pod_ready") == pytest.approx([135, 135])


def test_a_cut_off_kubelet_hears_of_deletions_when_it_is_back() -> None:
    found = world(
        "{name: c, at: 1m, cutOff: {minion: m-0}, for: 30s}",
        "{name: k, at: 70s, kill: {pods: web, count: 1}}",
    )
    (gone,) = times(found, "pod_removed")
    assert gone == pytest.approx(94)
    (stopped,) = times(found, "pod_stopped")
    assert stopped == gone


def test_what_a_crash_has_stopped_is_not_stopped_again_by_its_deletion() -> None:
    """The pods of a dead minion are evicted, and end in the record when it is back: they stopped long before."""
    found = world("{name: c, at: 1m, crash: {minion: m-0}, repair: 10m}", until="20m")
    assert len(times(found, "pod_terminating")) == len(times(found, "pod_removed")) == 2
    stopped = records(found, "pod_stopped")
    assert [(row["time_s"], row["reason"]) for row in stopped] == [(60, "MinionCrashed")] * 2


def test_a_deletion_that_comes_while_a_container_waits_for_its_restart_stops_nothing() -> None:
    found = world(
        "{name: k1, at: 60s, kill: {pods: web, mode: kill}}",
        "{name: k2, at: 70s, kill: {pods: web, mode: kill}}",
        "{name: k3, at: 73s, kill: {pods: web}}",
        replicas=1,
    )
    first = [row for row in records(found, "pod_stopped") if row["time_s"] < 100]
    assert [(row["time_s"], row["reason"]) for row in first] == [(60, "Error"), (70, "Error")]
    assert times(found, "pod_removed")[0] == pytest.approx(77)


def test_overlapping_cut_offs_end_with_the_last() -> None:
    found = world(
        "{name: c, at: 1m, cutOff: {minion: m-0}, for: 30s}",
        "{name: d, at: 80s, cutOff: {minions: all}, for: 40s}",
        "{name: k, at: 70s, kill: {pods: web, count: 1}}",
    )
    assert times(found, "pod_removed") == pytest.approx([124])


REFUSED = """apiVersion: v1
kind: List
items:
"""
POD = """- apiVersion: v1
  kind: Pod
  metadata: {name: %s, labels: {app: web}}
  spec: {nodeName: m-0, containers: [{name: c, image: i, resources: {requests: {cpu: %s, memory: %s}}}]}
"""


@pytest.mark.parametrize(
    ("need", "reason"), [(("3", "1Gi"), "OutOfcpu"), (("1", "7Gi"), "OutOfmemory")], ids=("cpu", "memory")
)
def test_a_kubelet_refuses_what_does_not_fit(need: tuple[str, str], reason: str, tmp_path: Any) -> None:
    manifest = tmp_path / "pods.yaml"
    manifest.write_text(REFUSED + POD % ("a", *need) + POD % ("b", *need))
    found = ran(
        f"""
until: 10m
cluster: {{minions: [{{name: m, count: 1, cpu: 4, memory: 8Gi}}]}}
workloads: [{{name: bound, manifest: {manifest}}}]
"""
    )
    rows = records(found, "pod_failed")
    assert [(row["object"], row["reason"]) for row in rows] == [("pod/default/b", reason)]
    assert [pod.ask.name for pod in found.pods_there()] == ["a"]
    assert found.fleet.overcommitted() is None
