"""What containers read from their minions' disks and write there, and what they feel when they are short of that.

What is asked of a container and waits for the disk waits as for the CPU (``cpuuse``): a queue of bytes that grows by
what it wants and does not get, in which its probes wait too. Dropped once it gets what it wants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.api import records
from models.control.containers.container import Hunger
from models.control.podreports import Life
from models.machines.askers import Asker
from models.machines.disks import Disks, DiskTask
from models.machines.fleet import Fleet
from sim.engine import Engine
from sim.identities import Identities
from sim.journal import Journal

__all__ = ["DiskUse"]

_EXACT = 1e-3
"""Bytes a second that nobody misses."""
_MB = 1e6


@dataclass(eq=False, slots=True)
class _Mover:
    """One container while it runs."""

    life: Life
    index: int
    container: int
    task: DiskTask
    hunger: Hunger | None = None


class DiskUse:
    """What the containers of all minions move.

    Args:
        disks: Where it is followed.
        hungers: Called with (life, index) when how a container with probes is short has changed.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        fleet: Fleet,
        disks: Disks,
        hungers: Callable[[Life, int], None],
    ) -> None:
        self._env = engine.env
        self._journal = journal
        self._identities = identities
        self._fleet = fleet
        self._disks = disks
        self._hungers = hungers
        self._movers: dict[tuple[int, int], _Mover] = {}

    def started(self, life: Life, index: int, asker: Asker, container: int) -> None:
        """Let a container of an identity move what it wants, if it says what."""
        plan, key = life.run.plan, (asker.pod, index)
        uses = plan.containers[index].uses
        if uses is None or uses.disk is None:
            return

        def felt() -> None:
            self._felt(self._movers[key])

        is_asked = any(plan.containers[index].probes)
        task = DiskTask(asker, plan.tasks[index], uses.disk, felt if is_asked else None)
        self._movers[key] = _Mover(life, index, container, task)
        self._disks.begin(task)

    def ended(self, life: Life, index: int, cause: int | None = None) -> None:
        """Let a container move nothing any more, and write down what it has moved; ``cause`` is seq of its end."""
        mover = self._movers.pop((life.pod.arrival, index), None)
        if mover is not None:
            self._disks.end(mover.task)
            self._write(mover, cause)

    def close(self) -> None:
        """Write down what containers have moved that still run."""
        for mover in self._movers.values():
            mover.task.settle(self._env._now)
            self._write(mover)

    def hunger(self, life: Life, index: int) -> Hunger | None:
        """Return how a container is short of its disk."""
        mover = self._movers.get((life.pod.arrival, index))
        return None if mover is None else mover.hunger

    def blame(self, life: Life, index: int) -> int | None:
        """Record that a container is short of its disk, and by whom; nothing if it is not. Returns the record's seq."""
        mover = self._movers.get((life.pod.arrival, index))
        if mover is None or mover.hunger is None:
            return None
        task = mover.task
        minion = task.asker.minion
        others = [each for each in self._disks.tasks(minion) if each.asker.pod != task.asker.pod]
        most = max(others, key=lambda each: each.rate, default=None)
        pulled = self._disks.pulled_bytes_per_s(minion)
        cause: int | None = task.asker.cause
        if task.rate >= task.most - _EXACT:
            why = "its own limit"
        elif most is None or pulled >= most.rate - _EXACT:
            why = f"pulls write {pulled / _MB:.1f}"
            if pulled and self._disks.pulls_by is not None:
                cause = self._disks.pulls_by(minion)
        else:
            why, cause = (
                f"{self._identities.text(most.asker.name)} moves {most.rate / _MB:.1f}",
                most.asker.cause,
            )
        return self._journal.write(
            records.CONTAINER_WAITED,
            life.pod.identity,
            minion=self._fleet.identity(minion),
            owner=life.pod.owner,
            cause=cause,
            value=task.rate,
            own_fields=(task.wanted,),
            reason=f"{task.rate / _MB:.1f} of {task.wanted / _MB:.1f} MB a second: {why}",
            container=mover.container,
        )

    def _felt(self, mover: _Mover) -> None:
        """Let a container's probes feel what it gets now."""
        task, now_s, before = mover.task, self._env._now, mover.hunger
        hunger = None
        if task.rate < task.wanted - _EXACT:
            backlog = 0.0 if before is None else before.backlog_at(now_s)
            hunger = Hunger(now_s, task.rate, task.wanted, backlog)
        if hunger != before:
            mover.hunger = hunger
            self._hungers(mover.life, mover.index)

    def _write(self, mover: _Mover, cause: int | None = None) -> None:
        asker = mover.task.asker
        self._journal.write(
            records.CONTAINER_MOVED,
            asker.name,
            minion=self._fleet.identity(asker.minion),
            owner=asker.owner,
            cause=cause,
            value=float(round(mover.task.moved_bytes)),
            own_fields=(float(round(mover.task.wanted_bytes)),),
            container=mover.container,
        )
