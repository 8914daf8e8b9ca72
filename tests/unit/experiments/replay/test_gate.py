"""What a container finds under cgroup v2 is held against what was asked, too."""

from __future__ import annotations

import pytest

from experiments.replay.gate import gate_problems
from experiments.replay.work import Limits
from tests.support.fakeengine import found_by

_LIMITS = Limits(pids=20, memory_bytes=64 << 20, quota_us=50_000)
_FENCES = {name: value for name, value in found_by(_LIMITS, "1").items() if not name.startswith("v1.")}
_FOUND = _FENCES | {
    "v2.pids.max": "20",
    "v2.memory.max": str(64 << 20),
    "v2.memory.swap.max": "0",
    "v2.cpu.max": "50000 100000",
    "v2.cpu.weight": "39",
    "v2.cpuset.cpus": "1",
}


def test_v2_as_asked() -> None:
    assert gate_problems(_FOUND, _LIMITS, "v2", "1") == []
    free = Limits(pids=None, memory_bytes=None)
    found = _FOUND | dict.fromkeys(("v2.pids.max", "v2.memory.max", "v2.memory.swap.max"), "max")
    assert gate_problems(found | {"v2.cpu.max": "max 100000"}, free, "v2", "1") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v2.pids.max", "max"),
        ("v2.memory.max", "max"),
        ("v2.memory.max", str(65 << 20)),
        ("v2.memory.swap.max", "max"),
        ("v2.cpu.max", "max 100000"),
        ("v2.cpuset.cpus", "0-1"),
    ],
)
def test_v2_discarded(name: str, value: str) -> None:
    problems = gate_problems(_FOUND | {name: value}, _LIMITS, "v2", "1")
    assert len(problems) == 1
    assert problems[0].startswith(f"{name} is {value}, and ")


@pytest.mark.parametrize("name", [name for name in _FOUND if name.startswith("v2.")])
def test_v2_not_there(name: str) -> None:
    """A controller that is not handed down to the container has no file there."""
    found = {key: value for key, value in _FOUND.items() if key != name}
    assert gate_problems(found, _LIMITS, "v2", "1")[0].startswith(f"{name} is not there")


def test_limits_of_the_other_version_count_for_nothing() -> None:
    assert gate_problems(found_by(_LIMITS, "1"), _LIMITS, "v2", "1")
    assert gate_problems(_FOUND, _LIMITS, "v1", "1")
