"""``wavetank replay``: a scenario in both worlds, side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from experiments.cpufigures import cpu_steps
from experiments.journalfiles import open_run
from experiments.replay.comparing import Verdict, compare
from experiments.replay.driving import drive
from experiments.replay.inputs import Part, parts_of
from experiments.replay.lives import Event, Lived, Who
from experiments.replay.measuredjournal import write_measured
from experiments.replay.predicting import arrivals_of, predict, read_lived
from experiments.replay.problems import HostError
from experiments.replay.replaypicture import draw_replay
from experiments.replay.session import Session
from experiments.replay.slices import Slice
from experiments.runfolder import write_json
from experiments.steps import Steps
from models.api.containers import PodContainers
from models.api.loading import LoadedScenario
from models.api.specs import Scenario
from models.api.specs_workloads import GeneratedWorkload
from models.api.types import MinionAsk
from models.behaviours import Behaviours
from models.plan import make_plan
from models.worldplan import Plan

__all__ = ["Recording", "Replay", "cores_by_owner", "find_minion", "prepare", "read_replay", "replay"]

_LONGEST_S: Final = 3600.0
OWN_BYTES: Final = 480 * 1024
"""Memory that the program of the work image is charged where it takes nothing, as `record kernel` measures it beside
each case of memory: 0.47 MiB."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What is to be run for real.

    Attributes:
        folder: Of the simulated run.
        minion: Which minion's pods.
        cores: That it has.
        allocatable_millicores: For pods.
        until_s: How long.
        parts: The pods.
        left_out: A sentence for each that is not.
        constants: Of the kubelet.
    """

    folder: Path
    minion: str
    cores: int
    allocatable_millicores: int
    until_s: float
    parts: tuple[Part, ...]
    left_out: tuple[str, ...]
    constants: dict[str, float]


@dataclass(frozen=True, slots=True)
class Recording:
    """A replay as it was written down.

    Attributes:
        predicted, measured: The two worlds.
        until_s: How long.
        owners: Of each pod.
        host: Engine, kernel and so on.
        at: When.
    """

    predicted: Lived
    measured: Lived
    until_s: float
    owners: dict[str, str]
    host: dict[str, Any]
    at: str


def prepare(loaded: LoadedScenario, folder: Path, part: Slice) -> Replay:
    """Simulate the scenario, and find what of it can be run for real.

    Args:
        loaded: The scenario.
        folder: Where its run goes.
        part: Of it.

    Raises:
        HostError: Nothing of it can.
    """
    until_s = min(part.seconds or math.inf, loaded.spec.until_s or math.inf)
    if until_s > _LONGEST_S:
        raise HostError("the replay would last longer than an hour: say --seconds")
    predict(loaded, folder)
    plan = make_plan(loaded.spec)
    minion = find_minion(plan, folder, part.minion)
    arrivals = [each for each in arrivals_of(folder, minion.name) if each.at_s < until_s]
    parts, left_out = parts_of(arrivals, _containers_of(loaded.spec, plan), OWN_BYTES)
    if part.pods is not None:
        left_out += [f"pod {each.arrival.pod} is left out: --pods {part.pods}" for each in parts[part.pods :]]
        parts = parts[: part.pods]
    if loaded.spec.faults:
        left_out.append("faults are left out: only what comes to the minion's containers is run for real")
    if not parts:
        raise HostError(
            f"no pod of minion {minion.name} can be run for real: {'; '.join(left_out) or 'none came'}"
        )
    if minion.cpu_millicores % 1000:
        raise HostError(
            f"minion {minion.name} has {minion.cpu_millicores / 1000:g} cores, and a host has whole ones"
        )
    return Replay(
        folder,
        minion.name,
        minion.cpu_millicores // 1000,
        minion.cpu_millicores - minion.reserved_cpu_millicores,
        until_s,
        tuple(parts),
        tuple(left_out),
        dict(loaded.spec.constant_values),
    )


def find_minion(plan: Plan, folder: Path, wanted: str | None) -> MinionAsk:
    """Return the minion that is meant: by its name, or the only one that pods came to.

    Raises:
        HostError: There is none of that name, or pods came to several.
    """
    names = {each.name: each for each in plan.minions}
    if wanted is not None:
        if wanted not in names:
            raise HostError(f"there is no minion '{wanted}': name one of {', '.join(list(names)[:10])}")
        return names[wanted]
    used = [name for name in names if arrivals_of(folder, name)] if len(names) > 1 else list(names)
    if len(used) != 1:
        raise HostError(f"pods came to {len(used)} minions: name one of them with --minion")
    return names[used[0]]


def replay(
    session: Session, what: Replay, out: Path, told: Callable[[float], None] = lambda now_s: None
) -> tuple[Verdict, Lived, Lived]:
    """Run it for real, hold it against the simulation, and write both down.

    Args:
        session: In which the containers run.
        what: To be run.
        out: The folder in which files are written.
        told: Hears the time, now and then.

    Returns:
        Verdict, what was predicted, what was measured.

    Raises:
        HostError: The engine or the host does not go on.
    """
    measured = drive(
        session,
        what.parts,
        until_s=what.until_s,
        allocatable_millicores=what.allocatable_millicores,
        constants=what.constants,
        told=told,
    )
    predicted = _only(read_lived(what.folder, what.minion, what.until_s), what)
    verdict = compare(predicted, measured, what.until_s)
    write_measured(
        out / "measured",
        measured,
        arrivals=[part.arrival for part in what.parts],
        minion=what.minion,
        until_s=what.until_s,
        manifest=json.loads((what.folder / "manifest.json").read_text(encoding="utf-8")),
    )
    owners = {part.arrival.pod: part.arrival.owner for part in what.parts}
    draw_replay(
        out / "replay.png",
        owners=owners,
        predicted=cores_by_owner(what),
        lived=(predicted, measured),
        until_s=what.until_s,
    )
    facts = session.facts
    write_json(
        out / "replay.json",
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": {key: value for key, value in asdict(facts).items() if key not in ("name", "lacks")},
            "minion": what.minion,
            "cores": what.cores,
            "until_s": what.until_s,
            "nested": session.fence is not None,
            "status": verdict.status,
            "unsure": verdict.unsure,
            "owners": owners,
            "left_out": list(what.left_out),
            "predicted": _written(predicted),
            "measured": _written(measured),
        },
    )
    return verdict, predicted, measured


def cores_by_owner(what: Replay) -> dict[str, Steps]:
    """Return the cores that each owner's containers get over time in the simulation."""
    steps = cpu_steps(open_run(what.folder))
    return {owner: of["cpu_used"] for owner, of in steps.items() if "cpu_used" in of}


def _containers_of(scenario: Scenario, plan: Plan) -> dict[str, PodContainers]:
    """The containers of the pods of controllers and of workloads made by rule, as they behave."""
    found = {
        f"controller/{each.namespace}/{each.name}": each.template.containers for each in plan.controllers
    }
    behaviours = Behaviours(scenario.behaviour, scenario.caps)
    for work in scenario.workloads:
        if isinstance(work, GeneratedWorkload):
            found[f"workload/{work.name}"] = behaviours.of(work.pod, work.name).containers
    return {owner: containers for owner, containers in found.items() if containers is not None}


def _only(lived: Lived, what: Replay) -> Lived:
    """What became of the pods that were run for real."""
    pods = {part.arrival.pod for part in what.parts}
    return Lived(
        [each for each in lived.events if each.who[0] in pods],
        {who: used for who, used in lived.cpu_s.items() if who[0] in pods},
        {who: curve for who, curve in lived.curves.items() if who[0] in pods},
    )


def _written(lived: Lived) -> dict[str, Any]:
    return {
        "events": [asdict(each) for each in lived.events],
        "cpu_s": {"/".join(who): used for who, used in lived.cpu_s.items()},
        "curves": {"/".join(who): [list(point) for point in curve] for who, curve in lived.curves.items()},
        "others_cores": lived.others_cores,
        "problem": lived.problem,
    }


def read_replay(file: Path) -> Recording:
    """Return what a replay wrote.

    Args:
        file: ``replay.json``.
    """
    told = json.loads(file.read_text(encoding="utf-8"))
    return Recording(
        _read(told["predicted"]),
        _read(told["measured"]),
        told["until_s"],
        told["owners"],
        told["host"],
        told["at"],
    )


def _read(told: dict[str, Any]) -> Lived:
    def who(text: str) -> Who:
        pod, _, container = text.rpartition("/")
        return pod, container

    return Lived(
        [Event(**(each | {"who": tuple(each["who"])})) for each in told["events"]],
        {who(text): used for text, used in told["cpu_s"].items()},
        {who(text): [(time_s, used) for time_s, used in curve] for text, curve in told["curves"].items()},
        told["others_cores"],
        told["problem"],
    )
