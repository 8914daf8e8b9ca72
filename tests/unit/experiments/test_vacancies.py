"""Who replaces whom: the places that a controller counts as open, in order."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from experiments.vacancies import replaced_by

WEB, SIDE = "controller/default/web", "controller/default/side"
Row = tuple[str, str, str | None, float | None]


def events(*rows: Row) -> pl.DataFrame:
    """Rows of (kind, object, owner, value), in order."""
    schema = {"kind": pl.String, "object": pl.String, "owner": pl.String, "value": pl.Float64}
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_row_index("seq")


def controller(count: float, name: str = WEB) -> Row:
    return ("controller_created", name, None, count)


def scaled(count: float, name: str = WEB) -> Row:
    return ("controller_scaled", name, None, count)


def created(*pods: str, by: str = WEB) -> list[Row]:
    return [("pod_created", pod, by, None) for pod in pods]


def gone(pod: str, kind: str = "pod_terminating", by: str | None = WEB) -> Row:
    return (kind, pod, by, None)


def found(*rows: Any, from_seq: int = 0) -> dict[str, str]:
    return replaced_by(events(*rows), from_seq)


def test_losses_are_made_good_in_order() -> None:
    start = [controller(3), *created("a", "b", "c")]
    assert found(*start, gone("b"), gone("a"), *created("d", "e")) == {"b": "d", "a": "e"}
    # That a pod that was told to end has ended is not another loss.
    assert found(*start, gone("b"), gone("b", "pod_removed"), *created("d", "e")) == {"b": "d"}


def test_what_is_created_for_a_pod_that_was_released_replaces_no_other() -> None:
    start = [controller(2), *created("a", "b")]
    released = ("pod_owned", "a", None, None)
    assert found(*start, released, gone("b"), *created("c", "d")) == {"a": "c", "b": "d"}
    # The end of one that is nobody's opens no place.
    assert found(*start, released, gone("a", by=None), gone("b"), *created("c", "d")) == {"a": "c", "b": "d"}


def test_one_that_is_adopted_fills_a_place() -> None:
    start = [controller(2), *created("a", "b"), *created("x", by=SIDE)]
    assert found(*start, gone("a"), ("pod_owned", "x", WEB, None), gone("b"), *created("c")) == {"b": "c"}


def test_what_was_asked_for_before_comes_first() -> None:
    start = [controller(2), *created("a", "b")]
    assert found(*start, scaled(4), gone("a"), *created("c", "d", "e")) == {"a": "e"}
    assert found(*start, gone("a"), scaled(4), *created("c", "d", "e")) == {"a": "c"}


def test_what_is_no_longer_desired_is_not_made_good() -> None:
    start = [controller(3), *created("a", "b", "c")]
    assert found(*start, gone("a"), scaled(2), gone("b"), *created("d")) == {"b": "d"}
    assert found(*start, scaled(1), gone("a"), gone("b"), gone("c"), *created("d")) == {"c": "d"}
    assert found(*start, ("controller_removed", WEB, None, None), gone("a"), gone("b"), gone("c")) == {}


def test_more_than_desired_is_a_surplus() -> None:
    start = [controller(1), *created("a", "b")]
    assert found(*start, gone("a"), gone("b"), *created("c")) == {"b": "c"}


def test_a_surplus_is_met_by_a_greater_number_first() -> None:
    start = [controller(1), *created("a", "b")]
    assert found(*start, scaled(2), gone("a"), *created("c")) == {"a": "c"}
    assert found(*start, scaled(3), gone("a"), *created("c", "d")) == {"a": "d"}


def test_controllers_are_counted_singly() -> None:
    start = [controller(1), controller(1, SIDE), *created("a"), *created("x", by=SIDE)]
    assert found(*start, gone("a"), gone("x", by=SIDE), *created("y", by=SIDE), *created("b")) == {
        "a": "b",
        "x": "y",
    }


@pytest.mark.parametrize("from_seq", range(12))
def test_to_begin_later_changes_nothing_of_what_comes_after(from_seq: int) -> None:
    rows = [
        controller(3),
        *created("a", "b"),
        scaled(4),
        gone("a"),
        *created("c", "d", "e"),
        ("pod_owned", "b", None, None),
        gone("c"),
        *created("f", "g"),
    ]
    whole = found(*rows)
    assert whole == {"a": "e", "b": "f", "c": "g"}
    losses = {"a": 4, "b": 8, "c": 9}
    assert {
        lost: new for lost, new in found(*rows, from_seq=from_seq).items() if losses[lost] >= from_seq
    } == {lost: new for lost, new in whole.items() if losses[lost] >= from_seq}
