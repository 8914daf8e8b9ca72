"""Which clock runs a kernel's CPUs: the compiled one where numba is installed (extra ``fast``), else the plain one.

They agree to 1e-9 and not to the bit, so digests of runs in which CPUs are short are equal among runs with numba, and
among those without; the manifest of a run says which it was.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Protocol

from models.kernel.cpuclock import CpuClock
from models.kernel.cpugroups import CpuGroup
from models.kernel.cputree import CpuTree

__all__ = ["Clock", "has_compiled", "make_clock"]


class Clock(Protocol):
    """What both clocks offer; :class:`~models.kernel.cpuclock.CpuClock` says what each of these does."""

    tree: CpuTree

    @property
    def next_end_s(self) -> float:
        """When the next piece of work ends."""

    def restart(self, now_s: float, spent_core_s: Mapping[int, float]) -> None:
        """Begin anew, with nothing but what is spent of quotas."""

    def set_threads(self, now_s: float, index: int, threads: float) -> None:
        """Let a group run so many threads."""

    def give_work(self, now_s: float, index: int, work_core_s: float, threads: float = 1.0) -> None:
        """Give a group a piece of work that ends."""

    def take_ended(self, now_s: float) -> list[int]:
        """Return whose work has ended."""

    def account(self, now_s: float, indices: Sequence[int]) -> list[tuple[float, float, float]]:
        """Return what groups have used, for how long they were held, and what work they have left."""

    def spent_core_s(self, now_s: float, index: int) -> float:
        """Return what of a group's quota is spent in this period."""

    def means(self, indices: Sequence[int]) -> list[tuple[float, float]]:
        """Return cores, and share of time held, of some groups."""


@cache
def has_compiled() -> bool:
    """Whether clocks are compiled: numba is installed, and ``WAVETANK_NUMBA=0`` does not turn it off."""
    return os.environ.get("WAVETANK_NUMBA") != "0" and importlib.util.find_spec("numba") is not None


def make_clock(root: CpuGroup, cores: int) -> Clock:
    """Return a clock of a kernel, at time 0.

    Args:
        root: The groups; their threads run without an end.
        cores: Of the machine.
    """
    tree = CpuTree(root, cores)
    if has_compiled():
        from models.kernel.cpufastclock import FastCpuClock, is_for

        if is_for(tree):
            return FastCpuClock(tree)
    return CpuClock(tree)
