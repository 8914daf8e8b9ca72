"""Devices that containers and pulls share, while they come and go: full or everybody served, and pulls end when they should."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.api.containers import ContainerSpec, PodContainers
from models.api.kernels import CgroupVersion, RawLimits
from models.api.usage import CAPS, Cap, DiskUsage
from models.kernel.fairshare import Port
from models.machines.askers import Asker
from models.machines.cputasks import TaskKind
from models.machines.disks import Disks, DiskTask
from models.machines.registry import Registry
from models.machines.useseries import DISK_SERIES, UseSeries
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journalchunks import ChunkMemory
from sim.series import SeriesBook

_MB = 1e6


@dataclass
class _Site:
    """Some minions with a device each, and a registry."""

    bandwidths: list[float]
    registry_per_s: float
    link_per_s: float = math.inf
    version: CgroupVersion = "v1"
    engine: Engine = field(default_factory=Engine)
    ended: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.bandwidths)
        series = UseSeries(SeriesBook(self.engine, ChunkMemory()), Identities(), DISK_SERIES, 1)
        self.disks = Disks(self.engine, self.bandwidths, [self.version] * count, series)
        self.registry = Registry(self.engine, self.registry_per_s)
        self.disks.watch(self.registry, lambda minion: minion)
        self.ports = [Port(self.link_per_s) for _ in range(count)]
        for minion, port in enumerate(self.ports):
            self.disks.pulls_through(minion, port)

    def task(
        self,
        minion: int,
        reads: float,
        writes: float = 0.0,
        *,
        raw: RawLimits | None = None,
        cap: Cap = "quota",
    ) -> DiskTask:
        spec = ContainerSpec("c", raw=raw or RawLimits())
        kind = TaskKind(PodContainers((spec,), cap=cap), 0)
        return DiskTask(Asker(minion, 0, -1, -1, "test", 0, 0, -1), kind, DiskUsage(reads, writes), None)

    def pull(self, minion: int, size: float) -> None:
        def came() -> None:
            self.ended.append((self.engine.now_s, minion))

        self.registry.fetch(self.ports[minion], [(int(size), came, came)])

    def check(self) -> None:
        """Pulls and containers have what the device gives, and nobody waits while it or the registry is idle."""
        total = 0.0
        for minion, bandwidth in enumerate(self.bandwidths):
            tasks, pulled = self.disks.tasks(minion), self.disks.pulled_bytes_per_s(minion)
            comes = self.registry.rate_bytes_per_s(self.ports[minion])
            total += comes
            if bandwidth == math.inf:
                assert [task.rate for task in tasks] == [task.most for task in tasks]
                continue
            assert pulled == comes
            used = sum(task.rate for task in tasks) + pulled
            assert used <= bandwidth * (1 + 1e-9)
            for task in tasks:
                assert task.rate <= task.most * (1 + 1e-9)
            if any(task.rate < task.most * (1 - 1e-9) for task in tasks):
                assert used == pytest.approx(bandwidth)
        assert total <= self.registry_per_s * (1 + 1e-9)
        if total < self.registry_per_s * (1 - 1e-9):  # each pull is at its link's or its device's bound
            for minion, port in enumerate(self.ports):
                if port.connections and self.bandwidths[minion] < math.inf:
                    pulled = self.disks.pulled_bytes_per_s(minion)
                    used = sum(task.rate for task in self.disks.tasks(minion)) + pulled
                    at_link = pulled >= self.link_per_s * (1 - 1e-9)
                    assert at_link or used == pytest.approx(self.bandwidths[minion])


_RATES = st.sampled_from([1.0, 20.0, 90.0, 400.0]).map(lambda each: each * _MB)
_LIMITS = st.builds(
    RawLimits,
    io_weight=st.sampled_from([None, 10, 500, 1000]),
    disk_bytes_per_s=st.sampled_from([None, int(30 * _MB)]),
)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "begin", "end", "pull"]),
        st.integers(0, 2),
        _RATES,
        st.sampled_from([0.0, 10 * _MB]),
        _LIMITS,
        st.sampled_from(CAPS),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(
    _STEPS, st.sampled_from([150.0, 2000.0]), st.sampled_from([50.0, math.inf]), st.sampled_from(["v1", "v2"])
)
def test_devices_and_registry_are_full_or_everybody_is_served(
    steps: list[tuple[str, int, float, float, RawLimits, Cap]],
    registry: float,
    link: float,
    version: CgroupVersion,
) -> None:
    site = _Site([100 * _MB, 300 * _MB, math.inf], registry * _MB, link * _MB, version)
    pulls = 0
    for number, (what, minion, reads, writes, raw, cap) in enumerate(steps):
        site.engine.run(0.73 * number)
        tasks = site.disks.tasks(minion)
        if what == "begin":
            site.disks.begin(site.task(minion, reads, writes, raw=raw, cap=cap))
        elif what == "end" and tasks:
            site.disks.end(tasks[0])
        elif what == "pull":
            pulls += 1
            site.pull(minion, reads)
        site.check()
    site.engine.run(1e5)
    site.check()
    assert len(site.ended) == pulls


def test_a_pull_beside_readers_takes_its_part_and_what_they_leave() -> None:
    """By hand: 200 MB/s, readers of 90 each; the pull has 66.7, then 110 when one is gone: 3 s and 2 s for 420 MB."""
    site = _Site([200 * _MB], 2000 * _MB)
    readers = [site.task(0, 90 * _MB) for _ in range(2)]
    for task in readers:
        site.disks.begin(task)
    assert [task.rate for task in readers] == [90 * _MB] * 2
    site.pull(0, 420 * _MB)
    assert [task.rate for task in readers] == pytest.approx([200 / 3 * _MB] * 2)
    site.engine.at(3.0, TRUTH, partial(site.disks.end, readers[0]))
    site.engine.run(10.0)
    assert site.ended == [(pytest.approx(3.0 + 220 / 110), 0)]
    readers[1].settle(10.0)
    assert readers[1].rate == 90 * _MB
    assert readers[1].moved_bytes == pytest.approx((3 * 200 / 3 + 7 * 90) * _MB)
    assert readers[1].wanted_bytes == pytest.approx(900 * _MB)


def test_a_slow_registry_leaves_the_device_to_readers() -> None:
    """Two minions pull through 60 MB/s: 30 each, so readers that want 150 of 180 lose nothing."""
    site = _Site([180 * _MB] * 2, 60 * _MB)
    reader = site.task(0, 150 * _MB)
    site.disks.begin(reader)
    site.pull(0, 300 * _MB)
    assert reader.rate == pytest.approx(120 * _MB)  # alone it has 60
    site.pull(1, 30 * _MB)
    assert reader.rate == pytest.approx(150 * _MB)
    site.engine.run(1.5)  # the other is through after a second
    assert reader.rate == pytest.approx(120 * _MB)


def test_weights_count_as_docker_sets_them_and_caps_say_what_the_kernel_is_told() -> None:
    heavy = RawLimits(io_weight=1000, disk_bytes_per_s=int(50 * _MB))

    def rates(version: CgroupVersion, cap: Cap) -> list[float]:
        site = _Site([100 * _MB], math.inf, 1000 * _MB, version)
        tasks = [site.task(0, 400 * _MB, raw=heavy, cap=cap), site.task(0, 400 * _MB, cap=cap)]
        for task in tasks:
            site.disks.begin(task)
        return [task.rate / _MB for task in tasks]

    assert rates("v1", "none") == pytest.approx([50, 50])
    assert rates("v1", "shares") == pytest.approx([100 * 1000 / 1500, 100 * 500 / 1500])
    assert rates("v2", "shares") == pytest.approx([100 * 10_000 / 10_100, 100 * 100 / 10_100])
    assert rates("v2", "quota") == pytest.approx([50, 50])
