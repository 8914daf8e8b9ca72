"""Recorded decisions, as they are read: cases of one pod, and sequences of pods that arrive and stay."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from experiments.verify.scheduler.casecheck import problems_of
from models.api.manifests_fields import Fields
from models.api.scheduling import MinionAsScheduled, Owner, PodAsScheduled
from models.api.scheduling_minions import OWNER_KINDS, read_minion_scheduling, read_owner
from models.api.scheduling_pods import read_scheduling
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError
from sim.yamlnodes import Mark, Places
from sim.yamlnodes import Path as Within

__all__ = ["BoundPod", "Case", "Sequenced", "read_decisions"]

_MOST_PROBLEMS: Final = 20
_OWNERS: Final = {f"{kind.lower()}s": kind for kind in OWNER_KINDS}


@dataclass(frozen=True, slots=True)
class BoundPod:
    """A pod on a minion, by index; ``terminating`` is being deleted."""

    pod: PodAsScheduled
    minion: int
    terminating: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One pod and one cluster.

    Attributes:
        place: File and line.
        name: Its id.
        expect: What the real scheduler's code made of it, as recorded.
    """

    place: str
    name: str
    minions: Sequence[MinionAsScheduled]
    bound: Sequence[BoundPod]
    owners: Sequence[Owner]
    pod: PodAsScheduled
    expect: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sequenced:
    """Pods that arrive one after the other and stay where they are put.

    Attributes:
        steps: What was recorded of each pod.
    """

    place: str
    name: str
    minions: Sequence[MinionAsScheduled]
    owners: Sequence[Owner]
    pods: Sequence[PodAsScheduled]
    steps: Sequence[Mapping[str, Any]]


class _Line(Places):
    """One line of a file, as the place of all that stands in it: an object is one line."""

    def __init__(self, source: str, number: int) -> None:
        self.source = source
        self.number = number

    def mark(self, path: Within) -> Mark:
        """Its first column."""
        return Mark(self.source, self.number, 1)

    def key_mark(self, path: Within) -> Mark:
        """Its first column."""
        return self.mark(path)


def read_decisions(files: Sequence[Path]) -> list[Case | Sequenced]:
    """Read files of recorded decisions, one JSON object a line; compressed where the name ends in ``.gz``.

    Raises:
        ScenarioError: Something cannot be read or is no decision; carries every problem of every file, the first twenty
            of each.
    """
    problems: list[Diagnostic] = []
    found: list[Case | Sequenced] = []
    for file in files:
        here: list[Diagnostic] = []
        decisions = list(_read(file, here))
        if not here and not decisions:
            here.append(Diagnostic("expected recorded decisions, one JSON object a line", str(file), 1, 1))
        if len(here) > _MOST_PROBLEMS:
            here[_MOST_PROBLEMS:] = [Diagnostic(f"and {len(here) - _MOST_PROBLEMS} more problems", str(file))]
        problems += here
        found += decisions
    if problems:
        raise ScenarioError(problems)
    return found


def _read(file: Path, problems: list[Diagnostic]) -> Iterator[Case | Sequenced]:
    for line, text in _lines(file, problems):
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            problems.append(Diagnostic(f"not JSON: {error.msg}", line.source, line.number, error.colno))
            continue
        except RecursionError:
            problems.append(line.diagnostic((), "not JSON that can be read: nested too deeply"))
            continue
        wrong = [line.diagnostic((), sentence) for sentence in problems_of(data)]
        if not wrong:
            made = _built(data, line, wrong)
        if wrong:
            problems += wrong
        else:
            yield made


def _lines(file: Path, problems: list[Diagnostic]) -> Iterator[tuple[_Line, str]]:
    """Yield the lines that are not empty."""
    try:
        with (
            gzip.open(file, "rt", encoding="utf-8")
            if file.suffix == ".gz"
            else file.open(encoding="utf-8") as lines
        ):
            for number, text in enumerate(lines, 1):
                if text.strip():
                    yield _Line(str(file), number), text
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        problems.append(Diagnostic(f"cannot read the file: {reason}", str(file)))
    except UnicodeDecodeError:
        problems.append(Diagnostic("not JSON: the text is not UTF-8", str(file)))


def _built(data: Mapping[str, Any], line: _Line, problems: list[Diagnostic]) -> Case | Sequenced:
    def objects(key: str) -> Iterator[Fields]:
        yield from Fields(line, problems, (), data, "").elements(key)  # type: ignore[arg-type]  # a dict from JSON

    minions = [read_minion_scheduling(each, each.value["metadata"]["name"]) for each in objects("nodes")]
    owners = [
        read_owner(each, kind, each.mapping("metadata").text("namespace", "default"))
        for key, kind in _OWNERS.items()
        for each in objects(key)
    ]
    place = f"{line.source}:{line.number}"
    if "steps" in data:
        pods = [_pod(each) for each in objects("pods")]
        return Sequenced(place, data["id"], minions, owners, pods, data["steps"])
    index = {minion.name: number for number, minion in enumerate(minions)}
    bound = [
        BoundPod(
            replace(_pod(each), node_name=""),
            index[each.value["spec"]["nodeName"]],
            each.mapping("metadata").has("deletionTimestamp"),
        )
        for each in objects("pods")
    ]
    asked = _pod(Fields(line, problems, ("pod",), data["pod"], "pod"))
    return Case(place, data["id"], minions, bound, owners, asked, data["expect"])


def _pod(each: Fields) -> PodAsScheduled:
    metadata, spec = each.mapping("metadata"), each.mapping("spec")
    read = read_scheduling(metadata, spec, metadata.text("namespace", "default"), admitted=True)
    return replace(read, node_name=spec.text("nodeName"))
