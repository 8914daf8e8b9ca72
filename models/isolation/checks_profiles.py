"""What can be wrong with profiles: who inherits himself, and switches that contradict one another."""

from __future__ import annotations

from collections.abc import Iterator

from models.api.loading_messages import Found
from models.isolation.specs import Catalogue, Profile
from sim.diagnostics import nearest_word

__all__ = ["lineage", "profile_problems"]

Path = tuple[str | int, ...]


def lineage(catalogue: Catalogue, name: str) -> list[Profile] | None:
    """Return a profile with those it inherits, the first ancestor first; None where one is missing or in a circle."""
    by_name = {profile.name: profile for profile in catalogue.profiles}
    found: list[Profile] = []
    wanted: str | None = name
    while wanted is not None:
        profile = by_name.get(wanted)
        if profile is None or profile in found:
            return None
        found.append(profile)
        wanted = profile.inherits
    return found[::-1]


def profile_problems(catalogue: Catalogue) -> Iterator[Found]:
    """Yield what is wrong with profiles, names that nobody has apart."""
    programs = catalogue.programs
    for index, profile in enumerate(catalogue.profiles):
        at: Path = ("profiles", index)
        yield from _circle(at, profile, catalogue)
        for what, path, one, other in (
            ("mechanism", (*at, "mechanisms", "drop"), profile.mechanisms.add, profile.mechanisms.drop),
            (
                "capability",
                (*at, "capabilities", "drop"),
                profile.capabilities.add,
                profile.capabilities.drop,
            ),
            ("condition", (*at, "conditions", "drop"), profile.conditions.add, profile.conditions.drop),
        ):
            for place, name in enumerate(other):
                if name in one:
                    sentence = f"the {what} '{name}' is added and dropped in one profile"
                    yield Found((*path, place), sentence, code="contradiction")
        for program in profile.versions:
            if program not in programs:
                sentence = f"no technique asks for a version of '{program}': expected {', '.join(programs) or 'none'}"
                near = nearest_word(program, programs)
                yield Found((*at, "versions", program), sentence, near, True, "unknown-key")
        yield from _excluded(at, profile, catalogue)


def _circle(at: Path, profile: Profile, catalogue: Catalogue) -> Iterator[Found]:
    by_name = {each.name: each for each in catalogue.profiles}
    way = [profile.name]
    wanted = profile.inherits
    while wanted is not None and wanted in by_name and wanted not in way:
        way.append(wanted)
        wanted = by_name[wanted].inherits
    if wanted == profile.name:
        through = f" through {', '.join(way[1:])}" if len(way) > 1 else ""
        yield Found(
            (*at, "inherits"), f"the profile '{profile.name}' inherits itself{through}", code="circle"
        )


def _excluded(at: Path, profile: Profile, catalogue: Catalogue) -> Iterator[Found]:
    """Mechanisms that this profile puts on beside what excludes them, or without what they require."""
    ancestors = lineage(catalogue, profile.name)
    if ancestors is None:
        return
    on: dict[str, None] = {}
    for each in ancestors:
        on |= dict.fromkeys(each.mechanisms.add)
        on = {name: None for name in on if name not in each.mechanisms.drop}
    mechanisms = {mechanism.name: mechanism for mechanism in catalogue.mechanisms}
    for place, name in enumerate(profile.mechanisms.add):
        mechanism = mechanisms.get(name)
        if mechanism is None or name not in on:
            continue
        for other in on:
            theirs = mechanisms[other].excludes if other in mechanisms else ()
            if other in mechanism.excludes or name in theirs:
                # Both may stand in this list: the later one is told.
                if other in profile.mechanisms.add and profile.mechanisms.add.index(other) > place:
                    continue
                sentence = f"'{name}' cannot be on with '{other}': switch one of them off"
                yield Found((*at, "mechanisms", "add", place), sentence, code="contradiction")
        for needed in mechanism.requires:
            if needed not in on:
                sentence = f"'{name}' means nothing without '{needed}': switch that on too"
                yield Found((*at, "mechanisms", "add", place), sentence, code="contradiction")
