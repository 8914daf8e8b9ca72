"""From a YAML file and overrides to a scenario, or to every problem at once with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.api.loading_messages import Found, schema_problems
from models.api.manifests_checks import manifest_problems, read_manifests
from models.api.specs import Scenario, Vocabulary
from models.api.specs_checks import cross_problems
from models.api.specs_manifests import ManifestFile
from models.api.specs_sources import Surroundings, shared_folder
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError
from sim.includes import with_includes
from sim.overrides import apply_overrides
from sim.yamlnodes import Document
from sim.yamlnodes import Path as YamlPath
from sim.yamlsource import parse_yaml

__all__ = [
    "LoadedScenario",
    "load_scenario",
    "load_scenario_text",
    "read_scenario",
    "read_scenario_text",
]


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A scenario with the document it was read from, for problems that are found later.

    Attributes:
        spec: What was asked.
        document: Where it stands; overrides applied.
    """

    spec: Scenario
    document: Document

    def diagnostic(
        self,
        path: YamlPath,
        message: str,
        *,
        hint: str | None = None,
        code: str = "invalid",
        column_offset: int = 0,
    ) -> Diagnostic:
        """A problem at a path, as ``("expect", 2)``.

        Args:
            path: Keys and indices.
            message: One sentence.
            hint: The nearest valid word.
            code: The kind of problem.
            column_offset: Characters into the value, where that is a text in one line.
        """
        mark = self.document.mark_within(path, column_offset)
        return Diagnostic(message, mark.source, mark.line, mark.column, hint, code)


def load_scenario(path: Path | str, sets: Sequence[str] = (), *, vocabulary: Vocabulary) -> Scenario:
    """Return the scenario of a file.

    Args:
        path: The YAML file; relative paths in it start from its folder.
        sets: Overrides ``path=YAML``, applied in order.
        vocabulary: Names of plug-ins that the scenario may use.

    Raises:
        ScenarioError: With every problem that was found.
    """
    return read_scenario(path, sets, vocabulary=vocabulary).spec


def load_scenario_text(
    text: str | bytes,
    source: str = "scenario.yaml",
    base_dir: Path | None = None,
    sets: Sequence[str] = (),
    *,
    vocabulary: Vocabulary,
) -> Scenario:
    """Return the scenario of a text; see :func:`read_scenario_text`.

    Raises:
        ScenarioError: With every problem that was found.
    """
    return read_scenario_text(text, source, base_dir, sets, vocabulary=vocabulary).spec


def read_scenario(path: Path | str, sets: Sequence[str] = (), *, vocabulary: Vocabulary) -> LoadedScenario:
    """Return the scenario of a file with its document.

    Raises:
        ScenarioError: With every problem that was found.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"the scenario cannot be read: {reason}"
        raise ScenarioError([Diagnostic(message, str(path), code="absent")]) from None
    return read_scenario_text(data, str(path), file.parent, sets, vocabulary=vocabulary)


def read_scenario_text(
    text: str | bytes,
    source: str = "scenario.yaml",
    base_dir: Path | None = None,
    sets: Sequence[str] = (),
    *,
    vocabulary: Vocabulary,
) -> LoadedScenario:
    """Return the scenario of a text with its document.

    Args:
        text: YAML.
        source: Name for diagnostics.
        base_dir: Where relative paths start; the current folder by default.
        sets: Overrides ``path=YAML``, applied in order.
        vocabulary: Names of plug-ins that the scenario may use.

    Raises:
        ScenarioError: With every problem that was found.
    """
    document, problems = parse_yaml(text, source)
    if document is None:
        raise ScenarioError(problems)
    document, unread = with_includes(document, base_dir or Path())
    problems += unread
    document, unapplied = apply_overrides(document, sets)
    problems += unapplied
    surroundings = Surroundings(vocabulary, base_dir or Path(), shared_folder())
    manifests, unreadable = read_manifests(document.value, surroundings)
    problems += unreadable
    surroundings = replace(surroundings, manifests=manifests)
    spec, found, unclear = _validated(document, surroundings, None if unreadable else manifests)
    problems += manifest_problems(document.value, manifests, sure_of_minions="minions" not in unclear)
    problems += [
        document.diagnostic(each.path, each.sentence, hint=each.hint, code=each.code, on_key=each.on_key)
        for each in found
    ]
    if problems or spec is None:
        raise ScenarioError(_without_twins(problems))
    return LoadedScenario(spec, document)


def _validated(
    document: Document, surroundings: Surroundings, manifests: Mapping[str, ManifestFile] | None
) -> tuple[Scenario | None, list[Found], set[str]]:
    """The scenario if the schema takes it; the problems of schema, empty values and references; what is unclear."""
    data = document.value
    if not isinstance(data, Mapping):
        message = "expected a mapping that begins with apiVersion: wavetank/v1"
        return None, [Found((), message, code="type")], set()
    empty = [
        Found(path, _empty(path), on_key=True, code="empty")
        for path, node in document.walk()
        if node.kind == "scalar" and node.scalar is None and path[:2] != ("policy", "scheduler")
    ]
    spec, schema = None, list[Found]()
    try:
        spec = Scenario.model_validate(data, context=surroundings, by_alias=True, by_name=False)
    except ValidationError as error:
        schema = schema_problems(error, data)
    across = [
        Found(each.path, each.sentence, each.hint, each.on_key, each.code)
        for each in cross_problems(data, manifests)
    ]
    unclear = _unclear([*empty, *schema])
    return spec, [*empty, *_first_causes(empty, schema, across, unclear)], unclear


def _first_causes(
    empty: list[Found], schema: list[Found], across: list[Found], unclear: set[str]
) -> list[Found]:
    """Leave out what only follows from a mistake that is told already."""
    silent = {each.path for each in empty}
    emptied = {path[:-1] for path in silent}
    about_keys = {"missing-key", "exclusive"}
    schema = [
        each
        for each in schema
        if each.path not in silent
        and not (each.code in about_keys and (each.path in emptied or each.path[:-1] in emptied))
    ]
    told = silent | {each.path for each in schema}
    misspelt = [each.hint for each in schema if each.code == "unknown-key" and len(each.path) == 1]

    def follows(each: Found) -> bool:
        if each.code == "missing-key":  # at the root, where other keys may be missing too
            return any(each.sentence.startswith(f"'{key}' is missing") for key in misspelt)
        if each.code == "no-minions":
            return "owners" in unclear or "cluster" in misspelt
        if each.code == "dangling-reference" and _refers_to(each.path) in unclear:
            return True
        return each.path in told

    return [*schema, *(each for each in across if not follows(each))]


def _refers_to(path: YamlPath) -> str:
    """What the names at a path are of, in the words of :func:`_unclear`."""
    if "preloaded" in path:
        return "images"
    return {"pods": "owners", "controller": "owners", "service": "services"}.get(str(path[-1]), "minions")


_NAMED_IN = {"owners": ("workloads", "controllers"), "services": ("workloads", "services")}
_NAMES = {"name", "namespace", "manifest", "trace"}


def _unclear(found: list[Found]) -> set[str]:
    """Of what the names are not sure: minions, owners of pods, services, images."""
    unclear = set()
    for each in found:
        path, misspelt = each.path, each.code == "unknown-key"
        told = path[:1] == ("images",) and (len(path) < 3 or path[2] == "name" or misspelt)
        if told or (len(path) == 1 and misspelt and each.hint == "images"):
            unclear.add("images")
        told = path[:1] == ("cluster",) and (len(path) < 4 or path[3] in {"name", "count"} or misspelt)
        if told or (len(path) == 1 and misspelt and each.hint == "cluster"):
            unclear.add("minions")
        for what, sections in _NAMED_IN.items():
            if path[:1] and path[0] in sections:
                if len(path) < 3 or path[2] in _NAMES or misspelt:
                    unclear.add(what)
            elif len(path) == 1 and misspelt and each.hint in sections:
                unclear.add(what)
    return unclear


def _empty(path: tuple[Any, ...]) -> str:
    if path and isinstance(path[-1], str):
        return f"'{path[-1]}' has no value: give it one, or leave the key out"
    return "expected a value, but there is nothing here"


def _without_twins(problems: list[Diagnostic]) -> list[Diagnostic]:
    """One diagnostic for each place and sentence (an alias can show one mistake many times)."""
    return list(dict.fromkeys(problems))
