"""Where recorded minions and pods come from: formats, paths and what is taken of a trace."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from models.api.specs_fields import DurationS, Flag, PositiveDurationS, Spec, Text, choice, number, whole
from models.api.specs_problems import FieldError, FieldProblem, fail, one_of
from sim.diagnostics import nearest_word

__all__ = ["SHARED_VARIABLE", "PodTrace", "Surroundings", "TraceFile", "Vocabulary", "expand_path", "form_of"]

SHARED_VARIABLE: Final = "WAVETANK_SHARED"
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_WHERE: Final = {
    "openb": "it is to be had from github.com/alibaba/clusterdata (cluster-trace-gpu-v2023)"
    f", or set {SHARED_VARIABLE} to the folder that holds traces/",
}


def shared_folder() -> Path:
    """The folder of traces: ``$WAVETANK_SHARED``, or ``../shared`` beside the current one."""
    return Path(os.environ.get(SHARED_VARIABLE) or Path.cwd().parent / "shared")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that plug-ins bring: names of scheduling policies and of trace formats."""

    policies: tuple[str, ...]
    trace_formats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a scenario is read in.

    Args:
        vocabulary: Names of plug-ins.
        base_dir: The scenario file's folder, for relative paths.
        shared: The folder that ``${WAVETANK_SHARED}`` stands for.
        manifests: What was read of the files of manifests, by their paths as the scenario writes them.
    """

    vocabulary: Vocabulary
    base_dir: Path
    shared: Path = field(default_factory=shared_folder)
    manifests: Mapping[str, object] = field(default_factory=dict)


def form_of(value: Mapping[str, Any], forms: Mapping[str, type[Spec]]) -> type[Spec]:
    """Tell which form a mapping that may be any of them means, also where the mark is misspelt.

    Args:
        value: The mapping.
        forms: A key that only one form has, and that form; the empty key for the form without a mark.
    """
    for mark, form in forms.items():
        if mark in value:
            return form
    known = [spec.alias or name for form in forms.values() for name, spec in form.model_fields.items()]
    for key in value:
        near = nearest_word(str(key), known) if key not in known else None
        if near is not None and near in forms:
            return forms[near]
    return forms[""]


class TraceFile(Spec):
    """A recorded cluster's minions.

    Attributes:
        path: As written; :attr:`file` is where that is.
        every, first: Every so many rows, from row ``first`` on, counted from 0.
    """

    format: Text = Field(description="the trace's format, as openb")
    path: Text = Field(description="a folder or file, as ${WAVETANK_SHARED}/traces/openb")
    every: Annotated[int, whole("a number of rows", 1, 10**9)] = Field(
        1, description="take every so many rows"
    )
    first: Annotated[int, whole("a row, counted from 0,", 0, 10**9)] = Field(
        0, description="the first row taken"
    )

    _file: Path = PrivateAttr(default_factory=Path)

    @property
    def file(self) -> Path:
        """The folder or file itself; it existed when the scenario was read."""
        return self._file

    @field_validator("format")
    @classmethod
    def _is_known(cls, value: str, info: ValidationInfo) -> str:
        if not isinstance(info.context, Surroundings):
            return value
        try:
            return one_of(value, info.context.vocabulary.trace_formats)
        except FieldError as error:
            raise fail(*error.problems) from None

    @model_validator(mode="after")
    def _is_there(self, info: ValidationInfo) -> TraceFile:
        if isinstance(info.context, Surroundings):
            self._file = _existing(self.path, self.format, info.context)
            pods = getattr(self, "pods", None)
            if pods is not None and not (self._file / pods).is_file():
                raise fail(
                    FieldProblem(f"there is no file '{pods}' in '{self._file}'", ("pods",), code="absent")
                )
        return self


def expand_path(path: str, surroundings: Surroundings, key: str = "path") -> Path:
    """Return where a path of a scenario leads, whether or not something is there.

    Raises:
        PydanticCustomError: A variable that is not known, or a NUL; at ``key``.
    """
    for name in _VARIABLE.findall(path):
        if name != SHARED_VARIABLE:
            near = nearest_word(name, [SHARED_VARIABLE])
            sentence = f"'${{{name}}}' is not known in a path: only ${{{SHARED_VARIABLE}}} is"
            raise fail(FieldProblem(sentence, (key,), near and f"${{{near}}}", code="variable"))
    expanded = path.replace(f"${{{SHARED_VARIABLE}}}", str(surroundings.shared))
    if "\0" in expanded:
        raise fail(FieldProblem("expected a path, but a NUL character stands in it", (key,)))
    return surroundings.base_dir / expanded


def _existing(path: str, trace_format: str, surroundings: Surroundings) -> Path:
    """The file or folder of a trace, which must be there."""
    file = expand_path(path, surroundings)
    try:
        exists = file.exists()
    except OSError:
        exists = False
    if not exists:
        where = _WHERE.get(trace_format)
        sentence = f"there is no trace at '{file}'" + (f": {where}" if where else "")
        raise fail(FieldProblem(sentence, ("path",), code="absent"))
    return file


class PodTrace(TraceFile):
    """Recorded pods.

    Attributes:
        pods: Name of the table in the folder ``path``; None for the format's own.
        from_s: Rows that arrive before this second of the trace are left out; it becomes time 0.
        compress: Arrival times are divided by this; lives stay as they are.
        blocks_s: Length of the blocks that each seed draws with replacement; None: as recorded.
        order: ``times``, or ``file`` for one after the other in the file's order.
        leave: False: no pod ever ends.
    """

    pods: Text | None = Field(None, description="the table of pods in the folder")
    from_s: DurationS = Field(0.0, alias="from", description="a time of the trace, as 10000000s")
    compress: Annotated[float, number("a factor", 1e-6, 1e6)] = Field(
        1.0, description="divides arrival times"
    )
    blocks_s: PositiveDurationS | None = Field(None, alias="blocks", description="a time, as 6h")
    order: Annotated[str, choice("times", "file")] = Field("times", description="times or file")
    leave: Flag = Field(True, description="true, or false where no pod ends")

    @model_validator(mode="after")
    def _is_one_file_or_folder(self) -> PodTrace:
        if self.format == "table" and self.pods is not None:
            raise fail(
                FieldProblem(
                    "'pods' does not go with format table, whose path is the file", ("pods",), None, True
                )
            )
        if self.order == "file" and self.blocks_s is not None:
            raise fail(FieldProblem("'blocks' does not go with order: file", ("blocks",), None, True))
        return self
