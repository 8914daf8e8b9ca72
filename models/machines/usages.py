"""What containers want of their minions' CPUs, drawn as their templates say, and drawn again where they say so."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from models.api import records
from models.api.usage import Usage
from models.machines.askers import Asker
from models.machines.cputasks import CpuTask, TaskKind
from models.machines.guests import Guest
from models.machines.kernels import Kernels
from sim.distributions import Constant
from sim.engine import TRUTH, Engine
from sim.identities import NOBODY
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["Usages", "Use", "write_used"]

_MICROSECONDS: Final = 6
_REDRAWS: Final = 1 << 24
"""Draws of one start of a container at most, so that the draws of the next are others."""


class Use:
    """One container while it runs; a redraw for one that has ended is dropped by its generation.

    Attributes:
        own: Cores and threads that it wants itself.
        forked: Processes of its fork bomb, each of which would keep a core busy: it wants as many as there are at most.
    """

    __slots__ = ("draw", "forked", "generation", "own", "task", "usage")

    def __init__(self, usage: Usage, task: CpuTask, draw: int) -> None:
        self.usage = usage
        self.task = task
        self.draw = draw
        self.own = (task.wanted, task.threads)
        self.forked = 0
        self.generation = 0


class Usages:
    """What all that runs wants.

    Args:
        kernels: Of the minions.
        guests: Minions that are virtual machines, by index: there the same work takes more CPU.
    """

    def __init__(
        self,
        engine: Engine,
        streams: Streams,
        kernels: Kernels,
        guests: Mapping[int, Guest] = MappingProxyType({}),
    ) -> None:
        self._engine = engine
        self._env = engine.env
        self._draws = streams.stream("usage.cpu")
        self._works = streams.stream("usage.work")
        self.kernels = kernels
        self._speeds = {minion: guest.speed for minion, guest in guests.items()}

    def prepare(
        self,
        asker: Asker,
        kind: TaskKind,
        usage: Usage,
        on_done: Callable[[], None],
        on_rates: Callable[[Use], None] | None = None,
    ) -> Use:
        """Return a container with what it wants, which it does not use yet.

        Args:
            asker: Whose it is.
            kind: What the kernel is told of it.
            usage: What it wants.
            on_done: Called when its work is done, if it has an end.
            on_rates: Called when what it gets has changed.
        """
        draw = asker.start * _REDRAWS
        wanted, threads = self._wants(usage, kind, asker, draw)
        work_s = math.inf
        if usage.work is not None:
            work_s = float(usage.work.quantile(self._works.at(asker.group, asker.index, asker.start)))
            work_s /= self._speeds.get(asker.minion, 1.0)
        task = CpuTask(asker, kind, wanted=wanted, threads=threads, work_s=work_s, on_done=on_done)
        use = Use(usage, task, draw)
        if on_rates is not None:
            task.on_rates = lambda: on_rates(use)
        return use

    def begin(self, use: Use) -> None:
        """Let a container use what it wants from now on."""
        redraw_s = use.usage.redraw_s
        if redraw_s is not None:
            self._engine.at_cell(self._env._now + redraw_s, TRUTH, self._redraw, use, use.task.asker.cause)
        self.kernels.begin(use.task)

    def end(self, use: Use) -> None:
        """Let a container use nothing any more."""
        use.generation += 1
        self.kernels.end(use.task)

    def fork(self, use: Use, count: int) -> None:
        """Let a container's fork bomb have so many processes from now on."""
        use.forked = count
        self._want(use)

    def _want(self, use: Use) -> None:
        wanted, threads = use.own
        if use.forked:
            threads = threads + use.forked if wanted else use.forked
            wanted += min(float(use.forked), self.kernels.cores(use.task.asker.minion))
        self.kernels.want(use.task, wanted, threads)

    def _redraw(self, use: Use) -> None:
        """Draw what a container wants from now on. HOT: of all that say so, each time."""
        usage = use.usage
        assert usage.redraw_s is not None, "it has been waited for"
        use.draw += 1
        wanted, threads = self._wants(usage, use.task.kind, use.task.asker, use.draw)
        self._engine.at_cell(self._env._now + usage.redraw_s, TRUTH, self._redraw, use, self._engine.cause)
        use.own = (wanted, threads)
        self._want(use)

    def _wants(self, usage: Usage, kind: TaskKind, asker: Asker, n: int) -> tuple[float, int]:
        """Return the cores that a container wants, as many as it has threads where it does not say, and its threads."""
        if usage.cpu is not None:
            law, unit = usage.cpu, 0.001
        elif usage.of_request is not None:
            law, unit = usage.of_request, kind.request_millicores / 1000
        else:
            threads = usage.threads or 1
            return (float(threads) if usage.is_busy else 0.0), threads
        u = 0.5 if isinstance(law, Constant) else self._draws.at(asker.group, asker.index, n)
        bare = float(law.quantile(u)) * unit
        return bare / self._speeds.get(asker.minion, 1.0), usage.threads or max(1, math.ceil(bare))


def write_used(
    journal: Journal, task: CpuTask, minion: int, *, container: int = NOBODY, cause: int | None = None
) -> None:
    """Record what a container, or a pod taken as one, has used by the last time that its task was settled.

    Times are whole microseconds, as in the kernel's ``cpu.stat`` (linux:Documentation/admin-guide/cgroup-v2.rst).

    Args:
        journal: Where.
        task: Its task.
        minion: Identity of its minion.
        container: Its identity, if it has one.
        cause: Seq of its end; default: what happens now.
    """
    journal.write(
        records.CONTAINER_USED,
        task.asker.name,
        minion=minion,
        owner=task.asker.owner,
        cause=cause,
        value=round(task.used_s, _MICROSECONDS),
        own_fields=(round(task.wanted_s, _MICROSECONDS), round(task.throttled_s, _MICROSECONDS)),
        container=container,
    )
