"""What a scenario says of failures and of what operators do."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, model_validator

from models.api.specs_control import CONTROLLERS
from models.api.specs_distributions import DurationLaw, PositiveDurationLaw
from models.api.specs_fields import (
    DnsName,
    DurationS,
    Flag,
    LabelKey,
    Labels,
    SelectorField,
    Spec,
    choice,
    number,
    whole,
)
from models.api.specs_isolation import Compromise
from models.api.specs_operators import (
    Cordon,
    Drain,
    MinionTarget,
    Reboot,
    Rolling,
    TaintMinions,
    Uncordon,
)
from models.api.specs_problems import FieldProblem, fail

__all__ = [
    "ACTIONS",
    "Compromise",
    "Crash",
    "CutOff",
    "Fault",
    "Kill",
    "Outage",
    "PodTarget",
    "Relabel",
    "Restart",
    "Slow",
    "Unready",
    "Watch",
]


class Crash(MinionTarget):
    """Minions stop, and all that runs on them.

    Attributes:
        together: A label of minions: those of one value of it share a clock, fail at once and are repaired at once,
            as what stands in one rack or on one host (``wavetank/host``) does. Who has no such label fails alone.
    """

    together: LabelKey | None = Field(None, description="a label whose values fail as one, as rack")


class CutOff(MinionTarget):
    """Minions and the master do not hear each other; what runs there goes on running."""


class PodTarget(Spec):
    """Pods of a selector, as they are when the fault begins.

    Attributes:
        pods: By labels, or the name of a workload or controller.
        count: So many of them, drawn; None: all.
    """

    pods: SelectorField = Field(description="a selector of pods, as app=web")
    count: Annotated[int, whole("a number of pods", 1, 10_000_000)] | None = Field(
        None, description="a number of pods, as 3"
    )


class Kill(PodTarget):
    """Pods end.

    Attributes:
        mode: ``delete``: the API is asked to delete them; ``kill``: their containers' processes die.
    """

    mode: Annotated[str, choice("delete", "kill")] = Field("delete", description="delete or kill")


class Unready(PodTarget):
    """Running pods fail their readiness."""


class Slow(PodTarget):
    """Containers of running pods answer their probes late.

    Attributes:
        takes_s: So late; None: they do not answer at all. Those of a container that starts meanwhile too.
    """

    takes_s: DurationS | None = Field(None, alias="takes", description="a time, as 3s")


class Relabel(PodTarget):
    """Labels of pods are changed by an operator."""

    labels: Labels = Field(description="labels to put over the pods' own, as {app: debug}")


class Outage(Spec):
    """Nothing can be read or written, or no image can be had."""

    of: Annotated[str, choice("master", "registry")] = Field(description="master or registry")


class Restart(Spec):
    """A client of the master starts again with an empty memory."""

    client: Annotated[str, choice(*CONTROLLERS)] = Field(
        description=f"{', '.join(CONTROLLERS[:-1])} or {CONTROLLERS[-1]}"
    )


class Watch(Spec):
    """A client's watches are late, or lose deliveries.

    Attributes:
        lag: Seconds more for each delivery.
        loss: The share of deliveries that never come.
    """

    client: Annotated[str, choice(*CONTROLLERS, "all")] = Field(
        description=f"{', '.join(CONTROLLERS)} or all"
    )
    lag: DurationLaw | None = Field(None, description="a time or distribution, as 1s")
    loss: Annotated[float, number("a share", 0.0, 1.0)] = Field(0.0, description="a share, as 0.1")

    @model_validator(mode="after")
    def _does_something(self) -> Watch:
        if self.lag is None and self.loss == 0:
            sentence = "expected lag or loss, as {lag: 1s}"
            raise fail(FieldProblem(sentence, (), None, True, "missing-key"))
        return self


ACTIONS: Final = {
    "crash": "crash",
    "cutOff": "cut_off",
    "kill": "kill",
    "outage": "outage",
    "restart": "restart",
    "watch": "watch",
    "cordon": "cordon",
    "taint": "taint",
    "unready": "unready",
    "slow": "slow",
    "relabel": "relabel",
    "uncordon": "uncordon",
    "drain": "drain",
    "reboot": "reboot",
    "rolling": "rolling",
    "compromise": "compromise",
}
"""What a fault can be: the key in YAML, the attribute in Python."""

_AT_ONCE: Final = ("kill", "relabel", "uncordon", "compromise")
"""These are over when they have begun."""
_OWN_END: Final = ("drain", "rolling")
"""These are over when all is done."""
Disturbance = Crash | CutOff | Kill | Outage | Restart | Watch | Unready | Slow | Relabel | Compromise
Upkeep = Cordon | Uncordon | TaintMinions | Drain | Reboot | Rolling
Action = Disturbance | Upkeep


class Fault(Spec):
    """Something that goes wrong, or that an operator does: at a time, or drawn.

    Attributes:
        name: By default fault-1, fault-2 and so on, by its place.
        at_s: Time of the one occurrence; None where drawn.
        time_to_failure: Seconds from one's end to the next, drawn for each minion where it is of minions;
            None where there is a time.
        repair: Seconds from crash to repair; None: never.
        lasts: Seconds until anything but a crash is over; None: never. Of a restart: how long the client is
            down; None: not at all.
        start: ``stationary``: it has gone on for ever at time 0; ``fresh``: all are new then.
    """

    name: DnsName = Field(description="the name of this fault")
    enabled: Flag = Field(True, description="true or false")
    at_s: DurationS | None = Field(None, alias="at", description="a time, as 5m")
    time_to_failure: PositiveDurationLaw | None = Field(
        None, alias="timeToFailure", description="a distribution, as {exponential: {mean: 300d}}"
    )
    crash: Crash | None = Field(None, description="what crashes, as {minion: web-3}")
    cut_off: CutOff | None = Field(None, alias="cutOff", description="what is cut off, as {minion: web-3}")
    kill: Kill | None = Field(None, description="which pods end, as {pods: app=web, count: 3}")
    outage: Outage | None = Field(None, description="what is out, as {of: master}")
    restart: Restart | None = Field(None, description="what starts again, as {client: replication}")
    watch: Watch | None = Field(None, description="whose watches, as {client: replication, lag: 1s}")
    cordon: Cordon | None = Field(None, description="what is cordoned, as {minions: tier=web}")
    taint: TaintMinions | None = Field(
        None, description="what is tainted, as {minions: tier=web, key: maintenance}"
    )
    unready: Unready | None = Field(None, description="which pods, as {pods: app=web, count: 2}")
    slow: Slow | None = Field(None, description="which pods, as {pods: app=web, takes: 3s}")
    relabel: Relabel | None = Field(
        None, description="which pods, as {pods: app=web, count: 1, labels: {app: debug}}"
    )
    uncordon: Uncordon | None = Field(None, description="what takes pods again, as {minions: tier=web}")
    drain: Drain | None = Field(None, description="what is drained, as {minion: web-3}")
    reboot: Reboot | None = Field(None, description="what is rebooted, as {minion: web-3}, with 'for'")
    rolling: Rolling | None = Field(
        None, description="which minions in turn, as {minions: tier=web, action: reboot, down: 3m}"
    )
    compromise: Compromise | None = Field(
        None, description="which pods an attacker gets into, as {pods: app=web, count: 1}"
    )
    repair: DurationLaw | None = Field(None, description="a time or distribution, as 10m")
    lasts: DurationLaw | None = Field(None, alias="for", description="a time or distribution, as 10m")
    start: Annotated[str, choice("stationary", "fresh")] = Field(
        "stationary", description="stationary or fresh"
    )

    @property
    def kind(self) -> str:
        """What it is, as in YAML: ``crash``, ``cutOff`` and so on."""
        return next(key for key, attribute in ACTIONS.items() if getattr(self, attribute) is not None)

    @property
    def action(self) -> Action:
        """The one action that is given."""
        action: Action = getattr(self, ACTIONS[self.kind])
        return action

    @model_validator(mode="after")
    def _goes_together(self) -> Fault:
        given = [key for key, attribute in ACTIONS.items() if getattr(self, attribute) is not None]
        problems = self._when(given[0] if given else "")
        if not given:
            listed = f"{', '.join(list(ACTIONS)[:-1])} or {list(ACTIONS)[-1]}"
            problems = [FieldProblem(f"expected one of {listed}", (), None, True, "missing-key")]
        for other in given[1:]:
            sentence = f"expected one kind of fault, not both {given[0]} and {other}"
            problems.append(FieldProblem(sentence, (other,), None, True, "exclusive"))
        if problems:
            raise fail(*problems)
        return self

    def _when(self, kind: str) -> list[FieldProblem]:
        drawn = self.time_to_failure is not None
        problems: list[FieldProblem] = []
        if drawn == (self.at_s is not None):
            sentence = f"expected exactly one of at and timeToFailure{', not both' if drawn else ''}"
            path = ("timeToFailure",) if drawn else ()
            problems.append(FieldProblem(sentence, path, None, True, "exclusive"))
        elif drawn and kind == "crash" and self.repair is None:
            sentence = "'repair' is missing: expected a time or distribution, as 10m, with timeToFailure"
            problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
        elif kind == "reboot" and self.lasts is None:
            sentence = "'for' is missing: expected a time or distribution, as 3m, with reboot"
            problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
        elif drawn and kind not in {"crash", "restart", *_AT_ONCE, *_OWN_END} and self.lasts is None:
            sentence = "'for' is missing: expected a time or distribution, as 10m, with timeToFailure"
            problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
        elif not drawn and self.start == "fresh":
            sentence = "'start' does not go with 'at': nothing is drawn"
            problems.append(FieldProblem(sentence, ("start",), None, True, "exclusive"))
        if self.repair is not None and kind != "crash":
            sentence = f"'repair' goes with crash: a {kind} takes 'for'"
            sentence = f"'repair' does not go with {kind}" if kind in {*_AT_ONCE, *_OWN_END} else sentence
            problems.append(FieldProblem(sentence, ("repair",), None, True, "exclusive"))
        if self.lasts is not None and kind == "crash":
            sentence = "'for' does not go with crash: a minion is back after 'repair'"
            problems.append(FieldProblem(sentence, ("for",), None, True, "exclusive"))
        if self.lasts is not None and kind in _AT_ONCE:
            sentence = f"'for' does not go with {kind}, which is over at once"
            problems.append(FieldProblem(sentence, ("for",), None, True, "exclusive"))
        if self.lasts is not None and kind in _OWN_END:
            sentence = f"'for' does not go with {kind}, which is over when all is done"
            problems.append(FieldProblem(sentence, ("for",), None, True, "exclusive"))
        return problems
