"""One selector for workloads, expectations, faults and services.

As text: ``all``, or requirements with commas between them, all of which must hold: a bare word is a *name*
(of a minion, pool, workload or owner), ``k=v``, ``k==v``, ``k!=v``, ``k in (a, b)``, ``k notin (a, b)``,
``k exists``, ``!k``. As a mapping: labels (``{app: web}``), or a v1 labelSelector (``matchLabels``,
``matchExpressions``).

``!=`` and ``notin`` hold where the label is missing, as in Kubernetes (apimachinery pkg/labels/selector.go,
Requirement.Matches). Kubernetes reads a bare word as "has the label"; here that is ``k exists``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sim.diagnostics import nearest_word

__all__ = ["EVERYTHING", "Requirement", "Selector", "SelectorError", "parse_selector"]

Operator = Literal["Name", "In", "NotIn", "Exists", "DoesNotExist"]
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_./]{0,251}[A-Za-z0-9])?")
_PART: Final = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY: Final = re.compile(rf"(?:[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_PART}")
_VALUE: Final = re.compile(rf"(?:{_PART})?")
_SET: Final = re.compile(r"(\S+)\s+([A-Za-z]+)\s*\((.*)\)")
_LIMIT: Final = 1000


class SelectorError(ValueError):
    """A selector that cannot be read.

    Args:
        sentence: What was expected.
        path: Where in a mapping, empty for text.
        suggestion: The nearest valid word.
        on_key: True if the key at ``path`` is wrong, not its value.
    """

    def __init__(
        self,
        sentence: str,
        path: tuple[str | int, ...] = (),
        suggestion: str | None = None,
        on_key: bool = False,
    ) -> None:
        super().__init__(sentence, path, suggestion, on_key)
        self.sentence = sentence
        self.path = path
        self.suggestion = suggestion
        self.on_key = on_key

    def __str__(self) -> str:
        hint = "" if self.suggestion is None else f"; did you mean '{self.suggestion}'?"
        return self.sentence + hint


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition: on a name (``key`` is the name), or on the label ``key``."""

    operator: Operator
    key: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str], names: Collection[str]) -> bool:
        """Tell whether an object with these labels and names fulfils the condition."""
        if self.operator == "Name":
            return self.key in names
        if self.operator == "In":
            return self.key in labels and labels[self.key] in self.values
        if self.operator == "NotIn":
            return self.key not in labels or labels[self.key] not in self.values
        return (self.key in labels) == (self.operator == "Exists")

    def __str__(self) -> str:
        if self.operator == "Name":
            return self.key
        if self.operator in {"Exists", "DoesNotExist"}:
            return f"{self.key} exists" if self.operator == "Exists" else f"!{self.key}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.operator == 'In' else '!='}{self.values[0]}"
        return f"{self.key} {self.operator.lower()} ({', '.join(self.values)})"


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must hold; none at all selects everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str], names: Collection[str] = ()) -> bool:
        """Tell whether an object is selected.

        Args:
            labels: Its labels.
            names: Every name it answers to.
        """
        return all(requirement.holds(labels, names) for requirement in self.requirements)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are asked for, for checking that they exist."""
        return tuple(r.key for r in self.requirements if r.operator == "Name")

    def __str__(self) -> str:
        return ", ".join(str(requirement) for requirement in self.requirements) or "all"


EVERYTHING: Final = Selector()


def parse_selector(value: object) -> Selector:
    """Return the selector of a text or a v1 labelSelector mapping.

    Raises:
        SelectorError: Not a selector; says where and what was expected.
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, Mapping):
        return _from_mapping(value)
    raise SelectorError("expected a selector, as all, web, tier=web or {tier: web}")


def _from_text(text: str) -> Selector:
    if text.strip() == "all":
        return EVERYTHING
    if len(text) > 10_000:
        raise SelectorError(f"expected a selector of at most 10,000 characters, not {len(text):,}")
    parts = _split(text)
    if not any(part.strip() for part in parts):
        raise SelectorError("expected a selector, not an empty text: everything is 'all'", suggestion="all")
    return Selector(tuple(_requirement(part.strip()) for part in parts))


def _split(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    parts, depth, begin = [], 0, 0
    for i, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth not in {0, 1}:
            raise SelectorError(f"the parentheses in the selector '{_cut(text)}' do not match")
        if character == "," and depth == 0:
            parts.append(text[begin:i])
            begin = i + 1
    if depth:
        raise SelectorError(f"a ')' is missing in the selector '{_cut(text)}'")
    return [*parts, text[begin:]]


def _requirement(text: str) -> Requirement:
    if text.startswith("!") and not text.startswith("!="):
        return Requirement("DoesNotExist", _label_key(text[1:].strip()))
    if in_set := _SET.fullmatch(text):
        key, word, inner = in_set.groups()
        if word not in {"in", "notin"}:
            near = nearest_word(word, ["in", "notin"])
            raise SelectorError(f"expected 'in' or 'notin' before '(', not '{_cut(word)}'", suggestion=near)
        values = [part.strip() for part in inner.split(",")] if inner.strip() else []
        return _labelled("In" if word == "in" else "NotIn", key, values)
    for sign in ("!=", "==", "="):
        key, found, value = text.partition(sign)
        if found:
            return _labelled("NotIn" if sign == "!=" else "In", key.strip(), [value.strip()])
    words = text.split()
    if len(words) == 2 and words[1] == "exists":
        return Requirement("Exists", _label_key(words[0]))
    if not _NAME.fullmatch(text):
        expected = "a name, k=v, k!=v, k in (a, b), k notin (a, b), k exists or !k"
        what = f"'{_cut(text)}'" if text else "nothing"
        raise SelectorError(f"expected {expected} between the commas of a selector, not {what}")
    if text == "all":
        raise SelectorError("'all' selects everything and stands alone in a selector")
    return Requirement("Name", text)


def _labelled(operator: Operator, key: str, values: list[str]) -> Requirement:
    if not values:
        raise SelectorError(f"expected at least one value in the parentheses after '{_cut(key)}'")
    if len(values) > _LIMIT:
        raise SelectorError(f"expected at most {_LIMIT} values after '{_cut(key)}', not {len(values)}")
    checked = sorted({_label_value(value): None for value in values})
    return Requirement(operator, _label_key(key), tuple(checked))


def _label_key(text: str, path: tuple[str | int, ...] = (), on_key: bool = False) -> str:
    if not _KEY.fullmatch(text):
        said = f"'{_cut(text)}'" if text else "nothing"
        sentence = f"expected the name of a label, as tier or example.com/team, not {said}"
        raise SelectorError(sentence, path, None, on_key)
    return text


def _label_value(text: str, path: tuple[str | int, ...] = ()) -> str:
    if not _VALUE.fullmatch(text):
        expected = "a label's value of letters, digits, '-', '_' and '.', at most 63"
        raise SelectorError(f"expected {expected}, not '{_cut(text)}'", path)
    return text


def _from_mapping(value: Mapping[object, object]) -> Selector:
    requirements: list[Requirement] = []
    if _is_labels(value):
        return Selector(tuple(_equality(key, label, ()) for key, label in value.items()))
    for key in value:
        if key not in {"matchLabels", "matchExpressions"}:
            near = nearest_word(str(key), ["matchExpressions", "matchLabels"])
            expected = "matchLabels or matchExpressions"
            sentence = f"'{_cut(str(key))}' is not a key of a selector: expected {expected}"
            raise SelectorError(sentence, (str(key),), near, on_key=True)
    labels = value.get("matchLabels", {})
    if not isinstance(labels, Mapping):
        raise SelectorError("expected a mapping of labels, as {tier: web}", ("matchLabels",))
    requirements.extend(_equality(key, label, ("matchLabels",)) for key, label in labels.items())
    expressions = value.get("matchExpressions", [])
    if not isinstance(expressions, list | tuple):
        raise SelectorError("expected a list of {key, operator, values}", ("matchExpressions",))
    requirements.extend(_expression(item, ("matchExpressions", i)) for i, item in enumerate(expressions))
    return Selector(tuple(requirements))


def _is_labels(value: Mapping[object, object]) -> bool:
    """Whether a mapping is of labels themselves: no word of a labelSelector, and values that are texts or so."""
    return not any(
        key in {"matchLabels", "matchExpressions"} or isinstance(label, Mapping | list | tuple)
        for key, label in value.items()
    )


def _equality(key: object, label: object, within: tuple[str | int, ...]) -> Requirement:
    at = (*within, str(key))
    return Requirement("In", _label_key(str(key), at, on_key=True), (_text(label, at),))


def _expression(item: object, path: tuple[str | int, ...]) -> Requirement:
    if not isinstance(item, Mapping):
        raise SelectorError("expected a mapping {key, operator, values}", path)
    for key in item:
        if key not in {"key", "operator", "values"}:
            near = nearest_word(str(key), ["key", "operator", "values"])
            sentence = f"'{_cut(str(key))}' is not a key here: expected key, operator and values"
            raise SelectorError(sentence, (*path, str(key)), near, on_key=True)
    for needed in ("key", "operator"):
        if not isinstance(item.get(needed), str):
            at = (*path, needed) if needed in item else path
            raise SelectorError(f"expected a text as '{needed}' of a matchExpressions element", at)
    operators: dict[str, Operator] = {
        "In": "In",
        "NotIn": "NotIn",
        "Exists": "Exists",
        "DoesNotExist": "DoesNotExist",
    }
    operator = operators.get(item["operator"])
    if operator is None:
        near = nearest_word(item["operator"], operators)
        sentence = f"expected In, NotIn, Exists or DoesNotExist, not '{_cut(item['operator'])}'"
        raise SelectorError(sentence, (*path, "operator"), near)
    key = _label_key(item["key"], (*path, "key"))
    values = item.get("values", [])
    if not isinstance(values, list | tuple) or len(values) > _LIMIT:
        raise SelectorError(f"expected a list of at most {_LIMIT} values", (*path, "values"))
    if operator in {"In", "NotIn"} and not values:
        at = (*path, "values") if "values" in item else path
        raise SelectorError(f"expected at least one value for {operator}", at)
    if operator in {"Exists", "DoesNotExist"} and values:
        raise SelectorError(f"{operator} takes no values", (*path, "values"))
    texts = sorted({_text(v, (*path, "values", i)): None for i, v in enumerate(values)})
    return Requirement(operator, key, tuple(texts))


def _text(value: object, path: tuple[str | int, ...]) -> str:
    if not isinstance(value, str):
        shown = str(value).lower() if isinstance(value, bool) else value
        hint = f'"{shown}"' if isinstance(value, int | float) else None
        raise SelectorError("expected a text as the value of a label", path, hint)
    return _label_value(value, path)


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
