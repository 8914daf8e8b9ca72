"""Cases of kind ``memory``: a shell's child takes anonymous memory under a limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from experiments.verify.kernel.fields import CaseFields, Setting
from experiments.verify.kernel.kind import Comparison, Kind, Limit, count_wrong, worst_ratio
from models.api.kernels import KERNEL_STACK_BYTES, counts_kernel_memory, kernel_version
from models.kernel.constants import FittedConstants
from models.kernel.memory import Memory
from models.kernel.memorygroups import PAGE_BYTES, MemoryGroup, Outcome, Process, pages_of

__all__ = ["MemoryCase", "MemoryKind"]

_MIB: Final = 2**20
_MACHINE_PAGES: Final = 2**40
"""RAM is not recorded: the limit of the container binds first."""
_SLAB_BYTES: Final = 8 * 1024
"""Task and other structures of a process (FACTS L27: 6 to 10 KiB)."""
_STOCK_PAGES: Final = 64
"""By how much each CPU may run ahead of what is used in a group's counter (mm/memcontrol.c ``MEMCG_CHARGE_BATCH``)."""


@dataclass(frozen=True, slots=True)
class MemoryCase:
    """What was asked, and what was measured. Which of the two is killed, and so how it ends, varies between runs.

    ``process_mib`` is what one of the two is charged where it takes nothing, if that was measured beside the case; else
    the model's constant counts, which is of a shell.
    """

    limit_mib: float
    alloc_mib: float
    process_mib: float | None
    peak_mib: float
    oom_killed: bool


class MemoryKind(Kind):
    """Checks them: every outcome must be right, and the peak within what the counter runs ahead on all CPUs."""

    name: ClassVar[str] = "memory"
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("OOM killed", "wrong", count_wrong, 0.0),
        Limit("peak", "greatest error as a multiple of 64 pages a core,", worst_ratio, 1.0),
    )

    def read(self, fields: CaseFields, setting: Setting) -> MemoryCase:
        """Read a case."""
        measured = fields.mapping("measured")
        try:
            kernel_version(setting.kernel)
        except ValueError as error:
            fields.tell(None, str(error))
        return MemoryCase(
            fields.number("limit_mib", least=1.0, most=2.0**30),
            fields.number("alloc_mib", most=2.0**30),
            fields.optional_number("process_mib", most=2.0**10),
            measured.number("peak_mib"),
            measured.flag("oom_killed"),
        )

    def compare(self, inputs: MemoryCase, setting: Setting, constants: FittedConstants) -> list[Comparison]:
        """Start the shell and its child in a group with the limit, and let the child grow."""
        counts = counts_kernel_memory(setting.cgroup, kernel_version(setting.kernel))
        memory = Memory(_MACHINE_PAGES, cgroup=setting.cgroup, counts_kernel=counts)
        limit = pages_of(round(inputs.limit_mib * _MIB))
        group = memory.add_group("container", limit_pages=limit)
        given = inputs.process_mib
        own = pages_of(round(constants.process_bytes if given is None else given * _MIB))
        killed = False
        for extra in (0, pages_of(round(inputs.alloc_mib * _MIB))):
            process, denied = _start(memory, group)
            if process is None:
                killed = killed or bool(denied.kills)
                continue
            pages = own - process.kernel_pages - 1  # one of page tables
            killed = bool(denied.kills or memory.grow(process, max(0, pages) + extra).kills) or killed
        peak = group.peak_pages * PAGE_BYTES / _MIB
        allowed = setting.cores * _STOCK_PAGES * PAGE_BYTES / _MIB
        return [
            Comparison("OOM killed", "", killed, inputs.oom_killed, float(killed != inputs.oom_killed)),
            Comparison("peak", "", peak, inputs.peak_mib, abs(peak - inputs.peak_mib), allowed),
        ]


def _start(memory: Memory, group: MemoryGroup) -> tuple[Process | None, Outcome]:
    return memory.start(group, namespace=1, kernel_pages=pages_of(KERNEL_STACK_BYTES + _SLAB_BYTES))
