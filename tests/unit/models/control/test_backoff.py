"""How long a container that died waits for its restart."""

from __future__ import annotations

from models.api.constants import constants_for
from models.control.backoff import Backoffs


def test_the_first_restart_is_at_once_and_the_waits_double_up_to_their_most() -> None:
    backoffs = Backoffs(constants_for("1.20", {}))
    now_s, waits = 0.0, []
    for _ in range(9):
        waits.append(backoffs.next_s(7, now_s))
        now_s += waits[-1] + 1
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300, 300]
    assert backoffs.next_s(8, now_s) == 0


def test_a_container_that_ran_for_ten_minutes_begins_anew() -> None:
    backoffs = Backoffs(constants_for("1.20", {}))
    assert [backoffs.next_s(7, 0.0), backoffs.next_s(7, 1.0)] == [0, 10]
    assert backoffs.next_s(7, 11 + 600) == 20
    assert backoffs.next_s(7, 631 + 601) == 0
    backoffs.next_s(7, 1240)
    backoffs.forget(7)
    assert backoffs.next_s(7, 1241) == 0
