"""Taints of minions and tolerations of pods, as in v1.

Meaning of a toleration: k8s.io/api core/v1 toleration.go, ToleratesTaint; the two that every pod is given:
k/k:plugin/pkg/admission/defaulttolerationseconds/admission.go, v1.20.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Final

from pydantic import Field, model_validator

from models.api.specs_fields import DurationS, LabelKey, LabelValue, Spec, choice
from models.api.specs_problems import FieldProblem, fail
from models.api.taints import EFFECTS, MEMORY_PRESSURE, NOT_READY, UNREACHABLE, UNSCHEDULABLE

__all__ = [
    "BEARS_PRESSURE",
    "EFFECTS",
    "NOT_READY",
    "UNREACHABLE",
    "UNSCHEDULABLE",
    "Taint",
    "Toleration",
    "for_scheduling",
    "keeps_off",
    "parse_taint",
    "said_taints",
    "with_defaults",
]


class Taint(Spec):
    """What keeps pods from a minion that do not tolerate it."""

    key: LabelKey = Field(description="the taint's key, as dedicated")
    value: LabelValue = Field("", description="the taint's value, as gpu")
    effect: Annotated[str, choice(*EFFECTS)] = Field(
        description=f"{', '.join(EFFECTS[:-1])} or {EFFECTS[-1]}"
    )

    def __str__(self) -> str:
        """Return the form of kubectl: ``key=value:Effect``."""
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


class Toleration(Spec):
    """What a pod puts up with.

    Attributes:
        key: None for every key; then the operator is Exists.
        effect: None for every effect.
        toleration_s: For NoExecute: how long it may stay; None for ever.
    """

    key: LabelKey | None = Field(None, description="the key of a taint; none for all")
    operator: Annotated[str, choice("Equal", "Exists")] = Field("Equal", description="Equal or Exists")
    value: LabelValue = Field("", description="the value of a taint, with operator Equal")
    effect: Annotated[str, choice(*EFFECTS)] | None = Field(None, description="an effect; none for all")
    toleration_s: DurationS | None = Field(None, alias="tolerationSeconds", description="a time, as 60s")

    @model_validator(mode="after")
    def _goes_together(self) -> Toleration:
        problems: list[FieldProblem] = []
        if self.operator == "Exists" and self.value:
            sentence = "'value' does not go with operator Exists, which takes any"
            problems.append(FieldProblem(sentence, ("value",), None, True, "exclusive"))
        if self.key is None and self.operator == "Equal":
            sentence = "expected operator Exists where there is no key"
            problems.append(FieldProblem(sentence, ("operator",), "Exists", code="exclusive"))
        if self.toleration_s is not None and self.effect not in {None, "NoExecute"}:
            sentence = "'tolerationSeconds' goes with effect NoExecute only"
            problems.append(FieldProblem(sentence, ("tolerationSeconds",), None, True, "exclusive"))
        if problems:
            raise fail(*problems)
        return self

    def tolerates(self, taint: Taint) -> bool:
        """Tell whether a pod with this toleration puts up with the taint."""
        return (
            self.effect in {None, taint.effect}
            and self.key in {None, taint.key}
            and (self.operator == "Exists" or self.value == taint.value)
        )


def with_defaults(given: Sequence[Toleration], default_s: float) -> tuple[Toleration, ...]:
    """Return a pod's tolerations after admission: not-ready and unreachable for a time, where not given.

    Args:
        given: The pod's own.
        default_s: How long, constant ``default_toleration_s``.
    """
    added = [
        Toleration.model_construct(
            key=key, operator="Exists", value="", effect="NoExecute", toleration_s=default_s
        )
        for key in (NOT_READY, UNREACHABLE)
        if not any(each.key in {None, key} and each.effect in {None, "NoExecute"} for each in given)
    ]
    return (*given, *added)


BEARS_PRESSURE: Final = Toleration.model_construct(
    key=MEMORY_PRESSURE, operator="Exists", value="", effect="NoSchedule", toleration_s=None
)
"""What admission adds to pods that are not of class BestEffort."""


@lru_cache(maxsize=1024)
def parse_taint(text: str) -> Taint:
    """Return the taint that is written as ``key=value:Effect`` or ``key:Effect``."""
    name, _, effect = text.rpartition(":")
    key, _, value = name.partition("=")
    return Taint(key=key, value=value, effect=effect)


@lru_cache(maxsize=4096)
def for_scheduling(tolerations: tuple[Toleration, ...]) -> tuple[Toleration, ...]:
    """Return those of a pod's tolerations that may let it go where others are kept off.

    Those of a minion's silence are for evictions alone: with its NoExecute taint comes one of NoSchedule.
    """
    return tuple(
        each
        for each in tolerations
        if each.effect != "PreferNoSchedule"
        and not (each.effect == "NoExecute" and each.key in {NOT_READY, UNREACHABLE})
    )


@lru_cache(maxsize=4096)
def keeps_off(taints: tuple[str, ...], tolerations: tuple[Toleration, ...]) -> bool:
    """Tell whether taints keep a pod off when it is scheduled (k/k:pkg/scheduler, v1.20.2: TaintToleration.Filter)."""
    return bool(_untolerated(taints, tolerations))


@lru_cache(maxsize=4096)
def said_taints(taints: tuple[str, ...], tolerations: tuple[Toleration, ...]) -> str:
    """Return how the real scheduler's event says that taints keep a pod off: a cordon by itself, else the first."""
    first, *_ = found = _untolerated(taints, tolerations)
    if any(taint.key == UNSCHEDULABLE for taint in found):
        return "node(s) were unschedulable"
    return f"node(s) had taint {{{first.key}: {first.value}}}, that the pod didn't tolerate"


def _untolerated(taints: tuple[str, ...], tolerations: tuple[Toleration, ...]) -> list[Taint]:
    return [
        taint
        for taint in map(parse_taint, taints)
        if taint.effect != "PreferNoSchedule" and not any(each.tolerates(taint) for each in tolerations)
    ]
