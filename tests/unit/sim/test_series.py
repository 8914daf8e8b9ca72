"""Series: a point on change only, the last of an instant, and chunks that do not change the meaning."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sim.series
from sim.engine import TRUTH, Engine
from sim.journalchunks import ChunkMemory
from sim.series import SERIES_SCHEMA, SeriesBook


def made():
    engine, sink = Engine(), ChunkMemory()
    return engine, sink, SeriesBook(engine, sink)


def points(sink):
    """(series, object) -> list of (time, value), in the order of rows."""
    found = {}
    for table in sink.tables:
        for row in table.to_pylist():
            found.setdefault((row["series"], row["object"]), []).append((row["time_s"], row["value"]))
    return found


def changed(engine, gauges, *changes):
    for time_s, *differences in changes:
        engine.at(time_s, TRUTH, lambda differences=tuple(differences): gauges.add(differences))
    engine.run()


def test_gauges_start_at_zero_and_have_a_point_only_where_they_changed():
    engine, sink, book = made()
    gauges = book.gauges(["pods_pending", "pods_running"])
    changed(engine, gauges, (1.0, 1, 0), (2.0, 0, 0), (3.0, -1, 1), (4.0, 2, 0))
    book.spill()
    assert points(sink) == {
        ("pods_pending", None): [(0.0, 0), (1.0, 1), (3.0, 0), (4.0, 2)],
        ("pods_running", None): [(0.0, 0), (3.0, 1)],
    }
    assert sink.tables[0].schema == SERIES_SCHEMA
    assert gauges.values.tolist() == [2, 1]


def test_of_an_instant_the_last_counts_and_there_and_back_is_no_change():
    engine, sink, book = made()
    gauges = book.gauges(["a", "b"])
    changed(engine, gauges, (1.0, 1, 1), (1.0, 1, -1), (1.0, 1, 0))
    book.spill()
    assert points(sink) == {("a", None): [(0.0, 0), (1.0, 3)], ("b", None): [(0.0, 0)]}


def test_series_of_an_object_carry_its_name_and_do_not_mix():
    engine, sink, book = made()
    whole, one = book.gauges(["used"]), book.gauges(["used", "free"], "minion/web-3")
    engine.at(1.0, TRUTH, lambda: whole.add((5,)))
    engine.at(2.0, TRUTH, lambda: one.add((0, 7)))
    engine.run()
    book.spill()
    assert points(sink) == {
        ("used", None): [(0.0, 0), (1.0, 5)],
        ("used", "minion/web-3"): [(0.0, 0)],
        ("free", "minion/web-3"): [(0.0, 0), (2.0, 7)],
    }


def test_gauges_made_later_start_then():
    engine, sink, book = made()
    engine.at(5.0, TRUTH, lambda: book.gauges(["late"]))
    engine.run()
    book.spill()
    assert points(sink) == {("late", None): [(5.0, 0)]}


def test_nothing_new_is_no_chunk():
    engine, sink, book = made()
    book.spill()
    gauges = book.gauges(["a"])
    book.spill()
    book.spill()
    engine.at(1.0, TRUTH, lambda: (gauges.add((1,)), gauges.add((-1,))))
    engine.run()
    book.spill()
    assert len(sink.tables) == 1
    assert gauges.values.tolist() == [0]


def test_integers_beyond_32_bits_are_kept():
    _, sink, book = made()
    gauges = book.gauges(["bytes"])
    gauges.add((1 << 50,))
    gauges.add((1 << 50,))
    book.spill()
    assert points(sink) == {("bytes", None): [(0.0, float(1 << 51))]}


def meaning(found):
    """The last value at each time, and that only where it differs from the one before."""
    steps = {}
    for name, rows in found.items():
        assert [time_s for time_s, _ in rows] == sorted(time_s for time_s, _ in rows)
        last = dict(rows)
        kept = []
        for time_s, value in last.items():
            if not kept or kept[-1][1] != value:
                kept.append((time_s, value))
        steps[name] = kept
    return steps


CHANGES = st.lists(st.tuples(st.integers(0, 6), st.integers(-2, 2), st.integers(-2, 2)), max_size=25)


@given(CHANGES, st.sets(st.integers(0, 25)))
def test_where_chunks_end_does_not_change_the_meaning(changes, cuts):
    changes = sorted(changes, key=lambda change: change[0])
    found, values = [], []
    for own_cuts in ((), cuts):
        engine, sink, book = made()
        gauges = book.gauges(["a", "b"])

        def change(place, differences, gauges=gauges, book=book, own_cuts=own_cuts):
            if place in own_cuts:
                book.spill()
            gauges.add(differences)

        for place, (time_s, *differences) in enumerate(changes):
            engine.at(float(time_s), TRUTH, lambda place=place, own=differences, do=change: do(place, own))
        engine.run()
        values.append(gauges.values.tolist())
        book.spill()
        assert gauges.values.tolist() == values[-1]
        found.append(points(sink))
    whole = found[0]
    assert meaning(found[1]) == meaning(whole) == whole
    totals = np.array([change[1:] for change in changes]).reshape(-1, 2).sum(axis=0)
    assert values == [totals.tolist()] * 2
    assert [whole[name, None][-1][1] for name in "ab"] == totals.tolist()


def test_a_full_buffer_is_spilled_while_the_run_goes_on(monkeypatch):
    monkeypatch.setattr(sim.series, "_CHUNK_CHANGES", 4096)
    engine, sink, book = made()
    gauges = book.gauges(["a"])
    changed(engine, gauges, *((float(i), 1) for i in range(1, 9001)))
    assert len(sink.tables) == 2
    assert len(gauges) == 9000 - 8192
    book.spill()
    assert points(sink) == {("a", None): [(float(i), i) for i in range(9001)]}


def test_a_change_by_number_moves_several_gauges_and_has_one_number():
    engine, sink, book = made()
    pods, used = book.gauges(["pending", "running"]), book.gauges(["cpu"])
    start = book.change((pods, (-1, 1)), (used, (250,)))
    assert book.change((pods, [-1, 1]), (used, [250])) == start
    create = book.change((pods, (1, 0)))
    assert create != start
    engine.at(1.0, TRUTH, lambda: book.add(create))
    engine.at(2.0, TRUTH, lambda: (book.add(start), pods.add((5, 0))))
    engine.run()
    assert (pods.values.tolist(), used.values.tolist()) == ([5, 1], [250])
    book.spill()
    assert points(sink) == {
        ("pending", None): [(0.0, 0), (1.0, 1), (2.0, 5)],
        ("running", None): [(0.0, 0), (2.0, 1)],
        ("cpu", None): [(0.0, 0), (2.0, 250)],
    }
    assert (pods.values.tolist(), used.values.tolist()) == ([5, 1], [250])


@pytest.mark.parametrize(
    ("parts", "message"), [([(0, (1,))], "one difference"), ([(0, (1, 0)), (0, (0, 1))], "each gauge once")]
)
def test_a_change_that_does_not_suit_its_gauges_is_refused(parts, message):
    _, _, book = made()
    gauges = [book.gauges(["a", "b"])]
    with pytest.raises(ValueError, match=message):
        book.change(*((gauges[which], differences) for which, differences in parts))


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.booleans()), max_size=40),
    st.sets(st.integers(0, 40)),
)
def test_by_number_or_by_differences_is_the_same(changes, cuts):
    kinds = [((1, 0), None), ((-1, 2), None), ((0, 1), (3,)), ((0, 0), (-2,))]
    meanings = []
    for by_number in (False, True):
        engine, sink, book = made()
        first, second = book.gauges(["a", "b"]), book.gauges(["c"])
        book.gauges(["unmoved"])

        def change(place, which, told, book=book, gauges=(first, second), by_number=by_number):
            if place in cuts:
                book.spill()
            parts = [(gauge, own) for gauge, own in zip(gauges, kinds[which], strict=True) if own]
            if by_number and told:
                book.add(book.change(*parts))
            else:
                for gauge, own in parts:
                    gauge.add(own)

        for place, (time_s, which, told) in enumerate(sorted(changes)):
            engine.at(float(time_s), TRUTH, partial(change, place, which, told))
        engine.run()
        values = [first.values.tolist(), second.values.tolist()]
        book.spill()
        assert values == [first.values.tolist(), second.values.tolist()]
        meanings.append((points(sink), values))
    assert meanings[0] == meanings[1]
