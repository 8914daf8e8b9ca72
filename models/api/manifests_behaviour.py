"""How a manifest's own annotation says that its containers behave, in the words of a scenario.

metadata:
  annotations:
    wavetank/behaviour: "{app: {runs: 10s, exitCode: 1}, proxy: {healthyFrom: 5s}}"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from pydantic import ValidationError

from models.api.containers import ContainerSpec
from models.api.manifests_fields import Fields
from models.api.specs_containers import ContainerBehaviour
from models.api.specs_problems import FIELD_ERROR, quoted
from sim.diagnostics import nearest_word
from sim.yamlsource import parse_yaml

__all__ = ["BEHAVIOUR_ANNOTATION", "behaving_as_annotated"]

BEHAVIOUR_ANNOTATION: Final = "wavetank/behaviour"
"""Holds a mapping from the names of containers to how they behave."""
_EXAMPLE: Final = "{app: {runs: 10s, exitCode: 1}}"
_WORDS: Final = sorted(field.alias or name for name, field in ContainerBehaviour.model_fields.items())


def behaving_as_annotated(
    metadata: Fields, annotations: Mapping[str, str], *groups: tuple[ContainerSpec, ...]
) -> list[tuple[ContainerSpec, ...]]:
    """Return a pod's containers with the behaviour that its annotation gives them.

    Args:
        metadata: Of the pod or template: what is wrong is told there.
        annotations: Its annotations.
        groups: Containers and init containers.
    """
    text = annotations.get(BEHAVIOUR_ANNOTATION)
    if text is None:
        return list(groups)
    found = _read(metadata, text, [each.name for group in groups for each in group])
    return [
        tuple(
            replace(each, behaviour=found[each.name].behaviour) if each.name in found else each
            for each in group
        )
        for group in groups
    ]


def _read(metadata: Fields, text: str, names: list[str]) -> dict[str, ContainerBehaviour]:
    def tell(sentence: str, hint: str | None = None) -> None:
        at = (*metadata.path, "annotations", BEHAVIOUR_ANNOTATION)
        metadata.tell(at, f"{metadata.name('annotations')}[{BEHAVIOUR_ANNOTATION}]: {sentence}", hint)

    document, problems = parse_yaml(text, BEHAVIOUR_ANNOTATION)
    for problem in problems:
        tell(problem.message, problem.hint)
    given = None if document is None else document.value
    if not isinstance(given, Mapping):
        if not problems:
            tell(f"expected containers and how they behave, as {_EXAMPLE}")
        return {}
    found = {}
    for name, words in given.items():
        if name not in names:
            tell(f"there is no container {quoted(name)} in this pod", nearest_word(str(name), names))
        elif not isinstance(words, Mapping):
            tell(f"{name}: expected how it behaves, as {_EXAMPLE}")
        else:
            try:
                found[str(name)] = ContainerBehaviour.model_validate(
                    dict(words), by_alias=True, by_name=False
                )
            except ValidationError as error:
                for sentence, hint in _sentences(str(name), error):
                    tell(sentence, hint)
    return found


def _sentences(name: str, error: ValidationError) -> Iterable[tuple[str, str | None]]:
    for raw in error.errors(include_url=False):
        place = ".".join(map(str, (name, *raw["loc"])))
        if raw["type"] == FIELD_ERROR:
            for problem in raw["ctx"]["problems"]:
                where = ".".join(map(str, (place, *problem.path)))
                yield f"{where}: {problem.sentence}", problem.hint
        elif raw["type"] == "extra_forbidden":
            key = str(raw["loc"][-1])
            yield (
                f"{name}: {quoted(key)} is not a key here: expected {', '.join(_WORDS)}",
                nearest_word(key, _WORDS),
            )
        else:
            yield f"{place}: expected a value as in {_EXAMPLE}", None
