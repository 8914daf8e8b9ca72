"""Pods whose images have to be had: what is written, what waits, what an outage, a crash or a full disk does to them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from models.world import World
from tests.support.worlds import ran, records

HEAD = """
until: {until}
cluster: {{minions: [{{name: m, count: {minions}, cpu: 16, memory: 64Gi{more}}}]}}
images:
  - {{name: "web:1", layers: [{{name: base, size: 100M, disk: 100M}}, {{name: web, size: 50M, disk: 50M}}]}}
  - {{name: "db:1", layers: [{{name: base}}, {{name: db, size: 200M, disk: 200M}}]}}
  - {{name: "typo:1", missing: true}}
registry: {{bandwidth: 100M/s, perMinion: 50M/s, latency: 1s}}
master: {{watchLag: 0s, apiLatency: 1ms, clients: {{all: {{qps: 1000, burst: 1000}}}}}}
kubelet: {{start: 1s}}
"""


def world(text: str, *, until: str = "10m", minions: int = 1, more: str = "") -> World:
    return ran(HEAD.format(until=until, minions=minions, more=more) + text)


def controller(containers: str, replicas: int = 1, more: str = "") -> str:
    return f"controllers: [{{name: c, replicas: {replicas}, pod: {{containers: [{containers}]{more}}}}}]\n"


WEB = '{name: w, image: "web:1", cpu: 1}'
DB = '{name: d, image: "db:1", cpu: 1}'


def times(rows: list[dict[str, Any]]) -> list[float]:
    return [row["time_s"] for row in rows]


def test_a_pod_is_ready_when_its_images_have_come() -> None:
    found = world(controller(f"{WEB}, {DB}"))
    # About 1 s for the sandbox; 1 + 3 s for web; 1 + 4 s for what db has more.
    pulled = records(found, "image_pulled")
    assert times(pulled) == pytest.approx([5.0, 10.0], abs=0.05)
    assert [row["container"] for row in pulled] == ["container/w", "container/d"]
    started = records(found, "container_started")
    assert times(started) == times(pulled)
    assert [row["cause"] for row in started] == [row["seq"] for row in pulled]
    (ready,) = records(found, "pod_ready")
    assert ready["time_s"] == pytest.approx(10.0, abs=0.1)


def test_the_next_pod_waits_for_nothing() -> None:
    found = world(
        controller(WEB)
        + "workloads: [{name: w, arrivals: {at: 1m}, count: 1, pod: {containers: ["
        + WEB
        + "]}}]\n"
    )
    assert len(records(found, "image_pulling")) == 1
    assert times(records(found, "pod_ready"))[-1] == pytest.approx(61.0, abs=0.1)


def test_always_asks_the_registry_each_time() -> None:
    container = '{name: w, image: "web:1", imagePullPolicy: Always, cpu: 1}'
    found = world(controller(container, replicas=3))
    # Three in turn: 1 + 3 s, then a manifest each.
    assert times(records(found, "pod_ready")) == pytest.approx([5.0, 6.0, 7.0], abs=0.1)


def test_never_is_never_pulled() -> None:
    found = world(controller('{name: w, image: "web:1", imagePullPolicy: Never, cpu: 1}'), until="60s")
    assert records(found, "image_pulling", "pod_ready") == []
    assert {row["reason"] for row in records(found, "container_held_back")} == {"ErrImageNeverPull"}


def test_an_image_that_is_nowhere_is_asked_for_with_back_off() -> None:
    found = world(controller('{name: w, image: "typo:1", cpu: 1}'), until="30m")
    asked = times(records(found, "image_pulling"))
    # The manifest takes 1 s, then 10, 20, 40, 80, 160 and 300 s (FACTS K32).
    gaps = [after - before for before, after in pairwise(asked)]
    assert gaps == pytest.approx([11.0, 21.0, 41.0, 81.0, 161.0, 301.0, 301.0, 301.0, 301.0][: len(gaps)])
    assert len(gaps) >= 8
    assert records(found, "pod_ready") == []


def test_all_spellings_are_one_image_in_the_records() -> None:
    spellings = ("redis", "redis:latest", "docker.io/library/redis")
    containers = ", ".join(f'{{name: c{n}, image: "{name}", cpu: 1}}' for n, name in enumerate(spellings))
    found = world(controller(containers))
    assert [row["actor"] for row in records(found, "image_pulled")] == ["image/redis:latest"] * 3
    assert [row["image_pulled_bytes"] > 0 for row in records(found, "image_pulled")] == [True, False, False]


def test_pods_that_wait_are_deleted_in_time_and_their_pull_goes_on() -> None:
    text = controller(DB, more="") + "faults: [{at: 4s, kill: {pods: c}}]\n"
    found = world(text)
    (removed,) = records(found, "pod_removed")
    assert removed["time_s"] < 6.0
    pulled = records(found, "image_pulled")
    assert pulled[0]["object"] == removed["object"]
    (ready,) = records(found, "pod_ready")
    assert ready["object"] != removed["object"]


def test_a_crash_ends_a_pull_and_what_is_whole_stays() -> None:
    text = controller(f"{WEB}, {DB}") + "faults: [{at: 7s, crash: {minion: m-0}, repair: 20s}]\n"
    found = world(text)
    # web was there at 5 s, db on its way; back at 27 s a sandbox takes 1 s, web is there, db comes anew.
    assert [row["image_pulled_bytes"] for row in records(found, "image_pulled")] == [150_000_000, 200_000_000]
    assert times(records(found, "image_pulling")) == pytest.approx([1.0, 5.0, 28.0], abs=0.1)
    assert times(records(found, "pod_ready")) == pytest.approx([33.0], abs=0.1)


def test_a_cut_off_minion_goes_on_pulling() -> None:
    text = controller(WEB) + "faults: [{at: 3s, cutOff: {minion: m-0}, for: 10s}]\n"
    found = world(text)
    assert times(records(found, "image_pulled")) == pytest.approx([5.0], abs=0.05)
    assert times(records(found, "pod_ready")) == pytest.approx([13.0], abs=0.1)


def test_an_outage_of_the_registry_is_waited_for() -> None:
    text = controller(WEB) + "faults: [{at: 0s, outage: {of: registry}, for: 30s}]\n"
    found = world(text)
    # Asked at 1, failed at 2; 10 s; asked at 12, failed at 13; 20 s; asked at 33: 1 + 3 s.
    assert times(records(found, "image_failed")) == pytest.approx([2.0, 13.0], abs=0.05)
    assert times(records(found, "pod_ready")) == pytest.approx([37.0], abs=0.1)
    began, ended = records(found, "fault_began", "fault_ended")
    assert (began["time_s"], ended["time_s"]) == (0.0, 30.0)


def test_the_disk_is_cleared_of_what_no_pod_uses() -> None:
    jobs = "".join(
        f'  - {{name: j{n}, arrivals: {{at: {n}m}}, count: 1, pod: {{restartPolicy: Never, containers: [{{name: j, image: "job:{n}", cpu: 1, runs: 20s}}]}}}}\n'
        for n in range(1, 5)
    )
    text = controller(WEB) + "workloads:\n" + jobs
    found = world(text, until="1h", more=", imageDisk: 1G")
    # 150 MB are in use for ever; each job brings 262 MB: the third fills the disk to 94 %, the fourth finds no room.
    removed = records(found, "image_removed")
    assert removed, "something had to go"
    assert "image/web:1" not in {row["object"] for row in removed}
    assert [row["object"] for row in removed] == sorted(row["object"] for row in removed), "the oldest first"
    failed = records(found, "image_failed")
    assert {row["reason"] for row in failed} == {"no space left on device"}
    assert {row["actor"] for row in failed} == {"image/job:4"}
    assert max(times(records(found, "image_pulled"))) > min(times(removed)), "there was room in the end"


def test_a_scenario_without_images_has_no_pulls() -> None:
    found = ran(
        "until: 1m\ncluster: {minions: [{name: m, count: 1, cpu: 16, memory: 64Gi}]}\nkubelet: {start: 1s}\n"
        + controller('{name: w, image: "any", cpu: 1}')
    )
    assert records(found, "image_pulling") == []
    assert len(records(found, "pod_ready")) == 1
    assert found.plane is not None
    assert found.plane.images is None


DUMP = """
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Node
    metadata: {name: n}
    status: {capacity: {cpu: "8", memory: 16Gi, pods: "110"}, conditions: [{type: Ready, status: "True"}]}
  - apiVersion: v1
    kind: Pod
    metadata: {name: old}
    spec: {nodeName: n, containers: [{name: w, image: "web:1"}]}
    status: {phase: Running, conditions: [{type: Ready, status: "True"}]}
"""


NODES = """
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Node
    metadata: {name: has}
    status:
      capacity: {cpu: "1", memory: 16Gi, pods: "110"}
      images:
        - {names: ["docker.io/library/nginx@sha256:4f06b3e2f0e1", "docker.io/library/nginx:1.19"], sizeBytes: 250000000}
        - {names: ["shop/web:2"], sizeBytes: 500000000}
  - apiVersion: v1
    kind: Node
    metadata: {name: has-not}
    status: {capacity: {cpu: "1", memory: 16Gi, pods: "110"}}
"""


def test_what_a_dump_says_of_images_is_so(tmp_path: Path) -> None:
    """A Node has its images under all their spellings; their sizes hold for other Nodes, but where the scenario says another."""
    (tmp_path / "nodes.yaml").write_text(NODES)
    text = (
        f"until: 10m\nworkloads: [{{name: d, manifest: {tmp_path}/nodes.yaml}}]\npolicy: {{scheduler: first-fit}}\n"
        'images: [{name: "shop/web:2", size: 10M}]\nregistry: {bandwidth: 1G/s, perMinion: 10M/s, latency: 0s}\n'
        "controllers:\n"
        '  - {name: n, replicas: 2, pod: {containers: [{name: n, image: "nginx:1.19", cpu: 600m}]}}\n'
        '  - {name: w, replicas: 2, start: 1m, pod: {containers: [{name: w, image: "shop/web:2", cpu: 300m}]}}\n'
    )
    found = ran(text)
    pulled = {
        (row["minion"], row["actor"]): row["image_pulled_bytes"] for row in records(found, "image_pulled")
    }
    # 2.5 bytes on disk for each that moves.
    assert pulled[("minion/has-not", "image/nginx:1.19")] == 100_000_000
    assert pulled[("minion/has-not", "image/shop/web:2")] == 10_000_000
    assert {minion for minion, _ in pulled} == {"minion/has-not"}


def test_pods_of_a_dump_have_their_images(tmp_path: Path) -> None:
    (tmp_path / "dump.yaml").write_text(DUMP)
    text = (
        f"until: 10m\nworkloads:\n  - {{name: d, manifest: {tmp_path}/dump.yaml}}\n"
        '  - {name: new, arrivals: {at: 1m}, count: 1, pod: {containers: [{name: w, image: "web:1"}]}}\n'
        'images: [{name: "web:1", size: 100M}]\n'
    )
    found = ran(text)
    assert records(found, "image_pulling") == []
    assert times(records(found, "pod_ready"))[-1] == pytest.approx(61.0, abs=0.1)
    assert found.plane is not None
    assert found.plane.images is not None
    assert found.plane.images._of(0).disk._stored["web:1"].users == 2
