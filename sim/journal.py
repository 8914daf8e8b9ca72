"""Records, not prints: what happened, in one envelope, straight into per-field buffers.

The envelope is ``seq, time_s, kind, layer, actor, object, minion, container, owner, revision, cause, value,
reason``; a kind's own fields are nullable columns prefixed with the kind. ``seq`` is the row number,
``cause`` the seq of the last record without which this one would not have happened.

The digest is the oracle of determinism: one running blake2b per column over decoded values (identities by
their text), then over the columns in order. It depends neither on the size of chunks nor on the integers
that identities happen to have.
"""

from __future__ import annotations

import hashlib
import math
import struct
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sim.engine import Engine
from sim.identities import NOBODY, Identities
from sim.journalchunks import ChunkSink

__all__ = ["CHUNK_ROWS", "IDENTITY_SCHEMA", "Journal", "Kind", "events_schema", "number_kinds"]

CHUNK_ROWS = 65_536
_NAMED = ("actor", "object", "minion", "container", "owner")
_ABSENT = b"\1"
_ROW_TYPE = np.dtype(
    [("time_s", "<f8"), ("kind", "<i8")]
    + [(name, "<i8") for name in (*_NAMED, "revision", "cause")]
    + [("value", "<f8")]
)
_ROW = struct.Struct("<dqqqqqqqqd")
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
        self._env = engine.env
        self._events = events
        self._names = names
        self._rows = bytearray(CHUNK_ROWS * _ROW.size)
        self._filled = 0
        self._reasons: dict[int, str] = {}
        self._own: dict[int, list[array[Any]]] = {
            kind.index: [array("q"), *(array(code) for _, code in kind.fields)]
            for kind in kinds
            if kind.fields
        }
        self._base = 0
        self._hashes = {name: hashlib.blake2b(digest_size=16) for name in self.schema.names[1:]}
        self.write = self._make_write()

    def _make_write(self) -> Callable[..., int]:
        # HOT: a closure, and one pack_into for all fields: a third of what an append for each costs.
        env, engine, rows, own = self._env, self._engine, self._rows, self._own
        pack_into, size, reasons = _ROW.pack_into, _ROW.size, self._reasons

        def write(
            kind: Kind,
            object: int = NOBODY,
            *,
            minion: int = NOBODY,
            actor: int = NOBODY,
            owner: int = NOBODY,
            cause: int | None = None,
            value: float = math.nan,
            reason: str | None = None,
            container: int = NOBODY,
            revision: int = -1,
            own_fields: tuple[float, ...] = (),
        ) -> int:
            if self._filled == CHUNK_ROWS:
                self.spill()
            seq, place = self.count, self._filled
            self.count = seq + 1
            self._filled = place + 1
            if cause is None:
                cause = engine.cause
            index = kind.index
            pack_into(
                rows, place * size,
                env._now, index, actor, object, minion, container, owner, revision, cause, value,
            )  # fmt: skip
            if reason is not None:
                reasons[place] = reason
            if own_fields:
                columns = own[index]
                columns[0].append(place)
                for column, field in zip(columns[1:], own_fields, strict=True):
                    column.append(field)
            return seq

        return write

    def spill(self) -> None:
        """Write what is buffered as a chunk; nothing if nothing is."""
        if self._filled:
            self._events.write(self._table(self._filled))
            self._filled = 0
            self._base = self.count
            self._reasons.clear()
            for columns in self._own.values():
                for column in columns:
                    del column[:]
        names = self.identities.take_rows()
        if names:
            columns_of_names = [list(column) for column in zip(*names, strict=True)]
            self._names.write(pa.table(columns_of_names, schema=IDENTITY_SCHEMA))
        self.identities.purge()

    def digest(self) -> str:
        """Spill, and return the digest of every record so far as 32 hexadecimal digits."""
        self.spill()
        whole = hashlib.blake2b(digest_size=16)
        for name, running in self._hashes.items():
            whole.update(name.encode() + b"\0" + running.digest())
        return whole.hexdigest()

    def _table(self, rows: int) -> pa.Table:
        whole = np.frombuffer(self._rows, dtype=_ROW_TYPE, count=rows)
        kinds = whole["kind"].astype(np.int64)
        columns: dict[str, pa.Array] = {
            "seq": pa.array(np.arange(self._base, self._base + rows)),
            "time_s": self._numbers("time_s", whole["time_s"].copy()),
            "kind": self._texts("kind", kinds, [kind.name for kind in self.kinds].__getitem__),
            "layer": self._texts("layer", kinds, [kind.layer for kind in self.kinds].__getitem__),
        }
        for name in _NAMED:
            columns[name] = self._texts(name, whole[name], self.identities.text)
        for name in ("revision", "cause", "value"):
            columns[name] = self._numbers(name, whole[name].copy())
        columns["reason"] = self._reason_column(rows)
        for kind in self.kinds:
            if kind.fields:
                self._own_columns(kind, rows, int((kinds == kind.index).sum()), columns)
        return pa.table(columns, schema=self.schema)

    def _numbers(self, name: str, numbers: NDArray[Any]) -> pa.Array:
        self._hashes[name].update(numbers.tobytes())
        absent = np.isnan(numbers) if numbers.dtype == np.float64 else numbers < 0
        return pa.array(numbers, mask=absent if absent.any() else None)

    def _texts(self, name: str, numbers: NDArray[np.int64], text: Callable[[int], str]) -> pa.Array:
        low, high = int(numbers.min()), int(numbers.max())
        if high < 0:
            self._hashes[name].update(_ABSENT * numbers.size)
            return pa.DictionaryArray.from_arrays(
                pa.nulls(numbers.size, pa.int32()), pa.array([], pa.string())
            )
        # Numbers are dense, so a table of who is present beats sorting.
        places = numbers - low
        present = np.zeros(high - low + 1, dtype=bool)
        present[places] = True
        unique = np.flatnonzero(present) + low
        codes = (np.cumsum(present, dtype=np.int32) - 1)[places]
        texts = [None if number < 0 else text(number) for number in unique.tolist()]
        coded = [_ABSENT if entry is None else entry.encode() + b"\0" for entry in texts]
        self._hashes[name].update(b"".join(map(coded.__getitem__, codes.tolist())))
        if low < 0:  # only the first can be absent; under the mask stands a code that readers may follow
            absent = codes == 0
            codes = np.maximum(codes - 1, 0)
            return pa.DictionaryArray.from_arrays(
                pa.array(codes, mask=absent), pa.array(texts[1:], pa.string())
            )
        return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(texts, pa.string()))

    def _reason_column(self, rows: int) -> pa.Array:
        reasons: list[str | None] = [None] * rows
        coded = [_ABSENT] * rows
        for place, reason in self._reasons.items():
            reasons[place] = reason
            coded[place] = reason.encode() + b"\0"
        self._hashes["reason"].update(b"".join(coded))
        return pa.array(reasons, pa.string()).dictionary_encode().cast(_TEXT)

    def _own_columns(self, kind: Kind, rows: int, written: int, columns: dict[str, pa.Array]) -> None:
        where = np.frombuffer(self._own[kind.index][0], dtype=np.int64)
        # The digest takes these values without their rows, which is sound only if no row lacks them.
        assert where.size == written, f"a record '{kind.name}' was written without its own fields"
        for (name, code), buffer in zip(kind.fields, self._own[kind.index][1:], strict=True):
            given = np.frombuffer(buffer, dtype=np.int64 if code == "q" else np.float64)
            self._hashes[f"{kind.name}_{name}"].update(given.tobytes())
            spread = np.zeros(rows, dtype=given.dtype)
            absent = np.ones(rows, dtype=bool)
            spread[where] = given
            absent[where] = np.isnan(given) if code == "d" else False
            columns[f"{kind.name}_{name}"] = pa.array(spread, mask=absent)


def number_kinds(kinds: Sequence[tuple[str, str, tuple[tuple[str, str], ...]]]) -> tuple[Kind, ...]:
    """Number kinds by their place: (name, layer, own fields)."""
    return tuple(Kind(index, *kind) for index, kind in enumerate(kinds))
