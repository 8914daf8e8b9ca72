"""Single mistakes that are none: what still validates is run in a child of its own, with budgets, and ends in order.

Each child may dispatch 100,000 events and hold 500 MB. It ends with 0, 1 or 3, writes no traceback, and leaves a
folder that ``report`` can read.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.checking import read_checked
from models.api import manifests
from sim.errors import ScenarioError
from tests.property.mutants import VALUES, Raw, all_paths, fill_folder, replaced, scenario, write

_EVENTS = 100_000
_BUDGET_BYTES = 500_000_000
_LEEWAY_BYTES = 250_000_000
"""Memory is looked at now and then, and the summary is written after the budget is used up."""

_EXTREME = tuple(
    Raw(text)
    for text in (
        "1us", "1ms", "1s", "30000d", "1e-3", "1", "2", "3", "64", "1000", "100000", "1e6/s", "1e9/s", "1/d", "1m",
        "1Ki", "1Pi", "1000Ti", "all", "a", "random", "first-fit", "off", "file", "false", "Succeeded", "{}", "[]",
        "{constant: 1s}", "{exponential: {mean: 1us}}", "{weibull: {shape: 0.1, scale: 1us}}",
        "{lognormal: {median: 1us, sigma: 10}}", "{uniform: {low: 0s, high: 1us}}", "{poisson: {rate: 1e9/s}}",
        "{at: 0s}", "{batch: {every: 1us, size: 1}}",
    )
)  # fmt: skip
"""Values that are allowed somewhere, and hard to live with."""

_ROWS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The scenario of all keys, with rows in its trace and minions that take whoever fits.

    Under the taint as it is nearly nobody runs, and a run is a quarter of a million attempts to place the same pods.
    """
    folder = tmp_path_factory.mktemp("trace")
    fill_folder(folder)
    lines = [_ROWS]
    for n in range(60):
        gpus, created = n % 3, 100 + 1000 * n
        lines.append(
            f"p-{n},{1000 * (1 + n % 4)},1024,{gpus},{500 if gpus == 1 else 1000},{'V100' if gpus else ''},LS,"
            f"{'Succeeded' if n % 5 else 'Failed'},{created},{created + 4900},{created + 100 if n % 7 else ''}"
        )
    (folder / "pods.csv").write_text("\n".join(lines) + "\n")
    whole = copy.deepcopy(scenario(str(folder)))
    whole["cluster"]["minions"][0]["taints"][0]["effect"] = "PreferNoSchedule"
    return whole


def mutants_that_validate(
    tree: dict[str, Any], folder: Path, first: int, step: int
) -> Iterator[tuple[str, Path]]:
    """Every ``step``-th of all values at all paths that the checks let through, as files."""
    path = folder / "mutant.yaml"
    cases = itertools.product(all_paths(tree), (..., *VALUES, *_EXTREME))
    for place, value in itertools.islice(cases, first, None, step):
        path.write_text(write(replaced(tree, place, value)).text)
        try:
            read_checked(path)
        except ScenarioError:
            continue
        yield f"{place} = {value}", path


def run_in_a_child(path: Path, out: Path) -> tuple[int, str, int]:
    """Run a scenario under the budgets: exit status, what it wrote to stderr, bytes of peak memory."""
    words = ["run", str(path), "--out", str(out), "--no-report"]
    words += ["--max-events", str(_EVENTS), "--max-memory", f"{_BUDGET_BYTES // 1_000_000}MB"]
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.cli", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A run that never ends would end the test only by its own limit.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (120, 120)),  # noqa: PLW1509
    )
    assert process.stderr is not None
    with process.stderr:
        err = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, err, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def check(cases: Iterable[tuple[str, Path]], folder: Path) -> Counter[int]:
    """Run the mutants; how many ended with each status."""
    seen, wrong = Counter[int](), []
    for number, (what, path) in enumerate(cases):
        status, err, peak_bytes = run_in_a_child(path, folder / f"out-{number}")
        seen[status] += 1
        if status not in {0, 1, 3} or "Traceback" in err or peak_bytes > _BUDGET_BYTES + _LEEWAY_BYTES:
            wrong.append((what, status, peak_bytes, err[-2000:]))
    assert not wrong, wrong
    return seen


def test_the_scenario_that_is_mutated_ends_well(tree: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text(write(tree).text)
    status, err, _ = run_in_a_child(path, tmp_path / "out")
    assert (status, err) == (1, ""), "not every expectation of it is met"


def test_a_few_mutants_that_validate_end_in_order(tree: dict[str, Any], tmp_path: Path) -> None:
    check(itertools.islice(mutants_that_validate(tree, tmp_path, 7, 701), 5), tmp_path)


@pytest.mark.parametrize(
    "arrivals", ["{batch: {every: 1m, size: 10000000}}", "{at: 5s}", "{poisson: {rate: 1e9/s}}"]
)
def test_millions_of_pods_at_one_time_use_up_the_budget_and_end_in_order(
    arrivals: str, tmp_path: Path
) -> None:
    path = tmp_path / "burst.yaml"
    path.write_text(
        "apiVersion: wavetank/v1\nname: burst\nuntil: 1h\nchecks: full\n"
        "cluster: {minions: [{name: a, cpu: 8, memory: 32Gi}]}\n"
        f"workloads: [{{name: w, arrivals: {arrivals}, count: 10000000, duration: 1h, pod: {{cpu: 1, memory: 1Gi}}}}]\n"
    )
    status, err, peak_bytes = run_in_a_child(path, tmp_path / "out")
    assert status == 3, err
    assert "budget of" in err
    assert peak_bytes < _BUDGET_BYTES + _LEEWAY_BYTES
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["pods"]["conserved"] is True
    assert summary["complete"] is False


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(4))
def test_hundreds_of_mutants_that_validate_end_in_order(
    part: int, tree: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seventh of all that validate, in four parts: each is a child of its own, and two can run at once."""
    monkeypatch.setattr(manifests, "_LARGE", 0)  # the same file is named by most, and read once
    seen = check(mutants_that_validate(tree, tmp_path, 7 * part, 28), tmp_path)
    assert seen.total() >= 60
    assert 1 in seen, "most leave the expectations as they are, and these are not met"
