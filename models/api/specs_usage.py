"""What a scenario says of a container's hunger, and of the caps on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from models.api.specs_distributions import CpuLaw, PositiveDurationLaw, RatioLaw, SizeLaw
from models.api.specs_fields import (
    CpuMillicores,
    PositiveDurationS,
    SelectorField,
    SizeBytes,
    Spec,
    choice,
    whole,
)
from models.api.specs_images import BytesPerS
from models.api.specs_problems import FieldProblem, fail
from models.api.usage import CAPS, Cap, Usage

__all__ = ["Caps", "Limits", "Shorthand", "Uses", "limit_problems", "whole_pod_problems"]

_WANTS: Final = ("cpu", "ofRequest", "threads", "work", "memory")


class Uses(Spec):
    """What a container asks of its minion's CPUs and memory while it runs.

    Attributes:
        work: CPU time; the container ends when it is done.
    """

    cpu: CpuLaw | None = Field(None, description="what it wants, as 500m or {uniform: {low: 100m, high: 1}}")
    of_request: RatioLaw | None = Field(
        None, alias="ofRequest", description="what it wants as a share of its request, as 0.5"
    )
    threads: Annotated[int, whole("a number of threads", 1, 1_000_000)] | None = Field(
        None, description="a number of threads, as 4; without 'cpu' each keeps a core busy"
    )
    redraw_s: PositiveDurationS | None = Field(
        None, alias="redraw", description="what it wants is drawn again after that time, as 1h"
    )
    work: PositiveDurationLaw | None = Field(None, description="CPU time after which it ends, as 30s")
    memory: SizeLaw | None = Field(None, description="what it holds from its start, as 200Mi")
    leak_bytes_per_s: BytesPerS | None = Field(
        None, alias="leak", description="what it takes more and never gives back, as 5Mi/s"
    )
    most_bytes: SizeBytes | None = Field(
        None, alias="most", description="a size at which its leak ends, as 2Gi"
    )

    @model_validator(mode="after")
    def _is_one_story(self) -> Uses:
        problems = []
        if self.cpu is not None and self.of_request is not None:
            problems.append(
                FieldProblem(
                    "expected 'cpu' or 'ofRequest', not both", ("ofRequest",), None, True, "exclusive"
                )
            )
        if self.redraw_s is not None and self.cpu is None and self.of_request is None:
            sentence = "'redraw' needs 'cpu' or 'ofRequest': there is nothing to draw"
            problems.append(FieldProblem(sentence, ("redraw",), None, True, "missing-key"))
        for key, alone in (("leak", self.leak_bytes_per_s), ("most", self.most_bytes)):
            if alone is not None and self.memory is None:
                sentence = f"'{key}' needs 'memory': what it holds at its start, as 100Mi"
                problems.append(FieldProblem(sentence, (key,), None, True, "missing-key"))
        if self.most_bytes is not None and self.leak_bytes_per_s is None:
            sentence = "'most' needs 'leak': without it nothing is taken"
            problems.append(FieldProblem(sentence, ("most",), None, True, "missing-key"))
        given = (self.cpu, self.of_request, self.threads, self.work, self.redraw_s, self.memory)
        if all(each is None for each in given) and not problems:
            sentence = f"expected one of {', '.join(_WANTS)}, as {{cpu: 500m}}"
            problems.append(FieldProblem(sentence, (), None, True, "missing-key"))
        if problems:
            raise fail(*problems)
        return self

    @property
    def usage(self) -> Usage:
        """The same, as of a container."""
        return Usage(
            self.cpu,
            self.of_request,
            self.threads,
            self.redraw_s,
            self.work,
            self.memory,
            float(self.leak_bytes_per_s or 0),
            self.most_bytes,
        )


def whole_pod_problems(uses: Uses | None) -> Iterator[FieldProblem]:
    """Yield what a pod cannot use that is not described container by container."""
    if uses is not None and uses.memory is not None:
        sentence = "'memory' of 'uses' needs 'containers': only they are killed one by one"
        yield FieldProblem(sentence, ("uses", "memory"), None, True, "exclusive")


class Limits(Spec):
    """What a container may have at most, as v1's limits."""

    cpu_millicores: CpuMillicores | None = Field(
        None, alias="cpu", description="an amount of CPU, as 1 or 500m"
    )
    memory_bytes: SizeBytes | None = Field(None, alias="memory", description="a size, as 2Gi")

    @property
    def amounts(self) -> dict[str, int]:
        """By resource; a limit of 0 is none, as in v1."""
        found = {"cpu": self.cpu_millicores, "memory": self.memory_bytes}
        return {key: amount for key, amount in found.items() if amount}


def limit_problems(requests: Mapping[str, int], limits: Limits) -> Iterator[FieldProblem]:
    """Yield what the API refuses: limits below requests (k/k:pkg/apis/core/validation, v1.20)."""
    for key, limit in limits.amounts.items():
        if requests.get(key, 0) > limit:
            sentence = f"the {key} limit is below the request: expected at least as much as '{key}'"
            yield FieldProblem(sentence, ("limits", key), code="limit-below-request")


@dataclass(frozen=True)
class Shorthand:
    """Annotation of a mapping for which one word may stand alone.

    Attributes:
        words: These.
    """

    words: tuple[str, ...]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.words)}, handler(core)]}


class CapOf(Spec):
    """The cap of some pods."""

    pods: SelectorField = Field(description="a selector of pods, as app=batch")
    cap: Annotated[Cap, choice(*CAPS)] = Field(description=", ".join(CAPS))


class Caps(Spec):
    """Which of requests and limits minions' kernels are told.

    Attributes:
        pods: By selector; of two that match a pod the later holds.
    """

    default: Annotated[Cap, choice(*CAPS)] = Field("quota-and-memory", description=", ".join(CAPS))
    pods: tuple[CapOf, ...] = Field(
        (), description="a list of exceptions, as [{pods: app=batch, cap: shares}]"
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        """A word alone is the default."""
        return {"default": data} if isinstance(data, str) else data

    def of(self, labels: Mapping[str, str], names: tuple[str, ...]) -> Cap:
        """Return the cap of a pod by its labels and the names that it answers to."""
        found = self.default
        for each in self.pods:
            if each.pods.matches(labels, names):
                found = each.cap
        return found
