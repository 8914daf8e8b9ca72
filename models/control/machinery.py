"""What containers run on, made from what minions are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.api.types import MinionAsk
from models.control.burdens import Machines
from models.machines.cpusharing import CpuSharing
from models.machines.disks import Disks
from models.machines.filepages import FilePages
from models.machines.forkbombs import ForkBombs
from models.machines.guests import Guest
from models.machines.hosts import Hosts
from models.machines.kernels import Kernels
from models.machines.memories import Memories
from models.machines.memorytasks import worst
from models.machines.processes import Processes
from models.machines.processseries import ProcessSeries
from models.machines.usages import Usages
from models.machines.useseries import DISK_SERIES, UseSeries
from sim.engine import Engine
from sim.identities import Identities
from sim.series import SeriesBook
from sim.streams import Streams

__all__ = ["make_machines"]


def make_machines(
    *,
    engine: Engine,
    streams: Streams,
    series: SeriesBook,
    identities: Identities,
    minions: Sequence[MinionAsk],
    guests: Mapping[int, Guest],
    constants: Mapping[str, float],
) -> Machines:
    """Return the machines of a run.

    Args:
        engine: Where it runs.
        streams: Its draws.
        series: Where amounts are told.
        identities: Names.
        minions: Of the run.
        guests: Those of them that are virtual machines.
        constants: Of its master; none with instant timing.
    """
    cores = [ask.cpu_millicores / 1000 for ask in minions]
    sharing = CpuSharing(
        cores,
        [ask.cpu_millicores - ask.reserved_cpu_millicores for ask in minions],
        [ask.kernel.cgroup for ask in minions],
    )
    kernels = Kernels(engine, cores, sharing, UseSeries(series, identities))
    grouped = bool(constants.get("memory_oom_group_count"))
    memories = Memories(
        engine,
        [ask.memory_bytes - ask.reserved_memory_bytes for ask in minions],
        worst,
        [grouped and ask.kernel.cgroup == "v2" for ask in minions],
    )
    Hosts(kernels, guests, cores, series)
    usages = Usages(engine, streams, kernels, guests)
    counted = ProcessSeries(series, identities, [f"minion/{ask.name}" for ask in minions])
    processes = Processes(minions, counted.tell)
    return Machines(
        usages,
        memories,
        FilePages(engine, memories),
        processes,
        ForkBombs(engine, processes, usages, memories),
        Disks(
            engine,
            [ask.disk_bytes_per_s for ask in minions],
            [ask.kernel.cgroup for ask in minions],
            UseSeries(series, identities, DISK_SERIES, 1),
        ),
    )
