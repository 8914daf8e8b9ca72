"""Reads files of measured cases: JSON of ``kernel``, ``cgroup``, ``cores``, ``window_s`` and ``cases``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, cast

from experiments.verify.kernel.fields import CaseFields, Setting
from experiments.verify.kernel.kind import Case, Kind
from experiments.verify.kernel.kinds import CHECKED, KNOWN
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError
from sim.jsonsource import JsonDocument, parse_json_all
from sim.yamltext import Limits, decode

__all__ = ["read_cases"]

_MOST_PROBLEMS: Final = 20
_LIMITS: Final = Limits(max_bytes=64 * 2**20)
_MAX_CORES: Final = 8192


def read_cases(files: Sequence[Path], checked: Mapping[str, Kind] = CHECKED) -> list[Case]:
    """Read files of cases.

    Args:
        files: Of cases.
        checked: What reads the cases of a kind, by name.

    Raises:
        ScenarioError: Something cannot be read or is no case; carries every problem of every file, the first twenty
            of each.
    """
    problems: list[Diagnostic] = []
    cases: list[Case] = []
    for file in files:
        here: list[Diagnostic] = []
        found = _read(file, here, checked)
        if not here and not found:
            here.append(Diagnostic("expected at least one case in 'cases'", str(file), 1, 1))
        if len(here) > _MOST_PROBLEMS:
            here[_MOST_PROBLEMS:] = [Diagnostic(f"and {len(here) - _MOST_PROBLEMS} more problems", str(file))]
        problems += here
        cases += found
    if problems:
        raise ScenarioError(problems)
    return cases


def _read(file: Path, problems: list[Diagnostic], checked: Mapping[str, Kind]) -> list[Case]:
    document = _document(file, problems)
    if document is None:
        return []
    if not isinstance(document.value, dict):
        problems.append(document.diagnostic((), "expected an object with 'cases'"))
        return []
    top = CaseFields(document, problems, (), document.value)
    cgroup = cast("Literal['v1', 'v2']", top.word("cgroup", ("v1", "v2")))
    cores = top.whole("cores", least=1, most=_MAX_CORES)
    setting = Setting(top.text("kernel"), cgroup, cores, top.number("window_s", least=0.001))
    cases = []
    for fields in top.elements("cases"):
        kind = fields.word("kind", KNOWN)
        if fields.value.get("kind") != kind:
            continue
        inputs = checked[kind].read(fields, setting) if kind in checked else None
        unsure = fields.text("inconclusive") if "inconclusive" in fields.value else ""
        cases.append(Case(f"{file}:{document.mark(fields.path).line}", kind, setting, inputs, unsure))
    return cases


def _document(file: Path, problems: list[Diagnostic]) -> JsonDocument | None:
    try:
        data = file.read_bytes()
    except OSError as error:
        problems.append(Diagnostic(f"cannot read the file: {error.strerror or error}", str(file)))
        return None
    text, problem = decode(data, str(file), _LIMITS)
    if problem is not None:
        problems.append(problem)
        return None
    documents, wrong = parse_json_all(text, str(file), _LIMITS)
    problems += wrong
    if not wrong and len(documents) != 1:
        problems.append(
            Diagnostic(f"expected one JSON object, found {len(documents)} values", str(file), 1, 1)
        )
    return documents[0] if len(documents) == 1 else None
