"""The journal: the envelope, nulls, own fields, chunks, and a digest that sees every field and nothing else."""

from __future__ import annotations

import math
import struct

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sim.journal
from sim.engine import TRUTH, Engine
from sim.identities import NOBODY, Identities
from sim.journal import CHUNK_ROWS, IDENTITY_SCHEMA, Journal, Kind, events_schema, number_kinds
from sim.journalchunks import ChunkFolder, ChunkMemory

ENVELOPE = [
    "seq", "time_s", "kind", "layer", "actor", "object", "minion", "container", "owner",
    "revision", "cause", "value", "reason",
]  # fmt: skip
PLAIN, MADE, ENDED = KINDS = number_kinds(
    [
        ("pod_bound", "record", ()),
        ("pod_made", "truth", (("cpu_millicores", "q"), ("wait_s", "d"))),
        ("run_ended", "belief", ()),
    ]
)


class Bench:
    """A journal in memory, and identities by name."""

    def __init__(self, *, skipped: int = 0) -> None:
        self.engine = Engine()
        self.identities = Identities()
        for i in range(skipped):
            self.identities.add("unused", str(i))
        self.events, self.names = ChunkMemory(), ChunkMemory()
        self.journal = Journal(self.engine, self.identities, KINDS, self.events, self.names)
        self._known: dict[str, int] = {}

    def who(self, name: str | None) -> int:
        if name is None:
            return NOBODY
        if name not in self._known:
            self._known[name] = self.identities.add("pod", name, "default")
        return self._known[name]

    def rows(self) -> list[dict]:
        self.journal.spill()
        return self.events.whole().to_pylist()


def test_every_column_of_the_envelope_has_its_type_and_place():
    schema = events_schema(KINDS)
    assert schema.names == [*ENVELOPE, "pod_made_cpu_millicores", "pod_made_wait_s"]
    text = pa.dictionary(pa.int32(), pa.string())
    types = dict(zip(schema.names, schema.types, strict=True))
    assert {name for name, its in types.items() if its == text} == {
        "kind", "layer", "actor", "object", "minion", "container", "owner", "reason",
    }  # fmt: skip
    assert {name for name, its in types.items() if its == pa.int64()} == {
        "seq", "revision", "cause", "pod_made_cpu_millicores",
    }  # fmt: skip
    assert {name for name, its in types.items() if its == pa.float64()} == {
        "time_s", "value", "pod_made_wait_s",
    }  # fmt: skip


def test_what_is_written_is_read_back_each_field_in_its_own_column():
    bench = Bench()
    names = ("object", "minion", "actor", "owner", "container")
    who = {name: bench.who(f"the-{name}") for name in names}
    bench.engine.at(
        2.5, TRUTH, lambda: bench.journal.write(MADE, cause=4, value=1.5, reason="why", revision=9,
        own_fields=(7, 0.25), **who),
    )  # fmt: skip
    bench.engine.run()
    (row,) = bench.rows()
    assert row == {
        "seq": 0, "time_s": 2.5, "kind": "pod_made", "layer": "truth", "revision": 9, "cause": 4, "value": 1.5,
        "reason": "why", "pod_made_cpu_millicores": 7, "pod_made_wait_s": 0.25,
        **{name: f"pod/default/the-{name}" for name in names},
    }  # fmt: skip
    assert bench.events.tables[0].schema == bench.journal.schema


def test_what_is_not_said_is_null():
    bench = Bench()
    bench.journal.write(PLAIN)
    bench.journal.write(PLAIN, bench.who("a"))
    bench.journal.write(MADE, own_fields=(0, math.nan))
    first, second, third = bench.rows()
    for name in ENVELOPE[4:]:
        assert first[name] is None
    assert (second["object"], second["actor"]) == ("pod/default/a", None)
    assert (first["pod_made_cpu_millicores"], first["pod_made_wait_s"]) == (None, None)
    assert (third["pod_made_cpu_millicores"], third["pod_made_wait_s"], third["object"]) == (0, None, None)


def test_zero_is_a_value_and_no_null():
    bench = Bench()
    bench.journal.write(PLAIN, cause=0, value=0.0, revision=0, reason="")
    (row,) = bench.rows()
    assert (row["cause"], row["value"], row["revision"], row["reason"]) == (0, 0.0, 0, "")


def test_the_cause_is_the_engines_unless_one_is_given():
    bench = Bench()
    bench.engine.at(
        1.0, TRUTH, lambda: (bench.journal.write(PLAIN), bench.journal.write(PLAIN, cause=3)), cause=7
    )
    bench.engine.run()
    assert [row["cause"] for row in bench.rows()] == [7, 3]


def test_a_record_without_its_kinds_own_fields_is_a_bug():
    bench = Bench()
    bench.journal.write(MADE, own_fields=(1, 2.0))
    bench.journal.write(MADE)
    with pytest.raises(AssertionError, match="'pod_made' was written without its own fields"):
        bench.journal.spill()


@pytest.mark.parametrize(("kind", "own_fields"), [(MADE, (1,)), (MADE, (1, 2.0, 3.0))])
def test_own_fields_are_as_many_as_the_kind_has(kind, own_fields):
    with pytest.raises(struct.error, match="expected"):
        Bench().journal.write(kind, own_fields=own_fields)


def test_kinds_are_numbered_by_their_place():
    with pytest.raises(AssertionError, match="numbered"):
        Journal(Engine(), Identities(), [Kind(1, "x", "truth")], ChunkMemory(), ChunkMemory())


def test_a_full_buffer_is_spilled_and_seq_goes_on():
    bench = Bench()
    assert CHUNK_ROWS == 65_536
    for i in range(CHUNK_ROWS):
        assert bench.journal.write(PLAIN, value=float(i)) == i
    assert bench.events.tables == []
    assert bench.journal.write(PLAIN, value=-1.0, reason="last") == CHUNK_ROWS
    assert [table.num_rows for table in bench.events.tables] == [CHUNK_ROWS]
    bench.journal.spill()
    bench.journal.spill()
    assert [table.num_rows for table in bench.events.tables] == [CHUNK_ROWS, 1]
    whole = bench.events.whole()
    assert whole["seq"].to_pylist() == list(range(CHUNK_ROWS + 1)) == list(range(bench.journal.count))
    assert whole["value"][CHUNK_ROWS].as_py() == -1.0
    assert whole["reason"].to_pylist()[-2:] == [None, "last"]


def test_identities_are_written_with_the_records_that_name_them_and_then_forgotten():
    bench = Bench()
    bench.journal.write(PLAIN, bench.who("a"))
    bench.identities.release(bench.who("a"))
    bench.journal.spill()
    (table,) = bench.names.tables
    assert table.schema == IDENTITY_SCHEMA
    assert table.select(["text", "kind", "namespace", "name", "incarnation"]).to_pylist() == [
        {"text": "pod/default/a", "kind": "pod", "namespace": "default", "name": "a", "incarnation": 1}
    ]
    bench.journal.write(PLAIN, bench.who("a"))
    with pytest.raises(KeyError):
        bench.journal.spill()


def test_codes_under_nulls_can_be_followed():
    bench = Bench()
    for name in (None, "b", None, "a", "b"):
        bench.journal.write(PLAIN, bench.who(name))
    bench.journal.spill()
    column = bench.events.tables[0]["object"].chunk(0)
    column.validate(full=True)
    assert column.to_pylist() == [None, "pod/default/b", None, "pod/default/a", "pod/default/b"]
    assert len(column.dictionary) == 2


# ------------------------------------------------------------------------------------------- the digest

BASE = {
    "time_s": 1.0, "kind": 1, "object": "a", "minion": "b", "actor": "c", "owner": "d", "container": "e",
    "cause": 3, "value": 1.5, "reason": "r", "revision": 2, "own_fields": (7, 0.25),
}  # fmt: skip
FROZEN = "564f8cdbdfc52eb81f4b7e94798caeac"
NAMED = ("object", "minion", "actor", "owner", "container")


def digest_of(rows, *, cuts=(), skipped=0, order=()):
    """The digest of these rows; spilled before the rows in ``cuts``, identities entered in this order first."""
    bench = Bench(skipped=skipped)
    for name in order:
        bench.who(name)

    def write(row):
        said = {name: bench.who(row[name]) for name in NAMED}
        rest = {name: row[name] for name in ("cause", "value", "reason", "revision", "own_fields")}
        bench.journal.write(KINDS[row["kind"]], **said, **rest)

    for place, row in enumerate(rows):
        if place in cuts:
            bench.journal.spill()
        bench.engine.env._now = row["time_s"]
        write(row)
    return bench.journal.digest()


def test_the_digest_is_the_same_in_every_process_and_release():
    # Frozen: a change here makes every recorded digest worthless, so it wants a note in the changelog.
    assert digest_of([BASE, {**BASE, "object": None, "reason": None}]) == FROZEN


@pytest.mark.parametrize(
    "change",
    [
        {"time_s": math.nextafter(1.0, 2.0)},
        {"kind": 0, "own_fields": ()},
        *({name: other} for name in NAMED for other in ("z", None)),
        {"cause": 4},
        {"cause": -1},
        {"value": math.nextafter(1.5, 2.0)},
        {"value": math.nan},
        {"reason": "s"},
        {"reason": None},
        {"reason": ""},
        {"revision": 3},
        {"own_fields": (8, 0.25)},
        {"own_fields": (7, 0.5)},
        {"own_fields": (7, math.nan)},
    ],
    ids=repr,
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_digest_changes_with_any_field_of_any_record(change, place):
    rows = [BASE, BASE, BASE]
    rows[place] = {**BASE, **change}
    assert digest_of(rows) != digest_of([BASE] * 3)


def test_the_digest_changes_with_number_and_order():
    one, other = BASE, {**BASE, "object": "z"}
    digests = [digest_of(rows) for rows in ([], [one], [one, one], [one, other], [other, one])]
    assert len(set(digests)) == 5


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "time_s": st.floats(0, 1e9),
            "kind": st.sampled_from([0, 1, 2]),
            **{name: st.none() | st.sampled_from("abcd") for name in NAMED},
            "cause": st.none() | st.integers(-1, 50),
            "value": st.floats(),
            "reason": st.none() | st.sampled_from(["", "x", "0 of 3 minions: cpu x 3", "\N{SNOWMAN}"]),
            "revision": st.integers(-1, 5),
        }
    ).map(lambda row: {**row, "own_fields": (3, 0.5) if row["kind"] == 1 else ()}),
    max_size=12,
)


@given(ROWS, st.sets(st.integers(0, 12)), st.integers(0, 9), st.permutations("abcd"))
def test_the_digest_does_not_depend_on_chunks_nor_on_the_integers_of_identities(rows, cuts, skipped, order):
    assert digest_of(rows, cuts=cuts, skipped=skipped, order=order) == digest_of(rows)


def test_the_digest_does_not_depend_on_the_size_of_the_buffer(monkeypatch):
    rows = [{**BASE, "value": float(i), "object": f"o-{i % 4}"} for i in range(50)]
    whole = digest_of(rows)
    monkeypatch.setattr(sim.journal, "CHUNK_ROWS", 7)
    assert digest_of(rows) == whole


def test_chunks_in_a_folder_merge_into_one_file(tmp_path):
    engine, identities = Engine(), Identities()
    events, names = ChunkFolder(tmp_path / "events"), ChunkFolder(tmp_path / "names")
    journal = Journal(engine, identities, KINDS, events, names)
    for i in range(3):
        journal.write(PLAIN, identities.add("pod", str(i)), value=float(i))
        journal.spill()
    assert sorted(path.name for path in events.folder.iterdir()) == [
        "00000.arrow",
        "00001.arrow",
        "00002.arrow",
    ]
    (tmp_path / "events" / "00003.unfinished").write_bytes(b"cut off")
    assert [table["object"].to_pylist() for table in events.tables()] == [[f"pod/{i}"] for i in range(3)]
    events.merge(tmp_path / "events.parquet", journal.schema)
    assert not events.folder.exists()
    merged = pa.parquet.read_table(tmp_path / "events.parquet")
    assert merged["value"].to_pylist() == [0.0, 1.0, 2.0]
    assert merged["object"].to_pylist() == ["pod/0", "pod/1", "pod/2"]
    assert [path.name for path in tmp_path.glob("events*")] == ["events.parquet"]
