"""What objects of manifests make of one another, over all files: priorities, Deployments, owners.

Priorities: k/k:plugin/pkg/admission/priority/admission.go, v1.20.2. Who owns what is told by uid, as the garbage
collector does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from models.api.manifests_objects import SYSTEM_CLASSES
from models.api.specs_controllers import Controller
from models.api.specs_manifests import (
    ManifestAtRest,
    ManifestFile,
    ManifestObject,
    ManifestPod,
    ManifestPriorityClass,
)
from sim.diagnostics import Diagnostic, nearest_word, one_line

__all__ = ["settle"]

_CONTROLLERS: Final = ("ReplicaSet", "ReplicationController")


def settle(files: Mapping[str, ManifestFile]) -> tuple[dict[str, ManifestFile], list[Diagnostic]]:
    """Return the files with what follows from all of them together, and what does not go together.

    Args:
        files: By path as the scenario writes it.
    """
    objects = [each for file in files.values() for each in file.objects]
    problems: list[Diagnostic] = []
    priorities = _Priorities(objects, problems)
    revised = {
        uid_or_name
        for each in objects
        if each.kind == "ReplicaSet" and each.owner is not None and each.owner.kind == "Deployment"
        for uid_or_name in (each.owner.uid, f"{each.namespace}/{each.owner.name}")
    }
    uids = {(each.kind, each.uid): each for each in objects if each.uid}
    settled = {}
    for path, file in files.items():
        found = []
        for each in file.objects:
            if each.kind == "Deployment" and (each.uid or each.key) in revised:
                each = replace(each, spec=ManifestAtRest.model_construct(name=each.name))
            problems += _orphaned(each, uids)
            found.append(priorities.admitted(each))
        settled[path] = replace(file, objects=tuple(found), notes=(*file.notes, *_notes(path, found)))
    return settled, problems


def _orphaned(each: ManifestObject, uids: Mapping[tuple[str, str], ManifestObject]) -> Iterator[Diagnostic]:
    """The problem of an owner that should be there and is not."""
    owner = each.owner
    if owner is None or owner.kind not in _CONTROLLERS or not owner.uid:
        return
    found = uids.get((owner.kind, owner.uid))
    if found is not None and found.namespace == each.namespace:
        return
    references = each.raw["metadata"]["ownerReferences"]
    index = next(
        i for i, given in enumerate(references) if isinstance(given, dict) and given.get("uid") == owner.uid
    )
    says = f'there is no {owner.kind} "{owner.name}" of this uid in namespace {each.namespace}: was it dumped too?'
    at = f"metadata.ownerReferences[{index}].uid"
    yield each.diagnostic(
        ("metadata", "ownerReferences", index, "uid"), f"{at}: {says}", "dangling-reference"
    )


class _Priorities:
    """The priority classes of all files, and what pods get by them."""

    def __init__(self, objects: list[ManifestObject], problems: list[Diagnostic]) -> None:
        self._problems = problems
        self._values = dict(SYSTEM_CLASSES)
        self._meek: dict[str, None] = {}
        self._default: ManifestObject | None = None
        for each in objects:
            if isinstance(each.spec, ManifestPriorityClass):
                self._values[each.name] = each.spec.value
                if not each.spec.preempts:
                    self._meek[each.name] = None
                if each.spec.is_default:
                    self._set_default(each)
        # A dump of pods shows what their classes were worth, if not the classes.
        self._shown: dict[str, int] = {}
        for each in objects:
            spec = _pod_fields(each)
            if isinstance(spec.get("priorityClassName"), str) and isinstance(spec.get("priority"), int):
                self._shown[spec["priorityClassName"]] = spec["priority"]

    def _set_default(self, each: ManifestObject) -> None:
        if self._default is not None:
            says = f"PriorityClass {self._default.name} has already been marked as default. Only one default can exist"
            sentence = f"globalDefault: Forbidden: {says}"
            self._problems.append(each.diagnostic(("globalDefault",), sentence, "duplicate-name"))
        else:
            self._default = each

    def admitted(self, each: ManifestObject) -> ManifestObject:
        """Return an object whose pods have the priority of their class."""
        if not isinstance(each.spec, Controller | ManifestPod):
            return each
        pod, value = each.spec.pod, self._value(each, each.spec)
        preempts = pod.preempts and self._preempts(each)
        if value in {None, pod.priority} and preempts == pod.preempts:
            return each
        priority = pod.priority if value is None else value
        pod = pod.model_copy(update={"priority": priority, "preempts": preempts})
        return replace(each, spec=each.spec.model_copy(update={"pod": pod}))

    def _preempts(self, each: ManifestObject) -> bool:
        """Whether the pods' class lets them preempt."""
        name = _pod_fields(each).get("priorityClassName") or (self._default.name if self._default else None)
        return not isinstance(name, str) or name not in self._meek

    def _value(self, each: ManifestObject, spec: Controller | ManifestPod) -> int | None:
        """The priority by class; None where what was given holds."""
        fields = _pod_fields(each)
        name, given = fields.get("priorityClassName"), fields.get("priority")
        if not name or not isinstance(name, str):
            default = self._default.spec if self._default is not None else None
            return default.value if given is None and isinstance(default, ManifestPriorityClass) else None
        is_record = isinstance(spec, ManifestPod) and spec.record is not None
        if isinstance(given, int) and (is_record or name not in self._values):
            return None
        value = self._values.get(name)
        if value is None:
            value = self._shown.get(name)
        if value is None:
            if not isinstance(spec, Controller) or spec.replicas:
                self._unknown(each, name)
            return None
        if given is not None and given != value:
            says = f"the integer value of priority ({given}) must not be provided in pod spec; priority admission"
            says += f" controller computed {value} from the given PriorityClass name"
            self._tell(each, "priority", f"Forbidden: {says}")
        return value

    def _unknown(self, each: ManifestObject, name: str) -> None:
        says = f"Forbidden: no PriorityClass with name {name} was found"
        self._tell(each, "priorityClassName", says, nearest_word(name, [*self._values, *self._shown]))

    def _tell(self, each: ManifestObject, key: str, says: str, hint: str | None = None) -> None:
        steps = ("spec",) if each.kind == "Pod" else ("spec", "template", "spec")
        sentence = f"{'.'.join(steps)}.{key}: {says}"
        self._problems.append(each.diagnostic((*steps, key), sentence, "priority", hint))


def _pod_fields(each: ManifestObject) -> Mapping[str, Any]:
    """The spec of a pod, or of a controller's template, as it was written; empty for others and where it is wrong."""
    if not isinstance(each.spec, Controller | ManifestPod):
        return {}
    spec = each.raw.get("spec") or {}
    if each.kind != "Pod":
        template = spec.get("template") if isinstance(spec, Mapping) else None
        spec = template.get("spec") if isinstance(template, Mapping) else None
    return spec if isinstance(spec, Mapping) else {}


def _notes(path: str, objects: list[ManifestObject]) -> Iterator[str]:
    """What of a snapshot does not go on as it would in the cluster."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    pods = [(each, each.spec) for each in objects if isinstance(each.spec, ManifestPod)]
    ended = sum(spec.has_ended for _, spec in pods)
    if ended:
        yield f"{name}: {ended} pods have ended and stay so."
    others = Counter(
        each.owner.kind
        for each, spec in pods
        if each.owner is not None and each.owner.kind not in _CONTROLLERS and not spec.has_ended
    )
    if others:
        counted = ", ".join(f"{count} of a {kind}" for kind, count in sorted(others.items()))
        says = "pods of owners that are not modelled run as they are, and nobody replaces them"
        yield f"{name}: {says}: {one_line(counted)}."
