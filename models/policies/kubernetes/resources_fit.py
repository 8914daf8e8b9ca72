"""NodeResourcesFit: what a pod asks for must be left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import NATIVE, PodAsScheduled, is_scalar
from models.api.schedulingview import PODS, SchedulingView
from models.policies.kubernetes.plugin import Bools, Look, Refused

Ints = NDArray[np.int64]

__all__ = ["ResourcesFit", "measured"]


class ResourcesFit:
    """Exact requests against allocatable.

    A pod that asks for nothing needs a place among the minion's pods only. One that asks for anything is measured in
    cpu, memory and ephemeral storage alike, even where it asks for 0 of one: on a minion that has given away more
    cpu than it has, no pod fits that asks for memory alone. Extended resources count where the pod names them.

    Source: k/k:pkg/scheduler/framework/plugins/noderesources/fit.go, fitsRequest(), v1.20.5.
    """

    name = "NodeResourcesFit"

    def concerns(self, look: Look) -> bool:
        """It always has a say."""
        return True

    def passes(self, look: Look) -> Bools | None:
        """Return where all is left."""
        view = look.view
        columns = measured(view, look.pod.pod)
        need = look.pod.need.take(columns)
        enough = view.left[:, columns] >= need
        passes: Bools = np.logical_and.reduce(enough, axis=1)
        return passes

    def refused(self, look: Look, minion: int) -> Refused:
        """Name all that is not left."""
        view, pod = look.view, look.pod
        words = _words(view, pod.pod)
        columns = measured(view, pod.pod)
        short = [column for column in columns if view.left[minion, column] < pod.need[column]]
        return Refused(tuple(words[column] for column in short))

    def counts(self, look: Look, rows: Ints) -> dict[str, int]:
        """Count what ``refused`` says of some minions, all at once: in a full cluster it turns most of them down."""
        view, pod = look.view, look.pod
        words = _words(view, pod.pod)
        return {
            words[column]: int((view.left[rows, column] < pod.need[column]).sum())
            for column in measured(view, pod.pod)
        }


def _words(view: SchedulingView, pod: PodAsScheduled) -> dict[int, str]:
    """How it is said of each column that not enough is left."""
    return {PODS: "Too many pods"} | {
        view.column(name): f"Insufficient {name}"
        for name in (*NATIVE, *(name for name, _ in pod.requests if is_scalar(name)))
    }


def measured(view: SchedulingView, pod: PodAsScheduled) -> list[int]:
    """Return the columns in which a pod is measured."""
    if not any(amount or is_scalar(name) for name, amount in pod.requests):
        return [PODS]
    scalars = [view.column(name) for name, _ in pod.requests if is_scalar(name)]
    return [PODS, *(view.column(name) for name in NATIVE), *scalars]
