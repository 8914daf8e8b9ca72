"""The one table that names every plug-in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from models.api.protocols import Policy, ScoringPolicy
from models.api.specs import PluginRef, Vocabulary
from models.policies.first_fit import FirstFit
from models.policies.packing import BestFit, DotProduct, WorstFit
from models.policies.random_fit import RandomFit
from sim.registry import Registry

__all__ = ["POLICIES", "TRACE_FORMATS", "PluginParameterError", "make_policy", "vocabulary"]

TRACE_FORMATS = ("openb", "table")

POLICIES: Registry[Callable[..., Any]] = Registry("scheduling policy")
POLICIES.add("best-fit", BestFit)
POLICIES.add("dot-product", DotProduct)
POLICIES.add("first-fit", FirstFit)
POLICIES.add("random", RandomFit)
POLICIES.add("worst-fit", WorstFit)

_CHOICES = {"ties": ("first", "random"), "device": ("least", "random")}


class PluginParameterError(ValueError):
    """A plug-in was given parameters that it does not take; the message is one sentence."""


def vocabulary() -> Vocabulary:
    """Return the names that a scenario may use."""
    return Vocabulary(tuple(POLICIES), TRACE_FORMATS)


def make_policy(plugin: PluginRef) -> ScoringPolicy | Policy:
    """Make a policy of a scenario's words.

    A class is called with the parameters; a function of the user's own is the policy and takes none.

    Raises:
        UnknownPluginError: There is none of that name.
        PluginParameterError: The parameters do not fit.
    """
    found = POLICIES.get(plugin.name)
    parameters = dict(plugin.parameters)
    if not isinstance(found, type):
        if parameters:
            raise PluginParameterError(f"policy '{plugin.name}' is a function and takes no parameters")
        policy: Policy = found
        return policy
    if dataclasses.is_dataclass(found):
        parameters = _checked(plugin.name, [field.name for field in dataclasses.fields(found)], parameters)
    try:
        made: ScoringPolicy | Policy = found(**parameters)
    except TypeError as error:
        raise PluginParameterError(
            f"policy '{plugin.name}' does not take these parameters: {error}"
        ) from error
    if not callable(made) and not isinstance(made, ScoringPolicy):
        raise PluginParameterError(f"policy '{plugin.name}' neither scores minions nor decides by itself")
    return made


def _checked(name: str, known: list[str], parameters: Mapping[str, Any]) -> dict[str, Any]:
    checked = {}
    for key, value in parameters.items():
        if key not in known:
            listed = ", ".join(known)
            raise PluginParameterError(f"policy '{name}' has no parameter '{key}': expected one of {listed}")
        if key in _CHOICES and value not in _CHOICES[key]:
            listed = " or ".join(_CHOICES[key])
            raise PluginParameterError(
                f"parameter '{key}' of policy '{name}' is '{value}': expected {listed}"
            )
        if key == "levels" and not (isinstance(value, int) and 0 <= value <= 10**9):
            raise PluginParameterError(
                f"parameter 'levels' of policy '{name}' is '{value}': expected a whole number"
            )
        checked[key] = tuple(value) if isinstance(value, list) else value
    return checked
