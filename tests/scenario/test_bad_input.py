"""Bad input from the command line: one sentence each, all at once, exit 2, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_GOOD = """apiVersion: wavetank/v1
name: good
seed: 7
until: 24h
cluster:
  minions:
    - {name: web, count: 4, cpu: 8, memory: 32Gi}
workloads:
  - name: batch
    arrivals: {poisson: {rate: 60/h}}
    pod: {cpu: 2, memory: 4Gi}
    duration: {exponential: {mean: 4h}}
policy: {scheduler: best-fit}
faults: [{name: web-3-dies, at: 5m, crash: {minion: web-3}, repair: 10m}]
"""
_TRACE = "  - {name: t, trace: {format: table, path: rows.csv}}\n"


def _changed(before: str, after: str) -> str:
    assert before in _GOOD
    return _GOOD.replace(before, after)


_BOMB = (
    _GOOD
    + "b0: &b0 [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"b{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 9)}]\n" for n in range(1, 12))
)

_BAD = {
    "misspelt": (_changed("arrivals", "arivals"), "10:5: 'arivals' is not a key of 'workloads'; did you mean 'arrivals'?"),
    "no-unit": (_changed("until: 24h", "until: 24"), "4:8: expected a time with a unit"),
    "type": (_changed("count: 4", "count: many"), "7:26: expected a number of minions, not 'many'"),
    "negative": (_changed("count: 4", "count: -4"), "7:26: expected a number of minions between"),
    "nan": (_changed("cpu: 2", "cpu: .nan"), "11:16: expected an amount of CPU"),
    "huge": (_changed("cpu: 2", "cpu: 1e30"), "11:16: expected an amount of CPU"),
    "missing": (_changed("name: good\n", ""), "1:1: 'name' is missing"),
    "duplicate": (_changed("seed: 7", "seed: 7\nseed: 8"), "4:1: the key 'seed' is given twice"),
    "bomb": (_BOMB, "with its aliases written out, the file has more than"),
    "deep": ("x: " + "[" * 10_000 + "]" * 10_000, "the nesting is deeper than"),
    "cut": (_GOOD[: _GOOD.index("mean: 4h")], "12:"),
    "policy": (_changed("best-fit", "best-fti"), "13:21: there is no scheduling policy 'best-fti'"),
    "dangling": (_changed("minion: web-3", "minion: web-9"), "14:53: there is no minion 'web-9' in this cluster"),
    "absent": (
        _changed("policy:", "  - {name: t, trace: {format: openb, path: nowhere}}\npolicy:"),
        "13:44: there is no trace at '",
    ),
    "empty": ("", "1:1: expected a document, but the file is empty"),
    "binary": (b"\xff\xfe\x00", "the file is not UTF-8"),
}  # fmt: skip


def _validate(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "experiments.cli", "validate", *names]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_each_is_one_sentence_all_at_once(tmp_path: Path) -> None:
    for name, (text, _) in _BAD.items():
        path = tmp_path / f"{name}.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = _validate(tmp_path, *(f"{name}.yaml" for name in _BAD), "not-there.yaml")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for name, (_, words) in _BAD.items():
        lines = [line for line in done.stderr.splitlines() if line.startswith(f"{name}.yaml")]
        assert len(lines) == 1, lines
        assert words in lines[0]
    assert "not-there.yaml: the scenario cannot be read" in done.stderr
    assert done.stderr.rstrip().endswith(f"{len(_BAD) + 1} problems")


def test_an_absent_trace_says_where_it_is_to_be_had(tmp_path: Path) -> None:
    (tmp_path / "absent.yaml").write_text(str(_BAD["absent"][0]))
    said = _validate(tmp_path, "absent.yaml").stderr
    assert "github.com/alibaba/clusterdata" in said
    assert "WAVETANK_SHARED" in said


def test_every_bad_row_of_a_trace_is_told_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_text(_changed("policy:", f"{_TRACE}policy:"))
    rows = [
        "name,arrive,duration,cpu,memory",
        "a,1,2,3,4Gi",
        "b,x,2,3,4Gi",
        "c,1,-2,1e30,nan",
        "d,5",
        "a,7,,1,1Gi,9",
        ",3,,1,1Gi",
    ]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    done = _validate(tmp_path, "rows.yaml")
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if line.startswith("rows.csv")]
    assert [line.split(":")[1] for line in told] == ["3", "4", "4", "4", "5", "6", "7"]


def test_of_a_file_of_bad_rows_a_hundred_are_told_and_the_rest_counted(tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_text(_changed("policy:", f"{_TRACE}policy:"))
    (tmp_path / "rows.csv").write_text("name,arrive\n" + "x,never\n" * 5000)
    said = _validate(tmp_path, "rows.yaml").stderr
    assert said.count("column arrive is 'never'") == 100
    assert "there are 4,900 more problems in this file" in said
