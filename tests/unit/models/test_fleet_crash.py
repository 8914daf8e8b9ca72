"""Crashes at a time and drawn ones, and what the fleet and its series say of them."""

from __future__ import annotations

from typing import Any

import pytest

from models.api.types import GpuRequest, Phase
from models.failures.crash import CrashFault, DrawnClock, FailsAsOne, FaultPlan, start
from models.world import World
from sim.distributions import Constant, Weibull
from sim.engine import Engine
from sim.errors import InvariantError
from sim.journalchunks import ChunkMemory
from sim.streams import Streams
from tests.support.worlds import GIB, Bench, alone, ran, records


def series(world: World, name: str) -> list[tuple[float, float]]:
    sink = world.sinks.series
    assert isinstance(sink, ChunkMemory)
    return [(row["time_s"], row["value"]) for row in sink.whole().to_pylist() if row["series"] == name]


def crashed_once() -> World:
    bench = Bench([(4000, 2), (4000, 0)])
    bench.pod(0.0, bench.cpu(3000, gpu=GpuRequest(1, 300)))
    bench.pod(0.0, bench.cpu(1000))
    bench.pod(0.0, bench.cpu(4000), 80.0)
    fault = FaultPlan("dies", alone(0), at_s=50.0, repair=Constant(100.0))
    world = bench.world(faults=[fault], until_s=300.0)
    world.run()
    return world


def test_a_crash_takes_what_ran_there_and_a_repair_brings_it_back_empty() -> None:
    world = crashed_once()
    story = [
        (row["time_s"], row["kind"], (row["minion"] or "")[7:])
        for row in records(world)
        if row["time_s"] >= 50 and row["kind"] != "run_ended"
    ]
    assert story == [
        (50, "fault_began", "m-0"),
        (50, "minion_crashed", "m-0"),
        (50, "pod_lost", "m-0"),
        (50, "pod_lost", "m-0"),
        (80, "pod_succeeded", "m-1"),
        (150, "fault_ended", "m-0"),
        (150, "minion_repaired", "m-0"),
    ]
    assert world.store.count[Phase.LOST] == 2
    # Nobody waits, so the scheduler has not read it yet; once it has, all is free again.
    for change in world.scheduler.client.cursor.read():
        world.scheduler._learn(change)
    assert world.belief.free.tolist() == world.belief.allocatable.tolist()
    assert world.belief.gpu_left_milli[0].tolist() == [1000, 1000]


def test_every_effect_names_its_cause() -> None:
    rows = records(crashed_once())
    by_kind = {row["kind"]: row for row in rows}
    began, crash = by_kind["fault_began"], by_kind["minion_crashed"]
    assert began["cause"] is None
    assert crash["cause"] == began["seq"]
    assert crash["owner"] == "fault/dies"
    assert crash["value"] == 100
    assert {row["cause"] for row in rows if row["kind"] == "pod_lost"} == {crash["seq"]}
    assert by_kind["fault_ended"]["cause"] == began["seq"]
    assert by_kind["minion_repaired"]["cause"] == by_kind["fault_ended"]["seq"]
    assert (began["value"], began["object"], began["layer"]) == (1, "fault/dies", "truth")


def test_series_say_what_was_when() -> None:
    world = crashed_once()
    assert series(world, "minions_ready") == [(0, 2), (50, 1), (150, 2)]
    assert series(world, "allocatable_cpu_millicores") == [(0, 8000), (50, 4000), (150, 8000)]
    assert series(world, "requested_cpu_millicores") == [(0, 8000), (50, 4000), (80, 0)]
    assert series(world, "requested_gpu_milli") == [(0, 300), (50, 0)]
    assert series(world, "requested_memory_bytes") == [(0, 3 * GIB), (50, GIB), (80, 0)]
    assert series(world, "pods_running") == [(0, 3), (50, 1), (80, 0)]
    assert series(world, "pods_lost") == [(0, 0), (50, 2)]
    # While the pods of 3000 and 1000 ran nothing was left; on no minion is less than 1000 left over.
    assert series(world, "stranded_cpu_millicores") == [(0, 0)]


def test_what_no_template_fits_into_is_stranded() -> None:
    bench = Bench([(1500, 0), (500, 0)])
    bench.pod(10.0, bench.cpu(1000), 20.0)
    world = bench.world(until_s=100.0)
    world.run()
    assert series(world, "stranded_cpu_millicores") == [(0, 500), (10, 1000), (30, 500)]


def test_a_minion_that_is_down_is_left_alone_by_another_fault() -> None:
    bench = Bench([(1000, 0), (1000, 0)])
    faults = [
        FaultPlan("first", alone(0), at_s=10.0, repair=Constant(50.0)),
        FaultPlan("second", alone(0, 1), at_s=20.0),
    ]
    world = bench.world(faults=faults, until_s=1000.0)
    world.run()
    story = [
        (row["time_s"], row["object"], row["minion"]) for row in records(world, "fault_began", "fault_ended")
    ]
    assert story == [
        (10, "fault/first", "minion/m-0"),
        (20, "fault/second", "minion/m-1"),
        (60, "fault/first", "minion/m-0"),
    ]
    assert world.fleet.up == [True, False]


class Log:
    """A target that notes."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.down, self.rows = engine, set[int](), list[tuple[float, str, int]]()
        self.boots: dict[int, float] = {}

    def is_up(self, minion: int) -> bool:
        return minion not in self.down

    def crash(self, minion: int, fault: CrashFault, repair_s: float, *, age_s: float = 0.0) -> None:
        self.down.add(minion)
        self.rows.append((self.engine.now_s, "down", minion))

    def boot_s(self, minion: int) -> float:
        return self.boots.get(minion, 0.0)

    def repair(self, minion: int, fault: CrashFault) -> None:
        self.down.remove(minion)
        self.rows.append((self.engine.now_s, "up", minion))


def started(domains: list[FailsAsOne], boots: dict[int, float], until_s: float, **plan: Any) -> Log:
    engine = Engine()
    log = Log(engine)
    log.boots = boots
    start(engine, log, Streams(1), CrashFault("f", 0), FaultPlan("f", domains, **plan))
    engine.run(until_s)
    return log


def clocks(minions: list[tuple[int, str, int]], **plan: Any) -> Log:
    return started([FailsAsOne((i,), pool, index) for i, pool, index in minions], {}, 100.0, **plan)


def test_a_fresh_clock_alternates() -> None:
    log = clocks([(0, "a", 0)], stationary=False, failure=Constant(20.0), repair=Constant(5.0))
    assert (
        log.rows == [(t + 25.0 * n, w, 0) for n in range(4) for t, w in ((20.0, "down"), (25.0, "up"))][:-1]
    )


def test_a_stationary_clock_starts_in_the_middle() -> None:
    minions = [(n, "a", n) for n in range(400)]
    log = clocks(minions, stationary=True, failure=Constant(20.0), repair=Constant(20.0))
    down = sum(time_s == 0 for time_s, _, _ in log.rows)
    assert abs(down - 200) < 4 * 10
    first = {}
    for time_s, _, minion in log.rows:
        if time_s > 0:
            first.setdefault(minion, time_s)
    assert len(first) == 400
    assert max(first.values()) <= 20
    assert abs(sum(first.values()) / 400 - 10) < 4 * 20 / (12 * 400) ** 0.5


def test_a_clock_is_the_minions_own() -> None:
    law = {"failure": Weibull(0.75, 10.0), "repair": Constant(1.0)}
    whole = clocks([(0, "a", 0), (1, "a", 1), (2, "b", 0)], stationary=True, **law).rows
    alone = clocks([(1, "a", 1)], stationary=True, **law).rows
    assert [row for row in whole if row[2] == 1] == alone
    times = {minion: [row[0] for row in whole if row[2] == minion] for minion in (0, 1, 2)}
    assert times[0] != times[2]


def test_a_drawn_failure_of_what_is_down_already_starts_the_clock_anew() -> None:
    engine = Engine()
    log = Log(engine)
    log.down.add(0)
    streams = Streams(1)
    draw = (streams.stream("x"), Constant(10.0))
    clock = DrawnClock(engine, log, CrashFault("f", 0), FailsAsOne((0,), "g", 0), failure=draw, repair=draw)
    clock.start()
    engine.run(15.0)
    assert log.rows == []
    log.down.clear()
    engine.run(35.0)
    assert log.rows == [(20.0, "down", 0), (30.0, "up", 0)]


def test_what_shares_a_clock_fails_and_is_repaired_at_once_and_then_each_boots() -> None:
    rack, other = FailsAsOne((0, 1, 2), "rack=", 0), FailsAsOne((3,), "m", 3)
    log = started([rack, other], {1: 2.0, 2: 2.0}, 50.0, at_s=10.0, repair=Constant(20.0))
    assert log.rows == [
        *((10.0, "down", minion) for minion in (0, 1, 2, 3)),
        (30.0, "up", 0),
        (30.0, "up", 3),
        (32.0, "up", 1),
        (32.0, "up", 2),
    ]


def test_a_domains_next_life_begins_with_its_repair_whatever_booting_takes() -> None:
    guests = FailsAsOne((0, 1), "host=", 0)
    laws = {"failure": Constant(20.0), "repair": Constant(5.0)}
    log = started([guests], {0: 3.0, 1: 3.0}, 60.0, stationary=False, **laws)
    downs, ups = (sorted({t for t, word, _ in log.rows if word == w}) for w in ("down", "up"))
    assert (downs, ups) == ([20.0, 45.0], [28.0, 53.0])


def test_a_drawn_repair_of_a_domain_is_drawn_once() -> None:
    domains = [FailsAsOne((0, 1), "rack=", 0), FailsAsOne((2, 3), "rack=", 1)]
    log = started(domains, {}, 1e6, at_s=0.0, repair=Weibull(0.75, 10.0))
    back = {minion: time_s for time_s, word, minion in log.rows if word == "up"}
    assert back[0] == back[1] != back[2] == back[3]


def test_broken_sums_stop_the_run() -> None:
    for damage, name in ((-1, "adds up"), (-5000, "overcommitted")):
        bench = Bench([(1000, 0)])
        bench.pod(0.0, bench.cpu(10))
        world = bench.world()
        world.fleet._ledger._state[0, 0] += damage
        with pytest.raises(InvariantError, match=name):
            world.run()


def test_a_lost_count_of_pods_stops_the_run() -> None:
    bench = Bench([(1000, 0)])
    bench.pod(0.0, bench.cpu(10))
    world = bench.world(checks="cheap")
    world.store.created += 1
    with pytest.raises(InvariantError, match="pods are conserved"):
        world.run()


def test_the_roots_of_a_run_have_no_cause_even_when_minions_start_down() -> None:
    world = ran("""
until: 1d
cluster: {minions: [{name: web, count: 50, cpu: 4, memory: 16Gi}]}
workloads: [{name: w, arrivals: {poisson: {rate: 1/h}}, pod: {cpu: 1, memory: 1Gi}, duration: 1h}]
faults: [{crash: {minions: all}, timeToFailure: {exponential: {mean: 1d}}, repair: {exponential: {mean: 1d}}}]
""")
    rows = records(
        world, "run_started", "minion_registered", "workload_offered", "pod_created", "fault_began"
    )
    assert {row["kind"] for row in rows if row["cause"] is not None} == set()
