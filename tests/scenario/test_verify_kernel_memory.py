"""Cases of pids, memory and page cache agree with the models, and do not with a rule changed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.verify.kernel import memory as memory_cases
from experiments.verify.kernel import processes as pids_cases
from experiments.verify.kernel.command import verify_kernel
from experiments.verify.kernel.memory import MemoryKind
from experiments.verify.kernel.pagecache import PageCacheKind
from experiments.verify.kernel.processes import PidsKind
from experiments.verify.kernel.reading import read_cases
from models.kernel import memory, pagecache, processes
from models.kernel.constants import FITTED, FittedConstants
from sim.errors import ScenarioError

KINDS = {kind.name: kind for kind in (PidsKind(), MemoryKind(), PageCacheKind())}


def verified(shared: Path, folder: Path, constants: FittedConstants = FITTED) -> tuple[int, str]:
    cases = json.loads((shared / "kernel" / "cases-1.json").read_text())
    cases["cases"] = [case for case in cases["cases"] if case["kind"] in KINDS]
    file = folder / "cases.json"
    file.write_text(json.dumps(cases))
    screen = Console(file=io.StringIO(), width=200)
    status = verify_kernel([file], console=screen, checked=KINDS, constants=constants)
    assert isinstance(screen.file, io.StringIO)
    return status, screen.file.getvalue()


def test_all_cases_agree(shared: Path, tmp_path: Path) -> None:
    status, printed = verified(shared, tmp_path)
    assert status == 0, printed
    assert "18 cases of 3 kinds" in printed


def _ignore_limits(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, name, parent=None, **options: original(self, name, parent)


MUTATIONS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "pids.max is one more": lambda m: m.setattr(pids_cases, "pids_limit", lambda limit: limit + 1),
    "pids.max is one less": lambda m: m.setattr(pids_cases, "pids_limit", lambda limit: limit - 1),
    "0 is no limit, and so are others": lambda m: m.setattr(pids_cases, "pids_limit", lambda limit: None),
    "a shell that cannot fork ends with 1": lambda m: m.setattr(pids_cases, "EAGAIN_STATUS", 1),
    "tasks are not counted": lambda m: m.setattr(processes.ProcessTable, "_count", lambda *_: None),
    "limits of memory do not bind": lambda m: m.setattr(memory.Memory, "add_group", _ignore_limits(memory.Memory.add_group)),
    "page tables of 64 pages each": lambda m: m.setattr("models.kernel.memorygroups.TABLE_REACH", 64),
    "kernel stacks of a MiB": lambda m: m.setattr(memory_cases, "KERNEL_STACK_BYTES", 2**20),
    "each reader is charged": lambda m: m.setattr(pagecache.CachedFile, "pages", property(lambda _: 0)),
    "the last to touch is charged": lambda m: m.setattr(pagecache.PageCache, "use", lambda self, key, now_s: pagecache.CachedFile(key)),
}  # fmt: skip


@pytest.mark.parametrize("mutate", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_changed_rule_is_seen(
    mutate: Callable[[pytest.MonkeyPatch], None],
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutate(monkeypatch)
    status, printed = verified(shared, tmp_path)
    assert status == 1, printed


def test_a_process_of_three_times_the_memory_is_seen(shared: Path, tmp_path: Path) -> None:
    assert verified(shared, tmp_path, FittedConstants(process_bytes=3 * FITTED.process_bytes))[0] == 1


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ('{"kind": "pids", "limit": 1.5, "forks": -1, "measured": {"tasks": 0, "status": "dead", "exit_code": 256}}',
         ["'limit' must be a whole number, not 1.5", "'forks' must be 0 to 1e+07, not -1",
          "'status' must be one of 'running', 'exited', not 'dead'", "'exit_code' must be 0 to 255, not 256"]),
        ('{"kind": "memory", "limit_mib": 0, "alloc_mib": "x", "measured": {"peak_mib": null}}',
         ["'limit_mib' must be 1 to 1.07374e+09, not 0", "'alloc_mib' must be a number, not 'x'",
          "'peak_mib' must be a number, not null", "'oom_killed' must be true or false, and it is not there"]),
        ('{"kind": "page_cache", "readers": 2, "file_mib": 1, "measured": [1]}',
         ["'measured' must have one number for each of 2 readers"]),
    ],
)  # fmt: skip
def test_bad_cases_are_told_field_by_field(case: str, told: list[str], tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(f'{{"kernel": "6.18", "cgroup": "v1", "cores": 2, "window_s": 5, "cases": [{case}]}}')
    with pytest.raises(ScenarioError) as caught:
        read_cases([file], KINDS)
    said = [str(each) for each in caught.value.diagnostics]
    assert len(said) == len(told)
    assert all(any(sentence in each for each in said) for sentence in told), said
