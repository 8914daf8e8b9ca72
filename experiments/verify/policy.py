"""``wavetank verify policy``: does a scheduling policy behave, on clusters that are made to be awkward?"""

from __future__ import annotations

import traceback

from rich.console import Console

from models.api.loading import load_scenario_text
from models.api.specs import PluginRef
from models.catalog import PluginParameterError, make_blamed_policy, vocabulary
from models.testing.policies import PolicyBrokenError, check_policy
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError
from sim.registry import UnknownPluginError

__all__ = ["verify_policy"]

_SOURCE = "POLICY"
_SCENARIO = """apiVersion: wavetank/v1
name: policy
until: 1s
cluster: {minions: [{name: m, cpu: 1, memory: 1Gi}]}
"""


def verify_policy(text: str, examples: int, console: Console) -> int:
    """Check a policy and say what came of it.

    Args:
        text: As a scenario has it: a name, or ``{name: {parameter: value}}``.
        examples: On so many clusters.
        console: Where.

    Returns:
        The exit status: 0 it behaves, 1 it does not.

    Raises:
        ScenarioError: There is no such policy, or it does not take these parameters.
    """
    reference = _read(text)
    try:
        make_blamed_policy(reference)
    except (UnknownPluginError, PluginParameterError) as error:
        raise ScenarioError([Diagnostic(str(error), _SOURCE, 1, 1)]) from error
    try:
        asked = check_policy(reference.name, reference.parameters, examples=examples)
    except PolicyBrokenError as error:
        if error.__cause__ is not None:
            lines = traceback.format_exception(error.__cause__)
            console.print("".join(lines), markup=False, highlight=False, soft_wrap=True)
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)
        return 1
    console.print(
        f"policy '{reference.name}' behaves on {examples} clusters, asked {asked:,} times",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    return 0


def _read(text: str) -> PluginRef:
    """Read a policy as the scenario's key would be; problems are placed in the text."""
    key = "policy.scheduler="
    try:
        spec = load_scenario_text(_SCENARIO, "policy", sets=[f"{key}{text}"], vocabulary=vocabulary())
    except ScenarioError as error:
        shift = len(key)
        raise ScenarioError(
            [
                Diagnostic(
                    each.message,
                    _SOURCE,
                    each.line,
                    max(1, each.column - shift),
                    hint=each.hint,
                    code=each.code,
                )
                for each in error.diagnostics
            ]
        ) from None
    return spec.policy.scheduler
