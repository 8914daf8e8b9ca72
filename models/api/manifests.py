"""Reads Kubernetes' own manifests, YAML or JSON, many documents and lists: objects with their places.

What is wrong is told in the words of the API, with file, line and column, all at once. Kinds that Kubernetes has
and that are not modelled are named in the notes, and so are fields.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from models.api.kinds import KINDS, MODELLED, WITHOUT_NAMESPACE, versions_of
from models.api.manifests_fields import Fields
from models.api.manifests_objects import READERS
from models.api.manifests_pods import Seen
from models.api.manifests_status import read_epoch_s, read_owner
from models.api.specs_manifests import ManifestFile, ManifestObject, Place
from models.api.specs_names import parse_dns_name, parse_dns_subdomain
from sim.collector import collector_off
from sim.diagnostics import Diagnostic, nearest_word, one_line
from sim.jsonsource import looks_like_json, parse_json_all
from sim.yamlnodes import Path as YamlPath
from sim.yamlnodes import Places
from sim.yamlsource import Limits, decode, parse_yaml_all

__all__ = ["LIMITS", "read_manifest", "read_manifest_text"]

LIMITS: Final = Limits(max_bytes=256 * 2**20, max_nodes=4_000_000)
"""A dump of a whole cluster is one file."""
_MAX_FLOW: Final = 2**20
"""Nobody writes YAML in braces and of more bytes: it is JSON."""
_LARGE: Final = 2**20
"""Of so many bytes a file is worth keeping: each run of a sweep reads the same one."""
_large: dict[tuple[str, str], ManifestFile] = {}
"""The last large file that was read and right, by its name and what it held: what is asked of it is the same again."""


def read_manifest(file: Path, source: str | None = None) -> tuple[ManifestFile, list[Diagnostic]]:
    """Return what a file holds, and every problem in it.

    Args:
        file: YAML or JSON.
        source: Its name for diagnostics; by default the path itself.
    """
    name = source or str(file)
    try:
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return ManifestFile(), [Diagnostic(f"the manifest cannot be read: {reason}", name, code="absent")]
    key = (name, digest_of(data))
    known = _large.get(key)
    if known is None:
        read, problems = read_manifest_text(data, name)
        if problems or len(data) < _LARGE:
            return read, problems
        _large.clear()
        known = _large[key] = read
    return known, []


def digest_of(data: bytes) -> str:
    """A name for what a file holds, to the letter."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


@collector_off()
def read_manifest_text(
    text: str | bytes, source: str = "manifest.yaml"
) -> tuple[ManifestFile, list[Diagnostic]]:
    """Return what a text holds, and every problem in it; what is right of it is there in any case.

    Args:
        text: YAML or JSON.
        source: Name for diagnostics.
    """
    documents, problems = _parse(text, source)
    reading = _Reading(problems)
    for document in documents:
        if document.value is not None:
            reading.object((), document.value, document)
    if not problems and all(document.value is None for document in documents):
        problems.append(Diagnostic("expected objects of Kubernetes, but there are none", source, 1, 1))
    notes, digest = tuple(reading.notes(source)), digest_of(_bytes(text))
    read = ManifestFile(tuple(reading.objects), notes, reading.taken_s, digest)
    return read, list(dict.fromkeys(problems))  # what is read twice, as a pod's labels, is told once


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def _parse(data: str | bytes, source: str) -> tuple[Sequence[Places], list[Diagnostic]]:
    """Documents of JSON or YAML; what begins as JSON but is wrong as such is YAML, if name and size allow it."""
    text, unreadable = decode(data, source, LIMITS)
    if unreadable is not None:
        return [], [unreadable]
    if looks_like_json(text):
        documents, problems = parse_json_all(text, source, LIMITS)
        if not problems or source.endswith(".json") or len(text) > _MAX_FLOW:
            return documents, problems
    return parse_yaml_all(text, source, LIMITS)


class _Reading:
    """What has been read of one file."""

    def __init__(self, problems: list[Diagnostic]) -> None:
        self.problems = problems
        self.objects: list[ManifestObject] = []
        self._known: dict[tuple[str, str, str], None] = {}
        self._skipped: Counter[str] = Counter()
        self.taken_s: float | None = None
        self._drawn = 0
        self._notebook = Seen()

    def notes(self, source: str) -> list[str]:
        """One sentence for each thing that is passed over."""
        name = Path(source).name
        found = [
            f"{name}: {count} of the kind {kind} {'is' if count == 1 else 'are'} not modelled and passed over."
            for kind, count in sorted(self._skipped.items())
        ]
        if self._notebook.unmodelled:
            fields = one_line(", ".join(sorted(self._notebook.unmodelled)))
            found.append(f"{name}: these fields are kept but not modelled: {fields}.")
        return found

    def object(self, path: YamlPath, value: object, document: Places) -> None:
        """Read one object, or the items of a list."""
        fields = Fields(document, self.problems, path, value if isinstance(value, dict) else {}, "")
        if not isinstance(value, dict):
            fields.tell(path, "expected an object with apiVersion, kind and metadata")
            return
        kind, version = fields.text("kind"), fields.text("apiVersion")
        for key, given in (("apiVersion", version), ("kind", kind)):
            if not fields.value.get(key):
                fields.tell(path, f"{key} not set: expected it, as in apiVersion: v1, kind: Pod")
            elif not given:
                return  # told as of a wrong type
        if not kind or not version:
            return
        if kind == "List" or (kind.endswith("List") and kind.removesuffix("List") in KINDS):
            items = value.get("items")
            for i, item in enumerate(items if isinstance(items, list) else ()):
                if kind != "List" and isinstance(item, dict) and "kind" not in item:
                    # As the API answers, and kubectl cluster-info dump: the list says it for all of them.
                    item = {"apiVersion": version, "kind": kind.removesuffix("List"), **item}
                self.object((*path, "items", i), item, document)
            if items is not None and not isinstance(items, list):
                fields.problem("items", 'Invalid type: expected "array"')
            return
        if self._is_served(fields, kind, version):
            self._object(fields, kind)

    def _is_served(self, fields: Fields, kind: str, version: str) -> bool:
        served = versions_of(kind)
        if version in served:
            return True
        says = f'no matches for kind "{kind}" in version "{version}"'
        if served:
            fields.problem("apiVersion", says, hint=served[0])
        else:
            fields.problem("kind", says, hint=nearest_word(kind, KINDS))
        return False

    def _object(self, fields: Fields, kind: str) -> None:
        if kind not in MODELLED:
            self._skipped[kind] += 1
            return
        metadata = fields.mapping("metadata")
        parse: Callable[[object], str] = parse_dns_name if kind == "Service" else parse_dns_subdomain
        name = metadata.named("name", parse)
        namespace = ""
        if kind not in WITHOUT_NAMESPACE:
            namespace = metadata.named("namespace", parse_dns_name, "default")
        if not metadata.has("name"):
            name = self._generated(kind, metadata)
        labels, annotations = metadata.labels("labels"), metadata.texts("annotations")
        spec = READERS[kind](fields, name, namespace, self._notebook)
        if not name:
            return
        if (kind, namespace, name) in self._known:
            metadata.problem("name", f'{kind} "{name}" already exists')
            return
        self._known[kind, namespace, name] = None
        created_s = read_epoch_s(metadata, "creationTimestamp")
        self._date(fields, created_s)
        raw: dict[str, Any] = fields.value
        self.objects.append(
            ManifestObject(
                kind,
                namespace,
                name,
                labels,
                annotations,
                spec,
                raw,
                Place(fields.document, fields.path),
                owner=read_owner(metadata),
                uid=metadata.text("uid"),
                created_s=created_s,
                deleting=read_epoch_s(metadata, "deletionTimestamp") is not None,
            )
        )

    def _generated(self, kind: str, metadata: Fields) -> str:
        """A name with the letters that the API would draw, here by count; empty for none to begin with."""
        if not metadata.has("generateName"):
            metadata.problem("name", "Required value: name or generateName is required")
            return ""
        self._drawn += 1
        return metadata.named("generateName", lambda given: parse_dns_subdomain(f"{given}{self._drawn:05}"))

    def _date(self, fields: Fields, created_s: float | None) -> None:
        """Take the latest time: of creations, of what became of things, of what nodes last said."""
        times = [self.taken_s, created_s]
        if fields.value["kind"] in {"Pod", "Node"}:
            for condition in fields.mapping("status").elements("conditions"):
                times += [read_epoch_s(condition, key) for key in ("lastHeartbeatTime", "lastTransitionTime")]
        if fields.value["kind"] == "Node":
            times += [read_epoch_s(each, "timeAdded") for each in fields.mapping("spec").elements("taints")]
        self.taken_s = max((each for each in times if each is not None), default=None)
