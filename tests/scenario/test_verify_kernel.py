"""The models of one kernel against what a live kernel did; and that this comparison can fail."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.verify.kernel import burst, cpu
from experiments.verify.kernel.command import verify_kernel
from experiments.verify.kernel.kinds import CHECKED
from experiments.verify.kernel.reading import read_cases
from models.kernel import cgroups, cpuperiod, cpushare, cputree
from models.kernel.cpugroups import CpuGroup, CpuQuota, without_cgroups
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


# ------------------------------------------------------------------------------------------------ what a kernel did


def test_cpu_and_bursts_agree(tmp_path: Path, shared: Path) -> None:
    status, printed = verified(tmp_path, cases_of(shared, "cpu", "burst"))
    assert status == 0, printed
    assert "35 cases of 2 kinds" in printed


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({"kind": "cpu", "measured": []}, ["'containers' must be a list, and it is not there"]),
        (
            {"kind": "cpu", "cores": 0, "containers": [{"threads": 0, "shares": 1, "cpus": 0.001}], "measured": [{}]},
            [
                "'cores' must be 1 to 8192, not 0",
                "'threads' must be 1 to 4.1943e+06, not 0",
                "'shares' must be 2 to 262144, not 1",
                "'cpus' must be 0.01 to 8192, not 0.001",
                "'cores' must be a number, and it is not there",
                "'throttled' must be a number, and it is not there",
                "'throttled_s' must be a number, and it is not there",
            ],
        ),
        ({"kind": "cpu", "containers": [{"threads": 1, "shares": 2}], "measured": []}, ["there are 1 containers, and 0 measured"]),
        ({"kind": "cpu", "containers": [], "measured": []}, ["expected at least one container"]),
        ({"kind": "burst", "cpus": "1", "measured": None}, ["'cpus' must be a number, not '1'", "'measured' must be an object, not null"]),
        ({"kind": "burst", "cpus": 1, "measured": {"free": -1, "capped": True}}, ["'free' must be at least 0, not -1", "'capped' must be a number, not true"]),
    ],
)  # fmt: skip
def test_bad_cases_of_cpu_are_refused(tmp_path: Path, case: Row, told: list[str]) -> None:
    found = refused(tmp_path, f'{{{_TOP}, "cases": [{json.dumps(case)}]}}')
    assert [each.partition(": ")[2] for each in found] == sorted(
        told, key=lambda each: [each in one for one in found].index(True)
    )


def test_cases_that_say_nothing_are_listed_and_not_judged(tmp_path: Path, shared: Path) -> None:
    cases = cases_of(shared, "burst")
    bad = json.loads(json.dumps(cases["cases"][0]))
    bad["measured"]["capped"] *= 9
    cases["cases"].append(bad)
    assert verified(tmp_path, cases)[0] == 1
    bad["inconclusive"] = "the host was busy"
    status, printed = verified(tmp_path, cases)
    assert status == 3
    assert "burst: the host was busy" in printed
    assert "1 of 6 cases are inconclusive" in printed
    cases["cases"] = [bad]
    assert verified(tmp_path, cases)[0] == 3


# ------------------------------------------------------------------------------------------------ mutations

Mutation = Callable[[pytest.MonkeyPatch], None]


def no_periods(patch: pytest.MonkeyPatch) -> None:
    """Quotas as caps on the mean."""
    plain = lambda root, cores: tuple(map(cpuperiod.CpuUse, cpushare.max_min(root, cores)))  # noqa: E731
    patch.setattr(cpu, "resolve", plain)


def other_tree(change: Callable[[CpuGroup], CpuGroup]) -> Mutation:
    def mutate(patch: pytest.MonkeyPatch) -> None:
        real = cpu.cpu_groups
        patch.setattr(cpu, "cpu_groups", lambda *given: walked(real(*given)))

    def walked(group: CpuGroup) -> CpuGroup:
        return change(replace(group, children=tuple(map(walked, group.children))))

    return mutate


def other_quota(quota_of: Callable[[int], CpuQuota | None]) -> Mutation:
    def mutate(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(cpu, "quota_of_millicores", quota_of)
        patch.setattr(burst, "quota_of_millicores", quota_of)

    return mutate


def unbound_threads(patch: pytest.MonkeyPatch) -> None:
    """A container uses all cores, whatever threads it has."""
    real = cputree.CpuTree.__init__

    def make(self: Any, root: CpuGroup, cores: int) -> None:
        real(self, root, cores)
        self.wanted = [cores * (each > 0.0) for each in self.wanted]

    patch.setattr(cputree.CpuTree, "__init__", make)


def not_conserving(patch: pytest.MonkeyPatch) -> None:
    """What one cannot use nobody gets."""

    def divide(self: Any, node: int, left: float) -> None:
        children, weights = self.tree.children[node], self.tree.weights
        level = left / sum(weights[child] for child in children)
        for child in children:
            self._rates[child] = min(self._usable[child], level * weights[child])

    patch.setattr(cpushare.CpuShare, "_divide", divide)


def more_cores(patch: pytest.MonkeyPatch) -> None:
    real = cpu.resolve
    patch.setattr(cpu, "resolve", lambda root, cores: real(root, cores + 1))


def eager(patch: pytest.MonkeyPatch) -> None:
    """Work waits for half a period only."""
    real = burst.mean_wall_s
    halves = lambda work, quota: real(work, CpuQuota(quota.quota_us, quota.period_us // 2))  # noqa: E731
    patch.setattr(burst, "mean_wall_s", halves)


def no_cgroups(patch: pytest.MonkeyPatch) -> None:
    """Threads are all alike."""
    real = cpu.cpu_groups
    alike = lambda *given: CpuGroup("root", children=(without_cgroups(real(*given)),))  # noqa: E731
    patch.setattr(cpu, "cpu_groups", alike)


_MUTATIONS: dict[str, tuple[Mutation, str]] = {
    "quota as a cap on the mean": (no_periods, "cpu: cores"),
    "no weights": (other_tree(lambda group: replace(group, weight=1024.0)), "cpu: cores"),
    "weights of v2, curved": (
        other_tree(lambda group: replace(group, weight=float(cgroups.weight_of_shares(int(group.weight), "curved")))),
        "cpu: cores",
    ),
    "no bound by threads": (unbound_threads, "cpu: cores"),
    "no quota": (other_quota(lambda millicores: None), "cpu: cores"),
    "twice the quota": (other_quota(lambda millicores: CpuQuota(200 * millicores)), "burst: seconds"),
    "period of 50 ms": (other_quota(lambda millicores: CpuQuota(100 * millicores, 50_000)), "cpu: cores"),
    "not work-conserving": (not_conserving, "cpu: cores"),
    "one core more": (more_cores, "cpu: cores"),
    "no cgroups": (no_cgroups, "cpu: cores"),
    "work that waits half as long": (eager, "burst: seconds"),
}  # fmt: skip


@pytest.mark.parametrize("name", _MUTATIONS)
def test_a_changed_rule_is_found(
    name: str, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate, told = _MUTATIONS[name]
    mutate(monkeypatch)
    status, printed = verified(tmp_path, cases_of(shared, "cpu", "burst"))
    assert status == 1, printed
    assert any(line.startswith(told) and ", at most " in line for line in printed.splitlines()), printed
    assert "does not agree" in printed


def test_a_changed_measurement_is_found(tmp_path: Path, shared: Path) -> None:
    cases = cases_of(shared, "cpu")
    cases["cases"][0]["measured"][0]["cores"] += 0.2
    status, printed = verified(tmp_path, cases)
    assert status == 1
    assert "cpu: cores, greatest error" in printed
    assert "cases.json:1 mixed #0" in printed
