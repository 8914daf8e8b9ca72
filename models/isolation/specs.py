"""The schema of a catalogue of isolation: what it may say, field by field.

A catalogue is for defence and study: a technique is a precondition and an effect, never anything that could be run.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from models.api.specs_fields import DnsName, Flag, Spec, Text, choice
from models.api.specs_isolation import Switches
from models.api.specs_problems import FieldType
from models.isolation.amounts import Amount, Ref, Spread, TimeLaw
from models.isolation.capabilities import Capability, parse_capability
from models.isolation.versions import VersionField

__all__ = [
    "CLASSES",
    "NEVER",
    "STANDINGS",
    "Catalogue",
    "Condition",
    "Mechanism",
    "Move",
    "Parameter",
    "Privilege",
    "Profile",
    "Surface",
    "Technique",
    "VersionRange",
]

Name = DnsName
STANDINGS: Final = ("measured", "published", "assumed")
"""How far a figure can be trusted: measured here, read in a source, or a parameter with a range."""
CLASSES: Final = (
    "given",
    "runtime",
    "kernel",
    "kernel-gated",
    "misconfiguration",
    "hypervisor",
    "lateral",
    "leak",
    "denial",
)
"""What kind a technique is: the five of FACTS 5.3, what is simply so, and what moves on, leaks or denies service."""
STATUSES: Final = ("merged", "outside", "proposed")
"""Whether a mechanism is in the kernel or runtime, beside them, or was proposed and not taken."""


NEVER: Final = "never"


def _lifted(value: object) -> str:
    return NEVER if value == NEVER else parse_capability(value)


EFFECTS: Final = ("none", "starve", "take", "spread")
"""What winning a privilege does: nothing else, starves neighbours, takes the minion, goes on to another minion."""
PLACES: Final = ("container", "minion", "cluster")


class Privilege(Spec):
    """What an attacker may own.

    Attributes:
        place: What it is lost with: the container's processes, the minion as it is built, or nothing of these.
        reaches: Other containers of the minion are known, starved or in his hands with it.
        effect: What winning it does in a cluster.
        entry: Whoever compromises a container owns it.
        out: Owning it means to have left the container.
    """

    name: Name = Field(description="the name of a privilege")
    about: Text = Field(description="one sentence")
    entry: Flag = Field(False, description="whether an attacker begins with it")
    out: Flag = Field(False, description="whether it lies outside of the container")
    place: Annotated[str, choice(*PLACES)] = Field("minion", description="container, minion or cluster")
    reaches: Flag = Field(False, description="whether it does harm to other containers of the minion")
    effect: Annotated[str, choice(*EFFECTS)] = Field("none", description=", ".join(EFFECTS))


class Parameter(Spec):
    """A figure that nobody has measured, with the range in which it may lie.

    Attributes:
        time: Mean of an exponential time to success; exactly one of the three is given.
        factor: By how much longer a technique takes.
        chance: That one attempt succeeds.
    """

    name: Name = Field(description="the name of a parameter")
    about: Text = Field(description="one sentence")
    time: Annotated[Spread, Spread.field("time")] | None = Field(
        None, description="{low: 10m, middle: 4h, high: 7d}"
    )
    factor: Annotated[Spread, Spread.field("factor")] | None = Field(
        None, description="{low: 1, middle: 4, high: 20}"
    )
    chance: Annotated[Spread, Spread.field("chance")] | None = Field(
        None, description="{low: 0.1, middle: 0.3, high: 0.9}"
    )
    standing: Annotated[str, choice(*STANDINGS)] = Field(
        "assumed", description="measured, published or assumed"
    )
    reference: Text = Field(description="where the range comes from")

    @property
    def kind(self) -> str:
        """``time``, ``factor`` or ``chance``: the first that is given; nothing where none is."""
        given = (("time", self.time), ("factor", self.factor), ("chance", self.chance))
        return next((kind for kind, spread in given if spread is not None), "")


class Condition(Spec):
    """Something of the container's surroundings that a technique may need.

    Attributes:
        surface: On which it lies.
        usual: It holds unless a profile says otherwise.
    """

    name: Name = Field(description="the name of a condition")
    about: Text = Field(description="one sentence")
    surface: Name = Field(description="the surface that it lies on")
    usual: Flag = Field(False, description="whether it holds unless a profile says otherwise")


class Surface(Spec):
    """What a container shares with its host."""

    name: Name = Field(description="the name of a surface")
    about: Text = Field(description="what is shared")
    namespaced: Text = Field(description="since which kernel each container has its own, or never")
    leaks: Text = Field(description="what it shows or permits")
    reference: Text = Field(description="where that is said")


class Move(Spec):
    """Where what is won inside ends once a boundary stands between."""

    inside: tuple[Name, ...] = Field(description="privileges of the near side")
    beyond: tuple[Name, ...] = Field(description="privileges of the far side, that are out of reach now")
    to: Name = Field(description="the privilege that is won instead")


class Mechanism(Spec):
    """A switch of a container's isolation.

    Attributes:
        status: Merged, outside of kernel and runtime, or proposed and not taken (structure only, no rates).
        why: Of a proposed one, why it was not merged.
        leaves: Capabilities that are left of all; None: it takes none away.
        provides: Conditions that hold where it is on: what it opens.
        denies: What applications may not do where it is on: a system call, a path (with all below it) or ``root``;
            with the capability that lifts it, or ``never``.
        blocks: Techniques that it stops, beside those that name it in ``blockedBy``.
        moves: A boundary: what is won behind it is won before it.
        excludes: Mechanisms that cannot be on at once with it.
        requires: Mechanisms without which it means nothing.
    """

    name: Name = Field(description="the name of a mechanism")
    about: Text = Field(description="one sentence")
    status: Annotated[str, choice(*STATUSES)] = Field("merged", description="merged, outside or proposed")
    surface: Name | None = Field(None, description="the surface that it is about")
    why: Text | None = Field(None, description="why it was not merged")
    leaves: tuple[Capability, ...] | None = Field(None, description="a list of capabilities")
    provides: tuple[Name, ...] = Field((), description="a list of conditions")
    denies: dict[str, Annotated[str, FieldType(_lifted, None, {"type": "string"})]] = Field(
        {}, description="what applications may not do, as {keyctl: never, mount: SYS_ADMIN, /proc/sys: never}"
    )
    blocks: tuple[Name, ...] = Field((), description="a list of techniques")
    moves: Move | None = Field(None, description="{inside: [...], beyond: [...], to: guest-kernel}")
    excludes: tuple[Name, ...] = Field((), description="a list of mechanisms")
    requires: tuple[Name, ...] = Field((), description="a list of mechanisms")
    reference: Text = Field(description="where that is said")


class CapabilityChanges(Spec):
    """Capabilities that a profile has beside those that its mechanisms leave, or has not."""

    add: tuple[Capability, ...] = Field((), description="a list of capabilities")
    drop: tuple[Capability, ...] = Field((), description="a list of capabilities")


class Profile(Spec):
    """A set of switches by name.

    Attributes:
        closed: Surfaces that are taken away from the container altogether.
        versions: Of kernel and programs; of one that is not named any may run.
    """

    name: Name = Field(description="the name of a profile")
    about: Text = Field(description="one sentence")
    inherits: Name | None = Field(None, description="the profile that it begins with")
    mechanisms: Switches = Field(Switches(), description="{add: [...], drop: [...]}")
    capabilities: CapabilityChanges = Field(CapabilityChanges(), description="{add: [...], drop: [...]}")
    conditions: Switches = Field(Switches(), description="{add: [...], drop: [...]}")
    closed: tuple[Name, ...] = Field((), description="a list of surfaces")
    versions: dict[str, VersionField] = Field({}, description='versions, as {kernel: "5.10"}')


class VersionRange(Spec):
    """Versions that a technique works on."""

    since: VersionField | None = Field(None, description='the first version, as "5.8"')
    before: VersionField | None = Field(None, description='the version that mends it, as "5.16.11"')


class Technique(Spec):
    """One step of an attacker: what it needs and what it wins.

    Attributes:
        cve: Its number, where it has one.
        start: Any one of these privileges is enough to try it.
        to: The privilege that it wins.
        capabilities: That the container must have.
        conditions: That must hold.
        versions: By program; any of its ranges will do.
        blocked_by: Mechanisms of which each alone stops it.
        slowed_by: Mechanisms that only make it take longer, by a factor.
        time: Until an attempt ends.
        success: The chance that an attempt succeeds; it is tried again else.
        standing: Of the time; a technique that takes none needs none.
        means: What it does to the kernel in a run: forks without end.
        known: Whether it is a technique that is known today, not one that stands for what will be found.
    """

    name: Name = Field(description="the name of a technique")
    about: Text = Field(description="what it needs and what it wins, in one sentence")
    cve: Text | None = Field(None, description="as CVE-2019-5736")
    kind: Annotated[str, choice(*CLASSES)] = Field(alias="class", description=", ".join(CLASSES))
    start: tuple[Name, ...] = Field(alias="from", description="a list of privileges", min_length=1)
    to: Name = Field(description="the privilege that it wins")
    surface: Name = Field(description="the surface that it goes through")
    capabilities: tuple[Capability, ...] = Field((), description="a list of capabilities")
    conditions: tuple[Name, ...] = Field((), description="a list of conditions")
    versions: dict[str, tuple[VersionRange, ...]] = Field({}, description='{kernel: [{before: "4.8.3"}]}')
    blocked_by: tuple[Name, ...] = Field((), alias="blockedBy", description="a list of mechanisms")
    slowed_by: dict[str, Annotated[float | Ref, Amount.field("factor")]] = Field(
        {}, alias="slowedBy", description="{apparmor: 4}"
    )
    time: Annotated[TimeLaw, Amount.field("time")] = Field(description="a distribution, or {parameter: NAME}")
    success: Annotated[float | Ref, Amount.field("chance")] = Field(
        1.0, description="a chance above 0, or {parameter: NAME}"
    )
    standing: Annotated[str, choice(*STANDINGS)] | None = Field(
        None, description="measured, published or assumed"
    )
    means: Annotated[str, choice("none", "forks")] = Field("none", description="none or forks")
    known: Flag = Field(True, description="false where it stands for what is not found yet")
    reference: Text = Field(description="where it is described")


class Catalogue(Spec):
    """All that is known of isolation, as data."""

    api_version: Annotated[str, choice("wavetank/v1")] = Field(alias="apiVersion", description="wavetank/v1")
    extends: Annotated[str, choice("shipped", "nothing")] = Field(
        "nothing", description="shipped, to begin with the catalogue that comes with wavetank"
    )
    privileges: tuple[Privilege, ...] = Field((), description="a list of privileges")
    parameters: tuple[Parameter, ...] = Field((), description="a list of parameters")
    surfaces: tuple[Surface, ...] = Field((), description="a list of surfaces")
    conditions: tuple[Condition, ...] = Field((), description="a list of conditions")
    mechanisms: tuple[Mechanism, ...] = Field((), description="a list of mechanisms")
    profiles: tuple[Profile, ...] = Field((), description="a list of profiles")
    techniques: tuple[Technique, ...] = Field((), description="a list of techniques")

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs whose versions some technique asks for."""
        return tuple(sorted({program for technique in self.techniques for program in technique.versions}))
