"""Whose isolation is what: a scenario's rules with a catalogue, for pods by their labels and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from models.api.specs_isolation import Isolation, Needs
from models.isolation.amounts import parse_amount
from models.isolation.capabilities import parse_capability
from models.isolation.graph import MIDDLE, corner, parameter_kind
from models.isolation.posture import Posture, capabilities_of, posture_of, switched_on
from models.isolation.specs import NEVER, Catalogue
from models.isolation.versions import parse_version

__all__ = ["IsolationRules", "lacking"]


@dataclass(frozen=True)
class IsolationRules:
    """What a scenario says of isolation, understood.

    Attributes:
        catalogue: All that is known.
        asked: The scenario's own words; checked.
        values: Of all parameters.
    """

    catalogue: Catalogue
    asked: Isolation
    values: Mapping[str, float]

    @classmethod
    def of(cls, catalogue: Catalogue, asked: Isolation) -> IsolationRules:
        """Return the rules of a scenario that was checked."""
        given = {
            name: parse_amount(parameter_kind(catalogue, name), value)
            for name, value in asked.parameters.items()
        }
        return cls(catalogue, asked, {**corner(catalogue, MIDDLE), **given})

    def posture(
        self,
        labels: Mapping[str, str],
        names: tuple[str, ...],
        kernel: str | None = None,
        cgroup: str | None = None,
    ) -> Posture:
        """Return the switches of a pod's containers.

        Args:
            labels: Its own.
            names: What it answers to.
            kernel: The version of its minion's kernel; None: not said.
            cgroup: ``v1`` or ``v2``, where its minion says so.
        """
        asked = self.asked
        found = posture_of(self.catalogue, asked.profile_of(labels, names)).switched(
            asked.mechanisms.add, asked.mechanisms.drop
        )
        versions = dict(found.versions) | {
            program: parse_version(text) for program, text in asked.versions.items()
        }
        conditions = dict.fromkeys([*found.conditions, *asked.conditions.add])
        if kernel is not None:
            versions["kernel"] = parse_version(_main_line(kernel))
        if cgroup is not None and any(each.name == "cgroup-v1" for each in self.catalogue.conditions):
            conditions.pop("cgroup-v1", None)
            conditions |= {"cgroup-v1": None} if cgroup == "v1" else {}
        return replace(
            found,
            conditions=tuple(sorted(name for name in conditions if name not in asked.conditions.drop)),
            closed=tuple(sorted({*found.closed, *asked.closed})),
            versions=tuple(sorted(versions.items())),
            updated=self.catalogue.programs if asked.updated else found.updated,
        )

    def denied(self, labels: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
        """Return what a pod's applications need and its profile takes away."""
        found: dict[str, None] = {}
        for needs in self.asked.needs:
            if needs.pods.matches(labels, names):
                found |= dict.fromkeys(lacking(self.catalogue, self.posture(labels, names), needs))
        return tuple(found)


def _main_line(release: str) -> str:
    """Return the version of the main line that a release as ``uname -r`` has it is built from."""
    found = re.match(r"[0-9]+(?:\.[0-9]+)*(?:-rc[0-9]+)?", release)
    assert found is not None, "a kernel's release was checked"
    return found[0]


def lacking(catalogue: Catalogue, posture: Posture, needs: Needs) -> tuple[str, ...]:
    """Return which needs of an application a posture takes away, in words."""
    have = capabilities_of(catalogue, posture)
    wanted = [parse_capability(name) for name in needs.capabilities]
    missing = [name for name in wanted if name not in have]
    denied = [
        (what, lift)
        for mechanism in switched_on(catalogue, posture)
        for what, lift in mechanism.denies.items()
        if lift == NEVER or lift not in have
    ]
    asked: Iterable[str] = (*needs.calls, *needs.writes, *(("root",) if needs.root else ()))
    missing += [each for each in asked if any(_covers(what, each) for what, _ in denied)]
    return tuple(dict.fromkeys(missing))


def _covers(denied: str, asked: str) -> bool:
    return asked == denied or (denied.startswith("/") and asked.startswith(f"{denied.rstrip('/')}/"))
