"""Series of the first few by themselves, and of the others together."""

from __future__ import annotations

from models.machines.useseries import FirstNamed
from sim.engine import Engine
from sim.journalchunks import ChunkMemory
from sim.series import SeriesBook


def test_others_have_one_series_whatever_was_written_between() -> None:
    book = SeriesBook(Engine(), ChunkMemory())
    found = FirstNamed(book, ("cores",), str)
    named = [found[number] for number in range(12)]
    others = found[12]
    assert len({id(each) for each in (*named, others)}) == 13
    others.add((1,))
    book.spill()
    assert found[13] is others
    assert found[12] is others
    assert found[3] is named[3]
