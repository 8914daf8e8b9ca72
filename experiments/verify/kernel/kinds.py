"""The table of kinds of cases: which there are, and what checks each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from experiments.verify.kernel.burst import BurstKind
from experiments.verify.kernel.cpu import CpuKind
from experiments.verify.kernel.kind import Kind
from experiments.verify.kernel.memory import MemoryKind
from experiments.verify.kernel.pagecache import PageCacheKind
from experiments.verify.kernel.processes import PidsKind

__all__ = ["CHECKED", "KNOWN"]

KNOWN: Final = ("cpu", "burst", "pids", "memory", "page_cache")
"""Kinds that recordings hold. One without a row in ``CHECKED`` is told as not checked, and the verification fails."""

_CHECKERS: Final[tuple[Kind, ...]] = (CpuKind(), BurstKind(), PidsKind(), MemoryKind(), PageCacheKind())

CHECKED: Final[Mapping[str, Kind]] = {kind.name: kind for kind in _CHECKERS}
