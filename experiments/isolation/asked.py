"""What ``wavetank isolation paths`` was asked, checked: all that is wrong with the words is told at once."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from models.api.specs_problems import FieldError
from models.isolation.amounts import parse_amount
from models.isolation.graph import FAST, MIDDLE, SLOW, corner, parameter_kind
from models.isolation.posture import Posture, addable, posture_of
from models.isolation.reading import read_catalogue
from models.isolation.specs import Catalogue
from models.isolation.versions import Version, parse_version
from sim.diagnostics import Diagnostic, nearest_word
from sim.errors import ScenarioError
from sim.units import UnitError, parse_duration_s

__all__ = ["Asked", "Question", "question"]

ATTACKERS: Final = ("racing", "greedy")


@dataclass(frozen=True)
class Asked:
    """The options as they were typed."""

    profile: str
    catalogue: Path | None = None
    goals: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    updated: bool = False
    sets: tuple[str, ...] = ()
    by: str = "24h"
    attacker: str = "racing"


@dataclass(frozen=True)
class Question:
    """What was asked, understood.

    Attributes:
        values: Of all parameters, at the attacker's best, in the middle and at his worst.
        ranged: Whether best and worst differ.
        by_s: The horizon.
    """

    catalogue: Catalogue
    profile: str
    posture: Posture
    goals: tuple[str, ...]
    values: Mapping[str, Mapping[str, float]]
    by_s: float
    attacker: str

    @property
    def ranged(self) -> bool:
        """Whether any parameter has a range."""
        return self.values[FAST] != self.values[SLOW]


def question(asked: Asked) -> Question:
    """Return what was asked.

    Raises:
        ScenarioError: The catalogue or the options are wrong; with all that is wrong with either.
    """
    catalogue = read_catalogue(asked.catalogue)
    problems = [*_unknown(catalogue, asked)]
    values = {where: corner(catalogue, where) for where in (FAST, MIDDLE, SLOW)}
    for text in asked.sets:
        problems += _set(catalogue, text, values)
    versions: dict[str, Version] = {}
    for text in asked.versions:
        problems += _version(text, catalogue.programs, versions)
    by_s = 0.0
    try:
        by_s = parse_duration_s(asked.by)
    except UnitError as error:
        problems.append(Diagnostic(error.sentence, "--by", hint=error.suggestion))
    if problems:
        raise ScenarioError(problems)
    posture = posture_of(catalogue, asked.profile).switched(asked.on, asked.off)
    held = dict.fromkeys([*posture.conditions, *asked.given])
    posture = replace(
        posture,
        conditions=tuple(sorted(name for name in held if name not in asked.lacking)),
        versions=tuple(sorted({**dict(posture.versions), **versions}.items())),
    )
    if asked.updated:
        posture = posture.with_updates(catalogue.programs)
    _consistent(catalogue, posture, asked)
    goals = asked.goals or tuple(each.name for each in catalogue.privileges if each.out)
    return Question(catalogue, asked.profile, posture, goals, values, by_s, asked.attacker)


def _unknown(catalogue: Catalogue, asked: Asked) -> Iterator[Diagnostic]:
    """Names that the catalogue does not have."""
    mechanisms = [each.name for each in catalogue.mechanisms]
    conditions = [each.name for each in catalogue.conditions]
    for option, what, names, known in (
        ("--profile", "profile", (asked.profile,), [each.name for each in catalogue.profiles]),
        ("--goal", "privilege", asked.goals, [each.name for each in catalogue.privileges]),
        ("--on", "mechanism", asked.on, mechanisms),
        ("--off", "mechanism", asked.off, mechanisms),
        ("--with", "condition", asked.given, conditions),
        ("--without", "condition", asked.lacking, conditions),
        ("--attacker", "attacker", (asked.attacker,), list(ATTACKERS)),
    ):
        for name in names:
            if name not in known:
                hint = nearest_word(name, known)
                listed = "" if hint else f": expected {', '.join(known)}"
                yield Diagnostic(f"there is no {what} '{name}'{listed}", option, hint=hint)
    for option, one, other in (("--off", asked.on, asked.off), ("--without", asked.given, asked.lacking)):
        for name in other:
            if name in one:
                yield Diagnostic(f"'{name}' is asked for both ways", option)


def _consistent(catalogue: Catalogue, posture: Posture, asked: Asked) -> None:
    """Refuse mechanisms that were switched on beside what excludes them, or without what they need."""
    mechanisms = {each.name: each for each in catalogue.mechanisms}
    wrong = []
    for name in asked.on:
        if not addable(catalogue, posture.switched(off=[name]), mechanisms[name]):
            others = [
                each.name
                for each in catalogue.mechanisms
                if each.name in posture.mechanisms
                and (each.name in mechanisms[name].excludes or name in each.excludes)
            ]
            missing = [each for each in mechanisms[name].requires if each not in posture.mechanisms]
            why = f"cannot be on with '{others[0]}'" if others else f"means nothing without '{missing[0]}'"
            wrong.append(Diagnostic(f"'{name}' {why}", "--on"))
    if wrong:
        raise ScenarioError(wrong)


def _set(catalogue: Catalogue, text: str, values: Mapping[str, dict[str, float]]) -> Iterator[Diagnostic]:
    """Put ``name=value`` or ``name=low..high`` over the values; the middle of a range is the geometric mean."""
    source = f"--set {text}"
    name, equals, written = text.partition("=")
    names = [each.name for each in catalogue.parameters]
    if not equals or name not in names:
        hint = nearest_word(name, names) if equals else None
        message = (
            f"there is no parameter '{name}'" if equals else "expected PARAMETER=VALUE, as public-exploit=2h"
        )
        yield Diagnostic(
            message if hint or not equals else f"{message}: expected {', '.join(names)}", source, hint=hint
        )
        return
    kind = parameter_kind(catalogue, name)
    ends: list[float] = []
    for part in written.split(".."):
        try:
            ends.append(parse_amount(kind, part if kind == "time" else _number(part)))
        except UnitError as error:
            yield Diagnostic(error.sentence, source, hint=error.suggestion)
    if len(ends) != written.count("..") + 1:
        return
    if len(ends) > 2 or ends != sorted(ends):
        yield Diagnostic("expected one value or a range, as 1h..7d", source)
        return
    low, high = ends[0], ends[-1]
    fast_is_high = kind == "chance"
    values[FAST][name] = high if fast_is_high else low
    values[SLOW][name] = low if fast_is_high else high
    values[MIDDLE][name] = math.sqrt(low * high)


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _version(text: str, programs: Collection[str], versions: dict[str, Version]) -> Iterator[Diagnostic]:
    source = f"--version {text}"
    name, equals, written = text.partition("=")
    if not equals or name not in programs:
        hint = nearest_word(name, programs) if equals else None
        message = (
            f"no technique asks for a version of '{name}'"
            if equals
            else "expected PROGRAM=VERSION, as kernel=5.10"
        )
        listed = "" if hint or not equals else f": expected {', '.join(programs)}"
        yield Diagnostic(f"{message}{listed}", source, hint=hint)
        return
    try:
        versions[name] = parse_version(written)
    except FieldError as error:
        yield Diagnostic(error.problems[0].sentence, source, hint=error.problems[0].hint)
