"""What a scenario says of isolation: profiles of pods, what they need, and compromises.

Which profiles, mechanisms and so on there are is a catalogue's to say (models.isolation); here are their names only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from models.api.specs_distributions import DurationLaw
from models.api.specs_fields import DnsName, Flag, SelectorField, Spec, Text, choice, whole
from models.api.specs_problems import FieldError, FieldProblem, FieldType, fail, parse_mapping, quoted
from models.api.specs_sources import Surroundings

__all__ = ["ATTACKERS", "DOES", "RESPONSES", "Compromise", "Isolation", "IsolationOf", "Needs", "Switches"]

ATTACKERS: Final = ("racing", "greedy")
DOES: Final = ("starve", "fork", "kill", "spread")
"""What an attacker does with what he wins: starves, forks, kills neighbours, goes on to other minions."""
RESPONSES: Final = ("kill", "cordon", "drain", "rebuild")
"""What is done about an intrusion that was detected."""
DEFAULT_PROFILE: Final = "docker"


def _parameters(value: object) -> dict[str, str | float]:
    found: dict[str, str | float] = {}
    for name, given in parse_mapping(value, "a mapping as {public-exploit: 2h}").items():
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            raise FieldError(FieldProblem(f"expected a time or a number, not {quoted(given)}", (name,)))
        found[name] = given  # as it was written, so that it is told so
    return found


class IsolationOf(Spec):
    """The profile of some pods."""

    pods: SelectorField = Field(description="a selector of pods, as app=batch")
    profile: DnsName = Field(description="the name of a profile, as hardened")


class Needs(Spec):
    """What the applications of some pods need; where their profile takes it away they end as soon as they start.

    Attributes:
        capabilities: Without ``CAP_`` or with it.
        calls: System calls.
        writes: Paths.
        root: They have to begin as root.
    """

    pods: SelectorField = Field(description="a selector of pods, as app=vpn")
    capabilities: tuple[Text, ...] = Field((), description="a list of capabilities, as [NET_ADMIN]")
    calls: tuple[Text, ...] = Field((), description="a list of system calls, as [keyctl]")
    writes: tuple[Text, ...] = Field((), description="a list of paths, as [/proc/sys/net]")
    root: Flag = Field(False, description="true or false")

    @model_validator(mode="after")
    def _needs_something(self) -> Needs:
        if not (self.capabilities or self.calls or self.writes or self.root):
            sentence = "expected capabilities, calls, writes or root, as {capabilities: [NET_ADMIN]}"
            raise fail(FieldProblem(sentence, (), None, True, "missing-key"))
        return self


class Switches(Spec):
    """What is switched on and off, over all profiles or by one."""

    add: tuple[DnsName, ...] = Field((), description="a list of names")
    drop: tuple[DnsName, ...] = Field((), description="a list of names")


class Isolation(Spec):
    """How containers are kept apart, and from their minions.

    Attributes:
        default: The profile of pods of which nothing else is said.
        pods: By selector; of two that match a pod the later holds.
        mechanisms: That all profiles have more or less.
        closed: Surfaces that are taken away, of all profiles.
        conditions: That hold for all, or do not.
        versions: Of programs; kernels are their minions'.
        updated: All programs are up to date, kernels too.
        parameters: Of the catalogue, instead of the middles of their ranges.
    """

    default: DnsName = Field(DEFAULT_PROFILE, description="the name of a profile, as docker")
    catalogue: Text | None = Field(None, description="a catalogue of your own, as ours.yaml")
    pods: tuple[IsolationOf, ...] = Field(
        (), description="a list of exceptions, as [{pods: app=batch, profile: hardened}]"
    )
    needs: tuple[Needs, ...] = Field(
        (), description="a list, as [{pods: app=vpn, capabilities: [NET_ADMIN]}]"
    )
    mechanisms: Switches = Field(default_factory=Switches, description="{add: [seccomp], drop: [apparmor]}")
    closed: tuple[DnsName, ...] = Field((), description="a list of surfaces, as [host-figures]")
    conditions: Switches = Field(
        default_factory=Switches, description="{add: [cgroup-v1], drop: [hostile-image]}"
    )
    versions: dict[str, Text] = Field({}, description='versions, as {runc: "1.1.12"}')
    updated: Flag = Field(False, description="true or false")
    parameters: Annotated[dict[str, str | float], FieldType(_parameters, None, {"type": "object"})] = Field(
        {}, description="parameters of the catalogue, as {public-exploit: 2h}"
    )

    _file: Path | None = PrivateAttr(None)

    @property
    def file(self) -> Path | None:
        """Where the catalogue is; None: the shipped one."""
        return self._file

    @model_validator(mode="after")
    def _is_there(self, info: ValidationInfo) -> Isolation:
        if self.catalogue is not None and isinstance(info.context, Surroundings):
            self._file = info.context.base_dir / self.catalogue
            if not self._file.is_file():
                sentence = f"there is no file '{self._file}'"
                raise fail(FieldProblem(sentence, ("catalogue",), code="absent"))
        return self

    def profile_of(self, labels: Mapping[str, str], names: tuple[str, ...]) -> str:
        """Return the profile of a pod by its labels and the names that it answers to."""
        found = self.default
        for each in self.pods:
            if each.pods.matches(labels, names):
                found = each.profile
        return found


class Compromise(Spec):
    """An attacker gets into pods that run.

    Attributes:
        count: So many of them, drawn; None: all.
        goals: What a greedy attacker wants; none: to be out.
        does: With what he wins.
        detect: From the compromise, and from each minion that is taken, until it is noticed; None: never.
        respond: What is done then.
        rebuilt: How long a minion is away to be built anew.
    """

    pods: SelectorField = Field(description="a selector of pods, as app=web")
    count: Annotated[int, whole("a number of pods", 1, 10_000_000)] | None = Field(
        None, description="a number of pods, as 3"
    )
    attacker: Annotated[str, choice(*ATTACKERS)] = Field("racing", description="racing or greedy")
    goals: tuple[DnsName, ...] = Field((), description="a list of privileges, as [host-root]")
    does: tuple[Annotated[str, choice(*DOES)], ...] = Field(
        (), description=f"a list of {', '.join(DOES[:-1])} and {DOES[-1]}"
    )
    detect: DurationLaw | None = Field(None, description="a time or distribution, as 30m")
    respond: tuple[Annotated[str, choice(*RESPONSES)], ...] = Field(
        (), description=f"a list of {', '.join(RESPONSES[:-1])} and {RESPONSES[-1]}"
    )
    rebuilt: DurationLaw | None = Field(None, description="a time or distribution, as 20m")

    @model_validator(mode="after")
    def _goes_together(self) -> Compromise:
        problems = []
        if self.respond and self.detect is None:
            sentence = "'detect' is missing: expected a time or distribution, as 30m, with 'respond'"
            problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
        if "rebuild" in self.respond and self.rebuilt is None:
            sentence = "'rebuilt' is missing: expected a time or distribution, as 20m, with rebuild"
            problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
        if problems:
            raise fail(*problems)
        return self
