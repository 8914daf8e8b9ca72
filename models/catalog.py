"""The one table that names every plug-in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

from models.api.protocols import DeviceChooser, PlacingPolicy, Policy, ScoringPolicy
from models.api.specs import PluginRef, Vocabulary
from models.api.specs_problems import FieldProblem
from models.parameters import RESOURCE_WORDS, parameter_problems
from models.policies.fgd import FragmentationGradientDescent
from models.policies.first_fit import FirstFit
from models.policies.kubernetes.policy import Kubernetes
from models.policies.packing import BestFit, DotProduct, WorstFit
from models.policies.random_fit import RandomFit
from sim.errors import RAISED, PluginError
from sim.registry import Registry, UnknownPluginError

__all__ = [
    "POLICIES",
    "TRACE_FORMATS",
    "PluginParameterError",
    "make_blamed_policy",
    "make_policy",
    "policy_problems",
    "vocabulary",
]

TRACE_FORMATS = ("openb", "table")

POLICIES: Registry[Callable[..., Any]] = Registry("scheduling policy")
POLICIES.add("best-fit", BestFit)
POLICIES.add("dot-product", DotProduct)
POLICIES.add("fgd", FragmentationGradientDescent)
POLICIES.add("first-fit", FirstFit)
POLICIES.add("kubernetes", Kubernetes)
POLICIES.add("random", RandomFit)
POLICIES.add("worst-fit", WorstFit)


class PluginParameterError(ValueError):
    """A plug-in was given parameters that it does not take; the message is one sentence."""


def vocabulary() -> Vocabulary:
    """Return the names that a scenario may use."""
    return Vocabulary(tuple(POLICIES), TRACE_FORMATS)


def policy_problems(plugin: PluginRef, resources: Collection[str]) -> list[FieldProblem]:
    """Return what is wrong with the parameters of a built-in policy, without making it.

    Args:
        plugin: As the scenario names it; a user's own is not imported and has no problems yet.
        resources: Words for the resources of the cluster, extended ones too.
    """
    found = None if plugin.is_users_own or plugin.name not in POLICIES else POLICIES.get(plugin.name)
    if not isinstance(found, type):
        return []
    return parameter_problems(found, plugin.name, plugin.parameters, resources, built_in=True)


def make_policy(
    plugin: PluginRef, resources: Collection[str] = RESOURCE_WORDS
) -> ScoringPolicy | PlacingPolicy | Policy:
    """Make a policy of a scenario's words.

    A class is called with the parameters; a function of the user's own is the policy and takes none.

    Args:
        plugin: Its name and its parameters.
        resources: Words for the resources of the cluster, extended ones too.

    Raises:
        UnknownPluginError: There is none of that name.
        PluginParameterError: The parameters do not fit.
    """
    found = POLICIES.get(plugin.name)
    parameters = dict(plugin.parameters)
    if not isinstance(found, type):
        if parameters:
            raise PluginParameterError(f"policy '{plugin.name}' is a function and takes no parameters")
        return _checked(plugin.name, found)
    if dataclasses.is_dataclass(found):
        built_in = not plugin.is_users_own
        problems = parameter_problems(found, plugin.name, parameters, resources, built_in=built_in)
        if problems:
            raise PluginParameterError("; ".join(_with_place(plugin.name, problem) for problem in problems))
        parameters = {key: tuple(v) if isinstance(v, list) else v for key, v in parameters.items()}
    try:
        made = found(**parameters)
    except TypeError as error:
        raise PluginParameterError(
            f"policy '{plugin.name}' does not take these parameters: {error}"
        ) from error
    return _checked(plugin.name, made)


def make_blamed_policy(
    plugin: PluginRef, resources: Collection[str] = RESOURCE_WORDS, seed: int = 1
) -> ScoringPolicy | PlacingPolicy | Policy:
    """Make a policy; what its own code raises meanwhile is its own.

    Raises:
        UnknownPluginError, PluginParameterError: As :func:`make_policy`.
        PluginError: Its own code raised.
    """
    try:
        return make_policy(plugin, resources)
    except (UnknownPluginError, PluginParameterError):
        raise
    except RAISED as error:
        what = f"policy '{plugin.name}' raised {type(error).__name__}: {error}, before it was asked about any pod"
        raise PluginError(what, 0.0, f"policy '{plugin.name}'", seed) from error


def _checked(name: str, made: Any) -> ScoringPolicy | PlacingPolicy | Policy:
    """Return a policy if it is one, and has only words that the scheduler knows."""
    if not isinstance(made, ScoringPolicy | PlacingPolicy):
        if not callable(made):
            raise PluginParameterError(f"policy '{name}' neither scores minions nor decides by itself")
        decides: Policy = made
        return decides
    devices = ("least", "random", "own") if isinstance(made, DeviceChooser) else ("least", "random")
    for attribute, words in (("ties", ("first", "random")), ("device", devices)):
        found = getattr(made, attribute)
        if found not in words:
            told = f"policy '{name}' has {attribute} {found!r}: expected {' or '.join(words)}"
            if found == "own":
                told += ", as it has no device_for"
            raise PluginParameterError(told)
    return made


def _with_place(policy: str, problem: FieldProblem) -> str:
    place = ".".join(str(step) for step in problem.path)
    where = f"parameter '{place}' of policy '{policy}': " if place and not problem.on_key else ""
    hint = f"; did you mean '{problem.hint}'?" if problem.hint else ""
    return f"{where}{problem.sentence}{hint}"
