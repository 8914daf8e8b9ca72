"""Problems of single fields, and the one way in which a field of the schema is read and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from models.api.selectors import SelectorError
from sim.diagnostics import nearest_word
from sim.units import UnitError

__all__ = [
    "FIELD_ERROR",
    "FieldError",
    "FieldProblem",
    "FieldType",
    "fail",
    "one_of",
    "parse_mapping",
    "quoted",
]

FIELD_ERROR: Final = "wavetank"
_MAX_KEYS: Final = 1000


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One problem inside a field; ``path`` is relative to the field."""

    sentence: str
    path: tuple[str | int, ...] = ()
    hint: str | None = None
    on_key: bool = False
    code: str = "value"


class FieldError(ValueError):
    """Problems of one field, raised by parsers and turned into one pydantic error."""

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__(*problems)
        self.problems = problems


def fail(*problems: FieldProblem) -> PydanticCustomError:
    """The exception that carries these problems through pydantic."""
    return PydanticCustomError(FIELD_ERROR, "see the problems", {"problems": problems})


@dataclass(frozen=True, eq=False)
class FieldType:
    """Annotation of a field: read by ``parse``, written by ``write``, described by a JSON schema."""

    parse: Callable[[Any], Any]
    write: Callable[[Any], Any] | None
    schema: Mapping[str, Any]

    def _validated(self, value: Any) -> Any:
        try:
            return self.parse(value)
        except UnitError as error:
            raise fail(FieldProblem(error.sentence, hint=error.suggestion)) from None
        except SelectorError as error:
            problem = FieldProblem(error.sentence, error.path, error.suggestion, error.on_key)
            raise fail(problem) from None
        except FieldError as error:
            raise fail(*error.problems) from None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if self.write is None:
            return core_schema.no_info_plain_validator_function(self._validated)
        written = core_schema.plain_serializer_function_ser_schema(self.write)
        return core_schema.no_info_plain_validator_function(self._validated, serialization=written)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


def quoted(value: object) -> str:
    """A value as it is shown in a sentence."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def parse_mapping(value: object, expected: str) -> Mapping[str, Any]:
    """Return a mapping of at most 1,000 keys.

    Raises:
        FieldError: Anything else.
    """
    if not isinstance(value, Mapping):
        raise FieldError(FieldProblem(f"expected {expected}, not {quoted(value)}", code="type"))
    if len(value) > _MAX_KEYS:
        raise FieldError(FieldProblem(f"expected at most {_MAX_KEYS} keys, not {len(value)}", code="range"))
    return value


def one_of(value: object, words: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of the words.

    Raises:
        FieldError: With the nearest word.
    """
    if isinstance(value, str) and value in words:
        return value
    listed = ", ".join(words[:-1]) + f" or {words[-1]}" if len(words) > 1 else words[0]
    hint = nearest_word(str(value), words) if isinstance(value, str | int | float) else None
    raise FieldError(FieldProblem(f"expected {listed}, not {quoted(value)}", hint=hint, code="choice"))
