"""Reads a scenario with everything that can be known to be wrong before it runs, expectations too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from experiments.expectations import find_problems, parse
from experiments.expectationwords import ExpectationSyntaxError, Known
from experiments.owners import owners_of, services_of
from models.api.loading import LoadedScenario, read_scenario
from models.api.manifests_checks import check_manifests, is_manifest
from models.api.specs import GeneratedWorkload, MinionPool, MinionTrace, PluginRef, Scenario, TraceWorkload
from models.api.specs_manifests import ManifestFile
from models.catalog import policy_problems, vocabulary
from models.isolationplan import isolation_problems
from models.parameters import RESOURCE_WORDS
from models.workloads import openb, table
from models.workloads.tracing import TraceError
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError
from sim.overrides import apply_overrides
from sim.yamlnodes import Document
from sim.yamlsource import parse_yaml

__all__ = ["check_traces", "known_names", "read_checked", "read_objects", "trace_diagnostics"]

_MOST_ROWS: Final = 100


def read_checked(path: Path, sets: Sequence[str] = ()) -> LoadedScenario:
    """Read a scenario and check it.

    Raises:
        ScenarioError: With every problem found.
    """
    try:
        loaded = read_scenario(path, sets, vocabulary=vocabulary())
    except ScenarioError as error:
        raise ScenarioError([*error.diagnostics, *_apart(path, sets, error.diagnostics)]) from None
    known = known_names(loaded.spec)
    words = (*RESOURCE_WORDS, *sorted(known.resources))
    problems = _policy_problems(loaded.document, ("policy", "scheduler"), loaded.spec.policy.scheduler, words)
    for place, named in enumerate(loaded.spec.schedulers or ()):
        if named.policy is not None:
            problems += _policy_problems(
                loaded.document, ("schedulers", place, "policy"), named.policy, words
            )
    problems += [
        loaded.document.diagnostic(
            each.path, each.sentence, hint=each.hint, code=each.code, on_key=each.on_key
        )
        for each in isolation_problems(loaded.spec)
    ]
    for place, text in enumerate(loaded.spec.expect):
        problems += _expectation_problems(loaded.document, place, find_problems(text, known))
    if problems:
        raise ScenarioError(problems)
    return loaded


def read_objects(paths: Sequence[Path]) -> tuple[dict[str, ManifestFile], list[Diagnostic]]:
    """Return those of some files that are manifests, by path, and every problem in them: they are read together."""
    found = []
    for path in paths:
        try:
            text = path.read_bytes().decode(errors="replace")
        except (OSError, ValueError):
            continue  # told when it is read as a scenario
        if is_manifest(text):
            found.append(path)
    return check_manifests(found)


def _apart(path: Path, sets: Sequence[str], told: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What is wrong with expectations by themselves, where the rest of the scenario cannot be used.

    Which names there are is not known then, so only what holds for any names is said, and nothing at a place
    that has its problem already.
    """
    try:
        document, _ = parse_yaml(path.read_bytes(), str(path))
    except (OSError, ValueError):
        return []
    if document is None:
        return []
    document, _ = apply_overrides(document, sets)
    expect = document.value.get("expect") if isinstance(document.value, Mapping) else None
    problems = []
    for place, text in enumerate(expect if isinstance(expect, list) else ()):
        if isinstance(text, str) and text:
            try:
                parse(text)
            except ExpectationSyntaxError as error:
                problems += _expectation_problems(document, place, [error])
    places = {(each.source, each.line) for each in told}
    return [each for each in problems if (each.source, each.line) not in places]


def _expectation_problems(
    document: Document, place: int, problems: Sequence[ExpectationSyntaxError]
) -> list[Diagnostic]:
    found = []
    for each in problems:
        mark = document.mark_within(("expect", place), each.offset)
        found.append(Diagnostic(each.message, mark.source, mark.line, mark.column, each.hint, "expect"))
    return found


def _policy_problems(
    document: Document, at: tuple[str | int, ...], plugin: PluginRef, resources: Sequence[str]
) -> list[Diagnostic]:
    return [
        document.diagnostic(
            (*at, plugin.name, *each.path), each.sentence, hint=each.hint, code=each.code, on_key=each.on_key
        )
        for each in policy_problems(plugin, resources)
    ]


def check_traces(loaded: LoadedScenario) -> None:
    """Read every trace that a scenario names.

    Raises:
        ScenarioError: With every bad row, of one file no more than the first hundred.
    """
    spec = loaded.spec
    pools = [pool for pool in spec.cluster.minions if isinstance(pool, MinionTrace)]
    readers: list[Callable[[], object]] = [
        partial(openb.read_minions, pool.trace.file, pool.name) for pool in pools
    ]
    for workload in spec.workloads:
        if isinstance(workload, TraceWorkload):
            trace = workload.trace
            if trace.format == "openb":
                readers.append(partial(openb.read_rows, trace.file, trace.pods or openb.PODS_FILE))
            else:
                readers.append(partial(table.read_rows, trace.file))
    # A trace that is named twice is wrong once.
    problems = {problem: None for read in readers for problem in _bad_rows(read)}
    if problems:
        raise ScenarioError(trace_diagnostics(list(problems)))


def _bad_rows(read: Callable[[], object]) -> Sequence[tuple[str, int, str]]:
    try:
        read()
    except TraceError as error:
        return error.problems
    return ()


def trace_diagnostics(problems: Sequence[tuple[str, int, str]]) -> list[Diagnostic]:
    """Return what is wrong with the rows of traces, of one file no more than the first hundred problems."""
    by_file: dict[str, list[Diagnostic]] = {}
    for file, line, text in problems:
        by_file.setdefault(file, []).append(Diagnostic(text, file, line, 1 if line else 0, code="trace"))
    shown = []
    for file, found in by_file.items():
        shown += found[:_MOST_ROWS]
        if len(found) > _MOST_ROWS:
            left = f"there are {len(found) - _MOST_ROWS:,} more problems in this file"
            shown.append(Diagnostic(left, file, found[-1].line, 1, code="trace"))
    return shown


def known_names(spec: Scenario) -> Known:
    """Return the names that a scenario's expectations may use."""
    minions = {pool.name for pool in spec.all_minions}
    resources: set[str] = set()
    for pool in spec.all_minions:
        if isinstance(pool, MinionPool):
            minions.update(pool.minion_names())
            resources.update(pool.extended)
    for workload in spec.workloads:
        if isinstance(workload, GeneratedWorkload):
            resources.update(workload.pod.extended)
    for controller in spec.all_controllers:
        resources.update(controller.pod.extended)
    return Known(
        owners=owners_of(spec),
        services=services_of(spec),
        faults=frozenset(fault.name for fault in spec.faults),
        minions=frozenset(minions),
        resources=frozenset(resources),
        schedulers=frozenset(each.name for each in spec.schedulers or ()),
    )
