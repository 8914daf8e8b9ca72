"""Records, not prints: what happened, in one envelope, straight into per-field buffers.

The envelope is ``seq, time_s, kind, layer, actor, object, minion, container, owner, revision, cause, value,
reason``; a kind's own fields are nullable columns prefixed with the kind. ``seq`` is the row number,
``cause`` the seq of the last record without which this one would not have happened.

The digest is the oracle of determinism: one running blake2b per column over decoded values (identities by
their text), then over the columns in order. It depends neither on the size of chunks nor on the integers
that identities happen to have.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.engine import Engine
from sim.identities import NOBODY, Identities
from sim.journalchunks import ChunkSink
from sim.journalcolumns import DigestedColumns

__all__ = ["CHUNK_ROWS", "IDENTITY_SCHEMA", "Journal", "Kind", "events_schema", "number_kinds"]

CHUNK_ROWS = 65_536
_NAMED = ("actor", "object", "minion", "container", "owner")
_ROW_TYPE = np.dtype(
    [("time_s", "<f8"), ("kind", "<i8")]
    + [(name, "<i8") for name in (*_NAMED, "revision", "cause")]
    + [("value", "<f8"), ("reason", "<i8")]
)
_ROW = struct.Struct("<dqqqqqqqqdq")
_TEXT = pa.dictionary(pa.int32(), pa.string())
IDENTITY_SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("kind", pa.string()),
        ("namespace", pa.string()),
        ("name", pa.string()),
        ("uid", pa.string()),
        ("incarnation", pa.int32()),
    ]
)


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    Attributes:
        index: Its place in the run's table of kinds.
        name: In the past tense: ``pod_bound``.
        layer: ``truth``, ``record`` or ``belief``.
        fields: The kind's own fields, all float64 with nan for unknown, or int64.
    """

    index: int
    name: str
    layer: str
    fields: tuple[tuple[str, str], ...] = ()


def events_schema(kinds: Sequence[Kind]) -> pa.Schema:
    """Return the Arrow schema of the journal for these kinds."""
    fields = [("seq", pa.int64()), ("time_s", pa.float64()), ("kind", _TEXT), ("layer", _TEXT)]
    fields += [(name, _TEXT) for name in _NAMED]
    fields += [("revision", pa.int64()), ("cause", pa.int64()), ("value", pa.float64()), ("reason", _TEXT)]
    for kind in kinds:
        for name, code in kind.fields:
            fields.append((f"{kind.name}_{name}", pa.int64() if code == "q" else pa.float64()))
    return pa.schema(fields)


class Journal:
    """Collects records of one run and spills them every 65,536 rows.

    Args:
        engine: Gives the time and the default cause.
        identities: The identity table.
        kinds: Every kind that may be written; ``kinds[i].index == i``.
        events: Where chunks of records go.
        names: Where chunks of the identity table go.
    """

    def __init__(
        self,
        engine: Engine,
        identities: Identities,
        kinds: Sequence[Kind],
        events: ChunkSink,
        names: ChunkSink,
    ) -> None:
        assert all(kind.index == i for i, kind in enumerate(kinds)), "kinds are numbered by their place"
        self.identities = identities
        self.kinds = tuple(kinds)
        self.schema = events_schema(kinds)
        self.count = 0
        self._engine = engine
        self._events = events
        self._names = names
        self._rows = bytearray(CHUNK_ROWS * _ROW.size)
        self._filled = 0
        self._reasons: dict[str, int] = {}
        self._own = {kind.index: _OwnRows(kind) for kind in kinds if kind.fields}
        self._base = 0
        self._columns = DigestedColumns(self.schema.names[1:])
        self.write = self._make_write()

    def _make_write(self) -> Callable[..., int]:
        # HOT: a closure, arguments by place, and one pack_into for all fields.
        env, engine, rows, reasons = self._engine.env, self._engine, self._rows, self._reasons
        own = {index: rows_of_kind.add for index, rows_of_kind in self._own.items()}
        pack_into, size, limit = _ROW.pack_into, _ROW.size, len(self._rows)

        def write(  # noqa: PLR0917 - by place, as names cost as much as the packing
            kind: Kind,
            object: int = NOBODY,
            minion: int = NOBODY,
            actor: int = NOBODY,
            owner: int = NOBODY,
            cause: int | None = None,
            reason: str | None = None,
            value: float = math.nan,
            revision: int = -1,
            own_fields: tuple[float, ...] = (),
            container: int = NOBODY,
        ) -> int:
            place = self._filled
            if place == limit:
                self.spill()
                place = 0
            if cause is None:
                cause = engine.cause
            if reason is None:
                text = -1
            else:
                text = reasons.get(reason, -1)
                if text < 0:
                    text = reasons[reason] = len(reasons)
            index = kind.index
            pack_into(
                rows, place,
                env._now, index, actor, object, minion, container, owner, revision, cause, value, text,
            )  # fmt: skip
            if own_fields:
                own[index](place, own_fields)
            self._filled = place + size
            seq = self.count
            self.count = seq + 1
            return seq

        return write

    def spill(self) -> None:
        """Write what is buffered as a chunk; nothing if nothing is."""
        if self._filled:
            self._events.write(self._table(self._filled // _ROW.size))
            self._filled = 0
            self._base = self.count
            self._reasons.clear()
            for own in self._own.values():
                own.filled = 0
        if self.identities.fresh:
            self._names.write(pa.table(self.identities.take_columns(), schema=IDENTITY_SCHEMA))
        self.identities.purge()

    def digest(self) -> str:
        """Spill, and return the digest of every record so far as 32 hexadecimal digits."""
        self.spill()
        return self._columns.digest()

    def _table(self, rows: int) -> pa.Table:
        made = self._columns
        whole = np.frombuffer(self._rows, dtype=_ROW_TYPE, count=rows)
        kinds = whole["kind"].copy()
        columns: dict[str, pa.Array] = {
            "seq": pa.array(np.arange(self._base, self._base + rows)),
            "time_s": made.numbers("time_s", whole["time_s"].copy()),
            "kind": made.texts("kind", kinds, [kind.name for kind in self.kinds].__getitem__),
            "layer": made.texts("layer", kinds, [kind.layer for kind in self.kinds].__getitem__),
        }
        for name in _NAMED:
            columns[name] = made.texts(name, whole[name].copy(), self.identities.text)
        for name in ("revision", "cause", "value"):
            columns[name] = made.numbers(name, whole[name].copy())
        columns["reason"] = made.texts("reason", whole["reason"].copy(), list(self._reasons).__getitem__)
        for kind in self.kinds:
            if kind.fields:
                own = self._own[kind.index].taken()
                where = own["place"] // _ROW.size
                # The digest takes these values without their rows, which is sound only if no row lacks them.
                assert where.size == (kinds == kind.index).sum(), (
                    f"a record '{kind.name}' was written without its own fields"
                )
                for name, _ in kind.fields:
                    column = f"{kind.name}_{name}"
                    columns[column] = made.own(column, rows, where, own[name].copy())
        return pa.table(columns, schema=self.schema)


class _OwnRows:
    """The own fields of one kind, packed: grows to what a chunk needs."""

    __slots__ = ("_pack_into", "_rows", "_size", "_type", "filled")

    def __init__(self, kind: Kind) -> None:
        packed = struct.Struct("<q" + "".join(code for _, code in kind.fields))
        self._pack_into, self._size = packed.pack_into, packed.size
        codes = {"q": "<i8", "d": "<f8"}
        self._type = np.dtype([("place", "<i8"), *((name, codes[code]) for name, code in kind.fields)])
        self._rows = bytearray(64 * packed.size)
        self.filled = 0

    def add(self, place: int, fields: tuple[float, ...]) -> None:
        """Keep the fields of the record at a place.

        Raises:
            struct.error: They are not as many as the kind has, or of another type.
        """
        at, rows = self.filled, self._rows
        if at == len(rows):
            rows.extend(bytes(at))
        self._pack_into(rows, at, place, *fields)
        self.filled = at + self._size

    def taken(self) -> NDArray[Any]:
        """Return what is kept, until the next ``add``."""
        return np.frombuffer(self._rows, dtype=self._type, count=self.filled // self._size)


def number_kinds(kinds: Sequence[tuple[str, str, tuple[tuple[str, str], ...]]]) -> tuple[Kind, ...]:
    """Number kinds by their place: (name, layer, own fields)."""
    return tuple(Kind(index, *kind) for index, kind in enumerate(kinds))
