"""Columns of a chunk of records, made from packed rows, and the running digest over their decoded values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["DigestedColumns"]

_ABSENT = b"\1"
Ints = NDArray[np.int64]
Numbers = NDArray[np.int64] | NDArray[np.float64]


class DigestedColumns:
    """Makes columns, and hashes each as it goes.

    Args:
        names: The columns that the digest is over, in order.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._hashes = {name: hashlib.blake2b(digest_size=16) for name in names}
        self._nulls: dict[pa.DataType, pa.Array] = {}

    def digest(self) -> str:
        """Return the digest of everything so far as 32 hexadecimal digits."""
        whole = hashlib.blake2b(digest_size=16)
        for name, running in self._hashes.items():
            whole.update(name.encode() + b"\0" + running.digest())
        return whole.hexdigest()

    def numbers(self, name: str, numbers: Numbers) -> pa.Array:
        """Make a column of numbers; nan, or a negative integer, is null."""
        self._hashes[name].update(numbers.tobytes())
        absent = np.isnan(numbers) if numbers.dtype == np.float64 else numbers < 0
        return pa.array(numbers, mask=absent if absent.any() else None)

    def texts(self, name: str, numbers: Ints, text: Callable[[int], str]) -> pa.Array:
        """Make a column of texts from their numbers, which are dense; below 0 is null.

        Args:
            name: The column's.
            numbers: int64 (rows,), at least one.
            text: The text of a number.
        """
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
        texts = [text(number) for number in unique.tolist() if number >= 0]
        coded = [entry.encode() + b"\0" for entry in texts]
        self._hashes[name].update(_spread([_ABSENT, *coded] if low < 0 else coded, codes))
        if low < 0:  # only the first can be absent; under the mask stands a code that readers may follow
            absent = codes == 0
            return pa.DictionaryArray.from_arrays(
                pa.array(np.maximum(codes - 1, 0), mask=absent), pa.array(texts, pa.string())
            )
        return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(texts, pa.string()))

    def own(self, name: str, rows: int, where: Ints, given: Numbers) -> pa.Array:
        """Make a column that only the rows ``where`` have; nan is null."""
        self._hashes[name].update(given.tobytes())
        if not where.size:
            return self._all_null(rows, pa.from_numpy_dtype(given.dtype))
        spread = np.zeros(rows, dtype=given.dtype)
        absent = np.ones(rows, dtype=bool)
        spread[where] = given
        absent[where] = np.isnan(given) if given.dtype == np.float64 else False
        return pa.array(spread, mask=absent)

    def _all_null(self, rows: int, kind: pa.DataType) -> pa.Array:
        """Return nulls of a type: one array for all columns, as most kinds of record are rare."""
        found = self._nulls.get(kind)
        if found is None or len(found) < rows:
            found = self._nulls[kind] = pa.nulls(rows, kind)
        return found[:rows]


def _spread(coded: list[bytes], codes: NDArray[np.int32]) -> memoryview:
    """Return the texts of the codes one after the other, as Arrow gathers them: no object a row."""
    gathered = pa.array(coded, pa.large_binary()).take(pa.array(codes))
    _, offsets, data = gathered.buffers()
    end = int(np.frombuffer(offsets, dtype=np.int64)[codes.size])
    return memoryview(data)[:end]
