"""What containers that are followed one by one are to their minion's kernel, and what it does to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from models.api.usage import Forks
from models.control.containers.container import Hunger
from models.control.cpuuse import CpuUse
from models.control.diskuse import DiskUse
from models.control.fileuse import FileUse, Layers
from models.control.memoryuse import MemoryUse
from models.control.podreports import Life
from models.control.processuse import OnProcesses, ProcessUse
from models.machines.askers import Asker
from models.machines.disks import Disks
from models.machines.filepages import FilePages
from models.machines.fleet import Fleet
from models.machines.forkbombs import ForkBombs
from models.machines.memories import Memories
from models.machines.processes import Processes
from models.machines.usages import Usages
from sim.engine import Engine
from sim.identities import Identities
from sim.journal import Journal
from sim.streams import Streams

__all__ = ["Burdens", "Machines", "OnBurden"]


@dataclass(frozen=True, slots=True)
class Machines:
    """What containers run on.

    Attributes:
        usages: The CPUs.
        memories: The memory, less its file pages.
        files: These.
        disks: Their block devices.
        processes, bombs: The processes, and those that multiply.
    """

    usages: Usages
    memories: Memories
    files: FilePages
    processes: Processes
    bombs: ForkBombs
    disks: Disks


class OnBurden(OnProcesses, Protocol):
    """Who is told what the kernel does to containers."""

    def worked(self, life: Life, index: int) -> None:
        """A container's work is done."""
        ...

    def felt(self, life: Life, index: int, hunger: Hunger | None) -> None:
        """A container with probes is short of CPU so, or no longer."""
        ...

    def hurt(self, life: Life, index: int) -> None:
        """The kernel has killed a child of a container, which goes on."""
        ...


class Burdens:
    """The containers of all minions.

    Args:
        machines: What they run on.
        group, name: What a container's draws are counted in, and its identity: (life, index) -> either.
        layers: Name and size of each layer of an image, by its name.
        told: Who is told.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        identities: Identities,
        streams: Streams,
        fleet: Fleet,
        machines: Machines,
        constants: Mapping[str, float],
        group: Callable[[Life, int], str],
        name: Callable[[Life, int], int],
        layers: Callable[[str], Layers],
        told: OnBurden,
    ) -> None:
        self._group = group
        self._name = name
        self._cpu = CpuUse(
            engine=engine,
            journal=journal,
            identities=identities,
            fleet=fleet,
            usages=machines.usages,
            constants=constants,
            done=told.worked,
            hungers=self._hungers,
        )
        self._disk = DiskUse(
            engine=engine,
            journal=journal,
            identities=identities,
            fleet=fleet,
            disks=machines.disks,
            hungers=self._hungers,
        )
        self._told = told
        self._memory = MemoryUse(
            engine=engine,
            journal=journal,
            identities=identities,
            streams=streams,
            fleet=fleet,
            memories=machines.memories,
            killed=told.killed,
            hurt=told.hurt,
        )
        self._processes = ProcessUse(
            engine=engine,
            journal=journal,
            identities=identities,
            streams=streams,
            fleet=fleet,
            processes=machines.processes,
            bombs=machines.bombs,
            use_of=self._cpu.use_of,
            told=told,
        )

        self._files = FileUse(
            engine=engine, journal=journal, fleet=fleet, files=machines.files, layers=layers
        )

    def started(self, life: Life, index: int, cause: int) -> None:
        """Let a container that runs now use what it says, if it says; ``cause`` is seq of its start."""
        if life.run.plan.containers[index].uses is not None:
            pod, start = life.pod, life.run.containers[index].begun
            asker = Asker(
                pod.minion,
                pod.arrival,
                pod.identity,
                pod.owner,
                self._group(life, index),
                pod.ask.index,
                start,
                cause,
            )
            container = self._name(life, index)
            self._cpu.started(life, index, asker, container)
            self._memory.started(life, index, asker, container)
            self._disk.started(life, index, asker, container)
            self._files.started(life, index, asker, container)
            self._processes.started(life, index, asker, container)

    def ended(self, life: Life, index: int, cause: int | None = None) -> None:
        """Let a container use nothing any more; ``cause`` is seq of its end."""
        self._processes.ended(life, index)
        self._memory.ended(life, index, cause)
        self._files.ended(life, index, cause)
        self._cpu.ended(life, index, cause)
        self._disk.ended(life, index, cause)

    def bomb(self, life: Life, index: int, forks: Forks, cause: int) -> bool:
        """Let a fork bomb off in a container; returns whether it says what processes and what CPU it has."""
        uses = life.run.plan.containers[index].uses
        return uses is not None and uses.takes_cpu and self._processes.bomb(life, index, forks, cause)

    def stopped(self, life: Life) -> None:
        """Let no container of a pod use anything any more."""
        for index in range(len(life.run.containers)):
            self.ended(life, index)

    def close(self) -> None:
        """Write down what is known only at the end of the run."""
        self._cpu.close()
        self._disk.close()
        self._memory.close()
        self._files.close()

    def blame(self, life: Life, index: int) -> int | None:
        """Record what a container lacks that fails its probe; nothing if it lacks nothing. Returns the record's seq."""
        cpu, disk = self._cpu.hunger(life, index), self._disk.hunger(life, index)
        return (self._cpu if _worse(cpu, disk) is cpu else self._disk).blame(life, index)

    def _hungers(self, life: Life, index: int) -> None:
        """Let a container's probes wait in the one of its two queues that grows faster."""
        self._told.felt(life, index, _worse(self._cpu.hunger(life, index), self._disk.hunger(life, index)))


def _worse(cpu: Hunger | None, disk: Hunger | None) -> Hunger | None:
    """Return of two ways to be short the one by which a queue grows faster; threads without one answer as they do."""
    if cpu is None or disk is None:
        return cpu or disk
    return cpu if cpu.takes_s or cpu.wanted * disk.rate >= disk.wanted * cpu.rate else disk
