"""The run's table of pod templates: equal ones are one."""

from __future__ import annotations

import math
from collections.abc import Mapping

from models.api.containers import PodContainers
from models.api.scheduling import PodAsScheduled
from models.api.selectors import Selector
from models.api.specs_taints import Toleration
from models.api.types import DEFAULT_SCHEDULER, GpuRequest, PodTemplate, ResourceTable
from models.api.usage import PodUsage

__all__ = ["TemplateTable"]


class TemplateTable:
    """Interns templates.

    Args:
        resources: The columns of ``need``.

    Attributes:
        templates: All so far, by index; grows.
    """

    def __init__(self, resources: ResourceTable) -> None:
        self._resources = resources
        self._found: dict[tuple[object, ...], PodTemplate] = {}
        self.templates: list[PodTemplate] = []

    def intern(  # noqa: PLR0913 - one for each field of a template
        self,
        cpu_millicores: int,
        memory_bytes: int,
        ephemeral_bytes: int = 0,
        *,
        extended: Mapping[str, int] | None = None,
        gpu: GpuRequest | None = None,
        labels: Mapping[str, str] | None = None,
        namespace: str = "default",
        priority: int = 0,
        minions: Selector | None = None,
        tolerations: tuple[Toleration, ...] = (),
        grace_s: float = math.inf,
        containers: PodContainers | None = None,
        scheduling: PodAsScheduled | None = None,
        preempts: bool = True,
        uses: PodUsage | None = None,
        scheduler: str = DEFAULT_SCHEDULER,
    ) -> PodTemplate:
        """Return the template of these requests; the same object for the same ones."""
        need = self._resources.amounts(
            cpu_millicores, memory_bytes, 1, ephemeral_bytes, extended or {}, gpu.total_milli if gpu else 0
        )
        pairs = tuple(sorted((labels or {}).items()))
        rest = (tolerations, grace_s, containers, scheduling, preempts, uses, scheduler)
        key = (need, gpu, pairs, namespace, priority, minions, *rest)
        template = self._found.get(key)
        if template is None:
            template = PodTemplate(
                len(self.templates),
                need,
                gpu,
                pairs,
                namespace,
                priority,
                minions,
                tolerations,
                grace_s,
                containers,
                scheduling,
                preempts,
                uses,
                scheduler,
            )
            self._found[key] = template
            self.templates.append(template)
        return template
