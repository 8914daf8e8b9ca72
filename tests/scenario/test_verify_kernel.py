"""The models of one kernel against what a live kernel did; and that this comparison can fail."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.verify.kernel.command import verify_kernel
from experiments.verify.kernel.kinds import CHECKED
from experiments.verify.kernel.reading import read_cases
from sim.errors import ScenarioError

Row = dict[str, Any]


def cases_of(shared: Path, *kinds: str) -> Row:
    """Return the given cases of some kinds, of all where none is named."""
    found: Row = json.loads((shared / "kernel" / "cases-1.json").read_text())
    if kinds:
        found["cases"] = [case for case in found["cases"] if case["kind"] in kinds]
    return found


def verified(folder: Path, cases: Row, **options: Any) -> tuple[int, str]:
    """Return the exit status of verify and what it printed."""
    file = folder / "cases.json"
    file.write_text(json.dumps(cases))
    screen = Console(file=io.StringIO(), width=160)
    status = verify_kernel([file], console=screen, **options)
    assert isinstance(screen.file, io.StringIO)
    return status, screen.file.getvalue()


def test_a_kind_without_a_checker_is_told_and_fails(tmp_path: Path, shared: Path) -> None:
    status, printed = verified(tmp_path, cases_of(shared, "pids"), checked={})
    assert status == 1
    assert "not checked: 7 cases of kind pids" in printed
    assert "does not agree" in printed


def refused(folder: Path, text: str) -> list[str]:
    file = folder / "cases.json"
    file.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        read_cases([file], CHECKED)
    return [str(each).removeprefix(f"{folder}/") for each in caught.value.diagnostics]


_TOP = '"kernel": "6.18", "cgroup": "v1", "cores": 2, "window_s": 5.0'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["cases.json:1:1: expected one JSON object, found 0 values"]),
        ("[]", ["cases.json:1:1: expected an object with 'cases'"]),
        (f'{{{_TOP}, "cases": []}}', ["cases.json:1:1: expected at least one case in 'cases'"]),
        (f"{{{_TOP}}}", ["cases.json:1:1: 'cases' must be a list, and it is not there"]),
        (
            f'{{{_TOP},\n"cases": [{{"kind": "pidz"}}]}}',
            ["cases.json:2:20: 'kind' must be one of 'cpu', 'burst', 'pids', 'memory', 'page_cache', not 'pidz'; did you mean 'pids'?"],
        ),
        (f'{{{_TOP},\n"cases": [7]}}', ["cases.json:2:11: each of 'cases' must be an object, not 7"]),
        (
            '{"kernel": 6, "cgroup": "v3",\n "cores": 0, "window_s": true,\n "cases": null}',
            [
                "cases.json:1:12: 'kernel' must be a text, not 6",
                "cases.json:1:25: 'cgroup' must be one of 'v1', 'v2', not 'v3'",
                "cases.json:2:11: 'cores' must be 1 to 8192, not 0",
                "cases.json:2:26: 'window_s' must be a number, not true",
                "cases.json:3:11: 'cases' must be a list, not null",
            ],
        ),
    ],
)  # fmt: skip
def test_bad_files_are_refused_with_places(tmp_path: Path, text: str, told: list[str]) -> None:
    assert sorted(refused(tmp_path, text)) == sorted(told)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot read the file: No such file"):
        read_cases([tmp_path / "none.json"])
