"""Reads affinities and topology spread constraints of a v1 pod, in the words of the API where they are wrong.

Rules: k/k:pkg/apis/core/validation/validation.go, v1.20 (validateNodeSelectorRequirement, validatePodAffinityTerm,
validateTopologySpreadConstraints).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from models.api.manifests_fields import Fields
from models.api.scheduling import NODE_NAME_FIELD, NodeRequirement, NodeTerm, PodTerm, Spread
from models.api.selectors import Selector, SelectorError, parse_selector
from models.api.specs_names import label_key_problem

__all__ = ["read_affinity", "read_label_selector", "read_spread"]

REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_LABEL_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_MAX_SKEW: Final = 2**31 - 1


def read_affinity(affinity: Fields, namespace: str) -> dict[str, Any]:
    """Return the fields of a pod class that an affinity fills in.

    Args:
        affinity: ``spec.affinity``, maybe empty.
        namespace: The pod's own.
    """
    node, near, apart = (affinity.mapping(key) for key in ("nodeAffinity", "podAffinity", "podAntiAffinity"))
    required = None
    if node.has(REQUIRED):
        required = tuple(_node_term(term) for term in node.mapping(REQUIRED).elements("nodeSelectorTerms"))
    preferred = [(_weight(each), _node_term(each.mapping("preference"))) for each in node.elements(PREFERRED)]
    wanted = [
        (sign * _weight(each), _pod_term(each.mapping("podAffinityTerm"), namespace))
        for sign, part in ((1, near), (-1, apart))
        for each in part.elements(PREFERRED)
    ]
    return {
        "required_nodes": required,
        "preferred_nodes": tuple(preferred),
        "affinity": tuple(_pod_term(term, namespace) for term in near.elements(REQUIRED)),
        "anti_affinity": tuple(_pod_term(term, namespace) for term in apart.elements(REQUIRED)),
        "preferred_pods": tuple(wanted),
    }


def read_spread(spec: Fields) -> Iterable[Spread]:
    """Yield the topology spread constraints of a pod's spec.

    Source: k/k:pkg/apis/core/validation/validation.go, validateTopologySpreadConstraints(), v1.20.2.
    """
    pairs: dict[tuple[str, str], None] = {}
    for each in spec.elements("topologySpreadConstraints"):
        when = each.one_of("whenUnsatisfiable", ("DoNotSchedule", "ScheduleAnyway"), "")
        if not each.value.get("whenUnsatisfiable"):
            each.problem("whenUnsatisfiable", "Required value")
        max_skew = _max_skew(each)
        key = _topology_key(each)
        if (key, when) in pairs:
            both = f'{{topologyKey, whenUnsatisfiable}}: Duplicate value: "{{{key}, {when}}}"'
            each.tell((*each.path, "topologyKey"), f"{each.name(both)}")
        pairs[key, when] = None
        yield Spread(key, max_skew, when == "DoNotSchedule", read_label_selector(each, "labelSelector"))


def _max_skew(fields: Fields) -> int:
    if not fields.has("maxSkew"):
        fields.problem("maxSkew", "Required value")
        return 1
    given = fields.integer("maxSkew", 1, -_MAX_SKEW, _MAX_SKEW)
    if given <= 0:
        fields.problem("maxSkew", f"Invalid value: {given}: must be greater than zero")
    return max(1, given)


def read_label_selector(fields: Fields, key: str) -> Selector | None:
    """Return a v1 labelSelector; None, which matches nothing, where it is absent or wrong."""
    if not fields.has(key):
        return None
    given = fields.mapping(key)
    form = {word: value for word, value in given.value.items() if value is not None}
    try:
        if form and not set(form) & {"matchLabels", "matchExpressions"}:
            raise SelectorError("expected matchLabels or matchExpressions", (next(iter(form)),), on_key=True)
        return parse_selector(form)
    except SelectorError as error:
        says = f"{given.names}: Invalid value: {error.sentence}"
        given.tell((*given.path, *error.path), says, error.suggestion, on_key=error.on_key)
        return None


def _weight(each: Fields) -> int:
    return each.integer("weight", 1, 1, 100)


def _topology_key(each: Fields) -> str:
    key = each.text("topologyKey")
    if not key:
        each.problem("topologyKey", "Required value: can not be empty")
    elif label_key_problem(key) is not None:
        each.problem("topologyKey", f'Invalid value: "{key}": must be a qualified name')
    return key


def _pod_term(term: Fields, namespace: str) -> PodTerm:
    given = term.names_of("namespaces")
    namespaces = tuple(sorted(dict.fromkeys(given))) or (namespace,)
    return PodTerm(namespaces, read_label_selector(term, "labelSelector"), _topology_key(term))


def _node_term(term: Fields) -> NodeTerm:
    labels = tuple(_requirement(each, _LABEL_OPERATORS) for each in term.elements("matchExpressions"))
    fields = tuple(_field_requirement(each) for each in term.elements("matchFields"))
    return NodeTerm(labels, fields)


def _requirement(each: Fields, operators: tuple[str, ...]) -> NodeRequirement:
    key, operator = each.text("key"), each.one_of("operator", operators, "")
    values = tuple(each.names_of("values"))
    if not operator:
        if not each.value.get("operator"):
            each.problem("operator", "Required value")
        operator = "Exists"
    elif operator in {"In", "NotIn"} and not values:
        each.problem("values", "Required value: must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in {"Exists", "DoesNotExist"} and values:
        each.problem(
            "values", "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        )
    elif operator in {"Gt", "Lt"} and len(values) != 1:
        each.problem(
            "values", "Required value: must be specified single value when `operator` is 'Lt' or 'Gt'"
        )
        values = ("",)
    return NodeRequirement(key, operator, values)  # type: ignore[arg-type]  # one of the operators


def _field_requirement(each: Fields) -> NodeRequirement:
    found = _requirement(each, ("In", "NotIn"))
    if len(found.values) > 1:
        each.problem("values", "Invalid value: must be only one value when `operator` is 'In' or 'NotIn'")
    if found.key != NODE_NAME_FIELD:
        each.problem("key", f'Invalid value: "{found.key}": not a valid field selector key')
    return found
