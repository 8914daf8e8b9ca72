"""Identities: texts, incarnations, uids, and forgetting what was released."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.identities import NOBODY, Identities


def rows(identities):
    """What was entered since the last call, as rows."""
    return list(zip(*identities.take_columns(), strict=True))


NAMES = st.text("abc-", min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (("minion", "web-3", None, 1), "minion/web-3"),
        (("pod", "batch-17", "default", 1), "pod/default/batch-17"),
        (("pod", "batch-17", "default", 2), "pod/default/batch-17#2"),
        (("minion", "web-3", None, 12), "minion/web-3#12"),
    ],
)
def test_a_text_names_kind_namespace_name_and_incarnation(asked, text):
    identities = Identities()
    assert identities.text(identities.add(*asked)) == text
    ((row_text, kind, namespace, name, _, incarnation),) = rows(identities)
    assert row_text == text
    assert (kind, name, namespace, incarnation) == asked


def test_integers_count_from_zero_and_never_are_nobody():
    identities = Identities()
    assert [identities.add("pod", f"p-{i}", "default") for i in range(5)] == [0, 1, 2, 3, 4]
    assert len(identities) == 5
    assert NOBODY < 0


@given(st.lists(st.tuples(NAMES, NAMES, st.none() | NAMES, st.integers(1, 3)), unique=True, max_size=20))
def test_texts_and_uids_tell_all_apart_and_do_not_depend_on_order(asked):
    forward, backward = Identities(), Identities()
    for entry in asked:
        forward.add(*entry)
    for entry in reversed(asked):
        backward.add(*entry)
    taken = rows(forward)
    assert sorted(taken, key=repr) == sorted(rows(backward), key=repr)
    assert len({row[0] for row in taken}) == len({row[4] for row in taken}) == len(asked)
    for row in taken:
        assert str(uuid.UUID(row[4])) == row[4]


def test_rows_are_taken_once():
    identities = Identities()
    identities.add("pod", "a")
    assert identities.fresh == len(rows(identities)) == 1
    identities.add("pod", "b")
    assert [row[3] for row in rows(identities)] == ["b"]
    assert identities.fresh == len(rows(identities)) == 0


def test_a_uid_is_frozen():
    identities = Identities()
    identities.add("pod", "a", "default", 2)
    assert rows(identities)[0][4] == "5c3663ea-0e74-0f77-426e-b1c8a140b182"


def test_what_was_released_keeps_its_text_until_the_purge_and_no_longer():
    identities = Identities()
    gone, kept = identities.add("pod", "gone"), identities.add("pod", "kept")
    assert len(rows(identities)) == 2
    identities.release(gone)
    assert identities.text(gone) == "pod/gone"
    identities.purge()
    with pytest.raises(KeyError):
        identities.text(gone)
    assert identities.text(kept) == "pod/kept"
    identities.purge()
    assert identities.add("pod", "gone", None, 2) == 2
    assert [row[0] for row in rows(identities)] == ["pod/gone#2"]


def test_what_was_released_is_not_dropped_before_it_was_taken():
    identities = Identities()
    identities.release(identities.add("pod", "brief"))
    identities.purge()
    assert [row[0] for row in rows(identities)] == ["pod/brief"]
    identities.purge()
    with pytest.raises(KeyError):
        identities.text(0)


def test_memory_follows_what_is_alive():
    identities = Identities()
    for i in range(1000):
        identities.release(identities.add("pod", str(i)))
        identities.take_columns()
        identities.purge()
    assert (len(identities), len(identities._entries), len(identities._released)) == (1000, 0, 0)
