"""What operators do to minions, and how: cordons, drains, reboots, and both over many minions in turn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from models.api.specs_distributions import DurationLaw
from models.api.specs_fields import (
    DnsName,
    DnsSubdomain,
    DurationS,
    Flag,
    LabelKey,
    LabelValue,
    SelectorField,
    Spec,
    choice,
    whole,
)
from models.api.specs_problems import FieldProblem, fail
from models.api.specs_taints import EFFECTS, Taint

__all__ = [
    "ROLLING_ACTIONS",
    "Cordon",
    "Drain",
    "Limit",
    "MinionTarget",
    "Reboot",
    "Rolling",
    "TaintMinions",
    "Uncordon",
]

ROLLING_ACTIONS = ("drain+reboot", "reboot", "drain")


class MinionTarget(Spec):
    """One minion by its name, or those of a selector."""

    minion: DnsSubdomain | None = Field(None, description="the name of a minion, as web-3")
    minions: SelectorField | None = Field(None, description="a selector of minions, as all or tier=web")

    @model_validator(mode="after")
    def _exactly_one(self) -> MinionTarget:
        if (self.minion is None) == (self.minions is None):
            both = self.minion is not None
            sentence = f"expected exactly one of minion and minions{', not both' if both else ''}"
            raise fail(FieldProblem(sentence, ("minions",) if both else (), None, True, "exclusive"))
        return self


class Cordon(MinionTarget):
    """Minions take no new pods."""


class Uncordon(MinionTarget):
    """Minions that were cordoned take pods again."""


class TaintMinions(MinionTarget):
    """Minions are given a taint."""

    key: LabelKey = Field(description="the taint's key, as maintenance")
    value: LabelValue = Field("", description="the taint's value, as gpu")
    effect: Annotated[str, choice(*EFFECTS)] = Field(
        "NoExecute", description=f"{', '.join(EFFECTS[:-1])} or {EFFECTS[-1]}"
    )

    @property
    def taint(self) -> Taint:
        """The taint itself."""
        return Taint(key=self.key, value=self.value, effect=self.effect)


class Reboot(MinionTarget):
    """Minions go down, all at once, and are back after ``for``: what is bound to them by then starts again there."""


class Limit(Spec):
    """An operator goes on only while a controller has so many pods ready, or a service so many ready endpoints.

    It is looked at before every minion and before every eviction, so that the number may fall below it by what one
    eviction or one minion takes.

    Attributes:
        controller: By name, with its namespace where that is not ``default``.
        service: The same.
    """

    controller: DnsSubdomain | None = Field(None, description="the name of a controller, as web")
    service: DnsSubdomain | None = Field(None, description="the name of a service, as web")
    namespace: DnsName = Field("default", description="the namespace of these")
    ready: Annotated[int, whole("a number of pods", 1, 10_000_000)] = Field(
        description="a number of pods, as 3"
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Limit:
        if (self.controller is None) == (self.service is None):
            both = self.controller is not None
            sentence = f"expected exactly one of controller and service{', not both' if both else ''}"
            raise fail(FieldProblem(sentence, ("service",) if both else (), None, True, "exclusive"))
        return self


class Drain(MinionTarget):
    """Minions are cordoned and their pods evicted, one minion after the other; they stay cordoned.

    It is over when all that was evicted is gone. Pods that tolerate a cordon are left, as those of daemons are.

    Attributes:
        force: Pods that no controller would make anew are evicted too; else they are left.
    """

    force: Flag = Field(False, description="true or false")
    limit: Limit | None = Field(None, description="what must be ready, as {controller: web, ready: 3}")


class Rolling(MinionTarget):
    """Something is done to many minions in turn.

    Attributes:
        action: What is done to each. ``drain+reboot``: it is drained, rebooted, and takes pods again; ``drain``: the
            same with the upkeep done while it is up; ``reboot``: nobody is asked.
        down: How long the reboot or upkeep of one takes, in seconds.
        at_once: Minions that it is done to at the same time.
        pause_s: Seconds between one minion and the next.
        force: As in a drain.
    """

    action: Annotated[str, choice(*ROLLING_ACTIONS)] = Field(
        ROLLING_ACTIONS[0], description="drain+reboot, reboot or drain"
    )
    down: DurationLaw = Field(description="a time or distribution, as 3m")
    at_once: Annotated[int, whole("a number of minions", 1, 1_000_000)] = Field(
        1, alias="atOnce", description="a number of minions, as 1"
    )
    pause_s: DurationS = Field(0.0, alias="pause", description="a time, as 2m")
    force: Flag = Field(False, description="true or false")
    limit: Limit | None = Field(None, description="what must be ready, as {controller: web, ready: 3}")
