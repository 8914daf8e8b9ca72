"""``docs/scenarios.md``: every key of a scenario, made from the schema, so that it cannot differ from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args, get_origin

import yaml

from experiments.expectationwords import METRICS
from models.api.constants import KUBERNETES_VERSIONS, constants_table
from models.api.schema import is_required, plain_default
from models.api.specs import Scenario
from models.api.specs_fields import Spec

__all__ = ["scenario_reference"]

_HEAD: Final = """# Scenarios: every key

Made by `wavetank schema --markdown` from the schema itself; `wavetank schema` prints the JSON Schema for editors.
A key that is not here is an error, told with its line, its column and the nearest word.

- **Times** have a unit: `250ms`, `30s`, `15m`, `2h`, `300d`, `1h30m`. **Rates**: `10/h`, `0.5/s`.
- **CPU** is in cores: `8`, `0.5`, `500m`. **Sizes** have a unit: `512Mi`, `32Gi`, `100M`.
- **A distribution** is a quantity alone, or one of `{constant: x}`, `{exponential: {mean: x}}`,
  `{lognormal: {median: x, sigma: s}}` (or `mean`), `{weibull: {shape: k, mean: x}}` (or `scale`),
  `{uniform: {low: x, high: y}}`.
- **A selector** is `all`; or conditions with commas between them, all of which must hold: a name, `k=v`, `k!=v`,
  `k in (a, b)`, `k notin (a, b)`, `k exists`, `!k`; or labels as `{app: web}`; or a v1 labelSelector. A minion
  answers to its own name and its pool's; a pod to its own, to that of its workload or controller (`web`, or
  `shop/web` with the namespace) and to that of the manifest it comes from.
- In the tables, None stands for a key that is left out.
"""

_EXPECT: Final = """## Expectations

`TERM OP TERM [within TIME of FAULT | during FAULT | throughout FAULT | always | at end]`, where a TERM is a number
with its unit or one of the metrics below, and OP one of `== != < <= > >=`. Without a suffix it is `at end`. `within`:
true at some time in [start, start + TIME] of every occurrence of the fault, and of one at least; `during`: true at some
time of every occurrence, and of one at least; `throughout`: at all of these times; `always`: true all the time.

| metric | takes | is a | what it is |
|---|---|---|---|
"""
_TAKES: Final = {
    "workload": "workload, controller or labels of pods",
    "controller": "controller or labels of pods",
    "service": "service",
    "minion": "minion or pool",
    "resource": "resource",
    "scheduler": "scheduler",
}


def scenario_reference() -> str:
    """Return the whole reference, Markdown."""
    places: dict[type[Spec], str] = {}
    for model, path in _sections(Scenario, ""):
        places.setdefault(model, path)
    parts = [_HEAD, *(_section(model, path, places) for model, path in places.items())]
    parts.append(_EXPECT + "".join(_metric_row(name) for name in sorted(METRICS)))
    parts.extend(_constants(version) for version in KUBERNETES_VERSIONS)
    return "\n".join(parts)


def _sections(model: type[Spec], path: str) -> Iterator[tuple[type[Spec], str]]:
    """Yield a model and those that stand in it, each with the path to it, in the order of writing."""
    yield model, path
    for name, spec in model.model_fields.items():
        key = spec.alias or name
        for below in _models_in(spec.annotation):
            yield from _sections(below, _below(path, key, spec.annotation))


def _below(path: str, key: str, annotation: Any) -> str:
    listed = "[]" if get_origin(annotation) is tuple else ""
    return f"{path}.{key}{listed}" if path else f"{key}{listed}"


def _models_in(annotation: Any) -> list[type[Spec]]:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _section(model: type[Spec], path: str, places: Mapping[type[Spec], str]) -> str:
    intro, meanings = _documented(model)
    rows = []
    for name, spec in model.model_fields.items():
        default = plain_default(model, name)
        told = (
            "**required**" if is_required(model, name) else "" if default is None else f"`{_flow(default)}`"
        )
        rows.append(
            f"| `{spec.alias or name}` | {_cell(spec.description)} | {told} | {_cell(meanings.get(name))} |\n"
        )
    title = f"`{path}`" if path else "A scenario"
    forms = _form(model)
    head = f"## {title}{forms}\n\n{intro}\n"
    if not rows:
        return head
    return f"{head}\n| key | what is written | default | meaning |\n|---|---|---|---|\n{''.join(rows)}"


def _form(model: type[Spec]) -> str:
    """Which of several forms at one place this is."""
    words = {
        "MinionPool": "minions of one size",
        "MinionTrace": "recorded minions",
        "GeneratedWorkload": "pods made by rule",
        "TraceWorkload": "recorded pods",
        "ManifestWorkload": "manifests",
    }
    word = words.get(model.__name__)
    return f" ({word})" if word else ""


def _documented(model: type[Spec]) -> tuple[str, dict[str, str]]:
    """A class's first paragraph, and what it says of its attributes."""
    intro, _, rest = (model.__doc__ or "").partition("Attributes:\n")
    meanings: dict[str, str] = {}
    # A model that extends another one has what that one says too.
    for base in model.__bases__:
        if issubclass(base, Spec) and base is not Spec:
            meanings |= _documented(base)[1]
    for names, text in re.findall(r"^ {8}([\w, ]+): (.*(?:\n {12}.*)*)", rest, re.MULTILINE):
        for name in names.split(", "):
            meanings[name] = " ".join(text.split()).replace("``", "`")
    return " ".join(intro.split()).replace("``", "`"), meanings


def _cell(text: str | None) -> str:
    plain = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text or "")
    return plain.replace("|", "\\|")


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()
    return text.removesuffix("...").strip()


def _metric_row(name: str) -> str:
    metric = METRICS[name]
    when = "; of the whole run, at its end" if metric.at_end_only else ""
    return f"| `{name}` | {_TAKES[metric.takes]} | {metric.unit} | {metric.means}{when} |\n"


def _constants(version: str) -> str:
    rows = [
        f"| `{each.name}` | {each.value:g} | {_cell(each.source)} |\n"
        for each in constants_table(version).values()
    ]
    return (
        f'## Constants of Kubernetes "{version}"\n\nChosen by `kubernetes: "{version}"`; `constants: {{...}}` puts '
        f"other values over single ones. Units are in the names.\n\n| constant | value | source |\n|---|---|---|\n"
        f"{''.join(rows)}"
    )
