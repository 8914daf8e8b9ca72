"""What can be wrong with a recorded decision, but for the objects of Kubernetes in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from experiments.verify.scheduler.extras import ExtraError, parse_extra
from models.policies.kubernetes.profile import KUBERNETES_1_20
from sim.diagnostics import nearest_word

__all__ = ["FILTERS", "SCORES", "problems_of"]

FILTERS = KUBERNETES_1_20.filters
SCORES = KUBERNETES_1_20.scores


def problems_of(data: Any) -> Iterator[str]:
    """Return what is wrong with the JSON of one line, one sentence each without a full stop."""
    if not isinstance(data, dict):
        yield "a recorded decision is a JSON object"
        return
    if not isinstance(data.get("id"), str):
        yield "'id' must be a text"
    sequence = "steps" in data
    forms = {"nodes": list, "pods": list} | ({"steps": list} if sequence else {"pod": dict, "expect": dict})
    wrong = [name for name, form in forms.items() if not isinstance(data.get(name), form)]
    for name in wrong:
        yield f"'{name}' must be {'an object' if forms[name] is dict else 'a list'}"
    if wrong:
        return
    names = list(_names(data["nodes"]))
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name:
            yield f"nodes[{place}] lacks metadata.name"
    yield from (f"there are two nodes '{name}'" for name in sorted(_twice(names)))
    known = {name for name in names if isinstance(name, str)}
    if sequence:
        yield from _of_steps(data, known)
    else:
        yield from _of_bound(data["pods"], known)
        yield from _of_expect(data["expect"], known)


def _names(objects: list[Any]) -> Iterator[Any]:
    for each in objects:
        metadata = each.get("metadata") if isinstance(each, dict) else None
        yield metadata.get("name") if isinstance(metadata, dict) else None


def _twice(names: list[Any]) -> set[str]:
    return {name for name in names if isinstance(name, str) and names.count(name) > 1}


def _of_bound(pods: list[Any], known: set[str]) -> Iterator[str]:
    for place, pod in enumerate(pods):
        spec = pod.get("spec") if isinstance(pod, dict) else None
        node = spec.get("nodeName") if isinstance(spec, dict) else None
        if not isinstance(node, str):
            yield f"pods[{place}] lacks spec.nodeName: those are bound"
        elif node not in known:
            yield f"pods[{place}] is bound to '{node}', which is not in 'nodes'"


def _of_expect(expect: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    feasible, infeasible = expect.get("feasible"), expect.get("infeasible")
    if not isinstance(feasible, list) or not _all(feasible, str):
        yield "expect.feasible must be a list of names"
        return
    if not isinstance(infeasible, dict) or not all(isinstance(each, dict) for each in infeasible.values()):
        yield "expect.infeasible must be an object of objects"
        return
    if sorted([*feasible, *infeasible]) != sorted(known):
        yield "expect.feasible and expect.infeasible must name each node once"
    for name, each in infeasible.items():
        if not _all(each.get("all"), str) or not each["all"] or not _all(each.get("reasons", []), str):
            yield f"expect.infeasible.{name} must have lists of texts as 'all' and 'reasons'"
            continue
        if not isinstance(each.get("code"), str):
            yield f"expect.infeasible.{name} must have a text as 'code'"
        yield from _strangers(f"expect.infeasible.{name}", [*each["all"], each.get("plugin")], FILTERS)
    if not _all(expect.get("best"), str):
        yield "expect.best must be a list of names"
    if feasible and not _all(expect.get("total"), int, len(feasible)):
        yield f"expect.total must be a list of {len(feasible)} whole numbers, as 'feasible' is long"
    yield from _of_scores(expect, len(feasible))


def _of_scores(expect: Mapping[str, Any], count: int) -> Iterator[str]:
    for part in ("scores", "raw", "extra"):
        given = expect.get(part, {})
        if not isinstance(given, dict):
            yield f"expect.{part} must be an object"
            continue
        yield from _of_extra(given) if part == "extra" else _strangers(f"expect.{part}", list(given), SCORES)
        for name, scores in given.items():
            if not _all(scores, int, count):
                yield f"expect.{part}.{name} must be a list of {count} whole numbers"
        if part == "scores" and count and set(given) != set(SCORES):
            yield f"expect.scores must have each of {', '.join(SCORES)}"


def _of_extra(given: Mapping[str, Any]) -> Iterator[str]:
    for name in given:
        try:
            parse_extra(name)
        except ExtraError as error:
            yield f"expect.extra: {error}"


def _of_steps(data: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    pods, steps = list(_names(data["pods"])), data["steps"]
    if len(pods) != len(steps):
        yield f"there must be one of 'steps' for each of 'pods', not {len(steps)} for {len(pods)}"
        return
    for place, (step, pod) in enumerate(zip(steps, pods, strict=True)):
        who = f"steps[{place}]"
        if not isinstance(step, dict):
            yield f"{who} must be an object"
            continue
        if step.get("pod") != pod:
            yield f"{who} is of pod {step.get('pod')!r}, but pods[{place}] is {pod!r}"
        if not isinstance(step.get("feasible"), int):
            yield f"{who}.feasible must be a whole number"
        if not isinstance(step.get("rejects"), dict):
            yield f"{who}.rejects must be an object"
        else:
            yield from _strangers(f"{who}.rejects", list(step["rejects"]), FILTERS)
        if not _all(step.get("totals"), int, len(known)):
            yield f"{who}.totals must be a list of {len(known)} whole numbers"
        if not _all(step.get("best"), str):
            yield f"{who}.best must be a list of names"
        if step.get("chosen") is not None and step["chosen"] not in known:
            yield f"{who}.chosen is {step['chosen']!r}, which is not in 'nodes'"


def _strangers(where: str, names: list[Any], known: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if name not in known:
            near = nearest_word(str(name), known)
            yield f"{where} names the unknown plug-in {name!r}{f'; nearest: {near!r}' if near else ''}"


def _all(given: Any, form: type, length: int | None = None) -> bool:
    return (
        isinstance(given, list)
        and all(isinstance(each, form) and not isinstance(each, bool) for each in given)
        and (length is None or len(given) == length)
    )
