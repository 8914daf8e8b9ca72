"""``wavetank replay`` from the words typed to the exit status."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import yaml
from rich.console import Console

from experiments.checking import read_checked
from experiments.replay.predicting import predict
from experiments.replay.problems import HostError
from experiments.replay.replaying import find_minion, prepare, replay
from experiments.replay.replaytable import print_verdict
from experiments.replay.session import Session
from experiments.replay.slices import Scale, Slice
from experiments.replay.slicing import slice_of
from experiments.runfolder import given_folder, new_folder
from models.api.loading import LoadedScenario
from models.plan import make_plan

__all__ = ["replay_scenario"]


def replay_scenario(
    what: Path,
    sets: Sequence[str],
    part: Slice,
    out: Path | None,
    opened: Callable[[], AbstractContextManager[Session]],
    console: Console,
) -> int:
    """Simulate a scenario, run its containers for real, print and write both.

    Args:
        what: A scenario, or the folder of a run.
        sets: Overrides.
        part: Of the scenario.
        out: The replay's folder; None: the next free one.
        opened: Opens a session on the engine.
        console: Where tables go.

    Returns:
        0: the worlds agree, 1: they do not, 3: nothing can be said.

    Raises:
        HostError: The engine or host will not do.
        ScenarioError: The scenario will not.
    """
    with opened() as session:
        folder = Path() if out is None else given_folder(out)
        chosen = [] if part.seconds is None or part.scale is not None else [f"until={part.seconds}s"]
        loaded = _loaded(what, [*sets, *chosen])
        if out is None:
            folder = new_folder(Path("runs"), f"{loaded.spec.name}-replay")
        if part.scale is not None:
            loaded = _scaled(loaded, part, part.scale, folder, console)
            part = Slice()
        (folder / "predicted").mkdir()
        found = prepare(loaded, folder / "predicted", part)
        if found.cores != session.caps.cores:
            raise HostError(
                f"minion {found.minion} has {found.cores} cores, and its containers may use {session.caps.cores} here:"
                f" say --max-cpus {found.cores}, on a host that has as many, or give the minion others with --set"
            )
        for sentence in found.left_out:
            console.print(f"note: {sentence}", markup=False, highlight=False, soft_wrap=True)
        if session.fence is None:
            console.print(
                "note: cgroups cannot be nested here: pods and their classes weigh as their containers do"
            )
        verdict, _, measured = replay(session, found, folder)
    print_verdict(verdict, console)
    facts = session.facts
    console.print(
        f"Docker {facts.version}, {facts.storage}, Linux {facts.kernel}, cgroup {facts.cgroup}; in {folder}:"
        " replay.json, replay.png, predicted/, measured/",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if measured.problem:
        raise HostError(f"{measured.problem}; what was measured until then is in {folder}")
    return verdict.status


def _scaled(
    loaded: LoadedScenario, part: Slice, scale: Scale, folder: Path, console: Console
) -> LoadedScenario:
    """The slice of a scenario as one of its own, which lies beside what comes of it."""
    if part.seconds is None:
        raise HostError("a slice that is scaled needs --seconds: how long it lasts for real")
    whole = folder / "whole"
    whole.mkdir()
    predict(loaded, whole)
    minion = find_minion(make_plan(loaded.spec), whole, part.minion)
    text, left_out = slice_of(loaded.spec, whole, minion, scale=scale, pods=part.pods, until_s=part.seconds)
    for sentence in left_out:
        console.print(f"note: {sentence}", markup=False, highlight=False, soft_wrap=True)
    file = folder / "slice.yaml"
    file.write_text(text, encoding="utf-8")
    return read_checked(file, [])


def _loaded(what: Path, sets: Sequence[str]) -> LoadedScenario:
    """A scenario, or that of a run, which is in its manifest."""
    if not what.is_dir():
        return read_checked(what, list(sets))
    manifest = what / "manifest.json"
    try:
        scenario = json.loads(manifest.read_text(encoding="utf-8"))["scenario"]
    except (OSError, ValueError, KeyError) as error:
        raise HostError(f"{what} is no run's folder: {manifest.name} cannot be read there") from error
    with tempfile.TemporaryDirectory(prefix="wavetank-") as folder:  # the run's own folder stays as it is
        file = Path(folder) / f"{what.name}.yaml"
        file.write_text(yaml.safe_dump(scenario, sort_keys=False), encoding="utf-8")
        return read_checked(file, list(sets))
