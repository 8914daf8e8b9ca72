"""The pods of a minion become a scenario of their own, scaled to what a host can do."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from experiments.checking import read_checked
from experiments.replay.inputs import parts_of
from experiments.replay.predicting import arrivals_of, predict, recorded_pods
from experiments.replay.problems import HostError
from experiments.replay.replaying import find_minion, prepare
from experiments.replay.slices import Scale, Slice
from experiments.replay.slicing import parse_scale, slice_of
from models.plan import make_plan

_NODES = "sn,cpu_milli,memory_mib,gpu,model\nbig-0,32000,65536,0,\n"
_PODS = """name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time
first,8000,16384,0,0,,LS,Running,100,2100,100
tiny,100,16384,0,0,,LS,Running,200,2200,200
thin,8000,64,0,0,,LS,Running,300,2300,300
brief,8000,16384,0,0,,LS,Running,400,410,400
second,16000,32768,0,0,,LS,Running,1000,90000,1000
late,8000,16384,0,0,,LS,Running,50000,60000,50000
"""
_SCENARIO = """apiVersion: wavetank/v1
name: traced
until: 100000s
cluster: {{minions: [{{name: n, trace: {{format: openb, path: "{folder}"}}}}]}}
workloads:
  - {{name: openb, trace: {{format: openb, path: "{folder}"}}{uses}}}
"""
_SCALE = Scale(Fraction(1, 16), Fraction(1, 16), Fraction(1, 100))


def _run(tmp_path: Path, uses: str = ", uses: {ofRequest: 0.5}"):
    (tmp_path / "openb_node_list_all_node.csv").write_text(_NODES)
    (tmp_path / "openb_pod_list_default.csv").write_text(_PODS)
    file = tmp_path / "s.yaml"
    file.write_text(_SCENARIO.format(folder=tmp_path, uses=uses))
    loaded = read_checked(file, [])
    folder = tmp_path / "run"
    folder.mkdir()
    predict(loaded, folder)
    return loaded, folder, find_minion(make_plan(loaded.spec), folder, None)


def test_a_slice_is_a_scenario_that_can_be_run_for_real(tmp_path: Path) -> None:
    loaded, folder, minion = _run(tmp_path)
    assert next(pod.name for pod in recorded_pods(folder, "big-0")) == "default/first"
    text, left_out = slice_of(loaded.spec, folder, minion, scale=_SCALE, pods=None, until_s=60.0)
    file = tmp_path / "slice.yaml"
    file.write_text(text)
    sliced = read_checked(file, [])
    assert [each.name for each in sliced.spec.workloads] == ["first", "second"]
    (tmp_path / "sliced").mkdir()
    found = prepare(sliced, tmp_path / "sliced", Slice())
    assert (found.minion, found.cores, found.until_s) == ("big-0", 2, 60.0)
    first, second = (part.work["main"] for part in found.parts)
    assert (first.threads, first.duty_permille, first.after_s) == (1, 250, 20.0)
    assert (second.threads, second.duty_permille, second.after_s) == (1, 500, 0.0), "it goes on past the end"
    assert found.parts[0].containers.containers[0].limit("memory") == 1 << 30
    assert [part.arrival.at_s for part in found.parts] == pytest.approx([1.0, 21.0], abs=0.1), (
        "it had to wait"
    )
    told = " ".join(left_out)
    assert "pod default/tiny is left out: 6m of CPU are below" in told
    assert "pod default/thin is left out: 4.0 MiB of memory are below" in told
    assert "pod default/brief is left out: 0.10 s of running are below" in told
    assert "late" not in told, "it comes after the end"


def test_only_some_pods(tmp_path: Path) -> None:
    loaded, folder, minion = _run(tmp_path)
    text, left_out = slice_of(loaded.spec, folder, minion, scale=_SCALE, pods=1, until_s=60.0)
    assert "name: first" in text
    assert "name: second" not in text
    assert "pod default/second is left out: more than --pods" in left_out


def test_what_pods_of_a_trace_use_must_be_said(tmp_path: Path) -> None:
    loaded, folder, minion = _run(tmp_path, uses="")
    with pytest.raises(HostError, match=r"its workload does not say 'uses: {ofRequest: RATIO}'"):
        slice_of(loaded.spec, folder, minion, scale=_SCALE, pods=None, until_s=60.0)
    parts, left_out = parts_of(arrivals_of(folder, "big-0"), {}, 0)
    assert parts == []
    assert len(left_out) == 6


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("cpu=1/16,memory=1/64,time=1/100", Scale(Fraction(1, 16), Fraction(1, 64), Fraction(1, 100))),
        ("time = 0.5", Scale(time=Fraction(1, 2))),
        ("cpu=1", Scale()),
    ],
)
def test_scales(text: str, scale: Scale) -> None:
    assert parse_scale(text) == scale


@pytest.mark.parametrize(
    "text", ["", "cpu", "cpu=", "gpu=1/2", "cpu=1/0", "cpu=2", "cpu=0", "cpu=1/2,cpu=1/2", "cpu=-1"]
)
def test_what_is_no_scale(text: str) -> None:
    with pytest.raises(ValueError, match="expected "):
        parse_scale(text)


def test_the_shipped_slice_is_what_its_scenario_gives(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAVETANK_SHARED", str(shared))
    folder = Path(__file__).resolve().parents[4] / "scenarios" / "replay"
    loaded = read_checked(folder / "openb.yaml", [])
    (tmp_path / "run").mkdir()
    predict(loaded, tmp_path / "run")
    minion = find_minion(make_plan(loaded.spec), tmp_path / "run", "openb-node-0300")
    scale = parse_scale("cpu=1/8,memory=1/32,time=1/1000")
    text, _ = slice_of(loaded.spec, tmp_path / "run", minion, scale=scale, pods=8, until_s=60.0)
    assert text == (folder / "openb-slice.yaml").read_text()
