"""Files of recorded decisions: what can be wrong with them is told at once, by file and line."""

from __future__ import annotations

import copy
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.verify.scheduler.agreement import compare
from experiments.verify.scheduler.cases import read_decisions
from experiments.verify.scheduler.extras import ExtraError, parse_extra
from models.policies.kubernetes.profile import KUBERNETES_1_20
from models.policies.kubernetes.resource_scores import CapacityRatio, LeastAllocated, MostAllocated
from sim.errors import ScenarioError

Row = dict[str, Any]
_ROOT = Path(__file__).resolve().parents[5]
_POD = {
    "metadata": {"name": "p", "namespace": "default", "labels": {"app": "a"}},
    "spec": {"containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "1"}}}]},
}
_NODE = {
    "metadata": {"name": "n", "labels": {"zone": "a"}},
    "status": {"allocatable": {"cpu": "4", "pods": "9"}},
}
_CASE: Row = {
    "id": "one",
    "nodes": [_NODE],
    "pods": [],
    "pod": _POD,
    "expect": {
        "feasible": ["n"],
        "infeasible": {},
        "scores": {name: [0] for name in KUBERNETES_1_20.scores},
        "raw": {},
        "extra": {},
        "total": [0],
        "best": ["n"],
    },
}
_STEP = {"pod": "p", "feasible": 1, "rejects": {}, "totals": [0], "best": ["n"], "chosen": "n"}
_SEQUENCE: Row = {"id": "two", "nodes": [_NODE], "pods": [_POD], "steps": [_STEP]}


def told(folder: Path, text: str | bytes, name: str = "cases.jsonl") -> list[str]:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ScenarioError) as error:
        read_decisions([file])
    return [str(each).removeprefix(f"{file}:").removeprefix(" ") for each in error.value.diagnostics]


def lines(*rows: Row) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_what_is_right_is_read_compressed_or_not(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_text(lines(_CASE, _SEQUENCE))
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    first, second = read_decisions([plain]), read_decisions([packed])
    assert [each.name for each in first] == [each.name for each in second] == ["one", "two"]


_WRONG: dict[str, tuple[Callable[[Row], object], str]] = {
    "no nodes": (lambda row: row.pop("nodes"), "'nodes' must be a list"),
    "no pod": (lambda row: row.pop("pod"), "'pod' must be an object"),
    "nameless": (lambda row: row["nodes"][0]["metadata"].pop("name"), "nodes[0] lacks metadata.name"),
    "twins": (lambda row: row["nodes"].append(row["nodes"][0]), "there are two nodes 'n'"),
    "unbound": (lambda row: row["pods"].append(_POD), "pods[0] lacks spec.nodeName: those are bound"),
    "elsewhere": (
        lambda row: row["pods"].append({"spec": {"nodeName": "m"}}),
        "pods[0] is bound to 'm', which is not in 'nodes'",
    ),
    "unknown plug-in": (
        lambda row: row["expect"]["raw"].update(ImageLocalit=[1]),
        "expect.raw names the unknown plug-in 'ImageLocalit'; nearest: 'ImageLocality'",
    ),
    "too short": (
        lambda row: row["expect"]["scores"].update(ImageLocality=[]),
        "expect.scores.ImageLocality must be a list of 1 whole numbers",
    ),
    "nobody's": (
        lambda row: row["expect"].update(feasible=["m"]),
        "expect.feasible and expect.infeasible must name each node once",
    ),
    "quantity": (
        lambda row: row["nodes"][0]["status"]["allocatable"].update(cpu="4 cores"),
        'nodes[0].status.allocatable[cpu]: Invalid value: "4 cores": quantities must match',
    ),
    "operator": (
        lambda row: row["pod"]["spec"].update(tolerations=[{"operator": "Exist"}]),
        "pod.spec.tolerations[0].operator: Unsupported value",
    ),
    "extra": (
        lambda row: row["expect"]["extra"].update({"NodeResourcesMostAllocated[cpu]": [1]}),
        "expect.extra: expected whole numbers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _WRONG)
def test_what_is_wrong_with_a_case_is_told_at_its_line(tmp_path: Path, name: str) -> None:
    change, sentence = _WRONG[name]
    row = copy.deepcopy(_CASE)
    change(row)
    found = told(tmp_path, lines(_CASE, row))
    assert any(each.startswith(f"2:1: {sentence}") for each in found), found


def test_what_is_wrong_with_a_sequence_is_told(tmp_path: Path) -> None:
    row = copy.deepcopy(_SEQUENCE)
    row["steps"][0] |= {"pod": "q", "totals": [], "chosen": "m", "rejects": {"NodePort": 1}}
    found = "\n".join(told(tmp_path, lines(row)))
    assert "steps[0] is of pod 'q', but pods[0] is 'p'" in found
    assert "steps[0].totals must be a list of 1 whole numbers" in found
    assert "steps[0].chosen is 'm', which is not in 'nodes'" in found
    assert "steps[0].rejects names the unknown plug-in 'NodePort'; nearest: 'NodePorts'" in found


def test_what_is_read_can_be_compared_whatever_a_recording_leaves_out(tmp_path: Path) -> None:
    refused = {"code": "Unschedulable", "reasons": ["Insufficient cpu"], "plugin": "NodeResourcesFit"}
    full = copy.deepcopy(_CASE)
    full["nodes"].append({"metadata": {"name": "m"}, "status": {"allocatable": {"pods": "9"}}})
    full["expect"]["infeasible"]["m"] = {**refused, "all": ["NodeResourcesFit"]}
    parts = [("expect", key) for key in full["expect"]]
    parts += [("expect", "infeasible", "m", key) for key in full["expect"]["infeasible"]["m"]]
    rows = [without(full, *part) for part in parts]
    rows += [without(_SEQUENCE, "steps", 0, key) for key in _STEP]
    file = tmp_path / "cases.jsonl"
    file.write_text(lines(full, _SEQUENCE))
    assert compare(read_decisions([file]), KUBERNETES_1_20)
    refusals = 0
    for row in rows:
        file.write_text(lines(row))
        try:
            decisions = read_decisions([file])
        except ScenarioError:
            refusals += 1
        else:
            assert compare(decisions, KUBERNETES_1_20)
    assert 0 < refusals < len(rows)


def without(row: Row, *path: str | int) -> Row:
    """Return a row without one thing in it."""
    made: Any = copy.deepcopy(row)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("", "a.jsonl", "1:1: expected recorded decisions"),
        ("{", "a.jsonl", "1:2: not JSON"),
        ("[]", "a.jsonl", "1:1: a recorded decision is a JSON object"),
        (b"\xff", "a.jsonl", "not JSON: the text is not UTF-8"),
        ("plain", "a.jsonl.gz", "cannot read the file"),
        (gzip.compress(b"{}", mtime=0)[:-9], "a.jsonl.gz", "cannot read the file"),
        ("[" * 100_000, "a.jsonl", "not JSON that can be read"),
    ],
)
def test_what_is_no_file_of_decisions_is_told(
    tmp_path: Path, text: str | bytes, name: str, sentence: str
) -> None:
    assert any(sentence in each for each in told(tmp_path, text, name))


def test_the_command_ends_with_2_and_every_files_problems(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n")
    command = [sys.executable, "-m", "experiments.cli", "verify", "scheduler", bad, tmp_path / "none.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT, check=False)
    assert done.returncode == 2
    assert "'id' must be a text" in done.stderr
    assert "none.jsonl: cannot read the file: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_arguments_of_other_scores() -> None:
    assert parse_extra("NodeResourcesMostAllocated") == MostAllocated()
    assert parse_extra("NodeResourcesLeastAllocated[cpu=2,a/b=3]") == LeastAllocated((("cpu", 2), ("a/b", 3)))
    shape, weights = ((0, 2), (100, 1)), (("cpu", 3),)
    assert parse_extra("RequestedToCapacityRatio[0:2,100:1;cpu=3]") == CapacityRatio(shape, weights)
    for wrong in ("Nothing", "NodeResourcesMostAllocated[cpu]", "RequestedToCapacityRatio[a:1;cpu=1]", "["):
        with pytest.raises(ExtraError):
            parse_extra(wrong)
