"""Objects of Kubernetes as workloads: what is modelled of each, and the whole of it as it was written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, PrivateAttr, Tag, ValidationInfo, model_validator

from models.api.manifests_status import OwnerReference, PodRecord
from models.api.specs_budgets import ManifestBudget
from models.api.specs_cluster import MinionPool
from models.api.specs_controllers import Controller, Service
from models.api.specs_fields import DnsName, DnsSubdomain, Spec, Text
from models.api.specs_problems import FieldProblem, fail
from models.api.specs_sources import Surroundings, expand_path, form_of
from models.api.specs_workloads import GeneratedWorkload, PodSpec, TraceWorkload, trace_name
from sim.diagnostics import Diagnostic, one_line
from sim.yamlnodes import Mark, Places
from sim.yamlnodes import Path as YamlPath

__all__ = [
    "ManifestAtRest",
    "ManifestFile",
    "ManifestMinion",
    "ManifestObject",
    "ManifestPod",
    "ManifestPriorityClass",
    "ManifestWorkload",
    "Place",
    "Workload",
    "default_name",
]


class ManifestPod(Spec):
    """A pod by itself: one that a person wrote, or one of a cluster's dump, whoever made it.

    Attributes:
        minion: Where it is bound already; None: the scheduler finds one.
        record: What has become of it; None: nothing yet.
    """

    name: DnsSubdomain = Field(description="the name of this pod")
    pod: PodSpec = Field(description="what it asks for")
    minion: DnsSubdomain | None = Field(None, description="the name of a minion")
    record: PodRecord | None = Field(None, description="its status")

    @property
    def has_ended(self) -> bool:
        """Whether it ended before the run: nothing of it runs any more or ever will."""
        return self.record is not None and self.record.has_ended

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.pod.namespace


class ManifestMinion(MinionPool):
    """A Node: one minion, whose name may have dots.

    Attributes:
        image_bytes: (name, bytes on disk) of the images that its status says it has: of each of their names with a tag.
        taint_times: (taint, seconds since 1970) of its NoExecute taints that say since when it has them.
    """

    name: DnsSubdomain = Field(description="the name of this minion")
    image_bytes: tuple[tuple[str, int], ...] = Field(
        (), exclude=True, description="sizes on disk of images that are there"
    )
    taint_times: tuple[tuple[str, float], ...] = Field(
        (), exclude=True, description="since when it has NoExecute taints"
    )


class ManifestPriorityClass(Spec):
    """A PriorityClass: what the priority of pods that name it is."""

    name: DnsSubdomain = Field(description="the name of this class")
    value: int = Field(description="the priority")
    is_default: bool = Field(False, description="whether it is of pods that name none")
    preempts: bool = Field(True, description="whether its pods may have those of lower priority go")


class ManifestAtRest(Spec):
    """What is kept and does nothing by itself: a Namespace, a Deployment whose ReplicaSets are there."""

    name: DnsSubdomain = Field(description="the name of this object")


ObjectSpec = (
    Controller | Service | ManifestPod | MinionPool | ManifestPriorityClass | ManifestBudget | ManifestAtRest
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object stands in its file.

    Attributes:
        document: Of the file.
        path: From the document's root to the object.
    """

    document: Places
    path: YamlPath

    def mark(self, *steps: str | int) -> Mark:
        """The place of a field, or of the nearest there is above it."""
        return self.document.mark((*self.path, *steps))


@dataclass(frozen=True, slots=True)
class ManifestObject:
    """One object.

    Attributes:
        kind: One of models.api.kinds.MODELLED.
        namespace: Empty where the kind has none.
        spec: The fields that are modelled.
        raw: All fields, as they were written.
        owner: Who controls it; None: nobody.
        uid: Empty where it has none.
        created_s: In seconds since 1970; None where that is not said.
        deleting: It has a deletion timestamp.
        place: Where it stands; None: nowhere, it was made.
    """

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: ObjectSpec
    raw: Mapping[str, Any]
    place: Place | None = field(default=None, compare=False)
    owner: OwnerReference | None = None
    uid: str = ""
    created_s: float | None = None
    deleting: bool = False

    @property
    def key(self) -> str:
        """The name with its namespace, as in the journal: ``default/web``; of a Node the name."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def names(self) -> tuple[str, ...]:
        """What it and its pods answer to: its name and key, and those of its Deployment."""
        own = (self.name, self.key)
        if self.kind == "Deployment" and isinstance(self.spec, Controller):
            return (*own, self.spec.name, self.spec.key)
        if self.owner is not None and self.owner.kind == "Deployment":
            return (*own, self.owner.name, f"{self.namespace}/{self.owner.name}")
        return own

    def diagnostic(self, steps: YamlPath, says: str, code: str, hint: str | None = None) -> Diagnostic:
        """A problem with a field of it, at the field or the nearest there is above it."""
        says = one_line(says)
        if self.place is None:
            return Diagnostic(says, hint=hint, code=code)
        mark = self.place.mark(*steps)
        return Diagnostic(says, mark.source, mark.line, mark.column, hint, code)


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """What was read of one file.

    Attributes:
        objects: In the file's order, lists opened.
        notes: One sentence for each thing that is not modelled.
        taken_s: The latest time that is named in it, in seconds since 1970: when the dump was made; None for none.
        digest: A name for what the file holds, to the letter.
    """

    objects: tuple[ManifestObject, ...] = ()
    notes: tuple[str, ...] = ()
    taken_s: float | None = None
    digest: str = ""

    @property
    def summary(self) -> str:
        """How many there are of each kind: ``3 Pod, 1 Service``."""
        counts = Counter(each.kind for each in self.objects)
        return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "nothing"


class ManifestWorkload(Spec):
    """Objects of Kubernetes, as their YAML or JSON describes them: what somebody wrote, or a whole cluster's dump.

    Attributes:
        name: By default the file's own.
        manifest: The file, as written; of a cluster what ``kubectl get nodes,pods,rc,rs,svc -A -o json`` prints.
    """

    name: DnsName = Field(description="the name of this workload")
    manifest: Text = Field(description="a file of manifests or a dump, as shop.yaml")

    _read: ManifestFile = PrivateAttr(default_factory=ManifestFile)

    @property
    def objects(self) -> tuple[ManifestObject, ...]:
        """The objects that are modelled; none unless the scenario was read with its surroundings."""
        return self._read.objects

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the file is not modelled."""
        return self._read.notes

    @property
    def taken_s(self) -> float | None:
        """When the file was made, in seconds since 1970, as far as it tells."""
        return self._read.taken_s

    @property
    def digest(self) -> str:
        """A name for what the file holds; empty where it was not read."""
        return self._read.digest

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "name" not in data:
            return {**data, "name": default_name(data)}
        return data

    @model_validator(mode="after")
    def _is_there(self, info: ValidationInfo) -> ManifestWorkload:
        if isinstance(info.context, Surroundings):
            file = expand_path(self.manifest, info.context, "manifest")
            read = info.context.manifests.get(self.manifest)
            if not isinstance(read, ManifestFile):
                raise fail(FieldProblem(f"there is no manifest at '{file}'", ("manifest",), code="absent"))
            self._read = read
        return self


def default_name(workload: Mapping[str, Any]) -> str:
    """The name of a workload that has none: the trace's format, or the manifests' file made a name."""
    manifest = workload.get("manifest")
    if not isinstance(manifest, str):
        return trace_name(workload)
    stem = manifest.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return re.sub(r"[^a-z0-9]+", "-", stem.lower())[:63].strip("-") or "manifest"


_FORMS: Final[dict[str, type[Spec]]] = {
    "": GeneratedWorkload,
    "trace": TraceWorkload,
    "manifest": ManifestWorkload,
}


def _kind_of_workload(value: Any) -> str:
    if isinstance(value, Mapping):
        return form_of(value, _FORMS).__name__
    return type(value).__name__ if type(value) in _FORMS.values() else "GeneratedWorkload"


Workload = Annotated[
    Annotated[GeneratedWorkload, Tag("GeneratedWorkload")]
    | Annotated[TraceWorkload, Tag("TraceWorkload")]
    | Annotated[ManifestWorkload, Tag("ManifestWorkload")],
    Discriminator(_kind_of_workload),
]
