"""Phases, conditions and reasons: the table in docs/validation.md, row by row, and the rules of getPhase()."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.api.status import ContainerStatus, PodStatus
from models.control.containers.status import phase_of, status_of
from tests.support.containers import Told, container, pod_run, probe, told

ROOT = Path(__file__).parents[5]


def row(time_s: float, status: PodStatus) -> list[str]:
    """One row of the table but for its source."""
    conditions = dict(status.conditions)
    true = [name for name in ("PodScheduled", "Initialized", "ContainersReady", "Ready") if conditions[name]]
    states = [
        each.state
        + (f" {each.reason}" if each.reason else "")
        + (", started" if each.started else "")
        + (", ready" if each.ready else "")
        + (f", restarts {each.restarts}" if each.restarts else "")
        for each in (*status.init_containers, *status.containers)
    ]
    return [f"{time_s:g}", status.phase, ", ".join(true), *states]


def documented() -> list[list[str]]:
    """The rows of the table, cell by cell; the last names its source."""
    lines = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8").splitlines()
    start = next(
        i for i, line in enumerate(lines) if line.startswith("| s | phase | conditions that are true |")
    )
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_three_containers_and_two_init_containers_go_through_the_documented_states() -> None:
    init = container("fetch", runs_s=2.0), container("migrate", runs_s=3.0)
    app = container(
        "app", start_s=0.5, stops_s=4.0, probes={"readiness": probe(), "startup": probe(period_s=2.0)}
    )
    log = container("log", runs_s=30.0, code=1, stops_s=1.0)
    run = pod_run(app, container("proxy", stops_s=1.0), log, init=init, base_s=lambda index, place: 1.0)
    found = Told(run)
    found.add(-1.0, [])
    found.add(0.0, run.begin(0.0))
    found.until(100.0)
    found.add(100.0, run.terminate(100.0, 30.0))
    found.until(200.0)
    rows = documented()
    assert [cells[:-1] for cells in rows] == [row(*each) for each in found.statuses]
    assert all(cells[-1].startswith("`") for cells in rows), "each row has its source"


def status(state: str, code: int | None = None) -> ContainerStatus:
    return ContainerStatus(state, "", code, 0, False, False)


RUNNING, WAITING = status("running"), status("waiting")
DONE, FAILED, AGAIN = status("terminated", 0), status("terminated", 1), status("waiting", 1)


@pytest.mark.parametrize(
    ("init", "main", "expected"),
    [
        ([], [WAITING], ("Pending", "Pending", "Pending")),
        ([], [RUNNING, WAITING], ("Pending", "Pending", "Pending")),
        ([], [RUNNING, RUNNING], ("Running", "Running", "Running")),
        ([], [RUNNING, DONE], ("Running", "Running", "Running")),
        ([], [RUNNING, FAILED], ("Running", "Running", "Running")),
        ([], [DONE, DONE], ("Running", "Succeeded", "Succeeded")),
        ([], [DONE, FAILED], ("Running", "Running", "Failed")),
        ([], [AGAIN], ("Running", "Running", "Failed")),
        ([RUNNING], [WAITING], ("Pending", "Pending", "Pending")),
        ([DONE, WAITING], [WAITING], ("Pending", "Pending", "Pending")),
        ([FAILED], [WAITING], ("Pending", "Pending", "Failed")),
        ([AGAIN], [WAITING], ("Pending", "Pending", "Failed")),
        ([DONE], [RUNNING], ("Running", "Running", "Running")),
    ],
)
def test_phases_are_those_of_get_phase(
    init: list[ContainerStatus], main: list[ContainerStatus], expected: tuple[str, str, str]
) -> None:
    """As the tests of k/k:pkg/kubelet/kubelet_pods_test.go (TestPodPhaseWithRestart...) have them."""
    assert tuple(phase_of(init, main, policy) for policy in ("Always", "OnFailure", "Never")) == expected


def test_a_pod_that_has_succeeded_is_initialized_and_not_ready() -> None:
    found = told(
        pod_run(container("app", runs_s=5.0), init=(container("i", runs_s=1.0),), policy="Never"), 60.0
    )
    last = found.statuses[-1][1]
    assert (last.phase, last.initialized, last.containers_ready, last.ready) == (
        "Succeeded",
        True,
        False,
        False,
    )
    assert status_of(found.run) == last
