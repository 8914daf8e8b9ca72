"""``wavetank verify control``: read, simulate, compare, print."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments.verify.control.agreement import Outcome, Verdict
from experiments.verify.control.pooled import pool
from experiments.verify.control.recording import Recording, read_recording
from experiments.verify.control.seeds import Replay, compare, open_runner, simulated_replay
from experiments.verify.control.table import as_json, print_pooled, print_recording
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError

__all__ = ["verify_control"]


def verify_control(
    files: Sequence[Path],
    *,
    seeds: int,
    count_seeds: int,
    workers: int,
    console: Console,
    out: Path | None = None,
    replay: Replay = simulated_replay,
    told: Callable[[str, int], None] = lambda name, done: None,
) -> int:
    """Compare recordings with simulations of them and print the tables.

    Args:
        files: The recordings.
        seeds: Seeds of each.
        count_seeds: Seeds where a recorded count or set is seldom.
        workers: Processes.
        console: Where the tables go.
        out: A JSON file for the same, if any.
        replay: What simulates.
        told: Called with a recording's name and the number of seeds that were just done.

    Returns:
        0 if all agrees, 1 if not.

    Raises:
        ScenarioError: A file is no recording; all files are read before anything is run.
    """
    recordings = _read(files)
    judged: dict[str, tuple[Verdict, ...]] = {}
    name = ""
    with open_runner(workers, replay, lambda done: told(name, done)) as runner:
        for name, recording in recordings.items():
            verdicts = compare(recording, runner, seeds, count_seeds)
            judged[name] = verdicts
            print_recording(name, verdicts, console)
    pooled, disagreeing = pool(judged), _disagreeing(judged)
    print_pooled(pooled, disagreeing, console)
    agrees = pooled.passes and disagreeing == 0
    if out is not None:
        data = {
            "recordings": [as_json(name, verdicts) for name, verdicts in judged.items()],
            "pooled": {
                "observations": pooled.observations,
                "misses": pooled.misses,
                "allowed": pooled.allowed,
                "distance": pooled.distance,
                "p": pooled.p,
            },
            "agrees": agrees,
        }
        _write(out, data)
    return 0 if agrees else 1


def _read(files: Sequence[Path]) -> dict[str, Recording]:
    """Read all files, by scenario; by scenario and file where a scenario comes twice."""
    problems: list[Diagnostic] = []
    found: list[Recording] = []
    for file in files:
        try:
            found.append(read_recording(file))
        except ScenarioError as error:
            problems += error.diagnostics
    if problems:
        raise ScenarioError(problems)
    times = Counter(recording.scenario for recording in found)
    return {
        recording.scenario
        if times[recording.scenario] == 1
        else f"{recording.scenario} ({recording.source})": (recording)
        for recording in found
    }


def _disagreeing(judged: Mapping[str, Sequence[Verdict]]) -> int:
    return sum(verdict.outcome is Outcome.DISAGREES for verdicts in judged.values() for verdict in verdicts)


def _write(path: Path, data: Mapping[str, Any]) -> None:
    try:
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScenarioError([Diagnostic(f"cannot write {path}: {reason}", "--json", 1, 1)]) from error
