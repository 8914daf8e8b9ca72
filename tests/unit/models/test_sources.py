"""Where pods come from: generators, the openb trace, tables of one's own, and the pipeline they share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.api.expected import ExpectedPod
from models.api.types import GpuRequest, PodAsk
from models.workloads import openb, table
from models.workloads.tracing import Trace, TraceError, TraceOptions, TraceRow
from sim.streams import Streams
from tests.support.worlds import GIB, Bench, ran, records, world_of

MINIONS = "until: 10d\ncluster: {minions: [{name: web, count: 10, cpu: 4, memory: 16Gi}]}\n"
POD = "pod: {cpu: 500m, memory: 1Gi}"


def asks(text: str, *sets: str) -> list[tuple[float, list[PodAsk]]]:
    world = world_of(MINIONS + text, *sets)
    (source,) = (source for _, source in world.plan.sources)
    return [(time_s, list(pods)) for time_s, pods in source.arrivals()]


def test_poisson_arrivals_have_exponential_gaps() -> None:
    batches = asks(f"workloads: [{{name: w, arrivals: {{poisson: {{rate: 60/h}}}}, count: 4000, {POD}}}]")
    times = np.array([time_s for time_s, _ in batches])
    assert [ask.name for _, batch in batches for ask in batch][:3] == ["w-0", "w-1", "w-2"]
    assert len(batches) == 4000
    gaps = np.diff(times)
    # The mean and the standard deviation are both 60 s; 4 standard errors.
    assert abs(gaps.mean() - 60) < 4 * 60 / math.sqrt(4000)
    assert abs(gaps.std() - 60) < 4 * 60 * math.sqrt(2 / 4000)


def test_batches_come_at_intervals_and_the_last_is_cut() -> None:
    text = (
        f"workloads: [{{name: w, arrivals: {{batch: {{every: 1h, size: 7}}}}, start: 30m, count: 17, {POD}}}]"
    )
    assert [(time_s, len(batch)) for time_s, batch in asks(text)] == [(5400, 7), (9000, 7), (12600, 3)]


def test_all_at_once() -> None:
    ((time_s, batch),) = asks(
        f"workloads: [{{name: w, arrivals: {{at: 5m}}, count: 9, {POD}, duration: 2h, ends: Failed}}]"
    )
    assert (time_s, len(batch)) == (300, 9)
    assert all(ask.fails and ask.life_s == 7200 for ask in batch)
    assert len({id(ask.template) for ask in batch}) == 1
    assert batch[0].template.need[:3] == (500, GIB, 1)


def test_drawn_sizes_and_lives_follow_their_laws() -> None:
    text = """workloads: [{name: w, arrivals: {at: 1s}, count: 3000, duration: {exponential: {mean: 1h}},
      pod: {cpu: {uniform: {low: 100m, high: 300m}}, memory: {uniform: {low: 1Gi, high: 3Gi}}}}]"""
    ((_, batch),) = asks(text)
    lives = np.array([ask.life_s for ask in batch])
    cpus, memories = (np.array([ask.template.need[n] for ask in batch]) for n in (0, 1))
    assert abs(lives.mean() - 3600) < 4 * 3600 / math.sqrt(3000)
    assert cpus.min() >= 100
    assert cpus.max() <= 300
    assert abs(cpus.mean() - 200.5) < 4 * 58 / math.sqrt(3000)
    assert (memories % (1 << 20) == 0).all()
    assert abs(memories.mean() / GIB - 2) < 4 * 0.58 / math.sqrt(3000)
    # Independent: sizes, and sizes and lives, are not correlated.
    for one, other in ((cpus, memories), (cpus, lives), (memories, lives)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(3000)


def test_a_change_to_one_workload_moves_no_other() -> None:
    text = """workloads:
  - name: a
    arrivals: {poisson: {rate: 10/h}}
    count: 20
    pod: {cpu: 1, memory: 1Gi}
    duration: {exponential: {mean: 1h}}
  - name: b
    arrivals: {poisson: {rate: 10/h}}
    count: 20
    pod: {cpu: 1, memory: 1Gi}
    duration: {exponential: {mean: 1h}}
"""

    def of_b(*sets: str) -> list[tuple[float, float]]:
        rows = records(ran(MINIONS + text, *sets), "pod_created")
        return [(row["time_s"], row["value"]) for row in rows if row["owner"] == "workload/b"]

    first = of_b()
    assert len(first) == 20
    assert of_b("workloads.a.count=11", "workloads.a.arrivals.poisson.rate=99/h") == first
    assert of_b("seed=2") != first


def test_the_offered_load_is_rate_times_life_times_size_over_capacity() -> None:
    text = f"workloads: [{{name: w, arrivals: {{poisson: {{rate: 40/h}}}}, {POD}, duration: 1h}}]"
    offered = world_of(MINIONS + text).offered["w"]
    assert offered == pytest.approx({"cpu": 40 * 0.5 / 40, "memory": 40 / 160})


def expected(text: str, until: str = "2h") -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}
    for pod in world_of(MINIONS + text, f"until={until}").belief.expected:
        key = (pod.cpu_millicores, pod.gpu.total_milli if pod.gpu else 0)
        found[key] = found.get(key, 0) + pod.count
    return found


def test_what_is_to_be_expected_is_how_many_come_in_the_mean() -> None:
    at_rate = (
        f"workloads: [{{name: w, start: 30m, arrivals: {{poisson: {{rate: 40/h}}}}, {POD}, duration: 1h}}]"
    )
    assert expected(at_rate) == pytest.approx({(500, 0): 60})
    few = f"workloads: [{{name: w, arrivals: {{poisson: {{rate: 40/h}}}}, count: 7, {POD}, duration: 1h}}]"
    assert expected(few) == pytest.approx({(500, 0): 7})
    batches = f"workloads: [{{name: w, arrivals: {{batch: {{every: 30m, size: 5}}}}, {POD}}}]"
    assert expected(batches) == pytest.approx({(500, 0): 20})
    drawn = "workloads: [{name: w, arrivals: {at: 1s}, count: 10, pod: {cpu: {uniform: {low: 1, high: 2}}, memory: 1Gi, gpu: 0.5}}]"
    sizes = expected(drawn)
    assert len(sizes) == 20
    assert sizes[1025, 500] == pytest.approx(0.5)
    assert sizes[1975, 500] == pytest.approx(0.5)


def test_the_pods_of_controllers_are_expected_too() -> None:
    text = (
        "master: {timing: kubernetes}\n"
        "controllers: [{name: web, replicas: 12, pod: {cpu: 250m, memory: 1Gi}}]\n"
        f"workloads: [{{name: w, arrivals: {{at: 1s}}, count: 4, {POD}}}]"
    )
    assert expected(text) == pytest.approx({(250, 0): 12, (500, 0): 4})


ROWS = [TraceRow(f"r{n}", float(100 - 10 * n), 5.0, 5.0, 10, GIB) for n in range(10)]


def traced(seed: int = 1, **options: Any) -> list[tuple[float, list[str]]]:
    bench = Bench([(1000, 0)])
    trace = Trace("t", Streams(seed), ROWS, TraceOptions(end_s=110.0, **options), lambda row: bench.cpu(10))
    return [(time_s, [ask.name for ask in batch]) for time_s, batch in trace.arrivals()]


def test_a_sample_of_a_trace_is_expected_to_be_as_the_whole() -> None:
    bench = Bench([(1000, 0)])
    rows = [TraceRow(f"r{n}", float(n), 5.0, 5.0, 10 * (n % 2), GIB) for n in range(12)]
    trace = Trace("t", Streams(1), rows, TraceOptions(end_s=110.0, every=4), lambda row: bench.cpu(10))
    assert len(trace.rows) == 3
    assert list(trace.expected(1e9)) == [ExpectedPod(0, None, 1.5), ExpectedPod(10, None, 1.5)]
    none = Trace("t", Streams(1), [], TraceOptions(), lambda row: bench.cpu(10))
    assert list(none.expected(1e9)) == []


def test_rows_come_in_order_of_time_or_of_the_file() -> None:
    assert [names for _, names in traced()] == [[f"r{n}"] for n in range(9, -1, -1)]
    assert traced(by_file=True)[:2] == [(0.0, ["r0"]), (1.0, ["r1"])]
    assert traced(by_file=True, every=4, first=1) == [(0.0, ["r1"]), (1.0, ["r5"]), (2.0, ["r9"])]


def test_a_window_is_cut_and_compressed() -> None:
    assert traced(from_s=80.0, compress=2.0) == [(0.0, ["r2"]), (5.0, ["r1"]), (10.0, ["r0"])]


def test_blocks_are_drawn_whole_by_seed() -> None:
    found = traced(from_s=10.0, blocks_s=20.0)
    assert found != traced(2, from_s=10.0, blocks_s=20.0)
    assert found == traced(from_s=10.0, blocks_s=20.0)
    names = [name for _, batch in found for name in batch]
    assert len(set(names)) == len(names)
    assert all(0 <= time_s < 100 for time_s, _ in found)
    for time_s, batch in found:
        place = int(time_s // 20)
        for name in batch:
            recorded_s = ROWS[int(name[1])].arrive_s - 10.0
            assert name.endswith(f"-{place}")
            assert recorded_s % 20 == time_s % 20


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"


def test_openb_rows_are_read_as_documented(tmp_path: Path) -> None:
    lines = (
        "a,1000,2,1,460,V100|T4,LS,Succeeded,10,100,30",  # waited 20, lived 70
        "b,1000,2,2,1000,,BE,Failed,10,90,10",
        "c,1000,2,0,0,,BE,Pending,10,60,",  # never ran
        "d,1000,2,0,0,,,Running,10,200,15",  # to the end of the trace: for ever
    )
    write(tmp_path, openb.PODS_FILE, PODS + "\n".join(lines) + "\n")
    rows, end_s = openb.read_rows(tmp_path)
    assert end_s == 200
    a, b, c, d = rows
    assert (a.arrive_s, a.life_s, a.recorded_wait_s) == (10, 70, 20)
    assert a.gpu == GpuRequest(1, 460, ("T4", "V100"))
    assert (b.gpu, b.fails, a.fails) == (GpuRequest(2), True, False)
    assert (c.withdraw_after_s, c.life_s, c.recorded_life_s) == (50, 50, 0)
    assert math.isnan(c.recorded_wait_s)
    assert (d.life_s, d.recorded_life_s, d.gpu, dict(d.labels)) == (math.inf, 185, None, {})


def test_every_bad_openb_cell_is_told_once_with_its_line(tmp_path: Path) -> None:
    lines = ("a,x,2,0,0,,LS,Running,10,100,30", "b,1,2,1,0,,LS,Running,10,5,", "c,1")
    write(tmp_path, openb.PODS_FILE, PODS + "\n".join(lines) + "\n")
    with pytest.raises(TraceError) as caught:
        openb.read_rows(tmp_path)
    found = {(line, words.split()[1]) for _, line, words in caught.value.problems}
    assert found == {(2, "cpu_milli"), (3, "gpu_milli"), (3, "pod"), (4, "row")}
    assert len(caught.value.problems) == 4


def test_openb_minions(tmp_path: Path) -> None:
    text = "sn,cpu_milli,memory_mib,gpu,model\nn1,64000,1024,2,T4\nn2,96000,2048,0,\n"
    write(tmp_path, openb.MINIONS_FILE, text)
    one, two = openb.read_minions(tmp_path, "pool")
    assert (one.name, one.cpu_millicores, one.memory_bytes, one.gpu.count) == ("n1", 64000, GIB, 2)
    assert (one.labels, two.labels, two.index) == ({"gpu-model": "T4"}, {}, 1)
    with pytest.raises(TraceError, match="cannot be read"):
        openb.read_minions(tmp_path / "absent", "pool")


TABLE = """name,arrive,duration,cpu,memory,gpu,labels
a,0,10m,500m,1Gi,0.5,tier=web;zone=a
b,90s,,2,1048576,2,
"""


def test_a_table_says_the_same_as_csv_and_as_parquet(tmp_path: Path) -> None:
    rows, end_s = table.read_rows(write(tmp_path, "pods.csv", TABLE))
    cells = [line.split(",") for line in TABLE.splitlines()]
    pq.write_table(
        pa.table(dict(zip(cells[0], zip(*cells[1:], strict=True), strict=True))), tmp_path / "p.parquet"
    )
    assert str(table.read_rows(tmp_path / "p.parquet")) == str((rows, end_s))
    a, b = rows
    assert end_s == 600
    assert (a.life_s, a.cpu_millicores, a.memory_bytes, a.gpu) == (600, 500, GIB, GpuRequest(1, 500))
    assert dict(a.labels) == {"tier": "web", "zone": "a"}
    assert (b.arrive_s, b.life_s, b.cpu_millicores, b.memory_bytes, b.gpu) == (
        *(90, math.inf, 2000, 1 << 20),
        GpuRequest(2),
    )


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("name,arrive\na,soon\n", 2, "column arrive is 'soon'"),
        ("name,arrive\na,\n", 2, "column arrive is empty"),
        ("name,arrive\n,1\n", 2, "column name is empty"),
        ("name,arrive\na,1\nb,2\na,3\n", 4, "'a' stands twice"),
        ("name,arrive,gpu\na,1,1.5\n", 2, "column gpu is '1.5'"),
        ("name,arrive,gpu\na,1,nan\n", 2, "column gpu is 'nan'"),
        ("name,arrive,duration\na,1,-3\n", 2, "column duration is '-3'"),
        ("name,arrive,cpu\na,1,inf\n", 2, "column cpu is 'inf'"),
        ("name\na\n", 1, "there is no column 'arrive'"),
        ("name,arrive,colour\na,1,red\n", 1, "column 'colour' is not one of"),
    ],
)
def test_a_bad_table_is_told_with_its_line(tmp_path: Path, text: str, line: int, word: str) -> None:
    with pytest.raises(TraceError) as caught:
        table.read_rows(write(tmp_path, "pods.csv", text))
    ((_, found, sentence),) = caught.value.problems
    assert found == line
    assert word in sentence
