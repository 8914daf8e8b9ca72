"""The processes of containers that are followed one by one: who is refused one, and what a fork bomb does.

A container that is refused a process at its start ends with 2, as a shell does. The records of a bomb say when it
began, each time that it has doubled, and the limit that it has met; where that is all the numbers of its minion, no
process can be started there until some are given back, and who has to know is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from models.api import records
from models.api.usage import Forks
from models.control.podreports import Life
from models.kernel.processes import EAGAIN_STATUS
from models.machines.askers import Asker
from models.machines.fleet import Fleet
from models.machines.forkbombs import MINIONS_MEMORY, Bomb, ForkBombs, Told
from models.machines.processes import Processes, ProcessTask
from models.machines.usages import Use
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journal import Journal, Kind
from sim.streams import Streams

__all__ = ["OnProcesses", "ProcessUse"]


@dataclass(eq=False, slots=True)
class _Forker:
    """One container while it runs.

    Attributes:
        last: Seq of the last record of its bomb, -1 before.
        generation: Counts its end.
    """

    life: Life
    index: int
    container: int
    task: ProcessTask
    bomb: Bomb | None = None
    last: int = -1
    generation: int = 0


class OnProcesses(Protocol):
    """Who is told what becomes of containers by their processes."""

    def killed(self, life: Life, index: int, seq: int) -> None:
        """The kernel has killed a container, as this record says."""
        ...

    def failed(self, life: Life, index: int, code: int, seq: int) -> None:
        """A container has ended with an exit code, as it was refused something, as this record says."""
        ...

    def exhausted(self, minion: int, seq: int, *, exhausted: bool) -> None:
        """No process can be started on a minion any more, or again, as this record says."""
        ...


class ProcessUse:
    """The containers of all minions that say how many processes they have.

    Args:
        use_of: The CPU of a container: (life, index) -> its use.
        told: Who is told who has ended by it, and where no process can be started any more.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        streams: Streams,
        fleet: Fleet,
        processes: Processes,
        bombs: ForkBombs,
        use_of: Callable[[Life, int], Use],
        told: OnProcesses,
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._journal = journal
        self._identities = identities
        self._delays = streams.stream("usage.forks")
        self._fleet = fleet
        self._processes = processes
        self._bombs = bombs
        self._use_of = use_of
        self._who = told
        self._forkers: dict[tuple[int, int], _Forker] = {}
        self._exhausted: dict[int, int] = {}  # the minions, and seq of the record of that

    def started(self, life: Life, index: int, asker: Asker, container: int) -> None:
        """Let a container of an identity have the processes that it says, if it says."""
        uses = life.run.plan.containers[index].uses
        if uses is None or (uses.processes is None and uses.forks is None):
            return
        minion = asker.minion
        self._bombs.settle(minion)
        task = self._processes.begin(asker, life.run.plan.tasks[index])
        forker = self._forkers[asker.pod, index] = _Forker(life, index, container, task)
        guard = (forker, 0)
        if self._processes.fork(task, uses.processes or 1) is not None:
            seq = self._refuse(forker)
            end = partial(self._who.failed, life, index, EAGAIN_STATUS, seq)
            self._engine.at(self._env._now, TRUTH, end, cause=seq, guard=guard)
        elif uses.forks is not None:
            now_s, at_s = self._env._now, uses.forks.at_s
            if uses.forks.after is not None:
                u = self._delays.at(asker.group, asker.index, asker.start)
                at_s = now_s + float(uses.forks.after.quantile(u))
            begin = partial(self._begin, forker, uses.forks, asker.cause)
            self._engine.at(max(now_s, at_s or 0.0), TRUTH, begin, cause=asker.cause, guard=guard)
        self._look(minion, forker)

    def ended(self, life: Life, index: int) -> None:
        """Let a container's processes be gone."""
        forker = self._forkers.pop((life.pod.arrival, index), None)
        if forker is None:
            return
        forker.generation += 1
        minion = forker.task.asker.minion
        if forker.bomb is not None:
            self._bombs.end(forker.bomb)
        self._processes.end(forker.task)
        self._bombs.freed(minion, much=forker.bomb is not None)
        self._look(minion, forker)

    # What a bomb does.

    def bomb(self, life: Life, index: int, forks: Forks, cause: int) -> bool:
        """Let a container have a bomb that has none yet; returns whether it says how many processes it has."""
        forker = self._forkers.get((life.pod.arrival, index))
        if forker is None or forker.bomb is not None:
            return False
        self._begin(forker, forks, cause)
        return True

    def _begin(self, forker: _Forker, forks: Forks, cause: int) -> None:
        """Let a container's bomb begin."""
        if forker.bomb is not None:
            return
        use = self._use_of(forker.life, forker.index)
        forker.last = use.task.bomb = self._write(forker, records.FORK_BOMB_BEGAN, cause=cause)
        bomb = self._bombs.begin(forker.task, use, forks, partial(self._told, forker))
        forker.bomb, before = bomb, use.task.on_rates

        def shared_anew() -> None:
            self._bombs.shared_anew(bomb)
            if before is not None:
                before()

        use.task.on_rates = shared_anew
        if before is not None:
            before()

    def _told(self, forker: _Forker, what: Told) -> None:
        bomb = forker.bomb
        assert bomb is not None, "it tells of itself"
        if what == "grew":
            self._write(forker, records.FORK_BOMB_GREW, cause=forker.last)
            return
        if what == "limited" or bomb.limit != MINIONS_MEMORY:
            forker.last = self._write(forker, records.FORK_BOMB_LIMITED, cause=forker.last, reason=bomb.limit)
        self._engine.cause = forker.last
        self._look(bomb.minion, forker)
        if what == "killed":
            seq = self._journal.write(
                records.CONTAINER_OUT_OF_MEMORY,
                forker.life.pod.identity,
                minion=self._fleet.identity(bomb.minion),
                owner=forker.life.pod.owner,
                cause=forker.last,
                value=bomb.count * bomb.process_bytes,
                reason=f"its fork bomb met {bomb.limit}",
                own_fields=(int(bomb.limit != MINIONS_MEMORY), 0),
                container=forker.container,
            )
            self._who.killed(forker.life, forker.index, seq)

    def _write(self, forker: _Forker, kind: Kind, *, cause: int, reason: str | None = None) -> int:
        pod = forker.life.pod
        return self._journal.write(
            kind,
            pod.identity,
            minion=self._fleet.identity(pod.minion),
            owner=pod.owner,
            cause=cause,
            value=float(forker.task.count),
            reason=reason,
            container=forker.container,
        )

    # Who is refused a process.

    def _refuse(self, forker: _Forker) -> int:
        """Record that a container was refused a process, by which limit; a bomb on its minion may be why."""
        _, limit, words = self._processes.room(forker.task)
        most = self._worst(forker.task.asker.minion)
        cause = forker.task.asker.cause
        if limit != "pids.max" and most is not None:
            cause, words = most.use.task.bomb, f"{words}: {self._blamed(most)}"
        return self._write(forker, records.FORK_REFUSED, cause=cause, reason=f"EAGAIN: {words}")

    def _worst(self, minion: int) -> Bomb | None:
        """Return the bomb of a minion with most processes, if there is one."""
        return max(self._bombs.on(minion), key=lambda each: each.use.forked, default=None)

    def _blamed(self, bomb: Bomb) -> str:
        return f"fork bomb in {self._identities.text(bomb.processes.asker.name)}"

    def _look(self, minion: int, forker: _Forker) -> None:
        """Tell whether a process can be started on a minion at all, if that is new."""
        table = self._processes.table(minion)
        exhausted = table.left == 0
        if exhausted is (minion in self._exhausted):
            return
        identity = self._fleet.identity(minion)
        if exhausted:
            words = self._processes.room(forker.task)[2]
            most = self._worst(minion)
            why = "containers' processes" if most is None else self._blamed(most)
            cause = forker.last if forker.last >= 0 else forker.task.asker.cause
            seq = self._journal.write(
                records.PROCESSES_EXHAUSTED,
                identity,
                minion=identity,
                cause=cause,
                value=float(table.tasks),
                reason=f"{words}: {why}",
            )
            self._exhausted[minion] = seq
        else:
            seq = self._journal.write(
                records.PROCESSES_FREED,
                identity,
                minion=identity,
                cause=None if self._fleet.up[minion] else self._exhausted[minion],
                value=float(table.tasks),
            )
            del self._exhausted[minion]
        self._who.exhausted(minion, seq, exhausted=exhausted)
