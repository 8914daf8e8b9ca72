"""Why a pod may go nowhere, counted by minion in the words of the real scheduler's events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_reasons"]

_TOO_LITTLE = {
    "cpu_millicores": "Insufficient cpu",
    "memory_bytes": "Insufficient memory",
    "pods": "Too many pods",
    "ephemeral_bytes": "Insufficient ephemeral-storage",
}
"""As NodeResourcesFit says it; an extended resource by its name (k/k:pkg/scheduler, v1.20.5)."""


def count_reasons(
    fit: NDArray[np.int64],
    need: NDArray[np.int64],
    resources: Sequence[str],
    *,
    kept: Mapping[int, str],
    outside: Iterable[int],
    filters: Iterable[tuple[str, NDArray[np.bool_]]],
) -> dict[str, int]:
    """Count the minions that a pod may not go to: each for what turns it down first.

    Args:
        fit: What is left: int64 (N, R + 3), a column for each resource, of which the last is GPUs in all, two for GPU
            devices, and one for readiness.
        need: What the pod needs of each column.
        resources: Names of the columns.
        kept: What conditions and taints of minions say, by index.
        outside: Indices of minions that are of no account.
        filters: What is said where a minion is not allowed, and where they are: bool (N,); in order.
    """
    counts = Counter(kept.values())
    left = np.ones(len(fit), dtype=bool)
    left[[*kept, *outside]] = False
    for said, allowed in filters:
        counts[said] += int((left & ~allowed).sum())
        left &= allowed
    short = fit[left] < need
    gpus = len(resources) - 1
    for column, name in enumerate(resources[:gpus]):
        counts[_TOO_LITTLE.get(name, f"Insufficient {name}")] += int(short[:, column].sum())
    counts["Insufficient gpu"] += int(short[:, gpus:-1].any(axis=1).sum())
    return dict(+counts)
