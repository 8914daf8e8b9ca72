"""What containers read of their images on running minions: charged once, found by the others, given back first."""

from __future__ import annotations

from typing import Any

import pytest

from models.world import World
from tests.support.worlds import ran, records

MIB = 2**20
_TEXT = """
until: {until}
cluster:
  minions: [{{name: m, count: 1, cpu: 8, memory: {memory}, preloaded: [shop/web:1, shop/job:1]}}]
images:
  - {{name: shop/web:1, layers: [{{name: base, size: 40Mi, disk: 80Mi}}, {{name: web, size: 60Mi, disk: 160Mi}}]}}
  - {{name: shop/job:1, layers: [{{name: base}}, {{name: job, size: 20Mi, disk: 60Mi}}]}}
master: {{timing: kubernetes, watchLag: 0s, apiLatency: 1ms}}
policy: {{scheduler: first-fit}}
faults: [{faults}]
controllers:
{pods}
"""


def pods(
    name: str, image: str, uses: str, *, replicas: int = 1, start: str = "0s", limits: str = "{cpu: 1}"
) -> str:
    image = f', image: "{image}"' if image else ""
    return f"""
  - name: {name}
    replicas: {replicas}
    start: {start}
    pod: {{containers: [{{name: app{image}, cpu: 10m, memory: 10Mi, limits: {limits}, uses: {uses}}}]}}"""


def world(
    *given: str, until: str = "10m", memory: str = "4Gi", faults: str = "", threshold: int = 104857600
) -> World:
    text = _TEXT.format(pods="".join(given), until=until, memory=memory, faults=faults)
    return ran(text, f"constants.eviction_hard_memory_bytes={threshold}")


def read(found: World) -> list[tuple[str, float, int, int]]:
    """(pod, MiB read, MiB charged, MiB cached after) in order."""
    return [
        (
            row["object"].rsplit("/")[-1],
            row["value"] / MIB,
            row["files_read_charged_bytes"] // MIB,
            row["files_read_cached_bytes"] // MIB,
        )
        for row in records(found, "files_read")
    ]


def left(found: World) -> dict[str, float]:
    return {row["object"].rsplit("/")[-1]: row["value"] / MIB for row in records(found, "files_left")}


def test_layers_that_images_share_are_cached_once_and_charged_to_who_came_first() -> None:
    found = world(
        pods("web", "shop/web:1", "{memory: 20Mi, reads: 200Mi}", replicas=2),
        pods("job", "shop/job:1", "{memory: 20Mi, reads: 100Mi}", start="1m"),
    )
    assert read(found) == [("web-0", 200, 200, 200), ("web-1", 200, 0, 200), ("job-0", 100, 20, 220)]
    assert left(found) == {"web-0": 200, "web-1": 0, "job-0": 20}
    files = found.machines.files
    assert files.cached_bytes(0) == 220 * MIB
    assert files.active_bytes(0) == 200 * MIB  # what was touched twice


def test_no_more_is_read_than_an_image_has_and_what_has_no_image_reads_its_own() -> None:
    found = world(
        pods("job", "shop/job:1", "{reads: 1Gi}"),
        pods("bare", "", "{reads: 50Mi}", replicas=2),
    )
    assert sorted((name, touched, charged) for name, touched, charged, _ in read(found)) == [
        ("bare-0", 50, 50),
        ("bare-1", 50, 50),
        ("job-0", 140, 140),
    ]


def test_images_that_are_not_described_are_one_layer_by_their_name() -> None:
    text = _TEXT.replace("images:\n", "more:\n").format(pods="", until="1m", memory="4Gi", faults="")
    text = "\n".join(line for line in text.splitlines() if "shop/" not in line and "more:" not in line)
    text = text.replace(
        "controllers:",
        "controllers:"
        + pods("a", "nginx", "{reads: 30Mi}", replicas=2)
        + pods("b", "nginx:latest", "{reads: 40Mi}", start="30s"),
    )
    text = text.replace("cluster:", "cluster: {minions: [{name: m, count: 1, cpu: 8, memory: 4Gi}]}")
    assert [(name, touched, charged) for name, touched, charged, _ in read(ran(text))] == [
        ("a-0", 30, 30),
        ("a-1", 30, 0),
        ("b-0", 40, 10),
    ]


def test_who_starts_again_finds_what_it_had_brought_in_and_is_charged_for_nothing() -> None:
    found = world(
        pods("web", "shop/web:1", "{reads: 200Mi}"),
        faults="{name: k, at: 5m, kill: {pods: web, mode: kill}}",
    )
    assert [(touched, charged) for _, touched, charged, _ in read(found)] == [(200, 200), (200, 0)]
    assert [row["value"] / MIB for row in records(found, "files_left")] == [200, 0]
    assert found.machines.files.cached_bytes(0) == 200 * MIB


def test_a_crash_empties_the_cache() -> None:
    found = world(
        pods("web", "shop/web:1", "{reads: 200Mi}"),
        faults="{name: c, at: 1m, crash: {minions: all}, repair: 10s}",
        until="3m",
    )
    assert [(charged, cached) for _, _, charged, cached in read(found)] == [(200, 200), (200, 200)]


def test_file_pages_make_way_before_anybody_is_killed() -> None:
    found = world(
        pods("web", "shop/web:1", "{memory: 100Mi, reads: 200Mi}"),
        pods("grows", "shop/job:1", "{memory: 100Mi, leak: 1Mi/s, most: 850Mi}"),
        memory="1Gi",
        until="30m",
        threshold=0,
    )
    assert not records(found, "container_out_of_memory")
    # 100 + 850 of 1,024 MiB are held: 74 are left for files, inactive ones as each was read once.
    assert found.machines.files.cached_bytes(0) == 74 * MIB
    freed = records(found, "files_reclaimed")
    assert sum(row["value"] for row in freed) == 126 * MIB
    assert left(found)["web-0"] == 74


def test_within_its_limit_a_container_gives_its_own_file_pages_back() -> None:
    found = world(
        pods(
            "web",
            "shop/web:1",
            "{memory: 20Mi, leak: 1Mi/s, most: 250Mi, reads: 200Mi}",
            limits="{memory: 256Mi}",
        ),
        pods("other", "shop/job:1", "{reads: 140Mi}", start="1s"),
    )
    assert not records(found, "container_out_of_memory")
    assert left(found)["web-0"] == 6
    assert left(found)["other-0"] == 60


def test_active_file_pages_count_as_used_for_the_kubelet_though_the_kernel_would_free_them() -> None:
    """FACTS L33: the known issue that much file I/O leads to evictions."""

    def run(reads: str) -> World:
        return world(
            pods("web", "shop/web:1", f"{{memory: 400Mi{reads}}}", replicas=2), memory="1Gi", until="2m"
        )

    quiet, reading = run(""), run(", reads: 200Mi")
    assert not records(quiet, "minion_low")
    low = records(reading, "minion_low")[0]
    assert low["value"] == (1024 - 800 - 200) * MIB
    assert not records(reading, "container_out_of_memory")
    evicted: dict[str, Any] = records(reading, "pod_evicted")[0]
    assert evicted["object"] == "pod/default/web-0"  # it is charged for them
    assert "Container app was using 600Mi" in evicted["reason"]
    assert evicted["value"] == pytest.approx(600 * MIB)


def test_a_layer_that_goes_from_the_disk_goes_from_the_cache() -> None:
    """Two images of 100 MiB on a disk of 300: it is full above 85%, and the one that nobody uses any more goes."""
    text = """
until: 30m
cluster: {minions: [{name: m, count: 1, cpu: 8, memory: 4Gi, imageDisk: 300Mi}]}
images:
  - {name: a, layers: [{name: base, size: 1Mi, disk: 60Mi}, {name: a, size: 1Mi, disk: 100Mi}]}
  - {name: b, layers: [{name: base}, {name: b, size: 1Mi, disk: 100Mi}]}
master: {timing: kubernetes, watchLag: 0s, apiLatency: 1ms}
policy: {scheduler: first-fit}
controllers:
  - {name: a, replicas: 1, scale: [{at: 2m, replicas: 0}], pod: {containers: [{name: app, image: a, uses: {reads: 160Mi}}]}}
  - {name: b, replicas: 1, start: 1m, pod: {containers: [{name: app, image: b, uses: {reads: 160Mi}}]}}
"""
    found = ran(text)
    (removed,) = records(found, "image_removed")
    assert removed["object"] == "image/a:latest"
    assert [cached for _, _, _, cached in read(found)] == [160, 260]
    (freed,) = records(found, "files_reclaimed")
    assert (freed["time_s"], freed["value"]) == (removed["time_s"], 100 * MIB)
    assert found.machines.files.cached_bytes(0) == 160 * MIB
