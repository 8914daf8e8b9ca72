"""What can be wrong between the rows of a catalogue: names that nobody has, profiles in a circle, contradictions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from models.api.loading_messages import Found
from models.isolation.amounts import Ref
from models.isolation.checks_profiles import profile_problems
from models.isolation.specs import Catalogue, Technique
from sim.diagnostics import nearest_word
from sim.distributions import Constant, Exponential

__all__ = ["cross_problems"]

Path = tuple[str | int, ...]
_SECTIONS: Final = {
    "privileges": "privilege",
    "parameters": "parameter",
    "surfaces": "surface",
    "conditions": "condition",
    "mechanisms": "mechanism",
    "profiles": "profile",
    "techniques": "technique",
}
_KINDS: Final = ("time", "factor", "chance")


def cross_problems(catalogue: Catalogue) -> list[Found]:
    """Return all that is wrong between rows, in no order."""
    names = {section: [row.name for row in getattr(catalogue, section)] for section in _SECTIONS}
    return [
        *_twice(names),
        *_dangling(catalogue, names),
        *_parameters(catalogue),
        *(
            each
            for index, row in enumerate(catalogue.techniques)
            for each in _technique(index, row, catalogue)
        ),
        *profile_problems(catalogue),
        *_entry(catalogue),
    ]


def _twice(names: dict[str, list[str]]) -> Iterator[Found]:
    for section, given in names.items():
        for index, name in enumerate(given):
            if name in given[:index]:
                sentence = f"the {_SECTIONS[section]} '{name}' is given twice"
                yield Found((section, index, "name"), sentence, code="duplicate-name")


def _entry(catalogue: Catalogue) -> Iterator[Found]:
    if catalogue.privileges and not any(privilege.entry for privilege in catalogue.privileges):
        yield Found(
            ("privileges",),
            "expected a privilege with entry: true, with which an attacker begins",
            None,
            True,
        )


def _dangling(catalogue: Catalogue, names: dict[str, list[str]]) -> Iterator[Found]:
    for path, name, section, on_key in _references(catalogue):
        if name not in names[section]:
            what = _SECTIONS[section]
            hint = nearest_word(name, names[section])
            known = names[section]
            listed = f": expected {', '.join(known[:12])}{' …' if len(known) > 12 else ''}" if known else ""
            sentence = f"there is no {what} '{name}'{'' if hint else listed}"
            yield Found(path, sentence, hint, on_key, "dangling-reference")


_Reference = tuple[Path, str, str, bool]
"""Where it stands, the name, the section that should have it, whether it stands as a key."""


def _references(catalogue: Catalogue) -> Iterator[_Reference]:
    for index, condition in enumerate(catalogue.conditions):
        yield ("conditions", index, "surface"), condition.surface, "surfaces", False
    for index, mechanism in enumerate(catalogue.mechanisms):
        at: Path = ("mechanisms", index)
        if mechanism.surface is not None:
            yield (*at, "surface"), mechanism.surface, "surfaces", False
        yield from _listed((*at, "provides"), mechanism.provides, "conditions")
        yield from _listed((*at, "blocks"), mechanism.blocks, "techniques")
        yield from _listed((*at, "excludes"), mechanism.excludes, "mechanisms")
        yield from _listed((*at, "requires"), mechanism.requires, "mechanisms")
        if mechanism.moves is not None:
            yield from _listed((*at, "moves", "inside"), mechanism.moves.inside, "privileges")
            yield from _listed((*at, "moves", "beyond"), mechanism.moves.beyond, "privileges")
            yield (*at, "moves", "to"), mechanism.moves.to, "privileges", False
    for index, profile in enumerate(catalogue.profiles):
        at = ("profiles", index)
        if profile.inherits is not None:
            yield (*at, "inherits"), profile.inherits, "profiles", False
        yield from _listed((*at, "mechanisms", "add"), profile.mechanisms.add, "mechanisms")
        yield from _listed((*at, "mechanisms", "drop"), profile.mechanisms.drop, "mechanisms")
        yield from _listed((*at, "conditions", "add"), profile.conditions.add, "conditions")
        yield from _listed((*at, "conditions", "drop"), profile.conditions.drop, "conditions")
        yield from _listed((*at, "closed"), profile.closed, "surfaces")
    for index, technique in enumerate(catalogue.techniques):
        yield from _of_technique(("techniques", index), technique)


def _of_technique(at: Path, technique: Technique) -> Iterator[_Reference]:
    yield from _listed((*at, "from"), technique.start, "privileges")
    yield (*at, "to"), technique.to, "privileges", False
    yield (*at, "surface"), technique.surface, "surfaces", False
    yield from _listed((*at, "conditions"), technique.conditions, "conditions")
    yield from _listed((*at, "blockedBy"), technique.blocked_by, "mechanisms")
    for name, factor in technique.slowed_by.items():
        yield (*at, "slowedBy", name), name, "mechanisms", True
        if isinstance(factor, Ref):
            yield (*at, "slowedBy", name, "parameter"), factor.parameter, "parameters", False
    for key, value in (("time", technique.time), ("success", technique.success)):
        if isinstance(value, Ref):
            yield (*at, key, "parameter"), value.parameter, "parameters", False


def _listed(path: Path, names: Iterable[str], section: str) -> Iterator[_Reference]:
    for index, name in enumerate(names):
        yield (*path, index), name, section, False


def _parameters(catalogue: Catalogue) -> Iterator[Found]:
    for index, parameter in enumerate(catalogue.parameters):
        given = [kind for kind in _KINDS if getattr(parameter, kind) is not None]
        if len(given) != 1:
            sentence = f"expected exactly one of {', '.join(_KINDS[:-1])} and {_KINDS[-1]}"
            path: Path = ("parameters", index, given[1]) if given else ("parameters", index)
            yield Found(path, f"{sentence}{', not both' if given else ''}", None, True, "exclusive")


def _technique(index: int, technique: Technique, catalogue: Catalogue) -> Iterator[Found]:
    at: Path = ("techniques", index)
    kinds = {row.name: row.kind for row in catalogue.parameters}
    wanted = [("time", (*at, "time"), technique.time), ("chance", (*at, "success"), technique.success)]
    wanted += [("factor", (*at, "slowedBy", name), factor) for name, factor in technique.slowed_by.items()]
    for kind, path, value in wanted:
        have = kinds.get(value.parameter, kind) if isinstance(value, Ref) else kind
        if have not in {kind, ""}:
            hint = nearest_word(value.parameter, _of_kind(kinds, kind)) if isinstance(value, Ref) else None
            sentence = f"expected a parameter that is a {kind}, but this one is a {have}"
            yield Found((*path, "parameter"), sentence, hint, code="kind")
    yield from _times(at, technique)
    if technique.to in technique.start:
        yield Found((*at, "to"), "a technique cannot win what it starts from")
    for program, ranges in technique.versions.items():
        for number, each in enumerate(ranges):
            place = (*at, "versions", program, number)
            if each.since is None and each.before is None:
                yield Found(place, 'expected since, before or both, as {before: "4.8.3"}')
            elif each.since is not None and each.before is not None and not each.since < each.before:
                yield Found(place, "expected since to be before 'before'", code="range")


def _of_kind(kinds: dict[str, str], kind: str) -> Collection[str]:
    return [name for name, have in kinds.items() if have == kind]


def _times(at: Path, technique: Technique) -> Iterator[Found]:
    """What is wrong with how long a technique takes, and with how sure that is."""
    law = technique.time
    none = isinstance(law, Constant) and law.value == 0
    if technique.standing is None and not none:
        yield Found(
            at, "'standing' is missing: expected measured, published or assumed", None, True, "missing-key"
        )
    if technique.standing == "assumed" and not isinstance(law, Ref) and not none:
        sentence = (
            "an assumed time is a parameter, so that results over it are ranges: expected {parameter: NAME}"
        )
        yield Found((*at, "time"), sentence, code="assumed")
    if technique.success != 1.0 and not isinstance(law, Ref | Exponential):
        sentence = "a chance of success below 1 goes with an exponential time alone"
        yield Found((*at, "success"), sentence, code="exclusive")
    if technique.kind == "given" and not none:
        yield Found((*at, "time"), "what is given takes no time: expected 0s", "0s")
