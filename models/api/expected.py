"""Which pods are to be expected: what a policy may know of a workload before it comes."""

from __future__ import annotations

from dataclasses import dataclass

from models.api.types import CPU, GpuRequest, PodAsk

__all__ = ["ExpectedPod"]


@dataclass(frozen=True, slots=True)
class ExpectedPod:
    """One kind of pod and how many of it are expected.

    Attributes:
        count: How many, a mean; what matters is its share of all.
    """

    cpu_millicores: int
    gpu: GpuRequest | None
    count: float = 1.0

    @classmethod
    def like(cls, ask: PodAsk, count: float = 1.0) -> ExpectedPod:
        """Return so many as one that is asked for."""
        return cls(ask.template.need[CPU], ask.template.gpu, count)
