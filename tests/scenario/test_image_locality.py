"""Images that come and go while a run goes on: the master hears of them, and ImageLocality of what the master has."""

from __future__ import annotations

from typing import Any

import pytest

from models.cluster.placedbelief import PlacedBelief
from models.world import World
from tests.support.worlds import ran, records

_TEXT = """
until: 10m
seed: {seed}
cluster:
  minions:
    - {{name: warm, count: {warm}, cpu: 16, memory: 64Gi, preloaded: ["big:1"]}}
    - {{name: cold, count: {cold}, cpu: 16, memory: 64Gi{disk}}}
images:
  - {{name: "big:1", layers: [{{name: big, size: 400Mi, disk: 1000Mi}}]}}
  - {{name: "other:1", layers: [{{name: other, size: 200Mi, disk: 500Mi}}]}}
registry: {{bandwidth: 1G/s, perMinion: 1G/s, latency: 0s}}
workloads: [{workloads}]
faults: [{faults}]
policy: {{scheduler: {policy}}}
"""


def world(workloads: str, **words: Any) -> World:
    given = {"seed": 1, "warm": 0, "cold": 4, "disk": "", "policy": "kubernetes", "faults": ""} | words
    return ran(_TEXT.format(workloads=workloads, **given))


def work(name: str, at: str, image: str = "big:1", cpu: str = "1") -> str:
    pod = f'{{containers: [{{name: c, image: "{image}", cpu: {cpu}, memory: 16Mi}}]}}'
    return f"{{name: {name}, arrivals: {{at: {at}}}, count: 1, pod: {pod}}}"


def where(found: World) -> dict[str, str]:
    return {row["object"].rpartition("/")[2]: row["minion"] for row in records(found, "pod_bound")}


def at(found: World, kind: str) -> list[float]:
    return [row["time_s"] for row in records(found, kind)]


def believed(found: World) -> list[dict[str, int]]:
    assert isinstance(found.belief, PlacedBelief)
    found.scheduler.client.catch_up()
    return [dict(each.images) for each in found.belief._placements.minions]


@pytest.mark.parametrize("seed", range(3))
def test_a_pod_goes_where_its_image_was_from_the_start(seed: int) -> None:
    found = world(work("a", "1s"), warm=1, cold=3, seed=seed)
    assert where(found)["a-0"] == "minion/warm-0"


@pytest.mark.parametrize("seed", range(6))
def test_a_pulled_image_draws_pods_once_its_kubelet_has_said_so(seed: int) -> None:
    found = world(f"{work('a', '1s')}, {work('b', '6s')}, {work('c', '50s')}", cold=2, seed=seed)
    pulled = records(found, "image_pulled")[0]
    (told,) = [row for row in records(found, "minion_images") if row["minion"] == pulled["minion"]]
    assert (told["value"], told["reason"], told["layer"]) == (1.0, "+big:1", "record")
    assert told["cause"] == records(found, "image_pulling")[0]["seq"]
    # Images are listed each 30 s and the status is written each 10 s.
    assert pulled["time_s"] < told["time_s"] < pulled["time_s"] + 40.1
    # Before it was told the emptier minion is taken, which has it then too.
    knew = told["time_s"] < 6
    assert (where(found)["b-0"] == where(found)["a-0"]) is knew
    have = {row["minion"] for row in records(found, "image_pulled")}
    assert len(have) == (1 if knew else 2)
    assert believed(found) == [
        {"big:1": 1000 * 2**20} if f"minion/cold-{i}" in have else {} for i in range(2)
    ]
    if knew:
        assert where(found)["c-0"] == where(found)["a-0"]


def test_over_seeds_the_wait_is_that_of_two_periods() -> None:
    waits = []
    for seed in range(20):
        found = world(work("a", "40s"), seed=seed)
        waits.append(at(found, "minion_images")[0] - at(found, "image_pulled")[0])
    assert max(waits) < 40.1
    # Uniform on [0, 30) and on [0, 10): a mean of 20 and a deviation of 9.1, of twenty of them 2.04.
    assert abs(sum(waits) / len(waits) - 20) < 3.3 * 2.04


def test_what_is_removed_to_make_room_is_told_too() -> None:
    # The first pod runs for a minute; then its image is in nobody's use, and the other's leaves no room for it.
    first = (
        work("a", "1s")
        .replace("memory: 16Mi", "memory: 16Mi, runs: 60s")
        .replace("}]}", "}], restartPolicy: Never}")
    )
    found = world(f"{first}, {work('b', '2m', 'other:1')}", cold=1, disk=", imageDisk: 1600Mi")
    assert [row["reason"] for row in records(found, "minion_images")] == ["+big:1", "+other:1", "-big:1"]
    removed = at(found, "image_removed")[0]
    assert removed <= at(found, "minion_images")[-1] < removed + 40.1
    assert believed(found) == [{"other:1": 500 * 2**20}]


def test_a_minion_that_crashed_tells_of_its_images_when_it_is_back() -> None:
    # It crashes as soon as the image is there, before it can have told anybody for some phases at least.
    crash = "{at: 3s, name: c, crash: {minion: cold}, repair: 30s}"
    waits = []
    for seed in range(8):
        found = world(
            work("a", "1s"), cold=1, faults=crash.replace("minion: cold", "minions: cold"), seed=seed
        )
        if at(found, "image_pulled")[0] < 3:
            waits += [at(found, "minion_images")[0]]
        assert believed(found) == [{"big:1": 1000 * 2**20}]
    late = [told for told in waits if told > 3]
    assert late
    assert all(33.0 <= told < 33.1 for told in late)


def test_who_is_cut_off_tells_when_it_is_back() -> None:
    cut = "{at: 2500ms, name: c, cutOff: {minions: cold}, for: 2m}"
    found = world(work("a", "1s"), cold=1, faults=cut, seed=3)
    assert at(found, "image_pulled")[0] < 4
    assert 122.5 <= at(found, "minion_images")[0] < 123.5


def test_a_scheduler_that_starts_again_reads_the_images_of_the_record() -> None:
    again = "{at: 2m, name: again, restart: {client: scheduler}}"
    found = world(f"{work('a', '1s')}, {work('b', '3m')}", faults=again)
    assert where(found)["a-0"] == where(found)["b-0"]
    assert sum(map(bool, believed(found))) == 1


def test_a_status_has_the_fifty_largest() -> None:
    names = [f"i{n}:1" for n in range(55)]
    described = "".join(f'  - {{{{name: "{name}", size: {100 + n}Mi}}}}\n' for n, name in enumerate(names))
    head, _, tail = _TEXT.partition("images:\n")
    text = f"{head}images:\n{described}registry:{tail.partition('registry:')[2]}"
    pods = ", ".join(work(name[:-2], f"{n + 1}s", name, "10m") for n, name in enumerate(names))
    given = {"seed": 1, "warm": 0, "cold": 1, "disk": "", "policy": "kubernetes", "faults": ""}
    found = ran(text.replace('preloaded: ["big:1"]', "preloaded: []").format(workloads=pods, **given))
    assert len(records(found, "image_pulled")) == 55
    (images,) = believed(found)
    assert sorted(images) == sorted(names[5:])


def test_who_does_not_look_at_images_is_not_told() -> None:
    found = world(work("a", "1s"), policy="best-fit")
    assert records(found, "minion_images") == []
    assert records(found, "image_pulled")
