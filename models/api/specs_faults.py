"""What a scenario says of failures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from models.api.specs_distributions import DurationLaw, PositiveDurationLaw
from models.api.specs_fields import DnsName, DurationS, Flag, SelectorField, Spec, choice
from models.api.specs_problems import FieldProblem, fail

__all__ = ["Crash", "Fault"]


class Crash(Spec):
    """Minions that stop: one by its name, or those of a selector."""

    minion: DnsName | None = Field(None, description="the name of a minion, as web-3")
    minions: SelectorField | None = Field(None, description="a selector of minions, as all or tier=web")

    @model_validator(mode="after")
    def _exactly_one(self) -> Crash:
        if (self.minion is None) == (self.minions is None):
            both = self.minion is not None
            sentence = f"expected exactly one of minion and minions{', not both' if both else ''}"
            raise fail(FieldProblem(sentence, ("minions",) if both else (), None, True, "exclusive"))
        return self


class Fault(Spec):
    """A crash at a time, or crashes drawn for each minion.

    Attributes:
        at_s: Time of the one crash; None where drawn.
        time_to_failure: Seconds from repair to crash; None where there is a time.
        repair: Seconds from crash to repair; None: never.
        start: ``stationary``: minions have run for ever; ``fresh``: all are new at time 0.
    """

    name: DnsName = Field(description="the name of this fault")
    enabled: Flag = Field(True, description="true or false")
    at_s: DurationS | None = Field(None, alias="at", description="a time, as 5m")
    crash: Crash = Field(description="what crashes, as {minion: web-3}")
    time_to_failure: PositiveDurationLaw | None = Field(
        None, alias="timeToFailure", description="a distribution, as {exponential: {mean: 300d}}"
    )
    repair: DurationLaw | None = Field(None, description="a time or distribution, as 10m")
    start: Annotated[str, choice("stationary", "fresh")] = Field(
        "stationary", description="stationary or fresh"
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Fault:
        drawn = self.time_to_failure is not None
        problems: list[FieldProblem] = []
        if drawn == (self.at_s is not None):
            sentence = f"expected exactly one of at and timeToFailure{', not both' if drawn else ''}"
            path = ("timeToFailure",) if drawn else ()
            problems.append(FieldProblem(sentence, path, None, True, "exclusive"))
        elif drawn and self.repair is None:
            sentence = "'repair' is missing: expected a time or distribution, as 10m, with timeToFailure"
            problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
        elif not drawn and self.start == "fresh":
            sentence = "'start' does not go with 'at': nothing is drawn"
            problems.append(FieldProblem(sentence, ("start",), None, True, "exclusive"))
        if problems:
            raise fail(*problems)
        return self
