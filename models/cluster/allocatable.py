"""What a minion has for pods."""

from __future__ import annotations

from models.api.types import MinionAsk, ResourceTable

__all__ = ["allocatable_of"]


def allocatable_of(minion: MinionAsk, resources: ResourceTable) -> tuple[int, ...]:
    """Return capacity less what the system reserves, one int per resource column."""
    return resources.amounts(
        minion.cpu_millicores - minion.reserved_cpu_millicores,
        minion.memory_bytes - minion.reserved_memory_bytes,
        minion.pods,
        minion.ephemeral_bytes - minion.reserved_ephemeral_bytes,
        minion.extended,
        1000 * minion.gpu.count,
    )
