"""Parameters of plug-ins that declare them (dataclasses), held against what is known before a run.

A class is never made to find out: names come from its fields, and what the built-in policies' values may be is
said here. A user's own class is asked only for the names and for ``ties`` and ``device``, which the scheduler
itself reads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from models.api.specs_problems import FieldProblem, quoted
from sim.diagnostics import nearest_word

__all__ = ["RESOURCE_WORDS", "parameter_problems"]

RESOURCE_WORDS: Final = ("cpu", "memory", "gpu", "pods", "ephemeral-storage")
"""What every cluster has, by the scenario's words; extended resources come on top."""

_CHOICES: Final = {
    "ties": ("first", "random"),
    "device": ("least", "random"),
    "strategy": ("least-allocated", "most-allocated", "capacity-ratio"),
}
_MOST_LEVELS: Final = 10**9


def parameter_problems(
    policy: type, name: str, parameters: Mapping[str, Any], resources: Collection[str], *, built_in: bool
) -> list[FieldProblem]:
    """Return everything that is wrong with the parameters of a policy; paths start below its name.

    Args:
        policy: Its class, a dataclass.
        name: Its name in the scenario.
        parameters: As written.
        resources: Words for the resources of this cluster.
        built_in: The class is one of the table's, so that the meaning of every parameter is known.
    """
    known = [field.name for field in dataclasses.fields(policy) if field.init]
    needed = [
        field.name
        for field in dataclasses.fields(policy)
        if field.init
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    problems = [
        FieldProblem(f"policy '{name}' needs the parameter '{key}'", on_key=True, code="missing-key")
        for key in needed
        if key not in parameters
    ]
    for key, value in parameters.items():
        if key not in known:
            listed = f": expected one of {', '.join(known)}" if known else ""
            sentence = f"policy '{name}' has no parameter {quoted(key)}{listed}"
            problems.append(
                FieldProblem(sentence, (key,), nearest_word(str(key), known), True, "unknown-key")
            )
        elif key in _CHOICES and (built_in or key != "strategy"):
            problems += _choice(key, value)
        elif built_in and key == "levels":
            problems += _levels(value)
        elif built_in and key == "popularity":
            problems += _popularity(value)
        elif built_in and key == "percentage":
            problems += _percentage(value)
        elif built_in and key == "resources":
            problems += _resources(value, resources)
    return problems


def _choice(key: str, value: object) -> Sequence[FieldProblem]:
    words = _CHOICES[key]
    if isinstance(value, str) and value in words:
        return ()
    hint = nearest_word(value, words) if isinstance(value, str) else None
    return (FieldProblem(f"expected {' or '.join(words)}, not {quoted(value)}", (key,), hint, code="choice"),)


def _levels(value: object) -> Sequence[FieldProblem]:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_LEVELS:
        return ()
    sentence = f"expected a whole number of levels from 0 to {_MOST_LEVELS:,}, not {quoted(value)}"
    return (FieldProblem(sentence, ("levels",)),)


def _popularity(value: object) -> Sequence[FieldProblem]:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
        return ()
    sentence = f"expected a ratio of all pods above 0 and up to 1, not {quoted(value)}"
    return (FieldProblem(sentence, ("popularity",)),)


def _percentage(value: object) -> Sequence[FieldProblem]:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100:
        return ()
    sentence = f"expected a whole number from 1 to 100, or 0 for adaptive, not {quoted(value)}"
    return (FieldProblem(sentence, ("percentage",)),)


def _resources(value: object, known: Collection[str]) -> Sequence[FieldProblem]:
    if not isinstance(value, list | tuple):
        sentence = f"expected a list of resources, as [cpu, memory], not {quoted(value)}"
        return (FieldProblem(sentence, ("resources",), code="type"),)
    problems = []
    for place, word in enumerate(value):
        path = ("resources", place)
        if not isinstance(word, str) or word not in known:
            hint = nearest_word(word, known) if isinstance(word, str) else None
            listed = ", ".join(known)
            sentence = f"this cluster has no resource {quoted(word)}: expected {listed}"
            problems.append(FieldProblem(sentence, path, hint, code="dangling-reference"))
        elif word in value[:place]:
            problems.append(
                FieldProblem(f"the resource '{word}' is named twice", path, code="duplicate-name")
            )
    return problems
