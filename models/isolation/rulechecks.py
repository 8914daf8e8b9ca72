"""What can be wrong with a scenario's words about isolation: names that its catalogue does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.api.specs_isolation import Compromise, Isolation
from models.api.specs_problems import FieldError, FieldProblem
from models.isolation.amounts import parse_amount
from models.isolation.capabilities import parse_capability
from models.isolation.graph import parameter_kind
from models.isolation.posture import posture_of
from models.isolation.specs import Catalogue
from models.isolation.versions import parse_version
from sim.diagnostics import nearest_word
from sim.units import UnitError

__all__ = ["compromise_problems", "rule_problems"]

Path = tuple[str | int, ...]


def rule_problems(catalogue: Catalogue, asked: Isolation) -> list[FieldProblem]:
    """Return what is wrong with ``isolation:``, at paths from there."""
    mechanisms = [each.name for each in catalogue.mechanisms]
    conditions = [each.name for each in catalogue.conditions]
    profiles = [each.name for each in catalogue.profiles]
    wanted: list[tuple[Path, str, str, Sequence[str]]] = [(("default",), asked.default, "profile", profiles)]
    for i, row in enumerate(asked.pods):
        wanted.append((("pods", i, "profile"), row.profile, "profile", profiles))
    for key, what, names, known in (
        (("mechanisms", "add"), "mechanism", asked.mechanisms.add, mechanisms),
        (("mechanisms", "drop"), "mechanism", asked.mechanisms.drop, mechanisms),
        (("closed",), "surface", asked.closed, [each.name for each in catalogue.surfaces]),
        (("conditions", "add"), "condition", asked.conditions.add, conditions),
        (("conditions", "drop"), "condition", asked.conditions.drop, conditions),
    ):
        wanted += [((*key, i), name, what, known) for i, name in enumerate(names)]
    problems = [_unknown(*each) for each in wanted if each[1] not in each[3]]
    for section, switches in (("mechanisms", asked.mechanisms), ("conditions", asked.conditions)):
        problems += [
            FieldProblem(f"'{name}' is asked for both ways", (section, "drop", i), code="contradiction")
            for i, name in enumerate(switches.drop)
            if name in switches.add
        ]
    problems += [*_needs(asked), *_versions(catalogue, asked), *_parameters(catalogue, asked)]
    if not problems:
        problems += _excluded(catalogue, asked)
    return problems


def compromise_problems(catalogue: Catalogue, asked: Compromise) -> list[FieldProblem]:
    """Return what is wrong with ``compromise:``, at paths from there."""
    known = [each.name for each in catalogue.privileges]
    return [
        _unknown(("goals", i), name, "privilege", known)
        for i, name in enumerate(asked.goals)
        if name not in known
    ]


def _unknown(path: Path, name: str, what: str, known: Sequence[str]) -> FieldProblem:
    hint = nearest_word(name, known)
    listed = "" if hint else f": expected {', '.join(known)}"
    return FieldProblem(f"there is no {what} '{name}'{listed}", path, hint, code="dangling-reference")


def _needs(asked: Isolation) -> Iterator[FieldProblem]:
    for i, needs in enumerate(asked.needs):
        for j, name in enumerate(needs.capabilities):
            try:
                parse_capability(name)
            except FieldError as error:
                problem = error.problems[0]
                path: Path = ("needs", i, "capabilities", j)
                yield FieldProblem(problem.sentence, path, problem.hint, code=problem.code)
        for j, written in enumerate(needs.writes):
            if not written.startswith("/"):
                yield FieldProblem(
                    "expected a path from the root, as /proc/sys/net", ("needs", i, "writes", j)
                )


def _versions(catalogue: Catalogue, asked: Isolation) -> Iterator[FieldProblem]:
    programs = [name for name in catalogue.programs if name != "kernel"]
    for program, text in asked.versions.items():
        path: Path = ("versions", program)
        if program == "kernel":
            sentence = "minions say what kernel they have: expected it as {kernel: {version: ...}} of a pool"
            yield FieldProblem(sentence, path, None, True, "unknown-key")
        elif program not in programs:
            sentence = f"no technique asks for a version of '{program}': expected {', '.join(programs)}"
            yield FieldProblem(sentence, path, nearest_word(program, programs), True, "unknown-key")
        else:
            try:
                parse_version(text)
            except FieldError as error:
                yield FieldProblem(error.problems[0].sentence, path, error.problems[0].hint)


def _parameters(catalogue: Catalogue, asked: Isolation) -> Iterator[FieldProblem]:
    names = [each.name for each in catalogue.parameters]
    for name, value in asked.parameters.items():
        path: Path = ("parameters", name)
        if name not in names:
            hint = nearest_word(name, names)
            sentence = f"there is no parameter '{name}'" + ("" if hint else f": expected {', '.join(names)}")
            yield FieldProblem(sentence, path, hint, True, "unknown-key")
            continue
        try:
            parse_amount(parameter_kind(catalogue, name), value)
        except UnitError as error:
            yield FieldProblem(error.sentence, path, error.suggestion)


def _excluded(catalogue: Catalogue, asked: Isolation) -> Iterator[FieldProblem]:
    """Mechanisms that are switched on where a profile that is used has what excludes them, or lacks what they need."""
    used = dict.fromkeys([asked.default, *(row.profile for row in asked.pods)])
    mechanisms = {each.name: each for each in catalogue.mechanisms}
    for profile in used:
        posture = posture_of(catalogue, profile).switched(asked.mechanisms.add, asked.mechanisms.drop)
        for i, name in enumerate(asked.mechanisms.add):
            mechanism = mechanisms[name]
            for other in posture.mechanisms:
                if other in mechanism.excludes or name in mechanisms[other].excludes:
                    sentence = (
                        f"'{name}' cannot be on with '{other}' of the profile '{profile}': switch that off"
                    )
                    yield FieldProblem(sentence, ("mechanisms", "add", i), code="contradiction")
            for needed in mechanism.requires:
                if needed not in posture.mechanisms:
                    sentence = (
                        f"'{name}' means nothing without '{needed}', which the profile '{profile}' lacks"
                    )
                    yield FieldProblem(sentence, ("mechanisms", "add", i), code="contradiction")
