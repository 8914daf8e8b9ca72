"""From objects of manifests that were there already to a snapshot that a run begins with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from models.api.manifests_status import PodRecord
from models.api.specs import Scenario
from models.api.specs_controllers import Controller
from models.api.specs_manifests import ManifestMinion, ManifestObject, ManifestPod, ManifestWorkload
from models.api.specs_taints import NOT_READY, UNREACHABLE
from models.api.specs_workloads import PodSpec
from models.api.types import MinionAsk, Phase, PodAsk, PodTemplate
from models.behaviours import Behaviours
from models.control.conditiontaints import NO_EXECUTE
from models.control.replication import ReplicaStatus
from models.control.snapshot import PodFound, Snapshot

__all__ = ["is_new", "snapshot_of"]

_ENDED = {"Succeeded": Phase.SUCCEEDED, "Failed": Phase.FAILED}


def is_new(each: ManifestObject) -> bool:
    """Whether an object is a pod that was not there before: it comes at time 0, as any other."""
    spec = each.spec
    return (
        isinstance(spec, ManifestPod) and spec.record is None and spec.minion is None and each.owner is None
    )


def snapshot_of(
    scenario: Scenario,
    minions: Sequence[MinionAsk],
    make: Callable[[PodSpec], PodTemplate],
    behaviours: Behaviours,
) -> Snapshot:
    """Return the pods of manifests that were there already, and what their controllers had written.

    Pods that have ended on minions that are gone are left out: the API keeps them until somebody looks.

    Args:
        scenario: Read with its surroundings.
        minions: Those of the run.
        make: The template of a pod's spec.
        behaviours: How containers behave.
    """
    places = {ask.name: index for index, ask in enumerate(minions)}
    objects = scenario.manifests
    owners = {each.uid: each.spec.key for each in objects if isinstance(each.spec, Controller) and each.uid}
    made: Counter[str] = Counter()
    times = [work.taken_s for work in scenario.workloads if isinstance(work, ManifestWorkload)]
    taken_s = max((each for each in times if each is not None), default=0.0)
    found: list[PodFound] = []
    for workload in scenario.workloads:
        if not isinstance(workload, ManifestWorkload):
            continue
        for index, each in enumerate(workload.objects):
            spec = each.spec
            if not isinstance(spec, ManifestPod) or is_new(each):
                continue
            if spec.has_ended and spec.minion not in places:
                continue
            controller = owners.get(each.owner.uid) if each.owner is not None else None
            number = index
            if controller is not None:
                number = made[controller]
                made[controller] += 1
            names = [each.name, each.key, workload.name]
            if controller is not None:
                names += [controller, controller.partition("/")[2]]
            adoptable = each.owner is None or controller is not None
            ask = PodAsk(spec.name, number, make(behaviours.of(spec.pod, *names)), adoptable=adoptable)
            minion = -1 if spec.minion is None else places[spec.minion]
            found.append(_found(each, ask, workload.name, controller, minion, taken_s))
    found.sort(key=lambda pod: pod.created_s)  # equals stay in the order of their file
    return Snapshot(found, _statuses(objects), dict(_tainted(scenario, places, taken_s)))


def _tainted(
    scenario: Scenario, places: Mapping[str, int], taken_s: float
) -> Iterator[tuple[int, dict[str, float]]]:
    """Since when minions have NoExecute taints; that of silence is one, whichever of its two names it has."""
    silence = {f"{key}:NoExecute": None for key in (NOT_READY, UNREACHABLE)}
    for each in scenario.manifests:
        if isinstance(each.spec, ManifestMinion) and each.spec.taint_times:
            times = {
                NO_EXECUTE if taint in silence else taint: min(0.0, since_s - taken_s)
                for taint, since_s in each.spec.taint_times
            }
            yield places[each.spec.name], times


def _found(
    each: ManifestObject, ask: PodAsk, workload: str, controller: str | None, minion: int, taken_s: float
) -> PodFound:
    assert isinstance(each.spec, ManifestPod), "a pod was asked for"
    record = each.spec.record or PodRecord("Pending")
    phase = Phase.BOUND if minion >= 0 else Phase.PENDING
    if minion >= 0 and record.phase != "Pending":
        phase = _ENDED.get(record.phase, Phase.RUNNING)
    return PodFound(
        ask=ask,
        workload=workload,
        controller=controller,
        minion=minion,
        phase=phase,
        ready=record.ready and phase is Phase.RUNNING,
        created_s=0.0 if each.created_s is None else each.created_s - taken_s,
        ready_since_s=0.0 if record.ready_since_s is None else record.ready_since_s - taken_s,
        restarts=record.restarts,
        terminating=each.deleting,
        reason=record.reason or None,
    )


def _statuses(objects: Sequence[ManifestObject]) -> dict[str, ReplicaStatus]:
    """What controllers had written of themselves, by namespace and name."""
    found = {}
    for each in objects:
        status = each.raw.get("status")
        if isinstance(each.spec, Controller) and isinstance(status, Mapping) and "replicas" in status:
            generation = each.raw["metadata"].get("generation")
            names = ("replicas", "fullyLabeledReplicas", "readyReplicas")
            replicas, labelled, ready = (status.get(name, 0) for name in names)
            seen = int(generation is None or status.get("observedGeneration") == generation)
            found[each.spec.key] = ReplicaStatus(replicas, labelled, ready, seen)
    return found
