"""Reads PodDisruptionBudgets of policy/v1beta1 and policy/v1.

Sources: k/k:pkg/apis/policy/validation/validation.go (ValidatePodDisruptionBudgetSpec); that an empty selector takes no
pod in v1beta1 and all of the namespace in v1: staging/src/k8s.io/api/policy/v1/types.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

from models.api.manifests_fields import Fields
from models.api.selectors import Selector
from models.api.specs_budgets import BudgetStatus, ManifestBudget, Share
from models.api.specs_workloads import MAX_PODS

__all__ = ["read_budget"]

_PERCENT: Final = re.compile(r"[0-9]+%")
_MODELLED: Final = {"selector", "minAvailable", "maxUnavailable"}
_MOST: Final = 2**31 - 1


def read_budget(
    fields: Fields, name: str, namespace: str, label_selector: Callable[[Fields], Selector]
) -> tuple[ManifestBudget, list[str]]:
    """Return a budget, and the names of its fields that are not modelled.

    Args:
        fields: Of the whole object.
        name: Its name.
        namespace: Its namespace.
        label_selector: Reads ``spec.selector``.
    """
    spec = fields.mapping("spec")
    both = spec.has("minAvailable") and spec.has("maxUnavailable")
    if both:
        spec.tell(spec.path, "spec: Invalid value: minAvailable and maxUnavailable cannot be both set")
    selector = label_selector(spec) if spec.has("selector") else None
    if selector is not None and not selector.requirements and fields.text("apiVersion") != "policy/v1":
        selector = None
    budget = ManifestBudget(
        name,
        namespace,
        selector,
        _share(spec, "minAvailable"),
        None if both else _share(spec, "maxUnavailable"),
        _status(fields),
    )
    return budget, [f"spec.{key}" for key in spec.value if key not in _MODELLED]


def _share(spec: Fields, key: str) -> Share | None:
    if not spec.has(key):
        return None
    given = spec.value[key]
    if not isinstance(given, str):
        return Share(spec.integer(key, 0, 0, _MOST))
    if _PERCENT.fullmatch(given) is None:
        says = "a valid percent string must be a numeric string followed by an ending '%' (as '1%' or '93%')"
        hint = given if given.isdecimal() else None
        spec.problem(key, f"Invalid value: {json.dumps(given)}: {says}", hint=hint)
        return None
    amount = int(given[:-1]) if len(given) < 8 else 101
    if amount > 100:
        spec.problem(key, f"Invalid value: {json.dumps(given)}: must not be greater than 100%")
        return None
    return Share(amount, is_percent=True)


def _status(fields: Fields) -> BudgetStatus | None:
    status, metadata = fields.mapping("status"), fields.mapping("metadata")
    keys = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    numbers = [status.integer(key, 0, 0, MAX_PODS) for key in keys]
    if not status.has("disruptionsAllowed"):
        return None
    seen = status.integer("observedGeneration", 0, 0, 2**63 - 1)
    is_of_now = seen >= metadata.integer("generation", 0, 0, 2**63 - 1)
    return BudgetStatus(*numbers) if is_of_now else None
