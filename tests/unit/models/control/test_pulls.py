"""Pulls of images: turns, layers that are shared, outages, crashes, room on the disk."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api import records
from models.api.types import MinionAsk, Pod, PodAsk, PodTemplate
from models.control.imagestate import ImagePlan, Need
from models.control.pulls import ImagePulls
from models.kernel.images import CollectionPolicy, Image, ImageTable, Layer
from sim.distributions import Constant
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.journalchunks import ChunkMemory
from sim.streams import Streams

MB = 1_000_000


class Bench:
    """Some minions that pull from a registry of 100 MB/s, over links of 50 MB/s; manifests take 1 s."""

    def __init__(self, images: dict[str, list[tuple[str, int]]], **words: Any) -> None:
        table = ImageTable()
        for name, layers in images.items():
            table.add(name, [Layer(digest, size * MB, size * MB) for digest, size in layers])
        self.minions = words.pop("minions", 3)
        self.table = table
        there: Sequence[str] = words.pop("there", ())
        plan: dict[str, Any] = {
            "image": table.get,
            "disk_bytes": lambda minion: 1000 * MB,
            "link_bytes_per_s": lambda minion: 50.0 * MB,
            "there": lambda minion: [found for name in there if (found := table.get(name)) is not None],
            "bandwidth_bytes_per_s": 100.0 * MB,
            "latency": Constant(1.0),
            "serial": True,
            "layers_at_once": 3,
            "limits": (5.0, 10.0),
            "collection": CollectionPolicy(),
        }
        plan |= words
        self.engine = Engine()
        self.identities = Identities()
        self.events = ChunkMemory()
        self.journal = Journal(self.engine, self.identities, records.KINDS, self.events, ChunkMemory())
        self.pulls = ImagePulls(
            engine=self.engine,
            journal=self.journal,
            identities=self.identities,
            streams=Streams(1),
            plan=ImagePlan(**plan),
            minions=[MinionAsk(f"m-{n}", "m", n, 1000, 1 << 30, 110, 1 << 30) for n in range(self.minions)],
            identity=[self.identities.add("minion", f"m-{n}") for n in range(self.minions)].__getitem__,
        )
        self.done: list[tuple[float, str]] = []
        self.failed: list[tuple[float, str, str]] = []
        self._pods = 0

    def pull(self, minion: int, image: str, name: str = "") -> str:
        self._pods += 1
        name = name or f"p{self._pods}"
        ask = PodAsk(name, self._pods, PodTemplate(0, ()))
        pod = Pod(self.identities.add("pod", name), self._pods, -1, ask, self.engine.now_s)
        before = len(self.done), len(self.failed)
        self.pulls.pull(
            minion,
            image,
            lambda: self.done.append((self.engine.now_s, name)),
            lambda reason: self.failed.append((self.engine.now_s, name, reason)),
            pod=pod,
        )
        assert (len(self.done), len(self.failed)) == before, "never at once"
        return name

    def at(self, time_s: float, what: Any, *args: Any) -> None:
        self.engine.at(time_s, TRUTH, lambda: what(*args))

    def run(self, until_s: float = math.inf) -> Bench:
        self.engine.run(until_s)
        return self

    def rows(self, *kinds: str) -> list[dict[str, Any]]:
        self.journal.spill()
        rows: list[dict[str, Any]] = self.events.whole().to_pylist()
        return [row for row in rows if row["kind"] in kinds]


SHOP = {"web": [("base", 100), ("web", 50)], "db": [("base", 100), ("db", 200)], "one": [("one", 100)]}


def test_layers_come_side_by_side_over_the_minions_link() -> None:
    bench = Bench(SHOP)
    bench.pull(0, "web")
    bench.run()
    # 1 s for the manifest; 150 MB at 50 MB/s, as the registry has more.
    assert bench.done == [(pytest.approx(4.0, rel=1e-12), "p1")]
    (row,) = bench.rows("image_pulled")
    assert (row["object"], row["actor"], row["minion"]) == ("pod/p1", "image/web", "minion/m-0")
    assert (row["image_pulled_bytes"], row["image_pulled_queued_s"]) == (150 * MB, 0.0)
    assert row["value"] == pytest.approx(4.0)
    (pulling,) = bench.rows("image_pulling")
    assert row["cause"] == pulling["seq"]


def test_one_layer_after_the_other_ends_at_the_same_time() -> None:
    bench = Bench(SHOP, layers_at_once=1)
    bench.pull(0, "web")
    assert bench.run().done == [(pytest.approx(4.0), "p1")]


def test_the_registry_is_shared_by_layers_not_by_minions() -> None:
    bench = Bench(SHOP, link_bytes_per_s=lambda minion: math.inf)
    bench.pull(0, "web")
    bench.pull(1, "one")
    bench.run()
    # Three layers at 100/3 MB/s until 50 MB of each are moved at 2.5 s; the two that are left then need 1 s more.
    assert bench.done == [(pytest.approx(3.5), "p1"), (pytest.approx(3.5), "p2")]
    # Layers of one pull are two of three shares: 'one' alone would have had half.
    bench = Bench(SHOP, link_bytes_per_s=lambda minion: math.inf, layers_at_once=1)
    bench.pull(0, "web")
    bench.pull(1, "one")
    assert bench.run().done == [(pytest.approx(3.0), "p2"), (pytest.approx(3.5), "p1")]


def test_pulls_of_a_minion_are_serial_and_the_second_asks_for_the_manifest_only() -> None:
    bench = Bench(SHOP)
    for image in ("web", "web", "db"):
        bench.pull(0, image)
    bench.run()
    # 1 + 3 s, then 1 s, then 1 s and the 200 MB that are not shared.
    assert [time for time, _ in bench.done] == pytest.approx([4.0, 5.0, 10.0])
    rows = bench.rows("image_pulled")
    assert [row["image_pulled_queued_s"] for row in rows] == pytest.approx([0.0, 4.0, 5.0])
    assert [row["image_pulled_bytes"] for row in rows] == [150 * MB, 0, 200 * MB]


def test_parallel_pulls_fetch_a_shared_layer_once() -> None:
    bench = Bench(SHOP, serial=False)
    bench.pull(0, "web")
    bench.pull(0, "db")
    bench.run()
    assert sum(row["image_pulled_bytes"] for row in bench.rows("image_pulled")) == 350 * MB
    assert bench.done[-1] == (pytest.approx(1.0 + 350 / 50), "p2")


def test_no_more_layers_at_once_than_the_engine_fetches() -> None:
    bench = Bench({"many": [(f"l{n}", 10) for n in range(8)]}, layers_at_once=3)
    found: list[int] = []
    bench.pull(0, "many")
    bench.at(1.1, lambda: found.append(bench.pulls.registry.busy))
    bench.run()
    assert found == [3]
    assert bench.done == [(pytest.approx(1 + 80 / 50), "p1")]


def test_a_layer_that_an_image_has_twice_moves_once() -> None:
    bench = Bench({"twice": [("l", 50), ("m", 50), ("l", 50)]})
    bench.pull(0, "twice")
    bench.run()
    assert bench.done == [(pytest.approx(3.0), "p1")]
    assert bench.pulls._of(0).disk.used_bytes == 150 * MB


def test_what_is_needed() -> None:
    bench = Bench(SHOP, there=["web"])
    need = bench.pulls.need
    assert [need(0, "web", policy) for policy in ("IfNotPresent", "Always", "Never")] == [
        Need.NONE, Need.PULL, Need.NONE,
    ]  # fmt: skip
    assert [need(0, "db", policy) for policy in ("IfNotPresent", "Always", "Never")] == [
        Need.PULL, Need.PULL, Need.NEVER,
    ]  # fmt: skip
    assert need(0, "nothing", "IfNotPresent") is Need.PULL
    bench.pull(0, "web")
    assert bench.run().done == [(1.0, "p1")]


def test_an_image_that_is_not_there_fails_after_the_manifest() -> None:
    bench = Bench(SHOP)
    bench.pull(0, "nothing")
    bench.run()
    assert bench.failed == [(1.0, "p1", "the registry has no such image")]
    (row,) = bench.rows("image_failed")
    assert (row["reason"], row["actor"]) == ("the registry has no such image", "image/nothing")
    assert bench.pulls._of(0).disk.used_bytes == 0


def test_a_pull_without_room_fails_and_leaves_nothing() -> None:
    bench = Bench({"big": [("b", 600)], "bigger": [("c", 500)]}, link_bytes_per_s=lambda minion: math.inf)
    bench.pull(0, "big")
    bench.pull(0, "bigger")
    bench.run(until_s=60.0)
    assert bench.failed == [(8.0, "p2", "no space left on device")]
    assert bench.pulls._of(0).disk.used_bytes == 600 * MB


def test_too_many_pulls_a_second_fail() -> None:
    bench = Bench(SHOP, there=["web"], latency=Constant(0.0))
    for _ in range(12):
        bench.pull(0, "web")
    bench.run()
    assert [time for time, _ in bench.done] == [0.0] * 10
    assert [reason for *_, reason in bench.failed] == ["pull QPS exceeded"] * 2


# Outages.


@pytest.mark.parametrize(
    ("ends_s", "resumes_s"),
    [(3.0, 7.0), (7.1, 17.0), (17.5, 32.0), (45.0, 52.0)],
    ids=["2nd", "3rd", "4th", "5th"],
)
def test_what_breaks_off_goes_on_at_the_engines_next_attempt(ends_s: float, resumes_s: float) -> None:
    bench = Bench(SHOP)
    bench.pull(0, "web")
    bench.at(2.0, bench.pulls.registry.stop)
    bench.at(ends_s, bench.pulls.registry.start)
    bench.run()
    # 50 of 150 MB had come; they are kept.
    assert bench.done == [(pytest.approx(resumes_s + 2.0), "p1")]


def test_the_fifth_attempt_is_the_last() -> None:
    bench = Bench(SHOP)
    bench.pull(0, "web")
    bench.pull(1, "web")
    bench.at(2.0, bench.pulls.registry.stop)
    bench.at(52.5, bench.pulls.registry.start)
    bench.run()
    assert bench.failed == [(52.0, name, "the registry does not answer") for name in ("p1", "p2")]
    assert bench.pulls._of(0).disk.used_bytes == 0
    assert bench.pulls.registry._fetches == {}


def test_who_asks_during_an_outage_fails_even_if_all_layers_are_there() -> None:
    bench = Bench(SHOP, there=["web"])
    bench.at(0.5, bench.pulls.registry.stop)
    bench.pull(0, "web")
    bench.pull(0, "db")
    bench.at(1.5, bench.pulls.registry.start)
    bench.run()
    assert bench.failed == [(1.0, "p1", "the registry does not answer")]
    assert bench.done == [(pytest.approx(1.0 + 1.0 + 4.0), "p2")]


def test_two_outages_that_overlap_are_one() -> None:
    bench = Bench(SHOP)
    registry = bench.pulls.registry
    bench.pull(0, "web")
    for time_s, verb in (
        (2.0, registry.stop),
        (2.5, registry.stop),
        (3.0, registry.start),
        (8.0, registry.start),
    ):
        bench.at(time_s, verb)
    assert bench.run().done == [(pytest.approx(17.0 + 2.0), "p1")]


# Crashes.


def test_a_crash_breaks_off_all_and_frees_the_bandwidth() -> None:
    bench = Bench(SHOP, link_bytes_per_s=lambda minion: math.inf)
    bench.pull(0, "db")
    bench.pull(0, "web")
    bench.pull(1, "one")
    bench.at(2.5, bench.pulls.down, 0)
    bench.run()
    # 100/3 MB/s from 1 s to 2.5 s, then all of it.
    assert bench.done == [(pytest.approx(3.0), "p3")]
    assert bench.failed == []
    disk = bench.pulls._of(0).disk
    assert (disk.used_bytes, disk.images()) == (0, [])


def test_after_a_crash_whole_images_are_there_and_pulls_begin_anew() -> None:
    bench = Bench(SHOP)
    bench.pull(0, "web")
    bench.at(4.5, bench.pull, 0, "db")
    bench.at(5.0, bench.pulls.down, 0)
    bench.at(6.0, bench.pulls.back, 0)
    bench.at(6.0, bench.pull, 0, "db")
    bench.run()
    assert bench.done == [(pytest.approx(4.0), "p1"), (pytest.approx(11.0), "p3")]
    assert bench.pulls._of(0).disk.images() == ["web", "db"]


def test_a_kubelet_that_is_back_has_no_users_and_knows_no_ages() -> None:
    bench = Bench({"a": [("a", 900)]})
    bench.pull(0, "a")
    bench.run(20.0)
    bench.pulls.use(0, "a")
    bench.at(30.0, bench.pulls.down, 0)
    bench.at(40.0, bench.pulls.back, 0)
    bench.run(45.0)
    # Its first pass is when it comes back; the image is held to have been there for ever.
    assert [row["time_s"] for row in bench.rows("image_removed")] == [40.0]


# Room.


def test_a_full_disk_is_cleared_at_the_next_pass_and_only_then() -> None:
    images = {name: [(name, 300)] for name in "abc"}
    bench = Bench(images)
    pulls = bench.pulls
    for n, name in enumerate("abc"):
        bench.at(50.0 * n, bench.pull, 0, name)
    bench.run(200.0)
    pulls.use(0, "a")
    assert bench.pulls._of(0).disk.is_full
    phase_s = pulls._phases.at("m", 0) * 300.0
    bench.run(5000.0)
    rows = bench.rows("image_removed")
    assert [row["object"] for row in rows] == ["image/b"], "a is in use, and b was seen first"
    # The first pass that is at least the minimum age after the one that saw b first.
    seen_s = phase_s + math.ceil((57.0 - phase_s) / 300.0) * 300.0
    assert rows[0]["time_s"] == pytest.approx(seen_s + 300.0)
    assert rows[0]["value"] == 300 * MB


def test_no_pass_is_an_event_while_nothing_can_go() -> None:
    bench = Bench({"a": [("a", 900)]})
    bench.pull(0, "a")
    bench.at(19.5, bench.pulls.use, 0, "a")
    bench.run(30.0)
    events = bench.engine.dispatched
    bench.run(1e6)
    assert bench.engine.dispatched - events <= 1
    bench.pulls.leave(0, "a")
    bench.run(1e6 + 900.0)
    assert [row["object"] for row in bench.rows("image_removed")] == ["image/a"]


# Many.


def test_a_storm_costs_a_few_events_a_pull_and_ends_when_the_bytes_are_through() -> None:
    layers = [("base", 100), ("lib", 60), ("app", 40)]
    bench = Bench({"web": layers}, minions=500, link_bytes_per_s=lambda minion: 50.0 * MB)
    for minion in range(500):
        bench.at(minion * 0.01, bench.pull, minion, "web")
    bench.run()
    assert len(bench.done) == 500
    # Manifest, three layers, and the event here that asks; deadlines that were moved on are few.
    assert bench.engine.dispatched <= 500 * (1 + 3 + 1) * 1.1
    # The registry is never idle from the first manifest to the end, but for the first seconds, when links bind.
    assert bench.done[-1][0] == pytest.approx(1.0 + 500 * 200 / 100, rel=2e-3)


steps = st.lists(
    st.tuples(
        st.floats(0.0, 40.0),
        st.sampled_from(["pull", "pull", "pull", "down", "stop", "use", "leave"]),
        st.integers(0, 2),
        st.sampled_from(["web", "db", "one", "twice", "nothing"]),
    ),
    max_size=30,
)


@given(steps, st.booleans(), st.integers(1, 3))
def test_every_pull_ends_once_and_nothing_is_left_over(
    plan: list[tuple[float, str, int, str]], serial: bool, at_once: int
) -> None:
    images = {**SHOP, "twice": [("l", 50), ("m", 0), ("l", 50)]}
    bench = Bench(images, serial=serial, layers_at_once=at_once, disk_bytes=lambda minion: 600 * MB)
    pulls, now_s = bench.pulls, 0.0
    asked: list[list[str]] = [[], [], []]
    lost: set[str] = set()
    users: Counter[tuple[int, str]] = Counter()
    for wait_s, word, minion, image in plan:
        now_s += wait_s
        bench.run(now_s)
        if word == "pull":
            asked[minion].append(bench.pull(minion, image))
        elif word == "down":
            ended = {name for _, name, *_ in [*bench.done, *bench.failed]}
            lost |= set(asked[minion]) - ended
            pulls.down(minion)
            pulls.back(minion)
            users = Counter({key: count for key, count in users.items() if key[0] != minion})
        elif word == "stop":
            pulls.registry.stop()
            bench.at(now_s + 20.0, pulls.registry.start)
        elif word == "use" and pulls.has(minion, image):
            pulls.use(minion, image)
            users[minion, image] += 1
        elif word == "leave" and users[minion, image]:
            pulls.leave(minion, image)
            users[minion, image] -= 1
    bench.run(now_s + 3000.0)
    ended = [name for _, name, *_ in [*bench.done, *bench.failed]]
    assert sorted([*ended, *lost]) == sorted(name for names in asked for name in names)
    assert pulls.registry.busy == 0
    assert pulls.registry._fetches == {}
    for minion in range(3):
        state = pulls._of(minion)
        assert (state.active, state.transfers, state.fetching) == ([], {}, 0)
        assert not state.queue
        assert not state.waiting
        assert not state.port.connections
        held: dict[int, Layer] = {}
        for name in state.disk.images():
            image_found = bench.table.get(name)
            assert isinstance(image_found, Image)
            held |= dict(zip(image_found.chain, image_found.layers, strict=True))
        assert state.disk.used_bytes == sum(layer.disk_bytes for layer in held.values()) <= 600 * MB
        assert all(
            pulls.has(minion, image) for (where, image), count in users.items() if count and where == minion
        )
