"""Observers that stand outside all three layers and compare them while a run goes on.

Each is put on a world before it runs and collects sentences about what was broken, with the time; ``checked`` counts
how often it looked, so that a test can tell silence from blindness.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from models.api.types import PodTemplate
from models.control.log import Op
from models.control.replication import ReplicaDigest
from models.control.replicationbelief import STANDING
from models.world import World

__all__ = ["BindObserver", "DigestObserver", "RoomObserver", "unrecorded", "written_in_outages"]


class _Observer:
    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: list[str] = []
        self.checked = 0

    def _say(self, sentence: str) -> None:
        self.broken.append(f"at {self._world.engine.now_s} s {sentence}")


class BindObserver(_Observer):
    """Every placement that a scheduler assumes fits in its belief at that moment, on a minion believed to be open.

    Not for worlds whose scheduler starts again: what it then places was decided by another process.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        belief = world.belief
        place = belief.place

        def looked(template: PodTemplate, index: int, devices: tuple[int, ...], sign: int) -> None:
            if sign < 0:
                self.checked += 1
                if not belief.fits(template)[index]:
                    self._say(f"a pod of template {template.index} is placed on minion {index}: no room")
            place(template, index, devices, sign)
            if not np.all(belief.free[index] >= 0):
                self._say(f"minion {index} is believed to have {belief.free[index]} left")

        belief.place = looked  # type: ignore[method-assign]


class RoomObserver(_Observer):
    """No minion ever runs more than is allocatable, whatever the record says: looked at after every commit."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.store.log.observe(self._look, tuple(Op))

    def _look(self, op: Op, what: object, before: int, after: int) -> None:
        self.checked += 1
        told = self._world.fleet.overcommitted()
        if told is not None:
            self._say(told)


class DigestObserver(_Observer):
    """Whenever the replication manager has read all, its digests are those of the pods: looked at after every event."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        world.engine.watch(self._look, 1)

    def _look(self) -> None:
        plane = self._world.plane
        assert plane is not None, "a world with controllers has a control plane"
        if plane.replication.client.cursor.pending:
            return
        self.checked += 1
        for found in plane.replication.belief.by_owner.values():
            fresh = ReplicaDigest.fresh(STANDING[pod.word] for pod in found.object.pods.values())
            if found.digest != fresh:
                self._say(f"the manager counts {found.digest} for {found.object.name}, its pods give {fresh}")


Row = dict[str, Any]
_ENDS = {
    "pod_succeeded", "pod_failed", "pod_lost", "pod_withdrawn", "pod_given_up", "pod_removed",
}  # fmt: skip


def unrecorded(world: World, rows: list[Row]) -> Iterator[str]:
    """Return the pods that vanished without a record, or ended more than once, from the rows of the journal."""
    ended: dict[str, int] = {}
    created: set[str] = set()
    for row in rows:
        if row["kind"] == "pod_created":
            created.add(row["object"])
        elif row["kind"] in _ENDS:
            ended[row["object"]] = ended.get(row["object"], 0) + 1
    there = {world.identities.text(pod.identity) for pod in world.pods_there()}
    for pod in sorted(created):
        if ended.get(pod, 0) + (pod in there) != 1:
            yield f"{pod} ended {ended.get(pod, 0)} times and is {'' if pod in there else 'not '}there"
    for pod in sorted((there | set(ended)) - created):
        yield f"{pod} was never created"


def written_in_outages(rows: list[Row], outages: set[str]) -> Iterator[str]:
    """Return what was written to the record while one of these faults, all outages of the master, went on."""
    open_faults: dict[str, float] = {}
    for row in rows:
        if row["object"] in outages and row["kind"] in {"fault_began", "fault_ended"}:
            if row["kind"] == "fault_began":
                open_faults[row["object"]] = row["time_s"]
            else:
                open_faults.pop(row["object"], None)
            continue
        meanwhile = any(row["time_s"] > began_s for began_s in open_faults.values())
        if meanwhile and row["layer"] == "record" and row["kind"] not in {"run_started", "run_ended"}:
            yield f"{row['kind']} of {row['object']} at {row['time_s']} s"
