"""Numbered Arrow IPC chunks while a run goes on, one Parquet file when it is over.

A chunk is written under another name and renamed, so whatever has its final name is whole: after a kill
everything up to the last spill can be read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

__all__ = ["ChunkFolder", "ChunkMemory", "ChunkSink"]


class ChunkMemory:
    """A sink that keeps its tables: for tests and short runs without a folder."""

    def __init__(self) -> None:
        self.tables: list[pa.Table] = []

    def write(self, table: pa.Table) -> None:
        """Keep one table."""
        self.tables.append(table)

    def whole(self) -> pa.Table:
        """Return all rows as one table with one dictionary a column."""
        return pa.concat_tables(self.tables).unify_dictionaries()


class ChunkFolder:
    """A folder of numbered chunks.

    Args:
        folder: Where the chunks go; made if absent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def write(self, table: pa.Table) -> None:
        """Write one chunk; it is readable as soon as it has its name."""
        path = self.folder / f"{self._count:05d}.arrow"
        unfinished = path.with_suffix(".unfinished")
        with pa.OSFile(str(unfinished), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)
        unfinished.rename(path)
        self._count += 1

    def tables(self) -> Iterator[pa.Table]:
        """Yield the chunks in order."""
        for path in sorted(self.folder.glob("*.arrow")):
            # Mapped: of a column that is all null no value is ever read.
            with pa.memory_map(str(path)) as source:
                yield pa.ipc.open_file(source).read_all()

    def merge(self, target: Path, schema: pa.Schema) -> None:
        """Make one Parquet file of the chunks (write, fsync, rename), then remove them."""
        unfinished = target.with_suffix(".unfinished")
        # Numbers hardly repeat, so a dictionary of them is built in vain; nothing reads the statistics.
        texts = [column.name for column in schema if _is_text(column.type)]
        with pa.parquet.ParquetWriter(
            unfinished, schema, compression="zstd", use_dictionary=texts, write_statistics=False
        ) as writer:
            for table in self.tables():
                writer.write_table(table)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.rename(target)
        shutil.rmtree(self.folder)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind) or pa.types.is_string(kind))


ChunkSink = ChunkFolder | ChunkMemory
