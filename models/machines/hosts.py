"""Hosts whose virtual machines may want more CPUs together than there are: who waits, and how much is stolen.

A guest wants what its containers can use, at most its virtual CPUs. Where all of a host want no more than it has,
each runs as if alone. Else the host shares its CPUs by max-min, guest against guest with one weight each (libvirt gives
the cgroup of every machine the default weight), and a guest that gets less has so many CPUs less until that changes:
within it the kernel shares what is left as its cgroups say. A host of which that cannot happen is never looked at.

Simplified: virtual CPUs are not gang-scheduled, nor do locks that a waiting one holds slow the others down; what the
host itself uses counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.machines.guests import Guest
from models.machines.kernels import Kernels
from sim.series import Gauges, SeriesBook

__all__ = ["HOST_SERIES", "Hosts", "max_min"]

HOST_SERIES = ("host_cpu_wanted_millicores", "host_cpu_stolen_millicores")
_LEAST = 1e-3
"""Cores of a guest at least: it is slow, not stopped."""


class _Host:
    """One host that may be short of CPUs."""

    __slots__ = ("cores", "gauges", "guests", "short", "shown", "wanted")

    def __init__(self, cores: float, guests: list[int], gauges: Gauges) -> None:
        self.cores = cores
        self.guests = guests
        self.gauges = gauges
        self.wanted = dict.fromkeys(guests, 0.0)
        self.short: dict[int, float] = {}
        self.shown = (0, 0)


class Hosts:
    """The hosts of a run.

    Args:
        kernels: Of its minions; told what CPUs a guest has.
        guests: Which of these are virtual machines.
        cores: Virtual CPUs of each minion.
        series: Where what is wanted and stolen is told.
    """

    def __init__(
        self, kernels: Kernels, guests: Mapping[int, Guest], cores: Sequence[float], series: SeriesBook
    ) -> None:
        self._kernels = kernels
        self._cores = cores
        self._of: dict[int, _Host] = {}
        by_host: dict[str, list[int]] = {}
        for minion, guest in guests.items():
            by_host.setdefault(guest.host, []).append(minion)
        for name, there in by_host.items():
            has = guests[there[0]].host_cores
            if sum(cores[minion] for minion in there) > has:
                host = _Host(has, there, series.gauges(HOST_SERIES, f"host/{name}"))
                self._of.update(dict.fromkeys(there, host))
        if self._of:
            kernels.on_change = self.changed

    def changed(self, minion: int) -> None:
        """Take into account what a minion's containers can use now."""
        host = self._of.get(minion)
        if host is None:
            return
        wanted = self._kernels.wanted(minion, self._cores[minion])
        if wanted == host.wanted[minion]:
            return
        host.wanted[minion] = wanted
        total = sum(host.wanted.values())
        if host.short or total > host.cores:
            self._share(host, total)
        self._tell(host, total)

    def _share(self, host: _Host, total: float) -> None:
        """Share a host's CPUs, and let the guests know whose share has changed."""
        before, short = host.short, dict[int, float]()
        if total > host.cores:
            got = max_min([host.wanted[minion] for minion in host.guests], host.cores)
            short = {
                minion: max(_LEAST, cores)
                for minion, cores in zip(host.guests, got, strict=True)
                if cores < host.wanted[minion]
            }
        host.short = short
        for minion in host.guests:
            if short.get(minion) != before.get(minion):
                self._kernels.set_cores(minion, short.get(minion, self._cores[minion]))

    def _tell(self, host: _Host, total: float) -> None:
        stolen = sum(host.wanted[minion] - cores for minion, cores in host.short.items())
        shown = (round(1000 * total), round(1000 * stolen))
        if shown != host.shown:
            host.gauges.add((shown[0] - host.shown[0], shown[1] - host.shown[1]))
            host.shown = shown


def max_min(wanted: Sequence[float], cores: float) -> list[float]:
    """Share cores among those who want so much: nobody who gets less than that gets less than another."""
    got = [0.0] * len(wanted)
    left, among = cores, len(wanted)
    for place in sorted(range(len(wanted)), key=wanted.__getitem__):
        got[place] = min(wanted[place], left / among)
        left -= got[place]
        among -= 1
    return got
