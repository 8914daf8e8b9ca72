"""Plug-ins by name: the built-in ones and users' own, with the same rights.

A name is either one of the table's or ``package.module:name``, which is imported when it is asked for and
never before (validation does not import users' code).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Generic, TypeVar

from sim.diagnostics import nearest_word

__all__ = ["Registry", "UnknownPluginError"]


T = TypeVar("T")


class UnknownPluginError(LookupError):
    """No plug-in answers to a name; the message is one sentence for the user."""


class Registry(Generic[T]):
    """A table of plug-ins of one sort.

    Args:
        sort: What they are, in messages: ``scheduling policy``.
    """

    def __init__(self, sort: str) -> None:
        self.sort = sort
        self._entries: dict[str, T] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def add(self, name: str, entry: T) -> None:
        """Register a plug-in.

        Raises:
            ValueError: The name is taken.
        """
        if name in self._entries:
            raise ValueError(f"there is already a {self.sort} named '{name}': {self._entries[name]!r}")
        self._entries[name] = entry

    def get(self, name: str) -> T:
        """Return the plug-in of that name, importing ``package.module:name``.

        Raises:
            UnknownPluginError: There is none.
        """
        if ":" in name:
            return self._load(name)
        found = self._entries.get(name)
        if found is None:
            near = nearest_word(name, list(self._entries))
            hint = f"; did you mean '{near}'?" if near else ""
            raise UnknownPluginError(f"there is no {self.sort} named '{name}'{hint}")
        return found

    def _load(self, name: str) -> T:
        module_name, _, attribute = name.partition(":")
        if not module_name or module_name.startswith("."):
            raise UnknownPluginError(f"the {self.sort} '{name}' cannot be loaded: write package.module:name")
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
                raise
            raise UnknownPluginError(f"the {self.sort} '{name}' cannot be loaded: {error}") from error
        try:
            found: T = getattr(module, attribute)
        except AttributeError as error:
            text = f"the {self.sort} '{name}' cannot be loaded: module '{module_name}' has no '{attribute}'"
            raise UnknownPluginError(text) from error
        return found
