"""What looks at minions by themselves, kept in columns and looked at again only where a minion changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.api.scheduling import MinionAsScheduled, PodAsScheduled
from models.api.schedulingview import SchedulingView
from models.policies.kubernetes.plugin import MinionFilter, MinionScore, WholeScore

__all__ = ["KeptColumns"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Kept = TypeVar("Kept")


class _Column:
    """One column, as of the last look.

    Attributes:
        beside: What was true of the other minions then, where that matters.
    """

    __slots__ = ("beside", "found", "statics")

    def __init__(self, found: NDArray[Any], statics: int, beside: Hashable) -> None:
        self.found = found
        self.statics = statics
        self.beside = beside


class KeptColumns:
    """Columns over the minions of a view; :class:`models.policies.kubernetes.plugin.Columns`.

    Args:
        view: The minions.
    """

    def __init__(self, view: SchedulingView) -> None:
        self._view = view
        self._columns: dict[Hashable, _Column] = {}
        self._kept: dict[Hashable, Any] = {}
        self._of = (view.statics, view.owners_version)

    def passes(self, plugin: MinionFilter, pod: PodAsScheduled) -> Bools | None:
        """Return where a filter lets a pod pass: bool (N,); None: everywhere."""
        key = plugin.key(pod)
        if key is None:
            return None
        found: Bools = self._column(
            (plugin.name, key), lambda minion: plugin.passes(minion, pod), np.bool_, lambda: None
        )
        return found

    def raw(self, plugin: MinionScore, pod: PodAsScheduled) -> Ints | None:
        """Return what a plug-in gives each minion: int64 (N,); None: its constant everywhere."""
        key = plugin.key(pod)
        if key is None:
            return None
        view = self._view
        found: Ints = self._column(
            (plugin.name, key, "score"),
            lambda minion: plugin.raw(view, minion, pod),
            np.int64,
            lambda: plugin.beside(view, pod),
            partial(plugin.whole, view, pod) if isinstance(plugin, WholeScore) else None,
        )
        return found

    def _column(
        self,
        key: Hashable,
        look: Callable[[MinionAsScheduled], Any],
        form: type,
        beside: Callable[[], Hashable],
        whole: Callable[[], NDArray[Any]] | None = None,
    ) -> NDArray[Any]:
        view, column = self._view, self._columns.get(key)
        now = view.statics
        if column is not None and column.statics == now:
            return column.found
        said = beside()
        changed = None
        if column is not None and column.beside == said:
            changed = view.minions_changed_since(column.statics)
        if column is None or changed is None:
            found: NDArray[Any] = (
                np.array([look(minion) for minion in view.minions], dtype=form) if whole is None else whole()
            )
            column = self._columns[key] = _Column(found, now, said)
        else:
            for index in dict.fromkeys(changed):
                column.found[index] = look(view.minions[index])
            column.statics = now
        return column.found

    def kept(self, key: Hashable, make: Callable[[], Kept]) -> Kept:
        """Return what ``make`` gives, made once until a minion changes or an object that selects pods does."""
        now = (self._view.statics, self._view.owners_version)
        if now != self._of:
            self._of = now
            self._kept.clear()
        if key not in self._kept:
            self._kept[key] = make()
        found: Kept = self._kept[key]
        return found
