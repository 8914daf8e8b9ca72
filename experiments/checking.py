"""Reads a scenario with everything that can be known to be wrong before it runs, expectations too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.expectations import find_problems
from experiments.expectationwords import Known
from models.api.loading import LoadedScenario, read_scenario
from models.api.specs import GeneratedWorkload, MinionPool, Scenario
from models.catalog import vocabulary
from sim.errors import ScenarioError

__all__ = ["known_names", "read_checked"]


def read_checked(path: Path, sets: Sequence[str] = ()) -> LoadedScenario:
    """Read a scenario and check it.

    Raises:
        ScenarioError: With every problem found.
    """
    loaded = read_scenario(path, sets, vocabulary=vocabulary())
    known = known_names(loaded.spec)
    problems = [
        loaded.diagnostic(("expect", place), problem.message, hint=problem.hint, column_offset=problem.offset)
        for place, text in enumerate(loaded.spec.expect)
        for problem in find_problems(text, known)
    ]
    if problems:
        raise ScenarioError(problems)
    return loaded


def known_names(spec: Scenario) -> Known:
    """Return the names that a scenario's expectations may use."""
    minions = {pool.name for pool in spec.cluster.minions}
    resources: set[str] = set()
    for pool in spec.cluster.minions:
        if isinstance(pool, MinionPool):
            minions.update(pool.minion_names())
            resources.update(pool.extended)
    for workload in spec.workloads:
        if isinstance(workload, GeneratedWorkload):
            resources.update(workload.pod.extended)
    return Known(
        workloads=frozenset(workload.name for workload in spec.workloads),
        faults=frozenset(fault.name for fault in spec.faults),
        minions=frozenset(minions),
        resources=frozenset(resources),
    )
