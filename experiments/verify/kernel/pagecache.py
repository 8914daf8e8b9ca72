"""Cases of kind ``page_cache``: containers of one image read the same file one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from experiments.verify.kernel.fields import CaseFields, Setting
from experiments.verify.kernel.kind import Comparison, Kind, Limit, worst_error
from models.kernel.constants import FittedConstants
from models.kernel.memory import Memory
from models.kernel.memorygroups import PAGE_BYTES, pages_of
from models.kernel.pagecache import ContainerFiles

__all__ = ["PageCacheCase", "PageCacheKind"]

_MIB: Final = 2**20
_MACHINE_PAGES: Final = 2**40
"""RAM is not recorded: nothing is reclaimed."""
_PROGRAM_MIB: Final = 2024 / 1024
"""Of the image itself: busybox-static of Debian 12 (Installed-Size), one program, which the first reader starts."""
_MOST_READERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class PageCacheCase:
    """What was asked, and the MiB of page cache that each reader was charged, in the order of reading.

    ``program_mib`` is how much of its own program the first reader had to read.
    """

    readers: int
    file_mib: float
    program_mib: float
    charged_mib: tuple[float, ...]


class PageCacheKind(Kind):
    """Checks them: each reader's charge."""

    name: ClassVar[str] = "page_cache"
    limits: ClassVar[tuple[Limit, ...]] = (Limit("charged", "greatest error", worst_error, 3.0, "MiB"),)

    def read(self, fields: CaseFields, setting: Setting) -> PageCacheCase:
        """Read a case."""
        readers = fields.whole("readers", least=1, most=_MOST_READERS)
        file_mib = fields.number("file_mib", most=2.0**30)
        charged = fields.numbers("measured")
        if len(charged) != readers:
            fields.tell("measured", f"'measured' must have one number for each of {readers} readers")
        program_mib = fields.optional_number("program_mib", most=2.0**10)
        return PageCacheCase(
            readers, file_mib, _PROGRAM_MIB if program_mib is None else program_mib, tuple(charged)
        )

    def compare(
        self, inputs: PageCacheCase, setting: Setting, constants: FittedConstants
    ) -> list[Comparison]:
        """Let a group for each container read the program and the file of the image."""
        memory = Memory(_MACHINE_PAGES, cgroup=setting.cgroup)
        layers = [
            ("base", {"/program": pages_of(round(inputs.program_mib * _MIB))}),
            ("data", {"/file": pages_of(round(inputs.file_mib * _MIB))}),
        ]
        groups = []
        for reader in range(inputs.readers):
            group = memory.add_group(f"reader {reader}")
            seen = ContainerFiles(f"own {reader}", layers)
            for path in ("/program", "/file"):
                found = seen.find(path)
                assert found is not None
                memory.read(group, *found, now_s=float(reader))
            groups.append(group)
        charged = memory.cache.charged_pages()
        predicted = [charged.get(group.index, 0) * PAGE_BYTES / _MIB for group in groups]
        return [
            Comparison("charged", f"reader {number}", mine, theirs, abs(mine - theirs))
            for number, (mine, theirs) in enumerate(zip(predicted, inputs.charged_mib, strict=True), start=1)
        ]
