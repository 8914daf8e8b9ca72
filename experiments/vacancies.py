"""Which pod a controller created in place of which: its vacancies, in order, as its own counts have them.

A controller makes good what it counts as lost: pods that end, that are told to end, or that cease to be its own (as
relabelled ones do); and it creates what it is asked for on top. Each of these opens a vacancy, unless there are more
pods than desired; whoever is created or adopted next fills the one that is open longest. So a pod that was created
for a greater number desired, or for a pod that was released, is not taken for the replacement of one that was lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

import polars as pl

__all__ = ["VACANCY_KINDS", "replaced_by"]

_LEAVES: Final = ("pod_terminating", "pod_failed", "pod_lost", "pod_succeeded", "pod_removed")
_DESIRES: Final = ("controller_created", "controller_scaled", "controller_removed")
VACANCY_KINDS: Final = ("pod_created", "pod_owned", *_LEAVES, *_DESIRES)
"""The kinds of records that it takes."""


class _Vacancies:
    """The open places of one controller: the pod that left each, or None where one more was asked for.

    Args:
        desired: Pods that it shall have.
        active: Pods that it has.
    """

    def __init__(self, desired: int, active: int) -> None:
        self._desired = desired
        self._open: deque[str | None] = deque([None] * (desired - active))
        self._surplus = max(0, active - desired)

    def desire(self, count: int) -> None:
        """Have another number desired; who is asked for no longer is who was to come last."""
        more, self._desired = count - self._desired, count
        if more >= 0:
            met = min(self._surplus, more)
            self._surplus -= met
            self._open.extend([None] * (more - met))
            return
        for _ in range(min(-more, len(self._open))):
            self._open.pop()
            more += 1
        self._surplus -= more

    def leave(self, pod: str) -> None:
        """Have a pod less."""
        if self._surplus:
            self._surplus -= 1
        else:
            self._open.append(pod)

    def fill(self) -> str | None:
        """Have a pod more; return whose place it takes, if it takes anybody's."""
        if self._open:
            return self._open.popleft()
        self._surplus += 1
        return None


def replaced_by(events: pl.DataFrame, from_seq: int) -> dict[str, str]:
    """Return which pod was created in place of which.

    Args:
        events: ``seq, kind, object, owner, value`` of :data:`VACANCY_KINDS`, in order.
        from_seq: The first loss that matters; those before are counted only.
    """
    moves = _moves(events)
    before, after = moves.filter(pl.col("seq") < from_seq), moves.filter(pl.col("seq") >= from_seq)
    found = {}
    controllers = {owner: _Vacancies(desired, active) for owner, desired, active in _counts(before)}
    for owner, move, pod, value in after.select("owner", "move", "object", "value").iter_rows():
        controller = controllers.setdefault(owner, _Vacancies(0, 0))
        if move == "desire":
            controller.desire(int(value))
        elif move == "leave":
            controller.leave(pod)
        else:
            left = controller.fill()
            if left is not None and move == "create":
                found[left] = pod
    return found


def _moves(events: pl.DataFrame) -> pl.DataFrame:
    """What happens to each controller, in order: create, join, leave or desire."""
    kind, owner = pl.col("kind"), pl.col("owner")
    columns = ["seq", "owner", "object", "value"]
    owned = events.filter(kind.is_in(["pod_created", "pod_owned"])).with_columns(
        before=owner.shift(1).over("object")
    )
    moved = owned.filter(kind == "pod_owned")
    ends = events.filter(kind.is_in(_LEAVES)).unique("object", keep="first", maintain_order=True)
    desires = events.filter(kind.is_in(_DESIRES)).with_columns(
        owner=pl.col("object"), value=pl.when(kind == "controller_removed").then(0.0).otherwise("value")
    )
    parts = [
        (owned.filter(kind == "pod_created"), "create"),
        (moved, "join"),
        (moved.with_columns(owner=pl.col("before")), "leave"),
        (ends, "leave"),
        (desires, "desire"),
    ]
    whole = pl.concat([part.select(columns).with_columns(move=pl.lit(move)) for part, move in parts])
    return whole.filter(owner.str.starts_with("controller/")).sort("seq", maintain_order=True)


def _counts(moves: pl.DataFrame) -> Iterator[tuple[str, int, int]]:
    """By controller, how many pods are desired and how many there are after all these moves."""
    move = pl.col("move")
    yield from (
        moves.group_by("owner", maintain_order=True)
        .agg(
            desired=pl.col("value").filter(move == "desire").last().fill_null(0.0).cast(pl.Int64),
            active=move.is_in(["create", "join"]).sum().cast(pl.Int64)
            - (move == "leave").sum().cast(pl.Int64),
        )
        .iter_rows()
    )
