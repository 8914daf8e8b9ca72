"""Names in a scenario: DNS labels, labels of Kubernetes, extended resources."""

from __future__ import annotations

import re
from typing import Final

from models.api.specs_problems import FieldError, FieldProblem, parse_mapping, quoted
from sim.units import UnitError, parse_count

__all__ = [
    "label_key_problem",
    "label_value_problem",
    "parse_amounts",
    "parse_dns_name",
    "parse_dns_subdomain",
    "parse_label_key",
    "parse_label_value",
    "parse_labels",
]

_DNS_LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_LABEL_KEY: Final = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


def parse_dns_name(value: object) -> str:
    """Return a DNS-1123 label.

    Raises:
        FieldError: Anything else.
    """
    if isinstance(value, str) and _DNS_LABEL.fullmatch(value):
        return value
    folded = re.sub(r"[^a-z0-9]+", "-", str(value).lower())[:63].strip("-")
    hint = folded if isinstance(value, str | int | float) and _DNS_LABEL.fullmatch(folded) else None
    if not isinstance(value, str) and hint == str(value):
        hint = f'"{hint}"'
    raise FieldError(
        FieldProblem(f"expected a name of a-z, 0-9 and '-', at most 63 long, not {quoted(value)}", hint=hint)
    )


def parse_dns_subdomain(value: object) -> str:
    """Return a DNS-1123 subdomain, as the names of pods, controllers and nodes are: labels with dots between.

    Raises:
        FieldError: Anything else.
    """
    if isinstance(value, str) and len(value) <= 253 and _DNS_SUBDOMAIN.fullmatch(value):
        return value
    return parse_dns_name(value)


def label_key_problem(key: str) -> FieldProblem | None:
    """The problem with the name of a label or an extended resource, if there is one."""
    if _LABEL_KEY.fullmatch(key):
        return None
    return FieldProblem(f"{quoted(key)} is not a name as tier or example.com/team", (key,), on_key=True)


def label_value_problem(value: object, path: tuple[str | int, ...]) -> FieldProblem | None:
    """The problem with the value of a label, if there is one."""
    if isinstance(value, str) and _LABEL_VALUE.fullmatch(value):
        return None
    hint = f'"{str(value).lower() if isinstance(value, bool) else value}"'
    return FieldProblem(
        f"expected a label of letters, digits, '-', '_' and '.', at most 63 long, not {quoted(value)}",
        path,
        hint if isinstance(value, int | float) else None,
    )


def parse_label_key(value: object) -> str:
    """Return the name of a label or taint.

    Raises:
        FieldError: Anything else.
    """
    if isinstance(value, str) and _LABEL_KEY.fullmatch(value):
        return value
    raise FieldError(FieldProblem(f"expected a name as tier or example.com/team, not {quoted(value)}"))


def parse_label_value(value: object) -> str:
    """Return the value of a label or taint; it may be empty.

    Raises:
        FieldError: Anything else; a number is told to stand in quotes.
    """
    found = label_value_problem(value, ())
    if found is not None:
        raise FieldError(found)
    return str(value)


def parse_labels(value: object) -> dict[str, str]:
    """Return labels.

    Raises:
        FieldError: Not a mapping of names to texts.
    """
    problems: list[FieldProblem] = []
    labels = parse_mapping(value, "a mapping of labels, as {tier: web}")
    for key, label in labels.items():
        found = label_key_problem(key) or label_value_problem(label, (key,))
        if found is not None:
            problems.append(found)
    if problems:
        raise FieldError(*problems)
    return dict(labels)


_OWN_KEYS: Final = ("cpu", "memory", "pods", "ephemeral-storage", "gpu")


def parse_amounts(value: object) -> dict[str, int]:
    """Return extended resources: whole numbers by name.

    Raises:
        FieldError: Not a mapping of names to whole numbers from 0 to 1e9.
    """
    amounts: dict[str, int] = {}
    problems: list[FieldProblem] = []
    for key, amount in parse_mapping(value, "a mapping as {example.com/fpga: 2}").items():
        found = label_key_problem(key)
        if found is None and key in _OWN_KEYS:
            found = FieldProblem(f"'{key}' is a key of its own, beside 'extended'", (key,), on_key=True)
        if found is not None:
            problems.append(found)
            continue
        try:
            amounts[key] = parse_count(amount, f"a whole number of {key}", 0, 10**9)
        except UnitError as error:
            problems.append(FieldProblem(error.sentence, (key,), error.suggestion))
    if problems:
        raise FieldError(*problems)
    return amounts
