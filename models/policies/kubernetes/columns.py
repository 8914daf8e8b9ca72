"""What looks at minions by themselves, kept in columns and looked at again only where a minion changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import PodAsScheduled
from models.api.schedulingview import SchedulingView
from models.policies.kubernetes.plugin import MinionFilter, MinionScore

__all__ = ["KeptColumns"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Kept = TypeVar("Kept")


class KeptColumns:
    """Columns over the minions of a view; :class:`models.policies.kubernetes.plugin.Columns`.

    Args:
        view: The minions.
    """

    def __init__(self, view: SchedulingView) -> None:
        self._view = view
        self._found: dict[Hashable, Any] = {}
        self._of = (view.statics, view.owners_version)

    def passes(self, plugin: MinionFilter, pod: PodAsScheduled) -> Bools | None:
        """Return where a filter lets a pod pass: bool (N,); None: everywhere."""
        key = plugin.key(pod)
        if key is None:
            return None
        return self.kept(
            (plugin.name, key),
            lambda: np.array([plugin.passes(minion, pod) for minion in self._view.minions], dtype=bool),
        )

    def raw(self, plugin: MinionScore, pod: PodAsScheduled) -> Ints | None:
        """Return what a plug-in gives each minion: int64 (N,); None: its constant everywhere."""
        key = plugin.key(pod)
        if key is None:
            return None
        view = self._view
        return self.kept(
            (plugin.name, key, "score"),
            lambda: np.array([plugin.raw(view, minion, pod) for minion in view.minions], dtype=np.int64),
        )

    def kept(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Return what ``make`` gives, made once until a minion changes or an object that selects pods does."""
        now = (self._view.statics, self._view.owners_version)
        if now != self._of:
            self._of = now
            self._found.clear()
        if key not in self._found:
            self._found[key] = make()
        found: Kept = self._found[key]
        return found
