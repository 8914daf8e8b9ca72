"""Numbers of cores as the kernel writes them: ``0-3,6``."""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["cpus_text", "parse_cpus"]

_MOST = 8192
"""CONFIG_NR_CPUS at most, x86-64."""


def parse_cpus(text: str) -> frozenset[int]:
    """Return the cores of a list (lib/bitmap.c, bitmap_parselist()).

    Raises:
        ValueError: It is none.
    """
    found: set[int] = set()
    for part in text.split(","):
        read = re.fullmatch(r"\s*(\d{1,4})(?:-(\d{1,4}))?\s*", part)
        if read is None or not int(read[1]) <= int(read[2] or read[1]) < _MOST:
            raise ValueError(f"expected numbers of cores, as 0-3,6, not '{text}'")
        found.update(range(int(read[1]), int(read[2] or read[1]) + 1))
    return frozenset(found)


def cpus_text(cpus: Collection[int]) -> str:
    """Return a list of cores as the kernel writes it, in runs."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)
