"""The journal of the real world, in the form of a simulated run's: the same records, identities and series.

What was measured is played through an engine of the same kind, which gives each record its time; so what reads a run,
``explain`` among others, reads what really happened too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from experiments.replay.inputs import Arrival
from experiments.replay.lives import Event, Lived, Who
from experiments.runfolder import write_json
from models.api import records
from models.machines.useseries import CPU_SERIES
from sim.engine import TRUTH, Engine
from sim.identities import Identities
from sim.journal import IDENTITY_SCHEMA, Journal, events_schema
from sim.journalchunks import ChunkFolder
from sim.series import SERIES_SCHEMA, SeriesBook

__all__ = ["write_measured"]

_STEP_S: Final = 1.0
"""The series of cores holds means over so long: shorter, and the grain of quotas would be all that it shows."""


def write_measured(
    folder: Path,
    measured: Lived,
    *,
    arrivals: Sequence[Arrival],
    minion: str,
    until_s: float,
    manifest: Mapping[str, Any],
) -> None:
    """Write what was measured as a run's folder.

    Args:
        folder: That is made.
        measured: What happened.
        arrivals: Of the pods that were run.
        minion: The name of the minion that the host stands for.
        until_s: How long.
        manifest: Of the simulated run, whose scenario it is.
    """
    folder.mkdir()
    _Writer(folder, measured, arrivals, minion, until_s).write()
    kept = ("name", "scenario", "scenario_hash", "owners", "services", "seed", "constants", "versions")
    write_json(
        folder / "manifest.json",
        {key: manifest[key] for key in kept if key in manifest}
        | {
            "complete": not measured.problem,
            "reason": "until" if not measured.problem else "interrupted",
            "until_s": until_s,
            "notes": ["Measured on a real host, not simulated."],
        },
    )


@dataclass(frozen=True, slots=True)
class _Ran:
    """One run of a container: when, and the CPU seconds that it used."""

    began_s: float
    used_s: float


class _Writer:
    def __init__(
        self, folder: Path, measured: Lived, arrivals: Sequence[Arrival], minion: str, until_s: float
    ) -> None:
        self._folder = folder
        self._measured = measured
        self._until_s = until_s
        self._engine = Engine(seed=0)
        self._identities = Identities()
        self._sinks = {name: ChunkFolder(folder / name) for name in ("events", "identities", "series")}
        self._journal = Journal(
            self._engine, self._identities, records.KINDS, self._sinks["events"], self._sinks["identities"]
        )
        self._book = SeriesBook(self._engine, self._sinks["series"])
        self._world = self._identities.add("world", "wavetank")
        self._minion = self._identities.add("minion", minion)
        self._owners: dict[str, int] = {}
        self._pods: dict[str, tuple[int, int]] = {}
        self._containers: dict[str, int] = {}
        for arrival in arrivals:
            owner = self._owners.get(arrival.owner)
            if owner is None:
                owner = self._owners[arrival.owner] = self._add(arrival.owner)
            self._pods[arrival.pod] = self._add(f"pod/{arrival.pod}"), owner
            self._engine.at(arrival.at_s, TRUTH, partial(self._bound, arrival.pod))

    def _add(self, text: str) -> int:
        """The identity of kind/namespace/name or kind/name."""
        kind, *namespace, own = text.split("/")
        return self._identities.add(kind, own, namespace[0] if namespace else None)

    def write(self) -> None:
        """Play it and write it."""
        self._journal.write(records.RUN_STARTED, self._world)
        for event in self._measured.events:
            self._engine.at(event.time_s, TRUTH, partial(self._happened, event))
        for time_s, owner, change in self._changes():
            self._engine.at(time_s, TRUTH, partial(owner.add, (0, change)))
        self._engine.run(self._until_s)
        for who in self._measured.cpu_s:
            self._used(who, self._last_run(who))
        complete = float(not self._measured.problem)
        reason = self._measured.problem or "until"
        self._journal.write(records.RUN_ENDED, self._world, cause=-1, value=complete, reason=reason)
        self._book.spill()
        self._journal.spill()
        schemas = {
            "events": events_schema(records.KINDS),
            "identities": IDENTITY_SCHEMA,
            "series": SERIES_SCHEMA,
        }
        for name, sink in self._sinks.items():
            sink.merge(self._folder / f"{name}.parquet", schemas[name])

    def _bound(self, pod: str) -> None:
        identity, owner = self._pods[pod]
        self._journal.write(records.POD_BOUND, identity, minion=self._minion, owner=owner)

    def _happened(self, event: Event) -> None:
        identity, owner = self._pods[event.who[0]]
        container = self._container(event.who[1])
        place = {"minion": self._minion, "owner": owner, "container": container}
        if event.what == "started":
            self._journal.write(records.CONTAINER_STARTED, identity, value=float(event.nth), **place)
            return
        ran = self._run_before(event)
        assert event.code is not None, "what has exited has a code"
        reason = "OOMKilled" if event.oom else "Error" if event.code else "Completed"
        exit_fields = (event.code, event.time_s - ran.began_s)
        self._journal.write(
            records.CONTAINER_EXITED, identity, reason=reason, own_fields=exit_fields, **place
        )
        self._used(event.who, ran)

    def _used(self, who: Who, ran: _Ran | None) -> None:
        if ran is not None:
            identity, owner = self._pods[who[0]]
            self._journal.write(
                records.CONTAINER_USED,
                identity,
                minion=self._minion,
                owner=owner,
                container=self._container(who[1]),
                value=ran.used_s,
                own_fields=(math.nan, math.nan),
            )

    def _container(self, name: str) -> int:
        if name not in self._containers:
            self._containers[name] = self._identities.add("container", name)
        return self._containers[name]

    def _run_before(self, event: Event) -> _Ran:
        began_s = next(
            each.time_s
            for each in self._measured.events
            if (each.who, each.what, each.nth) == (event.who, "started", event.nth)
        )
        return _Ran(began_s, self._cpu_at(event.who, event.time_s) - self._cpu_at(event.who, began_s))

    def _last_run(self, who: Who) -> _Ran | None:
        """The run that has not ended by the end."""
        mine = [each for each in self._measured.events if each.who == who]
        if not mine or mine[-1].what == "exited":
            return None
        began_s = mine[-1].time_s
        return _Ran(began_s, self._measured.cpu_s[who] - self._cpu_at(who, began_s))

    def _cpu_at(self, who: Who, time_s: float) -> float:
        points = np.array(self._measured.curves[who])
        return float(np.interp(time_s, points[:, 0], points[:, 1]))

    def _changes(self) -> Iterator[tuple[float, Any, int]]:
        """(time, gauges of an owner, change of its millicores) in the order of time."""
        times = np.arange(0.0, self._until_s + _STEP_S, _STEP_S)
        gauges = {
            owner: self._book.gauges(CPU_SERIES, self._identities.text(identity))
            for owner, identity in self._owners.items()
        }
        used = {owner: np.zeros(len(times)) for owner in self._owners}
        for (pod, _), curve in self._measured.curves.items():
            points = np.array(curve)
            owner = next(name for name, identity in self._owners.items() if identity == self._pods[pod][1])
            used[owner] += np.interp(times, points[:, 0], points[:, 1], left=0.0)
        for owner, sums in used.items():
            shown = np.rint(1000 * np.diff(sums) / _STEP_S).astype(int)
            for time_s, change in zip(times, np.diff(shown, prepend=0), strict=False):
                if change and time_s < self._until_s:
                    yield float(time_s), gauges[owner], int(change)
