"""PodDisruptionBudgets as manifests have them."""

from __future__ import annotations

import pytest

from models.api.manifests import read_manifest_text
from models.api.manifests_render import render
from models.api.specs_budgets import BudgetStatus, ManifestBudget, Share

BUDGET = """
apiVersion: {version}
kind: PodDisruptionBudget
metadata: {{name: web, namespace: shop{metadata}}}
spec: {{{spec}}}
{status}
"""
SELECTOR = "selector: {matchLabels: {app: web}}"


def read(spec: str, *, version: str = "policy/v1", metadata: str = "", status: str = "") -> ManifestBudget:
    text = BUDGET.format(version=version, metadata=metadata, spec=spec, status=status)
    found, problems = read_manifest_text(text, "m.yaml")
    assert [str(each) for each in problems] == []
    (made,) = found.objects
    assert isinstance(made.spec, ManifestBudget)
    assert render(made) == made.raw
    again, problems = read_manifest_text(str(render(made)), "m.yaml")
    assert (problems, [each.spec for each in again.objects]) == ([], [made.spec])
    return made.spec


def told(spec: str, status: str = "") -> list[str]:
    text = BUDGET.format(version="policy/v1", metadata="", spec=spec, status=status)
    return [str(each) for each in read_manifest_text(text, "m.yaml")[1]]


@pytest.mark.parametrize("version", ["policy/v1", "policy/v1beta1"])
def test_numbers_and_percentages_of_either_version(version: str) -> None:
    found = read(f"minAvailable: 2, {SELECTOR}", version=version)
    assert (found.key, found.minimum, found.maximum, found.status) == ("shop/web", Share(2), None, None)
    assert found.selector is not None
    assert found.selector.matches({"app": "web", "tier": "a"})
    assert not found.selector.matches({"app": "db"})
    found = read(f"maxUnavailable: 33%, {SELECTOR}", version=version)
    assert (found.minimum, found.maximum) == (None, Share(33, is_percent=True))


def test_an_empty_selector_takes_all_in_v1_and_none_in_v1beta1_and_none_at_all_takes_none() -> None:
    everything = read("minAvailable: 1, selector: {}").selector
    assert everything is not None
    assert everything.matches({})
    assert read("minAvailable: 1, selector: {}", version="policy/v1beta1").selector is None
    assert read("minAvailable: 1").selector is None


def test_the_status_of_a_dump_is_kept_unless_it_is_of_another_spec() -> None:
    status = "status: {disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2, expectedPods: 3, observedGeneration: %d}"
    spec = f"maxUnavailable: 1, {SELECTOR}"
    found = read(spec, metadata=", generation: 2", status=status % 2)
    assert found.status == BudgetStatus(allowed=1, healthy=3, desired=2, expected=3)
    assert read(spec, metadata=", generation: 2", status=status % 1).status is None


def test_what_is_wrong_is_told_in_the_words_of_the_api() -> None:
    assert told(f"minAvailable: 1, maxUnavailable: 1, {SELECTOR}") == [
        "m.yaml:5:7: spec: Invalid value: minAvailable and maxUnavailable cannot be both set"
    ]
    says = "a valid percent string must be a numeric string followed by an ending '%' (as '1%' or '93%')"
    assert told(f"minAvailable: '2', {SELECTOR}") == [
        f"m.yaml:5:22: spec.minAvailable: Invalid value: \"2\": {says}; did you mean '2'?"
    ]
    assert told(f"minAvailable: 5.5%, {SELECTOR}") == [
        f'm.yaml:5:22: spec.minAvailable: Invalid value: "5.5%": {says}'
    ]
    assert told(f"maxUnavailable: 101%, {SELECTOR}") == [
        'm.yaml:5:24: spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'
    ]
    assert told(f"maxUnavailable: -1, {SELECTOR}") == [
        "m.yaml:5:24: spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0"
    ]
    assert told(f"minAvailable: 0.5, {SELECTOR}") == [
        'm.yaml:5:22: spec.minAvailable: Invalid type: got "number", expected "integer"'
    ]
    assert told("minAvailable: 1, selector: {app: web}") == [
        "m.yaml:5:36: spec.selector: Invalid value: expected matchLabels or matchExpressions"
    ]
    assert told(f"minAvailable: 1, {SELECTOR}", "status: {currentHealthy: many, disruptionsAllowed: 1}") == [
        'm.yaml:6:26: status.currentHealthy: Invalid type: got "string", expected "integer"'
    ]
