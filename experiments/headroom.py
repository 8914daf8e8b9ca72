"""How many more pods of one kind a cluster takes, what stops the next one, and what is of no use to them then.

The cluster is a scenario's at some time, as the master's record has it, or that of a dump. The pods are decided about
by the scenario's own scheduler and policy, one after the other; nothing else happens meanwhile. Of several schedulers
it is the one that the pod asks for, on the minions that are its own.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import pyarrow as pa

from experiments.checking import check_traces, read_checked
from experiments.metrics import ordered_resources, resource_word
from experiments.run import plan_of
from experiments.tables import Section
from experiments.wording import say_bytes, say_count, say_number, say_share, say_time
from models.api.loading import LoadedScenario, read_scenario_text
from models.api.manifests import read_manifest
from models.api.manifests_checks import is_manifest
from models.api.manifests_settling import settle
from models.api.protocols import said_refusal
from models.api.specs_controllers import Controller
from models.api.specs_manifests import ManifestFile, ManifestObject, ManifestPod, ManifestWorkload
from models.api.types import Phase, Pod, PodAsk, PodTemplate
from models.catalog import vocabulary
from models.control.scheduler import Scheduler
from models.workloads.listed import Listed
from models.world import Plan, Sinks, World
from sim.diagnostics import Diagnostic, nearest_word
from sim.errors import ScenarioError
from sim.journalchunks import ChunkMemory
from sim.units import parse_duration_s

__all__ = ["Headroom", "Room", "headroom", "headroom_lines", "headroom_section"]

T = TypeVar("T")

_POD: Final = "headroom"
_KINDS: Final = "Pod, ReplicationController, ReplicaSet or Deployment"


@dataclass(frozen=True)
class Room:
    """One resource, over all minions.

    Attributes:
        resource: Its column's name.
        allocatable: In the column's unit, as the others.
        requested: By what was bound before.
        taken: By the pods that fit.
        stranded: What is left and of no use to another such pod.
    """

    resource: str
    allocatable: int
    requested: int
    taken: int
    stranded: int


@dataclass(frozen=True)
class Headroom:
    """What came of it.

    Attributes:
        pod: The pod's name in its file.
        policy: By name: that of the scheduler that the pod asks for.
        at_s: When.
        by_minion: How many more fit, by minion, where there are any.
        reasons: Why the next one fits nowhere: minions by reason.
        minions: How many that scheduler decides on.
        waiting: Pods that were pending, and are not in the way here.
        rooms: By resource.
    """

    pod: str
    policy: str
    at_s: float
    by_minion: Mapping[str, int]
    reasons: Mapping[str, int]
    minions: int
    waiting: int
    rooms: Sequence[Room]

    @property
    def fit(self) -> int:
        """How many more fit."""
        return sum(self.by_minion.values())


class _Nowhere(ChunkMemory):
    """Where records go that nobody reads."""

    def write(self, table: pa.Table) -> None:
        """Forget them."""


def headroom(file: Path, pod_file: Path, sets: Sequence[str] = (), *, at: str = "0s") -> Headroom:
    """Fill a cluster with pods of one kind.

    Args:
        file: A scenario, or manifests with Nodes: the cluster is then what they say, and nothing else comes.
        pod_file: A manifest with one Pod, or with one controller, whose template is taken.
        sets: Overrides of the scenario.
        at: When the pods come, as 10m: after all that happens until then, at that moment too.

    Raises:
        ScenarioError: With every problem of either file and of the time.
        WavetankError: The policy raised or answered nonsense; or an invariant broke on the way.
    """
    problems: list[Diagnostic] = []
    loaded = _unless_wrong(problems, lambda: _read(file, sets))
    tried = _unless_wrong(problems, lambda: _read_pod(pod_file))
    at_s = _unless_wrong(problems, lambda: _time_s(at, loaded))
    if loaded is None or tried is None or at_s is None:
        raise ScenarioError(problems)
    plan, ask = _plan(loaded, tried, pod_file)
    place = _asked_for(plan, ask.template, tried)
    world = World(plan, Sinks(_Nowhere(), _Nowhere(), _Nowhere()))
    world.engine.run(math.nextafter(at_s, math.inf))
    policy = plan.schedulers[place].policy_name if plan.schedulers else plan.policy_name
    return _filled(world, world.schedulers[place], ask.template, tried.name, policy, at_s)


def _asked_for(plan: Plan, template: PodTemplate, tried: ManifestObject) -> int:
    """Return the place of the scheduler that takes a pod; one without a name takes all."""
    wanted = template.scheduler
    if not plan.schedulers:
        return 0
    for place, each in enumerate(plan.schedulers):
        if wanted in each.serves:
            return place
    there = sorted(name for each in plan.schedulers for name in each.serves)
    says = f"no scheduler takes pods that ask for '{wanted}' (there are {', '.join(there)})"
    spec = ("spec",) if tried.kind == "Pod" else ("spec", "template", "spec")
    hint = nearest_word(wanted, there)
    raise ScenarioError([tried.diagnostic((*spec, "schedulerName"), says, "unknown-name", hint)])


def _unless_wrong(problems: list[Diagnostic], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except ScenarioError as error:
        problems += error.diagnostics
        return None


def _time_s(text: str, loaded: LoadedScenario | None) -> float:
    try:
        at_s = parse_duration_s(text)
    except ValueError as error:
        raise ScenarioError([Diagnostic(str(error), "--at", 1, 1)]) from error
    until_s = None if loaded is None else loaded.spec.until_s
    if until_s is not None and at_s > until_s:
        says = f"expected a time until the scenario's end at {say_time(until_s)}, not {text}"
        raise ScenarioError([Diagnostic(says, "--at", 1, 1)])
    return at_s


def _read(file: Path, sets: Sequence[str]) -> LoadedScenario:
    """Read a scenario, or make one of manifests."""
    try:
        is_dump = is_manifest(file.read_bytes().decode(errors="replace"))
    except (OSError, ValueError):
        is_dump = False  # told when it is read as a scenario
    if not is_dump:
        loaded = read_checked(file, sets)
        check_traces(loaded)
        return loaded
    name = re.sub(r"[^a-z0-9]+", "-", file.stem.lower())[:63].strip("-") or "dump"
    text = f"apiVersion: wavetank/v1\nname: {name}\nworkloads: [{{name: dump, manifest: {json.dumps(str(file))}}}]\n"
    try:
        return read_scenario_text(text, str(file), Path(), sets, vocabulary=vocabulary())
    except ScenarioError as error:
        raise ScenarioError([_of_a_dump(each) for each in error.diagnostics]) from None


def _of_a_dump(problem: Diagnostic) -> Diagnostic:
    """Say in a dump's words what a scenario lacks."""
    if problem.code != "no-minions":
        return problem
    return replace(problem, message="there is no Node among these objects, so that nothing fits anywhere")


def _read_pod(file: Path) -> ManifestObject:
    """Read the pod, or the template of a controller, as a pod that nobody knows of yet."""
    read, problems = read_manifest(file)
    if problems:
        raise ScenarioError(problems)
    specs = [each for each in read.objects if isinstance(each.spec, ManifestPod | Controller)]
    if len(specs) != 1:
        says = f"expected one {_KINDS}, but there are {read.summary}"
        mark = specs[1].place.mark() if len(specs) > 1 and specs[1].place is not None else None
        at = (str(file), 1, 1) if mark is None else (mark.source, mark.line, mark.column)
        raise ScenarioError([Diagnostic(says, *at)])
    return specs[0]


def _plan(loaded: LoadedScenario, tried: ManifestObject, file: Path) -> tuple[Plan, PodAsk]:
    """Return the scenario's plan, and what is asked for by a pod of that kind in it.

    Raises:
        ScenarioError: The pod's priority class is not known there, or a trace or the policy cannot be used.
    """
    spec = loaded.spec
    # By another name, as the pod may have been copied from the cluster; whose it was is of no matter.
    settled, problems = settle(
        {"": ManifestFile(spec.manifests), str(file): ManifestFile((replace(tried, uid="", owner=None),))}
    )
    if problems:
        raise ScenarioError(problems)
    (found,) = settled[str(file)].objects
    assert isinstance(found.spec, ManifestPod | Controller), "only these are read"
    alone = ManifestPod.model_construct(name=_POD, pod=found.spec.pod, minion=None, record=None)
    workload = ManifestWorkload.model_construct(name=_POD, manifest=str(file))
    workload._read = ManifestFile((replace(found, kind="Pod", name=_POD, spec=alone, deleting=False),))
    more = spec.model_copy(update={"workloads": (*spec.workloads, workload)})
    plan = plan_of(replace(loaded, spec=more))
    *sources, (_, source) = plan.sources
    assert isinstance(source, Listed), "pods of manifests are listed"
    (ask,) = source.pods
    return replace(plan, sources=sources), ask


def _filled(
    world: World, scheduler: Scheduler, template: PodTemplate, name: str, policy: str, at_s: float
) -> Headroom:
    """Ask a scheduler about one pod after another until one fits nowhere."""
    belief = scheduler.belief
    scheduler.restart()  # to know what the record says, and nothing older
    waiting = world.store.count[Phase.PENDING]
    mine = belief.inside()
    before = belief.free[mine].sum(axis=0)
    by_minion: Counter[str] = Counter()
    owner = world.identities.add("workload", _POD)
    identity, reasons = world.identities.add("pod", name, template.namespace), dict[str, int]()
    for number in itertools.count():
        ask = PodAsk(f"{_POD}-{number}", number, template)
        minion, reasons = scheduler.suppose(Pod(identity, number, owner, ask, at_s))
        if minion < 0:
            break
        by_minion[belief.names[minion]] += 1
    allocatable, after = belief.allocatable[mine].sum(axis=0), belief.free[mine].sum(axis=0)
    columns = zip(belief.resources, allocatable.tolist(), before.tolist(), after.tolist(), strict=True)
    rooms = [Room(column, all_, all_ - free, free - left, left) for column, all_, free, left in columns]
    return Headroom(name, policy, at_s, by_minion, reasons, len(mine), waiting, rooms)


def headroom_lines(found: Headroom) -> list[str]:
    """Return in sentences how many fit and what stops the next one."""
    lines = []
    if found.fit:
        most = max(found.by_minion.values())
        where = f"on {say_count(len(found.by_minion))} of {say_count(found.minions)} minions"
        where += f", at most {say_count(most)} on one"
        lines.append(
            f"{say_count(found.fit)} more of {found.pod} fit at {say_time(found.at_s)} under {found.policy}: {where}."
        )
    else:
        lines.append(f"No more of {found.pod} fits at {say_time(found.at_s)} under {found.policy}.")
    lines.append(f"What stops the next: {said_refusal(found.reasons, found.minions)}")
    if found.waiting:
        lines.append(f"Pods that wait already, and are left aside here: {say_count(found.waiting)}.")
    return lines


def headroom_section(found: Headroom) -> Section:
    """Return the table of what is stranded: free when no more fits; not of resources that nobody asks for."""
    order = {
        word: place
        for place, word in enumerate(ordered_resources(resource_word(each.resource) for each in found.rooms))
    }
    rooms = sorted(found.rooms, key=lambda each: order[resource_word(each.resource)])
    return Section(
        "Resources when no more fits",
        ("resource", "allocatable", "requested", "taken", "stranded", "share"),
        tuple(_row(each) for each in rooms if each.requested or each.taken),
    )


def _row(room: Room) -> tuple[str, ...]:
    amounts = (room.allocatable, room.requested, room.taken, room.stranded)
    share = room.stranded / room.allocatable
    return (resource_word(room.resource), *(_say(room.resource, each) for each in amounts), say_share(share))


def _say(column: str, amount: int) -> str:
    """An amount of a column as people read it."""
    if column.endswith("_bytes"):
        return say_bytes(amount)
    return say_number(amount / 1000 if column in {"cpu_millicores", "gpu_milli"} else amount, 6)
