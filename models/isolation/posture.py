"""What a container's isolation is after all switches: which mechanisms are on, what it may and what surrounds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from models.isolation.capabilities import CAPABILITIES
from models.isolation.checks_profiles import lineage
from models.isolation.specs import Catalogue, Mechanism, Technique
from models.isolation.versions import Version

__all__ = [
    "Posture",
    "addable",
    "bare_posture",
    "capabilities_of",
    "conditions_of",
    "possible",
    "posture_of",
    "switched_on",
]


@dataclass(frozen=True, slots=True)
class Posture:
    """The switches of one container, in the order of the catalogue.

    Attributes:
        mechanisms: That are on.
        added: Capabilities beside those that mechanisms leave.
        dropped: Capabilities that are taken away whatever mechanisms leave.
        conditions: That hold, those apart that mechanisms provide.
        closed: Surfaces that are taken away.
        versions: By program; of one that is not here any version may run.
        updated: Programs of a version in which all that the catalogue knows is mended.
    """

    mechanisms: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    versions: tuple[tuple[str, Version], ...] = ()
    updated: tuple[str, ...] = ()

    def switched(self, on: Iterable[str] = (), off: Iterable[str] = ()) -> Posture:
        """Return the posture with mechanisms on and others off; what is both is off."""
        without = tuple(off)
        kept = dict.fromkeys([*self.mechanisms, *on])
        return replace(self, mechanisms=tuple(sorted(name for name in kept if name not in without)))

    def with_updates(self, programs: Iterable[str]) -> Posture:
        """Return the posture with programs brought up to date."""
        return replace(self, updated=tuple(sorted({*self.updated, *programs})))


def posture_of(catalogue: Catalogue, profile: str) -> Posture:
    """Return what a profile's switches are, inherited ones too.

    Raises:
        KeyError: There is no such profile.
    """
    ancestors = lineage(catalogue, profile)
    if ancestors is None:
        raise KeyError(profile)
    on: dict[str, None] = {}
    added: dict[str, None] = {}
    dropped: dict[str, None] = {}
    closed: dict[str, None] = {}
    versions: dict[str, Version] = {}
    conditions = {each.name: None for each in catalogue.conditions if each.usual}
    for each in ancestors:
        on = _changed(on, each.mechanisms.add, each.mechanisms.drop)
        added = _changed(added, each.capabilities.add, each.capabilities.drop)
        dropped = _changed(dropped, each.capabilities.drop, each.capabilities.add)
        conditions = _changed(conditions, each.conditions.add, each.conditions.drop)
        closed |= dict.fromkeys(each.closed)
        versions |= each.versions
    return Posture(
        mechanisms=tuple(sorted(on)),
        added=tuple(sorted(added)),
        dropped=tuple(sorted(dropped)),
        conditions=tuple(sorted(conditions)),
        closed=tuple(sorted(closed)),
        versions=tuple(sorted(versions.items())),
    )


def bare_posture(catalogue: Catalogue) -> Posture:
    """Return what a process without any isolation has: no mechanism, every condition."""
    return Posture(conditions=tuple(sorted(each.name for each in catalogue.conditions)))


def _changed(have: dict[str, None], add: Iterable[str], drop: Iterable[str]) -> dict[str, None]:
    without = tuple(drop)
    return {name: None for name in (have | dict.fromkeys(add)) if name not in without}


def switched_on(catalogue: Catalogue, posture: Posture) -> list[Mechanism]:
    """Return the mechanisms that are on, in the order of the catalogue."""
    return [each for each in catalogue.mechanisms if each.name in posture.mechanisms]


def capabilities_of(catalogue: Catalogue, posture: Posture) -> tuple[str, ...]:
    """Return the capabilities of the container's root."""
    left: tuple[str, ...] = CAPABILITIES
    for mechanism in switched_on(catalogue, posture):
        if mechanism.leaves is not None:
            left = tuple(name for name in left if name in mechanism.leaves)
    return tuple(
        name
        for name in CAPABILITIES
        if (name in left or name in posture.added) and name not in posture.dropped
    )


def conditions_of(catalogue: Catalogue, posture: Posture) -> tuple[str, ...]:
    """Return the conditions that hold, those that mechanisms provide too."""
    provided = [name for mechanism in switched_on(catalogue, posture) for name in mechanism.provides]
    return tuple(dict.fromkeys([*posture.conditions, *provided]))


def addable(catalogue: Catalogue, posture: Posture, mechanism: Mechanism) -> bool:
    """Whether a mechanism can be switched on beside those that are."""
    if mechanism.name in posture.mechanisms:
        return False
    on = switched_on(catalogue, posture)
    free = all(mechanism.name not in each.excludes and each.name not in mechanism.excludes for each in on)
    return free and all(name in posture.mechanisms for name in mechanism.requires)


def possible(catalogue: Catalogue, posture: Posture) -> list[Technique]:
    """Return the techniques that nothing of a posture stops, in the order of the catalogue."""
    capabilities = capabilities_of(catalogue, posture)
    conditions = conditions_of(catalogue, posture)
    on = switched_on(catalogue, posture)
    versions = dict(posture.versions)
    return [
        technique
        for technique in catalogue.techniques
        if technique.surface not in posture.closed
        and all(name in capabilities for name in technique.capabilities)
        and all(name in conditions for name in technique.conditions)
        and not any(each.name in technique.blocked_by or technique.name in each.blocks for each in on)
        and not any(program in posture.updated for program in technique.versions)
        and _version_suits(technique, versions)
    ]


def _version_suits(technique: Technique, versions: Mapping[str, Version]) -> bool:
    for program, ranges in technique.versions.items():
        runs = versions.get(program)
        if runs is not None and not any(
            (each.since is None or each.since <= runs) and (each.before is None or runs < each.before)
            for each in ranges
        ):
            return False
    return True
