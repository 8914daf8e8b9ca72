"""What a scenario says of several schedulers: how pods ask for them, how long they decide, how they commit."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator, model_validator

from models.api.selectors import EVERYTHING
from models.api.specs_distributions import DurationLaw
from models.api.specs_fields import DnsSubdomain, SelectorField, Spec, choice
from models.api.specs_policy import PluginField, PluginRef, known_plugin
from models.api.specs_problems import FieldProblem, fail
from models.api.types import DEFAULT_SCHEDULER

__all__ = ["CHECKED", "DecisionTime", "NamedScheduler"]

CHECKED: Final = "checked"
_UNCHECKED: Final = "kubernetes"


class DecisionTime(Spec):
    """How long a scheduler decides: once a job, and once more for each of its pods.

    Attributes:
        per_job: Seconds of each attempt; a pod without the label ``wavetank/job`` is a job by itself.
        per_pod: Seconds for each pod that is tried.
    """

    per_job: DurationLaw | None = Field(None, alias="perJob", description="a time or distribution, as 100ms")
    per_pod: DurationLaw | None = Field(None, alias="perPod", description="a time or distribution, as 5ms")


class NamedScheduler(Spec):
    """One scheduler of several.

    Attributes:
        serves: The ``schedulerName`` of the pods that it takes; none: its own name.
        policy: None: that of the scenario's ``policy``.
        commit: ``kubernetes``: nothing is checked when a pod is bound, and a kubelet without room fails it;
            ``checked``: the master refuses what conflicts with what was bound since, and the scheduler tries again.
        conflicts: What ``checked`` calls a conflict. ``fine`` (the default): there is too little room left;
            ``coarse``: anything was bound to the minion, ended there or changed of it since the decision began.
        jobs: ``incremental``: pods of a job are bound as far as there is room; ``gang``: all or none.
        minions: The partition that it decides on.
    """

    name: DnsSubdomain = Field(DEFAULT_SCHEDULER, description="a name, as batch")
    serves: tuple[DnsSubdomain, ...] = Field((), description="a list of names, as [batch, service]")
    policy: PluginField | None = Field(None, description="a scheduling policy, as best-fit")
    decision: DecisionTime = Field(
        default_factory=DecisionTime, description="decision times, as {perJob: 100ms, perPod: 5ms}"
    )
    commit: Annotated[str, choice(_UNCHECKED, CHECKED)] = Field(
        _UNCHECKED, description="kubernetes or checked"
    )
    conflicts: Annotated[str, choice("fine", "coarse")] | None = Field(None, description="fine or coarse")
    jobs: Annotated[str, choice("incremental", "gang")] = Field(
        "incremental", description="incremental or gang"
    )
    minions: SelectorField = Field(EVERYTHING, description="a selector of minions, as tier=web")

    @field_validator("policy")
    @classmethod
    def _is_known(cls, value: PluginRef | None, info: ValidationInfo) -> PluginRef | None:
        return None if value is None else known_plugin(value, info)

    @model_validator(mode="after")
    def _checks_what_it_says(self) -> NamedScheduler:
        if self.conflicts is not None and self.commit != CHECKED:
            sentence = (
                f"conflicts {self.conflicts} does not go with commit {self.commit}, which checks nothing"
            )
            raise fail(FieldProblem(sentence, ("conflicts",), None, True, "exclusive"))
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The ``schedulerName`` of the pods that it takes."""
        return self.serves or (self.name,)
