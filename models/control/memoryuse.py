"""What containers hold of their minions' memory, and what becomes of them where it ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from models.api import records
from models.control.podreports import Life
from models.machines.askers import Asker
from models.machines.fleet import Fleet
from models.machines.memories import Memories
from models.machines.memorytasks import MemoryTask
from sim.engine import Engine
from sim.identities import NOBODY, Identities
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["MemoryUse"]

_INF = math.inf


class MemoryUse:
    """What the containers of all minions hold.

    Args:
        memories: Of the minions.
        killed: Called with (life, index of the container, seq of the record) when the kernel has killed a container.
        hurt: Called with (life, index) when it has killed a child of one, which goes on.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        streams: Streams,
        fleet: Fleet,
        memories: Memories,
        killed: Callable[[Life, int, int], None],
        hurt: Callable[[Life, int], None],
    ) -> None:
        self._env = engine.env
        self._journal = journal
        self._identities = identities
        self._sizes = streams.stream("usage.memory")
        self._fleet = fleet
        self._memories = memories
        self._killed = killed
        self._hurt = hurt
        self._tasks: dict[tuple[int, int], MemoryTask] = {}
        self._containers: dict[tuple[int, int], int] = {}
        self._cause: int | None = None
        memories.on_line = self._write

    def started(self, life: Life, index: int, asker: Asker, container: int) -> None:
        """Let a container of an identity hold what it wants, if it says how much."""
        plan = life.run.plan
        uses = plan.containers[index].uses
        self._containers[asker.pod, index] = container
        if uses is None or uses.memory is None:
            return
        held_bytes = float(uses.memory.quantile(self._sizes.at(asker.group, asker.index, asker.start)))
        task = MemoryTask(
            asker,
            plan.tasks[index],
            held_bytes=held_bytes,
            grows_per_s=uses.leak_bytes_per_s,
            most_bytes=_INF if uses.most_bytes is None else max(held_bytes, uses.most_bytes),
            on_killed=partial(self._out_of_memory, life, index, container),
        )
        self._tasks[asker.pod, index] = task
        self._memories.begin(task)

    def ended(self, life: Life, index: int, cause: int | None = None) -> None:
        """Let a container hold nothing any more; ``cause`` is seq of its end."""
        task = self._tasks.pop((life.pod.arrival, index), None)
        if task is not None:
            self._cause = cause
            self._memories.end(task)
            self._cause = None
        self._containers.pop((life.pod.arrival, index), None)

    def close(self) -> None:
        """Write down what containers have held that still run."""
        self._memories.close()

    def _write(self, task: MemoryTask) -> None:
        """Record what a container has held, or processes of it: a line up to its value now."""
        asker = task.asker
        self._journal.write(
            records.CONTAINER_HELD,
            asker.name,
            minion=self._fleet.identity(asker.minion),
            owner=asker.owner,
            cause=self._cause,
            value=task.at(self._env._now),
            own_fields=(task.since_s, task.held_bytes, task.grows_per_s),
            container=self._containers.get((asker.pod, task.kind.place), NOBODY),
        )

    def _out_of_memory(self, life: Life, index: int, container: int, own: bool) -> None:
        """Record that the kernel has killed a container for want of memory, and by whom."""
        uses = life.run.plan.containers[index].uses
        assert uses is not None, "it says what it holds"
        child = uses.in_child and not self._memories.kills_all(life.pod.minion)
        task, now_s = self._tasks[life.pod.arrival, index], self._env._now
        held, cause = task.at(now_s), task.asker.cause
        if own:
            why = f"it met its limit of {task.kind.memory_limit_bytes / 2**20:.0f} MiB"
        else:
            others = [
                each for each in self._memories.tasks(task.asker.minion) if each.asker.pod != task.asker.pod
            ]
            most = max((task, *others), key=lambda each: each.at(now_s) - each.kind.memory_request_bytes)
            cause = most.asker.cause
            over = (most.at(now_s) - most.kind.memory_request_bytes) / 2**20
            why = "the minion had none left: "
            why += f"{self._identities.text(most.asker.name)} held {over:.0f} MiB more than it asked for"
        seq = self._journal.write(
            records.CONTAINER_OUT_OF_MEMORY,
            life.pod.identity,
            minion=self._fleet.identity(task.asker.minion),
            owner=life.pod.owner,
            cause=cause,
            value=held,
            reason=why,
            own_fields=(int(own), int(child)),
            container=container,
        )
        if child:
            self.ended(life, index, seq)
            self._hurt(life, index)
        else:
            self._killed(life, index, seq)
